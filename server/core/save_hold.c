/*
 * save_hold.c: who holds what, as bytes; see save.h.
 *
 * A hold stands in two orders: its object's, in which it is written, and its session's, which follows by the
 * holds' numbers.
 */
#include <stdlib.h>

#include "core/save.h"

/* ---- what every hold has, granted or not ---- */

static void save_terms(struct buf *out, const struct hold *h)
{
    save_uint(out, h->depth);
    save_int(out, h->ttl_us);
    save_deadline(out, &h->deadline);
}

void save_promise(struct buf *out, const struct hold *h)
{
    save_uint(out, h != NULL);
    if (h != NULL)
        save_terms(out, h);
}

/* A grant has a place in time exactly while it has a time to live and has not lapsed. */
static void load_terms(struct loader *l, struct hold *h)
{
    h->depth = load_uint(l);
    h->ttl_us = load_past(l);
    load_deadline(l, &h->deadline);
    bool timed = heap_has(&h->deadline.in_deadlines);
    if (h->depth > 0 && timed == (h->ttl_us > 0 && !h->lapsed))
        return;
    load_bad(l, "a grant without depth, or its end without a time");
    deadline_clear(l->core, &h->deadline);
    h->ttl_us = 0;
}

struct hold *load_promise(struct loader *l)
{
    if (!load_bool(l))
        return NULL;
    struct hold *h = hold_blank(l->core);
    if (h == NULL) {
        load_no_memory(l);
        return NULL;
    }
    load_terms(l, h);
    return h;
}

/* ---- granted ones ---- */

static void save_hold(struct buf *out, const struct hold *h)
{
    save_uint(out, h->session->id);
    save_uint(out, h->thread);
    save_uint(out, h->token);
    save_int(out, h->since_us);
    save_terms(out, h);
    if (h->slot != NULL)
        save_bytes(out, slot_key(h->slot));
}

static void save_list(struct buf *out, const struct list *holds, uint32_t *number)
{
    save_uint(out, list_count(holds));
    list_each (it, holds) {
        struct hold *h = container_of(it, struct hold, in_object);
        h->number = (*number)++;
        save_hold(out, h);
    }
}

static void save_object_holds(const struct core *core, struct buf *out)
{
    uint32_t number = 0;
    size_t count = core->hold_count;
    list_each (it, &core->objects)
        count += list_count(&container_of(it, struct object, in_core)->lapsed);
    save_uint(out, count);
    list_each (it, &core->objects) {
        const struct object *o = container_of(it, struct object, in_core);
        if (o->type->takeable == NULL)
            continue;
        save_list(out, &o->holds, &number);
        save_list(out, &o->lapsed, &number);
    }
}

void save_holds(const struct core *core, struct buf *out)
{
    save_object_holds(core, out);
    list_each (it, &core->sessions) {
        const struct session *s = container_of(it, struct session, in_core);
        save_uint(out, list_count(&s->holds));
        list_each (at, &s->holds)
            save_uint(out, container_of(at, struct hold, in_session)->number);
    }
}

/* ---- in ---- */

/* One more may hold o. */
static bool has_room(const struct object *o)
{
    return (o->type->code != ROOST_TYPE_lock && o->type->code != ROOST_TYPE_rlock) || list_empty(&o->holds);
}

/* The next hold; it is the object's in any case. */
static void load_hold(struct loader *l, struct object *o, bool lapsed)
{
    struct session *s = load_session(l);
    struct hold *h = load_good(l) ? hold_blank(l->core) : NULL;
    if (h == NULL) {
        load_no_memory(l);
        return;
    }
    h->object = o;
    h->session = s;
    h->lapsed = lapsed;
    l->core->hold_count += !lapsed;
    bool room = lapsed || has_room(o);
    list_push_back(lapsed ? &o->lapsed : &o->holds, &h->in_object);
    h->thread = load_uint(l);
    h->token = load_uint(l);
    h->since_us = load_past(l);
    load_terms(l, h);
    if (o->type->code == ROOST_TYPE_keyed_lock) {
        h->slot = load_slot(l, o);
        room = room && !lapsed && h->slot != NULL && slot_give(h->slot, h);
    }
    if (!room)
        load_bad(l, "two hold the same");
    l->holds[l->hold_len++] = h;
}

static void load_list(struct loader *l, struct object *o, bool lapsed, size_t count)
{
    for (size_t n = load_count(l); n > 0 && load_good(l); n--) {
        if (l->hold_len == count)
            load_bad(l, "more hold something than were counted");
        else
            load_hold(l, o, lapsed);
    }
}

static void load_session_holds(struct loader *l, struct session *s, size_t *linked)
{
    for (size_t n = load_count(l); n > 0 && load_good(l); n--) {
        uint64_t i = load_uint(l);
        struct hold *h = i < l->hold_len ? l->holds[i] : NULL;
        if (h == NULL || h->session != s || !list_empty(&h->in_session)) {
            load_bad(l, "a session's grant is not its own");
            return;
        }
        list_push_back(&s->holds, &h->in_session);
        ++*linked;
    }
}

void load_holds(struct loader *l)
{
    size_t count = load_count(l), linked = 0;
    l->holds = calloc(count + 1, sizeof(struct hold *));
    if (l->holds == NULL) {
        load_no_memory(l);
        return;
    }
    list_each (it, &l->core->objects) {
        struct object *o = container_of(it, struct object, in_core);
        if (o->type->takeable == NULL)
            continue;
        load_list(l, o, false, count);
        load_list(l, o, true, count);
    }
    list_each (it, &l->core->sessions)
        load_session_holds(l, container_of(it, struct session, in_core), &linked);
    if (l->hold_len != count || linked != count)
        load_bad(l, "a grant that no session has");
}
