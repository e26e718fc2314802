/*
 * store.h: where a queue's items lie: a ring (first or last in first out, O(1)) or a heap (least first, first
 * come first served among equals, O(log n)), behind one interface. Called by queue.c.
 */
#ifndef ROOST_CORE_STORE_H
#define ROOST_CORE_STORE_H

#include "base/heap.h"
#include "core/cells.h"

enum store_kind { STORE_FIFO, STORE_LIFO, STORE_PRIORITY };

struct store {
    enum store_kind kind;
    struct cells cells;
    struct heap heap;
    int64_t last_order, first_order; /* of priority items: put, and returned to the head */
};

/* Of zeroed memory. */
void store_init(struct store *s, enum store_kind kind);

/* Frees it with its items. */
void store_free(struct core *core, struct store *s);

static inline size_t store_size(const struct store *s)
{
    return s->kind == STORE_PRIORITY ? s->heap.len : s->cells.len;
}

/* Moves n stored items in; a transaction may take them back. False without memory, and none is in. */
bool store_push_all(struct core *core, struct store *s, const struct cell *cells, size_t n);

/* Puts an item back where the next pop finds it. False without memory. */
bool store_push_head(struct store *s, struct cell cell);

/* The next item, of one that is not empty. */
const struct cell *store_peek(const struct store *s);
struct cell store_pop(struct store *s);

/* Frees all items. */
void store_drain(struct core *core, struct store *s);

/* Inside of a transaction: takes the next item out; *ret is borrowed from the log. False without memory. */
bool store_take(struct core *core, struct store *s, struct cell *ret);

/* Calls visit for the id of every object stored inside. */
void store_each_stored(const struct store *s, void (*visit)(void *context, uint64_t id), void *context);

#endif
