/*
 * test_follow.c: a client of several servers finds the one that leads, and goes where another one leads
 * later. Three doors to one real roostd stand for a cluster: one leads, the others say so; what a cluster
 * agrees on is in the one server.
 */
#include "tests/client/fake_server.h"

#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "client/manager.h"
#include "client/search.h"
#include "roost/roost.h"
#include "tests/client/proxy.h"
#include "tests/client/roostd.h"
#include "wire/methods.h"

enum { DOORS = 3, LONG_MS = 3600 * 1000 };

#define OK(call) assert_ok(call, #call)

static void assert_ok(int rc, const char *what)
{
    if (rc != 0)
        fail_msg("%s: %s", what, roost_errmsg());
}

/* ---- the server, its doors, and a client that goes through none ---- */

static pid_t server;
static char url[ROOSTD_URL], list[256];
static struct proxy doors[DOORS];
static roost_manager *direct;

static int set_up(void **state)
{
    (void)state;
    server = roostd_start(url);
    for (int i = 0; i < DOORS; i++)
        proxy_start(&doors[i], url);
    snprintf(list, sizeof(list), "%s,%s, %s", doors[0].url, doors[1].url, doors[2].url);
    return roost_connect(url, NULL, &direct);
}

static int tear_down(void **state)
{
    (void)state;
    roost_manager_close(direct);
    for (int i = 0; i < DOORS; i++)
        proxy_stop(&doors[i]);
    roostd_end(server, SIGTERM);
    return 0;
}

/* One leads, the others know it. */
static void lead(int leader)
{
    for (int i = 0; i < DOORS; i++)
        if (i != leader)
            proxy_lead(&doors[i], doors[leader].url);
    proxy_lead(&doors[leader], NULL);
}

/* None does, and none knows. */
static void lead_none(void)
{
    for (int i = 0; i < DOORS; i++)
        proxy_lead(&doors[i], "");
}

static int asked(void)
{
    int n = 0;
    for (int i = 0; i < DOORS; i++)
        n += atomic_load(&doors[i].asked);
    return n;
}

static void await_asked(int n)
{
    time_t end = time(NULL) + 60;
    while (asked() < n) {
        assert_true(time(NULL) <= end);
        sched_yield();
    }
}

static int before_each(void **state)
{
    (void)state;
    for (int i = 0; i < DOORS; i++) {
        atomic_store(&doors[i].asked, 0);
        proxy_set(&doors[i], &doors[i].refuses, false);
        proxy_set(&doors[i], &doors[i].holds, false);
    }
    lead(2);
    return 0;
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static roost_manager *connected(const char *where, roost_options options)
{
    roost_manager *m;
    OK(roost_connect(where, &options, &m));
    return m;
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
    time_t end = time(NULL) + 60;
    while (info(what) != value)
        if (time(NULL) > end)
            fail_msg("%s is %lld, not %lld", what, (long long)info(what), (long long)value);
}

/* ---- finding the leader ---- */

static void a_server_that_does_not_lead_sends_the_client_on(void **state)
{
    (void)state;
    roost_manager *m = connected(list, (roost_options){0});
    assert_string_equal(roost_manager_address(m), doors[2].url);
    assert_string_equal(roost_manager_url(m), list);
    OK(roost_server_ping(m, roost_nil(), NULL));
    assert_int_equal(atomic_load(&doors[0].asked), 1); /* the first of the list … */
    assert_int_equal(atomic_load(&doors[1].asked), 0); /* … knew, so the second was not asked */
    roost_manager_close(m);
}

static void a_leader_that_the_list_does_not_name_is_followed_and_remembered(void **state)
{
    (void)state;
    roost_manager *m = connected(doors[0].url, (roost_options){.grace_ms = LONG_MS, .lease_ms = -1});
    assert_string_equal(roost_manager_address(m), doors[2].url);
    proxy_set(&doors[0], &doors[0].refuses, true); /* who knew it is gone … */
    proxy_cut(&doors[2]);
    OK(roost_server_ping(m, roost_nil(), NULL));
    assert_string_equal(roost_manager_address(m), doors[2].url);
    roost_manager_close(m);
}

static void two_that_name_each_other_are_an_error_in_time(void **state)
{
    (void)state;
    char two[160];
    roost_manager *m;
    snprintf(two, sizeof(two), "%s,%s", doors[0].url, doors[1].url);
    proxy_lead(&doors[0], doors[1].url);
    proxy_lead(&doors[1], doors[0].url);
    int64_t begin = now_ms();
    assert_int_equal(roost_connect(two, &(roost_options){.timeout_ms = 700}, &m), ROOST_ENOTLEADER);
    assert_in_range(now_ms() - begin, 700, 10000);
    assert_non_null(strstr(roost_errmsg(), doors[0].url));
    assert_non_null(strstr(roost_errmsg(), doors[1].url));
    assert_in_range(asked(), 4, 40); /* with pauses */
}

static void *connect_in_time(void *ret)
{
    return (void *)(intptr_t)roost_connect(list, &(roost_options){.timeout_ms = 60000}, ret);
}

static void a_client_waits_until_a_leader_is_elected(void **state)
{
    (void)state;
    pthread_t thread;
    roost_manager *m;
    void *rc;
    lead_none();
    assert_int_equal(pthread_create(&thread, NULL, connect_in_time, &m), 0);
    await_asked(3 * DOORS);
    lead(1);
    pthread_join(thread, &rc);
    assert_null(rc);
    assert_string_equal(roost_manager_address(m), doors[1].url);
    roost_manager_close(m);
}

/* A port that nobody listens at, for as long as the socket is open. */
static int closed_port(char *ret, size_t size)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    snprintf(ret, size, "tcp://127.0.0.1:%d", ntohs(address.sin_port));
    return fd;
}

