/* encode.c: values to MessagePack through msgpack-c's packer; see encode.h. */
#include "wire/encode.h"

#include <assert.h>
#include <msgpack.h>

#include "base/error.h"

static int write_buf(void *data, const char *bytes, size_t n)
{
    return buf_append(data, bytes, n) ? 0 : -1;
}

static msgpack_packer packer(struct buf *b)
{
    return (msgpack_packer){.data = b, .callback = write_buf};
}

/* Small numbers, short texts and arrays, most of a frame, spare themselves the packer: its calls through a
 * pointer were a tenth of all instructions of a small call. */
enum {
    NIL = 0xc0,
    FALSE = 0xc2,
    TRUE = 0xc3,
    UINT_16 = 0xcd,
    SHORT_ARRAY = 0x90,
    SHORT_ARRAY_MAX = 15,
    SHORT_STR = 0xa0,
    SHORT_STR_MAX = 31,
    ONE_BYTE_MAX = 0x7f
};

static void put_byte(struct buf *b, unsigned byte)
{
    if (b->len == b->cap && !roost__buf_reserve(b, 1))
        return;
    b->data[b->len++] = (uint8_t)byte;
}

void roost__put_nil(struct buf *b)
{
    put_byte(b, NIL);
}

void roost__put_bool(struct buf *b, bool v)
{
    put_byte(b, v ? TRUE : FALSE);
}

void roost__put_uint(struct buf *b, uint64_t v)
{
    if (v <= ONE_BYTE_MAX) {
        put_byte(b, (unsigned)v);
    } else if (v > UINT8_MAX && v <= UINT16_MAX) {
        const uint8_t bytes[] = {UINT_16, (uint8_t)(v >> 8), (uint8_t)v};
        buf_append(b, bytes, sizeof(bytes));
    } else {
        msgpack_packer pk = packer(b);
        msgpack_pack_uint64(&pk, v);
    }
}

void roost__put_int(struct buf *b, int64_t v)
{
    msgpack_packer pk = packer(b);
    if (v >= 0)
        roost__put_uint(b, (uint64_t)v);
    else
        msgpack_pack_int64(&pk, v);
}

void roost__put_float(struct buf *b, double v)
{
    msgpack_packer pk = packer(b);
    msgpack_pack_double(&pk, v);
}

void roost__put_str(struct buf *b, struct slice s)
{
    msgpack_packer pk = packer(b);
    if (s.len <= SHORT_STR_MAX)
        put_byte(b, SHORT_STR | (unsigned)s.len);
    else
        msgpack_pack_str(&pk, s.len);
    buf_append(b, s.data, s.len);
}

void roost__put_cstr(struct buf *b, const char *s)
{
    roost__put_str(b, slice_str(s));
}

void roost__put_bytes(struct buf *b, struct slice s)
{
    msgpack_packer pk = packer(b);
    msgpack_pack_bin(&pk, s.len);
    msgpack_pack_bin_body(&pk, s.data, s.len);
}

void roost__put_array(struct buf *b, size_t n)
{
    if (n <= SHORT_ARRAY_MAX) {
        put_byte(b, SHORT_ARRAY | (unsigned)n);
        return;
    }
    msgpack_packer pk = packer(b);
    msgpack_pack_array(&pk, n);
}

void roost__put_map(struct buf *b, size_t n)
{
    msgpack_packer pk = packer(b);
    msgpack_pack_map(&pk, n);
}

void roost__put_ref(struct buf *b, uint64_t id, roost_type type)
{
    uint8_t body[WIRE_EXT_REF_LEN];
    put_u32be(body, (uint32_t)(id >> 32));
    put_u32be(body + 4, (uint32_t)id);
    body[8] = (uint8_t)type;
    msgpack_packer pk = packer(b);
    msgpack_pack_ext(&pk, sizeof(body), WIRE_EXT_REF);
    msgpack_pack_ext_body(&pk, body, sizeof(body));
}

static int put_value(struct buf *b, const roost_value *v, unsigned depth);

static int put_str_value(struct buf *b, const roost_value *v)
{
    struct slice s = slice_of(v->as.s, v->len);
    if (!roost__utf8_ok(s))
        return roost__fail(ROOST_EINVAL, "a string is not well-formed UTF-8: send it as bytes");
    roost__put_str(b, s);
    return ROOST_OK;
}

static int put_array_value(struct buf *b, const roost_value *v, unsigned depth)
{
    roost__put_array(b, v->len);
    int rc = ROOST_OK;
    for (uint32_t i = 0; i < v->len && rc == ROOST_OK; i++)
        rc = put_value(b, &v->as.items[i], depth + 1);
    return rc;
}

