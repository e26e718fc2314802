/* queue.c: the proxy of queues; see roost/queue.h. One line per method: the work is in object.c. */
#include "roost/queue.h"

#include "client/object.h"

PROXY_COMMON(queue, queue)

int roost_queue_new(roost_manager *m, int64_t maxsize, roost_queue **ret)
{
    return roost__open(m, METHOD_queue_open, ARGS(roost_nil(), roost_int(maxsize)), ret);
}

int roost_queue_open(roost_manager *m, const char *name, const roost_queue_options *options,
                     roost_queue **ret)
{
    if (options == NULL)
        return roost__open(m, METHOD_queue_open, ARGS(roost_str(name)), ret);
    return roost__open(m, METHOD_queue_open,
                       ARGS(roost_str(name), roost_int(options->maxsize), roost_str(options->kind)), ret);
}

int roost_queue_put(roost_queue *q, roost_value item, int timeout_ms)
{
    return roost__call(OBJECT(q), METHOD_queue_put, ARGS(item, roost_int(timeout_ms)), NULL);
}

int roost_queue_get(roost_queue *q, roost_value *ret, int timeout_ms)
{
    return roost__call(OBJECT(q), METHOD_queue_get, ARGS(roost_int(timeout_ms)), ret);
}

int roost_queue_put_nowait(roost_queue *q, roost_value item)
{
    return roost__call(OBJECT(q), METHOD_queue_put_nowait, ARGS(item), NULL);
}

int roost_queue_get_nowait(roost_queue *q, roost_value *ret)
{
    return roost__call(OBJECT(q), METHOD_queue_get_nowait, NO_ARGS, ret);
}

int roost_queue_put_many(roost_queue *q, roost_value items, int timeout_ms)
{
    return roost__call(OBJECT(q), METHOD_queue_put_many, ARGS(items, roost_int(timeout_ms)), NULL);
}

int roost_queue_get_many(roost_queue *q, uint64_t max, roost_value *ret, int timeout_ms)
{
    return roost__call(OBJECT(q), METHOD_queue_get_many, ARGS(roost_uint(max), roost_int(timeout_ms)), ret);
}

int roost_queue_qsize(roost_queue *q, int64_t *ret)
{
    return roost__call_int(OBJECT(q), METHOD_queue_qsize, NO_ARGS, ret);
}

int roost_queue_empty(roost_queue *q, bool *ret)
{
    return roost__call_bool(OBJECT(q), METHOD_queue_empty, NO_ARGS, ret);
}

int roost_queue_full(roost_queue *q, bool *ret)
{
    return roost__call_bool(OBJECT(q), METHOD_queue_full, NO_ARGS, ret);
}

int roost_queue_task_done(roost_queue *q, uint64_t count)
{
    return roost__call(OBJECT(q), METHOD_queue_task_done, ARGS(roost_uint(count)), NULL);
}

int roost_queue_join(roost_queue *q, int timeout_ms)
{
    return roost__call(OBJECT(q), METHOD_queue_join, ARGS(roost_int(timeout_ms)), NULL);
}

int roost_queue_shutdown(roost_queue *q, bool immediate)
{
    return roost__call(OBJECT(q), METHOD_queue_shutdown, ARGS(roost_bool(immediate)), NULL);
}
