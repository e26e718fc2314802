/* namespace.c: the proxy of namespaces; see roost/namespace.h. One line per method: the work is in object.c.
 */
#include "roost/namespace.h"

#include "client/object.h"

PROXY_COMMON(namespace, namespace)

int roost_namespace_new(roost_manager *m, roost_namespace **ret)
{
    return roost__open(m, METHOD_namespace_open, NO_ARGS, ret);
}

int roost_namespace_open(roost_manager *m, const char *name, roost_namespace **ret)
{
    return roost__open(m, METHOD_namespace_open, ARGS(roost_str(name)), ret);
}

int roost_namespace_open_with(roost_manager *m, const char *name, roost_value items, roost_namespace **ret)
{
    return roost__open(m, METHOD_namespace_open, ARGS(roost_str(name), items), ret);
}

int roost_namespace_get(roost_namespace *n, const char *attribute, roost_value *ret)
{
    return roost__call(OBJECT(n), METHOD_namespace_get, ARGS(roost_str(attribute)), ret);
}

int roost_namespace_set(roost_namespace *n, const char *attribute, roost_value value)
{
    return roost__call(OBJECT(n), METHOD_namespace_set, ARGS(roost_str(attribute), value), NULL);
}

int roost_namespace_delete(roost_namespace *n, const char *attribute)
{
    return roost__call(OBJECT(n), METHOD_namespace_delete, ARGS(roost_str(attribute)), NULL);
}

int roost_namespace_names(roost_namespace *n, roost_value *ret)
{
    return roost__call(OBJECT(n), METHOD_namespace_names, NO_ARGS, ret);
}

int roost_namespace_all(roost_namespace *n, roost_value *ret)
{
    return roost__call(OBJECT(n), METHOD_namespace_all, NO_ARGS, ret);
}
