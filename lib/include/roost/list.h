/*
 * roost/list.h: a list on the server. Python's list: negative indices count from the end, slices follow its
 * rules.
 *
 * Where an index is out of range the error is ROOST_EINDEX; start, stop and step may be ROOST_NONE.
 * roost/object.h says what holds for all handles: ownership, threads, blocking, errors.
 */
#ifndef ROOST_LIST_H
#define ROOST_LIST_H

#include "roost/manager.h"
#include "roost/object.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct roost_list roost_list;

ROOST_API int roost_list_new(roost_manager *m, roost_list **ret);
ROOST_API int roost_list_open(roost_manager *m, const char *name, roost_list **ret);

/* As open (name NULL: as new); a list that is created gets the values of an array. */
ROOST_API int roost_list_open_with(roost_manager *m, const char *name, roost_value items, roost_list **ret);

ROOST_API int roost_list_from(roost_manager *m, roost_value ref, roost_list **ret);
ROOST_API roost_value roost_list_ref(const roost_list *handle);
ROOST_API void roost_list_close(roost_list *handle);

ROOST_API int roost_list_append(roost_list *l, roost_value value);

/* Adds every value of an array at the end. */
ROOST_API int roost_list_extend(roost_list *l, roost_value values);

/* Puts value before index; an index out of range is clamped. */
ROOST_API int roost_list_insert(roost_list *l, int64_t index, roost_value value);

/* Removes and returns the value at index: -1 is the last. */
ROOST_API int roost_list_pop(roost_list *l, int64_t index, roost_value *ret);

ROOST_API int roost_list_get(roost_list *l, int64_t index, roost_value *ret);
ROOST_API int roost_list_set(roost_list *l, int64_t index, roost_value value);
ROOST_API int roost_list_delete(roost_list *l, int64_t index);

/* The values of a slice: an array. Errors: ROOST_EINVAL when step is 0. */
ROOST_API int roost_list_slice(roost_list *l, int64_t start, int64_t stop, int64_t step, roost_value *ret);

/* Replaces a slice by the values of an array: as many as the slice has when step is neither 1 nor ROOST_NONE,
 * else ROOST_EINVAL. */
ROOST_API int roost_list_set_slice(roost_list *l, int64_t start, int64_t stop, int64_t step,
                                   roost_value values);

ROOST_API int roost_list_delete_slice(roost_list *l, int64_t start, int64_t stop, int64_t step);

/* Where value is first, looked for from start to before stop. Errors: ROOST_EKEY when it is absent. */
ROOST_API int roost_list_index(roost_list *l, roost_value value, int64_t start, int64_t stop, int64_t *ret);

ROOST_API int roost_list_count(roost_list *l, roost_value value, int64_t *ret);
ROOST_API int roost_list_contains(roost_list *l, roost_value value, bool *ret);

/* Removes the first value that equals value. Errors: ROOST_EKEY when it is absent. */
ROOST_API int roost_list_remove(roost_list *l, roost_value value);

ROOST_API int roost_list_reverse(roost_list *l);

/* Sorts, stable. Errors: ROOST_ETYPE when two values have no order; then nothing changes. */
ROOST_API int roost_list_sort(roost_list *l, bool reverse);

ROOST_API int roost_list_clear(roost_list *l);

/* All of it as an array. */
ROOST_API int roost_list_copy(roost_list *l, roost_value *ret);

ROOST_API int roost_list_len(roost_list *l, int64_t *ret);

#ifdef __cplusplus
}
#endif
#endif
