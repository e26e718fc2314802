/*
 * roost/future.h: a result that will be there later: what a pool or an executor gives for a task
 * (Python's multiprocessing.pool.AsyncResult and concurrent.futures.Future in one).
 *
 * A future is pending, then running, then done; or cancelled while it was pending. A future of map_async
 * or starmap_async has many items, one per input; all others have one.
 *
 * How a task failed, as the code of roost_future_result() and as the first words of its message:
 *   ROOST_ETASK      task NAME: returned nonzero; the message is the task's, see roost_task_fail()
 *   ROOST_EDIED      task NAME: its worker crashed, called exit(), or was killed
 *   ROOST_ETIMEDOUT  task NAME: it ran over the pool's time limit (roost_future_done() is true, unlike when
 *                    only the wait timed out)
 *   ROOST_ECANCELED  cancelled, or its pool was terminated
 *
 * Handles are thread-safe, except that roost_future_free() must be the caller's last use. A future may
 * outlive its pool. Values that a function lends belong to the future and live until roost_future_free().
 */
#ifndef ROOST_FUTURE_H
#define ROOST_FUTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "roost/value.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct roost_future roost_future;

/* Gives the caller's hold up. The task is not cancelled, its result is dropped when it comes. NULL is
 * allowed. */
ROOST_API void roost_future_free(roost_future *f);

/* Cancels what no worker has been given yet. True when f is (or was) cancelled. Never blocks. */
ROOST_API bool roost_future_cancel(roost_future *f);

/* Never block. done: finished, failed or cancelled (Python's ready()). */
ROOST_API bool roost_future_cancelled(const roost_future *f);
ROOST_API bool roost_future_running(const roost_future *f);
ROOST_API bool roost_future_done(const roost_future *f);

/* Is f done, and did every item succeed? Errors: ROOST_EBUSY while it is not done. */
ROOST_API int roost_future_successful(roost_future *f, bool *ret);

/* Waits until f is done, well or not. Errors: ROOST_ETIMEDOUT. */
ROOST_API int roost_future_wait(roost_future *f, int timeout_ms);

/*
 * Waits for the result and lends it; for map_async an array. ret may be NULL. Errors: ROOST_ETIMEDOUT when it
 * is not there in time; else the failure of the first item (by place) that failed, see above.
 */
ROOST_API int roost_future_result(roost_future *f, roost_value *ret, int timeout_ms);

/* How many items f has. */
ROOST_API uint32_t roost_future_len(const roost_future *f);

/* Item i of a future that is done, lent; its own failure if it failed. Errors: ROOST_EBUSY, ROOST_EINDEX. */
ROOST_API int roost_future_item(roost_future *f, uint32_t i, roost_value *ret);

/* Everything known about a failure. */
typedef struct roost_failure {
    int code;      /* the ROOST_E… code, 0 when nothing failed */
    int status;    /* ROOST_ETASK: what the task returned; ROOST_EDIED: the exit code or negative signal */
    uint32_t item; /* which item failed */
    const char *message; /* lent by the future */
} roost_failure;

/* Waits until f is done and tells its first failure. Errors: ROOST_ETIMEDOUT when the wait timed out. */
ROOST_API int roost_future_exception(roost_future *f, roost_failure *ret, int timeout_ms);

typedef void (*roost_done_callback)(roost_future *f, void *arg);

/*
 * Has fn(f, arg) called once f is done: in the pool's callback thread, after those added before; at once and
 * in the calling thread when f is done already. fn borrows f. A callback may call anything except
 * roost_pool_join(), and may block: that delays other callbacks of the pool, never tasks.
 * Errors: ROOST_ENOMEM.
 */
ROOST_API int roost_future_add_done_callback(roost_future *f, roost_done_callback fn, void *arg);

/* ---- many futures ---- */

typedef enum roost_wait_for {
    ROOST_ALL_COMPLETED,
    ROOST_FIRST_COMPLETED,
    ROOST_FIRST_EXCEPTION
} roost_wait_for;

/*
 * Waits for some of n futures; *ret_done, which may be NULL, becomes the number that are done. Which they are
 * tells roost_future_done(). A cancelled future is no exception, as in Python.
 * Errors: ROOST_ETIMEDOUT, *ret_done set all the same; ROOST_ENOMEM.
 */
ROOST_API int roost_wait(roost_future *const *futures, size_t n, roost_wait_for what, size_t *ret_done,
                         int timeout_ms);

/* Futures in the order in which they finish. Not thread-safe. */
typedef struct roost_completion roost_completion;

/*
 * Begins to watch n futures, which the caller keeps until roost_completion_free(); one named twice comes
 * once. progress: a stream to show progress on, or NULL. Errors: ROOST_ENOMEM.
 */
ROOST_API int roost_as_completed(roost_future *const *futures, size_t n, FILE *progress,
                                 roost_completion **ret);

/* The next future that is done, borrowed. Errors: ROOST_ETIMEDOUT (ask again), ROOST_EEMPTY after the last.
 */
ROOST_API int roost_completion_next(roost_completion *c, roost_future **ret, int timeout_ms);

/* NULL is allowed. The futures are untouched. */
ROOST_API void roost_completion_free(roost_completion *c);

#ifdef __cplusplus
}
#endif
#endif
