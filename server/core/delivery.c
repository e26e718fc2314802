/* delivery.c: items on their way out of a queue, and who waits for them; see queue.h. */
#include <assert.h>
#include <stdlib.h>

#include "core/memory.h"
#include "core/queue.h"
#include "core/save.h"
#include "core/undo.h"

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
    if (d->room == 1)
        spares_give(&core->delivery_spares, d);
    else
        free(d);
}

/* The items go back to where they came from. */
static void undeliver(struct queue *q, struct delivery *d)
{
    while (d->len > 0)
        store_put_back(&q->store, d->cells[--d->len], &d->spare);
}

static struct delivery *delivery_new(struct core *core, uint64_t queue, const struct caller *to, size_t n)
{
    struct delivery *d =
        n == 1 ? spares_take(&core->delivery_spares) : malloc(sizeof(*d) + n * sizeof(struct cell));
    if (d == NULL)
        return NULL;
    *d = (struct delivery){.number = to->number, .queue = queue, .room = n};
    list_push_back(&to->session->deliveries, &d->in_session);
    core->delivery_count++;
    return d;
}

bool queue_deliver(struct core *core, struct queue *q, const struct caller *to, size_t n, bool many)
{
    assert(queue_len(q) > 0 && n > 0);
    n = n < queue_len(q) ? n : queue_len(q);
    struct delivery *d = delivery_new(core, q->object.id, to, n);
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

static size_t bytes_of(const struct cell *cells, size_t n)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += cells[i].len;
    return bytes;
}

bool queue_push_all(struct core *core, struct queue *q, const struct cell *cells, size_t n)
{
    if (q->store.bytes + bytes_of(cells, n) > (size_t)core->limits.queue_bytes_max) {
        core->over = "queue_bytes_max";
        return false;
    }
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

static bool serve_getter(struct core *core, struct queue *q)
{
    struct waiter *w = line_first(&q->object, LINE_GET);
    if (w == NULL || queue_len(q) == 0)
        return false;
    if (queue_deliver(core, q, &w->caller, w->count, w->many)) {
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
    if (w == NULL || !queue_fits(q, w->count))
        return false;
    if (!queue_push_all(core, q, w->cells, w->count)) {
        refuse_memory(core, w);
        return true;
    }
    w->count = 0; /* the queue owns the items now */
    answer_nil(core, &w->caller);
    waiter_free(core, w);
    return true;
}

void queue_pump(struct core *core, struct queue *q)
{
    object_changed(core, &q->object);
    while (serve_getter(core, q) || serve_putter(core, q))
        ;
}

void queue_serve(struct core *core, struct object *o)
{
    queue_pump(core, queue_of(o));
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
        queue_pump(core, q);
}

/* ---- saving: items on their way ---- */

static void save_delivery(struct buf *out, const struct delivery *d)
{
    save_uint(out, d->number);
    save_uint(out, d->queue);
    save_uint(out, d->len);
    for (size_t i = 0; i < d->len; i++)
        save_cell(out, &d->cells[i]);
}

void save_deliveries(const struct core *core, struct buf *out)
{
    list_each (it, &core->sessions) {
        const struct session *s = container_of(it, struct session, in_core);
        save_uint(out, list_count(&s->deliveries));
        list_each (at, &s->deliveries)
            save_delivery(out, container_of(at, struct delivery, in_session));
    }
}

/* Each item has room to come back to its queue (NULL: it is gone) before it is there. */
static void load_items(struct loader *l, struct delivery *d, struct queue *q, size_t n)
{
    for (; n > 0 && load_good(l); n--) {
        struct cell cell;
        if (q != NULL && !store_expect(&q->store, &d->spare))
            load_no_memory(l);
        if (!load_cell(l, &l->nobody, &cell))
            return;
        if (cell.tree) { /* nor may it come back to the queue */
            load_bad(l, "an item on its way is no plain value");
            cell_free(l->core, &cell);
            return;
        }
        d->cells[d->len++] = cell;
    }
}

static void load_delivery(struct loader *l, struct session *s)
{
    struct caller to = {.session = s, .number = load_uint(l)};
    uint64_t queue = load_uint(l);
    size_t n = load_count(l);
    struct object *o = object_find(l->core, queue);
    if (o != NULL && o->type->code != ROOST_TYPE_queue)
        load_bad(l, "items are on their way from no queue");
    if (!load_good(l))
        return;
    struct delivery *d = delivery_new(l->core, queue, &to, n);
    if (d == NULL) {
        load_no_memory(l);
        return;
    }
    struct object *account = memory_account(l->core, o);
    load_items(l, d, o != NULL ? queue_of(o) : NULL, n);
    l->core->account = account;
}

void load_deliveries(struct loader *l)
{
    list_each (it, &l->core->sessions)
        for (size_t n = load_count(l); n > 0 && load_good(l); n--)
            load_delivery(l, container_of(it, struct session, in_core));
}
