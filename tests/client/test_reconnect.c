/*
 * test_reconnect.c: sessions and their connections with a real roostd, behind a proxy that cuts, holds and
 * refuses: what goes on, what is lost, and who is told.
 */
#include "tests/support/test.h"

#include <dirent.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "roost/roost.h"
#include "tests/client/proxy.h"
#include "tests/client/roostd.h"

enum { LONG_MS = 3600 * 1000 };

#define OK(call) assert_ok(call, #call)

static void assert_ok(int rc, const char *what)
{
    if (rc != 0)
        fail_msg("%s: %s", what, roost_errmsg());
}

/* ---- the server, the proxy, and a client that is not behind it ---- */

static pid_t server;
static char url[ROOSTD_URL];
static struct proxy proxy;
static roost_manager *direct;

static int set_up(void **state)
{
    (void)state;
    server = roostd_start(url);
    proxy_start(&proxy, url);
    return roost_connect(url, NULL, &direct);
}

static int tear_down(void **state)
{
    (void)state;
    roost_manager_close(direct);
    proxy_stop(&proxy);
    roostd_end(server, SIGTERM);
    return 0;
}

static int64_t info(const char *what)
{
    roost_value v;
    OK(roost_server_info(direct, &v));
    int64_t n = roost_map_get(v, roost_str(what))->as.i;
    roost_value_free(&v);
    return n;
}

static void await_info(const char *what, int64_t value)
{
    time_t end = time(NULL) + 20;
    while (info(what) != value)
        if (time(NULL) > end)
            fail_msg("%s is %lld, not %lld", what, (long long)info(what), (long long)value);
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- states, as told ---- */

struct story {
    pthread_mutex_t lock;
    pthread_cond_t told;
    roost_state states[64];
    int len;
};

static void note(roost_manager *m, roost_state state, void *arg)
{
    (void)m;
    struct story *s = arg;
    pthread_mutex_lock(&s->lock);
    if (s->len < 64)
        s->states[s->len++] = state;
    pthread_cond_broadcast(&s->told);
    pthread_mutex_unlock(&s->lock);
}

/* Waits until the story is at least so long; returns its last state then. */
static roost_state told(struct story *s, int len)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 20;
    pthread_mutex_lock(&s->lock);
    while (s->len < len)
        if (pthread_cond_timedwait(&s->told, &s->lock, &end) != 0)
            fail_msg("only %d states were told, not %d", s->len, len);
    roost_state state = s->states[len - 1];
    pthread_mutex_unlock(&s->lock);
    return state;
}

static struct story new_story(void)
{
    return (struct story){.lock = PTHREAD_MUTEX_INITIALIZER, .told = PTHREAD_COND_INITIALIZER};
}

static roost_manager *connected(roost_options options, struct story *story)
{
    roost_manager *m;
    if (story != NULL) {
        options.on_state = note;
        options.on_state_arg = story;
    }
    OK(roost_connect(proxy.url, &options, &m));
    return m;
}

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
    w.m = connected((roost_options){.grace_ms = 60000, .lease_ms = -1}, &story);
    OK(roost_dict_new(w.m, &w.d));
    OK(roost_queue_new(w.m, 2, &w.q));
    OK(roost_lock_new(w.m, &w.lock));
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &w), 0);
    int cuts = 0;
    for (int alive = WORKERS; alive > 0;) {
        if (atomic_load(&proxy.cut_after) <= 0) {
            atomic_store(&proxy.cut_after, 500 + rand() % 3000);
            cuts++;
        }
        sched_yield();
        void *failed;
        if (pthread_tryjoin_np(threads[alive - 1], &failed) == 0) {
            assert_null(failed);
            alive--;
        }
    }
    atomic_store(&proxy.cut_after, 0);
    assert_true(cuts > 20);
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

static void *get_for_ever(void *q)
{
    roost_value v;
    int rc = roost_queue_get(q, &v, -1);
    return (void *)(intptr_t)(rc == 0 ? v.as.i : rc);
}

static intptr_t join(pthread_t thread)
{
    void *result;
    pthread_join(thread, &result);
    return (intptr_t)result;
}

/* A client behind the proxy, one thread of which waits for an item. */
struct taker {
    struct story story;
    roost_manager *m;
    roost_queue *q;
    pthread_t thread;
};

