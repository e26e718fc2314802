/* semaphore.c: the proxies of semaphores, bounded or not; see roost/semaphore.h. One line per method: the
 * work is in object.c. */
#include "roost/semaphore.h"

#include "client/object.h"

PROXY_COMMON(semaphore, semaphore)

int roost_semaphore_new(roost_manager *m, int64_t value, roost_semaphore **ret)
{
    return roost__open(m, METHOD_semaphore_open, ARGS(roost_nil(), roost_int(value)), ret);
}

int roost_semaphore_open(roost_manager *m, const char *name, int64_t value, roost_semaphore **ret)
{
    return roost__open(m, METHOD_semaphore_open, ARGS(roost_str(name), optional_int(value)), ret);
}

int roost_semaphore_acquire(roost_semaphore *s, roost_grant *ret, int timeout_ms)
{
    return roost__call_grant(OBJECT(s), METHOD_semaphore_acquire, ARGS(roost_int(timeout_ms)), ret);
}

int roost_semaphore_acquire_with(roost_semaphore *s, const roost_acquire_options *options, roost_grant *ret,
                                 int timeout_ms)
{
    return roost__call_grant(OBJECT(s), METHOD_semaphore_acquire,
                             ARGS(roost_int(timeout_ms), ttl_of(options)), ret);
}

int roost_semaphore_extend(roost_semaphore *s, uint64_t token, int64_t ttl_ms)
{
    return roost__call(OBJECT(s), METHOD_semaphore_extend, ARGS(roost_uint(token), optional_ttl(ttl_ms)),
                       NULL);
}

int roost_semaphore_release(roost_semaphore *s, uint64_t count)
{
    return roost__call(OBJECT(s), METHOD_semaphore_release, ARGS(roost_uint(count)), NULL);
}

int roost_semaphore_get_value(roost_semaphore *s, int64_t *ret)
{
    return roost__call_int(OBJECT(s), METHOD_semaphore_get_value, NO_ARGS, ret);
}

PROXY_COMMON(bounded_semaphore, bounded_semaphore)

int roost_bounded_semaphore_new(roost_manager *m, int64_t value, roost_bounded_semaphore **ret)
{
    return roost__open(m, METHOD_bounded_semaphore_open, ARGS(roost_nil(), roost_int(value)), ret);
}

int roost_bounded_semaphore_open(roost_manager *m, const char *name, int64_t value,
                                 roost_bounded_semaphore **ret)
{
    return roost__open(m, METHOD_bounded_semaphore_open, ARGS(roost_str(name), optional_int(value)), ret);
}

int roost_bounded_semaphore_acquire(roost_bounded_semaphore *s, roost_grant *ret, int timeout_ms)
{
    return roost__call_grant(OBJECT(s), METHOD_bounded_semaphore_acquire, ARGS(roost_int(timeout_ms)), ret);
}

int roost_bounded_semaphore_acquire_with(roost_bounded_semaphore *s, const roost_acquire_options *options,
                                         roost_grant *ret, int timeout_ms)
{
    return roost__call_grant(OBJECT(s), METHOD_bounded_semaphore_acquire,
                             ARGS(roost_int(timeout_ms), ttl_of(options)), ret);
}

int roost_bounded_semaphore_extend(roost_bounded_semaphore *s, uint64_t token, int64_t ttl_ms)
{
    return roost__call(OBJECT(s), METHOD_bounded_semaphore_extend,
                       ARGS(roost_uint(token), optional_ttl(ttl_ms)), NULL);
}

int roost_bounded_semaphore_release(roost_bounded_semaphore *s, uint64_t count)
{
    return roost__call(OBJECT(s), METHOD_bounded_semaphore_release, ARGS(roost_uint(count)), NULL);
}

int roost_bounded_semaphore_get_value(roost_bounded_semaphore *s, int64_t *ret)
{
    return roost__call_int(OBJECT(s), METHOD_bounded_semaphore_get_value, NO_ARGS, ret);
}
