/* queue.c: FIFO, LIFO and priority queues: the type and its small methods; see queue.h. */
#include "core/queue.h"

#include "core/undo.h"

static const char *const kind_names[] = {"fifo", "lifo", "priority"};

/* ---- the type ---- */

static void queue_destroy(struct core *core, struct object *o)
{
    store_free(core, &queue_of(o)->store);
}

static unsigned queue_describe(const struct object *o, struct buf *out)
{
    const struct queue *q = queue_of(o);
    roost__put_cstr(out, "len");
    roost__put_uint(out, queue_len(q));
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

/* A waiter left or gave up: who was behind it may fit now. */
static void queue_left(struct core *core, struct object *o)
{
    queue_pump(core, queue_of(o));
}

static void queue_expire(struct core *core, struct waiter *w)
{
    struct object *o = w->object;
    waiter_time_out(core, w);
    queue_pump(core, queue_of(o));
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

/* ---- the rest ---- */

void on_queue_qsize(struct call *c)
{
    reply_int(c, (int64_t)queue_len(queue_of(c->object)));
}

void on_queue_empty(struct call *c)
{
    reply_bool(c, queue_len(queue_of(c->object)) == 0);
}

void on_queue_full(struct call *c)
{
    reply_bool(c, !queue_fits(queue_of(c->object), 1));
}

static void wake_joiners(struct core *core, struct queue *q)
{
    for (struct waiter *w; q->unfinished == 0 && (w = line_first(&q->object, LINE_JOIN)) != NULL;) {
        answer_nil(core, &w->caller);
        waiter_free(core, w);
    }
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
        q->unfinished -= queue_len(q) < q->unfinished ? queue_len(q) : q->unfinished;
        while (c->core->undo != NULL && queue_len(q) > 0 && store_take(c->core, &q->store, &cell))
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
    return queue_len(queue_of(o));
}

bool queue_has_room(const struct object *o, size_t n)
{
    return !queue_of(o)->shut && queue_fits(queue_of(o), n) && line_first(o, LINE_PUT) == NULL;
}

bool queue_is_shut(const struct object *o)
{
    return queue_of(o)->shut;
}
