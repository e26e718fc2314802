/*
 * deadline.c: what happens at a time: a waiter's time is up, a grant lapses. One heap for all.
 *
 * Invariant: deadlines are met in the order of their times, and of their setting among equals; whatever one
 * of them sets free is given to who waits for it before the next one is met.
 */
#include <assert.h>

#include "core/internal.h"

void deadline_init(struct deadline *d, void (*due)(struct core *core, struct deadline *d))
{
    heap_node_init(&d->in_deadlines);
    d->at_us = INT64_MAX;
    d->due = due;
}

bool deadline_set(struct core *core, struct deadline *d, int64_t at_us)
{
    roost__heap_remove(&core->deadlines, &d->in_deadlines);
    d->at_us = at_us;
    d->order = ++core->last_order;
    return roost__heap_push(&core->deadlines, &d->in_deadlines);
}

void deadline_clear(struct core *core, struct deadline *d)
{
    roost__heap_remove(&core->deadlines, &d->in_deadlines);
    d->at_us = INT64_MAX;
}

int64_t deadlines_next_us(const struct core *core)
{
    struct heap_node *first = heap_first(&core->deadlines);
    return first == NULL ? INT64_MAX : container_of(first, struct deadline, in_deadlines)->at_us;
}

void deadlines_meet_first(struct core *core)
{
    struct heap_node *first = heap_first(&core->deadlines);
    struct deadline *d = container_of(first, struct deadline, in_deadlines);
    d->due(core, d);
    assert(heap_first(&core->deadlines) != first); /* it is met once */
}

int64_t deadline_in_ms(const struct core *core, int64_t ms)
{
    if (ms < 0 || ms > (INT64_MAX - core->now_us) / 1000)
        return INT64_MAX;
    return core->now_us + ms * 1000;
}

int64_t deadline_left_ms(const struct core *core, const struct deadline *d)
{
    return d->at_us == INT64_MAX ? -1 : (d->at_us - core->now_us) / 1000;
}