static void begin_taking(struct taker *t, roost_options options)
{
    t->story = new_story();
    t->m = connected(options, &t->story);
    OK(roost_queue_open(t->m, "items", NULL, &t->q));
    assert_int_equal(pthread_create(&t->thread, NULL, get_for_ever, t->q), 0);
    await_info("waiters", 1);
}

static void end_taking(struct taker *t)
{
    OK(roost_server_delete(direct, roost_str("items")));
    roost_queue_close(t->q);
    roost_manager_close(t->m);
}

/* The line breaks, and there is no other for now. */
static void break_the_line_of(struct taker *t)
{
    proxy_set(&proxy, &proxy.refuses, true);
    proxy_cut(&proxy);
    assert_int_equal(told(&t->story, 2), ROOST_DISCONNECTED);
}

static void pending_calls_happen_once_however_often_the_line_breaks(void **state)
{
    (void)state;
    enum { CALLS = 2000, UNDER_WAY = 100 };
    roost_dict *d;
    roost_queue *q;
    roost_pending *p[UNDER_WAY] = {NULL}, *get;
    roost_value v;
    roost_manager *m = connected((roost_options){.grace_ms = 10000, .reconnect_ms = 10000}, NULL);
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

/* ---- what is lost, and who is told ---- */

static void when_the_grace_is_over_the_lock_passes_and_its_holder_is_told(void **state)
{
    (void)state;
    struct story story = new_story();
    roost_lock *mine, *theirs;
    roost_grant grant;
    roost_manager *m = connected((roost_options){.grace_ms = 50, .reconnect_ms = LONG_MS}, &story), *again;
    OK(roost_lock_open(m, "grace", &mine));
    OK(roost_lock_open(direct, "grace", &theirs));
    OK(roost_lock_acquire(mine, NULL, -1));
    proxy_set(&proxy, &proxy.refuses, true);
    proxy_cut(&proxy);
    OK(roost_lock_acquire(theirs, &grant, -1));
    assert_true(grant.owner_died);
    proxy_set(&proxy, &proxy.refuses, false);
    assert_int_equal(told(&story, 3), ROOST_SESSION_LOST);
    for (int i = 0; i < 2; i++)
        assert_int_equal(roost_lock_release(mine), ROOST_ESESSION);
    assert_non_null(strstr(roost_errmsg(), "what it held was released"));
    assert_int_equal(roost_manager_state(m), ROOST_SESSION_LOST);
    roost_lock_close(mine);
    OK(roost_connect(proxy.url, NULL, &again));
    OK(roost_lock_open(again, "grace", &mine));
    assert_int_equal(roost_lock_acquire(mine, NULL, 0), ROOST_ETIMEDOUT);
    OK(roost_lock_release_token(theirs, grant.token));
    OK(roost_server_delete(direct, roost_str("grace")));
    roost_lock_close(mine);
    roost_lock_close(theirs);
    roost_manager_close(again);
    roost_manager_close(m);
}

static void without_grace_a_break_is_the_end(void **state)
{
    (void)state;
    struct story story = new_story();
    roost_manager *m = connected((roost_options){.grace_ms = -1, .lease_ms = -1}, &story);
    proxy_cut(&proxy);
    assert_int_equal(roost_server_ping(m, roost_nil(), NULL), ROOST_ECONN);
    assert_int_equal(roost_server_ping(m, roost_nil(), NULL), ROOST_ECONN);
    assert_int_equal(told(&story, 3), ROOST_SESSION_LOST);
    roost_manager_close(m);
}

static void a_server_that_does_not_come_back_is_given_up_in_time(void **state)
{
    (void)state;
    struct story story = new_story();
    roost_manager *m =
        connected((roost_options){.grace_ms = 50, .lease_ms = -1, .reconnect_ms = 300}, &story);
    atomic_store(&proxy.refused, 0);
    proxy_set(&proxy, &proxy.refuses, true);
    proxy_cut(&proxy);
    int64_t begin = now_ms();
    assert_int_equal(roost_server_ping(m, roost_nil(), NULL), ROOST_ECONN);
    assert_in_range(now_ms() - begin, 300, 5000);
    assert_non_null(strstr(roost_errmsg(), "not back within 300 ms"));
    assert_int_equal(told(&story, 3), ROOST_SESSION_LOST);
    assert_true(atomic_load(&proxy.refused) >= 4 && atomic_load(&proxy.refused) < 30); /* with pauses */
    proxy_set(&proxy, &proxy.refuses, false);
    roost_manager_close(m);
}

static void a_stopped_server_is_noticed(void **state)
{
    (void)state;
    struct story story = new_story();
    roost_queue *q;
    roost_manager *m =
        connected((roost_options){.grace_ms = 5000, .lease_ms = 200, .reconnect_ms = 200}, &story);
    OK(roost_queue_new(m, 0, &q));
    kill(server, SIGSTOP);
    int64_t begin = now_ms();
    assert_int_equal(roost_queue_get(q, NULL, -1), ROOST_ECONN);
    assert_in_range(now_ms() - begin, 200, 10000);
    assert_int_equal(told(&story, 3), ROOST_SESSION_LOST);
    kill(server, SIGCONT);
    roost_queue_close(q);
    roost_manager_close(m);
}

static void a_server_that_was_stopped_for_a_while_goes_on(void **state)
{
    (void)state;
    struct taker t;
    begin_taking(&t, (roost_options){.grace_ms = LONG_MS, .lease_ms = 200});
    kill(server, SIGSTOP);
    assert_int_equal(told(&t.story, 2), ROOST_DISCONNECTED);
    kill(server, SIGCONT);
    assert_int_equal(told(&t.story, 3), ROOST_RESUMED);
    OK(roost_queue_put(t.q, roost_int(7), -1));
    assert_int_equal(join(t.thread), 7);
    end_taking(&t);
}

/* The child's part: holds the lock, says so, and tells what its release returned when it is woken. */
static int hold_until_told(int ready, int go)
{
    roost_lock *l;
    char byte = 'r';
    roost_manager *m;
    roost_options options = {.grace_ms = 50, .lease_ms = 200, .reconnect_ms = LONG_MS};
    if (roost_connect(proxy.url, &options, &m) != 0 || roost_lock_open(m, "stopped", &l) != 0 ||
        roost_lock_acquire(l, NULL, -1) != 0 || write(ready, &byte, 1) != 1 || read(go, &byte, 1) != 1)
        return 1;
    return roost_lock_release(l) == ROOST_ESESSION ? 0 : 2;
}

static void a_stopped_client_loses_its_lock_and_hears_of_it(void **state)
{
    (void)state;
    int ready[2], go[2], status;
    char byte;
    roost_lock *l;
    roost_grant grant;
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(go), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(hold_until_told(ready[1], go[0]));
    assert_int_equal(read(ready[0], &byte, 1), 1);
    OK(roost_lock_open(direct, "stopped", &l));
    assert_int_equal(roost_lock_acquire(l, NULL, 0), ROOST_ETIMEDOUT);
    kill(pid, SIGSTOP);
    int64_t begin = now_ms();
    OK(roost_lock_acquire(l, &grant, 20000));
    assert_in_range(now_ms() - begin, 50, 10000);
    assert_true(grant.owner_died);
    assert_int_equal(write(go[1], "g", 1), 1);
    kill(pid, SIGCONT);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    OK(roost_server_delete(direct, roost_str("stopped")));
    roost_lock_close(l);
    for (int i = 0; i < 2; i++)
        close(ready[i]), close(go[i]);
}

static void restart_server(void)
{
    roost_manager_close(direct);
    roostd_end(server, SIGKILL);
    server = roostd_start(url);
    OK(roost_connect(url, NULL, &direct));
    atomic_store(&proxy.port, atoi(strrchr(url, ':') + 1));
}

static void a_restarted_server_is_told_from_the_old_one(void **state)
{
    (void)state;
    restart_server();
    struct story story = new_story();
    roost_dict *old, *new;
    roost_manager *m = connected((roost_options){.grace_ms = LONG_MS, .lease_ms = -1}, &story), *again;
    OK(roost_dict_new(m, &old));
    restart_server();
    OK(roost_dict_open(direct, "other", &new)); /* the first object here, too */
    assert_int_equal(roost_dict_ref(new).as.ref, roost_dict_ref(old).as.ref);
    for (int i = 0; i < 2; i++)
        assert_int_equal(roost_dict_set(old, roost_str("k"), roost_int(1)), ROOST_EEPOCH);
    assert_int_equal(told(&story, 3), ROOST_RESTARTED);
    pid_t pid = fork();
    if (pid == 0) /* the child would open a session of its own, to which the ids mean nothing */
        _exit(roost_dict_set(old, roost_str("k"), roost_int(1)) != ROOST_EEPOCH);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    int64_t len;
    OK(roost_dict_len(new, &len));
    assert_int_equal(len, 0);
    OK(roost_connect(proxy.url, NULL, &again));
    OK(roost_server_ping(again, roost_nil(), NULL));
    roost_manager_close(again);
    OK(roost_server_delete(direct, roost_str("other")));
    roost_dict_close(old);
    roost_dict_close(new);
    roost_manager_close(m);
}

/* ---- ending ---- */

static void closing_ends_the_session_at_once(void **state)
{
    (void)state;
    roost_lock *mine, *theirs;
    roost_manager *m = connected((roost_options){.grace_ms = LONG_MS}, NULL);
    OK(roost_lock_open(m, "closing", &mine));
    OK(roost_lock_open(direct, "closing", &theirs));
    OK(roost_lock_acquire(mine, NULL, -1));
    roost_lock_close(mine);
    roost_manager_close(m);
    OK(roost_lock_acquire(theirs, NULL, 10000));
    OK(roost_server_delete(direct, roost_str("closing")));
    roost_lock_close(theirs);
}

static void leave_by_exit(void)
{
    roost_lock *l;
    roost_manager *m = connected((roost_options){.grace_ms = LONG_MS}, NULL);
    exit(roost_lock_open(m, "exit", &l) != 0 || roost_lock_acquire(l, NULL, -1) != 0);
}

static void a_process_that_ends_in_order_needs_no_grace(void **state)
{
    (void)state;
    roost_lock *l;
    int status;
    pid_t pid = fork();
    if (pid == 0)
        leave_by_exit();
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    OK(roost_lock_open(direct, "exit", &l));
    OK(roost_lock_acquire(l, NULL, 10000));
    OK(roost_server_delete(direct, roost_str("exit")));
    roost_lock_close(l);
}

static void closing_interrupts_the_attempts_to_reconnect(void **state)
{
    (void)state;
    struct taker t;
    begin_taking(&t, (roost_options){.grace_ms = 50, .reconnect_ms = -1});
    break_the_line_of(&t);
    roost_manager_close(t.m);
    assert_int_equal(join(t.thread), ROOST_ECLOSED);
    proxy_set(&proxy, &proxy.refuses, false);
    await_info("waiters", 0);
    t.m = NULL;
    end_taking(&t);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_happens_once_however_often_the_line_breaks),
        cmocka_unit_test(pending_calls_happen_once_however_often_the_line_breaks),
        cmocka_unit_test(a_blocked_call_keeps_its_place_in_line),
        cmocka_unit_test(an_answer_given_while_the_line_was_down_arrives),
        cmocka_unit_test(an_idle_client_with_a_lease_resumes_by_itself),
        cmocka_unit_test(a_silent_line_is_noticed_and_replaced),
        cmocka_unit_test(when_the_grace_is_over_the_lock_passes_and_its_holder_is_told),
        cmocka_unit_test(without_grace_a_break_is_the_end),
        cmocka_unit_test(a_server_that_does_not_come_back_is_given_up_in_time),
        cmocka_unit_test(a_stopped_server_is_noticed),
        cmocka_unit_test(a_server_that_was_stopped_for_a_while_goes_on),
        cmocka_unit_test(a_stopped_client_loses_its_lock_and_hears_of_it),
        cmocka_unit_test(closing_ends_the_session_at_once),
        cmocka_unit_test(a_process_that_ends_in_order_needs_no_grace),
        cmocka_unit_test(closing_interrupts_the_attempts_to_reconnect),
        cmocka_unit_test(a_blocked_call_can_be_cancelled),
        cmocka_unit_test(a_cancel_survives_the_break_of_the_line),
        cmocka_unit_test(only_a_lease_costs_a_thread),
        cmocka_unit_test(children_work_while_the_parents_line_breaks),
        cmocka_unit_test(a_restarted_server_is_told_from_the_old_one),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
