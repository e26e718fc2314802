/*
 * queue.c: FIFO, LIFO and priority queues.
 *
 * Invariants: while items are inside nobody waits to get; while there is room the first who waits to put does
 * not fit; unfinished counts every item put and not yet told done, those on their way included. pump()
 * restores them after every change. An item delivered and not acknowledged keeps its room (store.h), so that
 * its return needs no memory.
 */
#include <assert.h>
#include <stdlib.h>

#include "core/handlers.h"
#include "core/memory.h"
#include "core/store.h"
#include "core/undo.h"

enum { LINE_GET, LINE_PUT, LINE_JOIN };

static const char *const kind_names[] = {"fifo", "lifo", "priority"};

/* Bytes that one get_many() answers at most, so that its frame is never too long. */
enum { GET_BYTES_MAX = FRAME_MAX - 64 };

struct queue {
    struct object object;
    struct store store;
    int64_t maxsize; /* <= 0: none */
    uint64_t unfinished;
    bool shut;
};

static struct queue *queue_of(const struct object *o)
{
    return (struct queue *)(uintptr_t)o;
}

static size_t size(const struct queue *q)
{
    return store_size(&q->store);
}

/* ---- the type ---- */

static void queue_destroy(struct core *core, struct object *o)
{
    store_free(core, &queue_of(o)->store);
}

static unsigned queue_describe(const struct object *o, struct buf *out)
{
    const struct queue *q = queue_of(o);
    roost__put_cstr(out, "len");
    roost__put_uint(out, size(q));
    roost__put_cstr(out, "maxsize");
    roost__put_int(out, q->maxsize);
    roost__put_cstr(out, "kind");
    roost__put_cstr(out, kind_names[q->store.kind]);
    roost__put_cstr(out, "unfinished");
    roost__put_uint(out, q->unfinished);
    roost__put_cstr(out, "shutdown");
    roost__put_bool(out, q->shut);
    return 5;
}

static void queue_each_stored(const struct object *o, void (*visit)(void *context, uint64_t id),
                              void *context)
{
    store_each_stored(&queue_of(o)->store, visit, context);
    list_each (it, &o->lines[LINE_PUT].places) {
        const struct waiter *w = place_of(it)->waiter;
        for (size_t i = 0; i < w->count; i++)
            each_ref(cell_slice(&w->cells[i]), visit, context);
    }
}

static void pump(struct core *core, struct queue *q);

/* A waiter left or gave up: who was behind it may fit now. */
static void queue_left(struct core *core, struct object *o)
{
    pump(core, queue_of(o));
}

static void queue_expire(struct core *core, struct waiter *w)
{
    struct object *o = w->object;
    waiter_time_out(core, w);
    pump(core, queue_of(o));
}

const struct type type_queue = {.code = ROOST_TYPE_queue,
                                .size = sizeof(struct queue),
                                .destroy = queue_destroy,
                                .expire = queue_expire,
                                .left = queue_left,
                                .describe = queue_describe,
                                .each_stored = queue_each_stored};

static int kind_of(struct slice name)
{
    for (int k = STORE_FIFO; k <= STORE_PRIORITY; k++)
        if (slice_equal(name, slice_str(kind_names[k])))
            return k;
    return -1;
}

/* The parameters given agree with those of a queue that exists. */
static bool agrees(struct call *c, const struct queue *q, int kind)
{
    int64_t maxsize = arg_int(c, 1, q->maxsize);
    if (q->store.kind == (enum store_kind)kind &&
        (maxsize == q->maxsize || (maxsize <= 0 && q->maxsize <= 0)))
        return true;
    fail(c, ROOST_EEXIST, "it exists as a %s queue with maxsize %lld", kind_names[q->store.kind],
         (long long)q->maxsize);
    return false;
}

void on_queue_open(struct call *c)
{
    int kind = arg_given(c, 2) ? kind_of(arg_bytes(c, 2)) : STORE_FIFO;
    if (kind < 0) {
        fail(c, ROOST_EINVAL, "the kind of a queue is fifo, lifo or priority");
        return;
    }
    bool found;
    struct object *o = object_open(c, &type_queue, &found);
    if (o == NULL)
        return;
    struct queue *q = queue_of(o);
    if (!found) {
        store_init(&q->store, (enum store_kind)kind);
        q->maxsize = arg_int(c, 1, 0);
    } else if (!agrees(c, q, arg_given(c, 2) ? kind : (int)q->store.kind)) {
        return;
    }
    reply_ref(c, o);
}

/* ---- delivering ---- */

void delivery_free(struct core *core, struct delivery *d)
{
    struct object *o = object_find(core, d->queue);
    struct object *account = memory_account(core, o);
    list_remove(&d->in_session);
    for (size_t i = 0; i < d->len; i++)
        cell_free(core, &d->cells[i]);
    core->account = account;
    store_let_go(o != NULL ? &queue_of(o)->store : NULL, d->len, d->spare);
    core->delivery_count--;
    free(d);
}

