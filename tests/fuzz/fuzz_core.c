/* fuzz_core.c: the core under arbitrary events; see README.md. Each byte of the input is a decision. */
#include <assert.h>
#include <stdlib.h>

#include "core/core.h"
#include "wire/frame.h"
#include "wire/methods.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SESSIONS = 4, CALLS_MAX = 4096, IDS = 12 };

static const uint8_t *at, *end; /* the decisions left */

static unsigned decide(unsigned n)
{
    return at < end ? *at++ % n : 0;
}

/* Two cores that differ in the secret only: their answers must not. */
struct twins {
    struct core *core[2];
    struct effects effects[2];
    int64_t now_us;
    uint64_t sessions[SESSIONS]; /* 0: none */
    uint64_t calls[SESSIONS];
    uint64_t seen[SESSIONS]; /* the answer that came last on the present connection */
    bool detached[SESSIONS];
    struct buf last_call[SESSIONS]; /* its payload, without what it confirms */
    bool answered[SESSIONS][CALLS_MAX];
    roost_type types[IDS + 1]; /* of the objects, as references in answers say */
};

static struct twins t;

/* ---- arguments ---- */

static void put_any(struct buf *b, unsigned depth);

static void put_integer(struct buf *b)
{
    static const int64_t edges[] = {0, 1, -1, 2, 127, 128, -129, INT64_MAX, INT64_MIN, 65536, 1 << 20, -2};
    roost__put_int(b, edges[decide(sizeof(edges) / sizeof(edges[0]))]);
}

static void put_ref(struct buf *b)
{
    roost__put_ref(b, 1 + decide(IDS), (roost_type)decide(TYPE_COUNT));
}

static void put_string(struct buf *b)
{
    static const char *const strings[] = {"",     "a",    "b",        "i",    "d",   "u",
                                          "fifo", "lifo", "priority", "name", "dict"};
    roost__put_cstr(b, strings[decide(sizeof(strings) / sizeof(strings[0]))]);
}

static void put_array(struct buf *b, unsigned depth)
{
    unsigned n = decide(5);
    roost__put_array(b, n);
    for (unsigned i = 0; i < n; i++)
        put_any(b, depth + 1);
}

static void put_map(struct buf *b, unsigned depth)
{
    unsigned n = decide(4);
    roost__put_map(b, n);
    for (unsigned i = 0; i < 2 * n; i++)
        put_any(b, depth + 1);
}

static void put_any(struct buf *b, unsigned depth)
{
    switch (decide(depth < 4 ? 9 : 6)) {
    case 0:
        roost__put_nil(b);
        break;
    case 1:
        roost__put_bool(b, decide(2));
        break;
    case 2:
        put_integer(b);
        break;
    case 3:
        roost__put_float(b, (double)decide(4) * 0.5);
        break;
    case 4:
        put_string(b);
        break;
    case 5:
        roost__put_bytes(b, slice_of("bytesbytes", decide(10)));
        break;
    case 6:
        put_ref(b);
        break;
    case 7:
        put_array(b, depth);
        break;
    default:
        put_map(b, depth);
    }
}

/* References to what may be there: what server.acquire takes. */
static void put_refs(struct buf *b)
{
    unsigned n = 1 + decide(3);
    roost__put_array(b, n);
    for (unsigned i = 0; i < n; i++)
        put_ref(b);
}

static void put_keys(struct buf *b)
{
    unsigned n = 1 + decide(3);
    roost__put_array(b, n);
    for (unsigned i = 0; i < n; i++)
        roost__put_int(b, decide(4));
}

/* Mostly what the parameter wants, sometimes anything. */
static void put_argument(struct buf *b, char kind)
{
    if (decide(8) == 0) {
        put_any(b, 0);
        return;
    }
    switch (kind) {
    case 'i':
    case 'u':
    case 'f':
        put_integer(b);
        break;
    case 't':
        roost__put_int(b, (int64_t)decide(4) * 10 - 1);
        break;
    case 's':
        put_string(b);
        break;
    case 'y':
        roost__put_bytes(b, slice_of("12345678abcdefgh", decide(17)));
        break;
    case 'b':
        roost__put_bool(b, decide(2));
        break;
    case 'a':
        decide(2) ? put_refs(b) : put_array(b, 0);
        break;
    case 'K':
        decide(4) ? put_keys(b) : put_array(b, 0);
        break;
    case 'm':
        put_map(b, 0);
        break;
    case 'r':
        put_ref(b);
        break;
    case 'o':
        decide(2) ? put_ref(b) : put_string(b);
        break;
    case 'c':
        decide(2) ? put_ref(b) : put_array(b, 0);
        break;
    default:
        put_any(b, 0);
    }
}

/* ---- events ---- */

