/*
 * roost/shared_array.h: typed values of a fixed number on the server, Python's multiprocessing Array. (The
 * wire calls the type `array`; in C roost_array() builds an array value.)
 *
 * Typecodes are Python's: "c" one byte (bytes of length 1), "u" one character (str), "b" "B" "h" "H" "i" "I"
 * "l" "L" "q" "Q" integers of 1, 1, 2, 2, 4, 4, 8, 8, 8, 8 bytes, "f" "d" floats. A number outside the range
 * is ROOST_ERANGE, another kind of value ROOST_ETYPE; nothing wraps. Negative indices count from the end; an
 * index out of range is ROOST_EINDEX. roost/object.h says what holds for all handles: ownership, threads,
 * blocking, errors.
 */
#ifndef ROOST_SHARED_ARRAY_H
#define ROOST_SHARED_ARRAY_H

#include "roost/manager.h"
#include "roost/object.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct roost_shared_array roost_shared_array;

/* init is the number of elements (they become 0), or an array of their values. */
ROOST_API int roost_shared_array_new(roost_manager *m, const char *typecode, roost_value init,
                                     roost_shared_array **ret);

/* typecode NULL and init nil: opens one that exists (there is nothing to create it with: ROOST_EINVAL). */
ROOST_API int roost_shared_array_open(roost_manager *m, const char *name, const char *typecode,
                                      roost_value init, roost_shared_array **ret);

ROOST_API int roost_shared_array_from(roost_manager *m, roost_value ref, roost_shared_array **ret);
ROOST_API roost_value roost_shared_array_ref(const roost_shared_array *handle);
ROOST_API void roost_shared_array_close(roost_shared_array *handle);

ROOST_API int roost_shared_array_get(roost_shared_array *a, int64_t index, roost_value *ret);
ROOST_API int roost_shared_array_set(roost_shared_array *a, int64_t index, roost_value value);

/* The values of a slice, Python's rules; start, stop and step may be ROOST_NONE. An array. */
ROOST_API int roost_shared_array_slice(roost_shared_array *a, int64_t start, int64_t stop, int64_t step,
                                       roost_value *ret);

/* Replaces a slice by as many values. Errors: ROOST_EINVAL when the numbers differ. */
ROOST_API int roost_shared_array_set_slice(roost_shared_array *a, int64_t start, int64_t stop, int64_t step,
                                           roost_value values);

/* count elements from start (ROOST_NONE: the rest) as one block of bytes: little-endian, of the sizes above,
 * "u" 4. */
ROOST_API int roost_shared_array_read(roost_shared_array *a, uint64_t start, int64_t count, roost_value *ret);

/* Overwrites elements from start on with len bytes laid out in the same way. */
ROOST_API int roost_shared_array_write(roost_shared_array *a, uint64_t start, const void *data, uint32_t len);

ROOST_API int roost_shared_array_len(roost_shared_array *a, int64_t *ret);

#ifdef __cplusplus
}
#endif
#endif
