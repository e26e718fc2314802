/* keyed_locks.c: a lock for each key: several at once, order, tokens, death, and nothing stored for free
 * keys. */
#include <stdlib.h>
#include <string.h>

#include "tests/suite/suite.h"

#define N(t) ((unsigned long long)(t))

static const char *const not_owner = "error -12";

static uint64_t take_keys(struct client *c, uint64_t k, const char *keys)
{
    return granted(c, post(c, k, "keyed_lock.acquire", keys), false);
}

static uint64_t wait_for(struct client *c, uint64_t thread, uint64_t k, const char *keys)
{
    return wait_as(c, thread, k, "keyed_lock.acquire", keys);
}

/* How many keys something is stored for. */
static void stores(struct client *c, uint64_t k, int keys)
{
    const char *all = answer_text(c, post(c, 0, "server.describe", text("[{'$ref': [%llu, 15]}]", N(k))));
    if (strstr(all, text("\"keys\": %d", keys)) == NULL)
        fail_msg("%d keys are not in %s", keys, all);
}

static void keys_are_taken_all_or_none(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t k = open_object(a, "keyed_lock", "['keys']");
    uint64_t token = take_keys(a, k, "[['x', 1, [2, 'three']]]");
    stores(a, k, 3);
    take_keys(b, k, "[['y', 2]]");
    uint64_t n = wait_for(b, 1, k, "[['z', 'x']]");
    ok(b, k, "keyed_lock.locked", "['z']", "false"); /* who waits holds nothing */
    ok(b, k, "keyed_lock.locked", "['x']", "true");
    ok(b, k, "keyed_lock.locked", "[1.0]", "true"); /* equal numbers are one key */
    fails(b, k, "keyed_lock.acquire", "[['w', 1], 0]", ROOST_ETIMEDOUT);
    says(b, "key 1 of keyed_lock \"keys\" is held by ");
    fails(b, k, "keyed_lock.acquire", "[['w', 1], 20]", ROOST_ETIMEDOUT);
    ok(b, k, "keyed_lock.locked", "['w']", "false");
    ok(a, k, "keyed_lock.release", "[['x']]", "null");
    assert_true(granted(b, n, false) > token);
    ok(a, k, "keyed_lock.release", text("[null, %llu]", N(token)), "null"); /* what is left of the grant */
    ok(b, k, "keyed_lock.release", "[]", "null");                           /* all of the thread */
    stores(a, k, 0);
    ok(a, 0, "server.delete", "['keys']", "null");
    lose(a), lose(b);
}

static void a_key_named_twice_is_one_key(void **state)
{
    (void)state;
    struct client *a = client_open();
    uint64_t k = open_object(a, "keyed_lock", "[]");
    take_keys(a, k, "[[1, 1.0, true, 'a']]");
    stores(a, k, 2);
    const char *held = answer_text(a, post(a, k, "keyed_lock.held", "[]"));
    assert_non_null(strstr(held, "\"key\": 1}, "));
    assert_non_null(strstr(held, "\"key\": \"a\"}]"));
    assert_null(strstr(strstr(held, "\"key\": 1}") + 1, "\"key\": 1"));
    ok(a, k, "keyed_lock.release", "[['a', 1, true]]", "null");
    stores(a, k, 0);
    lose(a);
}

static void bad_keys_leave_nothing(void **state)
{
    (void)state;
    struct client *a = client_open();
    uint64_t k = open_object(a, "keyed_lock", "[]");
    fails(a, k, "keyed_lock.acquire", "[[]]", ROOST_EINVAL);
    fails(a, k, "keyed_lock.acquire", "[['good', {'bad': 1}]]", ROOST_ETYPE);
    fails(a, k, "keyed_lock.acquire", "['no array']", ROOST_ETYPE);
    fails(a, k, "keyed_lock.acquire", "[['a'], -1, 0]", ROOST_EINVAL);
    fails(a, k, "keyed_lock.release", "[[{}]]", ROOST_ETYPE);
    fails(a, k, "keyed_lock.locked", "[{}]", ROOST_ETYPE);
    char many[4096] = "[[";
    for (int i = 0; i < 1025; i++)
        strcat(many, i > 0 ? ",1" : "1");
    strcat(many, "]]");
    fails(a, k, "keyed_lock.acquire", many, ROOST_ELIMIT);
    stores(a, k, 0);
    lose(a);
}

