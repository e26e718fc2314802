/*
 * roost/local/queue.h: a queue of values between processes, in shared memory: Python's multiprocessing.Queue,
 * JoinableQueue and SimpleQueue in one. First in first out; any number of readers and writers.
 *
 * An item is encoded by the thread that puts it and there when put returns: no feeder thread, nothing to
 * flush, no process that cannot exit. A process killed in the middle of a put has not put; one killed in the
 * middle of a get has taken the item or not. References in items are data: they keep no object of a server
 * alive. roost/local/object.h says what holds for all local objects.
 */
#ifndef ROOST_LOCAL_QUEUE_H
#define ROOST_LOCAL_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "roost/local/object.h"
#include "roost/value.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct roost_local_queue roost_local_queue;

typedef struct roost_local_queue_options {
    int64_t maxsize;  /* the most items inside; 0 or less: no bound but bytes */
    size_t max_bytes; /* the most encoded bytes inside, 8 more for each item; 0: 16 MiB. Used memory only
                         grows with use */
} roost_local_queue_options;

/* options may be NULL. _open(): they count at creation; given ones must agree. */
ROOST_API int roost_local_queue_new(const roost_local_queue_options *options, roost_local_queue **ret);
ROOST_API int roost_local_queue_open(const char *name, const roost_local_queue_options *options,
                                     roost_local_queue **ret);
ROOST_API void roost_local_queue_close(roost_local_queue *q);

/* Adds item, waiting for room. Errors: ROOST_ETIMEDOUT; ROOST_EFULL (timeout 0); ROOST_ELIMIT when it is
 * larger than max_bytes; ROOST_ESHUTDOWN; ROOST_EINVAL for a string that is no UTF-8. */
ROOST_API int roost_local_queue_put(roost_local_queue *q, roost_value item, int timeout_ms);

/* Takes an item, waiting for one; *ret is the caller's to free. Errors: ROOST_ETIMEDOUT; ROOST_EEMPTY
 * (timeout 0); ROOST_ESHUTDOWN; ROOST_ENOMEM (the item stays). */
ROOST_API int roost_local_queue_get(roost_local_queue *q, roost_value *ret, int timeout_ms);

/* The items inside; is there none; is there no room for one more item? True when looked at, maybe no longer.
 */
ROOST_API int64_t roost_local_queue_qsize(roost_local_queue *q);
ROOST_API bool roost_local_queue_empty(roost_local_queue *q);
ROOST_API bool roost_local_queue_full(roost_local_queue *q);

/* Says that count items taken are worked off. Errors: ROOST_EOVERRELEASE when fewer were put. */
ROOST_API int roost_local_queue_task_done(roost_local_queue *q, uint64_t count);

/* Waits until every item ever put is worked off. Errors: ROOST_ETIMEDOUT. */
ROOST_API int roost_local_queue_join(roost_local_queue *q, int timeout_ms);

/* Refuses puts from now on, and gets once it is empty (ROOST_ESHUTDOWN); immediate also empties it and counts
 * its items as worked off. Who waits learns it. (Python 3.13's Queue.shutdown.) */
ROOST_API void roost_local_queue_shutdown(roost_local_queue *q, bool immediate);

#ifdef __cplusplus
}
#endif
#endif
