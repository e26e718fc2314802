/* scan.c: the MessagePack format, read in place; see scan.h. Format: msgpack.org, specification of 2013. */
#include "wire/scan.h"

#include <assert.h>

#include "base/buf.h"
#include "wire/encode.h"

/*
 * The shape of a value by its first byte: how many bytes of length or scalar follow, and what they mean.
 * This and msgpack-c must agree on every byte: tests/fuzz compares them.
 */
enum shape {
    S_BAD,
    S_POSFIX,
    S_NEGFIX,
    S_NIL,
    S_FALSE,
    S_TRUE,
    S_UINT,
    S_INT,
    S_F32,
    S_F64,
    S_STR,
    S_BIN,
    S_ARRAY,
    S_MAP,
    S_EXT
};

struct head {
    uint8_t shape;
    uint8_t width; /* bytes after the first that hold the number or the length */
    uint8_t fixed; /* the length inside the first byte, when width is 0 */
};

/* clang-format off */
#define FOUR(at, shape, len)    [at] = {shape, 0, len}, [(at) + 1] = {shape, 0, (len) + 1}, \
                                [(at) + 2] = {shape, 0, (len) + 2}, [(at) + 3] = {shape, 0, (len) + 3}
#define SIXTEEN(at, shape, len) FOUR(at, shape, len), FOUR((at) + 4, shape, (len) + 4), \
                                FOUR((at) + 8, shape, (len) + 8), FOUR((at) + 12, shape, (len) + 12)
/* clang-format on */

static const struct head heads[256] = {
    SIXTEEN(0x00, S_POSFIX, 0), SIXTEEN(0x10, S_POSFIX, 0), SIXTEEN(0x20, S_POSFIX, 0),
    SIXTEEN(0x30, S_POSFIX, 0), SIXTEEN(0x40, S_POSFIX, 0), SIXTEEN(0x50, S_POSFIX, 0),
    SIXTEEN(0x60, S_POSFIX, 0), SIXTEEN(0x70, S_POSFIX, 0), SIXTEEN(0x80, S_MAP, 0),
    SIXTEEN(0x90, S_ARRAY, 0),  SIXTEEN(0xa0, S_STR, 0),    SIXTEEN(0xb0, S_STR, 16),
    SIXTEEN(0xe0, S_NEGFIX, 0), SIXTEEN(0xf0, S_NEGFIX, 0), [0xc0] = {S_NIL, 0, 0},
    [0xc1] = {S_BAD, 0, 0},     [0xc2] = {S_FALSE, 0, 0},   [0xc3] = {S_TRUE, 0, 0},
    [0xc4] = {S_BIN, 1, 0},     [0xc5] = {S_BIN, 2, 0},     [0xc6] = {S_BIN, 4, 0},
    [0xc7] = {S_EXT, 1, 0},     [0xc8] = {S_EXT, 2, 0},     [0xc9] = {S_EXT, 4, 0},
    [0xca] = {S_F32, 4, 0},     [0xcb] = {S_F64, 8, 0},     [0xcc] = {S_UINT, 1, 0},
    [0xcd] = {S_UINT, 2, 0},    [0xce] = {S_UINT, 4, 0},    [0xcf] = {S_UINT, 8, 0},
    [0xd0] = {S_INT, 1, 0},     [0xd1] = {S_INT, 2, 0},     [0xd2] = {S_INT, 4, 0},
    [0xd3] = {S_INT, 8, 0},     [0xd4] = {S_EXT, 0, 1},     [0xd5] = {S_EXT, 0, 2},
    [0xd6] = {S_EXT, 0, 4},     [0xd7] = {S_EXT, 0, 8},     [0xd8] = {S_EXT, 0, 16},
    [0xd9] = {S_STR, 1, 0},     [0xda] = {S_STR, 2, 0},     [0xdb] = {S_STR, 4, 0},
    [0xdc] = {S_ARRAY, 2, 0},   [0xdd] = {S_ARRAY, 4, 0},   [0xde] = {S_MAP, 2, 0},
    [0xdf] = {S_MAP, 4, 0},
};

static struct head head_of(uint8_t c)
{
    return heads[c];
}

static uint64_t get_be(const uint8_t *p, unsigned width)
{
    switch (width) {
    case 1:
        return p[0];
    case 2:
        return (uint64_t)p[0] << 8 | p[1];
    case 4:
        return get_u32be(p);
    default:
        assert(width == 8);
        return get_u64be(p);
    }
}

static uint64_t length_of(const uint8_t *p, struct head h)
{
    return h.width == 0 ? h.fixed : get_be(p + 1, h.width);
}

/* ---- checking ---- */

/* Checks string, binary or reference bodies; returns where they end, or NULL. */
static const uint8_t *check_body(const uint8_t *p, const uint8_t *end, struct head h, uint64_t len)
{
    p += 1 + h.width;
    if (h.shape == S_EXT) {
        if (len != WIRE_EXT_REF_LEN || p == end || *p++ != WIRE_EXT_REF)
            return NULL;
    }
    if (len > (uint64_t)(end - p))
        return NULL;
    if (h.shape == S_STR && !roost__utf8_ok(slice_of(p, len)))
        return NULL;
    if (h.shape == S_EXT && p[WIRE_EXT_REF_LEN - 1] > ROOST_TYPE_keyed_lock)
        return NULL;
    return p + len;
}

