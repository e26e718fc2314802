/*
 * channel.h: the memory that a pool shares with one worker process.
 *
 * Two rings of bytes, each written by one side and read by the other: requests and results. A ring is mapped
 * twice in a row, so that nothing in it ever wraps. A payload too large for a ring goes into a bulk area,
 * one at a time in each direction; its pages are given back afterwards.
 *
 * `claim` is the one truth about who has a job: jobs next … end-1 may be taken by the worker (next + 1) or
 * back by the engine (end - 1), both by compare-and-swap. `current` names the item being run. A result counts
 * once `res.head` covers it. So whenever a worker dies, what it left says for each item whether it was done,
 * had begun, or had not. There is no lock in here that a dead process could hold.
 */
#ifndef ROOST_RUN_CHANNEL_H
#define ROOST_RUN_CHANNEL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "roost/pool.h"

enum { RING_SIZE = 512 << 10, INLINE_MAX = RING_SIZE / 4 };

/* Positions only grow; the byte of position x lies at data[x % RING_SIZE]. */
struct ring {
    _Alignas(64) _Atomic uint64_t head; /* written up to here */
    _Alignas(64) _Atomic uint64_t tail; /* read up to here */
};

enum worker_state { WORKER_STARTING, WORKER_READY, WORKER_REFUSED };

struct channel {
    _Alignas(64) _Atomic uint64_t claim;   /* next in the low half, end in the high half */
    _Alignas(64) _Atomic uint64_t current; /* 0, or the item running: see current_item() */
    _Atomic int64_t started;               /* when it began; only with a time limit */
    _Atomic uint32_t state;                /* enum worker_state */
    _Alignas(64) _Atomic uint32_t bell;    /* the worker's futex */
    _Atomic uint32_t asleep;               /* it sleeps, or is about to: ring the bell */
    _Atomic uint32_t quit;                 /* end when there is nothing to take */
    _Atomic uint32_t bulk_full;            /* a result is in the bulk area and not yet read */
    struct ring req;                       /* head is the engine's own business: claim says what is there */
    struct ring res;
    char message[256]; /* why the initializer refused */
};

/* Shared by all workers and the engine. */
struct switchboard {
    _Atomic uint32_t engine; /* enum engine_sleep */
};

/* How to wake the engine: not at all; when a worker has nothing to do; at every result. */
enum engine_sleep { ENGINE_AWAKE, ENGINE_NAPS, ENGINE_SLEEPS };

struct request {
    uint32_t len; /* of all this, a multiple of 8 */
    uint32_t count;
    roost_task task;
    uint64_t bulk; /* bytes of the items in the bulk area; 0: they stand behind this */
    uint64_t star;
};

enum result_kind { RESULT_VALUE, RESULT_FAILED, RESULT_BULK, RESULT_SCALAR };

struct result {
    uint32_t len; /* of all this, a multiple of 8 */
    uint32_t kind;
    int32_t status; /* of RESULT_FAILED; its body is the message */
    uint32_t body;  /* bytes behind this; of RESULT_BULK in the bulk area */
    int64_t start;  /* both 0 unless the pool keeps a trace */
    int64_t end;
};

/* A number, bool or nil of a pool without a trace: by far the most results. Begins like a struct result. */
struct scalar_result {
    uint32_t len;
    uint32_t kind;
    uint32_t value_kind;
    uint32_t value_len;
    uint64_t bits;
};

/* One worker's place, as both sides see it. */
struct place {
    struct channel *channel;
    uint8_t *req; /* the ring's bytes */
    uint8_t *res;
    uint8_t *bulk_in;  /* to the worker */
    uint8_t *bulk_out; /* from the worker */
};

/* `current` while a task runs: the worker's job number (30 bits), the item in the job, and a state. */
enum { ITEM_RUNS = 1, ITEM_ENDED = 2, ITEM_KILLED = 3 };

static inline uint64_t current_item(uint32_t job, uint32_t item, unsigned state)
{
    return (uint64_t)job << 34 | (uint64_t)item << 2 | state;
}

static inline uint32_t current_number(uint64_t current)
{
    return (uint32_t)(current >> 2);
}

static inline uint64_t claim_of(uint32_t next, uint32_t end)
{
    return (uint64_t)end << 32 | next;
}

static inline uint32_t claim_next(uint64_t claim)
{
    return (uint32_t)claim;
}

static inline uint32_t claim_end(uint64_t claim)
{
    return (uint32_t)(claim >> 32);
}

/* Maps the memory of a place, to be inherited by forks. Errors: ROOST_ESYS. */
int roost__place_map(struct place *p);
void roost__place_unmap(struct place *p);

/* Makes a place as new, for the next worker. Nobody else may be using it. */
void roost__place_reset(struct place *p);

/* Gives the pages of a bulk area back. */
void roost__bulk_release(uint8_t *bulk, size_t len);

/* Wakes the worker if it sleeps. */
void roost__channel_ring(struct channel *c);

#endif
