/*
 * cells.h: how arguments and results travel inside a pool.
 *
 * A cell is a roost_value as it lies in memory, a multiple of 8 bytes long. Scalars are complete; a string's
 * or byte string's bytes stand right behind their cell with a NUL; arrays and maps stand there as
 * MessagePack. So a task's numbers and strings are used where they lie, without decoding. An item is one cell
 * (map), or the head cell of an array and a cell for each element (apply, starmap).
 *
 * Cells written by a worker are not believed: roost__cell_own() checks them, because a task that scribbles
 * over memory must not take the parent with it. Called by submit.c, worker.c, engine.c and crew.c.
 */
#ifndef ROOST_RUN_CELLS_H
#define ROOST_RUN_CELLS_H

#include "base/buf.h"
#include "roost/value.h"

/* Puts v. Errors (worded): as roost__put_value(). */
int roost__cell_put(struct buf *b, roost_value v);

/* Puts the head of an array and its elements, each a cell. Errors: ROOST_EINVAL when v is no array. */
int roost__cell_put_args(struct buf *b, roost_value v);

/* Where the cell at p, which is no scalar, ends. Trusts p. */
const uint8_t *roost__cell_end_of_body(const uint8_t *p);

/* Where the item at p ends: a cell, or with `star` a head and its cells. Trusts p. */
const uint8_t *roost__item_end(const uint8_t *p, bool star);

/* The value at p, which must stay while *ret is used; arrays and maps own a block. Trusts p. ROOST_ENOMEM. */
int roost__cell_borrow(const uint8_t *p, roost_value *ret);

/* The value in s, which must be exactly one cell, as an owning value. Errors: ROOST_EPROTO, ROOST_ENOMEM. */
int roost__cell_own(struct slice s, roost_value *ret);

/* v as an owning value: v itself when it owns its memory or needs none, else a copy. Errors: see put. */
int roost__value_settle(roost_value v, roost_value *ret);

static inline bool is_scalar(const roost_value *v)
{
    return (unsigned)v->kind < ROOST_STR || v->kind == ROOST_REF;
}

/* The cell at p, where it lies: cells are aligned. */
static inline const roost_value *cell_at(const uint8_t *p)
{
    return (const roost_value *)(const void *)p;
}

/* Where the cell at p ends. Trusts p. */
static inline const uint8_t *roost__cell_end(const uint8_t *p)
{
    return is_scalar(cell_at(p)) ? p + sizeof(roost_value) : roost__cell_end_of_body(p);
}

#endif
