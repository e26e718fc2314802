/* server.c: the server's own methods; see roost/server.h. One line per method: the work is in object.c. */
#include "roost/server.h"

#include "client/object.h"

int roost_server_ping(roost_manager *m, roost_value payload, roost_value *ret)
{
    return roost__server_call(m, METHOD_server_ping, ARGS(payload), ret);
}

int roost_server_info(roost_manager *m, roost_value *ret)
{
    return roost__server_call(m, METHOD_server_info, NO_ARGS, ret);
}

int roost_server_list(roost_manager *m, const char *type, roost_value *ret)
{
    return roost__server_call(m, METHOD_server_list, ARGS(roost_str(type)), ret);
}

int roost_server_find(roost_manager *m, const char *name, roost_value *ret)
{
    return roost__server_call(m, METHOD_server_find, ARGS(roost_str(name)), ret);
}

int roost_server_describe(roost_manager *m, roost_value object, roost_value *ret)
{
    return roost__server_call(m, METHOD_server_describe, ARGS(object), ret);
}

int roost_server_who(roost_manager *m, roost_value object, roost_value *ret)
{
    return roost__server_call(m, METHOD_server_who, ARGS(object), ret);
}

int roost_server_delete(roost_manager *m, roost_value object)
{
    return roost__server_call(m, METHOD_server_delete, ARGS(object), NULL);
}

int roost_server_retain(roost_manager *m, roost_value ids)
{
    return roost__server_call(m, METHOD_server_retain, ARGS(ids), NULL);
}

int roost_server_release(roost_manager *m, roost_value counts)
{
    return roost__server_call(m, METHOD_server_release, ARGS(counts), NULL);
}

int roost_server_methods(roost_manager *m, roost_value *ret)
{
    return roost__server_call(m, METHOD_server_methods, NO_ARGS, ret);
}

int roost_server_expire(roost_manager *m, roost_value object, int64_t ttl_ms)
{
    return roost__server_call(m, METHOD_server_expire, ARGS(object, roost_int(ttl_ms)), NULL);
}

int roost_server_ttl(roost_manager *m, roost_value object, int64_t *ret)
{
    roost_value v;
    int rc = roost__server_call(m, METHOD_server_ttl, ARGS(object), &v);
    if (rc == ROOST_OK && ret != NULL)
        rc = roost_value_int(v, ret);
    return rc;
}

int roost_server_persist(roost_manager *m, roost_value object, bool *ret)
{
    roost_value v;
    int rc = roost__server_call(m, METHOD_server_persist, ARGS(object), &v);
    if (rc == ROOST_OK && ret != NULL)
        *ret = v.kind == ROOST_BOOL && v.as.b;
    return rc;
}