/* An answer that is a reference says of which type an object is. */
static void note_type(struct slice payload)
{
    struct item it;
    const uint8_t *p = roost__scan_item(payload.data, &it);
    p = roost__scan_skip(roost__scan_skip(p));
    roost__scan_item(p, &it);
    if (it.kind == ROOST_REF && it.as.u <= IDS)
        t.types[it.as.u] = (roost_type)it.len;
}

static void note_answers(void)
{
    const struct effects *e = &t.effects[0];
    for (size_t i = 0; i < e->len; i++) {
        struct slice payload =
            slice_of(e->bytes.data + e->items[i].at + FRAME_HEADER, e->items[i].len - FRAME_HEADER);
        assert(roost__scan_check(payload, FRAME_DEPTH_MAX));
        struct item it;
        const uint8_t *p = roost__scan_item(payload.data, &it);
        p = roost__scan_skip(p);
        roost__scan_item(p, &it);
        note_type(payload);
        for (int s = 0; s < SESSIONS; s++) {
            if (t.sessions[s] != e->items[i].session)
                continue;
            assert(it.as.u <= t.calls[s]);
            if (t.detached[s])
                continue;                    /* nobody hears it */
            assert(!t.answered[s][it.as.u]); /* each call at most once */
            t.answered[s][it.as.u] = true;
            t.seen[s] = it.as.u;
        }
    }
}

/* A session that another one killed is there no more. */
static void note_killed(void)
{
    assert(t.effects[0].killed == t.effects[1].killed);
    for (int s = 0; s < SESSIONS && t.effects[0].killed != 0; s++)
        if (t.sessions[s] == t.effects[0].killed)
            t.sessions[s] = 0;
}

static const uint8_t secret[SECRET_LEN] = "fifteen letters";

static int step(enum event_kind kind, uint64_t session, struct slice payload)
{
    int rc[2];
    for (int i = 0; i < 2; i++) {
        struct event event = {.kind = kind, .now_us = t.now_us, .session = session, .payload = payload};
        if (kind == EVENT_OPEN || kind == EVENT_RESUMED)
            event.secret = slice_of(secret, SECRET_LEN);
        effects_reset(&t.effects[i]);
        rc[i] = core_step(t.core[i], &event, &t.effects[i]);
    }
    assert(rc[0] == rc[1] && t.effects[0].len == t.effects[1].len &&
           t.effects[0].opened == t.effects[1].opened);
    assert(slice_equal(buf_slice(&t.effects[0].bytes), buf_slice(&t.effects[1].bytes)));
    assert(core_next_deadline_us(t.core[0]) == core_next_deadline_us(t.core[1]));
    note_answers();
    note_killed();
    return rc[0];
}

/* ---- calls ---- */

static void put_path(struct buf *b)
{
    unsigned n = 1 + decide(3);
    roost__put_array(b, n);
    for (unsigned i = 0; i < n; i++)
        decide(3) == 0 ? put_string(b) : roost__put_int(b, (int64_t)decide(4) - 1);
}

static void put_target(struct buf *b)
{
    decide(2) == 0 ? put_string(b) : put_ref(b);
}

static void put_condition(struct buf *b)
{
    static const char *const names[] = {"equals", "present",   "absent",  "token",
                                        "len",    "not_empty", "has_room"};
    unsigned kind = decide(7);
    roost__put_array(b, kind == 0 ? 4 : kind < 5 ? 3 : 2);
    roost__put_cstr(b, names[kind]);
    put_target(b);
    if (kind < 3)
        put_path(b);
    else if (kind < 5)
        put_integer(b);
    if (kind == 0)
        put_any(b, 3);
}

/* The nth method of a type, counted round and round. */
static const struct method *method_of(roost_type type, unsigned n)
{
    for (unsigned i = 0;; i = (i + 1) % roost__method_count)
        if (roost__methods[i].type == type && n-- == 0)
            return &roost__methods[i];
}

/* A method of the target's type: with another, few would get through. */
static void put_inner_call(struct buf *b)
{
    unsigned id = 1 + decide(IDS);
    const struct method *m = method_of(t.types[id], 1 + decide(40));
    struct param params[METHOD_PARAMS_MAX];
    unsigned n = roost__method_params(m, params), nested = decide(4) == 0;
    roost__put_array(b, 3 + nested);
    roost__put_ref(b, id, m->type);
    roost__put_uint(b, m->code);
    roost__put_array(b, n);
    for (unsigned i = 0; i < n; i++)
        put_argument(b, params[i].kind);
    if (nested)
        put_path(b);
}