static void keys_go_to_who_came_first_and_nobody_starves(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open(), *c = client_open(), *d = client_open();
    uint64_t k = open_object(a, "keyed_lock", "[]");
    take_keys(a, k, "[['x']]");
    uint64_t both = wait_for(b, 1, k, "[['x', 'y']]");
    uint64_t late = wait_for(c, 1, k, "[['y']]"); /* free, but wanted by who came before */
    take_keys(d, k, "[['other']]");               /* nobody wants this one */
    fails(d, k, "keyed_lock.acquire", "[['y'], 0]", ROOST_ETIMEDOUT);
    ok(a, k, "keyed_lock.release", "[['x']]", "null");
    granted(b, both, false);
    waits(c, late);
    uint64_t again = wait_for(a, 1, k, "[['x']]");
    ok(b, k, "keyed_lock.release", "[['y']]", "null");
    granted(c, late, false);
    waits(a, again);
    ok(b, k, "keyed_lock.release", "[['x']]", "null");
    granted(a, again, false);

    take_keys(c, k, "[['w']]");
    both = wait_for(b, 1, k, "[['x', 'v']]");
    late = wait_for(d, 1, k, "[['v', 'w']]");
    ok(c, k, "keyed_lock.release", "[['w']]", "null");
    waits(d, late); /* v is free, and reserved for b */
    ok(a, k, "keyed_lock.release", "[['x']]", "null");
    granted(b, both, false);
    ok(b, k, "keyed_lock.release", "[['x', 'v']]", "null");
    granted(d, late, false);
    take_keys(a, k, "[['x']]");

    both = wait_for(b, 1, k, "[['x', 'z']]");
    late = wait_for(d, 1, k, "[['z']]");
    lose(b); /* who leaves its lines lets the next ones come */
    granted(d, late, false);
    uint64_t timed = post(c, k, "keyed_lock.acquire", "[['x', 'p'], 30]");
    late = post(d, k, "keyed_lock.acquire", "[['p']]");
    answered(c, timed, text("error %d", ROOST_ETIMEDOUT));
    granted(d, late, false);
    lose(a), lose(c), lose(d);
}

static void a_key_is_given_back_by_its_session_only(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t k = open_object(a, "keyed_lock", "[]");
    uint64_t token = take_keys(a, k, "[['x', 'y']]");
    take_keys(b, k, "[['z']]");
    answered(b, post(b, k, "keyed_lock.release", "[['z', 'x']]"), not_owner);
    ok(b, k, "keyed_lock.locked", "['z']", "true"); /* all or none */
    answered(b, post(b, k, "keyed_lock.release", text("[null, %llu]", N(token))), not_owner);
    answered(a, post(a, k, "keyed_lock.release", text("[['x'], %llu]", N(token + 1))), not_owner);
    answered(a, post(a, k, "keyed_lock.release", "[['free']]"), not_owner);
    ok_as(a, 2, k, "keyed_lock.release", text("[['x'], %llu]", N(token)), "null");
    ok_as(a, 2, k, "keyed_lock.release", "[]", not_owner); /* thread 2 took none */
    ok(a, k, "keyed_lock.release", "[]", "null");
    stores(b, k, 1);
    lose(a), lose(b);
}

static void keys_of_a_dead_session_pass_on_and_say_so(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t k = open_object(b, "keyed_lock", "[]");
    take_keys(a, k, "[['x', 'y']]");
    uint64_t n = wait_for(b, 1, k, "[['x', 'free']]");
    lose(a);
    granted(b, n, true);
    stores(b, k, 3); /* y is remembered, though free: its next holder must be told */
    ok(b, k, "keyed_lock.locked", "['y']", "false");
    granted(b, post(b, k, "keyed_lock.acquire", "[['y']]"), true);
    ok(b, k, "keyed_lock.release", "[]", "null");
    stores(b, k, 0);
    take_keys(b, k, "[['y']]");
    lose(b);
}

