/*
 * roost/split.h: splitting work into k nearly equal consecutive parts: the first n % k have one item more.
 */
#ifndef ROOST_SPLIT_H
#define ROOST_SPLIT_H

#include "roost/value.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Part i (from 0) of n items in k parts: *first and *count. Parts may be empty when k > n. Never blocks.
 * Errors: ROOST_EINVAL (k is 0), ROOST_EINDEX (i is not below k).
 */
ROOST_API int roost_split(size_t n, size_t k, size_t i, size_t *first, size_t *count);

/*
 * Splits an array into k arrays, ret[0] … ret[k - 1], which borrow the items of `array`.
 * Errors: ROOST_EINVAL (k is 0, or no array).
 */
ROOST_API int roost_split_list(roost_value array, uint32_t k, roost_value *ret);

#ifdef __cplusplus
}
#endif
#endif
