/*
 * queue.h: the queue's parts: the type and its small methods (queue.c), what moves items between the store
 * and those who wait (delivery.c), put and get (put_get.c).
 *
 * Invariants: while items are inside nobody waits to get; while there is room the first who waits to put does
 * not fit; unfinished counts every item put and not yet told done, those on their way included. pump()
 * restores them after every change. An item delivered and not acknowledged keeps its room (store.h), so that
 * its return needs no memory.
 */
#ifndef ROOST_CORE_QUEUE_H
#define ROOST_CORE_QUEUE_H

#include "core/handlers.h"
#include "core/store.h"

enum { LINE_GET, LINE_PUT, LINE_JOIN };

/* Bytes that one get_many() answers at most, so that its frame is never too long. */
enum { GET_BYTES_MAX = FRAME_MAX - 64 };

struct queue {
    struct object object;
    struct store store;
    int64_t maxsize; /* <= 0: none */
    uint64_t unfinished;
    bool shut;
};

static inline struct queue *queue_of(const struct object *o)
{
    return (struct queue *)(uintptr_t)o;
}

static inline size_t queue_len(const struct queue *q)
{
    return store_size(&q->store);
}

/* Have n more items room? */
static inline bool queue_fits(const struct queue *q, size_t n)
{
    return q->maxsize <= 0 || queue_len(q) + n <= (size_t)q->maxsize;
}

/* Takes up to n items out and sends them; they stay the session's until it acknowledges. When they cannot be
 * sent, which is answered, they stay in the queue. False: no memory, nothing was done. */
bool queue_deliver(struct core *core, struct queue *q, const struct caller *to, size_t n, bool many);

/* Moves n stored items in. False without memory, or when queue_bytes_max would be passed, and none is in. */
bool queue_push_all(struct core *core, struct queue *q, const struct cell *cells, size_t n);

/* Serves who waits to get or put, as far as can be; as a wake of undo.h. */
void queue_pump(struct core *core, struct queue *q);
void queue_serve(struct core *core, struct object *o);

#endif
