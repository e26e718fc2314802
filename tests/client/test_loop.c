/*
 * test_loop.c: pending calls and a program's event loop: the descriptor of a manager tells all that happens,
 * on sockets, rings, and through breaks of the connection. A wake-up that is lost shows as a poll() that runs
 * into its limit.
 */
#include "tests/support/test.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "roost/roost.h"
#include "tests/client/proxy.h"

enum { LIMIT_MS = 60000, ROUNDS = 3000 };

#define OK(call) assert_ok(call, #call)

static void assert_ok(int rc, const char *what)
{
    if (rc != 0)
        fail_msg("%s: %s", what, roost_errmsg());
}

/* ---- one server with both addresses, and one of three ways to it ---- */

static pid_t server;
static char ipc[256], tcp[256], folder[] = "/tmp/roost-loop-XXXXXX";
static struct proxy proxy;
static roost_manager *m;

/* The pid; url becomes the tcp address. */
static pid_t start(const char *second, char *url, int size)
{
    int ready[2];
    char fd[16];
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        snprintf(fd, sizeof(fd), "%d", ready[1]);
        close(ready[0]);
        execl(getenv("ROOSTD"), "roostd", "--listen", "tcp://127.0.0.1:0", "--listen", second, "--ready-fd",
              fd, "--log-level", "error", (char *)NULL);
        _exit(127);
    }
    close(ready[1]);
    FILE *from = fdopen(ready[0], "r");
    assert_non_null(fgets(url, size, from));
    url[strcspn(url, "\n")] = '\0';
    fclose(from);
    return pid;
}

static int start_server(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(ipc, sizeof(ipc), "ipc://%s/s", folder);
    server = start(ipc, tcp, sizeof(tcp));
    proxy_start(&proxy, tcp);
    return 0;
}

static int end_server(void **state)
{
    (void)state;
    proxy_stop(&proxy);
    kill(server, SIGTERM);
    assert_int_equal(waitpid(server, NULL, 0), server);
    return rmdir(folder);
}

static int by_ring(void **state)
{
    (void)state;
    return roost_connect(ipc, NULL, &m);
}

static int by_socket(void **state)
{
    (void)state;
    roost_options o = {.no_ring = true};
    return roost_connect(ipc, &o, &m);
}

static int by_tcp(void **state)
{
    (void)state;
    return roost_connect(proxy.url, NULL, &m);
}

static void a_client_behind_a_proxy_talks_through_its_socket(void **state)
{
    (void)state;
    const char *why;
    assert_int_equal(roost_manager_transport(m, &why), ROOST_BY_SOCKET);
    assert_string_equal(why, "something between client and server passes the bytes on");
}

static int leave(void **state)
{
    (void)state;
    roost_manager_close(m);
    return 0;
}

/* ---- a loop ---- */

static int fd_of_m(void)
{
    int fd = roost_manager_fd(m);
    if (fd < 0)
        fail_msg("%s", roost_errmsg());
    return fd;
}

static bool is_readable(int fd, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, timeout_ms) == 1;
}

static void turn(int fd)
{
    if (!is_readable(fd, LIMIT_MS))
        fail_msg("nothing in %d ms: a wake-up was lost", LIMIT_MS);
    OK(roost_manager_dispatch(m));
}

/* ---- tests ---- */

static void note_done(roost_pending *p, void *count)
{
    assert_true(roost_pending_done(p));
    ++*(int *)count;
}

/* What `turn` finds is all there is: no thread waits meanwhile. */
static void every_answer_makes_the_descriptor_readable(void **state)
{
    (void)state;
    int fd = fd_of_m(), called = 0;
    roost_dict *d;
    OK(roost_dict_new(m, &d));
    for (int i = 0; i < ROUNDS; i++) {
        roost_pending *p[3];
        for (int k = 0; k < 3; k++) {
            OK(roost_async(&p[k], -1, roost_dict_set(d, roost_int(k), roost_int(i))));
            OK(roost_pending_add_done_callback(p[k], note_done, &called));
        }
        while (called < 3 * (i + 1))
            turn(fd);
        for (int k = 0; k < 3; k++)
            roost_pending_free(p[k]);
    }
    assert_int_equal(fd_of_m(), fd);
    roost_dict_close(d);
}

static void it_is_quiet_when_there_is_nothing_to_do(void **state)
{
    (void)state;
    int fd = fd_of_m();
    roost_queue *q;
    roost_pending *get;
    OK(roost_queue_new(m, 0, &q));
    OK(roost_async(&get, -1, roost_queue_get(q, NULL, -1)));
    OK(roost_server_ping(m, roost_nil(), NULL)); /* an answer came, and is taken */
    int idle = 0;
    for (int turns = 0; idle < 3;
         turns++) { /* what is under way may still make it readable, but not for ever */
        assert_in_range(turns, 0, 1000);
        idle = is_readable(fd, 10) ? 0 : idle + 1;
        OK(roost_manager_dispatch(m));
    }
    assert_false(roost_pending_done(get));
    OK(roost_queue_put(q, roost_int(5), -1));
    while (!roost_pending_done(get))
        turn(fd);
    roost_value v;
    OK(roost_pending_result(get, &v, 0));
    assert_int_equal(v.as.i, 5);
    roost_pending_free(get);
    roost_queue_close(q);
}

