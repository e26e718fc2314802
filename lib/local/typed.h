/*
 * typed.h: elements of a typecode in shared memory, under an rlock or by atomic steps: what values and arrays
 * are made of.
 *
 * Invariant: an element of n bytes lies at a multiple of n. With a lock it is read and written under it only.
 */
#ifndef ROOST_LOCAL_TYPED_H
#define ROOST_LOCAL_TYPED_H

#include "local/locks.h"
#include "wire/typecode.h"

/* Behind the head of a value's or array's segment. */
struct typed_body {
    struct segment_head head;
    struct rlock rlock;
    char typecode;
    bool with_lock;
    uint64_t len;
    _Alignas(64) uint8_t elements[];
};

/* A handle: roost_local_value and roost_local_array are this. */
struct typed {
    struct segment segment;
    struct roost_local_rlock lock; /* a view of the one in the segment */
    const struct typecode *t;
    struct typed_body *body;
    bool with_lock;
    bool quick; /* see typed_add_quick() */
};

/* values: what the elements become at creation (nil: 0), one (is_array false) or an array of len. Errors: see
 * the headers. */
int roost__typed_open(const char *name, enum local_type type, const char *typecode, uint64_t len,
                      const roost_value *values, bool lock, struct typed **ret);

int roost__typed_get(struct typed *h, size_t i, roost_value *ret);
int roost__typed_set(struct typed *h, size_t i, roost_value value);
int roost__typed_add(struct typed *h, size_t i, const roost_value *delta, roost_value *ret);
/* The case that is worth its own code, measured: a signed integer of 4 or 8 bytes plus one. False: take the
 * long way. */
static inline bool typed_add_quick(struct typed *h, size_t i, int64_t delta, int64_t *ret)
{
    void *p = h->body->elements + i * h->t->size;
    bool wide = h->t->size == sizeof(int64_t);
    int64_t sum;
    rlock_lock(&h->body->rlock, -1);
    bool fits = !__builtin_add_overflow(wide ? *(int64_t *)p : *(int32_t *)p, delta, &sum);
    if (fits && wide)
        *(int64_t *)p = sum;
    else if (fits && (fits = sum >= INT32_MIN && sum <= INT32_MAX))
        *(int32_t *)p = (int32_t)sum;
    rlock_unlock(&h->body->rlock);
    *ret = sum;
    return fits;
}

int roost__typed_compare_and_set(struct typed *h, size_t i, roost_value expected, roost_value value,
                                 bool *ret);

/* An element's value without lock: the caller holds it, or does not mind. c and u own memory. */
int roost__typed_load(struct typed *h, size_t i, roost_value *ret);

/* Encodes v as an element into ret[8]. */
int roost__typed_encode(const struct typed *h, roost_value v, void *ret);
/* Stores an encoded element without lock. */
void roost__typed_store(struct typed *h, size_t i, const void *element);

void roost__typed_lock(struct typed *h);
void roost__typed_unlock(struct typed *h);

#endif
