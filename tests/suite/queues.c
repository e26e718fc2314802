/* queues.c: queues: order, bounds, waiting, tasks, shutdown, and sessions that vanish with items in their
 * hands. */
#include "tests/suite/suite.h"

static void fifo_lifo_and_priority_give_in_their_order(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t f = open_object(c, "queue", "[]"), l = open_object(c, "queue", "[null, 0, 'lifo']");
    uint64_t p = open_object(c, "queue", "[null, 0, 'priority']");
    uint64_t queues[] = {f, l, p};
    for (int i = 0; i < 3; i++)
        ok(c, queues[i], "queue.put_many", "[[[2, 'b'], [1, 'z'], [2, 'a'], [1, 'z']]]", "null");
    ok(c, f, "queue.get_many", "[10]", "[[2, \"b\"], [1, \"z\"], [2, \"a\"], [1, \"z\"]]");
    ok(c, l, "queue.get_many", "[10]", "[[1, \"z\"], [2, \"a\"], [1, \"z\"], [2, \"b\"]]");
    ok(c, p, "queue.get_many", "[3]", "[[1, \"z\"], [1, \"z\"], [2, \"a\"]]");
    ok(c, p, "queue.put", "['words after numbers and before arrays']", "null");
    ok(c, p, "queue.put", "[null]", "null");
    ok(c, p, "queue.get", "[]", "null");
    ok(c, p, "queue.get", "[0]", "\"words after numbers and before arrays\"");
    ok(c, p, "queue.get_nowait", "[]", "[2, \"b\"]");
    fails(c, 0, "queue.open", "[null, 0, 'stack']", ROOST_EINVAL);
    lose(c);
}

static void a_bounded_queue_says_full_and_empty(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t q = open_object(c, "queue", "[null, 2]");
    ok(c, q, "queue.empty", "[]", "true");
    ok(c, q, "queue.put", "[1]", "null");
    ok(c, q, "queue.put_nowait", "[2]", "null");
    ok(c, q, "queue.full", "[]", "true");
    ok(c, q, "queue.qsize", "[]", "2");
    fails(c, q, "queue.put_nowait", "[3]", ROOST_EFULL);
    fails(c, q, "queue.put", "[3, 0]", ROOST_EFULL);
    fails(c, q, "queue.put", "[3, 30]", ROOST_ETIMEDOUT);
    fails(c, q, "queue.put_many", "[[1, 2, 3]]", ROOST_EINVAL); /* can never fit */
    fails(c, q, "queue.put_many", "[[1], 0]", ROOST_EFULL);
    ok(c, q, "queue.get", "[]", "1");
    ok(c, q, "queue.get", "[]", "2");
    fails(c, q, "queue.get", "[0]", ROOST_EEMPTY);
    fails(c, q, "queue.get_nowait", "[]", ROOST_EEMPTY);
    fails(c, q, "queue.get", "[30]", ROOST_ETIMEDOUT);
    fails(c, q, "queue.get_many", "[0]", ROOST_EINVAL);
    ok(c, q, "queue.full", "[]", "false");
    lose(c);
}

static void getters_are_served_first_come_first_served(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open(), *c = client_open();
    uint64_t q = open_object(a, "queue", "[]");
    uint64_t first = post(a, q, "queue.get", "[]");
    waits(a, first);
    uint64_t second = post(b, q, "queue.get", "[]");
    waits(b, second);
    uint64_t third = post_as(a, 2, q, "queue.get_many", "[5]");
    waits(a, third);
    ok(c, q, "queue.put_many", "[['one', 'two', 'three', 'four']]", "null");
    answered(a, first, "\"one\"");
    answered(b, second, "\"two\"");
    answered(a, third, "[\"three\", \"four\"]");
    lose(a), lose(b), lose(c);
}

static void putters_wait_for_room_in_order(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t q = open_object(a, "queue", "[null, 3]");
    ok(a, q, "queue.put_many", "[[1, 2, 3]]", "null");
    uint64_t two = post(a, q, "queue.put_many", "[['x', 'y']]");
    waits(a, two);
    uint64_t one = post(b, q, "queue.put", "['behind']");
    waits(b, one);
    ok(b, q, "queue.get", "[]", "1");
    waits(a, two); /* room for one, but the two came first */
    waits(b, one);
    ok(b, q, "queue.get", "[]", "2");
    answered(a, two, "null");
    ok(b, q, "queue.get", "[]", "3");
    answered(b, one, "null");
    ok(b, q, "queue.get_many", "[9]", "[\"x\", \"y\", \"behind\"]");
    lose(a), lose(b);
}

static void a_putter_that_gives_up_lets_the_next_in(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t q = open_object(a, "queue", "[null, 2]");
    ok(a, q, "queue.put", "[1]", "null");
    uint64_t two = post(a, q, "queue.put_many", "[[2, 3], 400]");
    waits(a, two);
    uint64_t one = post(b, q, "queue.put", "[4]");
    waits(b, one);
    answered(a, two, text("error %d", ROOST_ETIMEDOUT));
    answered(b, one, "null");
    ok(b, q, "queue.get_many", "[9]", "[1, 4]");
    lose(a), lose(b);
}

static void join_returns_when_every_task_is_done(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t q = open_object(a, "queue", "[]");
    ok(a, q, "queue.join", "[0]", "null");
    fails(a, q, "queue.task_done", "[]", ROOST_EOVERRELEASE);
    ok(a, q, "queue.put_many", "[[1, 2, 3]]", "null");
    fails(a, q, "queue.join", "[0]", ROOST_ETIMEDOUT);
    fails(a, q, "queue.join", "[20]", ROOST_ETIMEDOUT);
    uint64_t join = post(b, q, "queue.join", "[]");
    waits(b, join);
    ok(a, q, "queue.get_many", "[3]", "[1, 2, 3]");
    ok(a, q, "queue.task_done", "[2]", "null");
    waits(b, join);
    ok(a, q, "queue.task_done", "[]", "null");
    answered(b, join, "null");
    fails(a, q, "queue.task_done", "[]", ROOST_EOVERRELEASE);
    lose(a), lose(b);
}