/* The blocking call reads for all; the loop is told. */
static void an_answer_that_another_call_has_read_is_told(void **state)
{
    (void)state;
    int fd = fd_of_m(), called = 0;
    roost_dict *d;
    OK(roost_dict_new(m, &d));
    for (int i = 0; i < ROUNDS / 3; i++) {
        roost_pending *p;
        OK(roost_async(&p, -1, roost_dict_set(d, roost_int(1), roost_int(i))));
        OK(roost_pending_add_done_callback(p, note_done, &called));
        OK(roost_dict_len(d, NULL)); /* answered behind it */
        while (called < i + 1)
            turn(fd);
        roost_pending_free(p);
    }
    roost_dict_close(d);
}

static atomic_bool ends;

static void *make_calls(void *arg)
{
    roost_dict *d = arg;
    int rc = 0;
    while (!atomic_load(&ends) && rc == 0)
        rc = roost_dict_set(d, roost_str("x"), roost_int(1));
    return rc == 0 ? NULL : d;
}

static void no_wake_up_is_lost_among_threads_that_make_calls(void **state)
{
    (void)state;
    int fd = fd_of_m(), called = 0;
    pthread_t threads[2];
    roost_dict *d;
    OK(roost_dict_new(m, &d));
    atomic_store(&ends, false);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_calls, d), 0);
    for (int i = 0; i < ROUNDS / 6; i++) {
        roost_pending *p;
        OK(roost_async(&p, -1, roost_dict_set(d, roost_int(1), roost_int(i))));
        OK(roost_pending_add_done_callback(p, note_done, &called));
        while (called < i + 1)
            turn(fd);
        roost_pending_free(p);
    }
    atomic_store(&ends, true);
    for (int i = 0; i < 2; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    roost_dict_close(d);
}

static void callbacks_run_where_the_loop_runs(roost_pending *p, void *arg)
{
    (void)p;
    pthread_t *where = arg;
    *where = pthread_self();
}

static void callbacks_are_called_by_dispatch(void **state)
{
    (void)state;
    roost_pending *before, *after;
    roost_queue *q;
    pthread_t where[2] = {0};
    OK(roost_queue_new(m, 0, &q));
    OK(roost_async(&before, -1, roost_queue_get(q, NULL, -1)));
    OK(roost_pending_add_done_callback(before, callbacks_run_where_the_loop_runs,
                                       &where[0])); /* with a thread … */
    int fd = fd_of_m();                             /* … that gives way */
    OK(roost_async(&after, -1, roost_queue_get(q, NULL, -1)));
    OK(roost_pending_add_done_callback(after, callbacks_run_where_the_loop_runs, &where[1]));
    OK(roost_queue_put(q, roost_int(1), -1));
    OK(roost_queue_put(q, roost_int(2), -1));
    while (where[0] == 0 || where[1] == 0)
        turn(fd);
    assert_true(pthread_equal(where[0], pthread_self()));
    assert_true(pthread_equal(where[1], pthread_self()));
    roost_pending_free(before);
    roost_pending_free(after);
    roost_queue_close(q);
}

static void closing_calls_what_was_not_called_yet(void **state)
{
    (void)state;
    roost_manager *other;
    roost_queue *q;
    roost_pending *get;
    int called = 0;
    OK(roost_connect(roost_manager_url(m), NULL, &other));
    assert_true(roost_manager_fd(other) >= 0);
    OK(roost_queue_new(other, 0, &q));
    OK(roost_async(&get, -1, roost_queue_get(q, NULL, -1)));
    OK(roost_pending_add_done_callback(get, note_done, &called));
    roost_manager_close(other);
    assert_int_equal(called, 1);
    assert_int_equal(roost_pending_result(get, NULL, 0), ROOST_ECLOSED);
    roost_pending_free(get);
    roost_queue_close(q);
}

static void the_same_descriptor_goes_on_after_a_break(void **state)
{
    (void)state;
    int fd = fd_of_m(), called = 0;
    roost_queue *q;
    roost_pending *get;
    roost_value v;
    OK(roost_queue_open(m, "loop", NULL, &q));
    for (int i = 0; i < 5; i++) {
        OK(roost_async(&get, -1, roost_queue_get(q, NULL, -1)));
        OK(roost_pending_add_done_callback(get, note_done, &called));
        proxy_cut(&proxy);
        OK(roost_queue_put(q, roost_int(i), -1)); /* goes over the new connection */
        while (called < i + 1)
            turn(fd);
        OK(roost_pending_result(get, &v, 0));
        assert_int_equal(v.as.i, i);
        roost_pending_free(get);
    }
    assert_int_equal(fd_of_m(), fd);
    roost_queue_close(q);
}

