/*
 * model_deadlock.c: is a new waiter part of a cycle of waits? See model.h, and *deadlock* in PROTOCOL.md.
 *
 * Everybody who waits without limit is taken to be stuck, and taken out again who is not, until nobody is.
 */
#include "tests/sim/model.h"

enum { PARTIES = M_SESSIONS * M_THREADS };

struct party {
    uint64_t session, thread;
    const struct mwaiter *wait;
    bool stuck, reached;
};

struct parties {
    struct model *m;
    struct party at[PARTIES];
    size_t len;
};

static const struct mwaiter *wait_of(const struct model *m, uint64_t session, uint64_t thread)
{
    const struct mwaiter *found = NULL;
    for (size_t i = 0; i < m->waiter_count; i++)
        if (m->waiters[i].session == session && m->waiters[i].thread == thread) {
            if (found != NULL)
                return NULL;
            found = &m->waiters[i];
        }
    bool for_ever = found != NULL && found->line == 't' && found->deadline_us == NEVER && !found->guarded;
    return for_ever ? found : NULL;
}

static struct party *party(struct parties *s, uint64_t session, uint64_t thread)
{
    for (size_t i = 0; i < s->len; i++)
        if (s->at[i].session == session && s->at[i].thread == thread)
            return &s->at[i];
    assert(s->len < PARTIES);
    struct party *p = &s->at[s->len++];
    const struct mwaiter *w = wait_of(s->m, session, thread);
    *p = (struct party){.session = session, .thread = thread, .wait = w, .stuck = w != NULL};
    return p;
}

/* All who could give a hold back are stuck; those are marked as reached if `reach`. */
static bool never_given_back(struct parties *s, const struct mhold *h, bool reach)
{
    const struct mobject *o = model_object(s->m, h->what.object);
    const struct msession *holder = model_session(s->m, h->session);
    if (h->lapses_us != NEVER || o->signalled)
        return false;
    struct party *own = party(s, h->session, h->thread);
    bool stuck = own->stuck;
    own->reached = own->reached || (reach && stuck);
    for (unsigned i = 0; i < holder->thread_count && o->type != ROOST_TYPE_rlock; i++) {
        struct party *p = party(s, h->session, holder->threads[i]);
        stuck = stuck && p->stuck;
        p->reached = p->reached || (reach && p->stuck);
    }
    return stuck;
}

static bool held_for_ever(struct parties *s, const struct mwaiter *w, const struct mwant *want, bool reach)
{
    bool any = false;
    if (is_free(s->m, want, w->session, w->thread) != FREE_NOT)
        return false;
    for (size_t i = 0; i < s->m->hold_count; i++)
        if (want_same(&s->m->holds[i].what, want)) {
            any = true;
            if (!never_given_back(s, &s->m->holds[i], reach))
                return false;
        }
    return any;
}

/* Reserved for somebody stuck who came before and wants several things at once. */
static bool reserved(struct parties *s, const struct mwaiter *w, const struct mwant *want, bool reach)
{
    bool any = false;
    if (is_free(s->m, want, w->session, w->thread) == FREE_ANY)
        return false;
    for (const struct mwaiter *a = s->m->waiters; a != w; a++)
        if (a->want_count > 1 && wants(a, want)) {
            struct party *p = party(s, a->session, a->thread);
            any = any || p->stuck;
            p->reached = p->reached || (reach && p->stuck);
        }
    return any;
}

static bool waits_for_ever(struct parties *s, const struct mwaiter *w, bool reach)
{
    bool any = false;
    for (unsigned i = 0; i < w->want_count; i++) {
        bool held = held_for_ever(s, w, &w->wants[i], false), ahead = reserved(s, w, &w->wants[i], reach);
        if (held && reach)
            held_for_ever(s, w, &w->wants[i], true);
        any = any || held || ahead;
    }
    return any;
}

bool model_deadlock(struct model *m, const struct mwaiter *w)
{
    struct parties s;
    s.m = m;
    s.len = 0;
    if (w->deadline_us != NEVER || party(&s, w->session, w->thread)->wait != w)
        return false;
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < s.len; i++)
            if (s.at[i].stuck && !waits_for_ever(&s, s.at[i].wait, false)) {
                s.at[i].stuck = false;
                changed = true;
            }
    }
    if (!s.at[0].stuck)
        return false;
    waits_for_ever(&s, w, true);
    for (size_t n = 0; n < s.len; n++) /* as many rounds as anything can be away */
        for (size_t i = 0; i < s.len; i++)
            if (s.at[i].reached)
                waits_for_ever(&s, s.at[i].wait, true);
    return s.at[0].reached;
}
