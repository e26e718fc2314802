/*
 * roost/semaphore.h: counting semaphores on the server.
 *
 * Who waits is served in order of arrival. The permits that a session took and nobody gave back return when
 * it ends. roost/object.h says what holds for all handles: ownership, threads, blocking, errors.
 */
#ifndef ROOST_SEMAPHORE_H
#define ROOST_SEMAPHORE_H

#include "roost/manager.h"
#include "roost/object.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct roost_semaphore roost_semaphore;

ROOST_API int roost_semaphore_new(roost_manager *m, int64_t value, roost_semaphore **ret);

/* value: the permits at creation; ROOST_NONE leaves it out: 1 at creation, any semaphore otherwise. */
ROOST_API int roost_semaphore_open(roost_manager *m, const char *name, int64_t value, roost_semaphore **ret);
ROOST_API int roost_semaphore_from(roost_manager *m, roost_value ref, roost_semaphore **ret);
ROOST_API roost_value roost_semaphore_ref(const roost_semaphore *handle);
ROOST_API void roost_semaphore_close(roost_semaphore *handle);

/* Takes a permit, waiting in line. Errors: ROOST_ETIMEDOUT, ROOST_EDEADLK (roost/lock.h). */
ROOST_API int roost_semaphore_acquire(roost_semaphore *s, roost_grant *ret, int timeout_ms);

/* As acquire, with options. Errors: ROOST_EINVAL when ttl_ms < 0, and those of acquire. */
ROOST_API int roost_semaphore_acquire_with(roost_semaphore *s, const roost_acquire_options *options,
                                           roost_grant *ret, int timeout_ms);

/* Lets the grant of that token end ttl_ms from now on; 0: never. Errors: ROOST_ENOTOWNER when it is over. */
ROOST_API int roost_semaphore_extend(roost_semaphore *s, uint64_t token, int64_t ttl_ms);

/* Gives count permits. Errors: ROOST_ENOTOWNER when the permit that the caller took has lapsed. */
ROOST_API int roost_semaphore_release(roost_semaphore *s, uint64_t count);

/* The permits left. */
ROOST_API int roost_semaphore_get_value(roost_semaphore *s, int64_t *ret);

/* A semaphore that refuses to have more permits than at its creation. */
typedef struct roost_bounded_semaphore roost_bounded_semaphore;

ROOST_API int roost_bounded_semaphore_new(roost_manager *m, int64_t value, roost_bounded_semaphore **ret);

/* value: the permits at creation; ROOST_NONE leaves it out: 1 at creation, any semaphore otherwise. */
ROOST_API int roost_bounded_semaphore_open(roost_manager *m, const char *name, int64_t value,
                                           roost_bounded_semaphore **ret);
ROOST_API int roost_bounded_semaphore_from(roost_manager *m, roost_value ref, roost_bounded_semaphore **ret);
ROOST_API roost_value roost_bounded_semaphore_ref(const roost_bounded_semaphore *handle);
ROOST_API void roost_bounded_semaphore_close(roost_bounded_semaphore *handle);

/* Takes a permit, waiting in line. Errors: ROOST_ETIMEDOUT, ROOST_EDEADLK (roost/lock.h). */
ROOST_API int roost_bounded_semaphore_acquire(roost_bounded_semaphore *s, roost_grant *ret, int timeout_ms);

/* As acquire, with options. Errors: ROOST_EINVAL when ttl_ms < 0, and those of acquire. */
ROOST_API int roost_bounded_semaphore_acquire_with(roost_bounded_semaphore *s,
                                                   const roost_acquire_options *options, roost_grant *ret,
                                                   int timeout_ms);

/* Lets the grant of that token end ttl_ms from now on; 0: never. Errors: ROOST_ENOTOWNER when it is over. */
ROOST_API int roost_bounded_semaphore_extend(roost_bounded_semaphore *s, uint64_t token, int64_t ttl_ms);

/* Gives count permits. Errors: ROOST_EOVERRELEASE when there would be more than at its creation. */
ROOST_API int roost_bounded_semaphore_release(roost_bounded_semaphore *s, uint64_t count);

/* The permits left. */
ROOST_API int roost_bounded_semaphore_get_value(roost_bounded_semaphore *s, int64_t *ret);

#ifdef __cplusplus
}
#endif
#endif
