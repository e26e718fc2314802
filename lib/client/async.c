/* async.c: how a pending call is made: by a method's name, or from a proxy's call; see roost/pending.h. */
#include "base/error.h"
#include "client/capture.h"
#include "client/guard.h"
#include "client/pending.h"
#include "roost/call.h"

static int post(roost_manager *m, const struct object *o, const struct call *call, roost_pending **ret,
                int timeout_ms)
{
    roost_pending *p;
    size_t sent;
    if (m == NULL || ret == NULL)
        return roost__fail(ROOST_EINVAL, "an asynchronous call: the manager or the result is NULL");
    int rc = roost__pending_new(m, o, call, &p);
    if (rc != ROOST_OK)
        return rc;
    rc = roost__pending_send(m, &p, 1, timeout_ms, &sent);
    if (rc == ROOST_OK)
        *ret = p;
    else
        roost_pending_free(p);
    return rc;
}

int roost__named_call(roost_manager *m, roost_value target, const char *method, const roost_value *args,
                      uint32_t argc, union target *ret_target, struct call *ret)
{
    int code = roost_method_code(method);
    int rc = code < 0 ? code : roost__target(m, target, code, ret_target);
    roost_guard guard = roost__guard();
    if (rc == ROOST_OK)
        *ret = (struct call){.target = ret_target->object.id,
                             .method = (uint32_t)code,
                             .args = args,
                             .argc = argc,
                             .guard_lock = guard.lock.as.ref,
                             .guard_token = guard.token};
    return rc;
}

int roost_call_async(roost_manager *m, roost_value target, const char *method, const roost_value *args,
                     uint32_t argc, roost_pending **ret, int timeout_ms)
{
    union target to;
    struct call call;
    int rc = roost__named_call(m, target, method, args, argc, &to, &call);
    if (rc != ROOST_OK)
        return rc;
    return post(m, to.object.manager != NULL ? &to.object : NULL, &call, ret, timeout_ms);
}

static int take(const struct capture *capture, roost_manager *m, const struct object *o,
                const struct call *call)
{
    return post(m, o, call, capture->ret, capture->timeout_ms);
}

void roost_async_begin(roost_pending **ret, int timeout_ms)
{
    roost__capture_begin((struct capture){.take = take, .ret = ret, .timeout_ms = timeout_ms});
}

int roost_value_grant(roost_value v, roost_grant *ret)
{
    if (roost__read_grant(&v, 0, ret) != ROOST_OK)
        return roost__fail(ROOST_ETYPE, "the value is no [token, owner_died]");
    return ROOST_OK;
}