static void when_no_server_runs_the_error_names_all(void **state)
{
    (void)state;
    char closed[DOORS][64], all[256] = "";
    int fds[DOORS];
    roost_manager *m;
    for (int i = 0; i < DOORS; i++) {
        fds[i] = closed_port(closed[i], sizeof(closed[i]));
        snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i > 0 ? "," : "", closed[i]);
    }
    int64_t begin = now_ms();
    assert_int_equal(roost_connect(all, NULL, &m), ROOST_ECONN);
    assert_true(now_ms() - begin <
                9000); /* less than the time for connecting: there is nothing to wait for */
    for (int i = 0; i < DOORS; i++) {
        assert_non_null(strstr(roost_errmsg(), closed[i]));
        close(fds[i]);
    }
}

static void servers_that_are_down_are_passed_over(void **state)
{
    (void)state;
    char closed[64], all[400];
    int fd = closed_port(closed, sizeof(closed));
    snprintf(all, sizeof(all), "%s,%s,%s", closed, doors[1].url, doors[2].url);
    proxy_set(&doors[1], &doors[1].refuses, true);
    roost_manager *m = connected(all, (roost_options){0});
    assert_string_equal(roost_manager_address(m), doors[2].url);
    roost_manager_close(m);
    close(fd);
}

static void a_server_that_is_stopped_costs_a_part_of_the_time_only(void **state)
{
    (void)state;
    proxy_lead(&doors[0], NULL);
    proxy_set(&doors[0], &doors[0].holds, true); /* accepts, and says nothing */
    int64_t begin = now_ms();
    roost_manager *m = connected(list, (roost_options){.timeout_ms = 60000});
    assert_true(now_ms() - begin < 30000);
    assert_string_equal(roost_manager_address(m), doors[2].url);
    roost_manager_close(m);
}

/* ---- another one leads ---- */

static void *get_for_ever(void *q)
{
    roost_value v;
    int rc = roost_queue_get(q, &v, -1);
    return (void *)(intptr_t)(rc == 0 ? v.as.i : rc);
}

