/* guard.c: the guard of the calling thread, and guarded calls; see guard.h and roost/guard.h. */
#include "client/guard.h"

#include "base/error.h"
#include "roost/call.h"

static _Thread_local roost_guard current;

roost_guard roost__guard(void)
{
    return current;
}

int roost_guard_begin(roost_guard guard)
{
    if (guard.lock.kind != ROOST_REF)
        return roost__fail(ROOST_ETYPE, "guard: the lock is a %s, not a reference",
                           roost_kind_name(guard.lock.kind));
    if (guard.token == 0)
        return roost__fail(ROOST_EINVAL, "guard: the token is 0, which no grant has");
    current = guard;
    return ROOST_OK;
}

void roost_guard_end(void)
{
    current.token = 0;
}

int roost_call_guarded(roost_manager *m, roost_guard guard, roost_value target, const char *method,
                       const roost_value *args, uint32_t argc, roost_value *ret)
{
    roost_guard before = current;
    int rc = roost_guard_begin(guard);
    if (rc == ROOST_OK)
        rc = roost_call(m, target, method, args, argc, ret);
    current = before;
    return rc;
}
