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
    size_t bytes;                    /* of the items inside */
    size_t out;                      /* items taken out that may still come back: their room stays theirs */
};

struct ranked; /* an item's node in the heap */

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

/* The next item, of one that is not empty. */
const struct cell *store_peek(const struct store *s);

/*
 * Takes the next item out, on its way to somebody. It keeps its room, and its node goes to the spare ones, so
 * that putting it back needs no memory.
 */
struct cell store_take_out(struct store *s, struct ranked **spare);

/* Puts one back where the next take finds it. */
void store_put_back(struct store *s, struct cell cell, struct ranked **spare);

/* n of them will not come back; frees what is spare. s NULL: the store is gone. */
void store_let_go(struct store *s, size_t n, struct ranked *spare);

/* Gives memory back that neither items nor those taken out need. */
void store_trim(struct store *s);

/* Frees all items. */
void store_drain(struct core *core, struct store *s);

/* Inside of a transaction: takes the next item out; *ret is borrowed from the log. False without memory. */
bool store_take(struct core *core, struct store *s, struct cell *ret);

struct loader;

/* As bytes, without the items taken out; back into zeroed memory. */
void save_store(struct buf *out, const struct store *s);
void load_store(struct loader *l, struct object *owner, struct store *s);

/* One more item was taken out before: it has its room, and its node is a spare one. False without memory. */
bool store_expect(struct store *s, struct ranked **spare);

/* Calls visit for the id of every object stored inside. */
void store_each_stored(const struct store *s, void (*visit)(void *context, uint64_t id), void *context);

#endif
