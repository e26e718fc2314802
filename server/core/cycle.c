/*
 * cycle.c: objects that only refer to each other.
 *
 * Trial deletion, locally: from a suspect, walk everything it reaches that no name and no session holds;
 * count for each object the references that come from inside the walk. Whoever has more than that is held
 * from outside, and so is all that it reaches. The rest is garbage. (D. Bacon and V. Rajan, Concurrent Cycle
 * Collection in Reference Counted Systems, ECOOP 2001, the synchronous algorithm.) Cost: the size of what the
 * suspect reaches.
 */
#include <assert.h>
#include <stdlib.h>

#include "core/internal.h"

struct walk {
    struct core *core;
    struct object **items; /* reached so far; also the queue of the walk */
    size_t len;
    size_t cap;
    bool failed;
};

static bool held_by_somebody(const struct object *o)
{
    return o->name != NULL || !list_empty(&o->session_refs);
}

/* cycle_inside is 0 outside of walks, and 1 + the references seen inside of one. */
static void reach(void *context, uint64_t id)
{
    struct walk *w = context;
    struct object *o = object_find(w->core, id);
    if (o == NULL || held_by_somebody(o) || w->failed)
        return;
    if (o->cycle_inside > 0) {
        o->cycle_inside++;
        return;
    }
    if (w->len == w->cap) {
        size_t cap = w->cap * 2 + 16;
        struct object **grown = reallocarray(w->items, cap, sizeof(struct object *));
        if (grown == NULL) {
            w->failed = true; /* the cycle stays until the next suspicion */
            return;
        }
        w->items = grown;
        w->cap = cap;
    }
    o->cycle_inside = 2;
    o->cycle_live = false;
    w->items[w->len++] = o;
}

static void each_stored(const struct object *o, void (*visit)(void *context, uint64_t id), void *context)
{
    if (o->refers && o->type->each_stored != NULL)
        o->type->each_stored(o, visit, context);
}

struct revival {
    struct core *core;
    struct object **stack;
    size_t len;
};

static void revive(void *context, uint64_t id)
{
    struct revival *r = context;
    struct object *o = object_find(r->core, id);
    if (o == NULL || o->cycle_inside == 0 || o->cycle_live)
        return;
    o->cycle_live = true;
    r->stack[r->len++] = o;
}

/* Marks what is held from outside of the walk and all that it reaches. False without memory. */
static bool mark_live(const struct walk *w)
{
    struct revival r = {.core = w->core, .stack = calloc(w->len, sizeof(struct object *))};
    if (r.stack == NULL)
        return false;
    for (size_t i = 0; i < w->len; i++)
        if (w->items[i]->stored_refs > w->items[i]->cycle_inside - 1)
            revive(&r, w->items[i]->id);
    while (r.len > 0)
        each_stored(r.stack[--r.len], revive, &r);
    free(r.stack);
    return true;
}

void cycle_check(struct core *core, struct object *o)
{
    if (held_by_somebody(o) || o->stored_refs == 0)
        return;
    struct walk w = {.core = core};
    reach(&w, o->id);
    if (w.len > 0)
        w.items[0]->cycle_inside = 1; /* nobody inside was seen to refer to it yet */
    for (size_t i = 0; i < w.len && !w.failed; i++)
        each_stored(w.items[i], reach, &w);
    bool known = !w.failed && mark_live(&w);
    size_t garbage = 0;
    for (size_t i = 0; i < w.len; i++) {
        w.items[i]->cycle_inside = 0;
        if (known && !w.items[i]->cycle_live)
            w.items[garbage++] = w.items[i];
    }
    for (size_t i = 0; i < garbage; i++) /* nobody can find them any more, not even each other */
        object_destroy(core, w.items[i]);
    free(w.items);
}
