/* model_value.c: values and keys as their bytes, their equality and order; see model.h. */
#include "tests/sim/model.h"

struct mvalue mvalue_of(struct slice value)
{
    struct mvalue v = {.len = (uint8_t)value.len, .ref = roost__scan_has_ref(value)};
    assert(value.len <= M_VALUE);
    if (value.len > 0)
        memcpy(v.bytes, value.data, value.len);
    return v;
}

struct mkey mkey_of(struct slice value)
{
    struct mkey k = {.len = (uint8_t)value.len};
    assert(value.len <= M_KEY);
    if (value.len > 0)
        memcpy(k.bytes, value.data, value.len);
    return k;
}

static bool number_of(struct slice v, double *ret)
{
    struct item it = scan_value(v);
    *ret = it.kind == ROOST_BOOL ? it.as.b : it.kind == ROOST_INT ? (double)it.as.i : it.as.f;
    return it.kind == ROOST_BOOL || it.kind == ROOST_INT || it.kind == ROOST_FLOAT;
}

bool same(struct slice a, struct slice b)
{
    double x, y;
    if (number_of(a, &x) && number_of(b, &y))
        return x == y;
    return slice_equal(a, b);
}

void each_ref_in(struct slice value, void (*visit)(void *context, uint64_t id), void *context)
{
    for (const uint8_t *p = value.data; p < value.data + value.len;) {
        struct item it;
        p = roost__scan_item(p, &it);
        if (it.kind == ROOST_REF)
            visit(context, it.as.u);
    }
}

struct look {
    const struct model *m;
    bool dead;
};

static void look_at(void *context, uint64_t id)
{
    struct look *l = context;
    l->dead = l->dead || id == 0 || id > l->m->object_count || !l->m->objects[id - 1].live;
}

bool storable(const struct model *m, struct slice value)
{
    struct look l = {.m = m};
    each_ref_in(value, look_at, &l);
    return !l.dead;
}

static int rank(struct slice v)
{
    switch ((int)scan_value(v).kind) {
    case ROOST_NIL:
        return 0;
    case ROOST_BOOL:
    case ROOST_INT:
    case ROOST_FLOAT:
        return 1;
    case ROOST_STR:
        return 2;
    case ROOST_ARRAY:
        return 3;
    case ROOST_MAP:
        return 4;
    default:
        return 5;
    }
}

static int order_of_arrays(struct slice a, struct slice b, bool *strict)
{
    struct item x, y;
    const uint8_t *p = roost__scan_item(a.data, &x), *q = roost__scan_item(b.data, &y);
    for (uint32_t i = 0; i < x.len && i < y.len; i++) {
        int c = order_of(scan_next(&p), scan_next(&q), strict);
        if (c != 0)
            return c;
    }
    return (x.len > y.len) - (x.len < y.len);
}

int order_of(struct slice a, struct slice b, bool *strict)
{
    double x, y;
    if (strict != NULL && (rank(a) != rank(b) || rank(a) == 0 || rank(a) > 3))
        *strict = false;
    if (rank(a) != rank(b))
        return rank(a) < rank(b) ? -1 : 1;
    if (number_of(a, &x) && number_of(b, &y))
        return (x > y) - (x < y);
    if (rank(a) == 3)
        return order_of_arrays(a, b, strict);
    if (rank(a) != 2)
        return 0;
    struct item s = scan_value(a), t = scan_value(b);
    int c = memcmp(s.as.bytes, t.as.bytes, s.len < t.len ? s.len : t.len);
    return c != 0 ? c : (s.len > t.len) - (s.len < t.len);
}
