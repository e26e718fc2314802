/*
 * test_checks.c: the checks themselves, on histories written by hand: what is right passes, what is wrong is
 * named.
 */
#include "tests/support/test.h"

#include <string.h>

#include "tests/proof/checks.h"

static struct history *h;

static int fresh(void **state)
{
    (void)state;
    h = history_new();
    return 0;
}

static int gone(void **state)
{
    (void)state;
    history_free(h);
    return 0;
}

/* One operation of a process, from one moment to another; end NEVER: unknown. */
static void did(int process, enum op_kind kind, int64_t begin, int64_t end, int64_t arg, int64_t result)
{
    struct op *op = history_begin(h, process, (struct op){.process = process, .kind = kind, .arg = arg});
    assert_non_null(op);
    op->invoked = begin;
    if (end == NEVER)
        return;
    history_end(op, OP_DONE, result);
    op->returned = end;
}

static void swapped(int process, int64_t begin, int64_t end, int64_t expected, int64_t arg, bool result)
{
    did(process, OP_CAS, begin, end, arg, result);
    struct lane *lane = &h->lanes[process];
    lane->ops[atomic_load(&lane->len) - 1].expected = expected;
}

static void assert_wrong(const char *said, const char *part)
{
    if (strstr(said, part) == NULL)
        fail_msg("said \"%s\", not \"…%s…\"", said, part);
}

static void a_register_may_answer_in_any_order_that_time_allows(void **state)
{
    (void)state;
    did(1, OP_SET, 0, 10, 7, 0);
    did(2, OP_GET, 1, 2, 0, 7); /* while the set is under way: the new value */
    did(3, OP_GET, 3, 4, 0, 7);
    did(2, OP_ADD, 11, 20, 1, 9);
    did(3, OP_ADD, 11, 20, 1, 8);
    swapped(1, 21, 22, 9, 5, true);
    swapped(2, 23, 24, 9, 6, false);
    assert_string_equal(check_register(h, 0, 0), "");
}

static void a_register_does_not_go_back(void **state)
{
    (void)state;
    did(1, OP_SET, 0, 10, 7, 0);
    did(2, OP_GET, 1, 2, 0, 7);
    did(3, OP_GET, 3, 4, 0, 0); /* the old value, after the new one was seen */
    assert_wrong(check_register(h, 0, 0), "explains get");
}

static void a_call_counted_twice_is_seen_by_the_next(void **state)
{
    (void)state;
    did(1, OP_ADD, 0, 1, 1, 2); /* the answer to the second execution */
    assert_wrong(check_register(h, 0, 0), "explains incr");
}

static void an_unknown_call_happens_late_or_never(void **state)
{
    (void)state;
    did(1, OP_SET, 0, NEVER, 7, 0);
    did(2, OP_GET, 1, 2, 0, 0);
    did(2, OP_GET, 5, 6, 0, 7);
    did(3, OP_SET, 0, NEVER, 8, 0);
    assert_string_equal(check_register(h, 0, 0), "");
    did(2, OP_GET, 7, 8, 0, 0); /* but not both */
    assert_wrong(check_register(h, 0, 0), "explains get");
}

static void a_counter_is_exact_but_for_what_is_unknown(void **state)
{
    (void)state;
    did(1, OP_COUNT, 0, 1, 0, 1);
    did(2, OP_COUNT, 2, 3, 0, 2);
    did(3, OP_COUNT, 2, NEVER, 0, 0);
    assert_string_equal(check_counter(h, 0, 2), "");
    assert_string_equal(check_counter(h, 0, 3), "");
    assert_wrong(check_counter(h, 0, 1), "is 1");
    assert_wrong(check_counter(h, 0, 4), "is 4");
    did(4, OP_COUNT, 4, 5, 0, 2);
    assert_wrong(check_counter(h, 0, 3), "two saw the sum 2");
}

static void sums_of_a_counter_rise_in_time(void **state)
{
    (void)state;
    did(1, OP_COUNT, 0, 1, 0, 2);
    did(2, OP_COUNT, 2, 3, 0, 1);
    assert_wrong(check_counter(h, 0, 2), "seen after a greater one");
}

