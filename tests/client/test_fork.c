/*
 * test_fork.c: several processes and threads on one manager, against a real roostd: children that use what
 * they inherited, while other threads of the parent are inside calls; threads that hammer one connection;
 * servers that end with their owners.
 */
#include "tests/support/test.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/manager.h"
#include "roost/roost.h"

static roost_manager *m;

#define OK(call) assert_ok(call, #call)

static void assert_ok(int rc, const char *what)
{
    if (rc != 0)
        fail_msg("%s: %s", what, roost_errmsg());
}

static int start(void **state)
{
    (void)state;
    return roost_manager_start(NULL, &m);
}

static int stop(void **state)
{
    (void)state;
    return roost_manager_shutdown(m);
}

static int64_t info(const char *what)
{
    roost_value v;
    OK(roost_server_info(m, &v));
    int64_t n = roost_map_get(v, roost_str(what))->as.i;
    roost_value_free(&v);
    return n;
}

/* The status of a child that ran to its end by itself; -1 otherwise. */
static int join(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- children ---- */

enum { CHILDREN = 5, THREADS = 8, ROUNDS = 200 };

struct shared {
    roost_dict *d;
    roost_list *l;
    atomic_bool stop;
};

static int fill(struct shared *s, int n)
{
    int rc = roost_dict_set(s->d, roost_int(n), roost_str("1"));
    if (rc == 0)
        rc = roost_list_append(s->l, roost_int(n));
    roost_dict_close(s->d);
    roost_list_close(s->l);
    roost_manager_close(m);
    return rc == 0 ? 0 : 1;
}

static void children_use_inherited_handles(void **state)
{
    (void)state;
    struct shared s;
    pid_t pids[CHILDREN];
    int64_t n;
    OK(roost_dict_new(m, &s.d));
    OK(roost_list_new(m, &s.l));
    for (int i = 0; i < CHILDREN; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            _exit(fill(&s, i));
    }
    for (int i = 0; i < CHILDREN; i++)
        assert_int_equal(join(pids[i]), 0);
    OK(roost_dict_len(s.d, &n)); /* the parent's connection is unharmed */
    assert_int_equal(n, CHILDREN);
    OK(roost_list_len(s.l, &n));
    assert_int_equal(n, CHILDREN);
    roost_dict_close(s.d);
    roost_list_close(s.l);
}

static void *hammer(void *arg)
{
    struct shared *s = arg;
    while (!atomic_load(&s->stop)) {
        roost_value v;
        if (roost_dict_incr(s->d, roost_str("n"), roost_int(1), NULL) != 0 || roost_dict_items(s->d, &v) != 0)
            return arg;
        roost_value_free(&v);
    }
    return NULL;
}

static void *wait_for_ever(void *event)
{
    return roost_event_wait(event, -1) == 0 ? NULL : event;
}

static void children_are_born_while_other_threads_are_in_calls(void **state)
{
    (void)state;
    struct shared s = {0};
    pthread_t hammers[3], waiter;
    void *failed;
    roost_event *e;
    OK(roost_dict_new(m, &s.d));
    OK(roost_list_new(m, &s.l));
    OK(roost_event_new(m, &e));
    assert_int_equal(pthread_create(&waiter, NULL, wait_for_ever, e), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&hammers[i], NULL, hammer, &s), 0);
    for (int round = 0; round < 20; round++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(fill(&s, round));
        assert_int_equal(join(pid), 0);
    }
    atomic_store(&s.stop, true);
    for (int i = 0; i < 3; i++) {
        pthread_join(hammers[i], &failed);
        assert_null(failed);
    }
    OK(roost_event_set(e));
    pthread_join(waiter, &failed);
    assert_null(failed);
    roost_dict_close(s.d);
    roost_list_close(s.l);
    roost_event_close(e);
}

/* The child's own session counts what the child holds: the object survives the parent's handle. */
static int outlive_the_parents_handle(roost_list *l, roost_event *go, roost_event *ready)
{
    int64_t n;
    if (roost_event_set(ready) != 0 || roost_event_wait(go, -1) != 0)
        return 1;
    if (roost_list_len(l, &n) != 0 || n != 1)
        return 2;
    int64_t objects = info("objects");
    roost_list_close(l); /* the last to refer to the list */
    return info("objects") == objects - 1 ? 0 : 3;
}

