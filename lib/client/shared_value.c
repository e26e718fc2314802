/* shared_value.c: the proxy of values; see roost/shared_value.h. One line per method: the work is in
 * object.c. */
#include "roost/shared_value.h"

#include "client/object.h"

PROXY_COMMON(shared_value, value)

int roost_shared_value_new(roost_manager *m, const char *typecode, roost_value value,
                           roost_shared_value **ret)
{
    return roost__open(m, METHOD_value_open, ARGS(roost_nil(), roost_str(typecode), value), ret);
}

int roost_shared_value_open(roost_manager *m, const char *name, const char *typecode, roost_value value,
                            roost_shared_value **ret)
{
    return roost__open(m, METHOD_value_open, ARGS(roost_str(name), roost_str(typecode), value), ret);
}

int roost_shared_value_get(roost_shared_value *v, roost_value *ret)
{
    return roost__call(OBJECT(v), METHOD_value_get, NO_ARGS, ret);
}

int roost_shared_value_set(roost_shared_value *v, roost_value value)
{
    return roost__call(OBJECT(v), METHOD_value_set, ARGS(value), NULL);
}

int roost_shared_value_incr(roost_shared_value *v, roost_value delta, roost_value *ret)
{
    return roost__call(OBJECT(v), METHOD_value_incr, ARGS(delta), ret);
}

int roost_shared_value_compare_and_set(roost_shared_value *v, roost_value expected, roost_value value,
                                       bool *ret)
{
    return roost__call_bool(OBJECT(v), METHOD_value_compare_and_set, ARGS(expected, value), ret);
}
