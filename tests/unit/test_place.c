/* test_place.c: the loop's thread and the CPU of its clients, on an imagined clock. */
#include "tests/support/test.h"

#include <sched.h>

#include "shell/place.h"

enum { WAKE_US = 5, WAKES = 2000000 };

static uint32_t here(void)
{
    return (uint32_t)sched_getcpu() + 1;
}

static cpu_set_t mask_now(void)
{
    cpu_set_t mask;
    assert_int_equal(sched_getaffinity(0, sizeof(mask), &mask), 0);
    return mask;
}

/* With the test's own mask afterwards. */
static void assert_mask(const cpu_set_t *expected)
{
    cpu_set_t mask = mask_now();
    assert_true(CPU_EQUAL(&mask, expected));
}

static void a_thread_on_its_clients_cpu_moves_away_and_keeps_its_mask(void **state)
{
    (void)state;
    cpu_set_t mask = mask_now();
    if (CPU_COUNT(&mask) < 2)
        skip();
    struct place p = {0};
    bool moved = false;
    for (int64_t us = 1; !moved && us < WAKES; us += WAKE_US)
        moved = place_woken(&p, &p, here(), us);
    assert_true(moved);
    assert_mask(&mask);
}

static void moves_that_do_not_help_become_rare(void **state)
{
    (void)state;
    cpu_set_t mask = mask_now();
    if (CPU_COUNT(&mask) < 2)
        skip();
    struct place p = {0};
    int64_t last = 0, pause = 0;
    unsigned moves = 0;
    for (int64_t us = 1; us < (int64_t)WAKES * WAKE_US; us += WAKE_US) {
        if (!place_woken(&p, &p, here(), us))
            continue;
        assert_true(moves++ == 0 || us - last >= pause);
        pause = pause == 0 ? 1000 : pause < 500000 ? 2 * pause : 1000000;
        last = us;
    }
    assert_in_range(moves, 2, 20); /* ten seconds: after 1, 2, 4 … 512 ms, then once a second */
    assert_mask(&mask);
}

static void a_move_that_helped_leaves_the_next_as_quick_as_the_first(void **state)
{
    (void)state;
    cpu_set_t mask = mask_now();
    if (CPU_COUNT(&mask) < 2)
        skip();
    struct place p = {0};
    int64_t us = 1;
    for (int moves = 0; moves < 5; us += WAKE_US)
        moves += place_woken(&p, &p, here(), us);
    assert_in_range(p.pause_us, 2000, 1000000);
    p.found = 1000;
    for (bool moved = false; !moved; us += WAKE_US)
        moved = place_woken(&p, &p, here(), us);
    assert_int_equal(p.pause_us, 1000);
}

static void a_pinned_thread_stays(void **state)
{
    (void)state;
    cpu_set_t mask = mask_now(), one;
    CPU_ZERO(&one);
    CPU_SET(here() - 1, &one);
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    struct place p = {0};
    for (int64_t us = 1; us < WAKES; us += WAKE_US)
        assert_false(place_woken(&p, &p, here(), us));
    assert_mask(&one);
    assert_int_equal(sched_setaffinity(0, sizeof(mask), &mask), 0);
}

static void clients_in_turns_move_nobody(void **state)
{
    (void)state;
    struct place p = {0};
    int clients[2];
    for (int64_t us = 1; us < WAKES; us += WAKE_US)
        assert_false(place_woken(&p, &clients[us / WAKE_US % 2], here(), us));
}

static void rare_and_foreign_wake_ups_move_nobody(void **state)
{
    (void)state;
    struct place p = {0};
    for (int64_t us = 1; us < 1000 * 1000; us += 201)
        assert_false(place_woken(&p, &p, here(), us));
    for (int64_t us = 1; us < 100000; us++) {
        assert_false(place_woken(&p, &p, 0, us));               /* it does not say */
        assert_false(place_woken(&p, &p, CPU_SETSIZE + 7, us)); /* there is no such CPU */
        assert_false(place_woken(&p, &p, UINT32_MAX, us));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_on_its_clients_cpu_moves_away_and_keeps_its_mask),
        cmocka_unit_test(moves_that_do_not_help_become_rare),
        cmocka_unit_test(a_move_that_helped_leaves_the_next_as_quick_as_the_first),
        cmocka_unit_test(a_pinned_thread_stays),
        cmocka_unit_test(clients_in_turns_move_nobody),
        cmocka_unit_test(rare_and_foreign_wake_ups_move_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
