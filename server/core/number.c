/* number.c: typecodes and sums; see number.h. */
#include "core/number.h"

#include <assert.h>
#include <float.h>
#include <math.h>

/* Sizes as on 64-bit Linux. */
static const struct typecode typecodes[] = {
    {'c', NUMBER_CHAR, 1},   {'u', NUMBER_UCHAR, 4},    {'b', NUMBER_SIGNED, 1}, {'B', NUMBER_UNSIGNED, 1},
    {'h', NUMBER_SIGNED, 2}, {'H', NUMBER_UNSIGNED, 2}, {'i', NUMBER_SIGNED, 4}, {'I', NUMBER_UNSIGNED, 4},
    {'l', NUMBER_SIGNED, 8}, {'L', NUMBER_UNSIGNED, 8}, {'q', NUMBER_SIGNED, 8}, {'Q', NUMBER_UNSIGNED, 8},
    {'f', NUMBER_FLOAT, 4},  {'d', NUMBER_FLOAT, 8},
};

const struct typecode *typecode_find(struct slice name)
{
    for (size_t i = 0; i < sizeof(typecodes) / sizeof(typecodes[0]); i++)
        if (name.len == 1 && name.data[0] == (uint8_t)typecodes[i].code)
            return &typecodes[i];
    return NULL;
}

static bool bad_kind(struct call *c, const struct typecode *t, const char *wanted, const struct item *it)
{
    fail(c, ROOST_ETYPE, "typecode '%c' takes %s, not %s", t->code, wanted, roost_kind_name(it->kind));
    return false;
}

static bool store_integer(struct call *c, const struct typecode *t, const struct item *it, void *p)
{
    if (it->kind != ROOST_INT && it->kind != ROOST_UINT && it->kind != ROOST_BOOL)
        return bad_kind(c, t, "an integer", it);
    uint64_t bits = it->kind == ROOST_BOOL ? it->as.b : it->as.u;
    bool negative = it->kind == ROOST_INT && it->as.i < 0;
    unsigned width = 8 * t->size;
    bool fits;
    if (t->kind == NUMBER_UNSIGNED)
        fits = !negative && (width == 64 || bits >> width == 0);
    else if (negative)
        fits = (int64_t)bits >= -(int64_t)(1ULL << (width - 2)) * 2;
    else
        fits = bits <= (1ULL << (width - 1)) - 1;
    if (!fits) {
        if (it->kind == ROOST_UINT)
            fail(c, ROOST_ERANGE, "%llu does not fit typecode '%c'", (unsigned long long)bits, t->code);
        else
            fail(c, ROOST_ERANGE, "%lld does not fit typecode '%c'", (long long)bits, t->code);
        return false;
    }
    memcpy(p, &bits, t->size); /* little-endian: the low bytes come first */
    return true;
}

static double to_double(const struct item *it)
{
    if (it->kind == ROOST_FLOAT)
        return it->as.f;
    if (it->kind == ROOST_UINT)
        return (double)it->as.u;
    if (it->kind == ROOST_BOOL)
        return it->as.b;
    assert(it->kind == ROOST_INT);
    return (double)it->as.i;
}

static bool store_float(struct call *c, const struct typecode *t, const struct item *it, void *p)
{
    if (it->kind != ROOST_FLOAT && it->kind != ROOST_INT && it->kind != ROOST_UINT && it->kind != ROOST_BOOL)
        return bad_kind(c, t, "a number", it);
    double d = to_double(it);
    if (t->size == sizeof(double)) {
        memcpy(p, &d, sizeof(d));
        return true;
    }
    if (isfinite(d) && fabs(d) > (double)FLT_MAX) {
        fail(c, ROOST_ERANGE, "%g does not fit typecode 'f'", d);
        return false;
    }
    float f = (float)d;
    memcpy(p, &f, sizeof(f));
    return true;
}

/* The code point of a string of one character, or -1. */
static int64_t only_character(const struct item *it)
{
    static const uint8_t lead_mask[5] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    const uint8_t *s = it->as.bytes;
    if (it->kind != ROOST_STR || it->len == 0)
        return -1;
    unsigned len = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (len != it->len)
        return -1;
    uint32_t point = s[0] & lead_mask[len];
    for (unsigned i = 1; i < len; i++)
        point = point << 6 | (s[i] & 0x3f);
    return point;
}

