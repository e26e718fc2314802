/*
 * range.h: Python's rules for indices and slices (language reference §6.3.3, PySlice_AdjustIndices).
 *
 * Called by the core (core/range.h) and by lib/local's arrays.
 */
#ifndef ROOST_BASE_RANGE_H
#define ROOST_BASE_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The elements start, start + step, … (count of them) of a sequence. */
struct range {
    int64_t start;
    int64_t step;
    size_t count;
};

/* A slice bound; NULL stands for one left out. */
typedef const int64_t *range_bound;

/* A bound as Python adjusts it: from the end when negative, then into [low, high]. */
static inline int64_t range_adjust(int64_t bound, int64_t len, int64_t low, int64_t high)
{
    if (bound < 0)
        bound = bound < -len ? low : bound + len;
    if (bound < low)
        return low;
    return bound > high ? high : bound;
}

/* The slice of a sequence of len elements. step is not 0. */
static inline struct range range_of(size_t len, range_bound start, range_bound stop, int64_t step)
{
    int64_t n = (int64_t)len;
    if (step < -INT64_MAX)
        step = -INT64_MAX;
    int64_t low = step < 0 ? -1 : 0, high = step < 0 ? n - 1 : n;
    int64_t from = start != NULL ? range_adjust(*start, n, low, high) : (step < 0 ? high : low);
    int64_t to = stop != NULL ? range_adjust(*stop, n, low, high) : (step < 0 ? low : high);
    int64_t distance = step < 0 ? from - to : to - from;
    int64_t stride = step < 0 ? -step : step;
    size_t count = distance <= 0 ? 0 : (size_t)((distance - 1) / stride + 1);
    return (struct range){.start = from, .step = step, .count = count};
}

/* An index, negative ones from the end. False when it is outside. */
static inline bool range_index(int64_t index, size_t len, size_t *ret)
{
    int64_t from_start = index < 0 ? index + (int64_t)len : index;
    if (from_start < 0 || from_start >= (int64_t)len)
        return false;
    *ret = (size_t)from_start;
    return true;
}

static inline size_t range_at(const struct range *r, size_t k)
{
    return (size_t)(r->start + (int64_t)k * r->step);
}

#endif
