/* model_wait.c: waiting, its end; conditions, events, barriers; see model.h. */
#include "tests/sim/model.h"

struct mwaiter *model_park(struct model *m, struct mcall *c, char line, int64_t timeout_ms)
{
    assert(m->waiter_count < M_WAITERS && !m->in_transaction && timeout_ms != 0);
    struct mwaiter *w = &m->waiters[m->waiter_count++];
    memset(w, 0, offsetof(struct mwaiter, clauses));
    w->session = c->session;
    w->number = c->number;
    w->thread = c->thread;
    w->object = c->id;
    w->method = c->method;
    w->line = line;
    w->deadline_us = timeout_ms < 0 ? NEVER : m->now_us + timeout_ms * 1000;
    w->order = ++m->last_order;
    w->guarded = c->guarded;
    w->guard = c->guard;
    return w;
}

void waiter_drop(struct model *m, size_t i)
{
    m->dropped = m->dropped || m->waiters[i].put_count > 0;
    REMOVE_AT(m->waiters, m->waiter_count, i);
}

static void break_barrier(struct model *m, uint64_t id)
{
    model_object(m, id)->flag = true;
    send_away(m, id, 'b', ROOST_EBROKEN);
}

/* It is gone before its call was served: who waits with it may notice. */
void waiter_gives_up(struct model *m, size_t i)
{
    uint64_t id = m->waiters[i].object;
    char line = m->waiters[i].line;
    waiter_drop(m, i);
    if (line == 'b')
        break_barrier(m, id);
    else if (line == 'g' || line == 'p' || line == 'j')
        model_pump(m, id);
}

static bool in_line(const struct mwaiter *w, uint64_t object, char line)
{
    if (w->line != line)
        return false;
    for (unsigned i = 0; i < w->want_count && line == 't'; i++)
        if (w->wants[i].object == object)
            return true;
    return line != 't' && w->object == object;
}

void send_away(struct model *m, uint64_t object, char line, int code)
{
    for (size_t i = 0; i < m->waiter_count;) {
        if (!in_line(&m->waiters[i], object, line)) {
            i++;
            continue;
        }
        struct mcall c = mcall_of_waiter(&m->waiters[i]);
        c.id = object;
        waiter_drop(m, i);
        code == 0 ? say_nil(m, &c) : say_error(m, &c, code);
    }
}

size_t line_len(const struct model *m, uint64_t object, char line)
{
    size_t n = 0;
    for (size_t i = 0; i < m->waiter_count; i++)
        n += in_line(&m->waiters[i], object, line);
    return n;
}

/* ---- who is served when ---- */

void model_wake(struct model *m, uint64_t object, char what)
{
    if (!m->in_transaction) {
        model_wake_now(m, object, what);
        return;
    }
    assert(m->wake_count < sizeof(m->wakes) / sizeof(m->wakes[0]));
    m->wakes[m->wake_count].object = object;
    m->wakes[m->wake_count++].what = what;
}

static void want_lock(struct model *m, size_t i, bool notified);

static void tell_notified(struct model *m, uint64_t condition)
{
    struct mobject *o = model_object(m, condition);
    for (; o->value > 0; o->value--)
        for (size_t i = 0; i < m->waiter_count; i++)
            if (in_line(&m->waiters[i], condition, 'w')) {
                want_lock(m, i, true);
                break;
            }
}

void model_wake_now(struct model *m, uint64_t object, char what)
{
    if (model_object(m, object) == NULL)
        return;
    if (what == 'e')
        send_away(m, object, 'e', 0);
    else if (what == 'b')
        send_away(m, object, 'b', ROOST_EBROKEN);
    else if (what == 'n')
        tell_notified(m, object);
    else
        model_queue_woken(m, object, what);
}

/* ---- conditions ---- */

/* Notified, or its time up: it goes to the end of the line for the lock. */
static void want_lock(struct model *m, size_t i, bool notified)
{
    struct mwaiter w = m->waiters[i];
    struct mcall c = mcall_of_waiter(&w);
    uint64_t lock = model_object(m, w.object)->lock;
    waiter_drop(m, i);
    if (model_object(m, lock) == NULL) {
        say_error(m, &c, ROOST_EDELETED);
        return;
    }
    w.woken = true;
    w.notified = notified;
    w.line = 't';
    w.object = lock;
    w.wants[0] = (struct mwant){.object = lock};
    w.want_count = 1;
    w.deadline_us = NEVER;
    m->waiters[m->waiter_count++] = w;
    if (model_deadlock(m, &m->waiters[m->waiter_count - 1])) {
        waiter_drop(m, m->waiter_count - 1);
        say_error(m, &c, ROOST_EDEADLK);
    }
}