/* The items go back to where they came from. */
static void undeliver(struct queue *q, struct delivery *d)
{
    while (d->len > 0)
        store_put_back(&q->store, d->cells[--d->len], &d->spare);
}

static struct delivery *delivery_new(struct core *core, struct queue *q, const struct caller *to, size_t n)
{
    struct delivery *d = malloc(sizeof(*d) + n * sizeof(struct cell));
    if (d == NULL)
        return NULL;
    *d = (struct delivery){.number = to->number, .queue = q->object.id};
    list_push_back(&to->session->deliveries, &d->in_session);
    core->delivery_count++;
    return d;
}

/* Takes up to n items out and sends them; they stay the session's until it acknowledges. When they cannot be
 * sent, which is answered, they stay in the queue. False: no memory, nothing was done. */
static bool deliver(struct core *core, struct queue *q, const struct caller *to, size_t n, bool many)
{
    assert(size(q) > 0 && n > 0);
    n = n < size(q) ? n : size(q);
    struct delivery *d = delivery_new(core, q, to, n);
    if (d == NULL)
        return false;
    size_t bytes = 0;
    while (d->len < n && (d->len == 0 || bytes + store_peek(&q->store)->len <= GET_BYTES_MAX)) {
        d->cells[d->len] = store_take_out(&q->store, &d->spare);
        bytes += d->cells[d->len++].len;
    }
    store_trim(&q->store);
    struct buf *out = reply_begin(core, to);
    if (many)
        roost__put_array(out, d->len);
    for (size_t i = 0; i < d->len; i++)
        put_cell(core, to, out, &d->cells[i]);
    if (reply_end(core, to))
        return true;
    undeliver(q, d);
    delivery_free(core, d);
    return true;
}

static bool fits(const struct queue *q, size_t n)
{
    return q->maxsize <= 0 || size(q) + n <= (size_t)q->maxsize;
}

/* Moves n stored items in. False without memory, and none is in. */
static bool push_all(struct core *core, struct queue *q, const struct cell *cells, size_t n)
{
    if (!undo_bytes(core, &q->unfinished, sizeof(q->unfinished)) ||
        !store_push_all(core, &q->store, cells, n))
        return false;
    q->unfinished += n;
    return true;
}

static void refuse_memory(struct core *core, struct waiter *w)
{
    core->errors_by_row[w->method - roost__methods]++;
    answer_memory(core, &w->caller);
    waiter_free(core, w);
}

/* Do n bytes more keep to the limit of a queue? */
static bool bytes_fit(struct core *core, const struct queue *q, size_t n)
{
    if (q->store.bytes + n <= (size_t)core->limits.queue_bytes_max)
        return true;
    core->over = "queue_bytes_max";
    return false;
}

static size_t bytes_of(const struct cell *cells, size_t n)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += cells[i].len;
    return bytes;
}

static bool serve_getter(struct core *core, struct queue *q)
{
    struct waiter *w = line_first(&q->object, LINE_GET);
    if (w == NULL || size(q) == 0)
        return false;
    if (deliver(core, q, &w->caller, w->count, w->many)) {
        w->count = 0;
        waiter_free(core, w);
    } else {
        refuse_memory(core, w);
    }
    return true;
}

static bool serve_putter(struct core *core, struct queue *q)
{
    struct waiter *w = line_first(&q->object, LINE_PUT);
    if (w == NULL || !fits(q, w->count))
        return false;
    if (!bytes_fit(core, q, bytes_of(w->cells, w->count)) || !push_all(core, q, w->cells, w->count)) {
        refuse_memory(core, w);
        return true;
    }
    w->count = 0; /* the queue owns the items now */
    answer_nil(core, &w->caller);
    waiter_free(core, w);
    return true;
}

static void pump(struct core *core, struct queue *q)
{
    object_changed(core, &q->object);
    while (serve_getter(core, q) || serve_putter(core, q))
        ;
}

static void serve_line(struct core *core, struct object *o)
{
    pump(core, queue_of(o));
}

static void wake_joiners(struct core *core, struct queue *q)
{
    for (struct waiter *w; q->unfinished == 0 && (w = line_first(&q->object, LINE_JOIN)) != NULL;) {
        answer_nil(core, &w->caller);
        waiter_free(core, w);
    }
}

void queue_return(struct core *core, struct delivery *d)
{
    struct object *o = object_find(core, d->queue);
    struct queue *q = o != NULL ? queue_of(o) : NULL;
    list_remove(&d->in_session); /* pump may look at the session's deliveries */
    if (q != NULL)
        undeliver(q, d);
    delivery_free(core, d);
    if (q != NULL)
        pump(core, q);
}

