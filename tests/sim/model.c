/* model.c: the model's step: time, sessions, the order of what happens; see model.h. */
#include "tests/sim/model.h"

#include <stdlib.h>

void model_init(struct model *m, int64_t now_us)
{
    struct buf out = m->out;
    memset(m, 0, offsetof(struct model, objects));
    m->now_us = now_us;
    m->out = out.max == 0 ? buf_make(1 << 20) : out;
    buf_reset(&m->out);
}

void model_free(struct model *m)
{
    roost__buf_free(&m->out);
}

struct msession *model_session(struct model *m, uint64_t id)
{
    bool there = id > 0 && id <= m->session_count && m->sessions[id - 1].live;
    return there ? &m->sessions[id - 1] : NULL;
}

/* ---- sessions ---- */

static void open_session(struct model *m, const struct event *e)
{
    struct item grace = roost__map_item(e->payload, "grace_ms");
    assert(m->session_count < M_SESSIONS);
    struct msession *s = &m->sessions[m->session_count++];
    *s = (struct msession){.live = true, .connection = 1};
    if (e->secret.len == SECRET_LEN && grace.kind == ROOST_INT && grace.as.i > 0) {
        s->keeps = true;
        s->grace_us = grace.as.i * 1000;
        memcpy(s->secret, e->secret.data, SECRET_LEN);
    }
    m->opened = m->session_count;
}

static void leave_lines(struct model *m, uint64_t id)
{
    for (size_t i = 0; i < m->waiter_count; i++)
        if (m->waiters[i].session == id) {
            waiter_gives_up(m, i);
            i = (size_t)-1; /* others may have gone with it */
        }
}

static void return_deliveries(struct model *m, uint64_t id)
{
    for (size_t i = m->delivery_count; i-- > 0;)
        if (m->deliveries[i].session == id) {
            model_return(m, i);
            i = m->delivery_count;
        }
}

static void lose(struct model *m, uint64_t id)
{
    leave_lines(m, id);
    for (size_t i = 0; i < m->hold_count;)
        if (m->holds[i].session == id)
            model_abandon(m, i);
        else
            i++;
    for (size_t i = m->lapsed_count; i-- > 0;)
        if (m->lapsed[i].session == id)
            REMOVE_AT(m->lapsed, m->lapsed_count, i);
    return_deliveries(m, id);
    m->sessions[id - 1].live = false;
    m->dropped = true;
}

static int resume(struct msession *s, struct slice secret)
{
    if (!s->keeps || !slice_equal(slice_of(s->secret, SECRET_LEN), secret))
        return ROOST_ESESSION;
    s->detached = false;
    s->connection++;
    s->confirmed = 0;
    return ROOST_OK;
}

static void detach(struct model *m, uint64_t id)
{
    struct msession *s = model_session(m, id);
    if (!s->keeps) {
        lose(m, id);
    } else if (!s->detached) {
        s->detached = true;
        s->grace_end_us = m->now_us + s->grace_us;
    }
}

/* ---- time ---- */

struct due {
    int64_t at_us;
    uint64_t order;
    char what; /* entry, object, waiter, hold, session */
    size_t i, k;
};

static int rank(char what)
{
    return what == 'e' || what == 'o' ? 0 : what == 's' ? 2 : 1;
}

/* Of the same time: entries and objects, then waits and grants, then sessions. */
static void sooner(struct due *best, struct due d)
{
    if (d.at_us != best->at_us             ? d.at_us < best->at_us
        : rank(d.what) != rank(best->what) ? rank(d.what) < rank(best->what)
                                           : d.order < best->order)
        *best = d;
}