static void items_come_once_and_in_order(void **state)
{
    (void)state;
    did(1, OP_PUT, 0, 1, 11, 0);
    did(1, OP_PUT, 2, 3, 12, 0);
    did(2, OP_TAKE, 4, 9, 0, 12);
    did(3, OP_TAKE, 5, 8, 0, 11); /* together: either may have been first */
    assert_string_equal(check_queue(h, 0), "");
    did(2, OP_TAKE, 10, 11, 0, 11);
    did(2, OP_GET, 12, 13, 0, 0);
    did(3, OP_GET, 12, 13, 0, 0);
    assert_wrong(check_queue(h, 0), "11 was taken twice");
}

static void the_last_item_of_a_session_may_come_again(void **state)
{
    (void)state;
    did(1, OP_PUT, 0, 1, 11, 0);
    did(2, OP_TAKE, 2, 3, 0, 11);
    did(3, OP_TAKE, 4, 5, 0, 11);
    did(3, OP_GET, 6, 7, 0, 0);
    assert_string_equal(check_queue(h, 0), "");
}

static void an_overtaken_item_is_seen(void **state)
{
    (void)state;
    did(1, OP_PUT, 0, 1, 11, 0);
    did(1, OP_PUT, 2, 3, 12, 0);
    did(2, OP_TAKE, 4, 5, 0, 12);
    did(2, OP_TAKE, 6, 7, 0, 11);
    assert_wrong(check_queue(h, 0), "11 was overtaken");
    did(3, OP_TAKE, 4, NEVER, 0, 0); /* it was on its way to one that died */
    assert_string_equal(check_queue(h, 0), "");
}

static void a_lost_item_is_seen(void **state)
{
    (void)state;
    did(1, OP_PUT, 0, 1, 11, 0);
    assert_wrong(check_queue(h, 0), "1 items are lost");
    did(2, OP_TAKE, 4, NEVER, 0, 0);
    assert_string_equal(check_queue(h, 0), "");
    did(2, OP_TAKE, 4, 5, 0, 99);
    assert_wrong(check_queue(h, 0), "99 was taken, but never put");
}

static void sections_follow_each_other(void **state)
{
    (void)state;
    did(1, OP_ACQUIRE, 0, 1, 0, 5);
    did(1, OP_FENCED, 2, 3, 5, 1);
    did(1, OP_RELEASE, 4, 9, 5, 0);
    did(2, OP_ACQUIRE, 0, 5, 0, 6);
    did(2, OP_FENCED, 6, 7, 6, 2);
    assert_string_equal(check_lock(h, 0), "");
}

static void two_in_a_section_are_seen(void **state)
{
    (void)state;
    did(1, OP_ACQUIRE, 0, 1, 0, 5);
    did(2, OP_ACQUIRE, 0, 2, 0, 6);
    assert_string_equal(check_lock(h, 0), ""); /* the first may have lost it */
    did(1, OP_RELEASE, 3, 4, 5, 0);
    assert_wrong(check_lock(h, 0), "while an earlier one was in force");
}

static void tokens_rise(void **state)
{
    (void)state;
    did(1, OP_ACQUIRE, 0, 1, 0, 6);
    did(2, OP_ACQUIRE, 2, 3, 0, 5);
    assert_wrong(check_lock(h, 0), "after a greater one");
}

static void a_late_writer_is_seen(void **state)
{
    (void)state;
    did(1, OP_ACQUIRE, 0, 1, 0, 5);
    did(2, OP_ACQUIRE, 0, 3, 0, 6);
    did(2, OP_FENCED, 4, 5, 6, 1);
    did(1, OP_FENCED, 2, 6, 5, 2);
    assert_wrong(check_lock(h, 0), "wrote before a smaller one");
}

int main(void)
{
#define CHECK(name) cmocka_unit_test_setup_teardown(name, fresh, gone)
    const struct CMUnitTest tests[] = {
        CHECK(a_register_may_answer_in_any_order_that_time_allows),
        CHECK(a_register_does_not_go_back),
        CHECK(a_call_counted_twice_is_seen_by_the_next),
        CHECK(an_unknown_call_happens_late_or_never),
        CHECK(a_counter_is_exact_but_for_what_is_unknown),
        CHECK(sums_of_a_counter_rise_in_time),
        CHECK(items_come_once_and_in_order),
        CHECK(the_last_item_of_a_session_may_come_again),
        CHECK(an_overtaken_item_is_seen),
        CHECK(a_lost_item_is_seen),
        CHECK(sections_follow_each_other),
        CHECK(two_in_a_section_are_seen),
        CHECK(tokens_rise),
        CHECK(a_late_writer_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