static int put_map_value(struct buf *b, const roost_value *v, unsigned depth)
{
    roost__put_map(b, v->len);
    int rc = ROOST_OK;
    for (uint32_t i = 0; i < v->len && rc == ROOST_OK; i++) {
        rc = put_value(b, &v->as.pairs[i].key, depth + 1);
        if (rc == ROOST_OK)
            rc = put_value(b, &v->as.pairs[i].value, depth + 1);
    }
    return rc;
}

static int put_value(struct buf *b, const roost_value *v, unsigned depth)
{
    if (depth > WIRE_DEPTH_MAX)
        return roost__fail(ROOST_ELIMIT, "a value is nested deeper than %d levels", WIRE_DEPTH_MAX);
    switch (v->kind) {
    case ROOST_NIL:
        roost__put_nil(b);
        return ROOST_OK;
    case ROOST_BOOL:
        roost__put_bool(b, v->as.b);
        return ROOST_OK;
    case ROOST_INT:
        roost__put_int(b, v->as.i);
        return ROOST_OK;
    case ROOST_UINT:
        roost__put_uint(b, v->as.u);
        return ROOST_OK;
    case ROOST_FLOAT:
        roost__put_float(b, v->as.f);
        return ROOST_OK;
    case ROOST_STR:
        return put_str_value(b, v);
    case ROOST_BYTES:
        roost__put_bytes(b, slice_of(v->as.bytes, v->len));
        return ROOST_OK;
    case ROOST_ARRAY:
        return put_array_value(b, v, depth);
    case ROOST_MAP:
        return put_map_value(b, v, depth);
    case ROOST_REF:
        roost__put_ref(b, v->as.ref, (roost_type)v->len);
        return ROOST_OK;
    }
    return roost__fail(ROOST_EINVAL, "a value has the unknown kind %d", (int)v->kind);
}

int roost__put_value(struct buf *b, const roost_value *v)
{
    int rc = put_value(b, v, 0);
    if (rc == ROOST_OK && b->failed)
        rc = roost__buf_fail(b);
    return rc;
}

static size_t bound(const roost_value *v, unsigned depth)
{
    size_t sum = 5; /* of a head with a length of four bytes */
    switch (v->kind) {
    case ROOST_STR:
    case ROOST_BYTES:
        return sum + v->len;
    case ROOST_ARRAY:
        for (uint32_t i = 0; i < v->len && depth < WIRE_DEPTH_MAX; i++)
            sum += bound(&v->as.items[i], depth + 1);
        return sum;
    case ROOST_MAP:
        for (uint32_t i = 0; i < v->len && depth < WIRE_DEPTH_MAX; i++)
            sum += bound(&v->as.pairs[i].key, depth + 1) + bound(&v->as.pairs[i].value, depth + 1);
        return sum;
    case ROOST_REF:
        return 3 + WIRE_EXT_REF_LEN;
    case ROOST_NIL:
    case ROOST_BOOL:
    case ROOST_INT:
    case ROOST_UINT:
    case ROOST_FLOAT:
        return 9;
    }
    return sum;
}

size_t roost__value_bound(const roost_value *v)
{
    return bound(v, 0);
}

/* The length of the well-formed sequence at p (n > 0 bytes left), or 0. Table 3-7 of the Unicode Standard. */
static size_t utf8_sequence(const uint8_t *p, size_t n)
{
    uint8_t low = 0x80, high = 0xbf;
    size_t len;
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        len = 2;
    else if (p[0] >= 0xe0 && p[0] <= 0xef)
        len = 3;
    else if (p[0] >= 0xf0 && p[0] <= 0xf4)
        len = 4;
    else
        return 0;
    if (p[0] == 0xe0)
        low = 0xa0;
    else if (p[0] == 0xed)
        high = 0x9f;
    else if (p[0] == 0xf0)
        low = 0x90;
    else if (p[0] == 0xf4)
        high = 0x8f;
    if (n < len || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

bool roost__utf8_ok(struct slice s)
{
    const uint8_t *p = s.data, *end = s.data + s.len;
    while (p < end) {
        uint64_t word;
        if (end - p >= 8 && (memcpy(&word, p, 8), (word & 0x8080808080808080ULL) == 0)) {
            p += 8;
            continue;
        }
        size_t len = utf8_sequence(p, (size_t)(end - p));
        if (len == 0)
            return false;
        p += len;
    }
    return true;
}
