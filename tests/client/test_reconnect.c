/*
 * test_reconnect.c: what goes on when the line between a client and a real roostd breaks, behind a proxy that
 * cuts, holds and refuses: calls happen once, places and locks are kept, threads and children notice nothing.
 */
#include "tests/support/test.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/client/line.h"

/* ---- what goes on ---- */

enum { WORKERS = 4, ROUNDS = 150 };

struct work {
    roost_dict *d;
    roost_queue *q;
    roost_lock *lock;
    roost_manager *m;
    atomic_int got[WORKERS * ROUNDS];
    atomic_int next;
    int inside;
};

static int count_under_lock(struct work *w)
{
    roost_grant grant;
    int rc = roost_lock_acquire(w->lock, &grant, -1);
    if (rc == 0 && (grant.owner_died || w->inside++ != 0))
        return ROOST_EINTERNAL;
    w->inside--;
    return rc == 0 ? roost_lock_release_token(w->lock, grant.token) : rc;
}

static int take_one(struct work *w)
{
    roost_value v;
    int rc = roost_queue_get(w->q, &v, -1);
    if (rc == 0)
        atomic_fetch_add(&w->got[v.as.i], 1);
    return rc;
}

static int share_a_list(struct work *w)
{
    roost_list *l;
    roost_value v;
    int rc = roost_list_new(w->m, &l);
    if (rc == 0)
        rc = roost_dict_set(w->d, roost_str("list"), roost_list_ref(l));
    if (rc == 0 && (rc = roost_dict_get(w->d, roost_str("list"), &v)) == 0)
        roost_value_free(&v);
    roost_list_close(l);
    return rc;
}

static void *work(void *arg)
{
    struct work *w = arg;
    for (int i = 0; i < ROUNDS; i++) {
        int rc = roost_dict_incr(w->d, roost_str("n"), roost_int(1), NULL);
        if (rc == 0)
            rc = roost_queue_put(w->q, roost_int(atomic_fetch_add(&w->next, 1)), -1);
        if (rc == 0)
            rc = take_one(w);
        if (rc == 0)
            rc = count_under_lock(w);
        if (rc == 0)
            rc = share_a_list(w);
        if (rc != 0) {
            print_error("%s\n", roost_errmsg());
            return arg;
        }
    }
    return NULL;
}

static void everything_happens_once_however_often_the_line_breaks(void **state)
{
    (void)state;
    static struct work w;
    struct story story = new_story();
    pthread_t threads[WORKERS];
    roost_value v;
    int64_t objects = info("objects");
    w.m = connected((roost_options){.grace_ms = LONG_MS, .lease_ms = -1}, &story);
    OK(roost_dict_new(w.m, &w.d));
    OK(roost_queue_new(w.m, 2, &w.q));
    OK(roost_lock_new(w.m, &w.lock));
    (void)proxy_keep_cutting(&proxy, true);
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &w), 0);
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(join(threads[i]), 0);
    assert_true(proxy_keep_cutting(&proxy, false) > 20);
    assert_true(story.len > 20);
    OK(roost_dict_get(w.d, roost_str("n"), &v));
    assert_int_equal(v.as.i, WORKERS * ROUNDS);
    for (int i = 0; i < WORKERS * ROUNDS; i++)
        assert_int_equal(w.got[i], 1);
    OK(roost_dict_clear(w.d));
    roost_dict_close(w.d);
    roost_queue_close(w.q);
    roost_lock_close(w.lock);
    OK(roost_server_ping(w.m, roost_nil(), NULL));
    assert_int_equal(info("objects"), objects); /* no reference was lost or counted twice */
    assert_int_equal(info("deliveries"), 0);
    assert_int_equal(info("holds"), 0);
    roost_manager_close(w.m);
    await_info("sessions", 1);
    assert_int_equal(info("kept"), 0);
}

