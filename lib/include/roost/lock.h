/*
 * roost/lock.h: locks on the server. A lock is held by a session, an rlock by one thread of a session.
 *
 * Who waits is served in order of arrival. When the holder's process ends or its connection is lost, the lock
 * goes to the next in line, who learns it by grant.owner_died. The grant's token lets others refuse what a
 * former holder still does (a fencing token; roost/guard.h). Locks do not order themselves: threads that take
 * several in different orders can wait for each other in a circle. The server finds such a deadlock when it
 * closes and refuses the newest waiter, unless it waits with a time limit, with ROOST_EDEADLK and the circle
 * in words; PROTOCOL.md, section 6, says exactly when. roost_server_acquire() takes several without that
 * risk. roost/object.h says what holds for all handles: ownership, threads, blocking, errors.
 */
#ifndef ROOST_LOCK_H
#define ROOST_LOCK_H

#include "roost/manager.h"
#include "roost/object.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A lock that its holder cannot take again (it would wait for itself). Any session may release it, as in
 * Python. */
typedef struct roost_lock roost_lock;

ROOST_API int roost_lock_new(roost_manager *m, roost_lock **ret);
ROOST_API int roost_lock_open(roost_manager *m, const char *name, roost_lock **ret);
ROOST_API int roost_lock_from(roost_manager *m, roost_value ref, roost_lock **ret);
ROOST_API roost_value roost_lock_ref(const roost_lock *handle);
ROOST_API void roost_lock_close(roost_lock *handle);

/* Takes the lock, waiting in line. Errors: ROOST_ETIMEDOUT, ROOST_EDEADLK. */
ROOST_API int roost_lock_acquire(roost_lock *l, roost_grant *ret, int timeout_ms);

/* As acquire, with options. Errors: ROOST_EINVAL when ttl_ms < 0, and those of acquire. */
ROOST_API int roost_lock_acquire_with(roost_lock *l, const roost_acquire_options *options, roost_grant *ret,
                                      int timeout_ms);

/* Lets the grant of that token end ttl_ms from now on; 0: never. Errors: ROOST_ENOTOWNER when it is over. */
ROOST_API int roost_lock_extend(roost_lock *l, uint64_t token, int64_t ttl_ms);

/* Gives the lock back, whoever holds it. Errors: ROOST_EOVERRELEASE when nobody does; ROOST_ENOTOWNER when
 * the grant of the token is over, or the caller's own grant has lapsed. */
ROOST_API int roost_lock_release(roost_lock *l);
ROOST_API int roost_lock_release_token(roost_lock *l, uint64_t token);

ROOST_API int roost_lock_locked(roost_lock *l, bool *ret);

/* A lock that its owner, a thread, may take again; it is free after as many releases. */
typedef struct roost_rlock roost_rlock;

ROOST_API int roost_rlock_new(roost_manager *m, roost_rlock **ret);
ROOST_API int roost_rlock_open(roost_manager *m, const char *name, roost_rlock **ret);
ROOST_API int roost_rlock_from(roost_manager *m, roost_value ref, roost_rlock **ret);
ROOST_API roost_value roost_rlock_ref(const roost_rlock *handle);
ROOST_API void roost_rlock_close(roost_rlock *handle);

/* Takes the lock, or one level more. Errors: ROOST_ETIMEDOUT, ROOST_EDEADLK. */
ROOST_API int roost_rlock_acquire(roost_rlock *l, roost_grant *ret, int timeout_ms);

/* As acquire, with options. Errors: ROOST_EINVAL when ttl_ms < 0, and those of acquire. */
ROOST_API int roost_rlock_acquire_with(roost_rlock *l, const roost_acquire_options *options, roost_grant *ret,
                                       int timeout_ms);

/* Lets the grant of that token end ttl_ms from now on; 0: never. Errors: ROOST_ENOTOWNER when it is over. */
ROOST_API int roost_rlock_extend(roost_rlock *l, uint64_t token, int64_t ttl_ms);

/* Gives one level back. Errors: ROOST_ENOTOWNER when another thread owns it, or the grant of the token is
 * over; ROOST_EOVERRELEASE when nobody owns it. */
ROOST_API int roost_rlock_release(roost_rlock *l);
ROOST_API int roost_rlock_release_token(roost_rlock *l, uint64_t token);

ROOST_API int roost_rlock_locked(roost_rlock *l, bool *ret);

#ifdef __cplusplus
}
#endif
#endif
