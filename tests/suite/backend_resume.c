/*
 * backend_resume.c: the bare core behind connections that break all the time: every few frames what is on its
 * way is lost, in either direction, and the session is resumed as PROTOCOL.md says. The cases must not
 * notice: every call takes effect exactly once, every blocked call keeps its place.
 */
#include <stdlib.h>

#include "core/core.h"
#include "tests/suite/suite.h"
#include "wire/frame.h"

enum { BREAK_EVERY = 3, FRAMES_MAX = 1 << 17 };

/* A session as its client sees it. */
struct line {
    struct list in_all;
    uint64_t session;
    uint64_t seen;       /* on this connection */
    struct buf received; /* frames, for the case */
    struct buf *calls;   /* by number: the payload of a CALL without an answer */
    uint64_t last;       /* the highest number */
    struct buf acks[2];  /* payloads that may be lost: of this connection, and of the one before */
    unsigned since_break;
};

static const uint8_t secret[SECRET_LEN] = "sixteen secrets";
static struct core *core;
static struct effects effects;
static struct list lines;
static int64_t now_us;
static unsigned breaks;

static void start(void)
{
    now_us = 1000000;
    struct core_options options = {.now_us = now_us, .epoch = 7, .hash_key = {1, 2, 3}};
    core = core_create(&options);
    assert_non_null(core);
    effects_init(&effects);
    list_init(&lines);
}

static void stop(void)
{
    assert_true(breaks > 100);
    core_destroy(core);
    effects_free(&effects);
}

/* One answer arrives, unless it has come before. */
static void arrive(struct line *l, struct slice frame)
{
    struct item it;
    const uint8_t *p = roost__scan_item(frame.data + FRAME_HEADER, &it);
    p = roost__scan_item(p, &it);
    roost__scan_item(p, &it);
    l->seen = it.as.u;
    assert_true(it.as.u <= l->last);
    if (l->calls[it.as.u].data == NULL)
        return;
    roost__buf_free(&l->calls[it.as.u]);
    buf_append(&l->received, frame.data, frame.len);
}

/* Delivers the effects of a step, except to a line whose connection is lost. */
static void deliver(const struct line *lost)
{
    for (size_t i = 0; i < effects.len; i++)
        list_each (it, &lines) {
            struct line *l = container_of(it, struct line, in_all);
            if (l != lost && l->session == effects.items[i].session)
                arrive(l, slice_of(effects.bytes.data + effects.items[i].at, effects.items[i].len));
        }
}

static void step(struct event event, const struct line *lost)
{
    effects_reset(&effects);
    event.now_us = now_us;
    assert_int_equal(core_step(core, &event, &effects), ROOST_OK);
    assert_int_equal(effects.broken_len, 0);
    deliver(lost);
}

/* A CALL as the suite wrote it, with what this client has seen. */
static void step_call(struct line *l, struct slice payload, uint64_t seen, const struct line *lost)
{
    struct buf b = buf_make(FRAME_MAX);
    struct item head;
    const uint8_t *body = roost__scan_item(payload.data, &head), *p = body;
    for (unsigned i = 0; i < CALL_PARTS; i++)
        p = roost__scan_skip(p);
    const uint8_t *options =
        head.len > CALL_PARTS ? roost__scan_skip(p) : p; /* behind a `seen` that says nothing */
    roost__put_array(&b, head.len > CALL_PARTS ? head.len : CALL_PARTS + 1);
    buf_append(&b, body, (size_t)(p - body));
    roost__put_uint(&b, seen);
    buf_append(&b, options, (size_t)(payload.data + payload.len - options));
    step((struct event){.kind = EVENT_CALL, .session = l->session, .payload = buf_slice(&b)}, lost);
    roost__buf_free(&b);
}

static void step_ack(const struct line *l, struct slice payload)
{
    step((struct event){.kind = EVENT_ACK, .session = l->session, .payload = payload}, NULL);
}

