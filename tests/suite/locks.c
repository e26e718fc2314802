/* locks.c: deadlocks, grants with a time to live, several things taken at once, guarded calls, who. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite/suite.h"

#define N(t) ((unsigned long long)(t))

static const char *const deadlock = "error -25";

/* Takes it with a wait without limit; returns the token. */
static uint64_t take_as(struct client *c, uint64_t thread, uint64_t o, const char *method)
{
    return granted(c, post_as(c, thread, o, method, "[]"), false);
}

static uint64_t take(struct client *c, uint64_t o, const char *method)
{
    return take_as(c, 1, o, method);
}

/* Posts an acquire that must wait. */
static uint64_t wait_as(struct client *c, uint64_t thread, uint64_t o, const char *method, const char *args)
{
    uint64_t n = post_as(c, thread, o, method, args);
    waits(c, n);
    return n;
}

static void says(const struct client *c, const char *words)
{
    if (strstr(error_message(c), words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error_message(c), words);
}

/* Fetches what server.who says of an object. */
static const char *who_of(struct client *c, uint64_t o, unsigned type)
{
    return answer_text(c, post(c, 0, "server.who", text("[{'$ref': [%llu, %u]}]", N(o), type)));
}

/* ---- deadlocks ---- */

static void a_deadlock_of_two_is_told_to_the_newest(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t x = open_object(a, "lock", "['dead-x']"), y = open_object(a, "lock", "['dead-y']");
    take(a, x, "lock.acquire");
    take(b, y, "lock.acquire");
    uint64_t first = wait_as(a, 1, y, "lock.acquire", "[]");
    answered(b, post(b, x, "lock.acquire", "[]"), deadlock);
    says(b, "deadlock: session ");
    says(b, " thread 1 waits for lock \"dead-x\" held by session ");
    says(b, " thread 1, which waits for lock \"dead-y\" held by session ");
    waits(a, first); /* only the newest is told */
    ok(b, y, "lock.release", "[]", "null");
    granted(a, first, false);
    ok(a, 0, "server.delete", "['dead-x']", "null");
    ok(a, 0, "server.delete", "['dead-y']", "null");
    lose(a), lose(b);
}

static void a_deadlock_is_found_through_all_that_can_be_held(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open(), *c = client_open(), *d = client_open();
    uint64_t l = open_object(a, "lock", "[]"), r = open_object(a, "rlock", "[]");
    uint64_t s = open_object(a, "bounded_semaphore", "[]"), k = open_object(a, "keyed_lock", "['dead-k']");
    uint64_t v = open_object(a, "condition", "[]");
    take(a, l, "lock.acquire");
    take(b, r, "rlock.acquire");
    take(c, s, "bounded_semaphore.acquire");
    granted(d, post(d, k, "keyed_lock.acquire", "[['a', 7]]"), false);
    take(d, v, "condition.acquire");
    wait_as(a, 1, r, "rlock.acquire", "[]");
    wait_as(b, 1, s, "bounded_semaphore.acquire", "[]");
    uint64_t last = wait_as(c, 1, k, "keyed_lock.acquire", "[[8, 7]]");
    answered(d, post(d, l, "lock.acquire", "[]"), deadlock);
    says(d, "held by session ");
    says(d, "key 7 of keyed_lock \"dead-k\"");
    ok(d, k, "keyed_lock.release", "[['a', 7]]", "null");
    granted(c, last, false);
    uint64_t free_s = wait_as(d, 1, l, "lock.acquire", "[]"); /* c may still give its permit back */
    answered(c, post(c, v, "condition.acquire", "[]"), deadlock);
    ok(c, s, "bounded_semaphore.release", "[]", "null");
    waits(d, free_s);
    ok(a, 0, "server.delete", "['dead-k']", "null");
    lose(a), lose(b), lose(c), lose(d);
}

static void a_waiter_outside_the_cycle_is_left_in_peace(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open(), *c = client_open(), *d = client_open();
    uint64_t x = open_object(a, "lock", "[]"), y = open_object(a, "lock", "[]");
    take(a, x, "lock.acquire");
    take(b, y, "lock.acquire");
    uint64_t out1 = wait_as(c, 1, x, "lock.acquire", "[]"), in_cycle = wait_as(a, 1, y, "lock.acquire", "[]");
    uint64_t out2 = wait_as(d, 1, x, "lock.acquire", "[]"); /* waits for those who wait, but nobody for it */
    answered(b, post(b, x, "lock.acquire", "[]"), deadlock);
    waits(c, out1);
    waits(d, out2);
    ok(b, y, "lock.release", "[]", "null");
    granted(a, in_cycle, false);
    ok(a, x, "lock.release", "[]", "null");
    granted(c, out1, false);
    ok(c, x, "lock.release", "[]", "null");
    granted(d, out2, false);
    lose(a), lose(b), lose(c), lose(d);
}

static void a_wait_with_a_limit_is_no_deadlock(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t x = open_object(a, "lock", "['tried']"), y = open_object(a, "lock", "[]");
    take(a, x, "lock.acquire");
    take(b, y, "lock.acquire");
    uint64_t first = wait_as(a, 1, y, "lock.acquire", "[]");
    fails(b, x, "lock.acquire", "[0]", ROOST_ETIMEDOUT);
    says(b, "lock \"tried\" is held by session ");
    fails(b, x, "lock.acquire", "[20]", ROOST_ETIMEDOUT);
    ok(b, y, "lock.release", "[]", "null");
    granted(a, first, false);
    ok(a, x, "lock.release", "[]", "null");
    take(b, x, "lock.acquire");
    first = post(a, x, "lock.acquire", "[300]"); /* this one ends by itself */
    uint64_t second = post(b, y, "lock.acquire", "[]");
    answered(a, first, text("error %d", ROOST_ETIMEDOUT));
    ok(a, y, "lock.release", "[]", "null");
    granted(b, second, false);
    ok(a, 0, "server.delete", "['tried']", "null");
    lose(a), lose(b);
}

static void permits_are_a_deadlock_only_when_all_their_holders_are_stuck(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open(), *c = client_open();
    uint64_t s = open_object(a, "semaphore", "[null, 2]"), l = open_object(a, "lock", "[]");
    take(a, s, "semaphore.acquire");
    take(b, s, "semaphore.acquire");
    take(c, l, "lock.acquire");
    wait_as(a, 1, l, "lock.acquire", "[]");
    fails(c, s, "semaphore.acquire", "[20]", ROOST_ETIMEDOUT);
    uint64_t hopes = wait_as(c, 1, s, "semaphore.acquire", "[]"); /* b may still give its permit back */
    ok(b, s, "semaphore.release", "[]", "null");
    granted(c, hopes, false);
    ok(c, s, "semaphore.release", "[]", "null");
    take(b, s, "semaphore.acquire");
    wait_as(b, 1, l, "lock.acquire", "[]");
    answered(c, post(c, s, "semaphore.acquire", "[]"), deadlock);
    says(c, " (all who hold it wait: 2), which waits for lock #");
    lose(a), lose(b), lose(c);
}

static void a_lock_of_ones_own_is_a_deadlock_when_no_thread_is_left_to_release_it(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t x = open_object(a, "lock", "[]"), y = open_object(b, "lock", "[]");
    uint64_t z = open_object(b, "lock", "[]");
    take(a, x, "lock.acquire");
    answered(a, post(a, x, "lock.acquire", "[]"), deadlock); /* its only thread waits for itself */
    take_as(b, 1, y, "lock.acquire");
    take_as(b, 2, z, "lock.acquire");
    uint64_t own = wait_as(b, 1, y, "lock.acquire", "[]"); /* thread 2 may release it */
    answered(b, post_as(b, 2, z, "lock.acquire", "[]"), deadlock);
    ok_as(b, 2, y, "lock.release", "[]", "null");
    granted(b, own, false);
    ok_as(b, 3, 0, "server.ping", "[]", "null"); /* from now on there is a third thread */
    own = wait_as(b, 1, z, "lock.acquire", "[]");
    uint64_t other = post_as(b, 2, y, "lock.acquire", "[]");
    ok_as(b, 3, y, "lock.release", "[]", "null");
    granted(b, other, false);
    ok_as(b, 3, z, "lock.release", "[]", "null");
    granted(b, own, false);
    lose(a), lose(b);
}

static void a_session_of_more_threads_than_are_known_is_never_stuck(void **state)
{
    (void)state;
    enum { KNOWN = 32 };
    struct client *a = client_open();
    uint64_t x = open_object(a, "lock", "[]"), n[KNOWN + 1];
    take_as(a, 1, x, "lock.acquire");
    for (unsigned i = 2; i <= KNOWN; i++)
        n[i] = wait_as(a, i, x, "lock.acquire", "[]");
    ok_as(a, KNOWN + 1, 0, "server.ping", "[]", "null");
    n[1] = wait_as(a, 1, x, "lock.acquire", "[]");
    for (unsigned i = 2; i <= KNOWN; i++) {
        ok_as(a, KNOWN + 1, x, "lock.release", "[]", "null");
        granted(a, n[i], false);
    }
    ok_as(a, KNOWN + 1, x, "lock.release", "[]", "null");
    granted(a, n[1], false);
    lose(a);
}

static void an_rlock_is_its_threads_alone(void **state)
{
    (void)state;
    struct client *a = client_open();
    uint64_t x = open_object(a, "rlock", "[]"), y = open_object(a, "rlock", "[]");
    ok_as(a, 3, 0, "server.ping", "[]", "null");
    take_as(a, 1, x, "rlock.acquire");
    take_as(a, 2, y, "rlock.acquire");
    uint64_t first = post_as(a, 1, y, "rlock.acquire", "[]");
    answered(a, post_as(a, 2, x, "rlock.acquire", "[]"), deadlock); /* whatever thread 3 may do */
    ok_as(a, 2, y, "rlock.release", "[]", "null");
    granted(a, first, false);
    lose(a);
}

static void what_is_used_as_a_signal_is_no_deadlock(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t l = open_object(a, "lock", "[]"), s = open_object(a, "semaphore", "[null, 0]");
    take(a, l, "lock.acquire");
    ok(b, l, "lock.release", "[]", "null"); /* released by who does not hold it */
    take(a, l, "lock.acquire");
    uint64_t again = wait_as(a, 1, l, "lock.acquire", "[]");
    ok(b, l, "lock.release", "[]", "null");
    granted(a, again, false);
    ok(b, s, "semaphore.release", "[]", "null");
    take(a, s, "semaphore.acquire");
    again = wait_as(a, 1, s, "semaphore.acquire", "[]");
    ok(b, s, "semaphore.release", "[]", "null");
    granted(a, again, false);
    lose(a), lose(b);
}

static void who_may_still_go_on_is_not_stuck(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t x = open_object(a, "lock", "[]"), y = open_object(a, "lock", "[]");
    uint64_t e = open_object(a, "event", "[]"), z = open_object(a, "lock", "[]");
    take(a, x, "lock.acquire");
    take(b, y, "lock.acquire");
    uint64_t first = wait_as(a, 1, y, "lock.acquire", "[]");
    uint64_t second = post(a, e, "event.wait", "[]");
    waits(a, second); /* two waiting calls: it is no thread that blocks */
    uint64_t hopes = wait_as(b, 1, x, "lock.acquire", "[]");
    ok(a, x, "lock.release", "[]", "null");
    granted(b, hopes, false);
    ok(b, y, "lock.release", "[]", "null");
    granted(a, first, false);
    ok(b, e, "event.set", "[]", "null");
    answered(a, second, "null");
    ok(b, x, "lock.release", "[]", "null");
    ok(b, e, "event.clear", "[]", "null");
    take(b, x, "lock.acquire");
    second = post(a, e, "event.wait", "[]");
    waits(a, second);
    first = wait_as(a, 1, x, "lock.acquire", "[]"); /* the same the other way round */
    hopes = wait_as(b, 1, y, "lock.acquire", "[]");
    ok(a, y, "lock.release", "[]", "null");
    granted(b, hopes, false);
    ok(b, e, "event.set", "[]", "null");
    answered(a, second, "null");
    granted(b, post(b, z, "lock.acquire", "[-1, 300]"), false); /* lapses by itself */
    ok(b, x, "lock.release", "[]", "null");
    granted(a, first, false);
    wait_as(b, 1, x, "lock.acquire", "[]");
    granted(a, post(a, z, "lock.acquire", "[]"), true);
    lose(a), lose(b);
}

static void a_wait_on_a_condition_that_closes_a_cycle_is_a_deadlock(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t m = open_object(a, "rlock", "[]"), v = open_object(a, "condition", "[]");
    take(a, m, "rlock.acquire");
    take(a, v, "condition.acquire");
    uint64_t w = post(a, v, "condition.wait", "[1000]");
    take(b, v, "condition.acquire");
    uint64_t first = wait_as(b, 1, m, "rlock.acquire", "[]"); /* a waits to be notified, with a limit */
    answered(a, w, deadlock); /* its time was up: it wanted the lock of b, who wants that of a */
    waits(b, first);
    ok(a, m, "rlock.release", "[]", "null");
    granted(b, first, false);
    lose(a), lose(b);
}

static void a_deadlock_through_another_thread_of_the_holder_says_so(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t x = open_object(a, "lock", "['own']"), y = open_object(a, "lock", "['other']");
    uint64_t z = open_object(a, "rlock", "['third']");
    take_as(b, 1, x, "lock.acquire");
    take_as(a, 1, y, "lock.acquire");
    take_as(b, 2, z, "rlock.acquire");
    wait_as(b, 2, y, "lock.acquire", "[]");
    wait_as(b, 1, z, "rlock.acquire", "[]");
    answered(a, post(a, x, "lock.acquire", "[]"), deadlock);
    says(a, "waits for lock \"own\" held by session ");
    says(a, " thread 1, which waits for rlock \"third\" held by session ");
    says(a, " thread 2, which waits for lock \"other\" held by session ");
    uint64_t w = open_object(b, "lock", "[]"), free_w = 0;
    ok(a, 0, "server.delete", "['third']", "null"); /* thread 1 of b is told and may go on */
    granted(b, post_as(b, 1, w, "lock.acquire", "[]"), false);
    free_w = wait_as(b, 1, w, "lock.acquire", "[]"); /* its own, which thread 2 could release */
    answered(a, post(a, x, "lock.acquire", "[]"), deadlock);
    says(a,
         " thread 1, in whose place its thread 2 could give it back but waits for lock \"other\" held by ");
    ok(a, y, "lock.release", "[]", "null");
    ok_as(b, 2, w, "lock.release", "[]", "null");
    granted(b, free_w, false);
    ok(a, 0, "server.delete", "['own']", "null");
    ok(a, 0, "server.delete", "['other']", "null");
    lose(a), lose(b);
}

static void a_long_cycle_is_told_in_short(void **state)
{
    (void)state;
    enum { PARTIES = 40 };
    struct client *c[PARTIES];
    uint64_t l[PARTIES];
    for (int i = 0; i < PARTIES; i++) {
        c[i] = client_open();
        l[i] = open_object(c[i], "lock", "[]");
        take(c[i], l[i], "lock.acquire");
    }
    for (int i = 0; i < PARTIES - 1; i++)
        wait_as(c[i], 1, l[i + 1], "lock.acquire", "[]");
    answered(c[PARTIES - 1], post(c[PARTIES - 1], l[0], "lock.acquire", "[]"), deadlock);
    says(c[PARTIES - 1], text(", which waits, through 36 others, for lock #%llu held by session ", N(l[39])));
    for (int i = 0; i < PARTIES; i++)
        lose(c[i]);
}

/* Random locking against a model that knows holders and lines: what it predicts is what is answered. */
static void every_deadlock_is_found_and_nothing_else_is_called_one(void **state)
{
    (void)state;
    enum { PARTIES = 5, LOCKS = 6, STEPS = 600 };
    static const char *const types[] = {"lock", "rlock", "bounded_semaphore"};
    struct client *c[PARTIES];
    uint64_t l[LOCKS], waiting[PARTIES] = {0};
    int holder[LOCKS], wants[PARTIES], line[LOCKS][PARTIES], len[LOCKS] = {0};
    unsigned seed = 11, found = 0;
    for (int i = 0; i < PARTIES; i++)
        c[i] = client_open(), wants[i] = -1;
    for (int j = 0; j < LOCKS; j++)
        l[j] = open_object(c[0], types[j % 3], "[]"), holder[j] = -1;
    for (int step = 0; step < STEPS; step++) {
        int i = rand_r(&seed) % PARTIES, j = rand_r(&seed) % LOCKS;
        if (wants[i] >= 0)
            continue;
        if (holder[j] == i) {
            if (rand_r(&seed) % 2)
                continue;
            ok(c[i], l[j], text("%s.release", types[j % 3]), "[]", "null");
            holder[j] = -1;
            if (len[j] > 0) {
                int next = line[j][0];
                memmove(line[j], line[j] + 1, sizeof(line[j]) - sizeof(line[j][0]));
                len[j]--;
                granted(c[next], waiting[next], false);
                holder[j] = next;
                wants[next] = -1;
            }
            continue;
        }
        uint64_t n = post(c[i], l[j], text("%s.acquire", types[j % 3]), "[]");
        int end = holder[j];
        while (end >= 0 && end != i && wants[end] >= 0)
            end = holder[wants[end]];
        if (holder[j] < 0) {
            granted(c[i], n, false);
            holder[j] = i;
        } else if (end == i) {
            answered(c[i], n, deadlock);
            found++;
        } else {
            waits(c[i], n);
            waiting[i] = n;
            wants[i] = j;
            line[j][len[j]++] = i;
        }
    }
    assert_in_range(found, 10, STEPS);
    for (int i = 0; i < PARTIES; i++)
        lose(c[i]);
}

/* ---- time to live ---- */

static void a_grant_lapses_when_its_time_to_live_is_over(void **state)
{
    (void)state;
    static const struct {
        const char *type, *open;
    } rows[] = {
        {"lock", "[]"}, {"rlock", "[]"}, {"semaphore", "[null, 1]"}, {"bounded_semaphore", "[null, 1]"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct client *a = client_open(), *b = client_open();
        char acquire[64], release[64];
        snprintf(acquire, sizeof(acquire), "%s.acquire", rows[i].type);
        snprintf(release, sizeof(release), "%s.release", rows[i].type);
        uint64_t o = open_object(a, rows[i].type, rows[i].open);
        granted(a, post(a, o, acquire, "[-1, 50]"), false);
        granted(b, post(b, o, acquire, "[]"), true);
        fails(a, o, release, "[]", ROOST_ENOTOWNER); /* and b still holds it */
        fails(a, o, acquire, "[0]", ROOST_ETIMEDOUT);
        ok(b, o, release, "[]", "null");
        granted(a, post(a, o, acquire, "[0]"), false); /* b was told, that is enough */
        fails(a, o, acquire, "[-1, 0]", ROOST_EINVAL);
        lose(a), lose(b);
    }
}

static void a_lapsed_grant_is_told_to_who_comes_next(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t l = open_object(a, "lock", "[]"), e = open_object(a, "event", "[]");
    uint64_t token = granted(a, post(a, l, "lock.acquire", "[-1, 30]"), false);
    fails(a, e, "event.wait", "[60]", ROOST_ETIMEDOUT);
    ok(b, l, "lock.locked", "[]", "false");
    fails(a, l, "lock.release", text("[%llu]", N(token)), ROOST_ENOTOWNER);
    granted(b, post(b, l, "lock.acquire", "[0]"), true);
    lose(a), lose(b);
}

static void extend_gives_a_grant_more_time(void **state)
{
    (void)state;
    static const char *const types[] = {"lock", "rlock", "semaphore", "bounded_semaphore"};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct client *a = client_open(), *b = client_open();
        char acquire[64], extend[64];
        snprintf(acquire, sizeof(acquire), "%s.acquire", types[i]);
        snprintf(extend, sizeof(extend), "%s.extend", types[i]);
        uint64_t o = open_object(a, types[i], "[]");
        uint64_t token = granted(a, post(a, o, acquire, "[-1, 300]"), false);
        ok(a, o, extend, text("[%llu, 60000]", N(token)), "null");
        fails(b, o, acquire, "[350]", ROOST_ETIMEDOUT);
        ok(a, o, extend, text("[%llu]", N(token)), "null"); /* without limit */
        fails(a, o, extend, text("[%llu, 5]", N(token + 1)), ROOST_ENOTOWNER);
        fails(a, o, extend, text("[%llu, 0]", N(token)), ROOST_EINVAL);
        ok(a, o, extend, text("[%llu, 20]", N(token)), "null");
        granted(b, post(b, o, acquire, "[]"), true);
        fails(a, o, extend, text("[%llu, 20]", N(token)), ROOST_ENOTOWNER);
        lose(a), lose(b);
    }
}

static void a_condition_gives_its_lock_a_time_to_live(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t v = open_object(a, "condition", "[]");
    granted(a, post(a, v, "condition.acquire", "[-1, 100]"), false);
    uint64_t w = post(a, v, "condition.wait", "[300]"); /* does not lapse while it is given back */
    waits(a, w);
    take(b, v, "condition.acquire");
    ok(b, v, "condition.release", "[]", "null");
    assert_non_null(strstr(answer_text(a, w), "[false, "));
    granted(b, post(b, v, "condition.acquire", "[]"), true); /* its time began anew */
    fails(a, v, "condition.release", "[]", ROOST_ENOTOWNER);
    lose(a), lose(b);
}

/* ---- several at once ---- */

static const char *refs(uint64_t lock, uint64_t rlock, uint64_t semaphore, const char *more)
{
    return text("[[{'$ref': [%llu, 8]}, {'$ref': [%llu, 9]}, {'$ref': [%llu, 10]}]%s]", N(lock), N(rlock),
                N(semaphore), more);
}

static void several_are_taken_at_once_or_none(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t l = open_object(a, "lock", "['all-l']"), r = open_object(a, "rlock", "[]");
    uint64_t s = open_object(a, "semaphore", "[null, 1]"), q = open_object(a, "queue", "['all-q']");
    take(b, r, "rlock.acquire");
    uint64_t all = post(a, 0, "server.acquire", refs(l, r, s, ""));
    waits(a, all);
    ok(b, l, "lock.locked", "[]", "false"); /* who waits holds nothing */
    ok(b, s, "semaphore.get_value", "[]", "1");
    fails(b, 0, "server.acquire", refs(l, r, s, ", 0"), ROOST_ETIMEDOUT);
    fails(b, l, "lock.acquire", "[0]", ROOST_ETIMEDOUT); /* it is reserved for who came first */
    says(b, "is wanted by others who came before");
    ok(b, r, "rlock.release", "[]", "null");
    const char *grants = answer_text(a, all);
    assert_int_equal(grants[0] == '[' && grants[1] == '[', 1);
    uint64_t token = strtoull(grants + 2, NULL, 10);
    ok(b, l, "lock.locked", "[]", "true");
    ok(b, s, "semaphore.get_value", "[]", "0");
    fails(a, 0, "server.give_back", refs(l, r, s, text(", [%llu, 1, 1]", N(token))), ROOST_ENOTOWNER);
    ok(b, l, "lock.locked", "[]", "true"); /* all or none */
    ok(a, 0, "server.give_back", refs(l, r, s, ""), "null");
    fails(a, 0, "server.give_back", refs(l, r, s, ""), ROOST_EOVERRELEASE);
    says(a, "lock \"all-l\": it is not locked");
    ok(b, s, "semaphore.get_value", "[]", "1");

    fails(a, 0, "server.acquire", "[[]]", ROOST_EINVAL);
    fails(a, 0, "server.acquire", "[['all-l', 'all-l']]", ROOST_EINVAL);
    fails(a, 0, "server.acquire", "[['all-l', 'nobody']]", ROOST_ENOENT);
    fails(a, 0, "server.acquire", "[['all-q']]", ROOST_ETYPE);
    fails(a, 0, "server.acquire", "[[5]]", ROOST_ETYPE);
    fails(a, 0, "server.give_back", "[['all-l'], [1, 2]]", ROOST_EINVAL);
    ok(a, l, "lock.locked", "[]", "false");
    ok(a, 0, "server.delete", "['all-l']", "null");
    ok(a, q, "queue.empty", "[]", "true");
    ok(a, 0, "server.delete", "['all-q']", "null");
    lose(a), lose(b);
}

static void who_wants_several_is_not_overtaken_and_does_not_block_when_gone(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open(), *c = client_open();
    uint64_t l = open_object(a, "lock", "[]"), r = open_object(a, "rlock", "[]");
    uint64_t s = open_object(a, "semaphore", "[null, 5]");
    take(a, r, "rlock.acquire");
    uint64_t all = post(b, 0, "server.acquire", refs(l, r, s, ""));
    waits(b, all);
    uint64_t one = wait_as(c, 1, l, "lock.acquire", "[]"),
             permit = wait_as(c, 2, s, "semaphore.acquire", "[]");
    ok(a, r, "rlock.release", "[]", "null");
    assert_int_equal(answer_text(b, all)[0], '[');
    granted(c, permit, false); /* the first in line took its permit, there are more */
    waits(c, one);
    ok(b, 0, "server.give_back", refs(l, r, s, ""), "null");
    granted(c, one, false);
    ok(c, l, "lock.release", "[]", "null");

    take(a, r, "rlock.acquire");
    all = post(b, 0, "server.acquire", refs(l, r, s, ", 30"));
    one = post(c, l, "lock.acquire", "[]");
    answered(b, all, text("error %d", ROOST_ETIMEDOUT));
    granted(c, one, false); /* nobody is ahead any more */
    ok(c, l, "lock.release", "[]", "null");

    all = post(b, 0, "server.acquire", refs(l, r, s, ""));
    waits(b, all);
    one = wait_as(c, 1, l, "lock.acquire", "[]");
    lose(b);
    granted(c, one, false);
    ok(c, l, "lock.release", "[]", "null");

    all = post_as(c, 2, 0, "server.acquire", refs(l, r, s, ""));
    waits(c, all);
    one = wait_as(c, 1, l, "lock.acquire", "[]");
    ok(a, 0, "server.delete", text("[{'$ref': [%llu, 9]}]", N(r)), "null");
    answered(c, all, text("error %d", ROOST_EDELETED));
    granted(c, one, false);
    lose(a), lose(c);
}

static void several_at_once_lapse_and_deadlock_as_single_ones_do(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open(), *c = client_open();
    uint64_t l = open_object(a, "lock", "[]"), r = open_object(a, "rlock", "[]");
    uint64_t s = open_object(a, "semaphore", "[null, 1]"), x = open_object(a, "lock", "[]");
    assert_int_equal(answer_text(a, post(a, 0, "server.acquire", refs(l, r, s, ", -1, 40")))[0], '[');
    const char *grants = answer_text(b, post(b, 0, "server.acquire", refs(l, r, s, "")));
    const char *died = strstr(grants, "true");
    assert_non_null(died);
    assert_non_null(strstr(died + 1, "true"));
    assert_null(strstr(grants, "false"));
    take(a, x, "lock.acquire");
    wait_as(b, 1, x, "lock.acquire", "[]");
    answered(a, post(a, 0, "server.acquire", refs(l, r, s, "")), deadlock);
    /* c waits behind who wants several; the one ahead waits for c: a cycle through the line */
    uint64_t free_l = open_object(a, "lock", "[]");
    take(c, free_l, "lock.acquire");
    uint64_t y = open_object(a, "lock", "[]");
    uint64_t both =
        post(a, 0, "server.acquire", text("[[{'$ref': [%llu, 8]}, {'$ref': [%llu, 8]}]]", N(free_l), N(y)));
    waits(a, both);
    answered(c, post(c, y, "lock.acquire", "[]"), deadlock);
    says(c, " behind session ");
    ok(c, free_l, "lock.release", "[]", "null");
    assert_int_equal(answer_text(a, both)[0], '[');
    lose(a), lose(b), lose(c);
}

/* ---- guarded calls ---- */

static void a_guarded_call_is_refused_when_the_grant_is_over(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t l = open_object(a, "lock", "['guard-l']"), d = open_object(a, "dict", "[]");
    uint64_t token = take(a, l, "lock.acquire");
    answered(a, post_guarded(a, l, token, d, "dict.set", "['k', 1]"), "null");
    answered(b, post_guarded(b, l, token, d, "dict.set", "['k', 2]"), "null"); /* who knows it may use it */
    ok(a, l, "lock.release", "[]", "null");
    answered(a, post_guarded(a, l, token, d, "dict.set", "['k', 3]"), text("error %d", ROOST_ENOTOWNER));
    says(a, text("the grant with token %llu of lock \"guard-l\" is over", N(token)));
    uint64_t newer = take(b, l, "lock.acquire");
    answered(a, post_guarded(a, l, token, d, "dict.set", "['k', 3]"), text("error %d", ROOST_ENOTOWNER));
    answered(b, post_guarded(b, l, newer, d, "dict.incr", "['k']"), "3");
    answered(b, post_guarded(b, d, newer, d, "dict.incr", "['k']"), text("error %d", ROOST_ENOTOWNER));
    answered(b, post_guarded(b, 1u << 30, newer, d, "dict.incr", "['k']"), text("error %d", ROOST_ENOTOWNER));
    ok(a, 0, "server.delete", "['guard-l']", "null");
    answered(b, post_guarded(b, l, newer, d, "dict.set", "['k', 9]"), text("error %d", ROOST_ENOTOWNER));
    ok(a, d, "dict.get", "['k']", "3");
    lose(a), lose(b);
}

static void a_guarded_call_that_waits_is_refused_when_the_grant_ends(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t v = open_object(a, "condition", "[]"), q = open_object(a, "queue", "[null, 1]");
    uint64_t r = open_object(a, "barrier", "[null, 2]");
    ok(a, q, "queue.put", "['first']", "null");
    uint64_t token = granted(a, post(a, v, "condition.acquire", "[]"), false);
    uint64_t put = post_guarded(b, v, token, q, "queue.put", "['late']");
    uint64_t met = post_guarded(b, v, token, r, "barrier.wait", "[]");
    waits(b, put);
    waits(b, met);
    ok(a, v, "condition.release", "[]", "null");
    answered(b, put, text("error %d", ROOST_ENOTOWNER));
    answered(b, met, text("error %d", ROOST_ENOTOWNER));
    ok(a, r, "barrier.broken", "[]", "true"); /* as if the party had died */
    ok(a, q, "queue.qsize", "[]", "1");

    token = granted(a, post(a, v, "condition.acquire", "[-1, 80]"), false);
    put = post_guarded(b, v, token, q, "queue.put", "['late']");
    answered(b, put, text("error %d", ROOST_ENOTOWNER)); /* the grant lapsed */
    lose(a), lose(b);
}

static void a_guarded_wait_is_no_deadlock(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open(), *c = client_open();
    uint64_t g = open_object(a, "lock", "[]"), x = open_object(a, "lock", "[]");
    uint64_t y = open_object(a, "lock", "[]");
    uint64_t token = take(c, g, "lock.acquire");
    take(a, x, "lock.acquire");
    take(b, y, "lock.acquire");
    uint64_t first = post_guarded(a, g, token, y, "lock.acquire", "[]");
    waits(a, first);
    uint64_t second = wait_as(b, 1, x, "lock.acquire", "[]");
    ok(c, g, "lock.release", "[]", "null");
    answered(a, first, text("error %d", ROOST_ENOTOWNER));
    ok(a, x, "lock.release", "[]", "null");
    granted(b, second, false);
    lose(a), lose(b), lose(c);
}

/* ---- who ---- */

static void who_says_age_and_time_left_of_holders_and_waiters(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t l = open_object(a, "lock", "[]");
    uint64_t token = granted(a, post_as(a, 4, l, "lock.acquire", "[-1, 60000]"), false);
    wait_as(b, 5, l, "lock.acquire", "[50000]");
    pass_time(1000);
    const char *who = who_of(a, l, 8);
    const char *waiters = strstr(who, "\"waiters\"");
    assert_non_null(strstr(
        who, text("\"thread\": 4, \"host\": null, \"pid\": 0, \"label\": null, \"token\": %llu", N(token))));
    assert_non_null(waiters);
    assert_non_null(strstr(waiters, "\"thread\": 5"));
    long left = strtol(strstr(who, "\"left_ms\": ") + strlen("\"left_ms\": "), NULL, 10);
    assert_in_range(left, 50001, 60000);
    left = strtol(strstr(waiters, "\"left_ms\": ") + strlen("\"left_ms\": "), NULL, 10);
    assert_in_range(left, 40000, 50000);
    lose(a), lose(b);
}

void suite_locks(const struct CMUnitTest **ret, size_t *ret_len)
{
    static const struct CMUnitTest cases[] = {
        cmocka_unit_test(a_deadlock_of_two_is_told_to_the_newest),
        cmocka_unit_test(a_deadlock_is_found_through_all_that_can_be_held),
        cmocka_unit_test(a_waiter_outside_the_cycle_is_left_in_peace),
        cmocka_unit_test(a_wait_with_a_limit_is_no_deadlock),
        cmocka_unit_test(permits_are_a_deadlock_only_when_all_their_holders_are_stuck),
        cmocka_unit_test(a_lock_of_ones_own_is_a_deadlock_when_no_thread_is_left_to_release_it),
        cmocka_unit_test(a_session_of_more_threads_than_are_known_is_never_stuck),
        cmocka_unit_test(an_rlock_is_its_threads_alone),
        cmocka_unit_test(what_is_used_as_a_signal_is_no_deadlock),
        cmocka_unit_test(who_may_still_go_on_is_not_stuck),
        cmocka_unit_test(a_wait_on_a_condition_that_closes_a_cycle_is_a_deadlock),
        cmocka_unit_test(a_deadlock_through_another_thread_of_the_holder_says_so),
        cmocka_unit_test(a_long_cycle_is_told_in_short),
        cmocka_unit_test(every_deadlock_is_found_and_nothing_else_is_called_one),
        cmocka_unit_test(a_grant_lapses_when_its_time_to_live_is_over),
        cmocka_unit_test(a_lapsed_grant_is_told_to_who_comes_next),
        cmocka_unit_test(extend_gives_a_grant_more_time),
        cmocka_unit_test(a_condition_gives_its_lock_a_time_to_live),
        cmocka_unit_test(several_are_taken_at_once_or_none),
        cmocka_unit_test(who_wants_several_is_not_overtaken_and_does_not_block_when_gone),
        cmocka_unit_test(several_at_once_lapse_and_deadlock_as_single_ones_do),
        cmocka_unit_test(a_guarded_call_is_refused_when_the_grant_is_over),
        cmocka_unit_test(a_guarded_call_that_waits_is_refused_when_the_grant_ends),
        cmocka_unit_test(a_guarded_wait_is_no_deadlock),
        cmocka_unit_test(who_says_age_and_time_left_of_holders_and_waiters),
    };
    *ret = cases;
    *ret_len = sizeof(cases) / sizeof(cases[0]);
}
