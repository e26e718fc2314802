/* cancel.c: calls that are given up while they wait. */
#include "tests/suite/suite.h"

static const char *cancelled(void)
{
    return text("error %d", ROOST_ECANCELED);
}

static void a_cancelled_call_leaves_its_line(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t q = open_object(a, "queue", "[]");
    uint64_t first = post(a, q, "queue.get", "[]"), second = post(a, q, "queue.get", "[]");
    waits(a, first);
    waits(a, second);
    cancel_call(a, first);
    answered(a, first, cancelled());
    waits(a, second);
    ok(b, q, "queue.put", "['for the second']", "null");
    answered(a, second, "\"for the second\"");
    ok(b, q, "queue.qsize", "[]", "0");
    lose(a), lose(b);
}

static void what_was_granted_before_the_cancel_stands(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t l = open_object(c, "lock", "[]");
    uint64_t acquire = post(c, l, "lock.acquire", "[]");
    cancel_call(c, acquire);
    cancel_call(c, 99999);
    granted(c, acquire, false);
    ok(c, l, "lock.locked", "[]", "true");
    ok(c, l, "lock.release", "[]", "null");
    lose(c);
}

static void a_session_cancels_only_its_own_calls(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t e = open_object(a, "event", "[]");
    uint64_t wait = post(a, e, "event.wait", "[]");
    waits(a, wait);
    cancel_call(b, wait);
    ok(b, 0, "server.ping", "[]", "null");
    waits(a, wait);
    ok(b, e, "event.set", "[]", "null");
    answered(a, wait, "null");
    lose(a), lose(b);
}

static void a_cancelled_putter_lets_the_next_in(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t q = open_object(a, "queue", "[null, 2]");
    ok(a, q, "queue.put", "[1]", "null");
    uint64_t two = post(a, q, "queue.put_many", "[['x', 'y']]");
    waits(a, two);
    uint64_t one = post(b, q, "queue.put", "['behind']");
    waits(b, one);
    cancel_call(a, two);
    answered(a, two, cancelled());
    answered(b, one, "null");
    ok(b, q, "queue.get_many", "[9]", "[1, \"behind\"]");
    lose(a), lose(b);
}

static void a_cancelled_party_breaks_the_barrier(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t barrier = open_object(a, "barrier", "[null, 3]");
    uint64_t mine = post(a, barrier, "barrier.wait", "[]");
    waits(a, mine);
    uint64_t other = post(b, barrier, "barrier.wait", "[]");
    waits(b, other);
    cancel_call(a, mine);
    answered(a, mine, cancelled());
    answered(b, other, text("error %d", ROOST_EBROKEN));
    lose(a), lose(b);
}

static void a_cancelled_condition_wait_ends_without_the_lock(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t c = open_object(a, "condition", "[]");
    granted(a, post(a, c, "condition.acquire", "[]"), false);
    uint64_t wait = post(a, c, "condition.wait", "[]");
    waits(a, wait);
    granted(b, post(b, c, "condition.acquire", "[]"), false);
    cancel_call(a, wait);
    answered(a, wait, cancelled());
    ok(b, c, "condition.notify_all", "[]", "0");
    fails(a, c, "condition.notify", "[]", ROOST_ENOTOWNER);
    ok(b, c, "condition.release", "[]", "null");
    lose(a), lose(b);
}

void suite_cancel(const struct CMUnitTest **ret, size_t *ret_len)
{
    static const struct CMUnitTest cases[] = {
        cmocka_unit_test(a_cancelled_call_leaves_its_line),
        cmocka_unit_test(what_was_granted_before_the_cancel_stands),
        cmocka_unit_test(a_session_cancels_only_its_own_calls),
        cmocka_unit_test(a_cancelled_putter_lets_the_next_in),
        cmocka_unit_test(a_cancelled_party_breaks_the_barrier),
        cmocka_unit_test(a_cancelled_condition_wait_ends_without_the_lock),
    };
    *ret = cases;
    *ret_len = sizeof(cases) / sizeof(cases[0]);
}