static void a_child_keeps_what_it_inherited(void **state)
{
    (void)state;
    roost_list *l;
    roost_event *go, *ready;
    while (info("sessions") >
           1) /* what the children before held goes with them, and would be counted below */
        ;
    int64_t objects = info("objects");
    OK(roost_list_open_with(m, NULL, roost_list_of(roost_int(1)), &l));
    OK(roost_event_new(m, &go));
    OK(roost_event_new(m, &ready));
    pid_t pid = fork();
    if (pid == 0)
        _exit(outlive_the_parents_handle(l, go, ready));
    OK(roost_event_wait(ready, -1));
    roost_list_close(l);
    OK(roost_event_set(go));
    assert_int_equal(join(pid), 0);
    roost_event_close(go);
    roost_event_close(ready);
    while (info("sessions") > 1) /* until the server has seen the child's end */
        ;
    assert_int_equal(info("objects"), objects);
}

static int fork_again(struct shared *s)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(roost_list_append(s->l, roost_str("grandchild")) != 0);
    int rc = join(pid);
    return rc != 0 ? rc : roost_list_append(s->l, roost_str("child")) != 0;
}

static void grandchildren_work_too(void **state)
{
    (void)state;
    struct shared s;
    int64_t n;
    OK(roost_list_new(m, &s.l));
    pid_t pid = fork();
    if (pid == 0)
        _exit(fork_again(&s));
    assert_int_equal(join(pid), 0);
    OK(roost_list_len(s.l, &n));
    assert_int_equal(n, 2);
    roost_list_close(s.l);
}

static void a_dead_childs_lock_goes_to_the_parent(void **state)
{
    (void)state;
    roost_lock *l;
    roost_grant grant;
    OK(roost_lock_new(m, &l));
    pid_t pid = fork();
    if (pid == 0)
        _exit(roost_lock_acquire(l, NULL, -1) != 0);
    assert_int_equal(join(pid), 0);
    OK(roost_lock_acquire(l, &grant, -1));
    assert_true(grant.owner_died);
    roost_lock_close(l);
}

static void a_child_does_not_give_back_what_its_parent_received(void **state)
{
    (void)state;
    roost_event *e;
    OK(roost_event_new(m, &e));
    roost_event_close(e); /* its release waits for the parent's next call */
    assert_true(atomic_load(&m->refs.queued) > 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(atomic_load(&m->refs.queued) != 0);
    assert_int_equal(join(pid), 0);
}

/* A child's copy of its parent's socket must not keep the parent's session alive. */
static int die_with_a_lock_and_leave_a_child(roost_lock *l, int wait_fd)
{
    if (roost_lock_acquire(l, NULL, -1) != 0)
        return 1;
    if (fork() == 0) {
        char byte;
        _exit(read(wait_fd, &byte, 1) != 0);
    }
    return 0;
}

static void a_session_ends_with_its_process_though_a_child_lives_on(void **state)
{
    (void)state;
    roost_lock *l;
    roost_grant grant;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    OK(roost_lock_new(m, &l));
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[1]);
        _exit(die_with_a_lock_and_leave_a_child(l, ends[0]));
    }
    assert_int_equal(join(pid), 0);
    OK(roost_lock_acquire(l, &grant, 10000));
    assert_true(grant.owner_died);
    roost_lock_close(l);
    close(ends[0]);
    close(ends[1]); /* the grandchild ends */
}

/* ---- threads ---- */

struct hammering {
    roost_dict *d;
    roost_queue *q;
    roost_lock *lock;
    int64_t *counter;
};

/* Each round: a count under a lock, an item through a queue, a number in a dict, a reference there and back.
 */
static void *work(void *arg)
{
    struct hammering *h = arg;
    for (int i = 0; i < ROUNDS; i++) {
        roost_value v;
        roost_list *l;
        if (roost_lock_acquire(h->lock, NULL, -1) != 0)
            return arg;
        ++*h->counter;
        if (roost_lock_release(h->lock) != 0 || roost_queue_put(h->q, roost_str("item"), -1) != 0 ||
            roost_queue_get(h->q, &v, -1) != 0)
            return arg;
        roost_value_free(&v);
        if (roost_dict_incr(h->d, roost_str("n"), roost_int(1), NULL) != 0 || roost_list_new(m, &l) != 0)
            return arg;
        int rc = roost_dict_set(h->d, roost_str("list"), roost_list_ref(l));
        roost_list_close(l);
        if (rc != 0 || roost_dict_get(h->d, roost_str("list"), &v) != 0)
            return arg;
        roost_value_free(&v);
    }
    return NULL;
}

static void many_threads_share_one_manager(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    int64_t counter = 0, objects = info("objects");
    struct hammering h = {.counter = &counter};
    roost_value v;
    OK(roost_dict_new(m, &h.d));
    OK(roost_queue_new(m, 3, &h.q));
    OK(roost_lock_new(m, &h.lock));
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &h), 0);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(counter, THREADS * ROUNDS);
    OK(roost_dict_get(h.d, roost_str("n"), &v));
    assert_int_equal(v.as.i, THREADS * ROUNDS);
    roost_dict_close(h.d);
    roost_queue_close(h.q);
    roost_lock_close(h.lock);
    assert_int_equal(info("objects"), objects);
}

