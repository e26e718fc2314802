/* typed.c: elements of a typecode in shared memory; see typed.h. */
#include "local/typed.h"

#include <string.h>

#include "base/error.h"

#define TYPED_BYTES_MAX (1ull << 40)

/* An element in a register: its bytes are the low ones. */
typedef uint64_t bits;

static struct item item_of(roost_value v)
{
    struct item it = {.kind = v.kind, .len = v.len};
    memcpy(&it.as, &v.as, sizeof(it.as));
    return it;
}

static int value_of(const struct item *it, roost_value *ret)
{
    roost_value v = {.kind = it->kind, .len = it->len};
    memcpy(&v.as, &it->as, sizeof(it->as));
    if (it->kind == ROOST_STR || it->kind == ROOST_BYTES)
        return roost_value_copy(v, ret); /* its bytes lie in our stack */
    *ret = v;
    return ROOST_OK;
}

/* ---- memory ---- */

static void *element(const struct typed *h, size_t i)
{
    return h->body->elements + i * h->t->size;
}

static bits load(const struct typed *h, size_t i)
{
    void *p = element(h, i);
    switch (h->t->size) {
    case 1:
        return atomic_load((_Atomic uint8_t *)p);
    case 2:
        return atomic_load((_Atomic uint16_t *)p);
    case 4:
        return atomic_load((_Atomic uint32_t *)p);
    default:
        return atomic_load((_Atomic uint64_t *)p);
    }
}

static void store(const struct typed *h, size_t i, bits b)
{
    void *p = element(h, i);
    switch (h->t->size) {
    case 1:
        atomic_store_explicit((_Atomic uint8_t *)p, (uint8_t)b, memory_order_release);
        break;
    case 2:
        atomic_store_explicit((_Atomic uint16_t *)p, (uint16_t)b, memory_order_release);
        break;
    case 4:
        atomic_store_explicit((_Atomic uint32_t *)p, (uint32_t)b, memory_order_release);
        break;
    default:
        atomic_store_explicit((_Atomic uint64_t *)p, b, memory_order_release);
    }
}

/* Replaces `was`; false, and *was is what is there now, when it is there no more. */
static bool replace(const struct typed *h, size_t i, bits *was, bits b)
{
    void *p = element(h, i);
    bits seen = *was;
    bool done;
    switch (h->t->size) {
    case 1:
        done = atomic_compare_exchange_strong((_Atomic uint8_t *)p, (uint8_t *)&seen, (uint8_t)b);
        break;
    case 2:
        done = atomic_compare_exchange_strong((_Atomic uint16_t *)p, (uint16_t *)&seen, (uint16_t)b);
        break;
    case 4:
        done = atomic_compare_exchange_strong((_Atomic uint32_t *)p, (uint32_t *)&seen, (uint32_t)b);
        break;
    default:
        done = atomic_compare_exchange_strong((_Atomic uint64_t *)p, &seen, b);
    }
    *was = seen;
    return done;
}

/* ---- opening ---- */

struct start {
    const struct typecode *t;
    uint64_t len;
    const roost_value *values;
    bool lock;
};

static int check_values(const struct start *s)
{
    bits unused;
    for (uint64_t i = 0; s->values != NULL && i < s->len; i++) {
        struct item it = item_of(s->values[i]);
        int rc = roost__typecode_store(s->t, &it, &unused);
        if (rc != ROOST_OK)
            return rc;
    }
    return ROOST_OK;
}

static void init(struct segment_head *head, const void *arg)
{
    struct typed_body *b = (struct typed_body *)(void *)head;
    const struct start *s = arg;
    b->typecode = s->t->code;
    b->with_lock = s->lock;
    b->len = s->len;
    for (uint64_t i = 0; s->values != NULL && i < s->len; i++) {
        struct item it = item_of(s->values[i]);
        roost__typecode_store(s->t, &it, b->elements + i * s->t->size); /* checked before */
    }
}

static int check_found(const struct typed *h, const struct start *s)
{
    const struct typed_body *b = h->body;
    if (b->typecode == s->t->code && b->len == s->len && b->with_lock == s->lock)
        return ROOST_OK;
    return roost__local_fail(&h->segment, "open", ROOST_EEXIST,
                             "it exists with typecode '%c', %llu elements, %s lock", b->typecode,
                             (unsigned long long)b->len, b->with_lock ? "a" : "no");
}

