/*
 * save_wait.c: who waits for what, as bytes; see save.h.
 *
 * A waiter is written with its session, its places with the lines they are in, by the waiters' numbers. The
 * lines of a keyed_lock's keys are not written: who waits for keys stands in the keyed_lock's own line too,
 * and entered them all at the same time.
 */
#include <stdlib.h>

#include "core/memory.h"
#include "core/save.h"
#include "core/transact.h"

/* How a waiter stands: in one place; in several at once; in those of keys and in its keyed_lock's line. */
enum form { FORM_SINGLE, FORM_SEVERAL, FORM_KEYS };

static enum form form_of(const struct waiter *w)
{
    if (w->places == &w->place)
        return FORM_SINGLE;
    return w->places[0].slot != NULL ? FORM_KEYS : FORM_SEVERAL;
}

/* ---- out ---- */

static void save_caller(struct buf *out, const struct caller *c)
{
    save_uint(out, c->number);
    save_uint(out, c->thread);
    save_uint(out, c->keeps);
    save_uint(out, c->repeatable);
    save_uint(out, c->goes_on);
}

static void save_waiter(struct buf *out, const struct waiter *w)
{
    save_caller(out, &w->caller);
    save_uint(out, w->method->code);
    save_int(out, w->since_us);
    save_deadline(out, &w->deadline);
    save_uint(out, w->count);
    save_uint(out, w->many);
    save_uint(out, w->woken);
    save_uint(out, w->notified);
    save_uint(out, w->cells != NULL);
    for (size_t i = 0; w->cells != NULL && i < w->count; i++)
        save_cell(out, &w->cells[i]);
    save_uint(out, w->transaction != NULL);
    if (w->transaction != NULL)
        save_transaction(out, w->transaction);
    save_uint(out, form_of(w));
    if (form_of(w) == FORM_KEYS)
        save_uint(out, w->object->id);
    save_uint(out, w->place_count);
    for (size_t i = 0; i < w->place_count; i++) {
        save_promise(out, w->places[i].hold);
        if (w->places[i].slot != NULL)
            save_bytes(out, slot_key(w->places[i].slot));
    }
}

static void save_line(struct buf *out, const struct line *line)
{
    save_uint(out, line->len);
    list_each (it, &line->places) {
        const struct place *p = place_of(it);
        save_uint(out, p->waiter->number);
        if (form_of(p->waiter) == FORM_SEVERAL)
            save_uint(out, (uint64_t)(p - p->waiter->places));
    }
}

static void save_lines(struct buf *out, const struct object *o)
{
    for (unsigned i = 0; i < LINES_MAX; i++)
        save_line(out, &o->lines[i]);
}

/* Who waits under the guard of a grant. */
static void save_guarded(const struct core *core, struct buf *out)
{
    list_each (it, &core->objects) {
        const struct object *o = container_of(it, struct object, in_core);
        list_each (at, &o->holds) {
            const struct hold *h = container_of(at, struct hold, in_object);
            save_uint(out, list_count(&h->guarded));
            list_each (in, &h->guarded)
                save_uint(out, container_of(in, struct waiter, in_guard)->number);
        }
    }
}

void save_waits(const struct core *core, struct buf *out)
{
    uint32_t number = 0;
    save_uint(out, core->waiter_count);
    list_each (it, &core->sessions) {
        const struct session *s = container_of(it, struct session, in_core);
        save_uint(out, s->parked);
        list_each (at, &s->waiters) {
            struct waiter *w = container_of(at, struct waiter, in_session);
            w->number = number++;
            save_waiter(out, w);
        }
    }
    list_each (it, &core->objects)
        save_lines(out, container_of(it, struct object, in_core));
    save_line(out, &core->server.lines[0]);
    save_guarded(core, out);
}

/* ---- in: the waiters, in no line and no session yet ---- */

static void load_caller(struct loader *l, struct session *s, struct caller *c)
{
    c->session = s;
    c->number = load_uint(l);
    c->thread = load_uint(l);
    c->keeps = load_bool(l);
    c->repeatable = load_bool(l);
    c->goes_on = load_bool(l);
}

