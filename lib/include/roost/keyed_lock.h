/*
 * roost/keyed_lock.h: a lock for each key, on the server: for rows of a table, files, users, whatever has a
 * name. Nothing is stored for keys that nobody holds or waits for.
 *
 * Keys are what keys of a dict are (roost/dict.h). One call takes several keys, all or none: it holds none
 * while it waits, stands in the line of each, and is served as soon as all are free and nobody who came
 * before it wants any of them; so nobody starves. The keys of a call are one grant with one token. They are
 * held by a session, any thread of which may release them, and nobody else; when the session ends they go to
 * the next in line, who learns it by grant.owner_died. Deadlocks: roost/lock.h. Keys taken in one call cannot
 * deadlock with each other. roost/object.h says what holds for all handles: ownership, threads, blocking,
 * errors.
 */
#ifndef ROOST_KEYED_LOCK_H
#define ROOST_KEYED_LOCK_H

#include "roost/manager.h"
#include "roost/object.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct roost_keyed_lock roost_keyed_lock;

ROOST_API int roost_keyed_lock_new(roost_manager *m, roost_keyed_lock **ret);
ROOST_API int roost_keyed_lock_open(roost_manager *m, const char *name, roost_keyed_lock **ret);
ROOST_API int roost_keyed_lock_from(roost_manager *m, roost_value ref, roost_keyed_lock **ret);
ROOST_API roost_value roost_keyed_lock_ref(const roost_keyed_lock *handle);
ROOST_API void roost_keyed_lock_close(roost_keyed_lock *handle);

/*
 * Takes the keys of an array, 1 to 1024, waiting in line for each. A key named twice is taken once. Errors:
 * ROOST_ETIMEDOUT, ROOST_EDEADLK, ROOST_EINVAL (no keys), ROOST_ETYPE (what cannot be a key), ROOST_ELIMIT.
 */
ROOST_API int roost_keyed_lock_acquire(roost_keyed_lock *k, roost_value keys, roost_grant *ret,
                                       int timeout_ms);

/* As acquire, with options. Errors: ROOST_EINVAL when ttl_ms < 0, and those of acquire. */
ROOST_API int roost_keyed_lock_acquire_with(roost_keyed_lock *k, roost_value keys,
                                            const roost_acquire_options *options, roost_grant *ret,
                                            int timeout_ms);

/* Gives the keys of an array back, all or none; nil: all that this thread took. Errors: ROOST_ENOTOWNER when
 * this process does not hold one of them. */
ROOST_API int roost_keyed_lock_release(roost_keyed_lock *k, roost_value keys);

/* Gives back what is left of the grant of that token. Errors: ROOST_ENOTOWNER when it is over, or another
 * process's. */
ROOST_API int roost_keyed_lock_release_token(roost_keyed_lock *k, uint64_t token);

/* Is the key held? */
ROOST_API int roost_keyed_lock_locked(roost_keyed_lock *k, roost_value key, bool *ret);

/* The keys held and by whom, in order of granting: an array of maps as roost_server_who()'s holders. */
ROOST_API int roost_keyed_lock_held(roost_keyed_lock *k, roost_value *ret);

/* Lets the grant of that token end ttl_ms from now on; 0: never. Errors: ROOST_ENOTOWNER when it is over. */
ROOST_API int roost_keyed_lock_extend(roost_keyed_lock *k, uint64_t token, int64_t ttl_ms);

#ifdef __cplusplus
}
#endif
#endif
