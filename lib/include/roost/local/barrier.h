/*
 * roost/local/barrier.h: a place where a fixed number of threads, of one or many processes, wait for each
 * other, in shared memory.
 *
 * A party that dies while it waits breaks the barrier within 100 ms. roost/local/object.h says what holds for
 * all local objects.
 */
#ifndef ROOST_LOCAL_BARRIER_H
#define ROOST_LOCAL_BARRIER_H

#include <stdbool.h>
#include <stdint.h>

#include "roost/local/object.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct roost_local_barrier roost_local_barrier;

/* The most parties of a barrier. */
enum { ROOST_LOCAL_PARTIES_MAX = 1024 };

typedef struct roost_local_barrier_options {
    int (*action)(
        void *arg); /* run by the last to come, before anybody goes on; NULL: none. In that process */
    void *arg;
    int timeout_ms; /* of waits without a timeout of their own; 0 or -1: for ever */
} roost_local_barrier_options;

/* parties: 1 … ROOST_LOCAL_PARTIES_MAX. options may be NULL. */
ROOST_API int roost_local_barrier_new(uint32_t parties, const roost_local_barrier_options *options,
                                      roost_local_barrier **ret);
ROOST_API int roost_local_barrier_open(const char *name, uint32_t parties,
                                       const roost_local_barrier_options *options, roost_local_barrier **ret);
ROOST_API void roost_local_barrier_close(roost_local_barrier *b);

/*
 * Waits for all parties; *ret (may be NULL) is 0 … parties-1, in order of arrival. timeout_ms -1: the
 * barrier's own timeout. A time that is up breaks the barrier for all. Errors: ROOST_EBROKEN; ROOST_ETASK for
 * the one whose action did not return 0, which breaks the barrier, too.
 */
ROOST_API int roost_local_barrier_wait(roost_local_barrier *b, uint32_t *ret, int timeout_ms);

/* Makes it as new; who waits gets ROOST_EBROKEN. */
ROOST_API void roost_local_barrier_reset(roost_local_barrier *b);

/* Breaks it for all who wait or come, until a reset. */
ROOST_API void roost_local_barrier_abort(roost_local_barrier *b);

ROOST_API uint32_t roost_local_barrier_parties(const roost_local_barrier *b);
ROOST_API uint32_t roost_local_barrier_n_waiting(roost_local_barrier *b);
ROOST_API bool roost_local_barrier_broken(roost_local_barrier *b);

#ifdef __cplusplus
}
#endif
#endif
