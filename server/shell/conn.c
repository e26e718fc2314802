/* conn.c: what all connections have in common; see conn.h. */
#include "shell/conn.h"

#include <assert.h>
#include <stdlib.h>

#include "core/core.h"
#include "shell/admit.h"
#include "shell/hello.h"
#include "shell/log.h"
#include "shell/server.h"
#include "wire/frame.h"

enum { ROOM_MIN = IDLE_BYTES, ROOM_MAX = 256 << 10 };

void conn_init(struct conn *c, struct server *s, const struct conn_ops *ops, const char *peer,
               const char *host)
{
    c->server = s;
    c->ops = ops;
    c->since_us = server_now_us();
    c->in = buf_make(FRAME_MAX + FRAME_HEADER + ROOM_MAX);
    c->out = buf_make((size_t)s->limits.unread_max);
    list_init(&c->in_server);
    list_init(&c->in_newcomers);
    atomic_init(&c->refs, 1);
    pthread_mutex_init(&c->mutex, NULL);
    snprintf(c->peer, sizeof(c->peer), "%s", peer);
    snprintf(c->host, sizeof(c->host), "%s", host);
}

void conn_ref(struct conn *c)
{
    atomic_fetch_add(&c->refs, 1);
}

void conn_discard(struct conn *c)
{
    greeting_free(c->greeting);
    roost__buf_free(&c->in);
    roost__buf_free(&c->out);
    pthread_mutex_destroy(&c->mutex);
    c->ops->destroy(c);
}

void conn_unref(struct conn *c)
{
    if (atomic_fetch_sub(&c->refs, 1) > 1)
        return;
    server_forget(c->server, c);
    conn_discard(c);
}

int64_t conn_patience_us(const struct conn *c)
{
    if (c->session != 0)
        return -1;
    int64_t left = c->since_us + HANDSHAKE_US - server_now_us();
    return left > 0 ? left : 0;
}

/* ---- bytes in ---- */

/* The longest frame that the peer may send now. */
static uint32_t longest(const struct conn *c)
{
    return c->session == 0 ? FRAME_HELLO_MAX : (uint32_t)c->server->limits.frame_max;
}

/* Bytes of the frame under way that are still to come, as far as known. */
static size_t missing(const struct conn *c)
{
    if (c->in.len < FRAME_HEADER)
        return FRAME_HEADER - c->in.len;
    size_t whole = FRAME_HEADER + (size_t)get_u32be(c->in.data);
    return whole > c->in.len ? whole - c->in.len : 0;
}

size_t conn_room(struct conn *c, void **ret)
{
    size_t want = missing(c); /* memory is taken as bytes come, not as a header promises */
    want = want < ROOM_MIN ? ROOM_MIN : want > ROOM_MAX ? ROOM_MAX : want;
    if (!roost__buf_reserve(&c->in, want))
        return 0;
    *ret = c->in.data + c->in.len;
    return c->in.cap - c->in.len;
}

void conn_goodbye(struct conn *c, int code, const char *message)
{
    struct buf b = buf_make(1024);
    size_t at = frame_begin(&b);
    roost__put_array(&b, 3);
    roost__put_int(&b, FRAME_GOODBYE);
    roost__put_int(&b, code);
    roost__put_cstr(&b, message);
    if (roost__frame_end(&b, at)) {
        conn_write(c, buf_slice(&b));
        c->ops->flush(c);
    }
    roost__buf_free(&b);
    c->ends_session = true;
    log_warn("%s: closing: %s", c->peer, message);
}

void conn_refused(struct conn *c, const char *why)
{
    struct batch batch;
    server_enter(c->server, &batch);
    watch_refusal(c, why, ROOST_EAUTH);
    server_leave(c->server, &batch);
}

static void pong(struct conn *c)
{
    static const uint8_t frame[] = {0, 0, 0, 2, 0x91, FRAME_PONG};
    conn_write(c, slice_of(frame, sizeof(frame)));
    c->ops->flush(c);
}

