/*
 * roost/dict.h: a dictionary on the server, shared by all who open it. Python's dict, with its insertion
 * order.
 *
 * Keys are any values but maps (and arrays with maps inside); numbers that are equal are one key: 1, 1.0 and
 * true. roost/object.h says what holds for all handles: ownership, threads, blocking, errors.
 */
#ifndef ROOST_DICT_H
#define ROOST_DICT_H

#include "roost/manager.h"
#include "roost/object.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct roost_dict roost_dict;

ROOST_API int roost_dict_new(roost_manager *m, roost_dict **ret);
ROOST_API int roost_dict_open(roost_manager *m, const char *name, roost_dict **ret);

/* As open (name NULL: as new); a dict that is created gets the items of a map. */
ROOST_API int roost_dict_open_with(roost_manager *m, const char *name, roost_value items, roost_dict **ret);

ROOST_API int roost_dict_from(roost_manager *m, roost_value ref, roost_dict **ret);
ROOST_API roost_value roost_dict_ref(const roost_dict *handle);
ROOST_API void roost_dict_close(roost_dict *handle);

/* The value of key. Errors: ROOST_EKEY when it is absent. */
ROOST_API int roost_dict_get(roost_dict *d, roost_value key, roost_value *ret);

/* The value of key, or when absent a copy of fallback. */
ROOST_API int roost_dict_get_or(roost_dict *d, roost_value key, roost_value fallback, roost_value *ret);

/* Sets key to value, without a time to live; a key that is there keeps its place. */
ROOST_API int roost_dict_set(roost_dict *d, roost_value key, roost_value value);

/*
 * The same for ttl_ms milliseconds of the server's time (at least 1; ROOST_NONE: without end): then the key
 * is gone by itself, and no call sees it any more. As in Redis (SET, EXPIRE, TTL, PERSIST), whatever sets the
 * key anew (set, update, set_many, compare_and_set) ends its time to live; incr and changes inside its value
 * keep it. Errors: ROOST_EINVAL.
 */
ROOST_API int roost_dict_set_ttl(roost_dict *d, roost_value key, roost_value value, int64_t ttl_ms);

/* Gives a key that is there a time to live, in place of the one it has. Errors: ROOST_EKEY, ROOST_EINVAL. */
ROOST_API int roost_dict_expire(roost_dict *d, roost_value key, int64_t ttl_ms);

/* The milliseconds that key has left, begun ones counted whole; -1: no end. Errors: ROOST_EKEY. */
ROOST_API int roost_dict_ttl(roost_dict *d, roost_value key, int64_t *ret);

/* Takes the time to live away; *ret says whether there was one. Errors: ROOST_EKEY. */
ROOST_API int roost_dict_persist(roost_dict *d, roost_value key, bool *ret);

/* Removes key. Errors: ROOST_EKEY when it is absent. */
ROOST_API int roost_dict_delete(roost_dict *d, roost_value key);

ROOST_API int roost_dict_contains(roost_dict *d, roost_value key, bool *ret);
ROOST_API int roost_dict_len(roost_dict *d, int64_t *ret);

/* All keys, values, [key, value] pairs: arrays in insertion order. */
ROOST_API int roost_dict_keys(roost_dict *d, roost_value *ret);
ROOST_API int roost_dict_values(roost_dict *d, roost_value *ret);
ROOST_API int roost_dict_items(roost_dict *d, roost_value *ret);

/* Removes key and returns its value. Errors: ROOST_EKEY when it is absent; pop_or: then a copy of fallback.
 */
ROOST_API int roost_dict_pop(roost_dict *d, roost_value key, roost_value *ret);
ROOST_API int roost_dict_pop_or(roost_dict *d, roost_value key, roost_value fallback, roost_value *ret);

/* Removes and returns the newest [key, value]. Errors: ROOST_EKEY when the dict is empty. */
ROOST_API int roost_dict_popitem(roost_dict *d, roost_value *ret);

/* The value of key, which is set to value first when absent. */
ROOST_API int roost_dict_setdefault(roost_dict *d, roost_value key, roost_value value, roost_value *ret);

/* Sets every key of a map, in one step. */
ROOST_API int roost_dict_update(roost_dict *d, roost_value items);

ROOST_API int roost_dict_clear(roost_dict *d);

/* All of it as a map. */
ROOST_API int roost_dict_copy(roost_dict *d, roost_value *ret);

/* Those of an array of keys that are there, with their values: a map. */
ROOST_API int roost_dict_get_many(roost_dict *d, roost_value keys, roost_value *ret);

/* Sets every key of a map, in one step; returns how many are new. */
ROOST_API int roost_dict_set_many(roost_dict *d, roost_value items, int64_t *ret);

/* Adds a number to the number of key (0 when absent), in one step; returns the sum. Two integers stay an
 * integer. Errors: ROOST_ETYPE (no number), ROOST_ERANGE (past 64 bits). */
ROOST_API int roost_dict_incr(roost_dict *d, roost_value key, roost_value delta, roost_value *ret);

/* Sets key to value if its value equals expected, in one step; *ret says whether. */
ROOST_API int roost_dict_compare_and_set(roost_dict *d, roost_value key, roost_value expected,
                                         roost_value value, bool *ret);

#ifdef __cplusplus
}
#endif
#endif
