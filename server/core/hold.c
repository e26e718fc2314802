/* hold.c: who holds what: grants and their tokens. See struct hold in internal.h. */
#include <assert.h>
#include <stdlib.h>

#include "core/undo.h"

struct hold *hold_new(void)
{
    return calloc(1, sizeof(struct hold));
}

void hold_grant(struct core *core, struct object *o, struct hold *h, const struct caller *to, uint64_t depth)
{
    assert(h->object == NULL && depth > 0);
    h->object = o;
    h->session = to->session;
    h->thread = to->thread;
    h->depth = depth;
    h->token = ++core->last_token;
    h->since_us = core->now_us;
    list_push_back(&o->holds, &h->in_object);
    list_push_back(&to->session->holds, &h->in_session);
    core->hold_count++;
    object_changed(core, o);
}

void hold_free(struct core *core, struct hold *h)
{
    if (h == NULL)
        return;
    list_remove(&h->in_object);
    list_remove(&h->in_session);
    assert(core->hold_count > 0);
    core->hold_count--;
    free(h);
}

static void end_back(struct core *core, struct step *s)
{
    struct hold *h = s->what;
    (void)core;
    list_insert_before(s->where, &h->in_object);
    list_insert_before(s->next, &h->in_session);
}

static void end_keep(struct core *core, struct step *s)
{
    hold_free(core, s->what);
}

void hold_end(struct core *core, struct hold *h)
{
    struct step s = {.back = end_back,
                     .keep = end_keep,
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

struct hold *hold_of(const struct object *o, const struct caller *who, bool any_thread)
{
    list_each (it, &o->holds) {
        struct hold *h = container_of(it, struct hold, in_object);
        if (h->session == who->session && (any_thread || h->thread == who->thread))
            return h;
    }
    return NULL;
}
