/*
 * test_replica.c: replicas of one log: who is ahead of it, who follows it, who begins with a snapshot. How a
 * cluster fails is proven by the simulator (tests/sim, cluster).
 */
#include "tests/support/test.h"

#include "base/error.h"
#include "shell/replica.h"
#include "wire/frame.h"
#include "wire/methods.h"

enum { GRACE_MS = 5000, LOG_MAX = 256 };

static const uint8_t secret[SECRET_LEN] = "0123456789abcde";
static struct replica leader, follower;
static struct effects effects;
static struct buf entries[LOG_MAX];
static size_t entry_count, follower_at;
static int64_t now_us;

static int set_up(void **state)
{
    (void)state;
    now_us = 1000000;
    entry_count = follower_at = 0;
    struct core_options options = {.now_us = now_us, .epoch = 7};
    effects_init(&effects);
    replica_init(&leader, &options, 100);
    options.hash_key[0] = 1;
    replica_init(&follower, &options, 200);
    entries[0] = buf_make(1 << 20);
    assert_int_equal(replica_first_entry(&options, &entries[entry_count++]), ROOST_OK);
    assert_int_equal(replica_apply(&leader, buf_slice(&entries[0])), ROOST_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    replica_free(&leader);
    replica_free(&follower);
    effects_free(&effects);
    for (size_t i = 0; i < entry_count; i++)
        roost__buf_free(&entries[i]);
    return 0;
}

static int step(struct event event)
{
    effects_reset(&effects);
    event.now_us = now_us;
    return replica_step(&leader, &event, &effects);
}

/* The entry under construction goes into the log. */
static void propose(void)
{
    if (replica_entry_len(&leader) == 0)
        return;
    assert_true(entry_count < LOG_MAX);
    entries[entry_count] = buf_make(0);
    replica_take_entry(&leader, &entries[entry_count]);
    assert_int_equal(entries[entry_count++].len % 8, 0);
}

/* A replica is told the entries [from, to) of the log. */
static void tell(struct replica *r, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (replica_apply(r, buf_slice(&entries[i])) != ROOST_OK)
            fail_msg("entry %zu: %s", i, roost_errmsg());
}

/* All that the leader has done is committed, and everybody knows. */
static void commit(void)
{
    size_t from = entry_count;
    propose();
    tell(&leader, from, entry_count);
    tell(&follower, follower_at, entry_count);
    follower_at = entry_count;
    assert_false(replica_is_ahead(&leader));
}

static bool same(const struct replica *a, const struct replica *b)
{
    uint8_t x[CORE_HASH_LEN], y[CORE_HASH_LEN];
    assert_int_equal(core_hash(a->core, x), ROOST_OK);
    assert_int_equal(core_hash(b->core, y), ROOST_OK);
    return memcmp(x, y, sizeof(x)) == 0;
}

static uint64_t open_session(void)
{
    struct buf info = buf_make(64);
    roost__put_map(&info, 1);
    roost__put_cstr(&info, "grace_ms");
    roost__put_int(&info, GRACE_MS);
    assert_int_equal(step((struct event){.kind = EVENT_OPEN,
                                         .payload = buf_slice(&info),
                                         .secret = slice_of(secret, SECRET_LEN)}),
                     ROOST_OK);
    roost__buf_free(&info);
    return effects.opened;
}

struct ask {
    uint64_t session, number, target, method, seen;
    roost_value arg[2];
};

static int64_t call(struct ask a)
{
    struct buf b = buf_make(1024);
    struct item it = {.kind = ROOST_NIL};
    unsigned argc = 0;
    while (argc < 2 && a.arg[argc].kind != ROOST_NIL)
        argc++;
    roost__put_array(&b, 7);
    roost__put_int(&b, FRAME_CALL);
    roost__put_uint(&b, a.number);
    roost__put_uint(&b, 1);
    roost__put_uint(&b, a.target);
    roost__put_uint(&b, a.method);
    roost__put_array(&b, argc);
    for (unsigned i = 0; i < argc; i++)
        assert_int_equal(roost__put_value(&b, &a.arg[i]), ROOST_OK);
    roost__put_uint(&b, a.seen);
    assert_int_equal(step((struct event){.kind = EVENT_CALL, .session = a.session, .payload = buf_slice(&b)}),
                     ROOST_OK);
    roost__buf_free(&b);
    if (effects.len == 0)
        return -1;
    const uint8_t *p = effects.bytes.data + effects.items[0].at + FRAME_HEADER;
    for (int i = 0; i < 4; i++)
        p = roost__scan_item(p, &it);
    return it.as.i;
}

static uint64_t open_dict(uint64_t session, uint64_t number)
{
    return (uint64_t)call((struct ask){
        .session = session, .number = number, .method = METHOD_dict_open, .arg = {roost_str("d")}});
}

static int64_t incr(uint64_t session, uint64_t number, uint64_t dict, uint64_t seen)
{
    return call((struct ask){.session = session,
                             .number = number,
                             .target = dict,
                             .method = METHOD_dict_incr,
                             .seen = seen,
                             .arg = {roost_str("n")}});
}

static int64_t len(uint64_t session, uint64_t number, uint64_t dict, uint64_t seen)
{
    return call((struct ask){
        .session = session, .number = number, .target = dict, .method = METHOD_dict_len, .seen = seen});
}

/* ---- */

static void who_serves_and_who_follows_have_equal_states(void **state)
{
    (void)state;
    uint64_t s = open_session(), d = open_dict(s, 1), number = 1;
    for (int i = 0; i < 50; i++) {
        now_us += 1000;
        incr(s, number + 1, d, number);
        len(s, number + 2, d, number + 1);
        len(s, number + 3, d, number + 2);
        number += 3;
        if (i % 7 == 0)
            commit();
    }
    commit();
    assert_true(same(&leader, &follower));
    assert_int_equal(incr(s, number + 1, d, 0), 51);
}

static void an_event_is_taken_once_by_who_was_ahead(void **state)
{
    (void)state;
    uint64_t s = open_session(), d = open_dict(s, 1);
    assert_int_equal(incr(s, 2, d, 0), 1);
    commit();
    assert_int_equal(replica_applied(&leader), leader.number);
    assert_int_equal(incr(s, 3, d, 0), 2);
    assert_true(replica_is_ahead(&leader));
    assert_false(same(&leader, &follower));
    commit();
    assert_true(same(&leader, &follower));
}

static void reads_leave_nothing_and_are_in_no_entry(void **state)
{
    (void)state;
    uint8_t before[CORE_HASH_LEN], after[CORE_HASH_LEN];
    uint64_t s = open_session(), d = open_dict(s, 1);
    incr(s, 2, d, 1);
    commit();
    core_hash(leader.core, before);
    now_us += 5000;
    assert_int_equal(len(s, 3, d, 2), 1);
    assert_int_equal(len(s, 4, d, 3), 1);
    core_hash(leader.core, after);
    assert_int_equal(replica_entry_len(&leader), 0);
    assert_memory_equal(before, after, sizeof(before));
}

static void what_a_read_confirms_the_next_entry_says(void **state)
{
    (void)state;
    uint64_t s = open_session(), d = open_dict(s, 1);
    incr(s, 2, d, 0);
    len(s, 3, d, 2);
    len(s, 4, d, 3);
    incr(s, 5, d, 4); /* its client has seen an answer that the log knows nothing of */
    commit();
    assert_true(same(&leader, &follower));
    assert_int_equal(incr(s, 2, d, 0), 3); /* confirmed long ago: the answer is kept no longer, by anybody */
    commit();
    assert_true(same(&leader, &follower));
}

static void a_read_sent_again_is_answered_once_on_a_connection(void **state)
{
    (void)state;
    uint64_t s = open_session(), d = open_dict(s, 1);
    assert_int_equal(len(s, 2, d, 0), 0);
    assert_int_equal(len(s, 2, d, 0), -1);
    assert_int_equal(step((struct event){.kind = EVENT_DETACHED, .session = s}), ROOST_OK);
    struct event resumed = {.kind = EVENT_RESUMED, .session = s, .secret = slice_of(secret, SECRET_LEN)};
    assert_int_equal(step(resumed), ROOST_OK);
    assert_int_equal(len(s, 2, d, 0), 0);
    commit();
    assert_true(same(&leader, &follower));
}

/* A client that sends what it should not, in any order, cannot part the replicas. */
static void no_order_of_numbers_parts_the_replicas(void **state)
{
    (void)state;
    uint64_t s = open_session(), d = open_dict(s, 1), dice = 1;
    for (int i = 0; i < 3000; i++) {
        dice = dice * 6364136223846793005u + 1442695040888963407u;
        uint64_t number = 2 + (dice >> 40) % 40, seen = (dice >> 50) % 40;
        if (i % 29 == 28) {
            struct event resumed = {
                .kind = EVENT_RESUMED, .session = s, .secret = slice_of(secret, SECRET_LEN)};
            step((struct event){.kind = EVENT_DETACHED, .session = s});
            step(resumed);
        }
        number += (uint64_t)i / 10;
        seen = seen == 0 ? 0 : seen + (uint64_t)i / 10;
        (dice >> 60) % 2 == 0 ? incr(s, number, d, seen) : len(s, number, d, seen);
        if (i % 50 == 49) {
            commit();
            assert_true(same(&leader, &follower));
        }
    }
}

static void a_refused_event_is_in_no_entry_but_what_was_due_is(void **state)
{
    (void)state;
    uint64_t s = open_session(), d = open_dict(s, 1);
    incr(s, 2, d, 0);
    step((struct event){.kind = EVENT_DETACHED, .session = s});
    commit();
    struct event wrong = {.kind = EVENT_RESUMED, .session = s, .secret = slice_str("0123456789abcdef")};
    now_us += 10;
    assert_int_equal(step(wrong), ROOST_ESESSION);
    assert_int_equal(replica_entry_len(&leader), 0);
    assert_true(same(&leader, &follower));
    now_us += GRACE_MS * 1000;
    assert_int_equal(step(wrong), ROOST_ESESSION); /* and the session has ended */
    assert_int_equal(core_session_after(leader.core, 0), 0);
    commit();
    assert_int_equal(core_session_after(follower.core, 0), 0);
    assert_true(same(&leader, &follower));
}

static void time_is_in_the_log_only_when_something_is_due(void **state)
{
    (void)state;
    uint64_t s = open_session();
    step((struct event){.kind = EVENT_DETACHED, .session = s});
    commit();
    now_us += 100;
    assert_int_equal(step((struct event){.kind = EVENT_TIME}), ROOST_OK);
    assert_int_equal(replica_entry_len(&leader), 0);
    now_us += GRACE_MS * 1000;
    assert_int_equal(step((struct event){.kind = EVENT_TIME}), ROOST_OK);
    assert_true(replica_entry_len(&leader) > 0);
}

static void a_snapshot_of_who_is_ahead_skips_what_it_has(void **state)
{
    (void)state;
    struct buf snapshot = buf_make(1 << 20);
    uint64_t s = open_session(), d = open_dict(s, 1);
    incr(s, 2, d, 0);
    commit();
    size_t index = entry_count;
    incr(s, 3, d, 0);
    propose();
    incr(s, 4, d, 0);
    assert_int_equal(replica_save(&leader, &snapshot), ROOST_OK); /* in the middle of an entry */
    incr(s, 5, d, 0);
    propose();
    tell(&leader, index, entry_count);
    assert_int_equal(replica_restore(&follower, buf_slice(&snapshot)), ROOST_OK);
    tell(&follower, index, entry_count);
    assert_true(same(&leader, &follower));
    roost__buf_free(&snapshot);
}

static void who_was_ahead_when_others_went_on_must_begin_anew(void **state)
{
    (void)state;
    uint64_t s = open_session(), d = open_dict(s, 1);
    commit();
    incr(s, 2, d, 0); /* never in the log */
    effects_reset(&effects);
    struct event lost = {.kind = EVENT_LOST, .session = s, .now_us = now_us};
    assert_int_equal(replica_step(&follower, &lost, &effects), ROOST_OK);
    entries[entry_count] = buf_make(0);
    replica_take_entry(&follower, &entries[entry_count++]);
    tell(&follower, entry_count - 1, entry_count);
    tell(&leader, entry_count - 1, entry_count);
    assert_true(replica_broken(&leader));
    assert_int_equal(step((struct event){.kind = EVENT_LOST, .session = s}), ROOST_ENOMEM);
    replica_reset(&leader);
    tell(&leader, 0, entry_count);
    assert_false(replica_broken(&leader));
    assert_true(same(&leader, &follower));
}

static void what_is_missing_or_no_entry_is_damage(void **state)
{
    (void)state;
    uint64_t s = open_session(), d = open_dict(s, 1);
    commit();
    incr(s, 2, d, 0);
    propose();
    incr(s, 3, d, 0);
    propose();
    struct slice second = buf_slice(&entries[entry_count - 1]);
    assert_int_equal(replica_apply(&follower, second), ROOST_EDAMAGED);
    assert_non_null(strstr(roost_errmsg(), "lacks"));
    for (size_t n = 0; n < second.len; n++)
        assert_int_equal(replica_apply(&follower, slice_of(second.data, n)), ROOST_EDAMAGED);
    tell(&follower, entry_count - 2, entry_count);
    struct replica empty;
    replica_init(&empty, &(struct core_options){.now_us = now_us}, 300);
    assert_int_equal(replica_apply(&empty, second), ROOST_EDAMAGED);
    struct buf snapshot = buf_make(1 << 20);
    assert_int_equal(replica_save(&leader, &snapshot), ROOST_OK);
    for (size_t i = 0; i < snapshot.len; i++) {
        snapshot.data[i] ^= 0x10;
        assert_int_equal(replica_restore(&empty, buf_slice(&snapshot)), ROOST_EDAMAGED);
        snapshot.data[i] ^= 0x10;
        assert_int_equal(replica_restore(&empty, slice_of(snapshot.data, i)), ROOST_EDAMAGED);
    }
    assert_int_equal(replica_restore(&empty, buf_slice(&snapshot)), ROOST_OK);
    assert_true(same(&empty, &leader));
    roost__buf_free(&snapshot);
    replica_free(&empty);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_serves_and_who_follows_have_equal_states),
        TEST(an_event_is_taken_once_by_who_was_ahead),
        TEST(reads_leave_nothing_and_are_in_no_entry),
        TEST(what_a_read_confirms_the_next_entry_says),
        TEST(a_read_sent_again_is_answered_once_on_a_connection),
        TEST(no_order_of_numbers_parts_the_replicas),
        TEST(a_refused_event_is_in_no_entry_but_what_was_due_is),
        TEST(time_is_in_the_log_only_when_something_is_due),
        TEST(a_snapshot_of_who_is_ahead_skips_what_it_has),
        TEST(who_was_ahead_when_others_went_on_must_begin_anew),
        TEST(what_is_missing_or_no_entry_is_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
