/* model_queue.c: fifo, lifo and priority queues, deliveries; see model.h. */
#include "tests/sim/model.h"

bool queue_fits(const struct mobject *q, size_t n)
{
    return q->max <= 0 || q->items.len + n <= (size_t)q->max;
}

/* Where the next get finds its item. */
static size_t next_of(const struct mobject *q)
{
    size_t best = q->kind == 'l' ? q->items.len - 1 : 0;
    for (size_t i = 1; i < q->items.len && q->kind == 'p'; i++) {
        const struct mitem *a = &q->items.at[i], *b = &q->items.at[best];
        int c = order_of(vslice(&a->value), vslice(&b->value), NULL);
        if (c < 0 || (c == 0 && (int64_t)a->order < (int64_t)b->order))
            best = i;
    }
    return best;
}

static struct mvalue take(struct mobject *q)
{
    size_t i = next_of(q);
    struct mvalue v = q->items.at[i].value;
    REMOVE_AT(q->items.at, q->items.len, i);
    return v;
}

static void add(struct mobject *q, const struct mvalue *v)
{
    item_add(&q->items, slice_of(NULL, 0), vslice(v))->order = (uint64_t)++q->last_order;
    q->unfinished++;
}

/* An item comes back to where the next get finds it. */
static void add_at_head(struct mobject *q, const struct mvalue *v)
{
    struct mitem it = {.value = *v, .order = (uint64_t)--q->first_order, .expires_us = NEVER};
    size_t at = q->kind == 'l' ? q->items.len : 0;
    assert(q->items.len < M_ITEMS);
    memmove(&q->items.at[at + 1], &q->items.at[at], (q->items.len++ - at) * sizeof(it));
    q->items.at[at] = it;
}

/* ---- serving ---- */

static void put_items(struct model *m, const struct mcall *c, struct mobject *q, uint64_t max, bool many,
                      struct mdelivery *ret)
{
    size_t n = max < q->items.len ? (size_t)max : q->items.len;
    struct buf *out = say_begin(m, c);
    if (many)
        roost__put_array(out, n);
    assert(n <= M_GET);
    while (ret->len < n) {
        struct mvalue v = take(q);
        buf_append(out, v.bytes, v.len);
        ret->items[ret->len++] = v;
    }
    say_end(m, c, true);
}

static void deliver(struct model *m, const struct mcall *c, uint64_t queue, uint64_t max, bool many)
{
    assert(m->delivery_count < M_DELIVERIES);
    struct mdelivery *d = &m->deliveries[m->delivery_count++];
    d->session = c->session;
    d->number = c->number;
    d->queue = queue;
    d->len = 0;
    put_items(m, c, model_object(m, queue), max, many, d);
}

static size_t first_in(const struct model *m, uint64_t queue, char line)
{
    size_t i = 0;
    while (i < m->waiter_count && (m->waiters[i].object != queue || m->waiters[i].line != line))
        i++;
    return i;
}

void model_pump(struct model *m, uint64_t queue)
{
    struct mobject *q = model_object(m, queue);
    for (;;) {
        size_t g = first_in(m, queue, 'g'), p = first_in(m, queue, 'p');
        if (g < m->waiter_count && q->items.len > 0) {
            struct mwaiter w = m->waiters[g];
            struct mcall c = mcall_of_waiter(&w);
            waiter_drop(m, g);
            deliver(m, &c, queue, w.count, w.many);
        } else if (p < m->waiter_count && queue_fits(q, m->waiters[p].put_count)) {
            struct mwaiter w = m->waiters[p];
            struct mcall c = mcall_of_waiter(&w);
            waiter_drop(m, p);
            for (unsigned i = 0; i < w.put_count; i++)
                add(q, &w.put[i]);
            say_nil(m, &c);
        } else {
            return;
        }
    }
}

void model_queue_woken(struct model *m, uint64_t queue, char what)
{
    const struct mobject *q = model_object(m, queue);
    if (what == 'q')
        model_pump(m, queue);
    if (what == 's') {
        send_away(m, queue, 'p', ROOST_ESHUTDOWN);
        send_away(m, queue, 'g', ROOST_ESHUTDOWN);
    }
    if (what != 'q' && q->unfinished == 0)
        send_away(m, queue, 'j', 0);
}

void model_return(struct model *m, size_t delivery)
{
    struct mdelivery d = m->deliveries[delivery];
    struct mobject *q = model_object(m, d.queue);
    REMOVE_AT(m->deliveries, m->delivery_count, delivery);
    m->dropped = true;
    while (q != NULL && d.len > 0)
        add_at_head(q, &d.items[--d.len]);
    if (q != NULL)
        model_pump(m, d.queue);
}

