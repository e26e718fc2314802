/* model_hold.c: who holds what, how holds end, what is remembered of them; see model.h. */
#include "tests/sim/model_take.h"

bool want_same(const struct mwant *a, const struct mwant *b)
{
    return a->object == b->object &&
           (a->key.len == 0 ? b->key.len == 0 : same(kslice(&a->key), kslice(&b->key)));
}

bool wants(const struct mwaiter *w, const struct mwant *what)
{
    for (unsigned i = 0; i < w->want_count && w->line == 't'; i++)
        if (want_same(&w->wants[i], what))
            return true;
    return false;
}

struct mhold *mhold_of(struct model *m, const struct mwant *what)
{
    for (size_t i = 0; i < m->hold_count; i++)
        if (want_same(&m->holds[i].what, what))
            return &m->holds[i];
    return NULL;
}

struct mhold *lock_hold(struct model *m, uint64_t lock)
{
    return mhold_of(m, &(struct mwant){.object = lock});
}

/* The first hold of a session (any: of whatever thread). */
struct mhold *mhold_by(struct model *m, uint64_t object, uint64_t session, uint64_t thread, bool any)
{
    for (size_t i = 0; i < m->hold_count; i++) {
        struct mhold *h = &m->holds[i];
        if (h->what.object == object && h->session == session && (any || h->thread == thread))
            return h;
    }
    return NULL;
}

struct mhold *own_lock(struct model *m, uint64_t lock, uint64_t session, uint64_t thread)
{
    return mhold_by(m, lock, session, thread, model_object(m, lock)->type == ROOST_TYPE_lock);
}

struct mhold *hold_by_token(struct model *m, uint64_t object, uint64_t token)
{
    for (size_t i = 0; i < m->hold_count; i++)
        if (m->holds[i].what.object == object && m->holds[i].token == token && token != 0)
            return &m->holds[i];
    return NULL;
}

static bool is_held(const struct model *m, uint64_t uid)
{
    for (size_t i = 0; i < m->hold_count; i++)
        if (m->holds[i].uid == uid)
            return true;
    return false;
}

void model_refuse_guarded(struct model *m)
{
    for (size_t i = 0; i < m->waiter_count; i++)
        if (m->waiters[i].guarded && !is_held(m, m->waiters[i].guard)) {
            struct mcall c = mcall_of_waiter(&m->waiters[i]);
            say_error(m, &c, ROOST_ENOTOWNER);
            waiter_gives_up(m, i);
            i = (size_t)-1;
        }
}

/* A hold is over: calls that were good only while it held are refused. */
void hold_drop(struct model *m, size_t hold)
{
    REMOVE_AT(m->holds, m->hold_count, hold);
    if (!m->in_transaction) /* else when that is through */
        model_refuse_guarded(m);
}

void model_abandon(struct model *m, size_t hold)
{
    struct mhold h = m->holds[hold];
    struct mobject *o = model_object(m, h.what.object);
    if (o->type == ROOST_TYPE_keyed_lock) {
        assert(m->died_count < M_HOLDS);
        m->died[m->died_count++] = h.what;
    } else {
        o->owner_died = true;
    }
    if (o->type == ROOST_TYPE_semaphore || o->type == ROOST_TYPE_bounded_semaphore)
        o->value++;
    hold_drop(m, hold);
}

struct mlapsed *mlapsed_of(struct model *m, uint64_t object, uint64_t session, uint64_t thread, bool any)
{
    for (size_t i = 0; i < m->lapsed_count; i++) {
        struct mlapsed *l = &m->lapsed[i];
        if (l->object == object && l->session == session && (any || l->thread == thread))
            return l;
    }
    return NULL;
}

void model_lapse(struct model *m, size_t hold)
{
    struct mhold h = m->holds[hold];
    model_abandon(m, hold);
    if (h.what.key.len > 0)
        return;
    struct mlapsed *l = mlapsed_of(m, h.what.object, h.session, h.thread, false);
    if (l != NULL) {
        l->depth += h.depth;
        return;
    }
    assert(m->lapsed_count < M_HOLDS);
    m->lapsed[m->lapsed_count++] = (struct mlapsed){h.what.object, h.session, h.thread, h.depth};
}
