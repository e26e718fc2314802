/*
 * cell.h: one stored value: its MessagePack bytes, inline when they are few.
 *
 * Invariant: a cell with len 0 is empty (no value is); refs says whether an object reference stands inside,
 * and each of those is counted on its object while the cell lives.
 */
#ifndef ROOST_CORE_CELL_H
#define ROOST_CORE_CELL_H

#include "base/slice.h"

struct core;
struct object;

enum { CELL_INLINE = 12 };

struct cell {
    uint32_t len : 31;
    uint32_t refs : 1;
    uint8_t bytes[CELL_INLINE]; /* the value, or, from byte 4 on, the pointer to it */
};

_Static_assert(sizeof(struct cell) == 16, "a cell is two words");

/* The stored bytes; borrowed. */
static inline struct slice cell_slice(const struct cell *c)
{
    if (c->len <= CELL_INLINE)
        return slice_of(c->bytes, c->len);
    const uint8_t *far;
    memcpy(&far, c->bytes + 4, sizeof(far));
    return slice_of(far, c->len);
}

/*
 * Stores a copy of a checked value into an empty cell on behalf of owner. Errors, nothing changed:
 * ROOST_ENOMEM; ROOST_ENOENT when a reference inside leads nowhere.
 */
int cell_store(struct core *core, struct object *owner, struct slice value, struct cell *ret);

/* Frees the bytes, drops the references, leaves the cell empty. */
void cell_free(struct core *core, struct cell *c);

/* Calls visit for every reference in a checked value. */
void each_ref(struct slice value, void (*visit)(void *context, uint64_t id), void *context);

#endif
