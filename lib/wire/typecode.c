/* typecode.c: elements of a typecode and sums; see typecode.h. */
#include "wire/typecode.h"

#include <assert.h>
#include <float.h>
#include <math.h>

#include "base/error.h"

/* Sizes as on 64-bit Linux. */
static const struct typecode typecodes[] = {
    {'c', NUMBER_CHAR, 1},   {'u', NUMBER_UCHAR, 4},    {'b', NUMBER_SIGNED, 1}, {'B', NUMBER_UNSIGNED, 1},
    {'h', NUMBER_SIGNED, 2}, {'H', NUMBER_UNSIGNED, 2}, {'i', NUMBER_SIGNED, 4}, {'I', NUMBER_UNSIGNED, 4},
    {'l', NUMBER_SIGNED, 8}, {'L', NUMBER_UNSIGNED, 8}, {'q', NUMBER_SIGNED, 8}, {'Q', NUMBER_UNSIGNED, 8},
    {'f', NUMBER_FLOAT, 4},  {'d', NUMBER_FLOAT, 8},
};

const struct typecode *roost__typecode_find(struct slice name)
{
    for (size_t i = 0; i < sizeof(typecodes) / sizeof(typecodes[0]); i++)
        if (name.len == 1 && name.data[0] == (uint8_t)typecodes[i].code)
            return &typecodes[i];
    return NULL;
}

static int bad_kind(const struct typecode *t, const char *wanted, const struct item *it)
{
    return roost__fail(ROOST_ETYPE, "typecode '%c' takes %s, not %s", t->code, wanted,
                       roost_kind_name(it->kind));
}

static int store_integer(const struct typecode *t, const struct item *it, void *p)
{
    if (it->kind != ROOST_INT && it->kind != ROOST_UINT && it->kind != ROOST_BOOL)
        return bad_kind(t, "an integer", it);
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
    if (!fits && it->kind == ROOST_UINT)
        return roost__fail(ROOST_ERANGE, "%llu does not fit typecode '%c'", (unsigned long long)bits,
                           t->code);
    if (!fits)
        return roost__fail(ROOST_ERANGE, "%lld does not fit typecode '%c'", (long long)bits, t->code);
    memcpy(p, &bits, t->size); /* little-endian: the low bytes come first */
    return ROOST_OK;
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

static int store_float(const struct typecode *t, const struct item *it, void *p)
{
    if (it->kind != ROOST_FLOAT && it->kind != ROOST_INT && it->kind != ROOST_UINT && it->kind != ROOST_BOOL)
        return bad_kind(t, "a number", it);
    double d = to_double(it);
    if (t->size == sizeof(double)) {
        memcpy(p, &d, sizeof(d));
        return ROOST_OK;
    }
    if (isfinite(d) && fabs(d) > (double)FLT_MAX)
        return roost__fail(ROOST_ERANGE, "%g does not fit typecode 'f'", d);
    float f = (float)d;
    memcpy(p, &f, sizeof(f));
    return ROOST_OK;
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

int roost__typecode_store(const struct typecode *t, const struct item *value, void *p)
{
    switch (t->kind) {
    case NUMBER_SIGNED:
    case NUMBER_UNSIGNED:
        return store_integer(t, value, p);
    case NUMBER_FLOAT:
        return store_float(t, value, p);
    case NUMBER_CHAR:
        if (value->kind != ROOST_BYTES || value->len != 1)
            return bad_kind(t, "bytes of length 1", value);
        memcpy(p, value->as.bytes, 1);
        return ROOST_OK;
    case NUMBER_UCHAR:
        break;
    }
    int64_t point = only_character(value);
    if (point < 0)
        return bad_kind(t, "a string of one character", value);
    memcpy(p, &point, t->size);
    return ROOST_OK;
}

static struct item item_uint(uint64_t u)
{
    return (struct item){.kind = u <= INT64_MAX ? ROOST_INT : ROOST_UINT, .as.u = u};
}

static struct item load_integer(const struct typecode *t, const void *p)
{
    uint64_t bits = 0;
    memcpy(&bits, p, t->size);
    unsigned shift = 64 - 8 * t->size;
    if (t->kind == NUMBER_SIGNED)
        return (struct item){.kind = ROOST_INT, .as.i = (int64_t)(bits << shift) >> shift};
    return item_uint(bits);
}

static struct item load_float(const struct typecode *t, const void *p)
{
    struct item it = {.kind = ROOST_FLOAT};
    float f;
    if (t->size == sizeof(f)) {
        memcpy(&f, p, sizeof(f));
        it.as.f = (double)f;
    } else {
        memcpy(&it.as.f, p, sizeof(it.as.f));
    }
    return it;
}

static struct item load_character(const void *p, uint8_t text[4])
{
    static const uint8_t lead[5] = {0, 0x00, 0xc0, 0xe0, 0xf0};
    uint32_t point;
    memcpy(&point, p, sizeof(point));
    uint32_t len = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (uint32_t i = len - 1; i > 0; i--, point >>= 6)
        text[i] = (uint8_t)(0x80 | (point & 0x3f));
    text[0] = (uint8_t)(lead[len] | point);
    return (struct item){.kind = ROOST_STR, .len = len, .as.bytes = text};
}

void roost__typecode_load(const struct typecode *t, const void *p, uint8_t text[4], struct item *ret)
{
    switch (t->kind) {
    case NUMBER_SIGNED:
    case NUMBER_UNSIGNED:
        *ret = load_integer(t, p);
        return;
    case NUMBER_FLOAT:
        *ret = load_float(t, p);
        return;
    case NUMBER_CHAR:
        *ret = (struct item){.kind = ROOST_BYTES, .len = 1, .as.bytes = p};
        return;
    case NUMBER_UCHAR:
        *ret = load_character(p, text);
        return;
    }
}

/* For integers that may be above INT64_MAX. False when the sum fits neither int64_t nor uint64_t. */
static bool add_integers(const struct item *a, const struct item *b, struct item *ret)
{
    __extension__ typedef __int128 wide;
    wide x = a->kind == ROOST_UINT ? (wide)a->as.u : (wide)a->as.i;
    wide y = b->kind == ROOST_UINT ? (wide)b->as.u : (wide)b->as.i;
    wide sum = x + y;
    if (sum < INT64_MIN || sum > (wide)UINT64_MAX)
        return false;
    *ret = sum < 0 ? (struct item){.kind = ROOST_INT, .as.i = (int64_t)sum} : item_uint((uint64_t)sum);
    return true;
}

static struct item bool_as_int(const struct item *it)
{
    return it->kind == ROOST_BOOL ? (struct item){.kind = ROOST_INT, .as.i = it->as.b} : *it;
}

static bool is_number(const struct item *it)
{
    return it->kind == ROOST_INT || it->kind == ROOST_UINT || it->kind == ROOST_FLOAT;
}

int roost__number_add(const struct item *first, const struct item *second, struct item *ret)
{
    struct item a = bool_as_int(first), b = bool_as_int(second);
    if (!is_number(&a))
        return roost__fail(ROOST_ETYPE, "the value there is no number but %s", roost_kind_name(a.kind));
    if (!is_number(&b))
        return roost__fail(ROOST_ETYPE, "what is added is no number but %s", roost_kind_name(b.kind));
    if (a.kind == ROOST_FLOAT || b.kind == ROOST_FLOAT)
        *ret = (struct item){.kind = ROOST_FLOAT, .as.f = to_double(&a) + to_double(&b)};
    else if (!add_integers(&a, &b, ret))
        return roost__fail(ROOST_ERANGE, "the sum does not fit 64 bits");
    return ROOST_OK;
}