static void *own_and_let_try(void *arg)
{
    return roost_rlock_acquire(arg, NULL, 0) == ROOST_ETIMEDOUT && roost_rlock_release(arg) == ROOST_ENOTOWNER
               ? NULL
               : arg;
}

static void an_rlock_belongs_to_one_thread(void **state)
{
    (void)state;
    roost_rlock *r;
    pthread_t other;
    void *failed;
    OK(roost_rlock_new(m, &r));
    OK(roost_rlock_acquire(r, NULL, -1));
    assert_int_equal(pthread_create(&other, NULL, own_and_let_try, r), 0);
    pthread_join(other, &failed);
    assert_null(failed);
    OK(roost_rlock_release(r));
    roost_rlock_close(r);
}

/* ---- servers ---- */

static void a_started_server_leaves_nothing_behind(void **state)
{
    (void)state;
    roost_manager *own;
    struct stat st;
    char socket[256];
    OK(roost_manager_start(NULL, &own));
    snprintf(socket, sizeof(socket), "%s", roost_manager_url(own) + strlen("ipc://"));
    assert_int_equal(stat(socket, &st), 0);
    OK(roost_manager_shutdown(own));
    assert_int_equal(stat(socket, &st), -1);
    strcat(socket, ".lock");
    assert_int_equal(stat(socket, &st), -1);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), 0); /* the only child left is the other server, alive */
}

static void a_server_that_cannot_start_is_told(void **state)
{
    (void)state;
    roost_manager *own;
    assert_int_equal(roost_manager_start(&(roost_options){.roostd = "/nonexistent/roostd"}, &own),
                     ROOST_ENOENT);
    assert_int_equal(roost_manager_start(&(roost_options){.roostd = "/bin/false"}, &own), ROOST_EDIED);
    assert_non_null(strstr(roost_errmsg(), "/bin/false"));
}

static void a_server_ends_with_its_owner(void **state)
{
    (void)state;
    int url[2];
    char text[256] = "";
    roost_manager *other;
    assert_int_equal(pipe(url), 0);
    pid_t pid = fork();
    if (pid == 0) {
        roost_manager *own;
        if (roost_manager_start(NULL, &own) != 0)
            _exit(1);
        dprintf(url[1], "%s", roost_manager_url(own));
        _exit(0); /* without a word to the server */
    }
    assert_int_equal(join(pid), 0);
    assert_true(read(url[0], text, sizeof(text) - 1) > 0);
    close(url[0]);
    close(url[1]);
    while (roost_connect(text, NULL, &other) == 0) /* until it is gone */
        roost_manager_close(other);
    assert_int_equal(roost_errcode(), ROOST_ECONN);
    while (access(text + strlen("ipc://"), F_OK) == 0) /* and its socket */
        sched_yield();
}

static void the_default_url_follows_the_runtime_folder(void **state)
{
    (void)state;
    char url[256], expected[256];
    setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
    OK(roost_default_url(url, sizeof(url)));
    assert_string_equal(url, "ipc:///run/user/7/roost/roost.sock");
    unsetenv("XDG_RUNTIME_DIR");
    OK(roost_default_url(url, sizeof(url)));
    snprintf(expected, sizeof(expected), "ipc:///tmp/roost-%lu/roost.sock", (unsigned long)getuid());
    assert_string_equal(url, expected);
    assert_int_equal(roost_default_url(url, 5), ROOST_ELIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(children_use_inherited_handles),
        cmocka_unit_test(children_are_born_while_other_threads_are_in_calls),
        cmocka_unit_test(a_child_keeps_what_it_inherited),
        cmocka_unit_test(grandchildren_work_too),
        cmocka_unit_test(a_dead_childs_lock_goes_to_the_parent),
        cmocka_unit_test(a_child_does_not_give_back_what_its_parent_received),
        cmocka_unit_test(a_session_ends_with_its_process_though_a_child_lives_on),
        cmocka_unit_test(many_threads_share_one_manager),
        cmocka_unit_test(an_rlock_belongs_to_one_thread),
        cmocka_unit_test(a_started_server_leaves_nothing_behind),
        cmocka_unit_test(a_server_that_cannot_start_is_told),
        cmocka_unit_test(a_server_ends_with_its_owner),
        cmocka_unit_test(the_default_url_follows_the_runtime_folder),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