/* ---- calls ---- */

static void put(struct model *m, struct mcall *c, bool many, int64_t timeout_ms)
{
    struct item head = {.len = 1};
    const uint8_t *p = c->arg[0].data;
    if (many)
        p = roost__scan_item(p, &head);
    bool now = queue_fits(c->o, head.len) && first_in(m, c->id, 'p') == m->waiter_count;
    if (c->o->flag) {
        say_error(m, c, ROOST_ESHUTDOWN);
    } else if (c->o->max > 0 && head.len > c->o->max) {
        say_error(m, c, ROOST_EINVAL);
    } else if (!now && (timeout_ms == 0 || m->in_transaction)) {
        say_error(m, c, ROOST_EFULL);
    } else if (!storable(m, c->arg[0])) {
        say_error(m, c, ROOST_ENOENT);
    } else if (now) {
        for (uint32_t i = 0; i < head.len; i++) {
            struct mvalue v = mvalue_of(scan_next(&p));
            add(c->o, &v);
        }
        say_nil(m, c);
        model_wake(m, c->id, 'q');
    } else {
        struct mwaiter *w = model_park(m, c, 'p', timeout_ms);
        assert(head.len <= M_PUT);
        for (uint32_t i = 0; i < head.len; i++)
            w->put[w->put_count++] = mvalue_of(scan_next(&p));
    }
}

static void get(struct model *m, struct mcall *c, uint64_t max, bool many, int64_t timeout_ms)
{
    if (c->o->items.len > 0 && m->in_transaction) { /* for good: nothing comes back */
        struct mdelivery gone = {.len = 0};
        put_items(m, c, c->o, max, many, &gone);
        m->dropped = true;
        model_wake(m, c->id, 'q');
    } else if (c->o->items.len > 0) {
        deliver(m, c, c->id, max, many);
        model_pump(m, c->id);
    } else if (c->o->flag) {
        say_error(m, c, ROOST_ESHUTDOWN);
    } else if (timeout_ms == 0 || m->in_transaction) {
        say_error(m, c, ROOST_EEMPTY);
    } else {
        struct mwaiter *w = model_park(m, c, 'g', timeout_ms);
        w->count = max;
        w->many = many;
    }
}

static void task_done(struct model *m, struct mcall *c, int64_t n)
{
    if (n > c->o->unfinished) {
        say_error(m, c, ROOST_EOVERRELEASE);
        return;
    }
    c->o->unfinished -= n;
    say_nil(m, c);
    model_wake(m, c->id, 'd');
}

static void shut_down(struct model *m, struct mcall *c)
{
    struct mobject *q = c->o;
    q->flag = true;
    if (given(c, 0) && scan_value(c->arg[0]).as.b) {
        int64_t inside = (int64_t)q->items.len;
        q->unfinished -= inside < q->unfinished ? inside : q->unfinished;
        q->items.len = 0;
        m->dropped = true;
    }
    say_nil(m, c);
    model_wake(m, c->id, 's');
}

static void join(struct model *m, struct mcall *c)
{
    if (c->o->unfinished == 0)
        say_nil(m, c);
    else if (int_arg(c, 0, -1) == 0)
        say_error(m, c, ROOST_ETIMEDOUT);
    else
        model_park(m, c, 'j', int_arg(c, 0, -1));
}

void model_queue_call(struct model *m, struct mcall *c)
{
    switch (c->method) {
    case METHOD_queue_put:
    case METHOD_queue_put_many:
        put(m, c, c->method == METHOD_queue_put_many, int_arg(c, 1, -1));
        break;
    case METHOD_queue_put_nowait:
        put(m, c, false, 0);
        break;
    case METHOD_queue_get:
    case METHOD_queue_get_nowait:
        get(m, c, 1, false, c->method == METHOD_queue_get ? int_arg(c, 0, -1) : 0);
        break;
    case METHOD_queue_get_many:
        get(m, c, (uint64_t)int_arg(c, 0, 1), true, int_arg(c, 1, -1));
        break;
    case METHOD_queue_qsize:
        say_int(m, c, (int64_t)c->o->items.len);
        break;
    case METHOD_queue_empty:
        say_bool(m, c, c->o->items.len == 0);
        break;
    case METHOD_queue_full:
        say_bool(m, c, !queue_fits(c->o, 1));
        break;
    case METHOD_queue_task_done:
        task_done(m, c, int_arg(c, 0, 1));
        break;
    case METHOD_queue_join:
        join(m, c);
        break;
    default:
        shut_down(m, c);
    }
}
