/*
 * test_kill_points.c: a real server, killed at its first, second, third … system call of a start, of a
 * recovery, and of a snapshot with all that goes on beside it: whatever was answered is there afterwards, and
 * the server starts. ROOST_POINTS=n looks at every n-th call only.
 *
 * ptrace() stops the server, its threads and the children it forks at each call; where that is not permitted
 * the tests are skipped.
 */
#include "tests/support/test.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/durable/daemon.h"

static struct daemon d;
static const char *const often[] = {"--snapshot-bytes", "3000", NULL};

/* ---- the tracer: the main thread alone, as ptrace() wants it ---- */

enum {
    OPTIONS = PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACESYSGOOD |
              PTRACE_O_EXITKILL
};

static struct {
    bool from_fork;     /* counts from the first fork() on, else from the first call */
    unsigned long left; /* calls until the kill */
    bool counting;
    unsigned long calls;
    pid_t children[8]; /* snapshots: processes of their own */
    unsigned child_count;
} tracer;

static bool begin_traced(const char *const *more)
{
    int status;
    d.traced = true;
    daemon_launch(&d, more);
    d.traced = false;
    if (waitpid(d.pid, &status, 0) != d.pid || !WIFSTOPPED(status)) {
        d.pid = 0;
        close(d.ready);
        return false;
    }
    tracer.counting = false;
    tracer.calls = tracer.child_count = 0;
    return ptrace(PTRACE_SETOPTIONS, d.pid, NULL, OPTIONS) == 0 &&
           ptrace(PTRACE_SYSCALL, d.pid, NULL, NULL) == 0;
}

static void kill_all(void)
{
    kill(d.pid, SIGKILL);
    for (unsigned i = 0; i < tracer.child_count; i++)
        kill(tracer.children[i], SIGKILL);
    while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR)
        ;
    d.pid = 0;
}

/* Does a call begin that is counted? */
static bool counts(pid_t who)
{
    struct __ptrace_syscall_info info;
    ptrace(PTRACE_GET_SYSCALL_INFO, who, sizeof(info), &info);
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY)
        return false;
    if (!tracer.from_fork && info.entry.nr == SYS_flock) /* the first that concerns the folder: its lock */
        tracer.counting = true;
    return tracer.counting;
}

/* A stop of one of its threads or children. False: the call to be killed at was reached. */
static bool take_stop(pid_t who, int status)
{
    int event = status >> 16, signal_number = WSTOPSIG(status);
    if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK) {
        unsigned long child;
        ptrace(PTRACE_GETEVENTMSG, who, NULL, &child);
        if (tracer.child_count < sizeof(tracer.children) / sizeof(tracer.children[0]))
            tracer.children[tracer.child_count++] = (pid_t)child;
        tracer.counting = true;
    }
    bool is_call = signal_number == (SIGTRAP | 0x80);
    if (is_call && counts(who) && ++tracer.calls >= tracer.left)
        return false;
    bool ours = is_call || event != 0 || signal_number == SIGSTOP || signal_number == SIGTRAP;
    ptrace(PTRACE_SYSCALL, who, NULL, ours ? 0 : signal_number);
    return true;
}

/* Lets it run until the n-th call begins, or until `enough`
 * says so; kills it there. True: it was killed at that call. */
static bool run_to(unsigned long n, bool (*enough)(void))
{
    int status;
    tracer.left = n;
    bool reached = false;
    while (!reached && !enough()) {
        pid_t who = waitpid(-1, &status, __WALL | WNOHANG);
        if (who == 0)
            usleep(100);
        else if (who < 0)
            break;
        else if (WIFSTOPPED(status))
            reached = !take_stop(who, status);
    }
    kill_all();
    return reached;
}

/* ---- a client that notes what it was told ---- */

static struct {
    pthread_t thread;
    atomic_bool ends;
    atomic_long told, tried;
    atomic_bool connected;
} client;