static struct due first_due(const struct model *m)
{
    struct due best = {.at_us = NEVER, .what = 'z', .order = UINT64_MAX};
    for (size_t i = 0; i < m->object_count; i++) {
        const struct mobject *o = &m->objects[i];
        if (!o->live)
            continue;
        sooner(&best, (struct due){o->expires_us, o->order, 'o', i, 0});
        for (size_t k = 0; k < o->items.len && o->type == ROOST_TYPE_dict; k++)
            sooner(&best, (struct due){o->items.at[k].expires_us, o->items.at[k].order, 'e', i, k});
    }
    for (size_t i = 0; i < m->waiter_count; i++)
        sooner(&best, (struct due){m->waiters[i].deadline_us, m->waiters[i].order, 'w', i, 0});
    for (size_t i = 0; i < m->hold_count; i++)
        sooner(&best, (struct due){m->holds[i].lapses_us, m->holds[i].order, 'h', i, 0});
    for (size_t i = 0; i < m->session_count; i++)
        if (m->sessions[i].live && m->sessions[i].detached)
            sooner(&best, (struct due){m->sessions[i].grace_end_us, i, 's', i, 0});
    return best;
}

int64_t model_next_deadline_us(const struct model *m)
{
    return first_due(m).at_us;
}

static void happen(struct model *m, const struct due *d)
{
    if (d->what == 'o') {
        model_destroy(m, d->i + 1);
    } else if (d->what == 'e') {
        struct mitems *items = &m->objects[d->i].items;
        m->dropped = true;
        REMOVE_AT(items->at, items->len, d->k);
    } else if (d->what == 'w') {
        waiter_time_up(m, d->i);
    } else if (d->what == 'h') {
        model_lapse(m, d->i);
    } else {
        lose(m, d->i + 1);
    }
}

static void settle(struct model *m)
{
    bool again;
    do {
        again = model_serve_lines(m);
        again = model_retry(m) || again;
        again = model_sweep(m) || again;
    } while (again);
}

static void take_due(struct model *m)
{
    for (struct due d; (d = first_due(m)).at_us <= m->now_us; settle(m))
        happen(m, &d);
}

/* ---- the step ---- */

static void acknowledge(struct model *m, uint64_t session, uint64_t number)
{
    for (size_t i = 0; i < m->delivery_count; i++)
        if (m->deliveries[i].session == session && m->deliveries[i].number == number) {
            REMOVE_AT(m->deliveries, m->delivery_count, i);
            m->dropped = true;
            return;
        }
}

static void cancel(struct model *m, uint64_t session, uint64_t number)
{
    for (size_t i = 0; i < m->waiter_count; i++)
        if (m->waiters[i].session == session && m->waiters[i].number == number) {
            struct mcall c = mcall_of_waiter(&m->waiters[i]);
            say_error(m, &c, ROOST_ECANCELED);
            waiter_gives_up(m, i);
            return;
        }
}

static void each_number(struct model *m, const struct event *e,
                        void (*take)(struct model *m, uint64_t session, uint64_t number))
{
    struct item it;
    const uint8_t *p = roost__scan_skip(roost__scan_item(e->payload.data, &it));
    for (uint32_t n = it.len; n > 1; n--) {
        p = roost__scan_item(p, &it);
        take(m, e->session, it.as.u);
    }
}

static int take(struct model *m, const struct event *e)
{
    if (e->kind == EVENT_TIME)
        return ROOST_OK;
    if (e->kind == EVENT_OPEN) {
        open_session(m, e);
        return ROOST_OK;
    }
    struct msession *s = model_session(m, e->session);
    if (s == NULL && (e->kind == EVENT_DETACHED || e->kind == EVENT_LOST))
        return ROOST_OK;
    if (s == NULL)
        return e->kind == EVENT_RESUMED ? ROOST_ESESSION : ROOST_EPROTO;
    if (e->kind == EVENT_CALL)
        model_call(m, e->session, e->payload);
    else if (e->kind == EVENT_ACK)
        each_number(m, e, acknowledge);
    else if (e->kind == EVENT_CANCEL)
        each_number(m, e, cancel);
    else if (e->kind == EVENT_RESUMED)
        return resume(s, e->secret);
    else if (e->kind == EVENT_DETACHED)
        detach(m, e->session);
    else
        lose(m, e->session);
    return ROOST_OK;
}

int model_step(struct model *m, const struct event *event)
{
    m->answer_count = 0;
    m->opened = 0;
    buf_reset(&m->out);
    if (event->now_us > m->now_us)
        m->now_us = event->now_us;
    take_due(m);
    int rc = take(m, event);
    settle(m);
    return rc;
}
