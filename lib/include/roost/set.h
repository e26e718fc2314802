/*
 * roost/set.h: a set of distinct values on the server, in insertion order. Values are what may be a dict's
 * keys.
 *
 * `other` is an array of values or a reference to a set (roost_set_ref()); its values need not be distinct.
 * roost/object.h says what holds for all handles: ownership, threads, blocking, errors.
 */
#ifndef ROOST_SET_H
#define ROOST_SET_H

#include "roost/manager.h"
#include "roost/object.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct roost_set roost_set;

ROOST_API int roost_set_new(roost_manager *m, roost_set **ret);
ROOST_API int roost_set_open(roost_manager *m, const char *name, roost_set **ret);

/* As open (name NULL: as new); a set that is created gets the values of an array. */
ROOST_API int roost_set_open_with(roost_manager *m, const char *name, roost_value items, roost_set **ret);

ROOST_API int roost_set_from(roost_manager *m, roost_value ref, roost_set **ret);
ROOST_API roost_value roost_set_ref(const roost_set *handle);
ROOST_API void roost_set_close(roost_set *handle);

/* Adds value; *ret says whether it is new. */
ROOST_API int roost_set_add(roost_set *s, roost_value value, bool *ret);

/* Removes value if it is there; *ret says whether it was. */
ROOST_API int roost_set_discard(roost_set *s, roost_value value, bool *ret);

/* Removes value. Errors: ROOST_EKEY when it is absent. */
ROOST_API int roost_set_remove(roost_set *s, roost_value value);

ROOST_API int roost_set_contains(roost_set *s, roost_value value, bool *ret);

/* Removes and returns the oldest value. Errors: ROOST_EKEY when the set is empty. */
ROOST_API int roost_set_pop(roost_set *s, roost_value *ret);

ROOST_API int roost_set_len(roost_set *s, int64_t *ret);
ROOST_API int roost_set_clear(roost_set *s);

/* All values: an array in insertion order. */
ROOST_API int roost_set_copy(roost_set *s, roost_value *ret);

/* Adds every value of other. */
ROOST_API int roost_set_update(roost_set *s, roost_value other);

/* New arrays: the values in either, in both, not in other, in just one of the two. */
ROOST_API int roost_set_union(roost_set *s, roost_value other, roost_value *ret);
ROOST_API int roost_set_intersection(roost_set *s, roost_value other, roost_value *ret);
ROOST_API int roost_set_difference(roost_set *s, roost_value other, roost_value *ret);
ROOST_API int roost_set_symmetric_difference(roost_set *s, roost_value other, roost_value *ret);

/* The same in place. */
ROOST_API int roost_set_intersection_update(roost_set *s, roost_value other);
ROOST_API int roost_set_difference_update(roost_set *s, roost_value other);
ROOST_API int roost_set_symmetric_difference_update(roost_set *s, roost_value other);

/* Is every value in other; is every value of other in the set; have the two nothing in common? */
ROOST_API int roost_set_issubset(roost_set *s, roost_value other, bool *ret);
ROOST_API int roost_set_issuperset(roost_set *s, roost_value other, bool *ret);
ROOST_API int roost_set_isdisjoint(roost_set *s, roost_value other, bool *ret);

#ifdef __cplusplus
}
#endif
#endif
