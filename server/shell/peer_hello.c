/* peer_hello.c: see peer_hello.h. */
#include "shell/peer_hello.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"

static const uint8_t magic[8] = {'r', 'o', 'o', 's', 't', 'p', 'r', '\n'};

bool peer_cluster_ok(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    size_t len = strlen(name);
    return len >= 1 && len <= PEER_CLUSTER_MAX && strspn(name, allowed) == len;
}

/* ---- writing ---- */

static uint8_t *put_text(uint8_t *p, const char *text)
{
    struct slice s = slice_str(text);
    *p++ = (uint8_t)s.len;
    memcpy(p, s.data, s.len);
    return p + s.len;
}

size_t peer_hello_write(const struct peer_hello *h, uint8_t ret[PEER_HELLO_HEADER + PEER_HELLO_MAX])
{
    uint8_t *body = ret + PEER_HELLO_HEADER, *p = body;
    put_u64be(p, h->from);
    put_u64be(p + 8, h->to);
    p = put_text(p + 16, h->address);
    p = put_text(p, h->cluster);
    p = put_text(p, h->refusal);
    memcpy(ret, magic, sizeof(magic));
    put_u32be(ret + 8, h->version);
    put_u32be(ret + 12, (uint32_t)(p - body));
    assert(p - body <= PEER_HELLO_MAX);
    return (size_t)(p - ret);
}

/* ---- reading ---- */

int peer_hello_body(const uint8_t header[PEER_HELLO_HEADER])
{
    if (memcmp(header, magic, sizeof(magic)) != 0)
        return roost__fail(ROOST_EPROTO, "it does not speak as a node does"), -1;
    if (get_u32be(header + 12) > PEER_HELLO_MAX)
        return roost__fail(ROOST_EPROTO, "its greeting is too long"), -1;
    return (int)get_u32be(header + 12);
}

/* Takes a text of printable characters, which goes to the log, off the front. */
static bool take_text(struct slice *s, char *ret, size_t max)
{
    if (s->len < 1 || s->data[0] > max || s->len < 1 + (size_t)s->data[0])
        return false;
    size_t len = s->data[0];
    for (size_t i = 1; i <= len; i++)
        if (s->data[i] < ' ' || s->data[i] > '~')
            return false;
    memcpy(ret, s->data + 1, len);
    ret[len] = '\0';
    *s = slice_of(s->data + 1 + len, s->len - 1 - len);
    return true;
}

int peer_hello_read(struct slice bytes, struct peer_hello *ret)
{
    struct peer_hello h = {0};
    assert(bytes.len >= PEER_HELLO_HEADER);
    h.version = get_u32be(bytes.data + 8);
    struct slice body = slice_of(bytes.data + PEER_HELLO_HEADER, bytes.len - PEER_HELLO_HEADER);
    if (h.version == PEER_VERSION) {
        if (body.len < 16)
            return roost__fail(ROOST_EPROTO, "its greeting is cut off");
        h.from = get_u64be(body.data);
        h.to = get_u64be(body.data + 8);
        body = slice_of(body.data + 16, body.len - 16);
        if (!take_text(&body, h.address, PEER_ADDRESS_MAX) ||
            !take_text(&body, h.cluster, PEER_CLUSTER_MAX) ||
            !take_text(&body, h.refusal, PEER_REFUSAL_MAX) || body.len > 0)
            return roost__fail(ROOST_EPROTO, "its greeting is damaged");
        if (h.from == 0 || h.address[0] == '\0' || !peer_cluster_ok(h.cluster))
            return roost__fail(ROOST_EPROTO, "its greeting does not say who it is");
    }
    *ret = h;
    return ROOST_OK;
}