static void pending_calls_happen_once_however_often_the_line_breaks(void **state)
{
    (void)state;
    enum { CALLS = 2000, UNDER_WAY = 100 };
    roost_dict *d;
    roost_queue *q;
    roost_pending *p[UNDER_WAY] = {NULL}, *get;
    roost_value v;
    roost_manager *m = connected((roost_options){.grace_ms = LONG_MS}, NULL);
    OK(roost_dict_new(m, &d));
    OK(roost_queue_new(m, 0, &q));
    OK(roost_async(&get, -1, roost_queue_get(q, NULL, -1))); /* waits all the time */
    for (int i = 0; i < CALLS + UNDER_WAY; i++) {
        if (p[i % UNDER_WAY] != NULL) {
            OK(roost_pending_result(p[i % UNDER_WAY], &v, -1));
            assert_int_equal(v.as.i, i - UNDER_WAY + 1);
            roost_pending_free(p[i % UNDER_WAY]);
            p[i % UNDER_WAY] = NULL;
        }
        if (i < CALLS)
            OK(roost_async(&p[i % UNDER_WAY], -1, roost_dict_incr(d, roost_str("n"), roost_int(1), NULL)));
        if (i % 250 == 130)
            proxy_cut(&proxy);
    }
    OK(roost_queue_put(q, roost_str("at last"), -1));
    proxy_cut(&proxy);
    OK(roost_pending_result(get, &v, -1));
    assert_string_equal(v.as.s, "at last");
    roost_pending_free(get);
    OK(roost_server_ping(m, roost_nil(),
                         NULL)); /* there is a line, by which the end of the session is said */
    roost_dict_close(d);
    roost_queue_close(q);
    roost_manager_close(m);
}

static void a_blocked_call_keeps_its_place_in_line(void **state)
{
    (void)state;
    struct taker first;
    pthread_t second;
    roost_queue *theirs;
    begin_taking(&first, (roost_options){.grace_ms = LONG_MS, .lease_ms = -1});
    OK(roost_queue_open(direct, "items", NULL, &theirs));
    assert_int_equal(pthread_create(&second, NULL, get_for_ever, theirs), 0);
    await_info("waiters", 2);
    for (int i = 0; i < 3; i++) {
        proxy_cut(&proxy);
        assert_int_equal(told(&first.story, 2 * i + 2), ROOST_DISCONNECTED);
        assert_int_equal(told(&first.story, 2 * i + 3), ROOST_RESUMED);
    }
    OK(roost_queue_put(theirs, roost_int(1), -1));
    assert_int_equal(join(first.thread), 1);
    OK(roost_queue_put(theirs, roost_int(2), -1));
    assert_int_equal(join(second), 2);
    roost_queue_close(theirs);
    end_taking(&first);
}

static void an_answer_given_while_the_line_was_down_arrives(void **state)
{
    (void)state;
    struct taker t;
    roost_queue *theirs;
    begin_taking(&t, (roost_options){.grace_ms = LONG_MS, .lease_ms = -1});
    OK(roost_queue_open(direct, "items", NULL, &theirs));
    break_the_line_of(&t);
    await_info("detached", 1);
    OK(roost_queue_put(theirs, roost_int(42), -1));
    await_info("waiters", 0);
    await_info("deliveries", 1); /* those of the tests before may be going still */
    proxy_set(&proxy, &proxy.refuses, false);
    assert_int_equal(join(t.thread), 42);
    await_info("deliveries", 0);
    roost_queue_close(theirs);
    end_taking(&t);
}

static void an_idle_client_with_a_lease_resumes_by_itself(void **state)
{
    (void)state;
    struct story story = new_story();
    roost_lock *mine, *theirs;
    roost_manager *m = connected((roost_options){.grace_ms = LONG_MS}, &story);
    OK(roost_lock_open(m, "idle", &mine));
    OK(roost_lock_open(direct, "idle", &theirs));
    OK(roost_lock_acquire(mine, NULL, -1));
    proxy_cut(&proxy);
    assert_int_equal(told(&story, 3), ROOST_RESUMED);
    assert_int_equal(roost_manager_state(m), ROOST_RESUMED);
    assert_int_equal(roost_lock_acquire(theirs, NULL, 0), ROOST_ETIMEDOUT);
    OK(roost_lock_release(mine));
    OK(roost_server_delete(direct, roost_str("idle")));
    roost_lock_close(mine);
    roost_lock_close(theirs);
    roost_manager_close(m);
}

/* The server finds the new connection while the old one, which it cannot know to be dead, is still open. */
static void a_silent_line_is_noticed_and_replaced(void **state)
{
    (void)state;
    struct story story = new_story();
    int64_t len;
    roost_list *l;
    roost_manager *m = connected((roost_options){.grace_ms = LONG_MS, .lease_ms = 200}, &story);
    OK(roost_list_open(m, "silent", &l));
    proxy_set(&proxy, &proxy.swallows, true);
    assert_int_equal(told(&story, 2), ROOST_DISCONNECTED);
    proxy_set(&proxy, &proxy.swallows, false);
    OK(roost_list_append(l, roost_int(1)));
    OK(roost_list_len(l, &len));
    assert_int_equal(len, 1);
    OK(roost_server_delete(direct, roost_str("silent")));
    roost_list_close(l);
    roost_manager_close(m);
}

