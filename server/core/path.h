/*
 * path.h: from an object to a value nested inside it, step by step: a CALL's path (PROTOCOL.md, section 2).
 *
 * A step into a map is a key, a step into an array an index. Only plain values are walked: a path ends at a
 * reference, for what is behind it is an object of its own. Called by dispatch.c (calls with a path) and
 * transact.c (conditions).
 */
#ifndef ROOST_CORE_PATH_H
#define ROOST_CORE_PATH_H

#include "core/internal.h"

/*
 * Makes the call's handler work on the container at its path (c->tree), which must suit its type, list or
 * dict. For a write it becomes a tree for good; for a read it may be one for this call only, until
 * path_leave(). False: the call has failed, naming the step.
 */
bool path_enter(struct call *c);
void path_leave(struct call *c);

/* The value at a path of one step at least, inside a dict, list or namespace. False when it leads nowhere,
 * whatever the reason. *ret: as cell_bytes(). */
bool path_value(struct core *core, struct object *o, struct slice path, struct slice *ret);

/* The same for the number of elements or keys of the array or map there; and for whether anything is there.
 */
bool path_len(struct core *core, struct object *o, struct slice path, size_t *ret);
bool path_leads(struct core *core, struct object *o, struct slice path);

/* True when o is an object that paths begin in: a dict, a list or a namespace. */
bool path_root(const struct object *o);

#endif
