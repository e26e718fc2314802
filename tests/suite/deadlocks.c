/* deadlocks.c: cycles of waits are found when they close, and nothing else is called one. */
#include <stdlib.h>
#include <string.h>

#include "tests/suite/suite.h"

#define N(t) ((unsigned long long)(t))

static void a_deadlock_of_two_is_told_to_the_newest(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t x = open_object(a, "lock", "['dead-x']"), y = open_object(a, "lock", "['dead-y']");
    take(a, x, "lock.acquire");
    take(b, y, "lock.acquire");
    uint64_t first = wait_as(a, 1, y, "lock.acquire", "[]");
    answered(b, post(b, x, "lock.acquire", "[]"), text("error %d", ROOST_EDEADLK));
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
    answered(d, post(d, l, "lock.acquire", "[]"), text("error %d", ROOST_EDEADLK));
    says(d, "held by session ");
    says(d, "key 7 of keyed_lock \"dead-k\"");
    ok(d, k, "keyed_lock.release", "[['a', 7]]", "null");
    granted(c, last, false);
    uint64_t free_s = wait_as(d, 1, l, "lock.acquire", "[]"); /* c may still give its permit back */
    answered(c, post(c, v, "condition.acquire", "[]"), text("error %d", ROOST_EDEADLK));
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
    answered(b, post(b, x, "lock.acquire", "[]"), text("error %d", ROOST_EDEADLK));
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
    answered(c, post(c, s, "semaphore.acquire", "[]"), text("error %d", ROOST_EDEADLK));
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
    answered(a, post(a, x, "lock.acquire", "[]"),
             text("error %d", ROOST_EDEADLK)); /* its only thread waits for itself */
    take_as(b, 1, y, "lock.acquire");
    take_as(b, 2, z, "lock.acquire");
    uint64_t own = wait_as(b, 1, y, "lock.acquire", "[]"); /* thread 2 may release it */
    answered(b, post_as(b, 2, z, "lock.acquire", "[]"), text("error %d", ROOST_EDEADLK));
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
    answered(a, post_as(a, 2, x, "rlock.acquire", "[]"),
             text("error %d", ROOST_EDEADLK)); /* whatever thread 3 may do */
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
    answered(
        a, w,
        text("error %d", ROOST_EDEADLK)); /* its time was up: it wanted the lock of b, who wants that of a */
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
    answered(a, post(a, x, "lock.acquire", "[]"), text("error %d", ROOST_EDEADLK));
    says(a, "waits for lock \"own\" held by session ");
    says(a, " thread 1, which waits for rlock \"third\" held by session ");
    says(a, " thread 2, which waits for lock \"other\" held by session ");
    uint64_t w = open_object(b, "lock", "[]"), free_w = 0;
    ok(a, 0, "server.delete", "['third']", "null"); /* thread 1 of b is told and may go on */
    granted(b, post_as(b, 1, w, "lock.acquire", "[]"), false);
    free_w = wait_as(b, 1, w, "lock.acquire", "[]"); /* its own, which thread 2 could release */
    answered(a, post(a, x, "lock.acquire", "[]"), text("error %d", ROOST_EDEADLK));
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
    answered(c[PARTIES - 1], post(c[PARTIES - 1], l[0], "lock.acquire", "[]"),
             text("error %d", ROOST_EDEADLK));
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
            answered(c[i], n, text("error %d", ROOST_EDEADLK));
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

static void ones_own_rlock_is_free_whoever_waits_for_it(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open(), *c = client_open();
    uint64_t r = open_object(a, "rlock", "[]"), x = open_object(a, "lock", "[]"),
             l = open_object(a, "lock", "[]");
    take(a, r, "rlock.acquire");
    take(c, x, "lock.acquire");
    uint64_t behind =
        post(b, 0, "server.acquire", text("[[{'$ref': [%llu, 9]}, {'$ref': [%llu, 8]}]]", N(r), N(l)));
    waits(b, behind);
    uint64_t both =
        post(a, 0, "server.acquire", text("[[{'$ref': [%llu, 9]}, {'$ref': [%llu, 8]}]]", N(r), N(x)));
    waits(a, both); /* for c only, though b stands before it in the rlock's line */
    ok(c, x, "lock.release", "[]", "null");
    assert_int_equal(answer_text(a, both)[0], '[');
    ok(a, r, "rlock.release", "[]", "null");
    waits(b, behind);
    ok(a, r, "rlock.release", "[]", "null");
    assert_int_equal(answer_text(b, behind)[0], '[');
    lose(a), lose(b), lose(c);
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

/* The same two waits as in the first case, but the first to wait goes on: it may still give x back. */
static void a_thread_that_goes_on_is_not_stuck(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t x = open_object(a, "lock", "[]"), y = open_object(a, "lock", "[]");
    take(a, x, "lock.acquire");
    take(b, y, "lock.acquire");
    uint64_t first = post_with(a, "{'async': true}", y, "lock.acquire", "[]");
    waits(a, first);
    uint64_t second = wait_as(b, 1, x, "lock.acquire", "[]");
    ok(a, x, "lock.release", "[]", "null");
    granted(b, second, false);
    ok(b, y, "lock.release", "[]", "null");
    granted(a, first, false);
    uint64_t own = post_with(a, "{'async': true}", y, "lock.acquire", "[]"); /* nor for what it has itself */
    waits(a, own);
    answered(a, post_with(a, "{'async': 1}", y, "lock.locked", "[]"), text("error %d", ROOST_EINVAL));
    lose(a), lose(b);
}

void suite_deadlocks(const struct CMUnitTest **ret, size_t *ret_len)
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
        cmocka_unit_test(ones_own_rlock_is_free_whoever_waits_for_it),
        cmocka_unit_test(a_guarded_wait_is_no_deadlock),
        cmocka_unit_test(a_thread_that_goes_on_is_not_stuck),
    };
    *ret = cases;
    *ret_len = sizeof(cases) / sizeof(cases[0]);
}
