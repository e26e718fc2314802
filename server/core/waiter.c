/* waiter.c: blocked calls: parking, moving, timing out. See struct waiter in internal.h. */
#include <assert.h>
#include <stdlib.h>

#include "core/memory.h"
#include "core/transact.h"

void line_init(struct line *l)
{
    *l = (struct line){0};
    list_init(&l->places);
    list_init(&l->in_due);
}

struct waiter *line_first_of(const struct line *l)
{
    struct list *first = list_first(&l->places);
    return first == NULL ? NULL : place_of(first)->waiter;
}

void enter_line(struct waiter *w, struct place *p, struct line *line)
{
    p->waiter = w;
    p->line = line;
    list_push_back(&line->places, &p->in_line);
    line->len++;
    line->joint += w->place_count > 1;
}

void leave_line(struct place *p)
{
    assert(p->line->len > 0);
    list_remove(&p->in_line);
    p->line->len--;
    p->line->joint -= p->waiter->place_count > 1;
}

void waiter_time_is_up(struct core *core, struct deadline *d)
{
    struct waiter *w = container_of(d, struct waiter, deadline);
    if (w->object->type->expire != NULL)
        w->object->type->expire(core, w);
    else
        waiter_time_out(core, w);
}

static bool may_wait(struct call *c)
{
    struct core *core = c->core;
    if (core->waiter_count >= (uint64_t)core->limits.waiters_max)
        core->over = "waiters_max";
    else if (c->caller.session->parked >= (size_t)core->limits.in_flight_max)
        core->over = "in_flight_max";
    else
        return memory_allows(core, COST_WAITER);
    return false;
}

/* A waiter in its session's list and the heap, in no line yet. NULL (and failed) without memory. */
static struct waiter *park_call(struct call *c, int64_t timeout_ms)
{
    assert(!c->done && timeout_ms != 0);
    struct core *core = c->core;
    struct waiter *w = may_wait(c) ? calloc(1, sizeof(*w)) : NULL;
    if (w == NULL) {
        fail_memory(c);
        return NULL;
    }
    deadline_init(&w->deadline, waiter_time_is_up);
    int64_t at_us = deadline_in_ms(core, timeout_ms);
    if (at_us != INT64_MAX && !deadline_set(core, &w->deadline, at_us)) {
        free(w);
        fail_memory(c);
        return NULL;
    }
    w->caller = c->caller;
    w->method = c->method;
    w->since_us = core->now_us;
    list_push_back(&c->caller.session->waiters, &w->in_session);
    list_init(&w->in_guard);
    if (c->guard != NULL)
        guard_attach(w, c->guard);
    core->waiter_count++;
    c->caller.session->parked++;
    c->done = true;
    return w;
}

struct waiter *park_ms(struct call *c, struct object *o, unsigned line, int64_t timeout_ms)
{
    assert(line < LINES_MAX);
    struct waiter *w = park_call(c, timeout_ms);
    if (w == NULL)
        return NULL;
    w->object = w->place.object = o;
    w->places = &w->place;
    w->place_count = 1;
    enter_line(w, &w->place, &o->lines[line]);
    return w;
}

struct waiter *park(struct call *c, struct object *o, unsigned line, unsigned timeout_arg)
{
    return park_ms(c, o, line, arg_int(c, timeout_arg, -1));
}

struct waiter *park_places(struct call *c, struct place *places, size_t n, int64_t timeout_ms)
{
    bool keys = places[0].slot != NULL;
    struct waiter *w = park_call(c, timeout_ms);
    if (w == NULL)
        return NULL;
    w->object = places[0].object;
    w->places = places;
    w->place_count = n;
    for (size_t i = 0; i < n; i++)
        enter_line(w, &places[i], places[i].line);
    if (keys)
        enter_line(w, &w->place, &w->object->lines[0]);
    return w;
}

void waiter_move(struct core *core, struct waiter *w, struct object *to, unsigned line)
{
    assert(w->places == &w->place);
    deadline_clear(core, &w->deadline);
    leave_line(&w->place);
    w->object = w->place.object = to;
    enter_line(w, &w->place, &to->lines[line]);
}

static void leave_place(struct core *core, struct place *p)
{
    leave_line(p);
    hold_discard(core, p->hold);
    if (p->object->type->takeable != NULL)
        line_due(core, p->line);
    if (p->slot != NULL)
        slot_tidy(core, p->object, p->slot);
}

void waiter_free(struct core *core, struct waiter *w)
{
    deadline_clear(core, &w->deadline);
    list_remove(&w->in_session);
    list_remove(&w->in_guard);
    transaction_free(w->transaction);
    for (size_t i = 0; i < w->place_count; i++)
        leave_place(core, &w->places[i]);
    if (w->places != &w->place) {
        if (w->place.line != NULL)
            leave_line(&w->place);
        free(w->places);
    }
    if (w->cells != NULL) {
        struct object *account = memory_account(core, w->object);
        for (size_t i = 0; i < w->count; i++)
            cell_free(core, &w->cells[i]);
        core->account = account;
        free(w->cells);
    }
    assert(core->waiter_count > 0 && w->caller.session->parked > 0);
    core->waiter_count--;
    w->caller.session->parked--;
    free(w);
}

void waiter_leave(struct core *core, struct waiter *w)
{
    struct object *o = w->object;
    waiter_free(core, w);
    if (o->type->left != NULL)
        o->type->left(core, o);
}

void waiter_time_out(struct core *core, struct waiter *w)
{
    core->errors_by_row[w->method - roost__methods]++;
    answer_error(core, &w->caller, ROOST_ETIMEDOUT, "timed out after %lld ms",
                 (long long)((w->deadline.at_us - w->since_us) / 1000));
    waiter_free(core, w);
}

void waiter_cancel(struct core *core, struct session *s, uint64_t number)
{
    list_each (it, &s->waiters) {
        struct waiter *w = container_of(it, struct waiter, in_session);
        if (w->caller.number == number) {
            answer_error(core, &w->caller, ROOST_ECANCELED, "the call was cancelled");
            waiter_leave(core, w);
            return;
        }
    }
}