bool roost__scan_check(struct slice s, unsigned depth_max)
{
    uint64_t left[WIRE_DEPTH_MAX + WIRE_FRAME_DEPTH_MAX + 1]; /* values still to come, level by level … */
    uint64_t here = 1;                                        /* … and at the present one */
    unsigned depth = 0;
    const uint8_t *p = s.data, *end = s.data + s.len;
    assert(depth_max <= WIRE_DEPTH_MAX + WIRE_FRAME_DEPTH_MAX);
    for (;;) {
        while (here == 0) {
            if (depth == 0)
                return p == end;
            here = left[--depth];
        }
        here--;
        if (p == end)
            return false;
        if (*p < 0x80) { /* a small number: most of a frame */
            p++;
            continue;
        }
        struct head h = head_of(*p);
        if (h.shape == S_BAD || h.width > end - p - 1)
            return false;
        switch ((enum shape)h.shape) {
        case S_STR:
        case S_BIN:
        case S_EXT:
            p = check_body(p, end, h, length_of(p, h));
            if (p == NULL)
                return false;
            break;
        case S_ARRAY:
        case S_MAP: {
            uint64_t n = length_of(p, h) * (h.shape == S_MAP ? 2 : 1);
            p += 1 + h.width;
            if (n > (uint64_t)(end - p) || depth == depth_max) /* each value takes a byte at least */
                return false;
            left[depth++] = here;
            here = n;
            break;
        }
        case S_BAD:
        case S_POSFIX:
        case S_NEGFIX:
        case S_NIL:
        case S_FALSE:
        case S_TRUE:
        case S_UINT:
        case S_INT:
        case S_F32:
        case S_F64:
            p += 1 + h.width;
        }
    }
}

/* ---- reading checked bytes ---- */

static int64_t sign_extend(uint64_t raw, unsigned width)
{
    unsigned shift = 64 - 8 * width;
    return (int64_t)(raw << shift) >> shift;
}

static void set_uint(struct item *ret, uint64_t u)
{
    ret->kind = u <= INT64_MAX ? ROOST_INT : ROOST_UINT;
    ret->as.u = u;
}

static void set_float(struct item *ret, uint64_t raw, unsigned width)
{
    ret->kind = ROOST_FLOAT;
    if (width == 8) {
        memcpy(&ret->as.f, &raw, sizeof(raw));
    } else {
        uint32_t narrow = (uint32_t)raw;
        float f;
        memcpy(&f, &narrow, sizeof(f));
        ret->as.f = (double)f;
    }
}

static const uint8_t *body_item(const uint8_t *p, struct head h, struct item *ret)
{
    ret->len = (uint32_t)length_of(p, h);
    p += 1 + h.width;
    if (h.shape == S_EXT) {
        ret->kind = ROOST_REF;
        ret->as.u = get_u64be(p + 1);
        ret->len = p[WIRE_EXT_REF_LEN];
        return p + 1 + WIRE_EXT_REF_LEN;
    }
    ret->kind = h.shape == S_STR ? ROOST_STR : ROOST_BYTES;
    ret->as.bytes = p;
    return p + ret->len;
}

const uint8_t *roost__scan_other(const uint8_t *p, struct item *ret)
{
    if (*p < 0xc0 && *p >= 0xa0) { /* a short string */
        *ret = (struct item){.kind = ROOST_STR, .len = *p & 0x1f, .as.bytes = p + 1};
        return p + 1 + ret->len;
    }
    struct head h = head_of(*p);
    *ret = (struct item){.kind = ROOST_NIL};
    switch ((enum shape)h.shape) {
    case S_NEGFIX:
        ret->kind = ROOST_INT;
        ret->as.i = sign_extend(*p, 1);
        break;
    case S_FALSE:
    case S_TRUE:
        ret->kind = ROOST_BOOL;
        ret->as.b = h.shape == S_TRUE;
        break;
    case S_UINT:
        set_uint(ret, get_be(p + 1, h.width));
        break;
    case S_INT:
        ret->kind = ROOST_INT;
        ret->as.i = sign_extend(get_be(p + 1, h.width), h.width);
        break;
    case S_F32:
    case S_F64:
        set_float(ret, get_be(p + 1, h.width), h.width);
        break;
    case S_STR:
    case S_BIN:
    case S_EXT:
        return body_item(p, h, ret);
    case S_ARRAY:
    case S_MAP:
        ret->kind = h.shape == S_ARRAY ? ROOST_ARRAY : ROOST_MAP;
        ret->len = (uint32_t)length_of(p, h);
        break;
    case S_BAD:
    case S_POSFIX: /* the caller reads it */
    case S_NIL:
        break;
    }
    return p + 1 + h.width;
}

const uint8_t *roost__scan_skip(const uint8_t *p)
{
    for (uint64_t left = 1; left > 0; left--) {
        struct head h = head_of(*p);
        uint64_t n = h.shape >= S_STR ? length_of(p, h) : 0;
        p += 1 + h.width;
        if (h.shape == S_ARRAY || h.shape == S_MAP)
            left += h.shape == S_MAP ? 2 * n : n;
        else
            p += h.shape == S_EXT ? 1 + n : n;
    }
    return p;
}

bool roost__scan_has_ref(struct slice s)
{
    struct item it;
    for (const uint8_t *p = s.data; p < s.data + s.len;) {
        p = roost__scan_item(p, &it);
        if (it.kind == ROOST_REF)
            return true;
    }
    return false;
}

struct item roost__map_item(struct slice map, const char *key)
{
    struct item head, k, v = {.kind = ROOST_NIL};
    const uint8_t *p = roost__scan_item(map.data, &head);
    if (head.kind != ROOST_MAP)
        return v;
    for (uint32_t i = 0; i < head.len; i++) {
        roost__scan_item(p, &k);
        p = roost__scan_skip(p);
        if (k.kind == ROOST_STR && slice_equal(slice_of(k.as.bytes, k.len), slice_str(key)))
            roost__scan_item(p, &v);
        p = roost__scan_skip(p);
    }
    return v;
}