static void put_character(uint32_t point, struct buf *out)
{
    uint8_t s[4];
    size_t len = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const uint8_t lead[5] = {0, 0x00, 0xc0, 0xe0, 0xf0};
    for (size_t i = len - 1; i > 0; i--, point >>= 6)
        s[i] = (uint8_t)(0x80 | (point & 0x3f));
    s[0] = (uint8_t)(lead[len] | point);
    roost__put_str(out, slice_of(s, len));
}

bool number_store(struct call *c, const struct typecode *t, struct slice value, void *p)
{
    struct item it = scan_value(value);
    switch (t->kind) {
    case NUMBER_SIGNED:
    case NUMBER_UNSIGNED:
        return store_integer(c, t, &it, p);
    case NUMBER_FLOAT:
        return store_float(c, t, &it, p);
    case NUMBER_CHAR:
        if (it.kind != ROOST_BYTES || it.len != 1)
            return bad_kind(c, t, "bytes of length 1", &it);
        memcpy(p, it.as.bytes, 1);
        return true;
    case NUMBER_UCHAR:
        break;
    }
    int64_t point = only_character(&it);
    if (point < 0)
        return bad_kind(c, t, "a string of one character", &it);
    memcpy(p, &point, t->size);
    return true;
}

static void put_integer(const struct typecode *t, const void *p, struct buf *out)
{
    uint64_t bits = 0;
    memcpy(&bits, p, t->size);
    unsigned shift = 64 - 8 * t->size;
    if (t->kind == NUMBER_SIGNED)
        roost__put_int(out, (int64_t)(bits << shift) >> shift);
    else
        roost__put_uint(out, bits);
}

void number_put(const struct typecode *t, const void *p, struct buf *out)
{
    float f;
    double d;
    uint32_t point;
    switch (t->kind) {
    case NUMBER_SIGNED:
    case NUMBER_UNSIGNED:
        put_integer(t, p, out);
        return;
    case NUMBER_FLOAT:
        if (t->size == sizeof(f)) {
            memcpy(&f, p, sizeof(f));
            d = (double)f;
        } else {
            memcpy(&d, p, sizeof(d));
        }
        roost__put_float(out, d);
        return;
    case NUMBER_CHAR:
        roost__put_bytes(out, slice_of(p, 1));
        return;
    case NUMBER_UCHAR:
        memcpy(&point, p, sizeof(point));
        put_character(point, out);
        return;
    }
}

/* a + b for integers that may be above INT64_MAX. False when the sum fits neither int64_t nor uint64_t. */
static bool add_integers(const struct item *a, const struct item *b, struct buf *out)
{
    __extension__ typedef __int128 wide;
    wide x = a->kind == ROOST_UINT ? (wide)a->as.u : (wide)a->as.i;
    wide y = b->kind == ROOST_UINT ? (wide)b->as.u : (wide)b->as.i;
    wide sum = x + y;
    if (sum < INT64_MIN || sum > (wide)UINT64_MAX)
        return false;
    sum < 0 ? roost__put_int(out, (int64_t)sum) : roost__put_uint(out, (uint64_t)sum);
    return true;
}

size_t number_add(struct call *c, struct slice old, unsigned i, uint8_t ret[NUMBER_BYTES_MAX])
{
    static const uint8_t one = 0x01;
    struct item a = scan_value(old), b = scan_value(arg_given(c, i) ? c->arg[i] : slice_of(&one, 1));
    if (a.kind == ROOST_BOOL)
        a = (struct item){.kind = ROOST_INT, .as.i = a.as.b};
    if (a.kind != ROOST_INT && a.kind != ROOST_UINT && a.kind != ROOST_FLOAT) {
        fail(c, ROOST_ETYPE, "the value there is no number but %s", roost_kind_name(a.kind));
        return 0;
    }
    struct buf out = {.data = ret, .cap = NUMBER_BYTES_MAX, .max = NUMBER_BYTES_MAX};
    if (a.kind == ROOST_FLOAT || b.kind == ROOST_FLOAT) {
        roost__put_float(&out, to_double(&a) + to_double(&b));
    } else if (!add_integers(&a, &b, &out)) {
        fail(c, ROOST_ERANGE, "the sum does not fit 64 bits");
        return 0;
    }
    assert(!out.failed);
    return out.len;
}
