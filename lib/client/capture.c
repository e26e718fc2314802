/* capture.c: calls of the thread on their way to somebody else; see capture.h. */
#include "client/capture.h"

#include "base/error.h"

static _Thread_local struct capture current; /* take is NULL: nothing is captured */

void roost__capture_begin(struct capture capture)
{
    current = capture;
}

int roost__capture(roost_manager *m, const struct object *o, const struct call *call)
{
    if (current.take == NULL)
        return ROOST_OK;
    if (o == NULL && (call->method & 0xff) == 0)
        return roost__fail(ROOST_EINVAL,
                           "opening waits for its answer: roost_call_async() gives a reference");
    if (current.taken++ > 0)
        return roost__fail(ROOST_EINVAL, "there is more than one call in it");
    int rc = current.take(&current, m, o, call);
    return rc == ROOST_OK ? CAPTURED : rc;
}

int roost_async_end(int rc)
{
    unsigned taken = current.taken;
    bool began = current.take != NULL;
    current = (struct capture){0};
    if (rc < 0)
        return rc;
    if (rc == CAPTURED && taken == 1 && began)
        return ROOST_OK;
    return roost__fail(ROOST_EINVAL,
                       taken == 0 ? "there is no call in it" : "there is more than one call in it");
}