/* Nobody but the loop is there to notice, and it does not wait for the reconnection. */
static void a_break_that_only_the_loop_sees_is_repaired(void **state)
{
    (void)state;
    int fd = fd_of_m(), called = 0;
    roost_manager *direct;
    roost_queue *q, *other_end;
    roost_pending *get;
    OK(roost_connect(tcp, NULL, &direct));
    OK(roost_queue_open(m, "alone", NULL, &q));
    OK(roost_queue_open(direct, "alone", NULL, &other_end));
    for (int i = 0; i < 5; i++) {
        OK(roost_async(&get, -1, roost_queue_get(q, NULL, -1)));
        OK(roost_pending_add_done_callback(get, note_done, &called));
        proxy_cut(&proxy);
        OK(roost_queue_put(other_end, roost_int(i), -1));
        while (called < i + 1)
            turn(fd);
        roost_pending_free(get);
    }
    roost_queue_close(q);
    roost_queue_close(other_end);
    roost_manager_close(direct);
}

static void the_end_of_the_server_is_told_and_every_call_is_done(void **state)
{
    (void)state;
    roost_manager *own;
    roost_queue *q;
    roost_pending *get;
    int called = 0, rc = 0;
    char socket[280], url[256];
    snprintf(socket, sizeof(socket), "%s2", ipc);
    pid_t pid = start(socket, url, sizeof(url));
    OK(roost_connect(socket, NULL, &own));
    int fd = roost_manager_fd(own);
    assert_true(fd >= 0);
    OK(roost_queue_new(own, 0, &q));
    OK(roost_async(&get, -1, roost_queue_get(q, NULL, -1)));
    OK(roost_pending_add_done_callback(get, note_done, &called));
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    while (rc == 0) {
        assert_true(is_readable(fd, LIMIT_MS));
        rc = roost_manager_dispatch(own);
    }
    assert_int_equal(rc, ROOST_ECONN);
    assert_int_equal(called, 1);
    assert_int_equal(roost_pending_result(get, NULL, 0), ROOST_ECONN);
    roost_pending_free(get);
    roost_queue_close(q);
    roost_manager_close(own);
    assert_int_equal(unlink(socket + strlen("ipc://")), 0); /* a killed server leaves it */
    (void)unlink(strcat(socket + strlen("ipc://"), ".lock"));
}

static void a_child_has_a_descriptor_of_its_own(void **state)
{
    (void)state;
    int fd = fd_of_m(), status, called = 0;
    roost_dict *d;
    roost_pending *p;
    OK(roost_dict_new(m, &d));
    pid_t child = fork();
    if (child == 0) {
        bool none = roost_manager_dispatch(m) == ROOST_EINVAL;
        int own = roost_manager_fd(m);
        bool good = none && own >= 0 && roost_async(&p, -1, roost_dict_len(d, NULL)) == 0;
        while (good && !roost_pending_done(p))
            good = is_readable(own, LIMIT_MS) && roost_manager_dispatch(m) == 0;
        _exit(good ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    OK(roost_async(&p, -1, roost_dict_len(d, NULL)));
    OK(roost_pending_add_done_callback(p, note_done, &called));
    while (called == 0)
        turn(fd);
    roost_pending_free(p);
    roost_dict_close(d);
}

static void wrong_use_is_refused(void **state)
{
    (void)state;
    assert_int_equal(roost_manager_fd(NULL), ROOST_EINVAL);
    assert_int_equal(roost_manager_dispatch(NULL), ROOST_EINVAL);
    assert_int_equal(roost_manager_dispatch(m), ROOST_EINVAL);
    assert_string_equal(roost_errmsg(),
                        "roost_manager_dispatch: roost_manager_fd() was not called in this process");
}

#define ON(way, test)                                                                             \
    {                                                                                             \
        .name = #test " (" #way ")", .test_func = test, .setup_func = way, .teardown_func = leave \
    }
#define ON_ALL(test) ON(by_ring, test), ON(by_socket, test), ON(by_tcp, test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_ALL(every_answer_makes_the_descriptor_readable),
        ON_ALL(it_is_quiet_when_there_is_nothing_to_do),
        ON_ALL(an_answer_that_another_call_has_read_is_told),
        ON_ALL(no_wake_up_is_lost_among_threads_that_make_calls),
        ON_ALL(callbacks_are_called_by_dispatch),
        ON_ALL(closing_calls_what_was_not_called_yet),
        ON_ALL(a_child_has_a_descriptor_of_its_own),
        ON(by_tcp, a_client_behind_a_proxy_talks_through_its_socket),
        ON(by_tcp, the_same_descriptor_goes_on_after_a_break),
        ON(by_tcp, a_break_that_only_the_loop_sees_is_repaired),
        ON(by_ring, the_end_of_the_server_is_told_and_every_call_is_done),
        ON(by_ring, wrong_use_is_refused),
    };
    return cmocka_run_group_tests(tests, start_server, end_server);
}
