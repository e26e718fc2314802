/*
 * roost/barrier.h: a place on the server where a fixed number of parties wait for each other.
 *
 * roost/object.h says what holds for all handles: ownership, threads, blocking, errors.
 */
#ifndef ROOST_BARRIER_H
#define ROOST_BARRIER_H

#include "roost/manager.h"
#include "roost/object.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct roost_barrier roost_barrier;

/* timeout_ms: how long a wait without a timeout of its own may take; -1 for ever. */
ROOST_API int roost_barrier_new(roost_manager *m, uint64_t parties, int timeout_ms, roost_barrier **ret);

/* parties 0: opens one that exists, whatever its parameters (there is nothing to create it with:
 * ROOST_EINVAL). */
ROOST_API int roost_barrier_open(roost_manager *m, const char *name, uint64_t parties, int timeout_ms,
                                 roost_barrier **ret);
ROOST_API int roost_barrier_from(roost_manager *m, roost_value ref, roost_barrier **ret);
ROOST_API roost_value roost_barrier_ref(const roost_barrier *handle);
ROOST_API void roost_barrier_close(roost_barrier *handle);

/*
 * Waits for all parties; *ret is 0 to parties-1, each once per round. timeout_ms -1: the barrier's own
 * timeout. When the time is up, or a waiting party is lost, the barrier is broken. Errors: ROOST_EBROKEN.
 */
ROOST_API int roost_barrier_wait(roost_barrier *b, int64_t *ret, int timeout_ms);

/* Makes it as new; who waits gets ROOST_EBROKEN. */
ROOST_API int roost_barrier_reset(roost_barrier *b);

/* Breaks it for all who wait or come, until a reset. */
ROOST_API int roost_barrier_abort(roost_barrier *b);

ROOST_API int roost_barrier_parties(roost_barrier *b, int64_t *ret);
ROOST_API int roost_barrier_n_waiting(roost_barrier *b, int64_t *ret);
ROOST_API int roost_barrier_broken(roost_barrier *b, bool *ret);

#ifdef __cplusplus
}
#endif
#endif
