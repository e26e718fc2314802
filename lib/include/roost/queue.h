/*
 * roost/queue.h: a queue on the server: first in first out, last in first out, or least value first; bounded
 * or not.
 *
 * Who waits is served in order of arrival. An item taken belongs to the caller when the call returns; if the
 * process dies before, it goes back to the head of the queue. Over tcp:// there is a moment in which it does
 * so too after the call returned: the line breaks then, and the process dies or its session is lost
 * (ROOST_ESESSION, ROOST_ECONN) before any later call of it was answered. Who must not work an item off twice
 * makes the get part of a transaction (roost/transaction.h) that records it. After a shutdown puts return
 * ROOST_ESHUTDOWN, and gets do when the queue is empty. roost/object.h says what holds for all handles:
 * ownership, threads, blocking, errors.
 */
#ifndef ROOST_QUEUE_H
#define ROOST_QUEUE_H

#include "roost/manager.h"
#include "roost/object.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct roost_queue roost_queue;

typedef struct roost_queue_options {
    int64_t maxsize;  /* the most items inside; 0 or less: no bound */
    const char *kind; /* "fifo", "lifo" or "priority"; NULL: "fifo" at creation, any kind otherwise */
} roost_queue_options;

/* An anonymous FIFO queue. Other kinds: roost_queue_open() without a name. */
ROOST_API int roost_queue_new(roost_manager *m, int64_t maxsize, roost_queue **ret);

/* name NULL: a new anonymous queue. options NULL: an unbounded FIFO queue at creation, any queue otherwise.
 */
ROOST_API int roost_queue_open(roost_manager *m, const char *name, const roost_queue_options *options,
                               roost_queue **ret);

ROOST_API int roost_queue_from(roost_manager *m, roost_value ref, roost_queue **ret);
ROOST_API roost_value roost_queue_ref(const roost_queue *handle);
ROOST_API void roost_queue_close(roost_queue *handle);

/* Adds item, waiting for room. Errors: ROOST_ETIMEDOUT, ROOST_EFULL (timeout 0), ROOST_ESHUTDOWN. */
ROOST_API int roost_queue_put(roost_queue *q, roost_value item, int timeout_ms);

/* Takes an item, waiting for one. Errors: ROOST_ETIMEDOUT, ROOST_EEMPTY (timeout 0), ROOST_ESHUTDOWN. */
ROOST_API int roost_queue_get(roost_queue *q, roost_value *ret, int timeout_ms);

/* Without waiting. Errors: ROOST_EFULL, ROOST_EEMPTY, ROOST_ESHUTDOWN. */
ROOST_API int roost_queue_put_nowait(roost_queue *q, roost_value item);
ROOST_API int roost_queue_get_nowait(roost_queue *q, roost_value *ret);

/* Adds all items of an array in one step, waiting for room for all. Errors: as put, and ROOST_EINVAL when
 * they can never fit. */
ROOST_API int roost_queue_put_many(roost_queue *q, roost_value items, int timeout_ms);

/* Takes 1 to max items, waiting for the first only: an array. Errors: as get. */
ROOST_API int roost_queue_get_many(roost_queue *q, uint64_t max, roost_value *ret, int timeout_ms);

/* The number of items inside; is there none; is there no room? True when the server looked, maybe no longer.
 */
ROOST_API int roost_queue_qsize(roost_queue *q, int64_t *ret);
ROOST_API int roost_queue_empty(roost_queue *q, bool *ret);
ROOST_API int roost_queue_full(roost_queue *q, bool *ret);

/* Says that count items taken are worked off. Errors: ROOST_EOVERRELEASE when fewer were taken. */
ROOST_API int roost_queue_task_done(roost_queue *q, uint64_t count);

/* Waits until every item ever put is worked off. Errors: ROOST_ETIMEDOUT. */
ROOST_API int roost_queue_join(roost_queue *q, int timeout_ms);

/* Refuses puts from now on; immediate also empties the queue and wakes everybody who waits. */
ROOST_API int roost_queue_shutdown(roost_queue *q, bool immediate);

#ifdef __cplusplus
}
#endif
#endif
