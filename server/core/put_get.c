/* put_get.c: queue.put, queue.get and their kind; see queue.h. */
#include <stdlib.h>

#include "core/queue.h"
#include "core/undo.h"

/* ---- put ---- */

/* Stores what the call wants to put: one item, or with many every element of the array. False: the call has
 * failed. */
static bool store_items(struct call *c, bool many, struct cell **ret, size_t *ret_n)
{
    size_t n = many ? scan_value(c->arg[0]).len : 1;
    struct cell *cells =
        many ? calloc(n + 1, sizeof(*cells)) : spares_take(&c->core->item_spares); /* plain free() will do */
    int rc = ROOST_ENOMEM;
    if (cells != NULL)
        rc = many ? cells_store(c->core, c->object, c->arg[0], cells)
                  : cell_store(c->core, c->object, c->arg[0], cells);
    if (rc != ROOST_OK) {
        free(cells);
        fail_store(c, rc);
        return false;
    }
    *ret = cells;
    *ret_n = n;
    return true;
}

static void free_items(struct core *core, struct cell *cells, size_t n)
{
    for (size_t i = 0; i < n; i++)
        cell_free(core, &cells[i]);
    free(cells);
}

/* The queue can take n items now or later; else the call has failed. */
static bool may_put(struct call *c, const struct queue *q, size_t n)
{
    if (q->shut)
        fail(c, ROOST_ESHUTDOWN, "the queue was shut down");
    else if (q->maxsize > 0 && n > (size_t)q->maxsize)
        fail(c, ROOST_EINVAL, "%zu items never fit: maxsize is %lld", n, (long long)q->maxsize);
    else
        return true;
    return false;
}

static void put_now(struct call *c, struct queue *q, struct cell *cells, size_t n)
{
    if (!queue_push_all(c->core, q, cells, n)) {
        free_items(c->core, cells, n);
        fail_memory(c);
        return;
    }
    if (n == 1)
        spares_give(&c->core->item_spares, cells);
    else
        free(cells);
    reply_nil(c);
    undo_wake(c->core, c->object, queue_serve);
}

static void put_later(struct call *c, struct queue *q, struct cell *cells, size_t n, int64_t timeout_ms)
{
    struct waiter *w = park_ms(c, &q->object, LINE_PUT, timeout_ms);
    if (w == NULL) {
        free_items(c->core, cells, n);
        return;
    }
    w->cells = cells;
    w->count = n;
}

static void put(struct call *c, bool many, int64_t timeout_ms)
{
    struct queue *q = queue_of(c->object);
    if (c->core->undo != NULL)
        timeout_ms = 0;
    struct cell *cells;
    size_t n = many ? scan_value(c->arg[0]).len : 1;
    if (!may_put(c, q, n))
        return;
    bool now = queue_fits(q, n) && line_first(c->object, LINE_PUT) == NULL;
    if (!now && timeout_ms == 0) {
        fail(c, ROOST_EFULL, "full: %zu of %lld", queue_len(q), (long long)q->maxsize);
        return;
    }
    if (!store_items(c, many, &cells, &n))
        return;
    if (now)
        put_now(c, q, cells, n);
    else
        put_later(c, q, cells, n, timeout_ms);
}

void on_queue_put(struct call *c)
{
    put(c, false, arg_int(c, 1, -1));
}

void on_queue_put_nowait(struct call *c)
{
    put(c, false, 0);
}

void on_queue_put_many(struct call *c)
{
    put(c, true, arg_int(c, 1, -1));
}

/* ---- get ---- */

/* Inside of a transaction the items are the caller's for good: one that came back to the queue while what the
 * transaction did with it stays would be there twice. */
static void get_for_good(struct call *c, struct queue *q, size_t max, bool many)
{
    struct buf items = buf_make(FRAME_MAX);
    struct cell cell;
    size_t n = 0;
    while (n < max && queue_len(q) > 0 &&
           (n == 0 || items.len + store_peek(&q->store)->len <= GET_BYTES_MAX) &&
           store_take(c->core, &q->store, &cell)) {
        cell_put(&cell, &items);
        n++;
    }
    struct buf *out = reply_begin(c->core, &c->caller);
    if (many)
        roost__put_array(out, n);
    buf_append(out, items.data, items.len);
    buf_fail_with(out, &items);
    if (n == 0) /* the log had no memory: all will be taken back */
        out->failed = out->no_memory = true;
    reply_end(c->core, &c->caller);
    c->done = true;
    roost__buf_free(&items);
    undo_wake(c->core, c->object, queue_serve);
}

static void get(struct call *c, size_t max, bool many, int64_t timeout_ms)
{
    struct queue *q = queue_of(c->object);
    if (c->core->undo != NULL)
        timeout_ms = 0;
    if (c->core->undo != NULL && queue_len(q) > 0) {
        get_for_good(c, q, max, many);
    } else if (queue_len(q) > 0) {
        if (!queue_deliver(c->core, q, &c->caller, max, many)) {
            fail_memory(c);
            return;
        }
        c->done = true;
        queue_pump(c->core, q);
    } else if (q->shut) {
        fail(c, ROOST_ESHUTDOWN, "the queue was shut down");
    } else if (timeout_ms == 0) {
        fail(c, ROOST_EEMPTY, "empty");
    } else {
        struct waiter *w = park_ms(c, c->object, LINE_GET, timeout_ms);
        if (w != NULL) {
            w->count = max;
            w->many = many;
        }
    }
}

void on_queue_get(struct call *c)
{
    get(c, 1, false, arg_int(c, 0, -1));
}

void on_queue_get_nowait(struct call *c)
{
    get(c, 1, false, 0);
}

void on_queue_get_many(struct call *c)
{
    int64_t max = arg_int(c, 0, 1);
    if (max == 0)
        fail(c, ROOST_EINVAL, "max must be at least 1");
    else
        get(c, (size_t)max, true, arg_int(c, 1, -1));
}
