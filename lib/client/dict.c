/* dict.c: the proxy of dicts; see roost/dict.h. One line per method: the work is in object.c. */
#include "roost/dict.h"

#include "client/object.h"

PROXY_COMMON(dict, dict)

int roost_dict_new(roost_manager *m, roost_dict **ret)
{
    return roost__open(m, METHOD_dict_open, NO_ARGS, ret);
}

int roost_dict_open(roost_manager *m, const char *name, roost_dict **ret)
{
    return roost__open(m, METHOD_dict_open, ARGS(roost_str(name)), ret);
}

int roost_dict_open_with(roost_manager *m, const char *name, roost_value items, roost_dict **ret)
{
    return roost__open(m, METHOD_dict_open, ARGS(roost_str(name), items), ret);
}

int roost_dict_get(roost_dict *d, roost_value key, roost_value *ret)
{
    return roost__call(OBJECT(d), METHOD_dict_get, ARGS(key), ret);
}

int roost_dict_get_or(roost_dict *d, roost_value key, roost_value fallback, roost_value *ret)
{
    return roost__call(OBJECT(d), METHOD_dict_get, ARGS(key, fallback), ret);
}

int roost_dict_set(roost_dict *d, roost_value key, roost_value value)
{
    return roost__call(OBJECT(d), METHOD_dict_set, ARGS(key, value), NULL);
}

int roost_dict_set_ttl(roost_dict *d, roost_value key, roost_value value, int64_t ttl_ms)
{
    return roost__call(OBJECT(d), METHOD_dict_set, ARGS(key, value, optional_int(ttl_ms)), NULL);
}

int roost_dict_expire(roost_dict *d, roost_value key, int64_t ttl_ms)
{
    return roost__call(OBJECT(d), METHOD_dict_expire, ARGS(key, roost_int(ttl_ms)), NULL);
}

int roost_dict_ttl(roost_dict *d, roost_value key, int64_t *ret)
{
    return roost__call_int(OBJECT(d), METHOD_dict_ttl, ARGS(key), ret);
}

int roost_dict_persist(roost_dict *d, roost_value key, bool *ret)
{
    return roost__call_bool(OBJECT(d), METHOD_dict_persist, ARGS(key), ret);
}

int roost_dict_delete(roost_dict *d, roost_value key)
{
    return roost__call(OBJECT(d), METHOD_dict_delete, ARGS(key), NULL);
}

int roost_dict_contains(roost_dict *d, roost_value key, bool *ret)
{
    return roost__call_bool(OBJECT(d), METHOD_dict_contains, ARGS(key), ret);
}

int roost_dict_len(roost_dict *d, int64_t *ret)
{
    return roost__call_int(OBJECT(d), METHOD_dict_len, NO_ARGS, ret);
}

int roost_dict_keys(roost_dict *d, roost_value *ret)
{
    return roost__call(OBJECT(d), METHOD_dict_keys, NO_ARGS, ret);
}

int roost_dict_values(roost_dict *d, roost_value *ret)
{
    return roost__call(OBJECT(d), METHOD_dict_values, NO_ARGS, ret);
}

int roost_dict_items(roost_dict *d, roost_value *ret)
{
    return roost__call(OBJECT(d), METHOD_dict_items, NO_ARGS, ret);
}

int roost_dict_pop(roost_dict *d, roost_value key, roost_value *ret)
{
    return roost__call(OBJECT(d), METHOD_dict_pop, ARGS(key), ret);
}

int roost_dict_pop_or(roost_dict *d, roost_value key, roost_value fallback, roost_value *ret)
{
    return roost__call(OBJECT(d), METHOD_dict_pop, ARGS(key, fallback), ret);
}

int roost_dict_popitem(roost_dict *d, roost_value *ret)
{
    return roost__call(OBJECT(d), METHOD_dict_popitem, NO_ARGS, ret);
}

int roost_dict_setdefault(roost_dict *d, roost_value key, roost_value value, roost_value *ret)
{
    return roost__call(OBJECT(d), METHOD_dict_setdefault, ARGS(key, value), ret);
}

int roost_dict_update(roost_dict *d, roost_value items)
{
    return roost__call(OBJECT(d), METHOD_dict_update, ARGS(items), NULL);
}

int roost_dict_clear(roost_dict *d)
{
    return roost__call(OBJECT(d), METHOD_dict_clear, NO_ARGS, NULL);
}

int roost_dict_copy(roost_dict *d, roost_value *ret)
{
    return roost__call(OBJECT(d), METHOD_dict_copy, NO_ARGS, ret);
}

int roost_dict_get_many(roost_dict *d, roost_value keys, roost_value *ret)
{
    return roost__call(OBJECT(d), METHOD_dict_get_many, ARGS(keys), ret);
}

int roost_dict_set_many(roost_dict *d, roost_value items, int64_t *ret)
{
    return roost__call_int(OBJECT(d), METHOD_dict_set_many, ARGS(items), ret);
}

int roost_dict_incr(roost_dict *d, roost_value key, roost_value delta, roost_value *ret)
{
    return roost__call(OBJECT(d), METHOD_dict_incr, ARGS(key, delta), ret);
}

int roost_dict_compare_and_set(roost_dict *d, roost_value key, roost_value expected, roost_value value,
                               bool *ret)
{
    return roost__call_bool(OBJECT(d), METHOD_dict_compare_and_set, ARGS(key, expected, value), ret);
}
