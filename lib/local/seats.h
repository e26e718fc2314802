/*
 * seats.h: where threads of many processes wait, each on a word of its own, in order of arrival.
 *
 * Invariant: a seat is SEAT_FREE, or somebody's: SEAT_WAITING, or the outcome it was called with. Everything
 * but sleeping and leaving happens under the owner's lock. A seat of somebody who died is used again when no
 * other is free. Called by condition.c and barrier.c.
 */
#ifndef ROOST_LOCAL_SEATS_H
#define ROOST_LOCAL_SEATS_H

#include "local/mutex.h"

enum { SEATS_MAX = 1024 };

enum seat_state { SEAT_FREE, SEAT_WAITING, SEAT_CALLED, SEAT_BROKEN };

struct seat {
    _Atomic uint32_t state;
    uint32_t who;   /* a thread (self.h) */
    uint64_t order; /* of arrival */
};

struct seats {
    uint64_t last_order;
    uint32_t used; /* no seat from here on was ever taken */
    struct seat seat[SEATS_MAX];
};

/* A seat for the caller, who waits from now on; NULL when all are taken by the living. */
struct seat *roost__seat_take(struct seats *s);

/* The first to have come of those who wait and live, or NULL. */
struct seat *roost__seats_first(struct seats *s);

/* How many wait. */
uint32_t roost__seats_waiting(const struct seats *s);

/* True when nobody who waits has died, as far as a cheap look shows. */
bool roost__seats_all_live(const struct seats *s);

/* Calls everybody who waits. */
void roost__seats_call_all(struct seats *s, enum seat_state outcome);

/* The one who waits in the next seat, round and round; NULL when nobody else does. */
struct seat *roost__seat_next(struct seats *s, const struct seat *from);

static inline enum seat_state seat_state(struct seat *seat)
{
    return (enum seat_state)atomic_load(&seat->state);
}

static inline void seat_call(struct seat *seat, enum seat_state outcome)
{
    atomic_store(&seat->state, outcome);
    futex_wake(&seat->state, 1);
}

static inline void seat_leave(struct seat *seat)
{
    atomic_store(&seat->state, SEAT_FREE);
}

#endif
