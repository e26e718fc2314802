/*
 * test_saved.c: who may do what, and how much, in a core that was saved and loaded again. What everybody may
 * do is proven by the suite (tests/suite, backend saved) and the simulator.
 */
#include "tests/support/test.h"

#include "base/crc32c.h"
#include "base/error.h"
#include "core/admin.h"
#include "core/core.h"
#include "wire/frame.h"
#include "wire/methods.h"

enum { GRACE_MS = 5000, SOMEBODY = 17, HEADER = 24 };

/* read on pub.*, write on a */
static const uint8_t rules[] = {RIGHT_READ, 5, 'p', 'u', 'b', '.', '*', RIGHT_WRITE, 1, 'a'};
static const uint8_t secret[SECRET_LEN] = "0123456789abcde";
static struct core *core;
static struct effects effects;

static int set_up(void **state)
{
    (void)state;
    core = core_create(&(struct core_options){.now_us = 1000000, .epoch = 7});
    effects_init(&effects);
    return core == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    core_destroy(core);
    effects_free(&effects);
    return 0;
}

static struct buf saved(void)
{
    struct buf b = buf_make(1 << 20);
    assert_int_equal(core_save(core, &b), 0);
    return b;
}

/* The core is another one now, of the same bytes. */
static void save_and_load(void)
{
    struct buf before = saved();
    struct core_counts counts;
    core_counts(core, &counts);
    uint64_t memory = counts.memory;
    core_destroy(core);
    core = NULL;
    const struct core_options options = {.hash_key = "another"};
    assert_int_equal(core_load(&options, buf_slice(&before), &core), 0);
    struct buf after = saved();
    assert_true(slice_equal(buf_slice(&before), buf_slice(&after)));
    core_counts(core, &counts);
    assert_int_equal(counts.memory, memory);
    roost__buf_free(&before);
    roost__buf_free(&after);
}

static int step(struct event event)
{
    effects_reset(&effects);
    event.now_us = 1000000;
    return core_step(core, &event, &effects);
}

static uint64_t open_as(uint64_t identity, struct slice rights)
{
    struct buf info = buf_make(64);
    roost__put_map(&info, 1);
    roost__put_cstr(&info, "grace_ms");
    roost__put_int(&info, GRACE_MS);
    assert_int_equal(step((struct event){.kind = EVENT_OPEN,
                                         .payload = buf_slice(&info),
                                         .identity = identity,
                                         .restricted = identity != 0,
                                         .rights = rights,
                                         .secret = slice_of(secret, SECRET_LEN)}),
                     0);
    roost__buf_free(&info);
    return effects.opened;
}

/* A restricted session, and one that may do all. */
static uint64_t open_restricted(void)
{
    return open_as(SOMEBODY, slice_of(rules, sizeof(rules)));
}

static uint64_t open_all(void)
{
    return open_as(0, slice_of(NULL, 0));
}

/* Makes a call with one argument or (nil) none. Returns the reply, or the code of the error. */
static int64_t call(uint64_t session, uint64_t number, uint64_t target, uint32_t method, roost_value arg)
{
    struct buf b = buf_make(1024);
    struct item it;
    roost__put_array(&b, 7);
    roost__put_int(&b, FRAME_CALL);
    roost__put_uint(&b, number);
    roost__put_uint(&b, 1);
    roost__put_uint(&b, target);
    roost__put_uint(&b, method);
    roost__put_array(&b, arg.kind != ROOST_NIL);
    if (arg.kind != ROOST_NIL)
        assert_int_equal(roost__put_value(&b, &arg), 0);
    roost__put_uint(&b, 0);
    assert_int_equal(step((struct event){.kind = EVENT_CALL, .session = session, .payload = buf_slice(&b)}),
                     0);
    roost__buf_free(&b);
    assert_int_equal(effects.len, 1);
    const uint8_t *p = effects.bytes.data + effects.items[0].at + FRAME_HEADER;
    for (int i = 0; i < 4; i++)
        p = roost__scan_item(p, &it);
    return it.as.i;
}

