/*
 * decode.c: MessagePack to roost_value. msgpack-c unpacks checked bytes into its zone, one pass counts nodes
 * and bytes, a second fills one block: the nodes first, then the strings, each with a NUL behind it.
 */
#include "wire/decode.h"

#include <assert.h>
#include <msgpack.h>
#include <stdlib.h>

#include "base/error.h"
#include "wire/encode.h"
#include "wire/scan.h"

struct fill {
    roost_value *nodes; /* the next free node */
    char *bytes;        /* the next free byte */
};

static void measure(const msgpack_object *o, size_t *nodes, size_t *bytes)
{
    switch (o->type) {
    case MSGPACK_OBJECT_STR:
        *bytes += o->via.str.size + 1;
        break;
    case MSGPACK_OBJECT_BIN:
        *bytes += o->via.bin.size + 1;
        break;
    case MSGPACK_OBJECT_ARRAY:
        *nodes += o->via.array.size;
        for (uint32_t i = 0; i < o->via.array.size; i++)
            measure(&o->via.array.ptr[i], nodes, bytes);
        break;
    case MSGPACK_OBJECT_MAP:
        *nodes += 2 * (size_t)o->via.map.size;
        for (uint32_t i = 0; i < o->via.map.size; i++) {
            measure(&o->via.map.ptr[i].key, nodes, bytes);
            measure(&o->via.map.ptr[i].val, nodes, bytes);
        }
        break;
    case MSGPACK_OBJECT_NIL:
    case MSGPACK_OBJECT_BOOLEAN:
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
    case MSGPACK_OBJECT_EXT:
        break;
    }
}

static const char *fill_bytes(struct fill *f, const char *p, uint32_t n)
{
    char *copy = f->bytes;
    if (n > 0)
        memcpy(copy, p, n);
    copy[n] = '\0';
    f->bytes += (size_t)n + 1;
    return copy;
}

static roost_value fill_value(struct fill *f, const msgpack_object *o);

static roost_value fill_array(struct fill *f, const msgpack_object_array *a)
{
    roost_value *items = f->nodes;
    f->nodes += a->size;
    for (uint32_t i = 0; i < a->size; i++)
        items[i] = fill_value(f, &a->ptr[i]);
    return roost_array(items, a->size);
}

static roost_value fill_map(struct fill *f, const msgpack_object_map *m)
{
    roost_pair *pairs = (roost_pair *)(void *)f->nodes; /* a pair is two nodes */
    f->nodes += 2 * (size_t)m->size;
    for (uint32_t i = 0; i < m->size; i++) {
        pairs[i].key = fill_value(f, &m->ptr[i].key);
        pairs[i].value = fill_value(f, &m->ptr[i].val);
    }
    return roost_map(pairs, m->size);
}

static roost_value fill_ref(const msgpack_object_ext *e)
{
    assert(e->type == WIRE_EXT_REF && e->size == WIRE_EXT_REF_LEN);
    const uint8_t *body = (const uint8_t *)e->ptr;
    return (roost_value){.kind = ROOST_REF, .len = body[WIRE_EXT_REF_LEN - 1], .as.ref = get_u64be(body)};
}

static roost_value fill_value(struct fill *f, const msgpack_object *o)
{
    switch (o->type) {
    case MSGPACK_OBJECT_NIL:
        return roost_nil();
    case MSGPACK_OBJECT_BOOLEAN:
        return roost_bool(o->via.boolean);
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        return roost_uint(o->via.u64);
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return roost_int(o->via.i64);
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        return roost_float(o->via.f64);
    case MSGPACK_OBJECT_STR:
        return roost_strn(fill_bytes(f, o->via.str.ptr, o->via.str.size), o->via.str.size);
    case MSGPACK_OBJECT_BIN:
        return roost_bytes(fill_bytes(f, o->via.bin.ptr, o->via.bin.size), o->via.bin.size);
    case MSGPACK_OBJECT_ARRAY:
        return fill_array(f, &o->via.array);
    case MSGPACK_OBJECT_MAP:
        return fill_map(f, &o->via.map);
    case MSGPACK_OBJECT_EXT:
        return fill_ref(&o->via.ext);
    }
    assert(false); /* an object of a checked value has a known type */
    return roost_nil();
}

static int fill_block(const msgpack_object *o, roost_value *ret)
{
    size_t nodes = 0, bytes = 0;
    measure(o, &nodes, &bytes);
    struct value_block *block = calloc(1, sizeof(*block) + nodes * sizeof(roost_value) + bytes);
    if (block == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for a value of %zu bytes",
                           nodes * sizeof(roost_value) + bytes);
    roost_value *first = (roost_value *)(void *)(block + 1);
    struct fill f = {.nodes = first, .bytes = (char *)(first + nodes)};
    *ret = fill_value(&f, o);
    assert(f.nodes == first + nodes && f.bytes == (char *)(first + nodes) + bytes);
    ret->block = block;
    return ROOST_OK;
}

/* A string needs no tree. False: it is none. */
static bool decode_string(struct slice checked, roost_value *ret, int *ret_rc)
{
    struct item it = scan_value(checked);
    if (it.kind != ROOST_STR && it.kind != ROOST_BYTES)
        return false;
    struct value_block *block = malloc(sizeof(*block) + (size_t)it.len + 1);
    *ret_rc =
        block == NULL ? roost__fail(ROOST_ENOMEM, "no memory for a value of %u bytes", it.len) : ROOST_OK;
    if (block == NULL)
        return true;
    struct fill f = {.bytes = (char *)(block + 1)};
    *block = (struct value_block){0};
    const char *copy = fill_bytes(&f, (const char *)it.as.bytes, it.len);
    *ret = it.kind == ROOST_STR ? roost_strn(copy, it.len) : roost_bytes(copy, it.len);
    ret->block = block;
    return true;
}

/* Scalars, by far the most replies, need neither tree nor block. */
static bool decode_scalar(struct slice checked, roost_value *ret)
{
    struct item it = scan_value(checked);
    switch (it.kind) {
    case ROOST_NIL:
        *ret = roost_nil();
        return true;
    case ROOST_BOOL:
        *ret = roost_bool(it.as.b);
        return true;
    case ROOST_INT:
    case ROOST_UINT:
        *ret = (roost_value){.kind = it.kind, .as.u = it.as.u};
        return true;
    case ROOST_FLOAT:
        *ret = roost_float(it.as.f);
        return true;
    case ROOST_REF:
        *ret = (roost_value){.kind = ROOST_REF, .len = it.len, .as.ref = it.as.u};
        return true;
    case ROOST_STR:
    case ROOST_BYTES:
    case ROOST_ARRAY:
    case ROOST_MAP:
        return false;
    }
    return false;
}

int roost__decode(struct slice checked, bool with_block, roost_value *ret)
{
    if (!with_block && decode_scalar(checked, ret))
        return ROOST_OK;
    int rc;
    if (decode_string(checked, ret, &rc))
        return rc;
    msgpack_zone zone;
    msgpack_object o;
    if (!msgpack_zone_init(&zone, 2048))
        return roost__fail(ROOST_ENOMEM, "no memory to decode a value");
    msgpack_unpack_return got = msgpack_unpack((const char *)checked.data, checked.len, NULL, &zone, &o);
    rc = got == MSGPACK_UNPACK_SUCCESS ? fill_block(&o, ret)
                                       : roost__fail(ROOST_ENOMEM, "no memory to decode a value");
    msgpack_zone_destroy(&zone);
    return rc;
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
