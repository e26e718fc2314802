/* order.c: canonical form, equality and order; see order.h. */
#include "core/order.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "wire/encode.h"
#include "wire/scan.h"

/* ---- canonical form ---- */

static const uint8_t *canonical(const uint8_t *p, struct buf *out);

static void canonical_float(double f, struct buf *out)
{
    if (f == floor(f) && f >= -0x1p63 && f < 0x1p63)
        roost__put_int(out, (int64_t)f);
    else if (f == floor(f) && f >= 0x1p63 && f < 0x1p64)
        roost__put_uint(out, (uint64_t)f);
    else
        roost__put_float(out, isnan(f) ? (double)NAN : f);
}

struct span {
    size_t at;
    size_t len;
    size_t key_len;
};

static int span_compare(const void *a, const void *b, void *data)
{
    const struct span *x = a, *y = b;
    const uint8_t *bytes = data;
    size_t n = x->key_len < y->key_len ? x->key_len : y->key_len;
    int c = memcmp(bytes + x->at, bytes + y->at, n);
    return c != 0 ? c : (x->key_len > y->key_len) - (x->key_len < y->key_len);
}

/* Writes the pairs' canonical forms aside, sorts them by key, appends them in that order. */
static const uint8_t *canonical_map(const uint8_t *p, uint32_t n, struct buf *out)
{
    struct buf pairs = buf_make(out->max);
    struct span *spans = calloc((size_t)n + 1, sizeof(*spans));
    for (uint32_t i = 0; i < n; i++) {
        size_t at = pairs.len;
        p = canonical(p, &pairs);
        size_t key_len = pairs.len - at;
        p = canonical(p, &pairs);
        if (spans != NULL)
            spans[i] = (struct span){.at = at, .len = pairs.len - at, .key_len = key_len};
    }
    if (spans == NULL || pairs.failed) {
        out->failed = true;
    } else {
        qsort_r(spans, n, sizeof(*spans), span_compare, pairs.data);
        roost__put_map(out, n);
        for (uint32_t i = 0; i < n; i++)
            buf_append(out, pairs.data + spans[i].at, spans[i].len);
    }
    free(spans);
    roost__buf_free(&pairs);
    return p;
}

/* Appends the canonical form of the value at p; returns where the next value begins. */
static const uint8_t *canonical(const uint8_t *p, struct buf *out)
{
    struct item it;
    p = roost__scan_item(p, &it);
    switch (it.kind) {
    case ROOST_NIL:
        roost__put_nil(out);
        break;
    case ROOST_BOOL:
        roost__put_int(out, it.as.b);
        break;
    case ROOST_INT:
        roost__put_int(out, it.as.i);
        break;
    case ROOST_UINT:
        roost__put_uint(out, it.as.u);
        break;
    case ROOST_FLOAT:
        canonical_float(it.as.f, out);
        break;
    case ROOST_STR:
        roost__put_str(out, slice_of(it.as.bytes, it.len));
        break;
    case ROOST_BYTES:
        roost__put_bytes(out, slice_of(it.as.bytes, it.len));
        break;
    case ROOST_ARRAY:
        roost__put_array(out, it.len);
        for (uint32_t i = 0; i < it.len; i++)
            p = canonical(p, out);
        break;
    case ROOST_MAP:
        return canonical_map(p, it.len, out);
    case ROOST_REF:
        roost__put_ref(out, it.as.u, (roost_type)it.len);
        break;
    }
    return p;
}

/* The common keys that are canonical as they come: small integers, nil, short strings, strings with a minimal
 * header. */
static bool is_canonical(struct slice v)
{
    uint8_t c = v.data[0];
    return c < 0x80 || c >= 0xe0 || c == 0xc0 || (c >= 0xa0 && c < 0xc0) || (c == 0xd9 && v.data[1] > 31);
}

struct slice order_canonical(struct slice v, struct buf *scratch)
{
    if (is_canonical(v))
        return v;
    buf_reset(scratch);
    canonical(v.data, scratch);
    return scratch->failed ? slice_of(NULL, 0) : buf_slice(scratch);
}

bool order_no_key(struct slice v)
{
    struct item it;
    for (const uint8_t *p = v.data; p < v.data + v.len;) {
        p = roost__scan_item(p, &it);
        if (it.kind == ROOST_MAP || it.kind == ROOST_REF)
            return true;
    }
    return false;
}

/* ---- order ---- */

static int sign_of(bool greater, bool less)
{
    return greater - less;
}

