/* condition.c: the proxy of conditions; see roost/condition.h.  */
#include "roost/condition.h"

#include "base/error.h"
#include "client/clock.h"
#include "client/object.h"

PROXY_COMMON(condition, condition)

int roost_condition_new(roost_manager *m, roost_value lock, roost_condition **ret)
{
    return roost__open(m, METHOD_condition_open, ARGS(roost_nil(), lock), ret);
}

int roost_condition_open(roost_manager *m, const char *name, roost_value lock, roost_condition **ret)
{
    return roost__open(m, METHOD_condition_open, ARGS(roost_str(name), lock), ret);
}

int roost_condition_acquire(roost_condition *c, roost_grant *ret, int timeout_ms)
{
    return roost__call_grant(OBJECT(c), METHOD_condition_acquire, ARGS(roost_int(timeout_ms)), ret);
}

int roost_condition_acquire_with(roost_condition *c, const roost_acquire_options *options, roost_grant *ret,
                                 int timeout_ms)
{
    return roost__call_grant(OBJECT(c), METHOD_condition_acquire,
                             ARGS(roost_int(timeout_ms), ttl_of(options)), ret);
}

int roost_condition_release(roost_condition *c)
{
    return roost__call(OBJECT(c), METHOD_condition_release, NO_ARGS, NULL);
}

int roost_condition_release_token(roost_condition *c, uint64_t token)
{
    return roost__call(OBJECT(c), METHOD_condition_release, ARGS(roost_uint(token)), NULL);
}

/* The answer is [notified, token, owner_died]. */
int roost_condition_wait(roost_condition *c, roost_grant *ret, int timeout_ms)
{
    roost_value v;
    int rc = roost__call(OBJECT(c), METHOD_condition_wait, ARGS(roost_int(timeout_ms)), &v);
    if (rc != ROOST_OK)
        return rc;
    if (v.kind != ROOST_ARRAY || v.len != 3 || v.as.items[0].kind != ROOST_BOOL)
        return roost__unexpected(OBJECT(c), METHOD_condition_wait, &v);
    bool notified = v.as.items[0].as.b;
    if (roost__read_grant(&v, 1, ret) != ROOST_OK)
        return roost__unexpected(OBJECT(c), METHOD_condition_wait, &v);
    roost_value_free(&v);
    return notified ? ROOST_OK : roost__timed_out(OBJECT(c), METHOD_condition_wait, timeout_ms);
}

int roost_condition_wait_for(roost_condition *c, bool (*predicate)(void *arg), void *arg, roost_grant *ret,
                             int timeout_ms)
{
    if (predicate == NULL)
        return roost__fail(ROOST_EINVAL, "condition: wait_for: the predicate is NULL");
    int64_t deadline = roost__clock_deadline(timeout_ms);
    while (!predicate(arg)) {
        int rc = roost_condition_wait(c, ret, roost__clock_left(deadline));
        if (rc == ROOST_ETIMEDOUT && predicate(arg))
            return ROOST_OK;
        if (rc != ROOST_OK)
            return rc;
    }
    return ROOST_OK;
}

int roost_condition_notify(roost_condition *c, uint64_t count, int64_t *ret)
{
    return roost__call_int(OBJECT(c), METHOD_condition_notify, ARGS(roost_uint(count)), ret);
}

int roost_condition_notify_all(roost_condition *c, int64_t *ret)
{
    return roost__call_int(OBJECT(c), METHOD_condition_notify_all, NO_ARGS, ret);
}
