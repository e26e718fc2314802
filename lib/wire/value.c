/* value.c: comparing and reading roost_values; see roost/value.h. */
#include <math.h>

#include "base/error.h"
#include "roost/value.h"

const char *roost_kind_name(roost_kind kind)
{
    static const char *const names[] = {"nil", "bool",  "int",   "int", "float",
                                        "str", "bytes", "array", "map", "reference"};
    return (unsigned)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "?";
}

static bool is_number(const roost_value *v)
{
    return v->kind == ROOST_BOOL || v->kind == ROOST_INT || v->kind == ROOST_UINT || v->kind == ROOST_FLOAT;
}

/* A bool or integral float as the integer it equals; other values stay what they are. */
static roost_value as_integer(const roost_value *v)
{
    if (v->kind == ROOST_BOOL)
        return roost_int(v->as.b);
    if (v->kind == ROOST_FLOAT && v->as.f == floor(v->as.f)) {
        if (v->as.f >= -0x1p63 && v->as.f < 0x1p63)
            return roost_int((int64_t)v->as.f);
        if (v->as.f >= 0x1p63 && v->as.f < 0x1p64)
            return roost_uint((uint64_t)v->as.f);
    }
    return *v;
}

static bool number_equal(const roost_value *a, const roost_value *b)
{
    roost_value x = as_integer(a), y = as_integer(b);
    if (x.kind != y.kind)
        return false;
    return x.kind == ROOST_FLOAT ? x.as.f == y.as.f : x.as.u == y.as.u;
}

static bool map_equal(const roost_value *a, const roost_value *b)
{
    for (uint32_t i = 0; i < a->len; i++) {
        const roost_value *other = roost_map_get(*b, a->as.pairs[i].key);
        if (other == NULL || !roost_value_equal(a->as.pairs[i].value, *other))
            return false;
    }
    return true;
}

static bool array_equal(const roost_value *a, const roost_value *b)
{
    for (uint32_t i = 0; i < a->len; i++)
        if (!roost_value_equal(a->as.items[i], b->as.items[i]))
            return false;
    return true;
}

bool roost_value_equal(roost_value a, roost_value b)
{
    if (is_number(&a) && is_number(&b))
        return number_equal(&a, &b);
    if (a.kind != b.kind || a.len != b.len)
        return false;
    switch (a.kind) {
    case ROOST_NIL:
        return true;
    case ROOST_STR:
    case ROOST_BYTES:
        return a.len == 0 || memcmp(a.as.bytes, b.as.bytes, a.len) == 0;
    case ROOST_ARRAY:
        return array_equal(&a, &b);
    case ROOST_MAP:
        return map_equal(&a, &b);
    case ROOST_REF:
        return a.as.ref == b.as.ref;
    case ROOST_BOOL:
    case ROOST_INT:
    case ROOST_UINT:
    case ROOST_FLOAT:
        break; /* numbers were compared above */
    }
    return false;
}

const roost_value *roost_map_get(roost_value map, roost_value key)
{
    if (map.kind != ROOST_MAP)
        return NULL;
    for (uint32_t i = 0; i < map.len; i++)
        if (roost_value_equal(map.as.pairs[i].key, key))
            return &map.as.pairs[i].value;
    return NULL;
}

int roost_value_int(roost_value v, int64_t *ret)
{
    if (!is_number(&v))
        return roost__fail(ROOST_ETYPE, "expected a number, got %s", roost_kind_name(v.kind));
    roost_value i = as_integer(&v);
    if (i.kind != ROOST_INT)
        return roost__fail(ROOST_ERANGE, "the number does not fit a 64-bit integer");
    *ret = i.as.i;
    return ROOST_OK;
}

int roost_value_float(roost_value v, double *ret)
{
    double f;
    if (v.kind == ROOST_FLOAT)
        f = v.as.f;
    else if (v.kind == ROOST_UINT)
        f = (double)v.as.u;
    else if (v.kind == ROOST_INT || v.kind == ROOST_BOOL)
        f = v.kind == ROOST_BOOL ? (double)v.as.b : (double)v.as.i;
    else
        return roost__fail(ROOST_ETYPE, "expected a number, got %s", roost_kind_name(v.kind));
    if (!number_equal(&v, &(roost_value){.kind = ROOST_FLOAT, .as.f = f}) && f == f)
        return roost__fail(ROOST_ERANGE, "the integer does not fit a double exactly");
    *ret = f;
    return ROOST_OK;
}
