/*
 * roost/local/lock.h: locks between processes, in shared memory. roost/local/object.h says what holds for all
 * local objects.
 */
#ifndef ROOST_LOCAL_LOCK_H
#define ROOST_LOCAL_LOCK_H

#include <stdbool.h>
#include <sys/types.h>

#include "roost/local/object.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A lock that its holder cannot take again (it would wait for itself). Held by a process. */
typedef struct roost_local_lock roost_local_lock;

ROOST_API int roost_local_lock_new(roost_local_lock **ret);
ROOST_API int roost_local_lock_open(const char *name, roost_local_lock **ret);
ROOST_API void roost_local_lock_close(roost_local_lock *l);

/* Takes the lock. *owner_died (may be NULL): the holder before ended without giving it back. Errors:
 * ROOST_ETIMEDOUT. */
ROOST_API int roost_local_lock_acquire(roost_local_lock *l, bool *owner_died, int timeout_ms);

/* Gives the lock back; any thread of any process may, as in Python. Never blocks. Errors: ROOST_EOVERRELEASE
 * when nobody holds it. */
ROOST_API int roost_local_lock_release(roost_local_lock *l);

/* Does anybody hold it? Who: a pid, or 0. True when looked at, maybe no longer. */
ROOST_API bool roost_local_lock_locked(const roost_local_lock *l);
ROOST_API pid_t roost_local_lock_holder(const roost_local_lock *l);

/* A lock that its holder, a thread, may take again; it is free after as many releases. */
typedef struct roost_local_rlock roost_local_rlock;

ROOST_API int roost_local_rlock_new(roost_local_rlock **ret);
ROOST_API int roost_local_rlock_open(const char *name, roost_local_rlock **ret);
ROOST_API void roost_local_rlock_close(roost_local_rlock *l);

/* Takes the lock, or one level more. owner_died: as above; a thread that ended counts as dead, too. Errors:
 * ROOST_ETIMEDOUT. */
ROOST_API int roost_local_rlock_acquire(roost_local_rlock *l, bool *owner_died, int timeout_ms);

/* Gives one level back. Never blocks. Errors: ROOST_ENOTOWNER when the calling thread does not hold it. */
ROOST_API int roost_local_rlock_release(roost_local_rlock *l);

/* Does any thread hold it? Which: its tid, or 0. */
ROOST_API bool roost_local_rlock_locked(const roost_local_rlock *l);
ROOST_API pid_t roost_local_rlock_holder(const roost_local_rlock *l);

#ifdef __cplusplus
}
#endif
#endif
