/* cells.c: values as they travel inside a pool; see cells.h. */
#include "run/cells.h"

#include <assert.h>
#include <stdlib.h>

#include "base/error.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/scan.h"

static size_t round_up(size_t n)
{
    return (n + 7) & ~(size_t)7;
}

static bool is_text(const roost_value *v)
{
    return v->kind == ROOST_STR || v->kind == ROOST_BYTES;
}

/* The bytes behind a cell: as.u holds them for arrays and maps. */
static size_t body_len(const roost_value *cell)
{
    if (is_scalar(cell))
        return 0;
    return is_text(cell) ? (size_t)cell->len + 1 : (size_t)cell->as.u;
}

static void put_head(struct buf *b, roost_value v)
{
    v.block = NULL;
    buf_append(b, &v, sizeof(v));
}

static void pad(struct buf *b)
{
    static const uint8_t zeros[8];
    buf_append(b, zeros, round_up(b->len) - b->len);
}

static int put_text(struct buf *b, roost_value v)
{
    const char *text = v.as.s;
    if (v.kind == ROOST_STR && !roost__utf8_ok(slice_of(text, v.len)))
        return roost__fail(ROOST_EINVAL, "a string is not well-formed UTF-8: send it as bytes");
    v.as.u = 0;
    put_head(b, v);
    buf_append(b, text, v.len);
    buf_append(b, "", 1);
    pad(b);
    return ROOST_OK;
}

static int put_tree(struct buf *b, roost_value v)
{
    size_t at = b->len;
    put_head(b, v);
    int rc = roost__put_value(b, &v);
    if (rc != ROOST_OK)
        return rc;
    uint64_t len = b->len - at - sizeof(v);
    memcpy(b->data + at + offsetof(roost_value, as), &len, sizeof(len));
    pad(b);
    return ROOST_OK;
}

int roost__cell_put(struct buf *b, roost_value v)
{
    int rc = ROOST_OK;
    if (is_scalar(&v))
        put_head(b, v);
    else
        rc = is_text(&v) ? put_text(b, v) : put_tree(b, v);
    if (rc == ROOST_OK && b->failed)
        rc = roost__buf_fail(b);
    return rc;
}

int roost__cell_put_args(struct buf *b, roost_value v)
{
    if (v.kind != ROOST_ARRAY)
        return roost__fail(ROOST_EINVAL, "a task's arguments are %s, not an array", roost_kind_name(v.kind));
    put_head(b, v);
    int rc = ROOST_OK;
    for (uint32_t i = 0; i < v.len && rc == ROOST_OK; i++)
        rc = roost__cell_put(b, v.as.items[i]);
    return rc;
}

static roost_value head_at(const uint8_t *p)
{
    roost_value v;
    memcpy(&v, p, sizeof(v));
    return v;
}

const uint8_t *roost__cell_end_of_body(const uint8_t *p)
{
    roost_value v = head_at(p);
    return p + sizeof(v) + round_up(body_len(&v));
}

const uint8_t *roost__item_end(const uint8_t *p, bool star)
{
    if (!star)
        return roost__cell_end(p);
    uint32_t n = head_at(p).len;
    for (p += sizeof(roost_value); n > 0; n--)
        p = roost__cell_end(p);
    return p;
}

int roost__cell_borrow(const uint8_t *p, roost_value *ret)
{
    roost_value v = head_at(p);
    const uint8_t *body = p + sizeof(v);
    if (!is_scalar(&v) && !is_text(&v))
        return roost__decode(slice_of(body, v.as.u), false, ret);
    if (is_text(&v))
        v.as.bytes = body;
    *ret = v;
    return ROOST_OK;
}

static int own_text(roost_value v, const uint8_t *body, roost_value *ret)
{
    struct value_block *block = calloc(1, sizeof(*block) + (size_t)v.len + 1);
    if (block == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for a string of %u bytes", v.len);
    memcpy(block + 1, body, v.len);
    v.as.bytes = block + 1;
    v.block = block;
    *ret = v;
    return ROOST_OK;
}

static bool cell_ok(const roost_value *v, struct slice s)
{
    if ((unsigned)v->kind > ROOST_REF || v->block != NULL)
        return false;
    size_t room = s.len - sizeof(*v), len = body_len(v);
    if (len > room || round_up(len) != room)
        return false;
    struct slice body = slice_of(s.data + sizeof(*v), len);
    if (v->kind == ROOST_STR)
        return roost__utf8_ok(body);
    return is_scalar(v) || is_text(v) || roost__scan_check(body, WIRE_DEPTH_MAX);
}

int roost__cell_own(struct slice s, roost_value *ret)
{
    if (s.len < sizeof(roost_value))
        return roost__fail(ROOST_EPROTO, "a worker wrote %zu bytes that are no value", s.len);
    roost_value v = head_at(s.data);
    if (!cell_ok(&v, s))
        return roost__fail(ROOST_EPROTO, "a worker wrote %zu bytes that are no value", s.len);
    const uint8_t *body = s.data + sizeof(v);
    if (is_text(&v))
        return own_text(v, body, ret);
    if (!is_scalar(&v))
        return roost__decode(slice_of(body, v.as.u), false, ret);
    *ret = v;
    return ROOST_OK;
}

int roost__value_settle(roost_value v, roost_value *ret)
{
    if (v.block == NULL && !is_scalar(&v))
        return roost_value_copy(v, ret);
    *ret = v;
    return ROOST_OK;
}
