/* barrier.c: the proxy of barriers; see roost/barrier.h. One line per method: the work is in object.c. */
#include "roost/barrier.h"

#include "client/object.h"

PROXY_COMMON(barrier, barrier)

int roost_barrier_new(roost_manager *m, uint64_t parties, int timeout_ms, roost_barrier **ret)
{
    return roost__open(m, METHOD_barrier_open, ARGS(roost_nil(), roost_uint(parties), roost_int(timeout_ms)),
                       ret);
}

int roost_barrier_open(roost_manager *m, const char *name, uint64_t parties, int timeout_ms,
                       roost_barrier **ret)
{
    if (parties == 0)
        return roost__open(m, METHOD_barrier_open, ARGS(roost_str(name)), ret);
    return roost__open(m, METHOD_barrier_open,
                       ARGS(roost_str(name), roost_uint(parties), roost_int(timeout_ms)), ret);
}

/* A timeout left out is the barrier's own. */
int roost_barrier_wait(roost_barrier *b, int64_t *ret, int timeout_ms)
{
    return roost__call_int(OBJECT(b), METHOD_barrier_wait,
                           ARGS(timeout_ms < 0 ? roost_nil() : roost_int(timeout_ms)), ret);
}

int roost_barrier_reset(roost_barrier *b)
{
    return roost__call(OBJECT(b), METHOD_barrier_reset, NO_ARGS, NULL);
}

int roost_barrier_abort(roost_barrier *b)
{
    return roost__call(OBJECT(b), METHOD_barrier_abort, NO_ARGS, NULL);
}

int roost_barrier_parties(roost_barrier *b, int64_t *ret)
{
    return roost__call_int(OBJECT(b), METHOD_barrier_parties, NO_ARGS, ret);
}

int roost_barrier_n_waiting(roost_barrier *b, int64_t *ret)
{
    return roost__call_int(OBJECT(b), METHOD_barrier_n_waiting, NO_ARGS, ret);
}

int roost_barrier_broken(roost_barrier *b, bool *ret)
{
    return roost__call_bool(OBJECT(b), METHOD_barrier_broken, NO_ARGS, ret);
}
