/*
 * roost/guard.h: calls that are good only as long as a lock is still held ("if token is current").
 *
 * A holder that was stopped for a while may have lost its lock without knowing: its time to live was over, or
 * its connection was. Between roost_guard_begin() and roost_guard_end() every call of this thread carries the
 * lock and the token of its grant; the server checks it in the same step in which the call takes effect. When
 * that grant is over the call changes nothing and fails with ROOST_ENOTOWNER, also when it was waiting. (M.
 * Kleppmann, How to do distributed locking, 2016, on fencing tokens.)
 */
#ifndef ROOST_GUARD_H
#define ROOST_GUARD_H

#include "roost/manager.h"
#include "roost/object.h"

#ifdef __cplusplus
extern "C" {
#endif

/* lock: a reference to a lock, rlock, semaphore, condition or keyed_lock, such as roost_lock_ref(l); token:
 * of its grant, maybe another process's. */
typedef struct roost_guard {
    roost_value lock;
    uint64_t token;
} roost_guard;

/*
 * From here on the calls of this thread carry the guard, whatever server they go to: guard calls to the
 * lock's own server only. A guard that was begun before is replaced. Opening, closing and questions to the
 * server itself are not guarded. Never blocks. Errors: ROOST_ETYPE when guard.lock is no reference,
 * ROOST_EINVAL when the token is 0.
 */
ROOST_API int roost_guard_begin(roost_guard guard);

/* Ends it; harmless without one. Never blocks. */
ROOST_API void roost_guard_end(void);

/* One guarded call: roost_call() (roost/call.h) under this guard, whatever the thread's is. */
ROOST_API int roost_call_guarded(roost_manager *m, roost_guard guard, roost_value target, const char *method,
                                 const roost_value *args, uint32_t argc, roost_value *ret);

#ifdef __cplusplus
}
#endif
#endif
