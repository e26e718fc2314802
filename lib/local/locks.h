/*
 * locks.h: local locks and rlocks inside: for lock.c, for conditions that stand on one, and for values,
 * arrays and conditions with an rlock of their own.
 *
 * Invariant: depth is read and written by the holder only. A holder that died leaves its depth behind; who
 * takes over sets it anew.
 */
#ifndef ROOST_LOCAL_LOCKS_H
#define ROOST_LOCAL_LOCKS_H

#include "local/mutex.h"
#include "local/segment.h"

struct lock_body {
    struct segment_head head;
    struct mutex mutex;
};

struct roost_local_lock {
    struct segment segment;
};

struct rlock {
    struct mutex mutex;
    uint32_t depth;
};

/* A handle: of a segment of its own, or (inside another object's handle) of the lock of that object. */
struct roost_local_rlock {
    struct segment segment; /* whose: for messages */
    struct rlock *rlock;
};

static inline bool rlock_mine(struct rlock *l)
{
    return mutex_holder(&l->mutex) == self()->thread;
}

static inline enum mutex_result rlock_lock(struct rlock *l, int timeout_ms)
{
    uint32_t me = self()->thread;
    if (mutex_holder(&l->mutex) == me) {
        l->depth++;
        return MUTEX_LOCKED;
    }
    enum mutex_result r = mutex_lock(&l->mutex, me, timeout_ms);
    if (__builtin_expect(r != MUTEX_TIMEOUT, 1))
        l->depth = 1;
    return r;
}

/* The caller holds it. */
static inline void rlock_unlock(struct rlock *l)
{
    if (--l->depth == 0)
        mutex_unlock(&l->mutex);
}

#endif