/* The peer moves to the ring: the same frame is our last on the socket. */
static bool move_to_ring(struct conn *c)
{
    static const uint8_t frame[] = {0, 0, 0, 2, 0x91, FRAME_RING};
    if (!c->has_ring || c->on_ring) {
        conn_goodbye(c, ROOST_EPROTO, "no ring was offered");
        return false;
    }
    conn_write(c, slice_of(frame, sizeof(frame)));
    c->on_ring = true;
    server_count_rings(c->server, 0, 1);
    return c->ops->move_to_ring(c);
}

bool conn_error(struct buf *out, struct slice payload, int code, const char *words)
{
    struct call_frame call;
    if (!roost__frame_call(payload, &call))
        return false;
    size_t at = frame_begin(out);
    roost__put_array(out, 4);
    roost__put_int(out, FRAME_ERROR);
    roost__put_uint(out, call.number);
    roost__put_int(out, code);
    roost__put_cstr(out, words);
    return roost__frame_end(out, at);
}

/* A peer calls more often than it may: this call is answered, and not made. */
static bool refuse_call(struct conn *c, struct slice payload)
{
    struct call_frame call;
    char words[192];
    struct buf b = buf_make(256);
    if (!roost__frame_call(payload, &call)) {
        conn_goodbye(c, ROOST_EPROTO, "a frame has the wrong shape");
        return false;
    }
    snprintf(words, sizeof(words), "%s makes more calls a second than the limit rate (%lld)", c->host,
             (long long)c->server->limits.rate);
    bool ok = conn_error(&b, payload, ROOST_ELIMIT, words);
    if (ok) {
        conn_write(c, buf_slice(&b));
        c->ops->flush(c);
    }
    roost__buf_free(&b);
    watch_refusal(c, "rate", ROOST_ELIMIT);
    return ok;
}

/* A frame of a session under way. Returns false to close the connection. */
static bool take_session_frame(struct conn *c, struct batch *batch, struct slice payload)
{
    struct event event = {.kind = EVENT_CALL, .session = c->session, .payload = payload};
    switch (roost__frame_kind(payload)) {
    case FRAME_CALL:
        if (c->rate != NULL && !rate_take(c->rate, server_batch_us(batch), c->server->limits.rate))
            return refuse_call(c, payload);
        break;
    case FRAME_ACK:
        event.kind = EVENT_ACK;
        break;
    case FRAME_CANCEL:
        event.kind = EVENT_CANCEL;
        break;
    case FRAME_PING:
        pong(c);
        return true;
    case FRAME_RING:
        return move_to_ring(c);
    case FRAME_END:
        c->ends_session = true;
        return false;
    default:
        event.kind = EVENT_TIME; /* none of a client's */
    }
    int rc = event.kind != EVENT_TIME ? server_step(c->server, batch, event) : ROOST_EPROTO;
    if (rc == ROOST_OK) {
        if (watch_worth(&c->server->effects))
            watch_call(c, payload);
        return true;
    }
    if (rc == ROOST_ENOMEM) { /* it was not executed: a client with grace sends it again */
        log_warn("%s: closing: no memory to answer", c->peer);
        return false;
    }
    if (rc == ROOST_ENOTLEADER) /* nor here: another server of the cluster will */
        return false;
    conn_goodbye(c, ROOST_EPROTO, "a frame has the wrong shape");
    return false;
}

static bool take_frame(struct conn *c, struct batch *batch, struct slice payload)
{
    if (c->over)
        return false;
    if (!roost__scan_check(payload, FRAME_DEPTH_MAX)) {
        conn_goodbye(c, ROOST_EPROTO, "a frame is no well-formed MessagePack value");
        return false;
    }
    return c->session == 0 ? hello_take(c, batch, payload) : take_session_frame(c, batch, payload);
}

/* The next whole frame at `at` of the input. 1: there is one, 0: not yet, -1: its length is out of bounds. */
static int next_frame(const struct conn *c, size_t at, struct slice *ret)
{
    size_t left = c->in.len - at;
    if (left < FRAME_HEADER)
        return 0;
    size_t len = get_u32be(c->in.data + at);
    if (len == 0 || len > longest(c))
        return -1;
    if (left - FRAME_HEADER < len)
        return 0;
    *ret = slice_of(c->in.data + at + FRAME_HEADER, len);
    return 1;
}