/* An integer item against a double, exactly. NaN is greater than all numbers. */
static int compare_int_float(const struct item *a, double f)
{
    if (isnan(f) || f >= 0x1p64)
        return -1;
    if (f < -0x1p63)
        return 1;
    double whole = floor(f);
    if (a->kind == ROOST_UINT) {
        if (f < 0x1p63)
            return 1;
        uint64_t u = (uint64_t)whole;
        return a->as.u != u ? sign_of(a->as.u > u, a->as.u < u) : -(f > whole);
    }
    if (f >= 0x1p63)
        return -1;
    int64_t i = (int64_t)whole;
    return a->as.i != i ? sign_of(a->as.i > i, a->as.i < i) : -(f > whole);
}

static int compare_numbers(struct item a, struct item b)
{
    if (a.kind == ROOST_BOOL)
        a = (struct item){.kind = ROOST_INT, .as.i = a.as.b};
    if (b.kind == ROOST_BOOL)
        b = (struct item){.kind = ROOST_INT, .as.i = b.as.b};
    if (a.kind == ROOST_FLOAT && b.kind == ROOST_FLOAT) {
        if (isnan(a.as.f) || isnan(b.as.f))
            return sign_of(isnan(a.as.f), isnan(b.as.f));
        return sign_of(a.as.f > b.as.f, a.as.f < b.as.f);
    }
    if (a.kind == ROOST_FLOAT)
        return -compare_int_float(&b, a.as.f);
    if (b.kind == ROOST_FLOAT)
        return compare_int_float(&a, b.as.f);
    if (a.kind != b.kind)
        return sign_of(a.kind == ROOST_UINT, b.kind == ROOST_UINT);
    if (a.kind == ROOST_UINT)
        return sign_of(a.as.u > b.as.u, a.as.u < b.as.u);
    return sign_of(a.as.i > b.as.i, a.as.i < b.as.i);
}

static int compare_bytes(const struct item *a, const struct item *b)
{
    size_t n = a->len < b->len ? a->len : b->len;
    int c = n > 0 ? memcmp(a->as.bytes, b->as.bytes, n) : 0;
    return c != 0 ? sign_of(c > 0, c < 0) : sign_of(a->len > b->len, a->len < b->len);
}

static int compare_refs(const struct item *a, const struct item *b)
{
    if (a->as.u != b->as.u)
        return sign_of(a->as.u > b->as.u, a->as.u < b->as.u);
    return sign_of(a->len > b->len, a->len < b->len);
}

static int rank(roost_kind kind)
{
    switch (kind) {
    case ROOST_NIL:
        return 0;
    case ROOST_BOOL:
    case ROOST_INT:
    case ROOST_UINT:
    case ROOST_FLOAT:
        return 1;
    case ROOST_STR:
        return 2;
    case ROOST_BYTES:
        return 3;
    case ROOST_ARRAY:
        return 4;
    case ROOST_MAP:
        return 5;
    case ROOST_REF:
        break;
    }
    return 6;
}

static int compare_elements(const uint8_t *p, uint32_t n, const uint8_t *q, uint32_t m, bool *ret_strict)
{
    for (uint32_t i = 0; i < n && i < m; i++) {
        int c = order_compare(scan_next(&p), scan_next(&q), ret_strict);
        if (c != 0)
            return c;
    }
    return sign_of(n > m, n < m);
}

int order_compare(struct slice a, struct slice b, bool *ret_strict)
{
    struct item x, y;
    const uint8_t *p = roost__scan_item(a.data, &x);
    const uint8_t *q = roost__scan_item(b.data, &y);
    int ranks = rank(x.kind) - rank(y.kind);
    bool unordered = ranks != 0 || x.kind == ROOST_NIL || x.kind == ROOST_MAP || x.kind == ROOST_REF;
    if (unordered && ret_strict != NULL)
        *ret_strict = false;
    if (ranks != 0)
        return sign_of(ranks > 0, ranks < 0);
    switch (rank(x.kind)) {
    case 0:
        return 0;
    case 1:
        return compare_numbers(x, y);
    case 2:
    case 3:
        return compare_bytes(&x, &y);
    case 4:
        return compare_elements(p, x.len, q, y.len, ret_strict);
    case 5:
        return compare_elements(p, 2 * x.len, q, 2 * y.len, ret_strict);
    default:
        return compare_refs(&x, &y);
    }
}

/* ---- equality ---- */

bool order_equal(struct slice a, struct slice b, struct buf *scratch)
{
    if (slice_equal(a, b))
        return true;
    struct item x = scan_value(a), y = scan_value(b);
    if (rank(x.kind) != rank(y.kind))
        return false;
    if (rank(x.kind) <= 3)
        return order_compare(a, b, NULL) == 0;
    if (x.len != y.len)
        return false;
    buf_reset(scratch);
    canonical(a.data, scratch);
    size_t middle = scratch->len;
    canonical(b.data, scratch);
    return !scratch->failed && slice_equal(slice_of(scratch->data, middle),
                                           slice_of(scratch->data + middle, scratch->len - middle));
}