static int64_t size_of(uint64_t session, uint64_t number, uint64_t queue)
{
    return call(session, number, queue, METHOD_queue_qsize, roost_nil());
}

static int64_t put(uint64_t session, uint64_t number, uint64_t queue)
{
    return call(session, number, queue, METHOD_queue_put_nowait, roost_str("x"));
}

static uint64_t make_queue(uint64_t session, uint64_t number, const char *name)
{
    int64_t id = call(session, number, 0, METHOD_queue_open, name != NULL ? roost_str(name) : roost_nil());
    assert_true(id > 0);
    return (uint64_t)id;
}

static int resume_as(uint64_t session, uint64_t identity)
{
    assert_int_equal(step((struct event){.kind = EVENT_DETACHED, .session = session}), 0);
    return step((struct event){.kind = EVENT_RESUMED,
                               .session = session,
                               .identity = identity,
                               .secret = slice_of(secret, SECRET_LEN)});
}

static void loaded_session_may_do_what_it_might_and_nothing_else(void **state)
{
    (void)state;
    uint64_t all = open_all(), s = open_restricted();
    uint64_t shown = make_queue(all, 1, "pub.q"), hidden = make_queue(all, 2, "q");
    save_and_load();
    assert_int_equal(size_of(s, 1, shown), 0);
    assert_int_equal(put(s, 2, shown), ROOST_EPERM);
    assert_int_equal(size_of(s, 3, hidden), ROOST_EPERM);
    assert_int_equal(put(all, 3, hidden), 0);
}

static void session_without_rules_is_not_one_that_may_do_all(void **state)
{
    (void)state;
    uint64_t all = open_all(), s = open_as(SOMEBODY, slice_of(NULL, 0));
    uint64_t q = make_queue(all, 1, "a");
    save_and_load();
    assert_int_equal(size_of(s, 1, q), ROOST_EPERM);
    assert_int_equal(size_of(all, 2, q), 0);
}

static void loaded_session_is_its_identitys_alone(void **state)
{
    (void)state;
    uint64_t s = open_restricted();
    save_and_load();
    assert_int_equal(core_identity_after(core, 0), SOMEBODY);
    assert_int_equal(core_identity_after(core, SOMEBODY), 0);
    assert_int_equal(resume_as(s, SOMEBODY + 1), ROOST_ESESSION);
    assert_int_equal(resume_as(s, 0), ROOST_ESESSION);
    assert_int_equal(resume_as(s, SOMEBODY), ROOST_OK);
}

static void anonymous_object_stays_its_makers(void **state)
{
    (void)state;
    uint64_t s = open_restricted(), other = open_as(SOMEBODY + 1, slice_of(rules, sizeof(rules)));
    uint64_t q = make_queue(s, 1, NULL);
    save_and_load();
    assert_int_equal(put(s, 2, q), 0);
    assert_int_equal(put(other, 1, q), ROOST_EPERM);
    assert_int_equal(put(open_restricted(), 1, q), 0);
}

static void other_rights_and_the_end_reach_loaded_sessions(void **state)
{
    (void)state;
    uint64_t all = open_all(), s = open_restricted();
    uint64_t q = make_queue(all, 1, "pub.q");
    save_and_load();
    static const uint8_t write_all[] = {RIGHT_WRITE, 1, '*'};
    struct event rights = {.kind = EVENT_RIGHTS,
                           .identity = SOMEBODY,
                           .restricted = true,
                           .rights = slice_of(write_all, sizeof(write_all))};
    assert_int_equal(step(rights), 0);
    save_and_load();
    assert_int_equal(put(s, 1, q), 0);
    assert_int_equal(size_of(s, 2, q), ROOST_EPERM);
    assert_int_equal(step((struct event){.kind = EVENT_RIGHTS, .identity = SOMEBODY}), 0);
    assert_int_equal(core_session_after(core, all), 0);
}

