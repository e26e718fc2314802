/*
 * roost/local/array.h: typed values of a fixed number in shared memory: Python's multiprocessing.Array, or
 * RawArray without its lock.
 *
 * Typecodes are Python's: "c" one byte (bytes of length 1), "u" one character (str), "b" "B" "h" "H" "i" "I"
 * "l" "L" "q" "Q" integers of 1, 1, 2, 2, 4, 4, 8, 8, 8, 8 bytes, "f" "d" floats. A number outside the range
 * is ROOST_ERANGE, another kind of value ROOST_ETYPE; nothing wraps. Negative indices count from the end; an
 * index out of range is ROOST_EINDEX.
 *
 * With a lock, every function takes it for its own short while, and a thread that holds it
 * (roost_local_array_lock()) may use them all. Without one, each element is read and written in one atomic
 * step, and a slice element by element. roost/local/object.h says what holds for all local objects.
 */
#ifndef ROOST_LOCAL_ARRAY_H
#define ROOST_LOCAL_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

#include "roost/local/lock.h"
#include "roost/local/object.h"
#include "roost/value.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct roost_local_array roost_local_array;

/* init: the number of elements (they become 0), or an array of their values. lock: with an rlock or without.
 * _open(): init's values count at creation, typecode, length and lock must agree. Errors: ROOST_ELIMIT above
 * 2^40 bytes. */
ROOST_API int roost_local_array_new(const char *typecode, roost_value init, bool lock,
                                    roost_local_array **ret);
ROOST_API int roost_local_array_open(const char *name, const char *typecode, roost_value init, bool lock,
                                     roost_local_array **ret);
ROOST_API void roost_local_array_close(roost_local_array *a);

/* Free *ret by roost_value_free(). Block only while another holds the lock. */
ROOST_API int roost_local_array_get(roost_local_array *a, int64_t index, roost_value *ret);
ROOST_API int roost_local_array_set(roost_local_array *a, int64_t index, roost_value value);

/* Adds a number to an element in one step; *ret (may be NULL) is the sum. Errors: ROOST_ERANGE, ROOST_ETYPE.
 */
ROOST_API int roost_local_array_add(roost_local_array *a, int64_t index, roost_value delta, roost_value *ret);

/* Sets an element if it equals expected, in one step; *ret says whether. */
ROOST_API int roost_local_array_compare_and_set(roost_local_array *a, int64_t index, roost_value expected,
                                                roost_value value, bool *ret);

/* The values of a slice, Python's rules; start and stop may be ROOST_NONE (left out). An array. */
ROOST_API int roost_local_array_slice(roost_local_array *a, int64_t start, int64_t stop, int64_t step,
                                      roost_value *ret);

/* Replaces a slice by as many values, all or none. Errors: ROOST_EINVAL when the numbers differ. */
ROOST_API int roost_local_array_set_slice(roost_local_array *a, int64_t start, int64_t stop, int64_t step,
                                          roost_value values);

ROOST_API size_t roost_local_array_len(const roost_local_array *a);

/* Its lock, the array's own: do not close it. NULL when it has none. */
ROOST_API roost_local_rlock *roost_local_array_lock(roost_local_array *a);

/* The memory of the elements, little-endian, side by side: double *p = … of a "d". */
ROOST_API void *roost_local_array_data(roost_local_array *a);

#ifdef __cplusplus
}
#endif
#endif
