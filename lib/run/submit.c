/* submit.c: giving work to a pool: apply, map and their kin; see roost/pool.h. */
#include <stdlib.h>

#include "base/error.h"
#include "run/cells.h"
#include "run/pool.h"

/* One task's arguments are encoded here before they move into their future: one buffer for each thread. */
static _Thread_local uint8_t scratch[512];

/* Submits a new future and gives it to the caller, who may not want it. */
static int hand_over(roost_pool *p, roost_future *f, const roost_callbacks *callbacks, roost_future **ret)
{
    int rc = callbacks != NULL ? roost__callback_add(f, callbacks) : ROOST_OK;
    if (rc != ROOST_OK)
        roost__future_drop(f); /* for the pool, which never gets it */
    else
        rc = roost__pool_submit(p, f, false);
    if (rc == ROOST_OK && ret != NULL)
        *ret = f;
    else
        roost__future_drop(f);
    return rc;
}

static int new_one(roost_pool *p, roost_task task, roost_value args, roost_future **ret)
{
    struct buf b = {.data = scratch, .cap = sizeof(scratch), .max = ROOST_PAYLOAD_MAX};
    bool small = args.kind == ROOST_ARRAY && (args.len + 1) * sizeof(roost_value) <= sizeof(scratch);
    for (uint32_t i = 0; small && i < args.len; i++)
        small = is_scalar(&args.as.items[i]);
    if (!small)
        b = buf_make(ROOST_PAYLOAD_MAX);
    int rc = roost__cell_put_args(&b, args);
    if (rc == ROOST_OK) {
        *ret = roost__future_one(p, task, true, buf_slice(&b));
        if (*ret == NULL)
            rc = roost__fail(ROOST_ENOMEM, "no memory for a task");
    }
    if (!small)
        roost__buf_free(&b);
    return rc;
}

int roost_pool_apply_async(roost_pool *p, roost_task task, roost_value args, const roost_callbacks *callbacks,
                           roost_future **ret)
{
    roost_future *f;
    int rc = roost__pool_ready(p);
    if (rc == ROOST_OK)
        rc = new_one(p, task, args, &f);
    return rc == ROOST_OK ? hand_over(p, f, callbacks, ret) : rc;
}

/* Waits for a future made for this call only. */
static int finish(roost_future *f, int timeout_ms, roost_value *ret)
{
    int rc = roost_future_wait(f, timeout_ms);
    if (rc == ROOST_OK)
        rc = roost__future_take(f, ret);
    else
        roost_future_cancel(f);
    roost_future_free(f);
    return rc;
}

int roost_pool_apply(roost_pool *p, roost_task task, roost_value args, roost_value *ret, int timeout_ms)
{
    roost_future *f;
    int rc = roost_pool_apply_async(p, task, args, NULL, &f);
    return rc == ROOST_OK ? finish(f, timeout_ms, ret) : rc;
}

/* ---- maps ---- */

static int encode_items(struct buf *b, roost_value items, bool star)
{
    int rc = ROOST_OK;
    uint32_t i = 0;
    if (roost__buf_reserve(b, items.len * sizeof(roost_value)) && !star) {
        roost_value *to = (roost_value *)(void *)b->data; /* as cells.h says: a scalar is its own cell */
        for (; i < items.len && is_scalar(&items.as.items[i]); i++) {
            to[i] = items.as.items[i];
            to[i].block = NULL;
        }
        b->len = i * sizeof(roost_value);
    }
    for (; i < items.len && rc == ROOST_OK; i++)
        rc = star ? roost__cell_put_args(b, items.as.items[i]) : roost__cell_put(b, items.as.items[i]);
    return rc;
}

/* As CPython's Pool._map_async: about four chunks for each worker. */
static uint32_t chunk_size(const roost_pool *p, uint32_t n)
{
    uint32_t parts = 4 * (uint32_t)p->options.size;
    uint32_t size = n / parts + (n % parts != 0);
    return size > 0 ? size : 1;
}

static int new_many(roost_pool *p, roost_task task, roost_value items, bool star, uint32_t chunk,
                    roost_future **ret)
{
    struct buf b = buf_make(SIZE_MAX / 2);
    if (items.kind != ROOST_ARRAY)
        return roost__fail(ROOST_EINVAL, "map: the items are %s, not an array", roost_kind_name(items.kind));
    int rc = encode_items(&b, items, star);
    if (rc == ROOST_OK) {
        *ret = roost__future_many(p, task, star, items.len, chunk > 0 ? chunk : chunk_size(p, items.len), &b);
        if (*ret == NULL)
            rc = roost__fail(ROOST_ENOMEM, "no memory for a map of %u items", items.len);
    }
    roost__buf_free(&b);
    return rc;
}

/* A map of nothing is done at once: a chunk without items ends it. */
static void add_empty_chunk(roost_future *f)
{
    f->chunk_count = 1;
    f->chunks[0].future = f;
    list_init(&f->chunks[0].link);
}

static int map_async(roost_pool *p, roost_task task, roost_value items, bool star, uint32_t chunk,
                     const roost_callbacks *callbacks, roost_future **ret)
{
    roost_future *f;
    int rc = roost__pool_ready(p);
    if (rc == ROOST_OK)
        rc = new_many(p, task, items, star, chunk, &f);
    if (rc == ROOST_OK && f->n == 0)
        add_empty_chunk(f);
    if (rc != ROOST_OK)
        return rc;
    roost__future_hold(f);
    rc = hand_over(p, f, callbacks, ret);
    if (rc == ROOST_OK && p->options.progress != NULL)
        roost__notifier_show(&p->notifier, f, p->options.progress); /* no display must not mean no work */
    roost__future_drop(f);
    return rc;
}

int roost_pool_map_async(roost_pool *p, roost_task task, roost_value items, uint32_t chunk,
                         const roost_callbacks *callbacks, roost_future **ret)
{
    return map_async(p, task, items, false, chunk, callbacks, ret);
}

int roost_pool_starmap_async(roost_pool *p, roost_task task, roost_value items, uint32_t chunk,
                             const roost_callbacks *callbacks, roost_future **ret)
{
    return map_async(p, task, items, true, chunk, callbacks, ret);
}

static int map(roost_pool *p, roost_task task, roost_value items, bool star, uint32_t chunk, int timeout_ms,
               roost_value *ret)
{
    roost_future *f;
    int rc = map_async(p, task, items, star, chunk, NULL, &f);
    return rc == ROOST_OK ? finish(f, timeout_ms, ret) : rc;
}

int roost_pool_map(roost_pool *p, roost_task task, roost_value items, uint32_t chunk, roost_value *ret,
                   int timeout_ms)
{
    return map(p, task, items, false, chunk, timeout_ms, ret);
}

int roost_pool_starmap(roost_pool *p, roost_task task, roost_value items, uint32_t chunk, roost_value *ret,
                       int timeout_ms)
{
    return map(p, task, items, true, chunk, timeout_ms, ret);
}
