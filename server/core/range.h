/*
 * range.h: Python's indices and slices (base/range.h) from a call's arguments.
 */
#ifndef ROOST_CORE_RANGE_H
#define ROOST_CORE_RANGE_H

#include "base/range.h"
#include "core/internal.h"

/* The call's arguments from i on are start, stop, step. False when the call has failed (step 0). */
bool range_arg(struct call *c, unsigned i, size_t len, struct range *ret);

/* The call's argument i as an index into len elements. False when the call has failed. */
bool index_arg(struct call *c, unsigned i, size_t len, size_t *ret);

/* An index clamped into [0, len], negative ones from the end: insert, and the bounds of index(). */
size_t index_clamp(int64_t i, size_t len);

#endif
