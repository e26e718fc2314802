/* keyed_lock.c: the proxy of keyed locks; see roost/keyed_lock.h. One line per method: the work is in
 * object.c. */
#include "roost/keyed_lock.h"

#include "client/object.h"

PROXY_COMMON(keyed_lock, keyed_lock)

int roost_keyed_lock_new(roost_manager *m, roost_keyed_lock **ret)
{
    return roost__open(m, METHOD_keyed_lock_open, NO_ARGS, ret);
}

int roost_keyed_lock_open(roost_manager *m, const char *name, roost_keyed_lock **ret)
{
    return roost__open(m, METHOD_keyed_lock_open, ARGS(roost_str(name)), ret);
}

int roost_keyed_lock_acquire(roost_keyed_lock *k, roost_value keys, roost_grant *ret, int timeout_ms)
{
    return roost__call_grant(OBJECT(k), METHOD_keyed_lock_acquire, ARGS(keys, roost_int(timeout_ms)), ret);
}

int roost_keyed_lock_acquire_with(roost_keyed_lock *k, roost_value keys, const roost_acquire_options *options,
                                  roost_grant *ret, int timeout_ms)
{
    return roost__call_grant(OBJECT(k), METHOD_keyed_lock_acquire,
                             ARGS(keys, roost_int(timeout_ms), ttl_of(options)), ret);
}

int roost_keyed_lock_release(roost_keyed_lock *k, roost_value keys)
{
    return roost__call(OBJECT(k), METHOD_keyed_lock_release, ARGS(keys), NULL);
}

int roost_keyed_lock_release_token(roost_keyed_lock *k, uint64_t token)
{
    return roost__call(OBJECT(k), METHOD_keyed_lock_release, ARGS(roost_nil(), roost_uint(token)), NULL);
}

int roost_keyed_lock_locked(roost_keyed_lock *k, roost_value key, bool *ret)
{
    return roost__call_bool(OBJECT(k), METHOD_keyed_lock_locked, ARGS(key), ret);
}

int roost_keyed_lock_held(roost_keyed_lock *k, roost_value *ret)
{
    return roost__call(OBJECT(k), METHOD_keyed_lock_held, NO_ARGS, ret);
}

int roost_keyed_lock_extend(roost_keyed_lock *k, uint64_t token, int64_t ttl_ms)
{
    return roost__call(OBJECT(k), METHOD_keyed_lock_extend, ARGS(roost_uint(token), optional_ttl(ttl_ms)),
                       NULL);
}