static void put_transaction(struct buf *b)
{
    unsigned conditions = decide(3), calls = decide(6);
    roost__put_array(b, 3);
    roost__put_array(b, conditions);
    while (conditions-- > 0)
        put_condition(b);
    roost__put_array(b, calls);
    while (calls-- > 0)
        put_inner_call(b);
    roost__put_int(b, (int64_t)decide(4) * 10 - 1);
}

static void put_arguments(struct buf *b, const struct method *m)
{
    struct param params[METHOD_PARAMS_MAX];
    unsigned n = roost__method_params(m, params);
    unsigned argc = decide(4) == 0 ? decide(METHOD_PARAMS_MAX + 2) : n;
    roost__put_array(b, argc);
    for (unsigned i = 0; i < argc; i++)
        put_argument(b, i < n ? params[i].kind : 'v');
}

static void begin_session(unsigned s)
{
    static const uint8_t no_info = 0x80, grace[] = "\x81\xa8grace_ms\x14";
    assert(step(EVENT_OPEN, 0, s % 2 ? slice_of(grace, sizeof(grace) - 1) : slice_of(&no_info, 1)) ==
           ROOST_OK);
    t.sessions[s] = t.effects[0].opened;
    t.calls[s] = t.seen[s] = 0;
    t.detached[s] = false;
    buf_reset(&t.last_call[s]);
    memset(t.answered[s], 0, sizeof(t.answered[s]));
}

static void end_session(unsigned s)
{
    int rc = step(EVENT_LOST, t.sessions[s], slice_of(NULL, 0));
    assert(rc == ROOST_OK || t.detached[s]); /* its grace may be over */
    t.sessions[s] = 0;
    roost__buf_free(&t.last_call[s]);
}

/* The connection breaks; a session without grace is gone. */
static void detach(unsigned s)
{
    assert(step(EVENT_DETACHED, t.sessions[s], slice_of(NULL, 0)) == ROOST_OK);
    t.detached[s] = s % 2;
    if (!t.detached[s])
        t.sessions[s] = 0;
}

/* The session goes on if there still is one, and the last call is sent again if it has no answer. */
static void resume(unsigned s)
{
    int rc = step(EVENT_RESUMED, t.sessions[s], slice_of(NULL, 0));
    assert(rc == ROOST_OK || rc == ROOST_ESESSION);
    t.detached[s] = false;
    t.seen[s] = 0;
    if (rc != ROOST_OK)
        t.sessions[s] = 0;
    else if (t.last_call[s].len > 0 && !t.answered[s][t.calls[s]])
        assert(step(EVENT_CALL, t.sessions[s], buf_slice(&t.last_call[s])) == ROOST_OK);
}

/* A method out of the whole table, or, as often, one of those that take and give back. */
static const struct method *any_method(void)
{
    static const uint32_t locking[] = {
        METHOD_lock_open,          METHOD_lock_acquire,       METHOD_lock_release,
        METHOD_lock_extend,        METHOD_rlock_open,         METHOD_rlock_acquire,
        METHOD_rlock_release,      METHOD_semaphore_open,     METHOD_semaphore_acquire,
        METHOD_semaphore_release,  METHOD_keyed_lock_open,    METHOD_keyed_lock_acquire,
        METHOD_keyed_lock_acquire, METHOD_keyed_lock_release, METHOD_condition_acquire,
        METHOD_condition_wait,     METHOD_condition_notify,   METHOD_server_acquire,
        METHOD_server_acquire,     METHOD_server_give_back};
    if (decide(2))
        return &roost__methods[decide(255) % roost__method_count];
    return roost__method_by_code(locking[decide(sizeof(locking) / sizeof(locking[0]))]);
}

/* Half of the targets are of the method's type, if that is what the object of that id is. */
static uint64_t target_of(const struct method *m)
{
    uint64_t id = 1 + decide(IDS);
    for (unsigned i = 0; i < IDS && decide(2); i++)
        id = t.types[1 + (id + i) % IDS] == m->type ? 1 + (id + i) % IDS : id;
    return id;
}

static void put_guard(struct buf *b)
{
    roost__put_cstr(b, "guard");
    roost__put_array(b, 2);
    roost__put_uint(b, 1 + decide(IDS));
    roost__put_uint(b, decide(64));
}