static void a_blocked_call_and_a_held_lock_go_on_at_the_next_leader(void **state)
{
    (void)state;
    pthread_t thread;
    roost_queue *mine, *theirs;
    roost_lock *held, *wanted;
    roost_grant grant;
    void *got;
    roost_manager *m = connected(list, (roost_options){.grace_ms = LONG_MS, .lease_ms = -1});
    OK(roost_queue_open(m, "items", NULL, &mine));
    OK(roost_lock_open(m, "held", &held));
    OK(roost_lock_acquire(held, &grant, -1));
    assert_int_equal(pthread_create(&thread, NULL, get_for_ever, mine), 0);
    await_info("waiters", 1);
    proxy_set(&doors[2], &doors[2].refuses, true); /* it is dead, the others do not know it yet */
    proxy_cut(&doors[2]);
    await_asked(1);
    lead(0);
    OK(roost_queue_open(direct, "items", NULL, &theirs));
    OK(roost_queue_put(theirs, roost_int(42), -1));
    pthread_join(thread, &got);
    assert_int_equal((intptr_t)got, 42);
    assert_string_equal(roost_manager_address(m), doors[0].url);
    OK(roost_lock_open(direct, "held", &wanted));
    assert_int_equal(roost_lock_acquire(wanted, NULL, 0), ROOST_ETIMEDOUT);
    OK(roost_lock_release_token(held, grant.token));
    OK(roost_server_delete(direct, roost_str("items")));
    OK(roost_server_delete(direct, roost_str("held")));
    roost_queue_close(mine);
    roost_queue_close(theirs);
    roost_lock_close(held);
    roost_lock_close(wanted);
    roost_manager_close(m);
}

enum { WORKERS = 4, ROUNDS = 120 };

struct work {
    roost_dict *d;
    roost_queue *q;
    roost_lock *lock;
    atomic_int got[WORKERS * ROUNDS];
    atomic_int next;
    int inside;
};

static int work_once(struct work *w)
{
    roost_value v;
    roost_grant grant;
    int rc = roost_dict_incr(w->d, roost_str("n"), roost_int(1), NULL);
    if (rc == 0)
        rc = roost_queue_put(w->q, roost_int(atomic_fetch_add(&w->next, 1)), -1);
    if (rc == 0)
        rc = roost_queue_get(w->q, &v, -1);
    if (rc == 0) {
        atomic_fetch_add(&w->got[v.as.i], 1);
        rc = roost_lock_acquire(w->lock, &grant, -1);
    }
    if (rc == 0 && (grant.owner_died || w->inside++ != 0))
        return ROOST_EINTERNAL;
    if (rc == 0) {
        w->inside--;
        rc = roost_lock_release_token(w->lock, grant.token);
    }
    return rc;
}

static void *work(void *arg)
{
    for (int i = 0; i < ROUNDS; i++)
        if (work_once(arg) != 0) {
            print_error("%s\n", roost_errmsg());
            return arg;
        }
    return NULL;
}

/* Another one leads when so many bytes have gone through the leader. */
static void *change_leaders(void *ends)
{
    int leader = 2;
    intptr_t changes = 0;
    while (!atomic_load((atomic_bool *)ends)) {
        if (atomic_load(&doors[leader].cut_after) <= 0) {
            leader = (leader + 1) % DOORS;
            lead(leader);
            atomic_store(&doors[leader].cut_after, 500 + rand() % 6000);
            changes++;
        }
        sched_yield();
    }
    atomic_store(&doors[leader].cut_after, 0);
    return (void *)changes;
}

static void everything_happens_once_however_often_leaders_change(void **state)
{
    (void)state;
    static struct work w;
    static atomic_bool ends;
    pthread_t threads[WORKERS], changer;
    roost_value v;
    void *rc;
    roost_manager *m = connected(list, (roost_options){.grace_ms = LONG_MS, .lease_ms = -1});
    OK(roost_dict_new(m, &w.d));
    OK(roost_queue_new(m, 2, &w.q));
    OK(roost_lock_new(m, &w.lock));
    assert_int_equal(pthread_create(&changer, NULL, change_leaders, &ends), 0);
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &w), 0);
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], &rc);
        assert_null(rc);
    }
    atomic_store(&ends, true);
    pthread_join(changer, &rc);
    assert_true((intptr_t)rc > 5);
    OK(roost_dict_get(w.d, roost_str("n"), &v));
    assert_int_equal(v.as.i, WORKERS * ROUNDS);
    for (int i = 0; i < WORKERS * ROUNDS; i++)
        assert_int_equal(w.got[i], 1);
    roost_dict_close(w.d);
    roost_queue_close(w.q);
    roost_lock_close(w.lock);
    roost_manager_close(m);
}