/* ---- put ---- */

/* Stores what the call wants to put: one item, or with many every element of the array. False: the call has
 * failed. */
static bool store_items(struct call *c, bool many, struct cell **ret, size_t *ret_n)
{
    size_t n = many ? scan_value(c->arg[0]).len : 1;
    struct cell *cells = calloc(n + 1, sizeof(*cells));
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
    if (!bytes_fit(c->core, q, bytes_of(cells, n)) || !push_all(c->core, q, cells, n)) {
        free_items(c->core, cells, n);
        fail_memory(c);
        return;
    }
    free(cells);
    reply_nil(c);
    undo_wake(c->core, c->object, serve_line);
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
    bool now = fits(q, n) && line_first(c->object, LINE_PUT) == NULL;
    if (!now && timeout_ms == 0) {
        fail(c, ROOST_EFULL, "full: %zu of %lld", size(q), (long long)q->maxsize);
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
    while (n < max && size(q) > 0 && (n == 0 || items.len + store_peek(&q->store)->len <= GET_BYTES_MAX) &&
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
    undo_wake(c->core, c->object, serve_line);
}

static void get(struct call *c, size_t max, bool many, int64_t timeout_ms)
{
    struct queue *q = queue_of(c->object);
    if (c->core->undo != NULL)
        timeout_ms = 0;
    if (c->core->undo != NULL && size(q) > 0) {
        get_for_good(c, q, max, many);
    } else if (size(q) > 0) {
        if (!deliver(c->core, q, &c->caller, max, many)) {
            fail_memory(c);
            return;
        }
        c->done = true;
        pump(c->core, q);
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

/* ---- the rest ---- */

void on_queue_qsize(struct call *c)
{
    reply_int(c, (int64_t)size(queue_of(c->object)));
}

void on_queue_empty(struct call *c)
{
    reply_bool(c, size(queue_of(c->object)) == 0);
}

void on_queue_full(struct call *c)
{
    reply_bool(c, !fits(queue_of(c->object), 1));
}

static void serve_joiners(struct core *core, struct object *o)
{
    wake_joiners(core, queue_of(o));
}

void on_queue_task_done(struct call *c)
{
    struct queue *q = queue_of(c->object);
    uint64_t n = (uint64_t)arg_int(c, 0, 1);
    if (n > q->unfinished) {
        fail(c, ROOST_EOVERRELEASE, "task_done() called too many times");
        return;
    }
    if (!undo_bytes(c->core, &q->unfinished, sizeof(q->unfinished))) {
        fail_memory(c);
        return;
    }
    q->unfinished -= n;
    reply_nil(c);
    undo_wake(c->core, c->object, serve_joiners);
}

void on_queue_join(struct call *c)
{
    if (queue_of(c->object)->unfinished == 0)
        reply_nil(c);
    else if (arg_int(c, 0, -1) == 0)
        fail(c, ROOST_ETIMEDOUT, "%llu items are not done",
             (unsigned long long)queue_of(c->object)->unfinished);
    else
        park(c, c->object, LINE_JOIN, 0);
}

static void wake_as_shut(struct core *core, struct queue *q, unsigned line)
{
    for (struct waiter *w; (w = line_first(&q->object, line)) != NULL;) {
        answer_error(core, &w->caller, ROOST_ESHUTDOWN, "the queue was shut down");
        waiter_free(core, w);
    }
}

static void say_shut(struct core *core, struct object *o)
{
    wake_as_shut(core, queue_of(o), LINE_PUT);
    wake_as_shut(core, queue_of(o), LINE_GET);
    wake_joiners(core, queue_of(o));
}

void on_queue_shutdown(struct call *c)
{
    struct queue *q = queue_of(c->object);
    struct cell cell;
    if (!undo_bytes(c->core, &q->shut, sizeof(q->shut)) ||
        !undo_bytes(c->core, &q->unfinished, sizeof(q->unfinished))) {
        fail_memory(c);
        return;
    }
    q->shut = true;
    if (arg_bool(c, 0, false)) {
        q->unfinished -= size(q) < q->unfinished ? size(q) : q->unfinished;
        while (c->core->undo != NULL && size(q) > 0 && store_take(c->core, &q->store, &cell))
            ;
        if (c->core->undo == NULL)
            store_drain(c->core, &q->store);
    }
    reply_nil(c);
    undo_wake(c->core, c->object, say_shut);
}

/* ---- questions of transactions ---- */

size_t queue_size(const struct object *o)
{
    return size(queue_of(o));
}

bool queue_has_room(const struct object *o, size_t n)
{
    return !queue_of(o)->shut && fits(queue_of(o), n) && line_first(o, LINE_PUT) == NULL;
}

bool queue_is_shut(const struct object *o)
{
    return queue_of(o)->shut;
}