static void load_items(struct loader *l, struct waiter *w)
{
    size_t n = w->count <= (size_t)(l->end - l->at) ? w->count : 0;
    w->count = 0;
    w->cells = calloc(n + 1, sizeof(*w->cells));
    if (w->cells == NULL)
        load_no_memory(l);
    for (; n > 0 && load_good(l); n--) {
        struct cell cell;
        if (!load_cell(l, &l->nobody, &cell))
            return;
        if (cell.tree)
            load_bad(l, "an item that is put is no plain value");
        w->cells[w->count++] = cell;
    }
}

/* The place of a key. */
static void load_key_place(struct loader *l, struct object *o, struct place *p)
{
    p->object = o;
    p->slot = load_slot(l, o);
    if (p->slot == NULL)
        load_bad(l, "somebody waits for a key that is not there");
}

static void load_places(struct loader *l, struct waiter *w)
{
    uint64_t form = load_uint(l);
    struct object *keyed = form == FORM_KEYS ? load_object(l) : NULL;
    size_t n = load_count(l);
    if (form > FORM_KEYS || n == 0 || n > WANTED_MAX || (form == FORM_SINGLE && n > 1) ||
        (keyed != NULL && keyed->type->code != ROOST_TYPE_keyed_lock))
        load_bad(l, "a waiter stands in no place, or in too many");
    if (!load_good(l))
        return;
    struct place *places = form == FORM_SINGLE ? &w->place : calloc(n, sizeof(*places));
    if (places == NULL) {
        load_no_memory(l);
        return;
    }
    w->places = places;
    for (; w->place_count < n && load_good(l); w->place_count++) {
        places[w->place_count].hold = load_promise(l);
        if (keyed != NULL)
            load_key_place(l, keyed, &places[w->place_count]);
    }
}

static void load_waiter(struct loader *l, struct session *s)
{
    struct waiter *w = calloc(1, sizeof(*w));
    if (w == NULL) {
        load_no_memory(l);
        return;
    }
    l->waits[l->wait_len++] = w;
    deadline_init(&w->deadline, waiter_time_is_up);
    list_init(&w->in_session);
    list_init(&w->in_guard);
    load_caller(l, s, &w->caller);
    w->method = roost__method_by_code(load_uint(l));
    if (w->method == NULL)
        load_bad(l, "a call that waits is of no method");
    w->since_us = load_past(l);
    load_deadline(l, &w->deadline);
    w->count = load_uint(l);
    w->many = load_bool(l);
    w->woken = load_bool(l);
    w->notified = load_bool(l);
    if (load_bool(l))
        load_items(l, w);
    if (load_bool(l))
        load_transaction(l, w);
    load_places(l, w);
}

/* ---- what waits where ---- */

enum part { PART_CELLS = 1, PART_TRANSACTION = 2, PART_HOLDS = 4 };

