/*
 * roost/condition.h: a condition variable on the server, with a lock of yours or an rlock of its own.
 *
 * roost/object.h says what holds for all handles: ownership, threads, blocking, errors.
 */
#ifndef ROOST_CONDITION_H
#define ROOST_CONDITION_H

#include "roost/lock.h"
#include "roost/manager.h"
#include "roost/object.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct roost_condition roost_condition;

/* lock: roost_lock_ref() or roost_rlock_ref(); nil: an rlock of its own. */
ROOST_API int roost_condition_new(roost_manager *m, roost_value lock, roost_condition **ret);
ROOST_API int roost_condition_open(roost_manager *m, const char *name, roost_value lock,
                                   roost_condition **ret);
ROOST_API int roost_condition_from(roost_manager *m, roost_value ref, roost_condition **ret);
ROOST_API roost_value roost_condition_ref(const roost_condition *handle);
ROOST_API void roost_condition_close(roost_condition *handle);

/* The condition's lock: as roost_lock_acquire() and its siblings. */
ROOST_API int roost_condition_acquire(roost_condition *c, roost_grant *ret, int timeout_ms);
ROOST_API int roost_condition_acquire_with(roost_condition *c, const roost_acquire_options *options,
                                           roost_grant *ret, int timeout_ms);
ROOST_API int roost_condition_release(roost_condition *c);
ROOST_API int roost_condition_release_token(roost_condition *c, uint64_t token);

/*
 * Gives the lock back (all its levels), waits to be notified, takes the lock again. When the time is up
 * before a notification: ROOST_ETIMEDOUT, and the lock is taken again all the same; *ret is set in both
 * cases. Taking the lock again may take longer than timeout_ms. A time to live of the grant begins anew.
 * Errors: ROOST_ENOTOWNER when the caller does not hold the lock; ROOST_EDEADLK when its holder waits for a
 * lock that the caller holds: the lock is then not taken again.
 */
ROOST_API int roost_condition_wait(roost_condition *c, roost_grant *ret, int timeout_ms);

/*
 * Waits until predicate(arg) is true; it is called by this thread with the lock held. Errors: as wait;
 * ROOST_ETIMEDOUT when it is still false at the end of the time. *ret is set when there was a wait.
 */
ROOST_API int roost_condition_wait_for(roost_condition *c, bool (*predicate)(void *arg), void *arg,
                                       roost_grant *ret, int timeout_ms);

/* Wakes the first count waiters, or all; *ret is how many. Errors: ROOST_ENOTOWNER. */
ROOST_API int roost_condition_notify(roost_condition *c, uint64_t count, int64_t *ret);
ROOST_API int roost_condition_notify_all(roost_condition *c, int64_t *ret);

#ifdef __cplusplus
}
#endif
#endif
