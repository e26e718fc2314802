/* split.c: nearly equal parts; see roost/split.h. */
#include "roost/split.h"

#include "base/error.h"

int roost_split(size_t n, size_t k, size_t i, size_t *first, size_t *count)
{
    if (k == 0)
        return roost__fail(ROOST_EINVAL, "split: into 0 parts");
    if (i >= k)
        return roost__fail(ROOST_EINDEX, "split: part %zu of %zu", i, k);
    size_t size = n / k, larger = n % k;
    *first = i * size + (i < larger ? i : larger);
    *count = size + (i < larger);
    return ROOST_OK;
}

int roost_split_list(roost_value array, uint32_t k, roost_value *ret)
{
    if (array.kind != ROOST_ARRAY)
        return roost__fail(ROOST_EINVAL, "split: expected an array, got %s", roost_kind_name(array.kind));
    if (k == 0)
        return roost__fail(ROOST_EINVAL, "split: into 0 parts");
    for (uint32_t i = 0; i < k; i++) {
        size_t first = 0, count = 0;
        roost_split(array.len, k, i, &first, &count);
        ret[i] = roost_array(array.as.items + first, (uint32_t)count);
    }
    return ROOST_OK;
}
