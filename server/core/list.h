/*
 * list.h: the list object and the cells that its methods work on. Called by list.c and sort.c.
 */
#ifndef ROOST_CORE_LIST_H
#define ROOST_CORE_LIST_H

#include "core/cells.h"
#include "core/handlers.h"
#include "core/tree.h"

struct list_object {
    struct object object;
    struct cells cells;
};

/* The cells of the call: its object's, or those at its path. */
static inline struct cells *list_cells_of(const struct call *c)
{
    return c->tree != NULL ? &c->tree->cells : list_cells(c->object);
}

#endif
