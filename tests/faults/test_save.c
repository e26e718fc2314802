/*
 * test_save.c: the states that the cases of the object suite lead to, saved and loaded with the first,
 * second, third … allocation failing: refused, nothing lost, nothing leaked; and at last the same state.
 * Bytes that are cut short or changed are refused too.
 */
#include <stdlib.h>

#include "tests/faults/countdown.h"
#include "tests/faults/record.h"
#include "tests/suite/suite.h"

enum { CASES_MAX = 256, EVENTS_MAX = 4000, STATES = 2 /* of a case */, DAMAGES = 40 };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { STRIDE = 11, LOADS_MAX = 10 };
#else
enum { STRIDE = 1, LOADS_MAX = 60 };
#endif

static const struct core_options options = {.hash_key = {5}};

static void save_with_failures(const struct core *core, struct buf *out)
{
    int rc = ROOST_ENOMEM;
    *out = buf_make(SIZE_MAX / 2);
    for (unsigned long n = 1; rc != ROOST_OK; n += STRIDE) {
        long alive = blocks_alive();
        buf_reset(out);
        roost__buf_free(out);
        countdown_start(n, false);
        rc = core_save(core, out);
        bool hit = countdown_stop();
        assert_int_equal(rc, hit ? ROOST_ENOMEM : ROOST_OK);
        assert_true(rc == ROOST_OK || out->len == 0);
        assert_true(blocks_alive() - alive <= 1);
    }
}

static void load_with_failures(struct slice bytes)
{
    struct core *core = NULL;
    struct buf again = buf_make(SIZE_MAX / 2);
    unsigned long n = 1;
    for (int loads = 0; core == NULL; n += STRIDE, loads++) {
        long alive = blocks_alive();
        countdown_start(loads < LOADS_MAX ? n : 0, false);
        int rc = core_load(&options, bytes, &core);
        bool hit = countdown_stop();
        assert_int_equal(rc, hit && core == NULL ? ROOST_ENOMEM : ROOST_OK);
        assert_true(core != NULL || blocks_alive() == alive);
    }
    assert_int_equal(core_save(core, &again), ROOST_OK);
    assert_true(slice_equal(buf_slice(&again), bytes));
    roost__buf_free(&again);
    core_destroy(core);
}

static void expect_damaged(struct slice bytes)
{
    struct core *core = NULL;
    long alive = blocks_alive();
    assert_int_equal(core_load(&options, bytes, &core), ROOST_EDAMAGED);
    assert_true(blocks_alive() == alive);
}

static void damage(struct buf *bytes)
{
    size_t stride = bytes->len / DAMAGES + 1;
    for (size_t at = bytes->len % stride; at < bytes->len; at += stride) {
        expect_damaged(slice_of(bytes->data, at));
        bytes->data[at] ^= 4;
        expect_damaged(buf_slice(bytes));
        bytes->data[at] ^= 4;
    }
}

static void try_state(const struct record *r, size_t events)
{
    struct effects effects;
    struct buf bytes;
    struct core *core = replay(r, events, &effects);
    save_with_failures(core, &bytes);
    load_with_failures(buf_slice(&bytes));
    damage(&bytes);
    roost__buf_free(&bytes);
    effects_free(&effects);
    core_destroy(core);
}

static void its_states_are_saved_and_loaded(void **state)
{
    const struct CMUnitTest *test = *state;
    struct record r;
    void *own = test->initial_state;
    record_begin(&r);
    suite_start(&backend_core);
    test->test_func(&own);
    suite_stop();
    record_end();
    record_give_grace(&r);
    for (size_t i = 1; i <= STATES && r.len <= EVENTS_MAX; i++)
        try_state(&r, r.len * i / STATES);
    record_free(&r);
}

int main(void)
{
    static struct CMUnitTest cases[CASES_MAX];
    size_t n = 0;
    for (size_t i = 0; i < suite_group_count; i++) {
        const struct CMUnitTest *more;
        size_t len;
        suite_groups[i](&more, &len);
        for (size_t k = 0; k < len && n < CASES_MAX; k++)
            cases[n++] = (struct CMUnitTest){.name = more[k].name,
                                             .test_func = its_states_are_saved_and_loaded,
                                             .initial_state = (void *)(uintptr_t)&more[k]};
    }
    return _cmocka_run_group_tests("states saved and loaded", cases, n, NULL, NULL);
}