/* The methods that wait: in which line of what, with what. The lines are those of the types' files. */
static const struct waiting {
    uint32_t code;
    roost_type type;
    unsigned line;
    unsigned parts;
    enum form form;
} waitings[] = {
    {METHOD_queue_get, ROOST_TYPE_queue, 0, 0, FORM_SINGLE},
    {METHOD_queue_get_many, ROOST_TYPE_queue, 0, 0, FORM_SINGLE},
    {METHOD_queue_put, ROOST_TYPE_queue, 1, PART_CELLS, FORM_SINGLE},
    {METHOD_queue_put_many, ROOST_TYPE_queue, 1, PART_CELLS, FORM_SINGLE},
    {METHOD_queue_join, ROOST_TYPE_queue, 2, 0, FORM_SINGLE},
    {METHOD_event_wait, ROOST_TYPE_event, 0, 0, FORM_SINGLE},
    {METHOD_barrier_wait, ROOST_TYPE_barrier, 0, 0, FORM_SINGLE},
    {METHOD_lock_acquire, ROOST_TYPE_lock, 0, PART_HOLDS, FORM_SINGLE},
    {METHOD_rlock_acquire, ROOST_TYPE_rlock, 0, PART_HOLDS, FORM_SINGLE},
    {METHOD_semaphore_acquire, ROOST_TYPE_semaphore, 0, PART_HOLDS, FORM_SINGLE},
    {METHOD_bounded_semaphore_acquire, ROOST_TYPE_bounded_semaphore, 0, PART_HOLDS, FORM_SINGLE},
    {METHOD_condition_acquire, ROOST_TYPE_lock, 0, PART_HOLDS, FORM_SINGLE},
    {METHOD_condition_acquire, ROOST_TYPE_rlock, 0, PART_HOLDS, FORM_SINGLE},
    {METHOD_condition_wait, ROOST_TYPE_condition, 0, PART_HOLDS, FORM_SINGLE},
    {METHOD_condition_wait, ROOST_TYPE_lock, 0, PART_HOLDS, FORM_SINGLE},
    {METHOD_condition_wait, ROOST_TYPE_rlock, 0, PART_HOLDS, FORM_SINGLE},
    {METHOD_keyed_lock_acquire, ROOST_TYPE_keyed_lock, 0, PART_HOLDS, FORM_KEYS},
    {METHOD_server_acquire, ROOST_TYPE_lock, 0, PART_HOLDS, FORM_SEVERAL},
    {METHOD_server_acquire, ROOST_TYPE_rlock, 0, PART_HOLDS, FORM_SEVERAL},
    {METHOD_server_acquire, ROOST_TYPE_semaphore, 0, PART_HOLDS, FORM_SEVERAL},
    {METHOD_server_acquire, ROOST_TYPE_bounded_semaphore, 0, PART_HOLDS, FORM_SEVERAL},
    {METHOD_server_transact, ROOST_TYPE_server, 0, PART_TRANSACTION, FORM_SINGLE},
};

/* What a waiter has with it; 0xff: holds in some places only. */
static unsigned parts_of(const struct waiter *w)
{
    size_t holds = 0;
    for (size_t i = 0; i < w->place_count; i++)
        holds += w->places[i].hold != NULL;
    if (holds > 0 && holds < w->place_count)
        return 0xff;
    return (w->cells != NULL ? PART_CELLS : 0u) | (w->transaction != NULL ? PART_TRANSACTION : 0u) |
           (holds > 0 ? PART_HOLDS : 0u);
}

/* Only a wait that was woken stands in the line of its condition's lock, and only that one is woken. */
static bool woken_where_it_is(const struct waiter *w, const struct object *o)
{
    bool moved = w->method->code == METHOD_condition_wait && o->type->code != ROOST_TYPE_condition;
    return w->woken == moved && (w->woken || !w->notified);
}

static bool may_wait(const struct waiter *w, const struct object *o, unsigned line)
{
    bool gets = w->method->code == METHOD_queue_get || w->method->code == METHOD_queue_get_many;
    for (size_t i = 0; i < sizeof(waitings) / sizeof(waitings[0]); i++) {
        const struct waiting *may = &waitings[i];
        if (may->code == w->method->code && may->type == o->type->code && may->line == line &&
            may->parts == parts_of(w) && may->form == form_of(w))
            return woken_where_it_is(w, o) && (!gets || w->count > 0);
    }
    return false;
}

/* ---- in: the lines ---- */

static bool waits_for(const struct waiter *w, const struct object *o)
{
    for (size_t i = 0; i < w->place_count; i++)
        if (w->places[i].object == o)
            return true;
    return false;
}

/* False: two of the keys are one. */
static bool enter_keys(struct waiter *w)
{
    for (size_t i = 0; i < w->place_count; i++) {
        struct line *line = slot_line(w->places[i].slot);
        if (line->len > 0 && place_of(line->places.prev)->waiter == w)
            return false;
        enter_line(w, &w->places[i], line);
    }
    return true;
}

/* The items that somebody wants to put, charged to nobody so far, are charged to where they are to go. */
static void give_items(struct core *core, const struct waiter *w, struct object *o)
{
    for (size_t i = 0; w->cells != NULL && i < w->count; i++)
        memory_give(core, o, COST_CELL + w->cells[i].len);
}

