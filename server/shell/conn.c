/* conn.c: what all connections have in common; see conn.h. */
#include "shell/conn.h"

#include <assert.h>
#include <stdlib.h>

#include "core/core.h"
#include "shell/log.h"
#include "shell/server.h"
#include "wire/frame.h"

enum { ROOM_MIN = 4 << 10, ROOM_MAX = 256 << 10 };

void conn_init(struct conn *c, struct server *s, const struct conn_ops *ops, const char *peer)
{
    c->server = s;
    c->ops = ops;
    c->since_us = server_now_us();
    c->in = buf_make(FRAME_MAX + FRAME_HEADER + ROOM_MAX);
    c->out = buf_make(OUT_MAX);
    list_init(&c->in_server);
    atomic_init(&c->refs, 1);
    pthread_mutex_init(&c->mutex, NULL);
    snprintf(c->peer, sizeof(c->peer), "%s", peer);
}

void conn_ref(struct conn *c)
{
    atomic_fetch_add(&c->refs, 1);
}

void conn_discard(struct conn *c)
{
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
    return c->session == 0 ? FRAME_HELLO_MAX : FRAME_MAX;
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

static void goodbye(struct conn *c, int code, const char *message)
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
    log_warn("%s: closing: %s", c->peer, message);
}

static void put_limit(struct buf *b, const char *name, uint64_t value)
{
    roost__put_cstr(b, name);
    roost__put_uint(b, value);
}

static bool welcome(struct conn *c)
{
    struct buf b = buf_make(1024);
    size_t at = frame_begin(&b);
    roost__put_array(&b, 6);
    roost__put_int(&b, FRAME_WELCOME);
    roost__put_cstr(&b, "roost");
    roost__put_int(&b, PROTOCOL_VERSION);
    roost__put_uint(&b, c->session);
    roost__put_uint(&b, core_epoch(c->server->core));
    roost__put_map(&b, 3);
    put_limit(&b, "frame_max", FRAME_MAX);
    put_limit(&b, "depth_max", WIRE_DEPTH_MAX);
    put_limit(&b, "name_max", 255);
    bool ok = roost__frame_end(&b, at);
    if (ok)
        conn_write(c, buf_slice(&b));
    roost__buf_free(&b);
    return ok;
}

/* Reads HELLO's version and info. False: it is none. */
static bool read_hello(struct slice payload, int64_t *ret_version, struct slice *ret_info)
{
    struct item it;
    const uint8_t *p = roost__scan_item(payload.data, &it);
    if (roost__frame_kind(payload) != FRAME_HELLO || it.len != 4)
        return false;
    p = roost__scan_skip(p);
    p = roost__scan_item(p, &it);
    if (it.kind != ROOST_STR || !slice_equal(slice_of(it.as.bytes, it.len), slice_str("roost")))
        return false;
    p = roost__scan_item(p, &it);
    *ret_version = it.as.i;
    *ret_info = scan_next(&p);
    return it.kind == ROOST_INT && scan_value(*ret_info).kind == ROOST_MAP;
}

static bool say_hello(struct conn *c, struct batch *batch, struct slice payload)
{
    int64_t version;
    struct slice info;
    if (!read_hello(payload, &version, &info)) {
        goodbye(c, ROOST_EPROTO, "the first frame must be HELLO");
        return false;
    }
    if (version != PROTOCOL_VERSION) {
        goodbye(c, ROOST_EPROTO, "this server speaks version 1 of the protocol");
        return false;
    }
    if (server_step(c->server, batch, EVENT_OPEN, 0, info) != ROOST_OK)
        return false;
    c->session = c->server->effects.opened;
    if (!server_bind(c->server, c)) {
        server_step(c->server, batch, EVENT_LOST, c->session, slice_of(NULL, 0));
        c->session = 0;
        return false;
    }
    log_debug("%s: session %llu begins", c->peer, (unsigned long long)c->session);
    return welcome(c) && (c->ops->flush(c), true);
}

static bool take_frame(struct conn *c, struct batch *batch, struct slice payload)
{
    if (!roost__scan_check(payload, FRAME_DEPTH_MAX)) {
        goodbye(c, ROOST_EPROTO, "a frame is no well-formed MessagePack value");
        return false;
    }
    if (c->session == 0)
        return say_hello(c, batch, payload);
    int kind = roost__frame_kind(payload);
    int rc = ROOST_EPROTO;
    if (kind == FRAME_CALL)
        rc = server_step(c->server, batch, EVENT_CALL, c->session, payload);
    else if (kind == FRAME_ACK)
        rc = server_step(c->server, batch, EVENT_ACK, c->session, payload);
    if (rc != ROOST_OK)
        goodbye(c, ROOST_EPROTO, "a frame has the wrong shape");
    return rc == ROOST_OK;
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

static bool take_frames(struct conn *c, size_t *ret_used)
{
    struct batch batch;
    struct slice payload;
    int found;
    bool ok = true;
    server_enter(c->server, &batch);
    while (ok && (found = next_frame(c, *ret_used, &payload)) > 0) {
        ok = take_frame(c, &batch, payload);
        *ret_used += FRAME_HEADER + payload.len;
    }
    server_leave(c->server, &batch);
    if (ok && found < 0)
        goodbye(c, ROOST_EPROTO, "a frame's length is out of bounds");
    return ok && found >= 0;
}

bool conn_received(struct conn *c, size_t n)
{
    assert(n <= c->in.cap - c->in.len);
    c->in.len += n;
    if (missing(c) > 0 && (c->in.len < FRAME_HEADER || get_u32be(c->in.data) - 1 < longest(c)))
        return true; /* not whole yet: spare the server's mutex */
    size_t used = 0;
    bool ok = take_frames(c, &used);
    roost__buf_consume(&c->in, used);
    if (c->in.len == 0 && c->in.cap > ROOM_MAX)
        roost__buf_free(&c->in); /* an idle connection keeps no large buffer */
    return ok;
}

/* ---- bytes out ---- */

void conn_write(struct conn *c, struct slice bytes)
{
    pthread_mutex_lock(&c->mutex);
    bool ok = c->closed || buf_append(&c->out, bytes.data, bytes.len);
    pthread_mutex_unlock(&c->mutex);
    if (!ok) {
        log_warn("%s: closing: it does not read its answers", c->peer);
        c->ops->close(c);
    }
}

void conn_ended(struct conn *c)
{
    struct batch batch;
    server_enter(c->server, &batch);
    if (c->session != 0) {
        server_unbind(c->server, c);
        server_step(c->server, &batch, EVENT_LOST, c->session, slice_of(NULL, 0));
        log_debug("%s: session %llu ended", c->peer, (unsigned long long)c->session);
    }
    server_leave(c->server, &batch);
    conn_unref(c);
}
