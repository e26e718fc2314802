/*
 * hold.c: who holds what: grants, their tokens, their time to live. See struct hold in internal.h.
 *
 * A hold whose time to live is over lapses: for its object it is as if its owner had died. It is remembered,
 * one for each (session, thread), so that its late release is refused and does not hit the next holder.
 */
#include <assert.h>
#include <stdlib.h>

#include "core/undo.h"

static void lapse(struct core *core, struct deadline *d);

struct hold *hold_new(struct core *core, int64_t ttl_us)
{
    struct hold *h = spares_take(&core->hold_spares);
    if (h == NULL)
        return NULL;
    *h = (struct hold){0};
    h->depth = 1;
    h->ttl_us = ttl_us;
    list_init(&h->in_object);
    list_init(&h->in_session);
    list_init(&h->guarded);
    deadline_init(&h->deadline, lapse);
    if (ttl_us > 0 && !deadline_set(core, &h->deadline, INT64_MAX)) {
        free(h);
        return NULL;
    }
    return h;
}

void hold_discard(struct core *core, struct hold *h)
{
    if (h == NULL)
        return;
    assert(h->object == NULL);
    if (h->ttl_us > 0)
        deadline_clear(core, &h->deadline);
    spares_give(&core->hold_spares, h);
}

static void forget(struct hold *h)
{
    list_remove(&h->in_object);
    list_remove(&h->in_session);
    free(h);
}

void hold_grant(struct core *core, struct object *o, struct hold *h, const struct caller *to)
{
    assert(h->object == NULL && h->depth > 0);
    h->object = o;
    h->session = to->session;
    h->thread = to->thread;
    h->token = ++core->last_token;
    h->since_us = core->now_us;
    if (h->ttl_us > 0)
        deadline_set(core, &h->deadline, core->now_us + h->ttl_us);
    list_push_back(&o->holds, &h->in_object);
    list_push_back(&to->session->holds, &h->in_session);
    core->hold_count++;
    object_changed(core, o);
}

void hold_end(struct core *core, struct hold *h)
{
    if (!list_empty(&h->guarded))
        guard_end(core, h);
    list_remove(&h->in_object);
    list_remove(&h->in_session);
    if (h->ttl_us > 0)
        deadline_set(core, &h->deadline, INT64_MAX);
    h->object = NULL;
    h->slot = NULL;
    assert(core->hold_count > 0);
    core->hold_count--;
}

void hold_free(struct core *core, struct hold *h)
{
    if (h == NULL)
        return;
    if (!h->lapsed) {
        hold_end(core, h);
        hold_discard(core, h);
    } else {
        forget(h);
    }
}

/* ---- giving back in a transaction ---- */

static void release_back(struct core *core, struct step *s)
{
    struct hold *h = s->what;
    (void)core;
    list_insert_before(s->where, &h->in_object);
    list_insert_before(s->next, &h->in_session);
}

static void release_keep(struct core *core, struct step *s)
{
    hold_free(core, s->what);
}

void hold_release(struct core *core, struct hold *h)
{
    struct step s = {.back = release_back,
                     .keep = release_keep,
                     .what = h,
                     .where = h->in_object.next,
                     .next = h->in_session.next};
    if (core->undo == NULL) {
        hold_free(core, h);
    } else if (undo_log(core, s)) {
        list_remove(&h->in_object);
        list_remove(&h->in_session);
    }
}

/* ---- finding ---- */

static struct hold *hold_in(const struct list *holds, const struct caller *who, bool any_thread)
{
    list_each (it, holds) {
        struct hold *h = container_of(it, struct hold, in_object);
        if (h->session == who->session && (any_thread || h->thread == who->thread))
            return h;
    }
    return NULL;
}

struct hold *hold_of(const struct object *o, const struct caller *who, bool any_thread)
{
    return hold_in(&o->holds, who, any_thread);
}

struct hold *hold_of_token(const struct object *o, const struct session *likely, uint64_t token)
{
    list_each (it, &likely->holds) {
        struct hold *h = container_of(it, struct hold, in_session);
        if (h->object == o && h->token == token && !h->lapsed)
            return h;
    }
    list_each (it, &o->holds) {
        struct hold *h = container_of(it, struct hold, in_object);
        if (h->token == token)
            return h;
    }
    return NULL;
}

bool hold_extend(struct core *core, struct hold *h, int64_t ttl_us)
{
    if (ttl_us == 0)
        deadline_clear(core, &h->deadline);
    else if (!deadline_set(core, &h->deadline, core->now_us + ttl_us))
        return false;
    h->ttl_us = ttl_us;
    return true;
}

/* ---- lapsing ---- */

bool hold_lapsed_forget(struct core *core, struct object *o, const struct caller *who, bool any_thread)
{
    struct hold *h = hold_in(&o->lapsed, who, any_thread);
    if (h == NULL)
        return false;
    if (core->undo == NULL && --h->depth == 0) /* a transaction that is refused changes nothing */
        forget(h);
    return true;
}

void hold_lapsed_drop(struct object *o, const struct caller *who)
{
    struct hold *h = hold_in(&o->lapsed, who, false);
    if (h != NULL)
        forget(h);
}

static void lapse(struct core *core, struct deadline *d)
{
    struct hold *h = container_of(d, struct hold, deadline);
    struct object *o = h->object;
    struct caller owner = {.session = h->session, .thread = h->thread};
    struct hold *old = hold_in(&o->lapsed, &owner, false);
    bool key = h->slot != NULL; /* a key is released by its holder only: nobody else's could be hit */
    list_remove(&h->in_object);
    o->type->abandoned(core, h);
    hold_end(core, h);
    deadline_clear(core, &h->deadline);
    if (old != NULL)
        old->depth += h->depth;
    if (key || old != NULL) {
        free(h);
        return;
    }
    h->lapsed = true;
    list_push_back(&o->lapsed, &h->in_object);
    list_push_back(&owner.session->holds, &h->in_session);
}
