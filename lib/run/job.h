/*
 * job.h: a future from the inside, and the chunks its items travel in.
 *
 * The state word holds a status and two flags. The status moves
 *
 *     PENDING -> RUNNING -> DONE        a worker was given a chunk; all items are done
 *     PENDING -> CANCELLED              by roost_future_cancel() or the pool's end
 *
 * and never back. Invariant: `left` counts the items of chunks not yet closed; it reaches 0 once, whatever
 * happened to the chunks, and then the pool's reference goes. Items are written by whoever runs the chunk,
 * before the status becomes DONE; they are read only afterwards. Called by everything about pools.
 */
#ifndef ROOST_RUN_JOB_H
#define ROOST_RUN_JOB_H

#include <assert.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/list.h"
#include "roost/pool.h"
#include "wire/decode.h"

enum future_status { PENDING, RUNNING, DONE, CANCELLED };

/* Consecutive items of a future, run one after another by one worker. Owned by the future. */
struct chunk {
    struct list link; /* in a queue of the pool, or in flight at a worker */
    roost_future *future;
    const uint8_t *args; /* the cells of items cut … count-1 */
    const uint8_t *args_end;
    uint32_t first; /* the number of the chunk's item 0 in the future */
    uint32_t count;
    uint32_t cut;          /* items whose arguments are no longer needed */
    uint32_t attempts;     /* how often item `done` has failed already */
    _Atomic uint32_t done; /* items done; written by who runs the chunk, read by the progress display */
    uint64_t pos;          /* where the request stands in the worker's ring (engine.c) */
};

/* Something to do when a future is done: by the thread that finds it done, or at once. */
struct hook {
    struct hook *next;
    void (*fire)(struct hook *h, roost_future *f);
};

struct failure {
    struct failure *next;
    uint32_t item;
    int code;
    int status;
    char message[];
};

struct roost_future {
    _Atomic uint32_t state;
    atomic_uint refs;
    _Atomic uint32_t left;
    uint32_t n;
    uint32_t chunk_count;
    bool many; /* the result is the array of items, however many */
    bool star;
    roost_task task;
    roost_pool *pool; /* alive while the future is not done */
    roost_value *values;
    struct value_block *block; /* holds the values of a future with many items */
    struct chunk *chunks;
    uint8_t *args;
    struct hook *hooks; /* newest first */
    struct failure *failures;
    roost_value value; /* these two are what values and chunks point to when there is one item */
    struct chunk chunk;
    uint8_t bytes[]; /* likewise args */
};

/* A future of one item with its encoded arguments, with two references: the caller's, the pool's. NULL: no
 * memory. */
roost_future *roost__future_one(roost_pool *p, roost_task task, bool star, struct slice args);

/* A future of n items in chunks; takes args' memory (n items, encoded one behind the other). */
roost_future *roost__future_many(roost_pool *p, roost_task task, bool star, uint32_t n, uint32_t chunk,
                                 struct buf *args);

void roost__future_hold(roost_future *f);

/* Gives a reference up. */
void roost__future_drop(roost_future *f);

/* A worker gets a chunk. False when the future was cancelled: close the chunk instead. */
bool roost__future_start(roost_future *f);

/* Stores the failure of the chunk's next item. The message is copied; without memory it is lost, the code
 * not. */
void roost__chunk_failure(struct chunk *c, int code, int status, const char *message);

/* The chunk will not run on: items not done fail as cancelled. May finish and free the future. */
void roost__chunk_close(struct chunk *c, const char *why);

/* Drops the arguments of items that are done. */
void roost__chunk_cut(struct chunk *c);

/* Moves the result of a finished future to *ret, or words its failure. */
int roost__future_take(roost_future *f, roost_value *ret);

/* Adds a hook. False when the future is done already: the hook was not added. */
bool roost__future_hook(roost_future *f, struct hook *h);

/* Takes a hook out. False when it is not there (any more). */
bool roost__future_unhook(roost_future *f, struct hook *h);

/* The number in the future of the chunk's next item, which is done now. */
static inline uint32_t chunk_next_item(struct chunk *c)
{
    uint32_t i = atomic_load_explicit(&c->done, memory_order_relaxed);
    assert(i < c->count);
    atomic_store_explicit(&c->done, i + 1, memory_order_relaxed);
    c->attempts = 0;
    return c->first + i;
}

/* Stores the value of the chunk's next item, taking it. */
static inline void chunk_result(struct chunk *c, roost_value v)
{
    c->future->values[chunk_next_item(c)] = v;
}

static inline enum future_status future_status(const roost_future *f)
{
    return (enum future_status)(atomic_load_explicit(&f->state, memory_order_acquire) & 3);
}

#endif
