/* logged.c: see logged.h. */
#include "shell/logged.h"

#include <assert.h>

#include "base/error.h"

enum {
    EVENT_HEADER = 26, /* kind, time, session, confirmed, length of the secret */
    WHO_HEADER = 14    /* identity, whether it is restricted, lengths of its rules and of the peer's words */
};

/* These say whose session it is, where it comes from, and what he may do. */
static bool says_who(enum event_kind kind)
{
    return kind == EVENT_OPEN || kind == EVENT_RESUMED || kind == EVENT_RIGHTS;
}

static void encode_who(struct buf *out, const struct event *e)
{
    uint8_t header[WHO_HEADER];
    put_u64be(header, e->identity);
    header[8] = e->restricted;
    put_u32be(header + 9, (uint32_t)e->rights.len);
    header[13] = (uint8_t)e->peer.len;
    buf_append(out, header, sizeof(header));
    buf_append(out, e->rights.data, e->rights.len);
    buf_append(out, e->peer.data, e->peer.len);
}

bool logged_encode(struct buf *out, const struct event *e, uint64_t confirmed)
{
    uint8_t header[EVENT_HEADER] = {(uint8_t)e->kind};
    assert(e->secret.len <= UINT8_MAX && e->peer.len <= UINT8_MAX);
    put_u64be(header + 1, (uint64_t)e->now_us);
    put_u64be(header + 9, e->session);
    put_u64be(header + 17, confirmed);
    header[25] = (uint8_t)e->secret.len;
    buf_reset(out);
    buf_append(out, header, sizeof(header));
    buf_append(out, e->secret.data, e->secret.len);
    if (says_who(e->kind))
        encode_who(out, e);
    buf_append(out, e->payload.data, e->payload.len);
    return !out->failed;
}

/* Takes it from the front of a slice. False: it is not there. */
static bool decode_who(struct slice *rest, struct event *ret)
{
    const uint8_t *p = rest->data;
    if (rest->len < WHO_HEADER || p[8] > 1 || rest->len - WHO_HEADER < (size_t)get_u32be(p + 9) + p[13])
        return false;
    ret->identity = get_u64be(p);
    ret->restricted = p[8] == 1;
    ret->rights = slice_of(p + WHO_HEADER, get_u32be(p + 9));
    ret->peer = slice_of(p + WHO_HEADER + ret->rights.len, p[13]);
    size_t len = WHO_HEADER + ret->rights.len + ret->peer.len;
    *rest = slice_of(p + len, rest->len - len);
    return true;
}

bool logged_decode(struct slice entry, struct event *ret)
{
    const uint8_t *p = entry.data;
    if (entry.len < EVENT_HEADER || p[0] > EVENT_TIME || entry.len - EVENT_HEADER < p[25])
        return false;
    size_t at = EVENT_HEADER + (size_t)p[25];
    struct slice rest = slice_of(p + at, entry.len - at);
    *ret = (struct event){.kind = (enum event_kind)p[0],
                          .now_us = (int64_t)get_u64be(p + 1),
                          .session = get_u64be(p + 9),
                          .again = true,
                          .confirmed = get_u64be(p + 17),
                          .secret = slice_of(p + EVENT_HEADER, p[25])};
    if (says_who(ret->kind) && !decode_who(&rest, ret))
        return false;
    ret->payload = rest;
    bool has_payload = ret->kind <= EVENT_CANCEL;
    return has_payload == (ret->payload.len > 0) &&
           (!has_payload || roost__scan_check(ret->payload, FRAME_DEPTH_MAX));
}

size_t logged_max(const struct event *e)
{
    return EVENT_HEADER + UINT8_MAX + WHO_HEADER + e->rights.len + e->peer.len + e->payload.len;
}

int logged_take(struct core *core, struct slice entry, struct effects *unread)
{
    struct event event;
    if (core == NULL)
        return roost__fail(ROOST_EDAMAGED, "there is a log, but the snapshot before it is missing");
    if (!logged_decode(entry, &event))
        return roost__fail(ROOST_EDAMAGED, "it is no event");
    effects_reset(unread);
    int rc = core_step(core, &event, unread);
    return rc == ROOST_OK ? rc : roost__fail(rc, "it cannot happen: %s", roost_strerror(rc));
}
