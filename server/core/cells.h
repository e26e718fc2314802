/*
 * cells.h: a vector of cells that grows and shrinks at both ends in O(1): lists and queues.
 *
 * A ring: element i is at[(head + i) & (cap - 1)]. Inserting or removing in the middle moves the shorter
 * side. Invariant: cap is 0 or a power of two; len <= cap.
 */
#ifndef ROOST_CORE_CELLS_H
#define ROOST_CORE_CELLS_H

#include "core/cell.h"

struct cells {
    struct cell *at;
    size_t cap;
    size_t head;
    size_t len;
};

static inline struct cell *cells_get(const struct cells *v, size_t i)
{
    return &v->at[(v->head + i) & (v->cap - 1)];
}

/* Makes room for n more. False without memory. */
bool cells_reserve(struct cells *v, size_t n);

/* Opens n empty places before index i, for which room was reserved. */
void cells_open(struct cells *v, size_t i, size_t n);

/* Closes the n places from index i, whose cells were moved away or freed. Gives memory back. */
void cells_close(struct cells *v, size_t i, size_t n);

/* The same, but keeps the memory: to open the places again needs none. */
void cells_take(struct cells *v, size_t i, size_t n);

/* Gives back what more memory there is than for the cells and `room` others. */
void cells_trim(struct cells *v, size_t room);

/* Adds a cell for which room was reserved. */
static inline void cells_push_back(struct cells *v, struct cell c)
{
    v->len++;
    *cells_get(v, v->len - 1) = c;
}

static inline void cells_push_front(struct cells *v, struct cell c)
{
    v->head = (v->head - 1) & (v->cap - 1);
    v->len++;
    *cells_get(v, 0) = c;
}

/* Frees all cells and the ring. */
void cells_clear(struct core *core, struct cells *v);

/* Calls visit for every reference stored inside. */
void cells_each_stored(const struct cells *v, void (*visit)(void *context, uint64_t id), void *context);

/* The cells of a list object (list.c). */
struct cells *list_cells(struct object *o);

/* Stores every element of a checked array into ret (room for its count): all, or an error of cell_store() and
 * none. */
int cells_store(struct core *core, struct object *owner, struct slice array, struct cell *ret);

#endif
