/* server.c: the server's own methods; see roost/server.h. One line per method: the work is in object.c. */
#include "roost/server.h"

#include <stdlib.h>

#include "base/error.h"
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

/* ---- administration ---- */

int roost_server_sessions(roost_manager *m, uint64_t cursor, uint32_t max, roost_value *ret)
{
    return roost__server_call(m, METHOD_server_sessions, ARGS(roost_uint(cursor), roost_uint(max)), ret);
}

int roost_server_objects(roost_manager *m, uint64_t cursor, uint32_t max, roost_value *ret)
{
    return roost__server_call(m, METHOD_server_objects, ARGS(roost_uint(cursor), roost_uint(max)), ret);
}

int roost_server_kill(roost_manager *m, uint64_t session)
{
    return roost__server_call(m, METHOD_server_kill, ARGS(roost_uint(session)), NULL);
}

/* ---- the cluster ---- */

int roost_server_cluster(roost_manager *m, roost_value *ret)
{
    return roost__server_call(m, METHOD_server_cluster, NO_ARGS, ret);
}

int roost_server_cluster_add(roost_manager *m, uint64_t id, const char *peer, const char *client)
{
    return roost__server_call(m, METHOD_server_cluster_add,
                              ARGS(roost_uint(id), roost_str(peer), roost_str(client)), NULL);
}

int roost_server_cluster_remove(roost_manager *m, uint64_t id)
{
    return roost__server_call(m, METHOD_server_cluster_remove, ARGS(roost_uint(id)), NULL);
}

int roost_server_cluster_transfer(roost_manager *m, uint64_t id)
{
    return roost__server_call(m, METHOD_server_cluster_transfer, ARGS(roost_uint(id)), NULL);
}

/* ---- several at once ---- */

/* The grants of an answer, as many as there are objects. */
static int read_grants(roost_value *grants, uint32_t n, roost_grant *ret)
{
    bool good = grants->kind == ROOST_ARRAY && grants->len == n;
    for (uint32_t i = 0; i < n && good; i++)
        good = roost__read_grant(&grants->as.items[i], 0, ret != NULL ? &ret[i] : NULL) == ROOST_OK;
    if (!good)
        roost__fail(ROOST_EPROTO, "server: acquire: the server answered a %s", roost_kind_name(grants->kind));
    roost_value_free(grants);
    return good ? ROOST_OK : ROOST_EPROTO;
}

int roost_server_acquire_with(roost_manager *m, roost_value objects, const roost_acquire_options *options,
                              roost_grant *ret, int timeout_ms)
{
    roost_value grants;
    int rc = roost__server_call(m, METHOD_server_acquire,
                                ARGS(objects, roost_int(timeout_ms), ttl_of(options)), &grants);
    return rc == ROOST_OK ? read_grants(&grants, objects.len, ret) : rc;
}

int roost_server_acquire(roost_manager *m, roost_value objects, roost_grant *ret, int timeout_ms)
{
    return roost_server_acquire_with(m, objects, NULL, ret, timeout_ms);
}

int roost_server_give_back(roost_manager *m, roost_value objects, const uint64_t *tokens)
{
    if (tokens == NULL || objects.kind != ROOST_ARRAY)
        return roost__server_call(m, METHOD_server_give_back, ARGS(objects), NULL);
    roost_value *values = calloc((size_t)objects.len + 1, sizeof(*values));
    if (values == NULL)
        return roost__fail(ROOST_ENOMEM, "server: give_back: no memory for the tokens");
    for (uint32_t i = 0; i < objects.len; i++)
        values[i] = roost_uint(tokens[i]);
    int rc =
        roost__server_call(m, METHOD_server_give_back, ARGS(objects, roost_array(values, objects.len)), NULL);
    free(values);
    return rc;
}

/* ---- times to live ---- */

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