/* The bytes with their checksum made right. */
static int load_again(struct buf *b)
{
    struct core *loaded;
    uint32_t crc = roost__crc32c(roost__crc32c(0, b->data, HEADER - 4), b->data + HEADER, b->len - HEADER);
    put_u32be(b->data + 20, crc);
    int rc = core_load(&(struct core_options){.now_us = 1}, buf_slice(b), &loaded);
    if (rc == ROOST_OK)
        core_destroy(loaded);
    return rc;
}

/* ---- limits ---- */

static void limits_are_part_of_the_state(void **state)
{
    (void)state;
    struct core_limits limits = core_limits_standard;
    limits.name_max = 3;
    core_set_limits(core, &limits);
    uint64_t s = open_all();
    save_and_load();
    assert_int_equal(call(s, 1, 0, METHOD_queue_open, roost_str("long")), ROOST_ELIMIT);
    make_queue(s, 2, "abc");
    core_set_limits(core, &core_limits_standard);
    save_and_load();
    make_queue(s, 3, "long");
}

static void what_is_beyond_a_later_limit_is_loaded_all_the_same(void **state)
{
    (void)state;
    uint64_t s = open_all(), id = (uint64_t)call(s, 1, 0, METHOD_set_open, roost_str("a name"));
    assert_int_equal(call(s, 2, id, METHOD_set_add, roost_str("a key of more than sixteen bytes")), true);
    struct core_limits limits = core_limits_standard;
    limits.key_max = 16;
    limits.name_max = limits.objects_max = limits.sessions_max = limits.memory_max = 1;
    core_set_limits(core, &limits);
    save_and_load();
    assert_int_equal(call(s, 3, id, METHOD_set_len, roost_nil()), 1);
    assert_int_equal(call(s, 4, id, METHOD_set_add, roost_str("a key of more than sixteen bytes")),
                     ROOST_ELIMIT);
}

/* Which answers are kept depends on reads, of which a log does not know. */
static void kept_answers_count_for_memory_only_without_a_log(void **state)
{
    (void)state;
    struct core_counts counts;
    for (int logged = 0; logged < 2; logged++) {
        core_destroy(core);
        core = core_create(&(struct core_options){.now_us = 1000000, .logged = logged == 1});
        uint64_t s = open_all(), q = make_queue(s, 1, "q");
        core_counts(core, &counts);
        struct core_limits limits = core_limits_standard;
        limits.memory_max = (int64_t)counts.memory; /* full, but for the answer kept, of call 1 */
        core_set_limits(core, &limits);
        assert_int_equal(put(s, 2, q), logged == 1 ? 0 : ROOST_ELIMIT);
    }
}

static void rules_that_are_none_are_refused(void **state)
{
    (void)state;
    open_restricted();
    struct buf b = saved();
    uint8_t *at = memmem(b.data, b.len, rules, sizeof(rules));
    assert_non_null(at);
    assert_int_equal(load_again(&b), ROOST_OK);
    at[1] = 200; /* a pattern longer than all rules */
    assert_int_equal(load_again(&b), ROOST_EDAMAGED);
    assert_non_null(strstr(roost_errmsg(), "rules"));
    at[1] = rules[1];
    at[3] = '\0'; /* a pattern that ends within */
    assert_int_equal(load_again(&b), ROOST_EDAMAGED);
    roost__buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(loaded_session_may_do_what_it_might_and_nothing_else),
        TEST(session_without_rules_is_not_one_that_may_do_all),
        TEST(loaded_session_is_its_identitys_alone),
        TEST(anonymous_object_stays_its_makers),
        TEST(other_rights_and_the_end_reach_loaded_sessions),
        TEST(rules_that_are_none_are_refused),
        TEST(limits_are_part_of_the_state),
        TEST(what_is_beyond_a_later_limit_is_loaded_all_the_same),
        TEST(kept_answers_count_for_memory_only_without_a_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