static void wait_notified(struct model *m, struct mcall *c, struct mhold *own)
{
    int64_t timeout_ms = int_arg(c, 0, -1);
    struct mhold held = *own;
    if (c->guarded && c->guard == held.uid)
        c->guarded = false; /* the wait itself ends the grant */
    struct mwaiter *w = model_park(m, c, 'w', timeout_ms == 0 ? -1 : timeout_ms);
    uint64_t order = w->order;
    w->depth = held.depth;
    w->ttl_us = held.ttl_us;
    hold_drop(m, (size_t)(own - m->holds));
    for (size_t i = 0; i < m->waiter_count && timeout_ms == 0; i++)
        if (m->waiters[i].order == order && m->waiters[i].line == 'w')
            want_lock(m, i, false);
}

static void notify(struct model *m, struct mcall *c, int64_t max)
{
    struct mobject *o = c->o;
    int64_t left = (int64_t)line_len(m, c->id, 'w') - o->value, n = max < left ? max : left;
    o->value += n;
    model_wake(m, c->id, 'n');
    say_int(m, c, n);
}

static void condition_call(struct model *m, struct mcall *c)
{
    uint64_t lock = c->o->lock;
    struct mwant want = {.object = lock};
    struct mhold *own = model_object(m, lock) != NULL ? own_lock(m, lock, c->session, c->thread) : NULL;
    if (model_object(m, lock) == NULL) {
        say_error(m, c, ROOST_ENOENT);
    } else if (c->method == METHOD_condition_acquire) {
        given(c, 1) && int_arg(c, 1, 0) == 0
            ? say_error(m, c, ROOST_EINVAL)
            : model_acquire(m, c, &want, 1, int_arg(c, 0, -1), int_arg(c, 1, 0) * 1000);
    } else if (c->method == METHOD_condition_release) {
        model_give_back(m, c, lock, (uint64_t)int_arg(c, 0, 0));
    } else if (own == NULL) {
        say_error(m, c, ROOST_ENOTOWNER);
    } else if (c->method == METHOD_condition_wait) {
        wait_notified(m, c, own);
    } else {
        notify(m, c, c->method == METHOD_condition_notify ? int_arg(c, 0, 1) : NEVER);
    }
}

/* ---- events ---- */

static void event_call(struct model *m, struct mcall *c)
{
    if (c->method == METHOD_event_is_set) {
        say_bool(m, c, c->o->flag);
    } else if (c->method != METHOD_event_wait) {
        c->o->flag = c->method == METHOD_event_set;
        say_nil(m, c);
        if (c->o->flag)
            model_wake(m, c->id, 'e');
    } else if (c->o->flag) {
        say_nil(m, c);
    } else if (int_arg(c, 0, -1) == 0) {
        say_error(m, c, ROOST_ETIMEDOUT);
    } else {
        model_park(m, c, 'e', int_arg(c, 0, -1));
    }
}

/* ---- barriers ---- */

static void meet(struct model *m, struct mcall *c)
{
    int64_t n = 0;
    for (size_t i = 0; i < m->waiter_count;) {
        if (!in_line(&m->waiters[i], c->id, 'b')) {
            i++;
            continue;
        }
        struct mcall who = mcall_of_waiter(&m->waiters[i]);
        waiter_drop(m, i);
        say_int(m, &who, n++);
    }
    say_int(m, c, n);
}

static void barrier_wait(struct model *m, struct mcall *c)
{
    int64_t timeout_ms = int_arg(c, 0, c->o->value);
    if (c->o->flag) {
        say_error(m, c, ROOST_EBROKEN);
    } else if ((int64_t)line_len(m, c->id, 'b') + 1 == c->o->initial) {
        meet(m, c);
    } else if (timeout_ms == 0) {
        break_barrier(m, c->id);
        say_error(m, c, ROOST_EBROKEN);
    } else {
        model_park(m, c, 'b', timeout_ms);
    }
}

static void barrier_call(struct model *m, struct mcall *c)
{
    switch (c->method) {
    case METHOD_barrier_wait:
        barrier_wait(m, c);
        break;
    case METHOD_barrier_reset:
    case METHOD_barrier_abort:
        c->o->flag = c->method == METHOD_barrier_abort;
        model_wake(m, c->id, 'b');
        say_nil(m, c);
        break;
    case METHOD_barrier_parties:
        say_int(m, c, c->o->initial);
        break;
    case METHOD_barrier_n_waiting:
        say_int(m, c, (int64_t)line_len(m, c->id, 'b'));
        break;
    default:
        say_bool(m, c, c->o->flag);
    }
}

void model_wait_call(struct model *m, struct mcall *c)
{
    if (c->o->type == ROOST_TYPE_condition)
        condition_call(m, c);
    else if (c->o->type == ROOST_TYPE_event)
        event_call(m, c);
    else
        barrier_call(m, c);
}

/* ---- time ---- */

void waiter_time_up(struct model *m, size_t i)
{
    struct mwaiter w = m->waiters[i];
    struct mcall c = mcall_of_waiter(&w);
    if (w.line == 'w') {
        want_lock(m, i, false);
    } else if (w.line == 'b') {
        break_barrier(m, w.object);
    } else {
        waiter_drop(m, i);
        say_error(m, &c, ROOST_ETIMEDOUT);
        if (w.line == 'g' || w.line == 'p' || w.line == 'j')
            model_pump(m, w.object);
    }
}