static void resume(struct line *l)
{
    breaks++;
    l->since_break = 0;
    l->seen = 0;
    if (breaks % 2 == 0) /* the server may hear of the break, or find two connections */
        step((struct event){.kind = EVENT_DETACHED, .session = l->session}, NULL);
    step((struct event){.kind = EVENT_RESUMED, .session = l->session, .secret = slice_of(secret, SECRET_LEN)},
         NULL);
    for (int i = 0; i < 2; i++)
        for (size_t at = 0; at < l->acks[i].len;) {
            uint32_t len = get_u32be(l->acks[i].data + at);
            step_ack(l, slice_of(l->acks[i].data + at + FRAME_HEADER, len));
            at += FRAME_HEADER + len;
        }
    struct buf oldest = l->acks[1];
    l->acks[1] = l->acks[0];
    l->acks[0] = oldest;
    buf_reset(&l->acks[0]);
    for (uint64_t n = 1; n <= l->last; n++)
        if (l->calls[n].data != NULL)
            step_call(l, buf_slice(&l->calls[n]), 0, NULL);
}

static void *open_session(void)
{
    static const char info[] = "\x81\xa8grace_ms\x01";
    struct line *l = calloc(1, sizeof(*l));
    assert_non_null(l);
    l->calls = calloc(FRAMES_MAX, sizeof(*l->calls));
    assert_non_null(l->calls);
    l->received = l->acks[0] = l->acks[1] = buf_make(SIZE_MAX / 2);
    step((struct event){.kind = EVENT_OPEN,
                        .payload = slice_of(info, sizeof(info) - 1),
                        .secret = slice_of(secret, SECRET_LEN)},
         NULL);
    l->session = effects.opened;
    list_push_back(&lines, &l->in_all);
    return l;
}

static void lose_session(void *link)
{
    struct line *l = link;
    list_remove(&l->in_all);
    step((struct event){.kind = EVENT_LOST, .session = l->session}, NULL);
    for (uint64_t n = 1; n <= l->last; n++)
        roost__buf_free(&l->calls[n]);
    roost__buf_free(&l->received);
    roost__buf_free(&l->acks[0]);
    roost__buf_free(&l->acks[1]);
    free(l->calls);
    free(l);
}

static void send_call(struct line *l, struct slice payload, bool breaks_now)
{
    struct call_frame call;
    assert_true(roost__frame_call(payload, &call));
    assert_true(call.number < FRAMES_MAX);
    l->last = call.number;
    l->calls[call.number] = buf_make(FRAME_MAX);
    buf_append(&l->calls[call.number], payload.data, payload.len);
    if (breaks_now && breaks % 3 == 0)
        return; /* the call itself is lost */
    step_call(l, payload, l->seen, breaks_now ? l : NULL);
    if (breaks_now && breaks % 3 == 1) /* the clock does not stand still while the line is down */
        step((struct event){.kind = EVENT_TIME}, l);
}

static void send_frame(void *link, struct slice frame)
{
    struct line *l = link;
    struct slice payload = slice_of(frame.data + FRAME_HEADER, frame.len - FRAME_HEADER);
    bool breaks_now = ++l->since_break == BREAK_EVERY;
    int kind = roost__frame_kind(payload);
    if (kind == FRAME_CALL) {
        send_call(l, payload, breaks_now);
    } else if (kind == FRAME_ACK) {
        buf_append(&l->acks[0], frame.data, frame.len);
        if (!breaks_now)
            step_ack(l, payload);
    } else {
        step((struct event){.kind = EVENT_CANCEL, .session = l->session, .payload = payload}, NULL);
    }
    if (breaks_now)
        resume(l);
}

/* Only the clock can bring an answer that is not here: it moves to the next deadline. */
static bool receive(void *link, struct buf *frame)
{
    struct line *l = link;
    while (l->received.len == 0) {
        int64_t next = core_next_deadline_us(core);
        if (next == INT64_MAX)
            return false;
        now_us = next;
        step((struct event){.kind = EVENT_TIME}, NULL);
    }
    size_t len = get_u32be(l->received.data);
    buf_append(frame, l->received.data + FRAME_HEADER, len);
    roost__buf_consume(&l->received, FRAME_HEADER + len);
    return true;
}

static void pass(int64_t ms)
{
    now_us += ms * 1000;
    step((struct event){.kind = EVENT_TIME}, NULL);
}

const struct backend backend_resume = {.name = "resume",
                                       .start = start,
                                       .stop = stop,
                                       .open = open_session,
                                       .lose = lose_session,
                                       .send = send_frame,
                                       .receive = receive,
                                       .real_time = false,
                                       .pass_time = pass};
