/* range.c: Python's indices and slices; see range.h. */
#include "core/range.h"

/* A slice bound as Python adjusts it: from the end when negative, then into [low, high]. */
static int64_t adjust(int64_t bound, int64_t len, int64_t low, int64_t high)
{
    if (bound < 0)
        bound = bound < -len ? low : bound + len;
    if (bound < low)
        return low;
    return bound > high ? high : bound;
}

bool range_arg(struct call *c, unsigned i, size_t len, struct range *ret)
{
    int64_t n = (int64_t)len;
    int64_t step = arg_int(c, i + 2, 1);
    if (step == 0) {
        fail(c, ROOST_EINVAL, "slice step cannot be zero");
        return false;
    }
    if (step < -INT64_MAX)
        step = -INT64_MAX;
    int64_t low = step < 0 ? -1 : 0, high = step < 0 ? n - 1 : n;
    int64_t start = arg_given(c, i) ? adjust(arg_int(c, i, 0), n, low, high) : (step < 0 ? high : low);
    int64_t stop = arg_given(c, i + 1) ? adjust(arg_int(c, i + 1, 0), n, low, high) : (step < 0 ? low : high);
    int64_t distance = step < 0 ? start - stop : stop - start;
    int64_t stride = step < 0 ? -step : step;
    size_t count = distance <= 0 ? 0 : (size_t)((distance - 1) / stride + 1);
    *ret = (struct range){.start = start, .step = step, .count = count};
    return true;
}

bool index_arg(struct call *c, unsigned i, size_t len, size_t *ret)
{
    int64_t index = arg_int(c, i, -1);
    int64_t from_start = index < 0 ? index + (int64_t)len : index;
    if (from_start < 0 || from_start >= (int64_t)len) {
        fail(c, ROOST_EINDEX, "index %lld is out of range: the length is %zu", (long long)index, len);
        return false;
    }
    *ret = (size_t)from_start;
    return true;
}

size_t index_clamp(int64_t i, size_t len)
{
    return (size_t)adjust(i, (int64_t)len, 0, (int64_t)len);
}