static void a_child_follows_as_its_parent_does(void **state)
{
    (void)state;
    roost_dict *d;
    int64_t len;
    int status;
    roost_manager *m = connected(list, (roost_options){.grace_ms = LONG_MS, .lease_ms = -1});
    OK(roost_dict_new(m, &d));
    lead(1);
    pid_t pid = fork();
    if (pid == 0) {
        bool none = roost_manager_address(m) == NULL;
        int rc = roost_dict_set(d, roost_int(1), roost_nil());
        _exit(!none || rc != 0 || strcmp(roost_manager_address(m), doors[1].url) != 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    OK(roost_dict_len(d, &len));
    assert_int_equal(len, 1);
    roost_dict_close(d);
    roost_manager_close(m);
}

/* Its connections stay open, and it accepts more, but says nothing. */
static void a_leader_that_falls_silent_is_not_asked_first(void **state)
{
    (void)state;
    roost_manager *m = connected(list, (roost_options){.grace_ms = LONG_MS, .lease_ms = 200});
    int64_t begin = now_ms();
    proxy_set(&doors[2], &doors[2].holds, true);
    proxy_lead(&doors[1], NULL);
    proxy_lead(&doors[0], doors[1].url);
    OK(roost_server_ping(m, roost_nil(), NULL));
    assert_in_range(now_ms() - begin, 200, 10000);
    assert_string_equal(roost_manager_address(m), doors[1].url);
    assert_int_equal(atomic_load(&doors[0].asked), 2); /* at first, and now: it stands behind the third */
    roost_manager_close(m);
}

/* ---- deadlines ---- */

/* A pending call that has no answer, of a client without a lease: no thread but the caller's resumes. */
static roost_pending *ask_without_a_leader(roost_manager *m, roost_queue **ret)
{
    roost_pending *p;
    OK(roost_queue_open(m, "late", NULL, ret));
    OK(roost_async(&p, -1, roost_queue_get(*ret, NULL, -1)));
    OK(roost_server_ping(m, roost_nil(), NULL));
    await_info("waiters", 1);
    lead_none();
    return p;
}

static void put_late(void)
{
    roost_queue *q;
    OK(roost_queue_open(direct, "late", NULL, &q));
    OK(roost_queue_put(q, roost_int(7), -1));
    roost_queue_close(q);
    OK(roost_server_delete(direct, roost_str("late")));
}

static void a_wait_ends_at_its_deadline_also_when_nobody_leads(void **state)
{
    (void)state;
    roost_queue *q;
    roost_value v;
    roost_manager *m = connected(list, (roost_options){.grace_ms = LONG_MS, .lease_ms = -1});
    roost_pending *p = ask_without_a_leader(m, &q);
    for (int i = 0; i < 3; i++) {
        int64_t begin = now_ms();
        assert_int_equal(roost_pending_result(p, &v, 300), ROOST_ETIMEDOUT);
        assert_in_range(now_ms() - begin, 300, 10000);
        assert_int_equal(roost_manager_state(m), ROOST_DISCONNECTED);
    }
    put_late();
    lead(0);
    OK(roost_pending_result(p, &v, -1));
    assert_int_equal(v.as.i, 7);
    roost_pending_free(p);
    roost_queue_close(q);
    roost_manager_close(m);
}

static void who_only_polls_finds_the_next_leader_too(void **state)
{
    (void)state;
    roost_queue *q;
    roost_value v;
    int rc;
    time_t end = time(NULL) + 60;
    roost_manager *m = connected(list, (roost_options){.grace_ms = LONG_MS, .lease_ms = -1});
    roost_pending *p = ask_without_a_leader(m, &q);
    assert_int_equal(roost_pending_result(p, &v, 0), ROOST_ETIMEDOUT);
    put_late();
    lead(1);
    while ((rc = roost_pending_result(p, &v, 0)) == ROOST_ETIMEDOUT)
        assert_true(time(NULL) <= end);
    OK(rc);
    assert_int_equal(v.as.i, 7);
    roost_pending_free(p);
    roost_queue_close(q);
    roost_manager_close(m);
}

static void with_nobody_leading_a_client_gives_up_in_time(void **state)
{
    (void)state;
    roost_manager *m = connected(list, (roost_options){.lease_ms = -1, .reconnect_ms = 500});
    lead_none();
    int64_t begin = now_ms();
    assert_int_equal(roost_server_ping(m, roost_nil(), NULL), ROOST_ECONN);
    assert_in_range(now_ms() - begin, 500, 10000);
    assert_non_null(strstr(roost_errmsg(), "not back within 500 ms"));
    assert_non_null(strstr(roost_errmsg(), doors[0].url));
    roost_manager_close(m);
}

static void *ping(void *m)
{
    return (void *)(intptr_t)roost_server_ping(m, roost_nil(), NULL);
}

static void by_default_a_client_of_several_servers_outlives_its_grace(void **state)
{
    (void)state;
    pthread_t thread;
    void *rc;
    roost_manager *m = connected(list, (roost_options){.grace_ms = 50, .lease_ms = -1});
    lead_none();
    assert_int_equal(pthread_create(&thread, NULL, ping, m), 0);
    await_asked(5 * DOORS);
    lead(0);
    pthread_join(thread, &rc);
    /* the next leader says what became of the session, as a rule that its grace is over */
    assert_true((intptr_t)rc == ROOST_ESESSION || (intptr_t)rc == ROOST_OK);
    roost_manager_close(m);
}

/* ---- a leader that says that it leads no more ---- */

static const uint8_t secret[SECRET_LEN] = "fifteen letters";

static void send_welcome(struct fake_server *f, bool resumed)
{
    struct buf b = buf_make(1024);
    frame_begin(&b);
    roost__put_array(&b, 7);
    roost__put_uint(&b, FRAME_WELCOME);
    roost__put_cstr(&b, "roost");
    roost__put_uint(&b, PROTOCOL_VERSION);
    roost__put_uint(&b, 77);
    roost__put_uint(&b, 9);
    roost__put_map(&b, 0);
    roost__put_map(&b, 3);
    roost__put_cstr(&b, "resumed");
    roost__put_bool(&b, resumed);
    roost__put_cstr(&b, "grace_ms");
    roost__put_uint(&b, 60000);
    roost__put_cstr(&b, "secret");
    roost__put_bytes(&b, slice_of(secret, sizeof(secret)));
    assert_true(roost__frame_end(&b, 0));
    assert_true(fake_send(f, b.data, b.len));
    roost__buf_free(&b);
}

/* Leads until the first call comes. */
static void abdicate(struct fake_server *f)
{
    struct buf b = buf_make(1024);
    assert_true(fake_read(f));
    send_welcome(f, false);
    fake_expect_call(f, METHOD_server_ping);
    frame_begin(&b);
    roost__put_array(&b, 4);
    roost__put_uint(&b, FRAME_GOODBYE);
    roost__put_int(&b, ROOST_ENOTLEADER);
    roost__put_cstr(&b, "no more");
    roost__put_map(&b, 1);
    roost__put_cstr(&b, "leader");
    roost__put_cstr(&b, f->arg);
    assert_true(roost__frame_end(&b, 0));
    assert_true(fake_send(f, b.data, b.len));
    roost__buf_free(&b);
}

static void succeed(struct fake_server *f)
{
    assert_true(fake_read(f));
    struct item it;
    const uint8_t *p = roost__scan_item(f->payload, &it);
    for (int i = 0; i < 3; i++)
        p = roost__scan_skip(p);
    struct slice hello = scan_next(&p);
    assert_int_equal(roost__map_item(hello, "session").as.i, 77);
    assert_int_equal(roost__map_item(hello, "epoch").as.i, 9);
    assert_memory_equal(roost__map_item(hello, "secret").as.bytes, secret, sizeof(secret));
    send_welcome(f, true);
    struct call_frame call = fake_expect_call(f, METHOD_server_ping);
    assert_int_equal(call.number, 1);
    fake_reply(f, 1, roost_int(8));
}

static void a_leader_that_steps_down_hands_its_sessions_on(void **state)
{
    (void)state;
    static struct fake_server first, second;
    roost_manager *m;
    roost_value v;
    fake_start_raw(&second, succeed, NULL);
    fake_start_raw(&first, abdicate, second.url);
    OK(roost_connect(first.url, &(roost_options){.grace_ms = 60000}, &m));
    OK(roost_server_ping(m, roost_int(8), &v));
    assert_int_equal(v.as.i, 8);
    assert_string_equal(roost_manager_address(m), second.url);
    roost_manager_close(m);
    fake_stop(&first);
    fake_stop(&second);
}

/* ---- lists, and searches without a network ---- */

static void a_list_is_split_only_where_a_url_begins(void **state)
{
    (void)state;
    struct addresses a = {0};
    roost__addresses_init(&a);
    OK(roost__addresses_take(&a, "ipc:///tmp/a,b, c,tcp://h:1,  tls+tcp://[::1]:2"));
    assert_int_equal(roost__addresses_len(&a), 3);
    assert_string_equal(roost__addresses_at(&a, 0), "ipc:///tmp/a,b, c");
    assert_string_equal(roost__addresses_at(&a, 1), "tcp://h:1");
    assert_string_equal(roost__addresses_at(&a, 2), "tls+tcp://[::1]:2");
    assert_null(roost__addresses_at(&a, 3));
    assert_true(roost__addresses_remote(&a));
    roost__addresses_destroy(&a);
}

static void what_is_no_url_is_refused_before_anybody_is_asked(void **state)
{
    (void)state;
    roost_manager *m;
    char many[1024] = "ipc://0";
    const char *wrong[] = {
        "", "x", "tcp://h", "tcp://h:1,udp://h:2", "tcp://h:1,tcp://:2", "tcp://h:1,", "tcp://h:1,g:2"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(roost_connect(wrong[i], NULL, &m), ROOST_EINVAL);
    for (int i = 0; i < ADDRESSES_MAX; i++)
        strcat(many, ",ipc://x");
    assert_int_equal(roost_connect(many, NULL, &m), ROOST_EINVAL);
    assert_int_equal(asked(), 0);
}

static void from_tls_nothing_leads_to_a_line_that_others_read(void **state)
{
    (void)state;
    struct addresses a = {0};
    size_t index;
    roost__addresses_init(&a);
    OK(roost__addresses_take(&a, "tls+tcp://a:1,tcp://b:1,ipc:///c"));
    assert_false(roost__addresses_learn(&a, "tls+tcp://a:1", "tcp://d:1", &index));
    assert_false(roost__addresses_learn(&a, "tls+tcp://a:1", "ipc:///d", &index));
    assert_false(roost__addresses_learn(&a, "tcp://b:1", "ipc:///d", &index));
    assert_false(roost__addresses_learn(&a, "tcp://b:1", "nonsense", &index));
    assert_true(roost__addresses_learn(&a, "tcp://b:1", "tls+tcp://a:1", &index));
    assert_int_equal(index, 0);
    assert_true(roost__addresses_learn(&a, "ipc:///c", "tcp://d:1", &index));
    assert_int_equal(index, 3);
    assert_int_equal(roost__addresses_len(&a), 4);
    roost__addresses_destroy(&a);
}

static void expect_ask(struct search *s, const char *whom)
{
    const char *next;
    int ms;
    OK(roost__search_next(s, &next, &ms));
    if (whom == NULL)
        assert_null(next);
    else
        assert_string_equal(next, whom);
}

static int answer(struct search *s, int rc, const char *leader)
{
    roost__fail(rc, "%s", roost_strerror(rc));
    return roost__search_failed(s, rc, leader);
}

static void in_a_round_each_is_asked_once_and_the_leader_first(void **state)
{
    (void)state;
    struct addresses a = {0};
    struct search s;
    roost__addresses_init(&a);
    OK(roost__addresses_take(&a, "tcp://a:1,tcp://b:1,tcp://c:1"));
    roost__search_begin(&s, &a, 60000, false);
    expect_ask(&s, "tcp://a:1");
    OK(answer(&s, ROOST_ENOTLEADER, "tcp://c:1"));
    expect_ask(&s, "tcp://c:1");
    OK(answer(&s, ROOST_ENOTLEADER, "tcp://a:1"));
    expect_ask(&s, "tcp://b:1");
    OK(answer(&s, ROOST_ENOTLEADER, "tcp://d:1"));
    expect_ask(&s, "tcp://d:1");
    OK(answer(&s, ROOST_ECONN, ""));
    expect_ask(&s, NULL);
    expect_ask(&s, "tcp://a:1");
    roost__search_found(&s);
    assert_string_equal(atomic_load(&a.current), "tcp://a:1");
    roost__addresses_destroy(&a);
}

static void a_refusal_is_the_end_when_the_leader_says_it(void **state)
{
    (void)state;
    struct addresses a = {0};
    struct search s;
    const char *next;
    int ms;
    roost__addresses_init(&a);
    OK(roost__addresses_take(&a, "tcp://a:1,tcp://b:1"));
    roost__search_begin(&s, &a, 60000, true);
    expect_ask(&s, "tcp://a:1");
    OK(answer(&s, ROOST_EAUTH, "")); /* one server's certificate is out of date: another's may not be */
    expect_ask(&s, "tcp://b:1");
    OK(answer(&s, ROOST_ENOTLEADER, "tcp://a:1"));
    expect_ask(&s, NULL);
    expect_ask(&s, "tcp://a:1");
    assert_int_equal(answer(&s, ROOST_EAUTH, ""), ROOST_EAUTH);
    roost__search_begin(&s, &a, 60000, true);
    for (int i = 0; i < 2; i++) {
        OK(roost__search_next(&s, &next, &ms));
        OK(answer(&s, ROOST_EAUTH, ""));
    }
    assert_int_equal(roost__search_next(&s, &next, &ms), ROOST_EAUTH); /* all refuse */
    roost__addresses_destroy(&a);
}

static void what_is_said_of_the_session_is_the_end_at_once(void **state)
{
    (void)state;
    struct addresses a = {0};
    struct search s;
    roost__addresses_init(&a);
    OK(roost__addresses_take(&a, "tcp://a:1,tcp://b:1"));
    roost__search_begin(&s, &a, -1, true);
    expect_ask(&s, "tcp://a:1");
    assert_int_equal(answer(&s, ROOST_ESESSION, ""), ROOST_ESESSION);
    assert_int_equal(answer(&s, ROOST_EEPOCH, ""), ROOST_EEPOCH);
    roost__addresses_destroy(&a);
}

#define CLAIM(name) cmocka_unit_test_setup(name, before_each)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(a_server_that_does_not_lead_sends_the_client_on),
        CLAIM(a_leader_that_the_list_does_not_name_is_followed_and_remembered),
        CLAIM(two_that_name_each_other_are_an_error_in_time),
        CLAIM(a_client_waits_until_a_leader_is_elected),
        CLAIM(when_no_server_runs_the_error_names_all),
        CLAIM(servers_that_are_down_are_passed_over),
        CLAIM(a_server_that_is_stopped_costs_a_part_of_the_time_only),
        CLAIM(a_blocked_call_and_a_held_lock_go_on_at_the_next_leader),
        CLAIM(everything_happens_once_however_often_leaders_change),
        CLAIM(a_child_follows_as_its_parent_does),
        CLAIM(a_leader_that_falls_silent_is_not_asked_first),
        CLAIM(a_wait_ends_at_its_deadline_also_when_nobody_leads),
        CLAIM(who_only_polls_finds_the_next_leader_too),
        CLAIM(with_nobody_leading_a_client_gives_up_in_time),
        CLAIM(by_default_a_client_of_several_servers_outlives_its_grace),
        CLAIM(a_leader_that_steps_down_hands_its_sessions_on),
        CLAIM(a_list_is_split_only_where_a_url_begins),
        CLAIM(what_is_no_url_is_refused_before_anybody_is_asked),
        CLAIM(from_tls_nothing_leads_to_a_line_that_others_read),
        CLAIM(in_a_round_each_is_asked_once_and_the_leader_first),
        CLAIM(a_refusal_is_the_end_when_the_leader_says_it),
        CLAIM(what_is_said_of_the_session_is_the_end_at_once),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
