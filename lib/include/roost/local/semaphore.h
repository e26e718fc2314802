/*
 * roost/local/semaphore.h: counting semaphores between processes, in shared memory.
 *
 * A permit has no owner: any process may give permits, and those that a process took and had not given back
 * when it died are gone, as with Python's and POSIX' semaphores. (A server's semaphore gets them back:
 * roost/semaphore.h.) roost/local/object.h says what holds for all local objects.
 */
#ifndef ROOST_LOCAL_SEMAPHORE_H
#define ROOST_LOCAL_SEMAPHORE_H

#include <stdint.h>

#include "roost/local/object.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct roost_local_semaphore roost_local_semaphore;

enum { ROOST_LOCAL_PERMITS_MAX = 0x7fffffff };

/* value: the permits at the start, 0 … ROOST_LOCAL_PERMITS_MAX. _open() takes any value for one that exists.
 */
ROOST_API int roost_local_semaphore_new(int64_t value, roost_local_semaphore **ret);
ROOST_API int roost_local_semaphore_open(const char *name, int64_t value, roost_local_semaphore **ret);

/* A semaphore that refuses to have more permits than `value`; an existing one must have the same. */
ROOST_API int roost_local_bounded_semaphore_new(int64_t value, roost_local_semaphore **ret);
ROOST_API int roost_local_bounded_semaphore_open(const char *name, int64_t value,
                                                 roost_local_semaphore **ret);

ROOST_API void roost_local_semaphore_close(roost_local_semaphore *s);

/* Takes a permit, waiting for one. Errors: ROOST_ETIMEDOUT. */
ROOST_API int roost_local_semaphore_acquire(roost_local_semaphore *s, int timeout_ms);

/* Gives count permits. Never blocks. Errors: ROOST_EOVERRELEASE when a bounded one would have too many;
 * ROOST_ERANGE. */
ROOST_API int roost_local_semaphore_release(roost_local_semaphore *s, uint32_t count);

/* The permits left. */
ROOST_API int64_t roost_local_semaphore_value(const roost_local_semaphore *s);

#ifdef __cplusplus
}
#endif
#endif
