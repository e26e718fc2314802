/* waiter.c: blocked calls: parking, moving, timing out. See struct waiter in internal.h. */
#include <assert.h>
#include <stdlib.h>

#include "core/transact.h"

static int64_t deadline_of(const struct core *core, int64_t timeout_ms)
{
    if (timeout_ms < 0 || timeout_ms > (INT64_MAX - core->now_us) / 1000)
        return INT64_MAX;
    return core->now_us + timeout_ms * 1000;
}

static void enter_line(struct waiter *w, struct object *o, unsigned line)
{
    w->object = o;
    w->line = line;
    list_push_back(&o->lines[line], &w->in_line);
    o->waiting[line]++;
}

static void leave_line(struct waiter *w)
{
    assert(w->object->waiting[w->line] > 0);
    list_remove(&w->in_line);
    w->object->waiting[w->line]--;
}

struct waiter *park_ms(struct call *c, struct object *o, unsigned line, int64_t timeout_ms)
{
    assert(!c->done && line < LINES_MAX && timeout_ms != 0);
    struct core *core = c->core;
    struct waiter *w = calloc(1, sizeof(*w));
    if (w == NULL || !roost__heap_reserve(&core->deadlines, 1)) {
        free(w);
        fail_memory(c);
        return NULL;
    }
    w->caller = c->caller;
    w->method = c->method;
    w->since_us = core->now_us;
    w->deadline_us = deadline_of(core, timeout_ms);
    w->order = ++core->last_order;
    enter_line(w, o, line);
    list_push_back(&c->caller.session->waiters, &w->in_session);
    heap_node_init(&w->in_deadlines);
    if (w->deadline_us != INT64_MAX)
        roost__heap_push(&core->deadlines, &w->in_deadlines);
    core->waiter_count++;
    c->done = true;
    return w;
}

struct waiter *park(struct call *c, struct object *o, unsigned line, unsigned timeout_arg)
{
    return park_ms(c, o, line, arg_int(c, timeout_arg, -1));
}

struct waiter *line_first(const struct object *o, unsigned line)
{
    struct list *first = list_first(&o->lines[line]);
    return first == NULL ? NULL : container_of(first, struct waiter, in_line);
}

void waiter_move(struct core *core, struct waiter *w, struct object *to, unsigned line)
{
    roost__heap_remove(&core->deadlines, &w->in_deadlines);
    w->deadline_us = INT64_MAX;
    leave_line(w);
    enter_line(w, to, line);
}

void waiter_free(struct core *core, struct waiter *w)
{
    roost__heap_remove(&core->deadlines, &w->in_deadlines);
    leave_line(w);
    list_remove(&w->in_session);
    free(w->hold);
    transaction_free(w->transaction);
    if (w->cells != NULL) {
        for (size_t i = 0; i < w->count; i++)
            cell_free(core, &w->cells[i]);
        free(w->cells);
    }
    assert(core->waiter_count > 0);
    core->waiter_count--;
    free(w);
}

void waiter_time_out(struct core *core, struct waiter *w)
{
    answer_error(core, &w->caller, ROOST_ETIMEDOUT, "timed out after %lld ms",
                 (long long)((w->deadline_us - w->since_us) / 1000));
    waiter_free(core, w);
}

static struct waiter *first_to_expire(const struct core *core)
{
    struct heap_node *first = heap_first(&core->deadlines);
    return first == NULL ? NULL : container_of(first, struct waiter, in_deadlines);
}

int64_t waiters_next_us(const struct core *core)
{
    const struct waiter *w = first_to_expire(core);
    return w == NULL ? INT64_MAX : w->deadline_us;
}

void waiters_expire_first(struct core *core)
{
    struct waiter *w = first_to_expire(core);
    if (w->object->type->expire != NULL)
        w->object->type->expire(core, w);
    else
        waiter_time_out(core, w);
}
