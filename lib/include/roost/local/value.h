/*
 * roost/local/value.h: one typed value in shared memory: Python's multiprocessing.Value, or RawValue without
 * its lock.
 *
 * Typecodes are Python's: "c" one byte (bytes of length 1), "u" one character (str), "b" "B" "h" "H" "i" "I"
 * "l" "L" "q" "Q" integers of 1, 1, 2, 2, 4, 4, 8, 8, 8, 8 bytes, "f" "d" floats. A number outside the range
 * is ROOST_ERANGE, another kind of value ROOST_ETYPE; nothing wraps.
 *
 * With a lock, every function takes it for its own short while, and a thread that holds it
 * (roost_local_value_lock()) may use them all. Without one, each function is one atomic step.
 * roost/local/object.h says what holds for all local objects.
 */
#ifndef ROOST_LOCAL_VALUE_H
#define ROOST_LOCAL_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "roost/local/lock.h"
#include "roost/local/object.h"
#include "roost/value.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct roost_local_value roost_local_value;

/* lock: with an rlock beside the value, or without. _open(): value counts at creation, typecode and lock must
 * agree. */
ROOST_API int roost_local_value_new(const char *typecode, roost_value value, bool lock,
                                    roost_local_value **ret);
ROOST_API int roost_local_value_open(const char *name, const char *typecode, roost_value value, bool lock,
                                     roost_local_value **ret);
ROOST_API void roost_local_value_close(roost_local_value *v);

/* Free *ret by roost_value_free() ("c" and "u" own memory). Block only while another holds the lock. */
ROOST_API int roost_local_value_get(roost_local_value *v, roost_value *ret);
ROOST_API int roost_local_value_set(roost_local_value *v, roost_value value);

/* Adds a number in one step; *ret (may be NULL) is the sum. Errors: ROOST_ERANGE, ROOST_ETYPE: nothing
 * changed. */
ROOST_API int roost_local_value_add(roost_local_value *v, roost_value delta, roost_value *ret);

/* The same for integers, without a roost_value on the way: the fastest. A sum above 2^63 ("L", "Q") comes as
 * its bits. Errors: ROOST_ETYPE for other typecodes. */
ROOST_API int roost_local_value_add_int(roost_local_value *v, int64_t delta, int64_t *ret);

/* Sets it if it equals expected (as numbers: 1 equals 1.0), in one step; *ret says whether. */
ROOST_API int roost_local_value_compare_and_set(roost_local_value *v, roost_value expected, roost_value value,
                                                bool *ret);

/* Its lock, the value's own: do not close it. NULL when it has none. */
ROOST_API roost_local_rlock *roost_local_value_lock(roost_local_value *v);

/* The memory of the element, little-endian, for programs that know the type: int64_t *p = … of a "q". */
ROOST_API void *roost_local_value_data(roost_local_value *v);

#ifdef __cplusplus
}
#endif
#endif
