/*
 * cell.h: one stored value: its MessagePack bytes, inline when they are few; or, once it was written through
 * a path, a tree of cells (tree.h).
 *
 * Invariant: a cell with len 0 is empty (no value is); refs says whether an object reference stands inside
 * the bytes, and each of those is counted on its object while the cell lives. A tree has len 1.
 */
#ifndef ROOST_CORE_CELL_H
#define ROOST_CORE_CELL_H

#include <assert.h>

#include "base/buf.h"

struct core;
struct object;
struct tree;

enum { CELL_INLINE = 12 };

struct cell {
    uint32_t len : 30;
    uint32_t tree : 1;
    uint32_t refs : 1;
    uint8_t bytes[CELL_INLINE]; /* the value, or, from byte 4 on, the pointer to it or to the tree */
};

_Static_assert(sizeof(struct cell) == 16, "a cell is two words");

/* The stored bytes of a cell that is no tree; borrowed. */
static inline struct slice cell_slice(const struct cell *c)
{
    assert(!c->tree);
    if (c->len <= CELL_INLINE)
        return slice_of(c->bytes, c->len);
    const uint8_t *far;
    memcpy(&far, c->bytes + 4, sizeof(far));
    return slice_of(far, c->len);
}

/*
 * Stores a copy of a checked value into an empty cell on behalf of owner. Errors, nothing changed:
 * ROOST_ENOMEM, also when a limit refuses it; ROOST_ENOENT when a reference inside leads nowhere.
 */
int cell_store(struct core *core, struct object *owner, struct slice value, struct cell *ret);

/* The same for a value that is stored already: a reference whose object was deleted since stands as it is. */
int cell_store_again(struct core *core, struct object *owner, struct slice value, struct cell *ret);

/* A cell that borrows the bytes of a checked value, counting nothing: to be read, never to be freed. */
struct cell cell_borrow(struct slice value, bool refs);

/* The tree in a cell, or NULL; a cell that owns a tree. */
struct tree *cell_tree(const struct cell *c);
struct cell cell_of_tree(struct tree *t);

/* Appends the value, encoded. */
void cell_put(const struct cell *c, struct buf *out);

/* The value, encoded: the bytes themselves, or those of a tree, valid until the next call. len 0: no memory.
 */
struct slice cell_bytes(struct core *core, const struct cell *c);

/* Are two checked values equal (order.h)? False, and core->starved set, without memory. */
bool value_equal(struct core *core, struct slice a, struct slice b);

/* The same of a cell and a value. */
bool cell_equal(struct core *core, const struct cell *c, struct slice value);

/* Calls visit for every reference in the cell. */
void cell_each_ref(const struct cell *c, void (*visit)(void *context, uint64_t id), void *context);

/* Frees the bytes or the tree, drops the references, leaves the cell empty. */
void cell_free(struct core *core, struct cell *c);

/* Drops the references of a cell that is no tree, whose bytes are the caller's. */
void cell_drop_refs(struct core *core, const struct cell *c);

/* True when every reference in a checked value leads to an object of the type it says. */
bool cell_refs_lead(const struct core *core, struct slice value);

/* Counts the references in a value that is stored in owner. */
void cell_count_refs(struct core *core, struct object *owner, struct slice value);

/* Calls visit for every reference in a checked value. */
void each_ref(struct slice value, void (*visit)(void *context, uint64_t id), void *context);

#endif