static void keys_lapse_together_and_can_be_extended(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t k = open_object(a, "keyed_lock", "[]");
    uint64_t token = granted(a, post(a, k, "keyed_lock.acquire", "[['x', 'y'], -1, 300]"), false);
    ok(a, k, "keyed_lock.extend", text("[%llu, 60000]", N(token)), "null");
    fails(b, k, "keyed_lock.acquire", "[['y'], 350]", ROOST_ETIMEDOUT);
    ok(a, k, "keyed_lock.extend", text("[%llu, 30]", N(token)), "null");
    granted(b, post(b, k, "keyed_lock.acquire", "[['y', 'x']]"), true);
    fails(a, k, "keyed_lock.extend", text("[%llu, 30]", N(token)), ROOST_ENOTOWNER);
    answered(a, post(a, k, "keyed_lock.release", text("[null, %llu]", N(token))), not_owner);
    answered(a, post(a, k, "keyed_lock.release", "[['x']]"), not_owner);
    ok(b, k, "keyed_lock.locked", "['x']", "true");
    lose(a), lose(b);
}

static void held_and_who_show_keys(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t k = open_object(a, "keyed_lock", "['shown']");
    ok(a, k, "keyed_lock.held", "[]", "[]");
    uint64_t token = granted(a, post_as(a, 9, k, "keyed_lock.acquire", "[['x', 5], -1, 60000]"), false);
    wait_for(b, 3, k, "[['z', 'x']]");
    const char *held = answer_text(a, post(a, k, "keyed_lock.held", "[]"));
    const char *x = strstr(held, "\"key\": \"x\""), *five = strstr(held, "\"key\": 5");
    assert_true(x != NULL && five != NULL && x < five);
    assert_non_null(strstr(held, text("\"token\": %llu", N(token))));
    assert_non_null(strstr(held, "\"thread\": 9"));
    const char *who = answer_text(a, post(a, 0, "server.who", "['shown']"));
    const char *waiters = strstr(who, "\"waiters\"");
    assert_non_null(waiters);
    assert_non_null(strstr(waiters, "\"keys\": [\"z\", \"x\"]"));
    assert_non_null(strstr(who, "\"key\": 5"));
    ok(a, 0, "server.delete", "['shown']", "null");
    lose(a), lose(b);
}

static void deleting_a_keyed_lock_wakes_who_waits_for_keys(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t k = open_object(a, "keyed_lock", "['gone']");
    take_keys(a, k, "[['x']]");
    uint64_t n = wait_for(b, 1, k, "[['x', 'y']]"), m = wait_for(b, 2, k, "[['y']]");
    ok(a, 0, "server.delete", "['gone']", "null");
    answered(b, n, text("error %d", ROOST_EDELETED));
    answered(b, m, text("error %d", ROOST_EDELETED));
    lose(a), lose(b);
}

static void a_token_of_keys_guards_calls(void **state)
{
    (void)state;
    struct client *a = client_open();
    uint64_t k = open_object(a, "keyed_lock", "[]"), l = open_object(a, "list", "[]");
    uint64_t token = take_keys(a, k, "[['x', 'y']]");
    answered(a, post_guarded(a, k, token, l, "list.append", "[1]"), "null");
    ok(a, k, "keyed_lock.release", "[['x', 'y']]", "null");
    answered(a, post_guarded(a, k, token, l, "list.append", "[2]"), not_owner);
    ok(a, l, "list.len", "[]", "1");
    lose(a);
}

void suite_keyed_locks(const struct CMUnitTest **ret, size_t *ret_len)
{
    static const struct CMUnitTest cases[] = {
        cmocka_unit_test(keys_are_taken_all_or_none),
        cmocka_unit_test(a_key_named_twice_is_one_key),
        cmocka_unit_test(bad_keys_leave_nothing),
        cmocka_unit_test(keys_go_to_who_came_first_and_nobody_starves),
        cmocka_unit_test(a_key_is_given_back_by_its_session_only),
        cmocka_unit_test(keys_of_a_dead_session_pass_on_and_say_so),
        cmocka_unit_test(keys_lapse_together_and_can_be_extended),
        cmocka_unit_test(held_and_who_show_keys),
        cmocka_unit_test(deleting_a_keyed_lock_wakes_who_waits_for_keys),
        cmocka_unit_test(a_token_of_keys_guards_calls),
    };
    *ret = cases;
    *ret_len = sizeof(cases) / sizeof(cases[0]);
}