int roost__typed_open(const char *name, enum local_type type, const char *typecode, uint64_t len,
                      const roost_value *values, bool lock, struct typed **ret)
{
    struct start s = {.len = len, .values = values, .lock = lock};
    s.t = typecode == NULL ? NULL : roost__typecode_find(slice_str(typecode));
    if (s.t == NULL)
        return roost__fail(ROOST_EINVAL, "a typecode is one of " TYPECODES);
    if (len > TYPED_BYTES_MAX / s.t->size)
        return roost__fail(ROOST_ELIMIT, "%llu elements are more than 2^40 bytes", (unsigned long long)len);
    int rc = check_values(&s);
    if (rc != ROOST_OK)
        return rc;
    const struct segment_plan plan = {name, type, sizeof(struct typed_body) + len * s.t->size, init, &s};
    struct typed *h;
    bool found;
    rc = roost__local_open(&plan, sizeof(*h), &h, &found);
    if (rc != ROOST_OK)
        return rc;
    h->body = (struct typed_body *)(void *)h->segment.head;
    h->t = s.t;
    h->with_lock = lock;
    h->quick = lock && s.t->kind == NUMBER_SIGNED && s.t->size >= sizeof(int32_t);
    h->lock = (struct roost_local_rlock){h->segment, &h->body->rlock};
    if (found && (rc = check_found(h, &s)) != ROOST_OK) {
        roost__local_close(h);
        return rc;
    }
    *ret = h;
    return ROOST_OK;
}

/* ---- using ---- */

void roost__typed_lock(struct typed *h)
{
    if (h->with_lock)
        rlock_lock(&h->body->rlock, -1);
}

void roost__typed_unlock(struct typed *h)
{
    if (h->with_lock)
        rlock_unlock(&h->body->rlock);
}

int roost__typed_load(struct typed *h, size_t i, roost_value *ret)
{
    struct item it;
    uint8_t text[4];
    bits b = load(h, i);
    roost__typecode_load(h->t, &b, text, &it);
    return value_of(&it, ret);
}

int roost__typed_encode(const struct typed *h, roost_value v, void *ret)
{
    struct item it = item_of(v);
    return roost__typecode_store(h->t, &it, ret);
}

void roost__typed_store(struct typed *h, size_t i, const void *encoded)
{
    bits b = 0;
    memcpy(&b, encoded, h->t->size);
    store(h, i, b);
}

int roost__typed_get(struct typed *h, size_t i, roost_value *ret)
{
    roost__typed_lock(h);
    int rc = roost__typed_load(h, i, ret);
    roost__typed_unlock(h);
    return rc;
}

int roost__typed_set(struct typed *h, size_t i, roost_value value)
{
    bits b = 0;
    int rc = roost__typed_encode(h, value, &b);
    if (rc != ROOST_OK)
        return roost__local_fail_at(&h->segment, "set");
    roost__typed_lock(h);
    store(h, i, b);
    roost__typed_unlock(h);
    return ROOST_OK;
}

/* The element `now` plus delta, as an element and as an item. */
static int sum_of(const struct typed *h, bits now, const struct item *delta, bits *ret, struct item *ret_sum)
{
    struct item it;
    uint8_t text[4];
    roost__typecode_load(h->t, &now, text, &it);
    int rc = roost__number_add(&it, delta, ret_sum);
    *ret = 0;
    return rc != ROOST_OK ? rc : roost__typecode_store(h->t, ret_sum, ret);
}

int roost__typed_add(struct typed *h, size_t i, const roost_value *delta, roost_value *ret)
{
    struct item d = item_of(*delta), sum;
    bits fresh;
    roost__typed_lock(h);
    bits now = load(h, i);
    int rc = sum_of(h, now, &d, &fresh, &sum);
    while (rc == ROOST_OK && !h->with_lock && !replace(h, i, &now, fresh))
        rc = sum_of(h, now, &d, &fresh, &sum);
    if (rc == ROOST_OK && h->with_lock)
        store(h, i, fresh);
    roost__typed_unlock(h);
    if (rc != ROOST_OK)
        return roost__local_fail_at(&h->segment, "add");
    return ret == NULL ? ROOST_OK : value_of(&sum, ret);
}

/* Does the element equal the value, as Python's == has it? */
static bool equals(const struct typed *h, bits now, roost_value v)
{
    struct item it;
    uint8_t text[4];
    roost__typecode_load(h->t, &now, text, &it);
    roost_value have = {.kind = it.kind, .len = it.len};
    memcpy(&have.as, &it.as, sizeof(it.as));
    return roost_value_equal(have, v);
}

int roost__typed_compare_and_set(struct typed *h, size_t i, roost_value expected, roost_value value,
                                 bool *ret)
{
    bits fresh = 0;
    int rc = roost__typed_encode(h, value, &fresh);
    if (rc != ROOST_OK)
        return roost__local_fail_at(&h->segment, "compare_and_set");
    roost__typed_lock(h);
    bits now = load(h, i);
    bool equal;
    while ((equal = equals(h, now, expected)) && !replace(h, i, &now, fresh))
        ;
    roost__typed_unlock(h);
    *ret = equal;
    return ROOST_OK;
}