static void shutdown_empties_first_or_ends_at_once(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t q = open_object(a, "queue", "[null, 2]");
    ok(a, q, "queue.put_many", "[[1, 2]]", "null");
    uint64_t put = post(b, q, "queue.put", "[3]");
    waits(b, put);
    ok(a, q, "queue.shutdown", "[]", "null");
    answered(b, put, text("error %d", ROOST_ESHUTDOWN));
    fails(a, q, "queue.put", "[4]", ROOST_ESHUTDOWN);
    ok(a, q, "queue.get", "[]", "1");
    ok(a, q, "queue.get", "[]", "2");
    fails(a, q, "queue.get", "[]", ROOST_ESHUTDOWN);

    uint64_t r = open_object(a, "queue", "[]");
    uint64_t get = post(b, r, "queue.get", "[]");
    waits(b, get);
    ok(a, r, "queue.shutdown", "[]", "null");
    answered(b, get, text("error %d", ROOST_ESHUTDOWN));

    uint64_t s = open_object(a, "queue", "[]");
    ok(a, s, "queue.put_many", "[[1, 2]]", "null");
    uint64_t join = post(b, s, "queue.join", "[]");
    waits(b, join);
    ok(a, s, "queue.shutdown", "[true]", "null");
    answered(b, join, "null"); /* what was drained counts as done */
    fails(a, s, "queue.get", "[0]", ROOST_ESHUTDOWN);
    lose(a), lose(b);
}

static void items_not_acknowledged_return_to_the_head(void **state)
{
    (void)state;
    static const char *const kinds[] = {"fifo", "lifo", "priority"};
    struct client *b = client_open();
    for (int i = 0; i < 3; i++) {
        struct client *a = client_open();
        uint64_t q = open_object(b, "queue", text("[null, 0, '%s']", kinds[i]));
        ok(b, q, "queue.put_many", i == 1 ? "[[5, 4, 3, 2, 1]]" : "[[1, 2, 3, 4, 5]]", "null");
        ok(a, q, "queue.get", "[]", "1");
        uint64_t kept = post(a, q, "queue.get", "[]");
        answered(a, kept, "2");
        ok(a, q, "queue.get", "[]", "3");
        acknowledge_call(a, kept);
        ok(a, 0, "server.ping", "[1]", "1");
        assert_int_equal(info(b, "deliveries"), 2);
        lose(a);
        await_info(b, "deliveries", 0);
        uint64_t rest = post(b, q, "queue.get_many", "[9]");
        answered(b, rest, "[1, 3, 4, 5]");
        acknowledge_call(b, rest);
        await_info(b, "deliveries", 0);
    }
    lose(b);
}

static void returned_items_go_to_who_waits(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t q = open_object(b, "queue", "[]");
    ok(b, q, "queue.put_many", "[[1, 2]]", "null");
    ok(a, q, "queue.get_many", "[2]", "[1, 2]");
    uint64_t get = post(b, q, "queue.get", "[]");
    waits(b, get);
    lose(a);
    answered(b, get, "1");
    ok(b, q, "queue.get", "[]", "2");
    lose(b);
}

static void a_waiter_that_vanishes_takes_no_item(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t q = open_object(b, "queue", "[null, 1]");
    post(a, q, "queue.get", "[]");
    await_info(b, "waiters", 1);
    lose(a);
    await_info(b, "waiters", 0);
    ok(b, q, "queue.put", "['safe']", "null");
    struct client *d = client_open();
    post(d, q, "queue.put", "['never in']");
    await_info(b, "waiters", 1);
    lose(d);
    await_info(b, "waiters", 0);
    ok(b, q, "queue.get", "[]", "\"safe\"");
    fails(b, q, "queue.get", "[0]", ROOST_EEMPTY);
    lose(b);
}

static void references_travel_through_queues(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t q = open_object(b, "queue", "[]");
    uint64_t l = open_object(a, "list", "[null, ['inside']]");
    ok(a, q, "queue.put", text("[{'$ref': [%llu, 2]}]", (unsigned long long)l), "null");
    lose(a);
    await_info(b, "sessions", 1);
    uint64_t get = post(b, q, "queue.get", "[]");
    answered(b, get, text("\"<list #%llu>\"", (unsigned long long)l));
    acknowledge_call(b, get);
    ok(b, l, "list.copy", "[]", "[\"inside\"]");
    lose(b);
}

void suite_queues(const struct CMUnitTest **ret, size_t *ret_len)
{
    static const struct CMUnitTest cases[] = {
        cmocka_unit_test(fifo_lifo_and_priority_give_in_their_order),
        cmocka_unit_test(a_bounded_queue_says_full_and_empty),
        cmocka_unit_test(getters_are_served_first_come_first_served),
        cmocka_unit_test(putters_wait_for_room_in_order),
        cmocka_unit_test(a_putter_that_gives_up_lets_the_next_in),
        cmocka_unit_test(join_returns_when_every_task_is_done),
        cmocka_unit_test(shutdown_empties_first_or_ends_at_once),
        cmocka_unit_test(items_not_acknowledged_return_to_the_head),
        cmocka_unit_test(returned_items_go_to_who_waits),
        cmocka_unit_test(a_waiter_that_vanishes_takes_no_item),
        cmocka_unit_test(references_travel_through_queues),
    };
    *ret = cases;
    *ret_len = sizeof(cases) / sizeof(cases[0]);
}
