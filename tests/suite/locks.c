/* locks.c: grants with a time to live, several things taken at once, guarded calls, who. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite/suite.h"

#define N(t) ((unsigned long long)(t))

/* Fetches what server.who says of an object. */
static const char *who_of(struct client *c, uint64_t o, unsigned type)
{
    return answer_text(c, post(c, 0, "server.who", text("[{'$ref': [%llu, %u]}]", N(o), type)));
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
    answered(a, post(a, 0, "server.acquire", refs(l, r, s, "")), text("error %d", ROOST_EDEADLK));
    /* c waits behind who wants several; the one ahead waits for c: a cycle through the line */
    uint64_t free_l = open_object(a, "lock", "[]");
    take(c, free_l, "lock.acquire");
    uint64_t y = open_object(a, "lock", "[]");
    uint64_t both =
        post(a, 0, "server.acquire", text("[[{'$ref': [%llu, 8]}, {'$ref': [%llu, 8]}]]", N(free_l), N(y)));
    waits(a, both);
    answered(c, post(c, y, "lock.acquire", "[]"), text("error %d", ROOST_EDEADLK));
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

static void a_condition_wait_may_be_guarded_by_the_grant_it_gives_back(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t cond = open_object(a, "condition", "[]"), token = take(a, cond, "condition.acquire");
    uint64_t waiting = post_guarded(a, cond, token, cond, "condition.wait", "[-1]");
    uint64_t newer = take(b, cond, "condition.acquire");
    waits(a, waiting);
    ok(b, cond, "condition.notify", "[]", "1");
    ok(b, cond, "condition.release", "[]", "null");
    answered(a, waiting, text("[true, %llu, false]", N(newer + 1)));
    ok(a, cond, "condition.release", "[]", "null");
    answered(a, post_guarded(a, cond, token, cond, "condition.wait", "[-1]"),
             text("error %d", ROOST_ENOTOWNER));
    lose(a), lose(b);
}

static void options_that_are_no_guard_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"{'other': 1}",       "{'guard': 7}",
                                      "{'guard': [1]}",     "{'guard': [1, 'two']}",
                                      "{'guard': [1, -2]}", "{'$map': [[5, [1, 2]]]}"};
    struct client *a = client_open();
    uint64_t d = open_object(a, "dict", "[]");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        answered(a, post_with(a, bad[i], d, "dict.set", "['k', 1]"), text("error %d", ROOST_EINVAL));
    answered(a, post_with(a, "{}", d, "dict.set", "['k', 2]"), "null");
    lose(a);
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
        cmocka_unit_test(a_grant_lapses_when_its_time_to_live_is_over),
        cmocka_unit_test(a_lapsed_grant_is_told_to_who_comes_next),
        cmocka_unit_test(extend_gives_a_grant_more_time),
        cmocka_unit_test(a_condition_gives_its_lock_a_time_to_live),
        cmocka_unit_test(several_are_taken_at_once_or_none),
        cmocka_unit_test(who_wants_several_is_not_overtaken_and_does_not_block_when_gone),
        cmocka_unit_test(several_at_once_lapse_and_deadlock_as_single_ones_do),
        cmocka_unit_test(a_guarded_call_is_refused_when_the_grant_is_over),
        cmocka_unit_test(a_condition_wait_may_be_guarded_by_the_grant_it_gives_back),
        cmocka_unit_test(options_that_are_no_guard_are_refused),
        cmocka_unit_test(a_guarded_call_that_waits_is_refused_when_the_grant_ends),
        cmocka_unit_test(who_says_age_and_time_left_of_holders_and_waiters),
    };
    *ret = cases;
    *ret_len = sizeof(cases) / sizeof(cases[0]);
}
