/* event.c: the proxy of events; see roost/event.h. One line per method: the work is in object.c. */
#include "roost/event.h"

#include "client/object.h"

PROXY_COMMON(event, event)

int roost_event_new(roost_manager *m, roost_event **ret)
{
    return roost__open(m, METHOD_event_open, NO_ARGS, ret);
}

int roost_event_open(roost_manager *m, const char *name, roost_event **ret)
{
    return roost__open(m, METHOD_event_open, ARGS(roost_str(name)), ret);
}

int roost_event_is_set(roost_event *e, bool *ret)
{
    return roost__call_bool(OBJECT(e), METHOD_event_is_set, NO_ARGS, ret);
}

int roost_event_set(roost_event *e)
{
    return roost__call(OBJECT(e), METHOD_event_set, NO_ARGS, NULL);
}

int roost_event_clear(roost_event *e)
{
    return roost__call(OBJECT(e), METHOD_event_clear, NO_ARGS, NULL);
}

int roost_event_wait(roost_event *e, int timeout_ms)
{
    return roost__call(OBJECT(e), METHOD_event_wait, ARGS(roost_int(timeout_ms)), NULL);
}