/* The next of those in a line. */
static void load_in_line(struct loader *l, struct object *o, unsigned line)
{
    uint64_t number = load_uint(l);
    struct waiter *w = number < l->wait_len ? l->waits[number] : NULL;
    enum form form = w != NULL ? form_of(w) : FORM_SINGLE;
    uint64_t i = form == FORM_SEVERAL ? load_uint(l) : 0;
    if (w == NULL || i >= w->place_count || !may_wait(w, o, line)) {
        load_bad(l, "somebody stands in a line where nobody can");
        return;
    }
    struct place *p = form == FORM_SEVERAL ? &w->places[i] : &w->place;
    if (p->line != NULL || waits_for(w, o) != (form == FORM_KEYS)) {
        load_bad(l, "somebody stands in a line twice");
        return;
    }
    if (form != FORM_KEYS)
        p->object = o;
    w->object = w->places[0].object;
    give_items(l->core, w, o);
    enter_line(w, p, &o->lines[line]);
    if (form == FORM_KEYS && !enter_keys(w))
        load_bad(l, "somebody waits for a key twice");
    if (w->transaction != NULL && load_good(l))
        watch_transaction(l, w->transaction);
}

static void load_line(struct loader *l, struct object *o, unsigned line)
{
    for (size_t n = load_count(l); n > 0 && load_good(l); n--)
        load_in_line(l, o, line);
}

static void load_lines(struct loader *l)
{
    list_each (it, &l->core->objects)
        for (unsigned i = 0; i < LINES_MAX; i++)
            load_line(l, container_of(it, struct object, in_core), i);
    load_line(l, &l->core->server, 0);
    for (size_t i = 0; i < l->wait_len && load_good(l); i++)
        for (size_t k = 0; k < l->waits[i]->place_count; k++)
            if (l->waits[i]->places[k].line == NULL)
                load_bad(l, "somebody waits in no line");
}

static void load_guarded(struct loader *l, struct hold *h)
{
    for (size_t n = load_count(l); n > 0 && load_good(l); n--) {
        uint64_t i = load_uint(l);
        if (i >= l->wait_len || !list_empty(&l->waits[i]->in_guard))
            load_bad(l, "a call is guarded twice, or is none");
        else
            guard_attach(l->waits[i], h);
    }
}

/* From here on they are their sessions'. */
static void link_waiters(struct loader *l)
{
    for (size_t i = 0; i < l->wait_len; i++) {
        struct session *s = l->waits[i]->caller.session;
        list_push_back(&s->waiters, &l->waits[i]->in_session);
        s->parked++;
        l->core->waiter_count++;
    }
    l->wait_len = 0;
}

void load_waits(struct loader *l)
{
    size_t count = load_count(l);
    l->waits = calloc(count + 1, sizeof(struct waiter *));
    if (l->waits == NULL) {
        load_no_memory(l);
        return;
    }
    list_each (it, &l->core->sessions) {
        for (size_t n = load_count(l); n > 0 && load_good(l); n--) {
            if (l->wait_len == count)
                load_bad(l, "more wait than were counted");
            else
                load_waiter(l, container_of(it, struct session, in_core));
        }
    }
    if (l->wait_len != count)
        load_bad(l, "fewer wait than were counted");
    load_lines(l);
    list_each (it, &l->core->objects)
        list_each (at, &container_of(it, struct object, in_core)->holds)
            load_guarded(l, container_of(at, struct hold, in_object));
    if (load_good(l))
        link_waiters(l);
}

static void discard(struct core *core, struct waiter *w)
{
    deadline_clear(core, &w->deadline);
    list_remove(&w->in_guard);
    transaction_free(w->transaction);
    for (size_t i = 0; i < w->place_count; i++) {
        if (w->places[i].line != NULL)
            leave_line(&w->places[i]);
        hold_discard(core, w->places[i].hold);
    }
    if (w->places != &w->place) {
        if (w->place.line != NULL)
            leave_line(&w->place);
        free(w->places);
    }
    struct object *account = memory_account(core, w->object);
    for (size_t i = 0; w->cells != NULL && i < w->count; i++)
        cell_free(core, &w->cells[i]);
    core->account = account;
    free(w->cells);
    free(w);
}

void loader_discard(struct loader *l)
{
    while (l->wait_len > 0)
        discard(l->core, l->waits[--l->wait_len]);
    free(l->waits);
    free(l->holds);
}