/* Sets x to 1, 2, 3 …; each goes out once: this client does not come back. */
static void *count_up(void *arg)
{
    static const roost_options once = {.grace_ms = -1, .lease_ms = -1, .timeout_ms = 200};
    roost_manager *m = NULL;
    roost_dict *dict = NULL;
    (void)arg;
    while (m == NULL && !atomic_load(&client.ends))
        if (roost_connect(d.url, &once, &m) != 0)
            usleep(500);
    if (m != NULL && roost_dict_open(m, "d", &dict) == 0) {
        atomic_store(&client.connected, true);
        for (long x = atomic_load(&client.told) + 1; !atomic_load(&client.ends); x++) {
            atomic_store(&client.tried, x);
            if (roost_dict_set(dict, roost_str("x"), roost_int(x)) != 0)
                break;
            atomic_store(&client.told, x);
        }
    }
    roost_dict_close(dict);
    roost_manager_close(m);
    return NULL;
}

static void client_begin(void)
{
    atomic_store(&client.ends, false);
    atomic_store(&client.connected, false);
    assert_int_equal(pthread_create(&client.thread, NULL, count_up, NULL), 0);
}

static void client_end(void)
{
    atomic_store(&client.ends, true);
    pthread_join(client.thread, NULL);
}

/* The server starts, and has what was answered and nothing that was not asked for. */
static void check(const char *what, unsigned long n)
{
    if (!daemon_start(&d, often))
        fail_msg("%s, call %lu: %s", what, n, d.said);
    roost_manager *m = daemon_connect(&d);
    int64_t x = int_in(m, "x");
    if (x < atomic_load(&client.told) || x > atomic_load(&client.tried))
        fail_msg("%s, call %lu: x is %ld, told were %ld of %ld", what, n, (long)x, atomic_load(&client.told),
                 atomic_load(&client.tried));
    atomic_store(&client.told, (long)x);
    atomic_store(&client.tried, (long)x);
    roost_manager_close(m);
    daemon_end(&d, SIGKILL);
}

static unsigned long stride(void)
{
    const char *wish = getenv("ROOST_POINTS");
    return wish != NULL && atoi(wish) > 0 ? (unsigned long)atoi(wish) : 1;
}

/* ---- the tests ---- */

static int set_up(void **state)
{
    (void)state;
    daemon_init_in_memory(&d);
    atomic_store(&client.told, 1);
    atomic_store(&client.tried, 1);
    if (!daemon_start(&d, often))
        return -1;
    roost_manager *m = daemon_connect(&d);
    set_int(m, "x", 1);
    roost_manager_close(m);
    daemon_end(&d, SIGKILL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    daemon_free(&d);
    return 0;
}

static void begin_or_skip(void)
{
    if (begin_traced(often))
        return;
    print_message("ptrace() is not permitted here\n");
    skip();
}

static bool is_ready(void)
{
    return atomic_load(&client.connected);
}

/* From the lock of the folder until a client was let in. The torn ends and unfinished files of one kill are
 * what the next start finds. Those calls that make room with zeros are all alike: most are left out. */
static void a_start_killed_anywhere_is_followed_by_one_that_has_all(void **state)
{
    (void)state;
    unsigned long n = 1;
    tracer.from_fork = false;
    for (bool killed = true; killed; n += (n > 30 && n < 140 ? 10 : 1) * stride()) {
        begin_or_skip();
        client_begin();
        killed = run_to(n, is_ready);
        close(d.ready);
        client_end();
        check("start", n);
    }
    assert_true(n > 150);
}

static unsigned long seen_calls;

/* The first child has ended, and what it made was taken: some hundred calls on. */
static bool is_long_after(void)
{
    return tracer.calls > seen_calls;
}

static void a_snapshot_killed_anywhere_loses_nothing(void **state)
{
    (void)state;
    enum { CALLS = 100 };
    tracer.from_fork = true;
    seen_calls = 10 * CALLS;
    for (unsigned long n = 1; n < CALLS; n += stride()) {
        begin_or_skip();
        client_begin();
        assert_true(run_to(n, is_long_after));
        assert_true(tracer.child_count > 0);
        close(d.ready);
        client_end();
        check("snapshot", n);
    }
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_start_killed_anywhere_is_followed_by_one_that_has_all),
        CASE(a_snapshot_killed_anywhere_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