static void call(unsigned s)
{
    const struct method *m = any_method();
    if (decide(8) == 0)
        m = roost__method_by_code(METHOD_server_transact);
    if (t.calls[s] + 1 >= CALLS_MAX)
        return;
    bool guarded = decide(8) == 7, nested = decide(6) == 0;
    struct buf b = t.last_call[s];
    buf_reset(&b);
    b.max = FRAME_MAX;
    roost__put_array(&b, guarded || nested ? CALL_PARTS + 2 : CALL_PARTS + 1);
    roost__put_int(&b, FRAME_CALL);
    roost__put_uint(&b, ++t.calls[s]);
    roost__put_uint(&b, decide(2));
    roost__put_uint(&b, target_of(m));
    roost__put_uint(&b, m->code);
    if (m->code == METHOD_server_transact && decide(8) != 0)
        put_transaction(&b);
    else
        put_arguments(&b, m);
    size_t seen_at = b.len;
    roost__put_uint(&b, t.seen[s]);
    size_t options_at = b.len;
    if (guarded || nested)
        roost__put_map(&b, (size_t)guarded + nested);
    if (guarded)
        put_guard(&b);
    if (nested) {
        roost__put_cstr(&b, "at");
        put_path(&b);
    }
    bool sent = roost__scan_check(buf_slice(&b), FRAME_DEPTH_MAX);
    if (sent)
        assert(step(EVENT_CALL, t.sessions[s], buf_slice(&b)) == ROOST_OK);
    if (sent) { /* sent again it confirms nothing */
        b.data[seen_at] = 0;
        memmove(b.data + seen_at + 1, b.data + options_at, b.len - options_at);
    }
    b.len = sent ? b.len - options_at + seen_at + 1 : 0;
    t.last_call[s] = b;
}

/* An ACK or a CANCEL. */
static void name_a_call(unsigned s, enum event_kind kind, int frame_kind)
{
    struct buf b = buf_make(64);
    roost__put_array(&b, 2);
    roost__put_int(&b, frame_kind);
    roost__put_uint(&b, decide(64));
    assert(step(kind, t.sessions[s], buf_slice(&b)) == ROOST_OK);
    roost__buf_free(&b);
}

/* A payload that is well-formed and nothing more. */
static void garbage(unsigned s)
{
    size_t len = decide(32);
    struct slice payload = slice_of(at, len < (size_t)(end - at) ? len : (size_t)(end - at));
    at += payload.len;
    if (roost__scan_check(payload, FRAME_DEPTH_MAX) && roost__frame_kind(payload) == FRAME_CALL)
        step(EVENT_CALL, t.sessions[s], payload);
}

static void event(void)
{
    unsigned s = decide(SESSIONS), what = decide(18);
    if (t.sessions[s] == 0)
        begin_session(s);
    else if (what == 0)
        end_session(s);
    else if (t.detached[s] && what != 3)
        resume(s);
    else if (what == 16)
        detach(s);
    else if (what == 17)
        name_a_call(s, EVENT_CANCEL, FRAME_CANCEL);
    else if (what == 1)
        name_a_call(s, EVENT_ACK, FRAME_ACK);
    else if (what == 2)
        garbage(s);
    else if (what == 3) {
        t.now_us += (int64_t)decide(4) * 10000;
        step(EVENT_TIME, 0, slice_of(NULL, 0));
    } else
        call(s);
}

/* With all sessions gone only named objects are left, and what they keep alive. */
static void check_nothing_left(void)
{
    begin_session(0);
    struct buf b = buf_make(256);
    roost__put_array(&b, 6);
    roost__put_int(&b, FRAME_CALL);
    roost__put_uint(&b, ++t.calls[0]);
    roost__put_uint(&b, 0);
    roost__put_uint(&b, 0);
    roost__put_uint(&b, METHOD_server_info);
    roost__put_array(&b, 0);
    assert(step(EVENT_CALL, t.sessions[0], buf_slice(&b)) == ROOST_OK);
    roost__buf_free(&b);
    static const char *const zero[] = {"waiters", "holds", "deliveries", "kept", "detached"};
    for (size_t i = 0; i < sizeof(zero) / sizeof(zero[0]); i++) {
        uint8_t pair[32];
        size_t n = strlen(zero[i]);
        pair[0] = (uint8_t)(0xa0 | n);
        memcpy(pair + 1, zero[i], n);
        pair[n + 1] = 0;
        assert(memmem(t.effects[0].bytes.data, t.effects[0].bytes.len, pair, n + 2) != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    at = data;
    end = data + size;
    memset(&t, 0, sizeof(t));
    t.now_us = 1000;
    for (int i = 0; i < 2; i++) {
        struct core_options options = {.now_us = t.now_us, .epoch = 1, .hash_key = {(uint8_t)i}};
        t.core[i] = core_create(&options);
        assert(t.core[i] != NULL);
        effects_init(&t.effects[i]);
    }
    while (at < end)
        event();
    for (unsigned s = 0; s < SESSIONS; s++) {
        if (t.sessions[s] != 0)
            end_session(s);
        roost__buf_free(&t.last_call[s]);
    }
    check_nothing_left();
    for (int i = 0; i < 2; i++) {
        core_destroy(t.core[i]);
        effects_free(&t.effects[i]);
    }
    return 0;
}
