/*
 * iter.c: imap: a stream of inputs through a pool; see roost/pool.h.
 *
 * The caller's own thread takes inputs and submits them, chunk by chunk, so nothing runs ahead of the window.
 * Invariant: taken - delivered <= window; `line` holds the chunks under way in the order of their inputs. An
 * iterator is in its pool's list while it has input left: a closed pool stays up for it.
 */
#include "run/iter.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/futex.h"
#include "run/cells.h"
#include "run/pool.h"
#include "run/wait.h"

enum { WINDOW_PER_WORKER = 256 };

/* A chunk under way. */
struct unit {
    struct list link; /* in `line` or `spare` */
    struct watch watch;
    roost_future *future;
    uint32_t delivered; /* items of it */
};

struct roost_iter {
    struct list link; /* in the pool's list */
    roost_pool *pool;
    _Atomic pthread_t thread; /* who used it last */
    roost_task task;
    roost_source source;
    void *arg;
    uint32_t chunk;
    uint32_t window;
    bool unordered;
    bool star;
    bool exhausted; /* no more input */
    int end_code;   /* why, when not because of its end; 0 after it was told */
    char end_message[256];
    int64_t deadline;
    uint64_t taken;
    uint64_t delivered;
    struct list line;
    struct list spare;
    struct unit *current; /* being delivered; not in line */
    struct watcher watcher;
    struct buf args;
    roost_progress *progress;
    roost_value items; /* the source of roost_pool_imap_array() */
    uint32_t next_item;
};

/* ---- input ---- */

static void end_input(roost_iter *it, int code)
{
    it->exhausted = true;
    if (code != ROOST_EEMPTY && code != ROOST_OK) {
        it->end_code = code;
        snprintf(it->end_message, sizeof(it->end_message), "%s",
                 roost_errcode() == code ? roost_errmsg() : "input failed");
    }
    pthread_mutex_lock(&it->pool->lock);
    list_remove(&it->link);
    pthread_mutex_unlock(&it->pool->lock);
    it->pool->backend->wake(it->pool);
}

/* Takes up to a chunk of inputs and encodes them; how many. */
static uint32_t take_inputs(roost_iter *it)
{
    uint32_t n = 0;
    int rc = ROOST_OK;
    buf_reset(&it->args);
    while (n < it->chunk && rc == ROOST_OK) {
        roost_value v = roost_nil();
        size_t before = it->args.len;
        rc = it->source(it->arg, &v);
        if (rc == ROOST_OK)
            rc = it->star ? roost__cell_put_args(&it->args, v) : roost__cell_put(&it->args, v);
        if (rc == ROOST_OK)
            n++;
        else
            it->args.len = before;
    }
    if (rc != ROOST_OK)
        end_input(it, rc);
    return n;
}

static roost_future *make_future(roost_iter *it, uint32_t n)
{
    if (n == 1)
        return roost__future_one(it->pool, it->task, it->star, buf_slice(&it->args));
    return roost__future_many(it->pool, it->task, it->star, n, n, &it->args);
}

static struct unit *spare_unit(roost_iter *it)
{
    struct list *first = list_first(&it->spare);
    if (first == NULL)
        return calloc(1, sizeof(struct unit));
    list_remove(first);
    return container_of(first, struct unit, link);
}

static int submit_chunk(roost_iter *it, uint32_t n)
{
    struct unit *u = spare_unit(it);
    roost_future *f = u != NULL ? make_future(it, n) : NULL;
    if (f == NULL) {
        free(u);
        return roost__fail(ROOST_ENOMEM, "imap: no memory for %u items", n);
    }
    int rc = roost__pool_submit(it->pool, f, true);
    if (rc != ROOST_OK) {
        roost__future_drop(f);
        free(u);
        return rc;
    }
    *u = (struct unit){.future = f};
    list_push_back(&it->line, &u->link);
    if (it->unordered)
        roost__watch_add(&it->watcher, &u->watch, f);
    it->taken += n;
    return ROOST_OK;
}

/* Fills the window, once half of it is free: so a wake-up of the workers serves many inputs. */
static void refill(roost_iter *it)
{
    uint64_t under_way = it->taken - it->delivered;
    if (it->exhausted || under_way > it->window / 2)
        return;
    while (!it->exhausted && it->taken - it->delivered + it->chunk <= it->window) {
        uint32_t n = take_inputs(it);
        int rc = n > 0 ? submit_chunk(it, n) : ROOST_OK;
        if (rc != ROOST_OK && !it->exhausted)
            end_input(it, rc);
    }
}

/* ---- output ---- */

/* The next unit that is done, or NULL: none in time. */
static struct unit *next_unit(roost_iter *it, int64_t deadline)
{
    if (it->unordered) {
        struct watch *w = roost__watcher_next(&it->watcher, deadline);
        return w != NULL ? container_of(w, struct unit, watch) : NULL;
    }
    struct unit *first = container_of(list_first(&it->line), struct unit, link);
    return roost_future_wait(first->future, deadline_left_ms(deadline)) == ROOST_OK ? first : NULL;
}

static void release(roost_iter *it, struct unit *u)
{
    roost__future_drop(u->future);
    u->future = NULL;
    list_push_back(&it->spare, &u->link);
}

