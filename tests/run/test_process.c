/* test_process.c: child processes and threads: start, end, join, signals, the parent's death. */
#include "tests/run/tasks.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "roost/process.h"
#include "roost/split.h"
#include "roost/thread.h"

static int answer(void *arg)
{
    return *(int *)arg;
}

static int sleep_long(void *arg)
{
    (void)arg;
    for (int i = 0; i < 60; i++)
        sleep(1);
    return 0;
}

static roost_process *start(int (*fn)(void *), void *arg)
{
    roost_process *p;
    ok(roost_process_start(&p, fn, arg, NULL));
    return p;
}

static void exit_code_is_what_the_function_returns(void **state)
{
    (void)state;
    int code = 7, got = -1;
    roost_process *p = start(answer, &code);
    ok(roost_process_join(p, 10000));
    ok(roost_process_exitcode(p, &got));
    assert_int_equal(got, 7);
    assert_false(roost_process_is_alive(p));
    ok(roost_process_terminate(p)); /* nobody is hit */
    ok(roost_process_close(p));
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void killed_process_has_the_negative_signal(void **state)
{
    (void)state;
    int (*const kills[])(roost_process *) = {roost_process_terminate, roost_process_kill,
                                             roost_process_interrupt};
    const int signals[] = {SIGTERM, SIGKILL, SIGINT};
    for (int i = 0; i < 3; i++) {
        int got;
        roost_process *p = start(sleep_long, NULL);
        assert_true(roost_process_is_alive(p));
        assert_int_equal(roost_process_join(p, 1), ROOST_ETIMEDOUT);
        assert_int_equal(roost_process_exitcode(p, &got), ROOST_EBUSY);
        assert_int_equal(roost_process_close(p), ROOST_EBUSY);
        ok(kills[i](p));
        ok(roost_process_join(p, 10000));
        ok(roost_process_exitcode(p, &got));
        assert_int_equal(got, -signals[i]);
        ok(roost_process_close(p));
    }
}

static void sentinel_is_readable_when_the_process_ended(void **state)
{
    (void)state;
    roost_process *p = start(sleep_long, NULL);
    struct pollfd fd = {.fd = roost_process_sentinel(p), .events = POLLIN};
    assert_int_equal(poll(&fd, 1, 0), 0);
    ok(roost_process_kill(p));
    assert_int_equal(poll(&fd, 1, 10000), 1);
    ok(roost_process_join(p, 0));
    ok(roost_process_close(p));
}

static int check_name(void *arg)
{
    return strcmp(roost_process_name(NULL), arg) == 0 && roost_parent_is_alive() &&
           roost_parent_sentinel() >= 0;
}

static void child_knows_its_name_and_parent(void **state)
{
    (void)state;
    roost_process *p;
    int got = 0;
    char name[] = "emma";
    ok(roost_process_start(&p, check_name, name, &(roost_process_options){.name = "emma", .daemon = true}));
    assert_string_equal(roost_process_name(p), "emma");
    assert_true(roost_process_is_daemon(p));
    assert_true(roost_process_pid(p) > 0);
    ok(roost_process_join(p, 10000));
    ok(roost_process_exitcode(p, &got));
    assert_int_equal(got, 1);
    ok(roost_process_close(p));
    assert_string_equal(roost_process_name(NULL), "MainProcess");
    assert_int_equal(roost_parent_sentinel(), -1);
}

static void ended_children_do_not_stay_zombies(void **state)
{
    (void)state;
    int code = 0;
    roost_process *p = start(answer, &code);
    struct pollfd fd = {.fd = roost_process_sentinel(p), .events = POLLIN};
    assert_int_equal(poll(&fd, 1, 10000), 1);
    assert_int_equal(roost_active_children(), 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    ok(roost_process_close(p));
}

static int watch_parent(void *arg)
{
    struct pollfd fd = {.fd = roost_parent_sentinel(), .events = POLLIN};
    if (poll(&fd, 1, 10000) == 1 && !roost_parent_is_alive())
        atomic_store((_Atomic int *)arg, getpid());
    return 0;
}

static int be_parent(void *arg)
{
    start(watch_parent, arg);
    raise(SIGKILL);
    return 0;
}

static void child_notices_that_its_parent_was_killed(void **state)
{
    (void)state;
    _Atomic int *noticed = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    roost_process *p = start(be_parent, noticed);
    ok(roost_process_join(p, 10000));
    ok(roost_process_close(p));
    for (int i = 0; i < 10000 && *noticed == 0; i++)
        usleep(1000);
    assert_int_not_equal(*noticed, 0);
    munmap(noticed, 4096);
}

struct mortal {
    int pipe[2];
};

static void *start_mortal(void *arg)
{
    roost_process *p;
    ok(roost_process_start(&p, sleep_long, NULL, &(roost_process_options){.die_with_parent = true}));
    (void)arg;
    return p;
}

static int parent_of_mortal(void *arg)
{
    struct mortal *m = arg;
    pthread_t thread;
    void *p;
    close(m->pipe[0]);
    pthread_create(&thread, NULL, start_mortal, NULL);
    pthread_join(thread, &p); /* the starting thread ends: the child must not */
    bool lives = roost_process_join(p, 50) == ROOST_ETIMEDOUT;
    if (write(m->pipe[1], lives ? "y" : "n", 1) != 1)
        return 1;
    raise(SIGKILL);
    return 0;
}

static void mortal_child_dies_with_its_parent_not_with_its_thread(void **state)
{
    (void)state;
    struct mortal m;
    char said;
    assert_int_equal(pipe(m.pipe), 0);
    roost_process *p = start(parent_of_mortal, &m);
    close(m.pipe[1]);
    assert_int_equal(read(m.pipe[0], &said, 1), 1);
    assert_int_equal(said, 'y');
    assert_int_equal(read(m.pipe[0], &said, 1), 0); /* the grandchild held the pipe: it is gone */
    close(m.pipe[0]);
    ok(roost_process_join(p, 10000));
    ok(roost_process_close(p));
}

static void child_cannot_use_its_parents_handles(void **state)
{
    (void)state;
    roost_process *p = start(sleep_long, NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(roost_process_kill(p) == ROOST_EINVAL && roost_process_join(p, 0) == ROOST_EINVAL ? 0 : 1);
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    ok(roost_process_kill(p));
    ok(roost_process_join(p, 10000));
    ok(roost_process_close(p));
}

/* ---- threads ---- */

static atomic_int gate;

static int wait_gate(void *arg)
{
    while (gate == 0)
        usleep(1000);
    return strcmp(roost_thread_name(NULL), arg) == 0 ? 5 : 6;
}

static void thread_has_the_verbs_of_a_process(void **state)
{
    (void)state;
    roost_thread *t;
    int got, fd;
    char name[] = "a name longer than fifteen";
    gate = 0;
    ok(roost_thread_start(&t, wait_gate, name, &(roost_thread_options){.name = name, .daemon = true}));
    assert_true(roost_thread_is_alive(t));
    assert_true(roost_thread_is_daemon(t));
    assert_true(roost_thread_id(t) > 0);
    assert_int_equal(roost_thread_join(t, 1), ROOST_ETIMEDOUT);
    assert_int_equal(roost_thread_exitcode(t, &got), ROOST_EBUSY);
    assert_int_equal(roost_thread_close(t), ROOST_EBUSY);
    ok(roost_thread_sentinel(t, &fd));
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 0), 0);
    gate = 1;
    assert_int_equal(poll(&p, 1, 10000), 1);
    ok(roost_thread_join(t, 10000));
    ok(roost_thread_exitcode(t, &got));
    assert_int_equal(got, 5);
    ok(roost_thread_close(t));
    assert_string_equal(roost_thread_name(NULL), "MainThread");
}

static void split_parts_are_nearly_equal_and_complete(void **state)
{
    (void)state;
    size_t next = 0, first, count;
    for (size_t i = 0; i < 4; i++) {
        ok(roost_split(10, 4, i, &first, &count));
        assert_int_equal(first, next);
        assert_int_equal(count, i < 2 ? 3 : 2);
        next += count;
    }
    assert_int_equal(next, 10);
    assert_int_equal(roost_split(1, 0, 0, &first, &count), ROOST_EINVAL);
    assert_int_equal(roost_split(1, 2, 2, &first, &count), ROOST_EINDEX);
    roost_value parts[3];
    ok(roost_split_list(roost_list_of(roost_int(1), roost_int(2)), 3, parts));
    assert_int_equal(parts[0].len + parts[1].len, 2);
    assert_int_equal(parts[2].len, 0);
    assert_int_equal(roost_split_list(roost_int(1), 3, parts), ROOST_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_code_is_what_the_function_returns),
        cmocka_unit_test(killed_process_has_the_negative_signal),
        cmocka_unit_test(sentinel_is_readable_when_the_process_ended),
        cmocka_unit_test(child_knows_its_name_and_parent),
        cmocka_unit_test(ended_children_do_not_stay_zombies),
        cmocka_unit_test(child_notices_that_its_parent_was_killed),
        cmocka_unit_test(mortal_child_dies_with_its_parent_not_with_its_thread),
        cmocka_unit_test(child_cannot_use_its_parents_handles),
        cmocka_unit_test(thread_has_the_verbs_of_a_process),
        cmocka_unit_test(split_parts_are_nearly_equal_and_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
