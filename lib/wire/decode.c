/*
 * decode.c: MessagePack to roost_value: one pass over the checked bytes counts nodes and text, a second fills
 * one block: the nodes first, then the strings, each with a NUL behind it.
 */
#include "wire/decode.h"

#include <assert.h>
#include <stdlib.h>

#include "base/error.h"
#include "wire/encode.h"
#include "wire/scan.h"

struct fill {
    roost_value *nodes; /* the next free node */
    char *bytes;        /* the next free byte */
};

static void measure(struct slice checked, size_t *ret_nodes, size_t *ret_bytes)
{
    struct item it;
    *ret_nodes = *ret_bytes = 0;
    for (const uint8_t *p = checked.data; p < checked.data + checked.len;) {
        p = roost__scan_item(p, &it);
        if (it.kind == ROOST_STR || it.kind == ROOST_BYTES)
            *ret_bytes += (size_t)it.len + 1;
        else if (it.kind == ROOST_ARRAY || it.kind == ROOST_MAP)
            *ret_nodes += (it.kind == ROOST_MAP ? 2 : 1) * (size_t)it.len;
    }
}

static const char *fill_bytes(struct fill *f, const uint8_t *p, uint32_t n)
{
    char *copy = f->bytes;
    if (n > 0)
        memcpy(copy, p, n);
    copy[n] = '\0';
    f->bytes += (size_t)n + 1;
    return copy;
}

static roost_value fill_value(struct fill *f, const uint8_t **p);

static roost_value fill_array(struct fill *f, const uint8_t **p, uint32_t n)
{
    roost_value *items = f->nodes;
    f->nodes += n;
    for (uint32_t i = 0; i < n; i++)
        items[i] = fill_value(f, p);
    return roost_array(items, n);
}

static roost_value fill_map(struct fill *f, const uint8_t **p, uint32_t n)
{
    roost_pair *pairs = (roost_pair *)(void *)f->nodes; /* a pair is two nodes */
    f->nodes += 2 * (size_t)n;
    for (uint32_t i = 0; i < n; i++) {
        pairs[i].key = fill_value(f, p);
        pairs[i].value = fill_value(f, p);
    }
    return roost_map(pairs, n);
}

/* The value at *p, which moves behind it. */
static roost_value fill_value(struct fill *f, const uint8_t **p)
{
    struct item it;
    *p = roost__scan_item(*p, &it);
    switch (it.kind) {
    case ROOST_NIL:
        return roost_nil();
    case ROOST_BOOL:
        return roost_bool(it.as.b);
    case ROOST_INT:
    case ROOST_UINT:
        return (roost_value){.kind = it.kind, .as.u = it.as.u};
    case ROOST_FLOAT:
        return roost_float(it.as.f);
    case ROOST_REF:
        return (roost_value){.kind = ROOST_REF, .len = it.len, .as.ref = it.as.u};
    case ROOST_STR:
        return roost_strn(fill_bytes(f, it.as.bytes, it.len), it.len);
    case ROOST_BYTES:
        return roost_bytes(fill_bytes(f, it.as.bytes, it.len), it.len);
    case ROOST_ARRAY:
        return fill_array(f, p, it.len);
    case ROOST_MAP:
        return fill_map(f, p, it.len);
    }
    assert(false); /* an item of a checked value has a known kind */
    return roost_nil();
}

static bool is_scalar(struct slice checked)
{
    roost_kind kind = scan_value(checked).kind;
    return kind != ROOST_STR && kind != ROOST_BYTES && kind != ROOST_ARRAY && kind != ROOST_MAP;
}

int roost__decode(struct slice checked, bool with_block, roost_value *ret)
{
    const uint8_t *p = checked.data;
    if (!with_block && is_scalar(checked)) { /* by far the most replies */
        *ret = fill_value(&(struct fill){.nodes = NULL}, &p);
        return ROOST_OK;
    }
    size_t nodes, bytes;
    measure(checked, &nodes, &bytes);
    struct value_block *block = malloc(sizeof(*block) + nodes * sizeof(roost_value) + bytes);
    if (block == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for a value of %zu bytes",
                           nodes * sizeof(roost_value) + bytes);
    *block = (struct value_block){0};
    roost_value *first = (roost_value *)(void *)(block + 1);
    struct fill f = {.nodes = first, .bytes = (char *)(first + nodes)};
    *ret = fill_value(&f, &p);
    assert(f.nodes == first + nodes && f.bytes == (char *)(first + nodes) + bytes);
    ret->block = block;
    return ROOST_OK;
}

int roost_value_decode(const void *data, size_t len, roost_value *ret)
{
    if (!roost__scan_check(slice_of(data, len), WIRE_DEPTH_MAX))
        return roost__fail(ROOST_EPROTO, "%zu bytes are no well-formed value", len);
    return roost__decode(slice_of(data, len), false, ret);
}

int roost_value_encode(roost_value v, void **ret, size_t *ret_len)
{
    struct buf b = buf_make(UINT32_MAX);
    int rc = roost__put_value(&b, &v);
    if (rc != ROOST_OK) {
        roost__buf_free(&b);
        return rc;
    }
    *ret = b.data;
    *ret_len = b.len;
    return ROOST_OK;
}

int roost_value_copy(roost_value v, roost_value *ret)
{
    void *data;
    size_t len;
    int rc = roost_value_encode(v, &data, &len);
    if (rc != ROOST_OK)
        return rc;
    rc = roost__decode(slice_of(data, len), false, ret);
    free(data);
    return rc;
}

void roost_value_free(roost_value *v)
{
    if (v == NULL)
        return;
    struct value_block *block = v->block;
    if (block != NULL && block->drop != NULL)
        block->drop(block, v);
    free(block);
    *v = roost_nil();
}