/* Moves the current unit's next item out. */
static int deliver(roost_iter *it, roost_value *ret)
{
    struct unit *u = it->current;
    uint32_t i = u->delivered++;
    roost_value v = roost_nil();
    int rc = roost_future_item(u->future, i, &v);
    if (rc == ROOST_OK) {
        *ret = u->future->values[i];
        u->future->values[i].block = NULL; /* it went with the value */
    }
    it->delivered++;
    roost_progress_update(it->progress, 1);
    if (u->delivered == roost_future_len(u->future)) {
        release(it, u);
        it->current = NULL;
    }
    return rc;
}

static int tell_end(roost_iter *it)
{
    int code = it->end_code;
    it->end_code = 0;
    roost_progress_close(it->progress);
    it->progress = NULL;
    return code != 0 ? roost__fail(code, "imap: %s", it->end_message)
                     : roost__fail(ROOST_EEMPTY, "imap: no more results");
}

int roost_iter_next(roost_iter *it, roost_value *ret, int timeout_ms)
{
    it->thread = pthread_self();
    if (it->current != NULL)
        return deliver(it, ret);
    int64_t deadline = deadline_after(timeout_ms);
    if (deadline > it->deadline)
        deadline = it->deadline;
    refill(it);
    if (list_empty(&it->line))
        return tell_end(it);
    struct unit *u = next_unit(it, deadline);
    if (u == NULL)
        return roost__fail(ROOST_ETIMEDOUT, "imap: the next result is not there in time");
    list_remove(&u->link);
    it->current = u;
    return deliver(it, ret);
}

/* ---- making and freeing ---- */

static roost_iter *new_iter(roost_pool *p, roost_task task, const roost_imap_options *o)
{
    roost_iter *it = calloc(1, sizeof(*it));
    if (it == NULL)
        return NULL;
    it->pool = p;
    it->task = task;
    it->thread = pthread_self();
    it->chunk = o->chunk > 0 ? o->chunk : 1;
    it->window = o->window > 0 ? o->window : WINDOW_PER_WORKER * (uint32_t)p->options.size;
    if (it->window < it->chunk)
        it->window = it->chunk;
    it->unordered = o->unordered;
    it->star = o->star;
    it->deadline = FOREVER;
    it->args = buf_make(SIZE_MAX / 2);
    list_init(&it->line);
    list_init(&it->spare);
    roost__watcher_init(&it->watcher);
    if (p->options.progress != NULL) /* without memory for the display: none */
        roost_progress_new(&(roost_progress_options){.out = p->options.progress, .total = (uint64_t)o->total},
                           &it->progress);
    return it;
}

static int imap(roost_pool *p, roost_task task, roost_source source, void *arg, roost_value items,
                const roost_imap_options *options, roost_iter **ret)
{
    static const roost_imap_options defaults;
    int rc = roost__pool_ready(p);
    if (rc != ROOST_OK)
        return rc;
    roost_iter *it = new_iter(p, task, options != NULL ? options : &defaults);
    if (it == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for an iterator");
    it->source = source;
    it->arg = arg != NULL || items.kind != ROOST_ARRAY ? arg : it;
    it->items = items;
    pthread_mutex_lock(&p->lock);
    list_push_back(&p->iterators, &it->link);
    pthread_mutex_unlock(&p->lock);
    refill(it);
    *ret = it;
    return ROOST_OK;
}

int roost_pool_imap(roost_pool *p, roost_task task, roost_source source, void *arg,
                    const roost_imap_options *options, roost_iter **ret)
{
    return imap(p, task, source, arg, roost_nil(), options, ret);
}

/* The source of roost_pool_imap_array(): its argument is the iterator itself. */
static int next_of_array(void *arg, roost_value *ret)
{
    roost_iter *it = arg;
    if (it->next_item == it->items.len)
        return ROOST_EEMPTY;
    *ret = it->items.as.items[it->next_item++];
    return ROOST_OK;
}

int roost_pool_imap_array(roost_pool *p, roost_task task, roost_value items,
                          const roost_imap_options *options, roost_iter **ret)
{
    roost_imap_options o = options != NULL ? *options : (roost_imap_options){0};
    if (items.kind != ROOST_ARRAY)
        return roost__fail(ROOST_EINVAL, "imap: the items are %s, not an array", roost_kind_name(items.kind));
    if (o.total == 0)
        o.total = (int)items.len;
    return imap(p, task, next_of_array, NULL, items, &o, ret);
}

void roost__iter_set_deadline(roost_iter *it, int64_t deadline)
{
    it->deadline = deadline;
}

bool roost__iter_blocks_join(roost_pool *p)
{
    bool mine = false;
    pthread_mutex_lock(&p->lock);
    list_each (link, &p->iterators) {
        roost_iter *it = container_of(link, roost_iter, link);
        mine = mine || pthread_equal(it->thread, pthread_self());
    }
    mine = mine && !p->terminated;
    pthread_mutex_unlock(&p->lock);
    return mine;
}

static void free_unit(struct unit *u)
{
    if (u->future != NULL) {
        roost__watch_end(&u->watch);
        roost_future_cancel(u->future);
        roost__future_drop(u->future);
    }
    free(u);
}

static void free_units(struct list *units)
{
    list_each_safe (link, units)
        free_unit(container_of(link, struct unit, link));
}

void roost_iter_free(roost_iter *it)
{
    if (it == NULL)
        return;
    if (!it->exhausted)
        end_input(it, ROOST_OK);
    if (it->current != NULL)
        free_unit(it->current);
    free_units(&it->line);
    free_units(&it->spare);
    roost_progress_close(it->progress);
    roost__watcher_free(&it->watcher);
    roost__buf_free(&it->args);
    free(it);
}
