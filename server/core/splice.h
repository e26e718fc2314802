/*
 * splice.h: the changes that the methods of lists make to their cells, and how a transaction takes them back
 * (undo.h).
 *
 * All cells of lists and nested arrays are put, replaced, moved and removed through here. Called by list.c.
 */
#ifndef ROOST_CORE_SPLICE_H
#define ROOST_CORE_SPLICE_H

#include "core/cells.h"

/* Puts n stored cells before index `at`; room was reserved. False without memory: they are the caller's
 * still. */
bool splice_insert(struct core *core, struct cells *v, size_t at, const struct cell *cells, size_t n);

/* Puts a stored cell in the place of the one at index i. */
void splice_replace(struct core *core, struct cells *v, size_t i, struct cell cell);

/* Removes n cells from index `at`. */
void splice_remove(struct core *core, struct cells *v, size_t at, size_t n);

/* Call it before all cells are put into another order. False without memory. */
bool splice_reorder(struct core *core, struct cells *v);

#endif
