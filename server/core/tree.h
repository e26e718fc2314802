/*
 * tree.h: a nested array or map that was written through a path: the same vector or keymap that lists and
 * dicts are made of, in the place of one encoded value.
 *
 * A stored value begins as bytes. The first write through a path that leads into it turns the containers on
 * that path, and only those, into trees, and trees they stay: from then on a write costs what it costs in a
 * list or dict of that size, whatever stands around it. Whoever wants the value as a whole (a reply, a
 * comparison) encodes it on the fly. A read through a path into bytes changes nothing: it borrows them.
 *
 * Invariant: a tree's kind is ROOST_ARRAY or ROOST_MAP, and only that one of cells and map is used. A tree
 * stays where it is in memory as long as it lives. Called by cell.c and path.c.
 */
#ifndef ROOST_CORE_TREE_H
#define ROOST_CORE_TREE_H

#include "core/cells.h"
#include "core/keymap.h"

struct tree {
    roost_kind kind;
    struct cells cells;
    struct keymap map;
};

/* Makes a tree of a checked array or map, stored on behalf of owner. A key that stands there twice counts
 * once, with its last value. Errors: ROOST_ENOMEM; ROOST_ETYPE when a key of the map cannot be a key. */
int tree_make(struct core *core, struct object *owner, struct slice value, struct tree **ret);

/* The same, borrowing the bytes of value and counting nothing: for one read, then tree_return(). */
int tree_borrow(struct core *core, struct slice value, struct tree **ret);
void tree_return(struct core *core, struct tree *t);

/* Frees it with all that is inside, dropping the references. */
void tree_free(struct core *core, struct tree *t);

/* Appends it, encoded. */
void tree_put(const struct tree *t, struct buf *out);

void tree_each_ref(const struct tree *t, void (*visit)(void *context, uint64_t id), void *context);

static inline size_t tree_len(const struct tree *t)
{
    return t->kind == ROOST_MAP ? keymap_len(&t->map) : t->cells.len;
}

#endif