/* ---- cancelling ---- */

static void cancel(roost_manager *m, pthread_t thread)
{
    int rc;
    while ((rc = roost_cancel(m, thread)) == ROOST_ENOENT) /* until it is in its call */
        sched_yield();
    OK(rc);
}

static void a_blocked_call_can_be_cancelled(void **state)
{
    (void)state;
    pthread_t taker, other;
    roost_queue *q;
    OK(roost_queue_new(direct, 0, &q));
    assert_int_equal(pthread_create(&taker, NULL, get_for_ever, q), 0);
    await_info("waiters", 1);
    assert_int_equal(pthread_create(&other, NULL, get_for_ever, q), 0);
    await_info("waiters", 2);
    cancel(direct, taker);
    assert_int_equal(join(taker), ROOST_ECANCELED);
    OK(roost_queue_put(q, roost_int(5), -1));
    assert_int_equal(join(other), 5);
    assert_int_equal(roost_cancel(direct, pthread_self()), ROOST_ENOENT);
    roost_queue_close(q);
}

static void a_cancel_survives_the_break_of_the_line(void **state)
{
    (void)state;
    struct taker t;
    begin_taking(&t, (roost_options){.grace_ms = LONG_MS, .lease_ms = -1});
    break_the_line_of(&t);
    cancel(t.m, t.thread);
    proxy_set(&proxy, &proxy.refuses, false);
    assert_int_equal(join(t.thread), ROOST_ECANCELED);
    end_taking(&t);
}

/* ---- fork and threads ---- */

static int threads(void)
{
    int n = 0;
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    for (struct dirent *e; (e = readdir(tasks)) != NULL;)
        n += e->d_name[0] != '.';
    closedir(tasks);
    return n;
}

static void only_a_lease_costs_a_thread(void **state)
{
    (void)state;
    roost_manager *own, *leased;
    int before = threads();
    OK(roost_manager_start(NULL, &own));
    OK(roost_server_ping(own, roost_nil(), NULL));
    assert_int_equal(threads(), before);
    OK(roost_connect(roost_manager_url(own), &(roost_options){.lease_ms = LONG_MS}, &leased));
    assert_int_equal(threads(), before + 1);
    roost_manager_close(leased);
    assert_int_equal(threads(), before);
    OK(roost_manager_shutdown(own));
}

static int child_works(roost_list *l)
{
    for (int i = 0; i < 5; i++)
        if (roost_list_append(l, roost_int(i)) != 0)
            return 1;
    return 0;
}

/* Children are born while threads call, the line breaks, and the signs of life go on. */
static void *append_for_long(void *l)
{
    for (int i = 0; i < 300; i++)
        if (roost_list_append(l, roost_int(i)) != 0)
            return l;
    return NULL;
}

/* Their sessions stay for the grace: it is the last of the tests. */
static void children_work_while_the_parents_line_breaks(void **state)
{
    (void)state;
    enum { CHILDREN = 12 };
    pthread_t appender;
    roost_list *l;
    int64_t len;
    roost_manager *m = connected((roost_options){.grace_ms = LONG_MS, .lease_ms = 400}, NULL);
    OK(roost_list_new(m, &l));
    assert_int_equal(pthread_create(&appender, NULL, append_for_long, l), 0);
    for (int i = 0; i < CHILDREN; i++) {
        int status;
        proxy_cut(&proxy);
        pid_t pid = fork();
        if (pid == 0)
            _exit(child_works(l));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
    assert_int_equal(join(appender), 0);
    OK(roost_list_len(l, &len));
    assert_int_equal(len, 300 + CHILDREN * 5);
    roost_list_close(l);
    roost_manager_close(m);
}

#define LINE(test) cmocka_unit_test_setup(test, await_quiet)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LINE(everything_happens_once_however_often_the_line_breaks),
        LINE(pending_calls_happen_once_however_often_the_line_breaks),
        LINE(a_blocked_call_keeps_its_place_in_line),
        LINE(an_answer_given_while_the_line_was_down_arrives),
        LINE(an_idle_client_with_a_lease_resumes_by_itself),
        LINE(a_silent_line_is_noticed_and_replaced),
        LINE(a_blocked_call_can_be_cancelled),
        LINE(a_cancel_survives_the_break_of_the_line),
        LINE(only_a_lease_costs_a_thread),
        LINE(children_work_while_the_parents_line_breaks),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
