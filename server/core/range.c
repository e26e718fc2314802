/* range.c: Python's indices and slices; see range.h. */
#include "core/range.h"

bool range_arg(struct call *c, unsigned i, size_t len, struct range *ret)
{
    int64_t start = arg_int(c, i, 0), stop = arg_int(c, i + 1, 0), step = arg_int(c, i + 2, 1);
    if (step == 0) {
        fail(c, ROOST_EINVAL, "slice step cannot be zero");
        return false;
    }
    *ret = range_of(len, arg_given(c, i) ? &start : NULL, arg_given(c, i + 1) ? &stop : NULL, step);
    return true;
}

bool index_arg(struct call *c, unsigned i, size_t len, size_t *ret)
{
    int64_t index = arg_int(c, i, -1);
    bool inside = range_index(index, len, ret);
    if (!inside)
        fail(c, ROOST_EINDEX, "index %lld is out of range: the length is %zu", (long long)index, len);
    return inside;
}

size_t index_clamp(int64_t i, size_t len)
{
    return (size_t)range_adjust(i, (int64_t)len, 0, (int64_t)len);
}
