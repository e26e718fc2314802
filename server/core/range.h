/*
 * range.h: Python's rules for indices and slices (language reference §6.3.3, PySlice_AdjustIndices).
 */
#ifndef ROOST_CORE_RANGE_H
#define ROOST_CORE_RANGE_H

#include "core/internal.h"

/* The elements start, start + step, … (count of them) of a sequence. */
struct range {
    int64_t start;
    int64_t step;
    size_t count;
};

/* The call's arguments from i on are start, stop, step. False when the call has failed (step 0). */
bool range_arg(struct call *c, unsigned i, size_t len, struct range *ret);

/* The call's argument i as an index into len elements. False when the call has failed. */
bool index_arg(struct call *c, unsigned i, size_t len, size_t *ret);

/* An index clamped into [0, len], negative ones from the end: insert, and the bounds of index(). */
size_t index_clamp(int64_t i, size_t len);

static inline size_t range_at(const struct range *r, size_t k)
{
    return (size_t)(r->start + (int64_t)k * r->step);
}

#endif
