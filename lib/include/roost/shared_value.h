/*
 * roost/shared_value.h: one typed value on the server, Python's multiprocessing Value. (The wire calls the
 * type `value`; in C that name is taken by roost_value.)
 *
 * Typecodes are Python's: "c" one byte (bytes of length 1), "u" one character (str), "b" "B" "h" "H" "i" "I"
 * "l" "L" "q" "Q" integers of 1, 1, 2, 2, 4, 4, 8, 8, 8, 8 bytes, "f" "d" floats. A number outside the range
 * is ROOST_ERANGE, another kind of value ROOST_ETYPE; nothing wraps. roost/object.h says what holds for all
 * handles: ownership, threads, blocking, errors.
 */
#ifndef ROOST_SHARED_VALUE_H
#define ROOST_SHARED_VALUE_H

#include "roost/manager.h"
#include "roost/object.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct roost_shared_value roost_shared_value;

ROOST_API int roost_shared_value_new(roost_manager *m, const char *typecode, roost_value value,
                                     roost_shared_value **ret);

/* typecode NULL and value nil: opens one that exists (there is nothing to create it with: ROOST_EINVAL). */
ROOST_API int roost_shared_value_open(roost_manager *m, const char *name, const char *typecode,
                                      roost_value value, roost_shared_value **ret);

ROOST_API int roost_shared_value_from(roost_manager *m, roost_value ref, roost_shared_value **ret);
ROOST_API roost_value roost_shared_value_ref(const roost_shared_value *handle);
ROOST_API void roost_shared_value_close(roost_shared_value *handle);

ROOST_API int roost_shared_value_get(roost_shared_value *v, roost_value *ret);
ROOST_API int roost_shared_value_set(roost_shared_value *v, roost_value value);

/* Adds a number in one step; returns the sum. */
ROOST_API int roost_shared_value_incr(roost_shared_value *v, roost_value delta, roost_value *ret);

/* Sets it if it equals expected, in one step; *ret says whether. */
ROOST_API int roost_shared_value_compare_and_set(roost_shared_value *v, roost_value expected,
                                                 roost_value value, bool *ret);

#ifdef __cplusplus
}
#endif
#endif
