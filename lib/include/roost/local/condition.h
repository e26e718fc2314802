/*
 * roost/local/condition.h: a condition variable between processes, in shared memory, with an rlock of its own
 * or a lock of yours.
 *
 * Notifications go to those who wait in order of arrival, never to a process that died. roost/local/object.h
 * says what holds for all local objects.
 */
#ifndef ROOST_LOCAL_CONDITION_H
#define ROOST_LOCAL_CONDITION_H

#include <stdbool.h>
#include <stdint.h>

#include "roost/local/lock.h"
#include "roost/local/object.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct roost_local_condition roost_local_condition;

/* The most threads that may wait at one condition at the same time. */
enum { ROOST_LOCAL_WAITERS_MAX = 1024 };

/* At most one of the two; it must stay open as long as the condition. Every process must give the same. */
typedef struct roost_local_condition_options {
    roost_local_lock *lock;
    roost_local_rlock *rlock;
} roost_local_condition_options;

/* options NULL: an rlock of its own. */
ROOST_API int roost_local_condition_new(const roost_local_condition_options *options,
                                        roost_local_condition **ret);
ROOST_API int roost_local_condition_open(const char *name, const roost_local_condition_options *options,
                                         roost_local_condition **ret);
ROOST_API void roost_local_condition_close(roost_local_condition *c);

/* The condition's lock: as roost_local_lock_acquire() and roost_local_lock_release(), or those of the rlock.
 */
ROOST_API int roost_local_condition_acquire(roost_local_condition *c, bool *owner_died, int timeout_ms);
ROOST_API int roost_local_condition_release(roost_local_condition *c);

/*
 * Gives the lock back (all its levels), waits to be notified, takes the lock again. When the time is up
 * before a notification: ROOST_ETIMEDOUT, and the lock is taken again all the same, which may take longer.
 * *owner_died (may be NULL) is set in both cases: as for acquire. Errors: ROOST_ENOTOWNER when the caller
 * does not hold the lock; ROOST_ELIMIT when ROOST_LOCAL_WAITERS_MAX wait.
 */
ROOST_API int roost_local_condition_wait(roost_local_condition *c, bool *owner_died, int timeout_ms);

/*
 * Waits until predicate(arg) is true; it is called by this thread with the lock held. Errors: as wait;
 * ROOST_ETIMEDOUT when it is still false at the end of the time. *owner_died: true when it was after any of
 * the waits.
 */
ROOST_API int roost_local_condition_wait_for(roost_local_condition *c, bool (*predicate)(void *arg),
                                             void *arg, bool *owner_died, int timeout_ms);

/* Wakes the first count waiters, or all; *ret (may be NULL) is how many. Errors: ROOST_ENOTOWNER. */
ROOST_API int roost_local_condition_notify(roost_local_condition *c, uint32_t count, uint32_t *ret);
ROOST_API int roost_local_condition_notify_all(roost_local_condition *c, uint32_t *ret);

#ifdef __cplusplus
}
#endif
#endif
