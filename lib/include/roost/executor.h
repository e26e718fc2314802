/*
 * roost/executor.h: the other face of a pool, with the verbs of Python's concurrent.futures.
 *
 * An executor is a roost_pool: everything in pool.h works on it too. Processes unless options say threads.
 */
#ifndef ROOST_EXECUTOR_H
#define ROOST_EXECUTOR_H

#include "roost/pool.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef roost_pool roost_executor;

/* As roost_pool_new(). */
ROOST_API int roost_executor_new(const roost_pool_options *options, roost_executor **ret);

/* Queues task(args). *ret is the caller's until roost_future_free(). Errors: as roost_pool_apply_async(). */
ROOST_API int roost_executor_submit(roost_executor *e, roost_task task, roost_value args, roost_future **ret);

/*
 * Results of task for every item of the array `items`, in order, one by one; items must live as long as the
 * iterator. Only `window` inputs are under way at a time (0: 256 per worker). timeout_ms: for the whole
 * iteration from now on; later calls of roost_iter_next() get ROOST_ETIMEDOUT. Freeing the iterator early
 * cancels the rest.
 */
ROOST_API int roost_executor_map(roost_executor *e, roost_task task, roost_value items, uint32_t chunk,
                                 uint32_t window, int timeout_ms, roost_iter **ret);

/*
 * No more tasks. cancel_pending cancels those that no worker has; wait waits for the others, the callbacks
 * and the workers. Errors: as roost_pool_join() with wait, else none.
 */
ROOST_API int roost_executor_shutdown(roost_executor *e, bool wait, bool cancel_pending);

/* As roost_pool_free(): terminates what was not shut down. */
ROOST_API void roost_executor_free(roost_executor *e);

#ifdef __cplusplus
}
#endif
#endif
