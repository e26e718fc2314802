/* lock.c: the proxies of locks and rlocks; see roost/lock.h. One line per method: the work is in object.c. */
#include "roost/lock.h"

#include "client/object.h"

PROXY_COMMON(lock, lock)

int roost_lock_new(roost_manager *m, roost_lock **ret)
{
    return roost__open(m, METHOD_lock_open, NO_ARGS, ret);
}

int roost_lock_open(roost_manager *m, const char *name, roost_lock **ret)
{
    return roost__open(m, METHOD_lock_open, ARGS(roost_str(name)), ret);
}

int roost_lock_acquire(roost_lock *l, roost_grant *ret, int timeout_ms)
{
    return roost__call_grant(OBJECT(l), METHOD_lock_acquire, ARGS(roost_int(timeout_ms)), ret);
}

int roost_lock_acquire_with(roost_lock *l, const roost_acquire_options *options, roost_grant *ret,
                            int timeout_ms)
{
    return roost__call_grant(OBJECT(l), METHOD_lock_acquire, ARGS(roost_int(timeout_ms), ttl_of(options)),
                             ret);
}

int roost_lock_extend(roost_lock *l, uint64_t token, int64_t ttl_ms)
{
    return roost__call(OBJECT(l), METHOD_lock_extend, ARGS(roost_uint(token), optional_ttl(ttl_ms)), NULL);
}

int roost_lock_release(roost_lock *l)
{
    return roost__call(OBJECT(l), METHOD_lock_release, NO_ARGS, NULL);
}

int roost_lock_release_token(roost_lock *l, uint64_t token)
{
    return roost__call(OBJECT(l), METHOD_lock_release, ARGS(roost_uint(token)), NULL);
}

int roost_lock_locked(roost_lock *l, bool *ret)
{
    return roost__call_bool(OBJECT(l), METHOD_lock_locked, NO_ARGS, ret);
}

PROXY_COMMON(rlock, rlock)

int roost_rlock_new(roost_manager *m, roost_rlock **ret)
{
    return roost__open(m, METHOD_rlock_open, NO_ARGS, ret);
}

int roost_rlock_open(roost_manager *m, const char *name, roost_rlock **ret)
{
    return roost__open(m, METHOD_rlock_open, ARGS(roost_str(name)), ret);
}

int roost_rlock_acquire(roost_rlock *l, roost_grant *ret, int timeout_ms)
{
    return roost__call_grant(OBJECT(l), METHOD_rlock_acquire, ARGS(roost_int(timeout_ms)), ret);
}

int roost_rlock_acquire_with(roost_rlock *l, const roost_acquire_options *options, roost_grant *ret,
                             int timeout_ms)
{
    return roost__call_grant(OBJECT(l), METHOD_rlock_acquire, ARGS(roost_int(timeout_ms), ttl_of(options)),
                             ret);
}

int roost_rlock_extend(roost_rlock *l, uint64_t token, int64_t ttl_ms)
{
    return roost__call(OBJECT(l), METHOD_rlock_extend, ARGS(roost_uint(token), optional_ttl(ttl_ms)), NULL);
}

int roost_rlock_release(roost_rlock *l)
{
    return roost__call(OBJECT(l), METHOD_rlock_release, NO_ARGS, NULL);
}

int roost_rlock_release_token(roost_rlock *l, uint64_t token)
{
    return roost__call(OBJECT(l), METHOD_rlock_release, ARGS(roost_uint(token)), NULL);
}

int roost_rlock_locked(roost_rlock *l, bool *ret)
{
    return roost__call_bool(OBJECT(l), METHOD_rlock_locked, NO_ARGS, ret);
}