/* The frame at `at` says a length that is none, or too long. */
static void refuse_length(struct conn *c, size_t at)
{
    uint32_t len = get_u32be(c->in.data + at);
    char words[128];
    if (c->session == 0 || len == 0 || len > FRAME_MAX) {
        conn_goodbye(c, ROOST_EPROTO, "a frame's length is out of bounds");
        return;
    }
    snprintf(words, sizeof(words), "a frame of %u bytes would pass the limit frame_max (%lld)", len,
             (long long)c->server->limits.frame_max);
    conn_goodbye(c, ROOST_ELIMIT, words);
}

static bool take_frames(struct conn *c, struct batch *batch, size_t *ret_used)
{
    struct slice payload;
    int found;
    bool ok = true, on_ring = c->on_ring;
    batch->from = c;
    while (ok && (found = next_frame(c, *ret_used, &payload)) > 0) {
        ok = take_frame(c, batch, payload);
        *ret_used += FRAME_HEADER + payload.len;
        if (c->on_ring != on_ring) { /* the stream goes on there: nothing follows here */
            on_ring = true;
            *ret_used = c->in.len;
        }
    }
    batch->from = NULL;
    c->server->metrics.bytes_in += *ret_used;
    if (ok && found < 0)
        refuse_length(c, *ret_used);
    return ok && found >= 0;
}

bool conn_arrived(struct conn *c, size_t n)
{
    assert(n <= c->in.cap - c->in.len);
    c->in.len += n;
    if (c->lease.us > 0)
        lease_heard(c);
    return missing(c) == 0 || (c->in.len >= FRAME_HEADER && get_u32be(c->in.data) - 1 >= longest(c));
}

bool conn_serve(struct conn *c, struct batch *batch)
{
    size_t used = 0;
    bool ok = take_frames(c, batch, &used);
    roost__buf_consume(&c->in, used);
    if (c->in.len == 0)
        conn_trim(&c->in);
    return ok;
}

bool conn_received(struct conn *c, size_t n)
{
    struct batch batch;
    if (!conn_arrived(c, n))
        return true;
    server_enter(c->server, &batch);
    bool ok = conn_serve(c, &batch);
    server_leave(c->server, &batch);
    return ok;
}

/* ---- bytes out ---- */

void conn_write(struct conn *c, struct slice bytes)
{
    pthread_mutex_lock(&c->mutex);
    bool ok = c->closed || buf_append(&c->out, bytes.data, bytes.len);
    pthread_mutex_unlock(&c->mutex);
    if (!ok) {
        log_warn("%s: closing: it does not read its answers, or there is no memory for them", c->peer);
        c->ops->close(c);
    }
}

/* Two buffers change places; each keeps its maximum. */
static void swap(struct buf *a, struct buf *b)
{
    struct buf was_a = *a;
    size_t max_b = b->max;
    *a = *b;
    a->max = was_a.max;
    *b = was_a;
    b->max = max_b;
}

void conn_write_all(struct conn *c, struct buf *bytes)
{
    pthread_mutex_lock(&c->mutex);
    bool swaps = !c->closed && c->out.len == 0 && bytes->cap <= c->out.max;
    if (swaps)
        swap(&c->out, bytes);
    pthread_mutex_unlock(&c->mutex);
    if (!swaps)
        conn_write(c, buf_slice(bytes));
    buf_reset(bytes);
}

void conn_ended(struct conn *c)
{
    struct batch batch;
    server_enter(c->server, &batch);
    if (c->greeting != NULL)
        watch_refusal(c, "went without a proof of its identity", ROOST_EAUTH);
    server_count_rings(c->server, c->has_ring ? -1 : 0, c->on_ring ? -1 : 0);
    if (c->session != 0 && !c->over) {
        server_unbind(c->server, c);
        c->over = true; /* whoever keeps it longer finds nothing of the session here */
        bool lost = c->ends_session || (c->waits_for_server && !c->server->stopping);
        enum event_kind kind = lost ? EVENT_LOST : EVENT_DETACHED;
        server_step(c->server, &batch, (struct event){.kind = kind, .session = c->session});
        log_debug("%s: the connection of session %llu ended", c->peer, (unsigned long long)c->session);
    }
    server_leave(c->server, &batch);
    conn_unref(c);
}
