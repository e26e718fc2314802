/* test_sessions.c: sessions and their connections in the core, its events fed by hand. */
#include "tests/support/test.h"

#include "core/core.h"
#include "wire/frame.h"
#include "wire/methods.h"

enum { GRACE_MS = 5000, KEPT_LIMIT = 10000 };

static const uint8_t secret[SECRET_LEN] = "0123456789abcde";
static struct core *core;
static struct effects effects;
static int64_t now_us;

static int set_up(void **state)
{
    (void)state;
    now_us = 1000000;
    core = core_create(&(struct core_options){.now_us = now_us, .epoch = 7});
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

/* ---- events ---- */

static int step(struct event event)
{
    effects_reset(&effects);
    event.now_us = now_us;
    return core_step(core, &event, &effects);
}

static uint64_t open_with_grace(int64_t grace_ms)
{
    struct buf info = buf_make(64);
    roost__put_map(&info, 1);
    roost__put_cstr(&info, "grace_ms");
    roost__put_int(&info, grace_ms);
    assert_int_equal(step((struct event){.kind = EVENT_OPEN,
                                         .payload = buf_slice(&info),
                                         .secret = slice_of(secret, SECRET_LEN)}),
                     0);
    roost__buf_free(&info);
    return effects.opened;
}

static uint64_t open_session(void)
{
    return open_with_grace(GRACE_MS);
}

static int detach(uint64_t session)
{
    return step((struct event){.kind = EVENT_DETACHED, .session = session});
}

static int resume(uint64_t session)
{
    return step(
        (struct event){.kind = EVENT_RESUMED, .session = session, .secret = slice_of(secret, SECRET_LEN)});
}

static void reconnect(uint64_t session)
{
    assert_int_equal(detach(session), 0);
    assert_int_equal(resume(session), 0);
}

static void pass(int64_t ms)
{
    now_us += ms * 1000;
    assert_int_equal(step((struct event){.kind = EVENT_TIME}), 0);
}

/* A call with one argument, or none (nil). */
static void call_seen(uint64_t session, uint64_t number, uint64_t target, uint32_t method, roost_value arg,
                      uint64_t seen)
{
    struct buf b = buf_make(1 << 20);
    roost__put_array(&b, 7);
    roost__put_int(&b, FRAME_CALL);
    roost__put_uint(&b, number);
    roost__put_uint(&b, 1);
    roost__put_uint(&b, target);
    roost__put_uint(&b, method);
    roost__put_array(&b, arg.kind != ROOST_NIL);
    if (arg.kind != ROOST_NIL)
        assert_int_equal(roost__put_value(&b, &arg), 0);
    roost__put_uint(&b, seen);
    assert_int_equal(step((struct event){.kind = EVENT_CALL, .session = session, .payload = buf_slice(&b)}),
                     0);
    roost__buf_free(&b);
}

static void call(uint64_t session, uint64_t number, uint64_t target, uint32_t method, roost_value arg)
{
    call_seen(session, number, target, method, arg, 0);
}

/* ---- what came of it ---- */

/* Effect i as its session, call and value or code. */
static struct item effect(size_t i, uint64_t session, int frame_kind, uint64_t number)
{
    struct item it;
    assert_true(i < effects.len);
    assert_int_equal(effects.items[i].session, session);
    const uint8_t *p = effects.bytes.data + effects.items[i].at + FRAME_HEADER;
    assert_int_equal(roost__frame_kind(slice_of(p, effects.items[i].len - FRAME_HEADER)), frame_kind);
    p = roost__scan_item(p, &it);
    p = roost__scan_item(p, &it);
    p = roost__scan_item(p, &it);
    assert_int_equal(it.as.u, number);
    roost__scan_item(p, &it);
    return it;
}

static void assert_reply(uint64_t session, uint64_t number, int64_t expected)
{
    assert_int_equal(effects.len, 1);
    assert_int_equal(effect(0, session, FRAME_REPLY, number).as.i, expected);
}

static void assert_error(uint64_t session, uint64_t number, int code)
{
    assert_int_equal(effects.len, 1);
    assert_int_equal(effect(0, session, FRAME_ERROR, number).as.i, code);
}

/* Opens an object of a type, anonymous, as call `number`; returns its id. */
static uint64_t new_object(uint64_t session, uint64_t number, uint32_t open_method)
{
    call(session, number, 0, open_method, roost_nil());
    return effect(0, session, FRAME_REPLY, number).as.u;
}

static int64_t info(const char *name)
{
    uint64_t asker = open_with_grace(0);
    call(asker, 1, 0, METHOD_server_info, roost_nil());
    const uint8_t *p = effects.bytes.data + effects.items[0].at + FRAME_HEADER;
    struct item it;
    for (int i = 0; i < 3; i++)
        p = roost__scan_item(p, &it);
    int64_t n = roost__map_item(slice_of(p, effects.items[0].len), name).as.i;
    assert_int_equal(step((struct event){.kind = EVENT_LOST, .session = asker}), 0);
    return n;
}

/* ---- grace ---- */

static void without_grace_a_session_ends_with_its_connection(void **state)
{
    (void)state;
    uint64_t s = open_with_grace(0);
    call(s, 1, 0, METHOD_server_ping, roost_nil());
    assert_int_equal(detach(s), 0);
    assert_int_equal(info("sessions"), 1);
    assert_int_equal(resume(s), ROOST_ESESSION);
    assert_int_equal(core_next_deadline_us(core), INT64_MAX);
}

static void a_session_that_keeps_nothing_cannot_be_resumed(void **state)
{
    (void)state;
    uint64_t s = open_with_grace(0);
    assert_int_equal(resume(s), ROOST_ESESSION);
    call(s, 1, 0, METHOD_server_ping, roost_nil()); /* and is unharmed */
    assert_int_equal(effects.len, 1);
}

static void grace_over_everything_goes_at_once(void **state)
{
    (void)state;
    uint64_t a = open_session(), b = open_session();
    uint64_t lock = new_object(b, 1, METHOD_lock_open);
    call(a, 1, lock, METHOD_lock_acquire, roost_nil());
    call(b, 2, lock, METHOD_lock_acquire, roost_nil());
    assert_int_equal(effects.len, 0);
    assert_int_equal(detach(a), 0);
    assert_int_equal(core_next_deadline_us(core), now_us + GRACE_MS * 1000);
    pass(GRACE_MS - 1);
    assert_int_equal(effects.len, 0);
    assert_int_equal(info("detached"), 1);
    pass(1);
    assert_int_equal(effects.len, 1);
    effect(0, b, FRAME_REPLY, 2);
    assert_int_equal(resume(a), ROOST_ESESSION);
    assert_int_equal(info("detached"), 0);
}

static void a_resumed_session_holds_what_it_held(void **state)
{
    (void)state;
    uint64_t a = open_session(), b = open_session();
    uint64_t lock = new_object(b, 1, METHOD_lock_open);
    call(a, 1, lock, METHOD_lock_acquire, roost_nil());
    assert_int_equal(detach(a), 0);
    pass(GRACE_MS - 1);
    assert_int_equal(resume(a), 0);
    assert_int_equal(core_next_deadline_us(core), INT64_MAX);
    pass(10 * GRACE_MS);
    call(b, 2, lock, METHOD_lock_acquire, roost_int(0));
    assert_error(b, 2, ROOST_ETIMEDOUT);
    call_seen(a, 2, lock, METHOD_lock_release, roost_nil(), 1);
    effect(0, a, FRAME_REPLY, 2);
}

static void another_secret_resumes_nothing(void **state)
{
    (void)state;
    uint64_t s = open_session();
    static const uint8_t wrong[SECRET_LEN] = "0123456789abcdX";
    struct event event = {.kind = EVENT_RESUMED, .session = s, .secret = slice_of(wrong, SECRET_LEN)};
    assert_int_equal(detach(s), 0);
    assert_int_equal(step(event), ROOST_ESESSION);
    event.secret.len = 0;
    assert_int_equal(step(event), ROOST_ESESSION);
    event.session = 4711;
    assert_int_equal(step(event), ROOST_ESESSION);
    pass(GRACE_MS); /* the attempts have not prolonged it */
    assert_int_equal(info("sessions"), 1);
}

static void the_limit_of_grace_is_kept(void **state)
{
    (void)state;
    assert_int_equal(core_grace_ms(core, open_with_grace(INT64_MAX)), 3600 * 1000);
    assert_int_equal(core_grace_ms(core, open_with_grace(-1)), 0);
    assert_int_equal(core_grace_ms(core, open_session()), GRACE_MS);
}

static void sessions_have_a_limit(void **state)
{
    (void)state;
    static const uint8_t no_info = 0x80;
    struct event open = {.kind = EVENT_OPEN, .payload = slice_of(&no_info, 1)};
    uint64_t first = open_session();
    for (int i = 1; i < 65536; i++)
        assert_int_equal(step(open), 0);
    assert_int_equal(step(open), ROOST_ELIMIT);
    assert_int_equal(detach(first), 0); /* still counted: it may come back */
    assert_int_equal(step(open), ROOST_ELIMIT);
    pass(GRACE_MS);
    assert_int_equal(step(open), 0);
}

/* The waiter's time is up after the holder's grace: it must get the lock, however late the clock ticks. */
static void what_is_due_happens_in_the_order_of_its_time(void **state)
{
    (void)state;
    uint64_t a = open_session(), b = open_session();
    uint64_t lock = new_object(b, 1, METHOD_lock_open);
    call(a, 1, lock, METHOD_lock_acquire, roost_nil());
    call(b, 2, lock, METHOD_lock_acquire, roost_int(GRACE_MS + 1));
    call(b, 3, lock, METHOD_lock_acquire, roost_int(GRACE_MS - 1));
    assert_int_equal(detach(a), 0);
    pass(10 * GRACE_MS);
    assert_int_equal(effects.len, 2);
    assert_int_equal(effect(0, b, FRAME_ERROR, 3).as.i, ROOST_ETIMEDOUT);
    effect(1, b, FRAME_REPLY, 2);
}

/* ---- once ---- */

static void a_call_sent_again_takes_effect_once(void **state)
{
    (void)state;
    uint64_t s = open_session();
    uint64_t v = new_object(s, 1, METHOD_dict_open);
    call(s, 2, v, METHOD_dict_incr, roost_str("n"));
    assert_reply(s, 2, 1);
    reconnect(s);
    call(s, 2, v, METHOD_dict_incr, roost_str("n"));
    assert_reply(s, 2, 1); /* the same answer */
    call(s, 3, v, METHOD_dict_get, roost_str("n"));
    assert_reply(s, 3, 1);
}

static void an_answer_on_its_way_is_not_sent_twice(void **state)
{
    (void)state;
    uint64_t s = open_session();
    uint64_t v = new_object(s, 1, METHOD_dict_open);
    call(s, 2, v, METHOD_dict_incr, roost_str("n"));
    call(s, 2, v, METHOD_dict_incr, roost_str("n"));
    assert_int_equal(effects.len, 0);
    reconnect(s);
    call(s, 2, v, METHOD_dict_incr, roost_str("n"));
    assert_reply(s, 2, 1);
    call(s, 2, v, METHOD_dict_incr, roost_str("n"));
    assert_int_equal(effects.len, 0);
}

static void a_call_never_seen_is_executed(void **state)
{
    (void)state;
    uint64_t s = open_session();
    uint64_t v = new_object(s, 1, METHOD_dict_open);
    reconnect(s); /* call 2 was lost on its way */
    call(s, 2, v, METHOD_dict_incr, roost_str("n"));
    assert_reply(s, 2, 1);
}

static void a_blocked_call_keeps_its_place(void **state)
{
    (void)state;
    uint64_t a = open_session(), b = open_session();
    uint64_t q = new_object(b, 1, METHOD_queue_open);
    call(a, 1, q, METHOD_queue_get, roost_nil());
    call(b, 2, q, METHOD_queue_get, roost_nil());
    reconnect(a);
    call(a, 1, q, METHOD_queue_get, roost_nil());
    assert_int_equal(effects.len, 0);
    assert_int_equal(info("waiters"), 2);
    call(b, 3, q, METHOD_queue_put, roost_int(42));
    assert_int_equal(effects.len, 2);
    assert_int_equal(effect(1, a, FRAME_REPLY, 1).as.i, 42);
}

static void what_is_answered_while_nobody_listens_is_kept(void **state)
{
    (void)state;
    uint64_t a = open_session(), b = open_session();
    uint64_t q = new_object(b, 1, METHOD_queue_open);
    call(a, 1, q, METHOD_queue_get, roost_nil());
    assert_int_equal(detach(a), 0);
    call(b, 2, q, METHOD_queue_put, roost_int(42));
    assert_int_equal(info("deliveries"), 1);
    assert_int_equal(resume(a), 0);
    call(a, 1, q, METHOD_queue_get, roost_nil());
    assert_reply(a, 1, 42);
    assert_int_equal(detach(a), 0); /* and never acknowledged: it returns */
    pass(GRACE_MS);
    call_seen(b, 3, q, METHOD_queue_get, roost_int(0), 2);
    assert_reply(b, 3, 42);
}

static void errors_are_kept_too(void **state)
{
    (void)state;
    uint64_t s = open_session();
    uint64_t d = new_object(s, 1, METHOD_dict_open);
    call(s, 2, d, METHOD_dict_delete, roost_str("k"));
    assert_error(s, 2, ROOST_EKEY);
    call(s, 3, d, METHOD_dict_incr, roost_str("k"));
    reconnect(s);
    call(s, 2, d, METHOD_dict_delete, roost_str("k"));
    assert_error(s, 2, ROOST_EKEY);
    call(s, 4, d, METHOD_dict_get, roost_str("k"));
    assert_reply(s, 4, 1);
}

static void a_read_is_read_again(void **state)
{
    (void)state;
    uint64_t s = open_session();
    uint64_t d = new_object(s, 1, METHOD_dict_open);
    call(s, 2, d, METHOD_dict_len, roost_nil());
    assert_reply(s, 2, 0);
    int64_t bytes = info("kept_bytes");
    call(s, 3, d, METHOD_dict_len, roost_nil());
    assert_int_equal(info("kept_bytes"), bytes); /* its answer costs no memory … */
    reconnect(s);
    call(s, 4, d, METHOD_dict_incr, roost_str("k"));
    call(s, 3, d, METHOD_dict_len, roost_nil());
    assert_reply(s, 3, 1); /* … and may be a newer one */
}

/* A reference that is read counts for the session; a second count would never be given back. */
static void references_read_twice_count_once(void **state)
{
    (void)state;
    uint64_t s = open_session();
    uint64_t outer = new_object(s, 1, METHOD_list_open), inner = new_object(s, 2, METHOD_event_open);
    roost_value ref = {.kind = ROOST_REF, .len = ROOST_TYPE_event, .as.ref = inner};
    call(s, 3, outer, METHOD_list_append, ref);
    call(s, 4, outer, METHOD_list_get, roost_int(0));
    reconnect(s);
    call(s, 4, outer, METHOD_list_get, roost_int(0));
    assert_int_equal(effect(0, s, FRAME_REPLY, 4).as.u, inner);
    call_seen(s, 5, outer, METHOD_list_clear, roost_nil(), 4);
    roost_value counts[] = {roost_uint(inner), roost_int(2)}; /* opened once, read once */
    int64_t objects = info("objects");
    call_seen(s, 6, 0, METHOD_server_release, roost_array(counts, 2), 5);
    assert_int_equal(info("objects"), objects - 1);
}

/* ---- confirming ---- */

static void the_next_call_confirms_the_former_answer(void **state)
{
    (void)state;
    uint64_t s = open_session();
    uint64_t d = new_object(s, 1, METHOD_dict_open);
    for (uint64_t n = 2; n < 50; n++)
        call_seen(s, n, d, METHOD_dict_incr, roost_str("n"), n - 1);
    assert_int_equal(info("kept"), 1);
}

static void one_blocked_call_holds_up_no_confirmation(void **state)
{
    (void)state;
    uint64_t s = open_session();
    uint64_t q = new_object(s, 1, METHOD_queue_open);
    call_seen(s, 2, q, METHOD_queue_get, roost_nil(), 1);
    for (uint64_t n = 3; n < 2 * KEPT_LIMIT; n++) {
        call_seen(s, n, 0, METHOD_dict_open, roost_nil(), n == 3 ? 1 : n - 1);
        effect(0, s, FRAME_REPLY, n);
    }
    assert_int_equal(info("kept"), 1);
}

static void a_confirmation_covers_all_that_was_sent_before(void **state)
{
    (void)state;
    uint64_t s = open_session();
    uint64_t d = new_object(s, 1, METHOD_dict_open);
    for (uint64_t n = 2; n < 10; n++)
        call(s, n, d, METHOD_dict_incr, roost_str("n"));
    call_seen(s, 10, d, METHOD_dict_incr, roost_str("n"), 7);
    assert_int_equal(info("kept"), 3);                        /* 8, 9 and 10 */
    call_seen(s, 11, d, METHOD_dict_incr, roost_str("n"), 7); /* said again */
    call_seen(s, 12, d, METHOD_dict_incr, roost_str("n"), 4711);
    assert_int_equal(info("kept"), 5);
}

/* After a resume the answers sent again are the newest: confirming an older one spares them. */
static void a_resume_puts_answers_sent_again_last(void **state)
{
    (void)state;
    uint64_t s = open_session();
    uint64_t d = new_object(s, 1, METHOD_dict_open);
    call(s, 2, d, METHOD_dict_incr, roost_str("n"));
    call(s, 3, d, METHOD_dict_incr, roost_str("n"));
    reconnect(s); /* the client has seen 3 but not 2 */
    call(s, 2, d, METHOD_dict_incr, roost_str("n"));
    assert_reply(s, 2, 1);
    call_seen(s, 4, d, METHOD_dict_incr, roost_str("n"), 2);
    assert_reply(s, 4, 3);
    assert_int_equal(info("kept"), 1);
}

static void who_confirms_nothing_is_told(void **state)
{
    (void)state;
    uint64_t s = open_session();
    uint64_t d = new_object(s, 1, METHOD_dict_open), n = 2;
    for (; n <= KEPT_LIMIT; n++)
        call(s, n, d, METHOD_dict_incr, roost_str("n"));
    assert_reply(s, n - 1, KEPT_LIMIT - 1);
    call(s, n, d, METHOD_dict_incr, roost_str("n"));
    assert_error(s, n, ROOST_ELIMIT);
    assert_int_equal(info("kept"), KEPT_LIMIT);
    reconnect(s);
    call(s, 2, d, METHOD_dict_incr, roost_str("n")); /* nothing was forgotten */
    assert_reply(s, 2, 1);
    call_seen(s, n + 1, d, METHOD_dict_incr, roost_str("n"), 2);
    assert_reply(s, n + 1, KEPT_LIMIT);
}

/* It had got them all, and had not said so yet: on the new connection it cannot, and need not. */
static void a_new_call_after_a_resume_confirms_what_was_not_sent_again(void **state)
{
    (void)state;
    uint64_t s = open_session();
    uint64_t d = new_object(s, 1, METHOD_dict_open), n = 2;
    for (; n <= KEPT_LIMIT; n++)
        call(s, n, d, METHOD_dict_incr, roost_str("n"));
    assert_int_equal(info("kept"), KEPT_LIMIT);
    reconnect(s);
    call(s, n - 1, d, METHOD_dict_incr, roost_str("n")); /* the only one whose answer was lost */
    assert_reply(s, n - 1, KEPT_LIMIT - 1);
    call(s, n, d, METHOD_dict_incr, roost_str("n"));
    assert_reply(s, n, KEPT_LIMIT);
    assert_int_equal(info("kept"), 2);
}

static void bytes_kept_have_a_limit(void **state)
{
    (void)state;
    enum { MANY = 200, BLOCK = 512 << 10 };
    static char block[BLOCK + 1];
    memset(block, 'x', BLOCK);
    uint64_t s = open_session(), n = 3;
    uint64_t d = new_object(s, 1, METHOD_queue_open);
    for (int i = 0; i < MANY; i++, n++)
        call_seen(s, n, d, METHOD_queue_put, roost_str(block), n - 1);
    int refused = 0;
    for (int i = 0; i < MANY; i++, n++) {
        call(s, n, d, METHOD_queue_get_nowait, roost_nil());
        refused += roost__frame_kind(slice_of(effects.bytes.data + effects.items[0].at + FRAME_HEADER,
                                              effects.items[0].len)) == FRAME_ERROR;
    }
    assert_in_range(refused, MANY - 130, MANY - 126); /* 64 MiB are 128 blocks */
    assert_in_range(info("kept_bytes"), 64 << 20, (64 << 20) + BLOCK + 4096);
}

/* ---- cancelling ---- */

static void a_cancelled_call_is_answered_once(void **state)
{
    (void)state;
    uint64_t s = open_session();
    uint64_t q = new_object(s, 1, METHOD_queue_open);
    static const uint8_t cancel_2[] = {0x92, FRAME_CANCEL, 2};
    struct event cancel = {.kind = EVENT_CANCEL, .session = s, .payload = slice_of(cancel_2, 3)};
    call(s, 2, q, METHOD_queue_get, roost_nil());
    assert_int_equal(step(cancel), 0);
    assert_error(s, 2, ROOST_ECANCELED);
    assert_int_equal(step(cancel), 0);
    assert_int_equal(effects.len, 0);
    reconnect(s);
    call(s, 2, q, METHOD_queue_get, roost_nil());
    assert_error(s, 2, ROOST_ECANCELED);
}

static void garbage_in_cancel_is_refused(void **state)
{
    (void)state;
    uint64_t s = open_session();
    static const uint8_t text[] = {0x92, FRAME_CANCEL, 0xa1, 'x'};
    struct event cancel = {.kind = EVENT_CANCEL, .session = s, .payload = slice_of(text, sizeof(text))};
    assert_int_equal(step(cancel), ROOST_EPROTO);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(without_grace_a_session_ends_with_its_connection),
        CASE(a_session_that_keeps_nothing_cannot_be_resumed),
        CASE(grace_over_everything_goes_at_once),
        CASE(a_resumed_session_holds_what_it_held),
        CASE(another_secret_resumes_nothing),
        CASE(the_limit_of_grace_is_kept),
        CASE(sessions_have_a_limit),
        CASE(what_is_due_happens_in_the_order_of_its_time),
        CASE(a_call_sent_again_takes_effect_once),
        CASE(an_answer_on_its_way_is_not_sent_twice),
        CASE(a_call_never_seen_is_executed),
        CASE(a_blocked_call_keeps_its_place),
        CASE(what_is_answered_while_nobody_listens_is_kept),
        CASE(errors_are_kept_too),
        CASE(a_read_is_read_again),
        CASE(references_read_twice_count_once),
        CASE(the_next_call_confirms_the_former_answer),
        CASE(one_blocked_call_holds_up_no_confirmation),
        CASE(a_confirmation_covers_all_that_was_sent_before),
        CASE(a_resume_puts_answers_sent_again_last),
        CASE(who_confirms_nothing_is_told),
        CASE(a_new_call_after_a_resume_confirms_what_was_not_sent_again),
        CASE(bytes_kept_have_a_limit),
        CASE(a_cancelled_call_is_answered_once),
        CASE(garbage_in_cancel_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
