/* executor.c: the concurrent.futures face of a pool; see roost/executor.h. */
#include "roost/executor.h"

#include "base/futex.h"
#include "run/iter.h"
#include "run/pool.h"

int roost_executor_new(const roost_pool_options *options, roost_executor **ret)
{
    return roost_pool_new(options, ret);
}

int roost_executor_submit(roost_executor *e, roost_task task, roost_value args, roost_future **ret)
{
    return roost_pool_apply_async(e, task, args, NULL, ret);
}

int roost_executor_map(roost_executor *e, roost_task task, roost_value items, uint32_t chunk, uint32_t window,
                       int timeout_ms, roost_iter **ret)
{
    roost_imap_options options = {.chunk = chunk, .window = window};
    int rc = roost_pool_imap_array(e, task, items, &options, ret);
    if (rc == ROOST_OK)
        roost__iter_set_deadline(*ret, deadline_after(timeout_ms));
    return rc;
}

/* Cancels what waits; a chunk whose future is cancelled is closed when its turn comes. */
static void cancel_incoming(roost_executor *e)
{
    pthread_mutex_lock(&e->lock);
    list_each (it, &e->incoming)
        roost_future_cancel(container_of(it, struct chunk, link)->future);
    pthread_mutex_unlock(&e->lock);
}

int roost_executor_shutdown(roost_executor *e, bool wait, bool cancel_pending)
{
    int rc = roost_pool_close(e);
    if (rc == ROOST_OK && cancel_pending)
        cancel_incoming(e);
    return rc == ROOST_OK && wait ? roost_pool_join(e, -1) : rc;
}

void roost_executor_free(roost_executor *e)
{
    roost_pool_free(e);
}
