/* set.c: the proxy of sets; see roost/set.h. One line per method: the work is in object.c. */
#include "roost/set.h"

#include "client/object.h"

PROXY_COMMON(set, set)

int roost_set_new(roost_manager *m, roost_set **ret)
{
    return roost__open(m, METHOD_set_open, NO_ARGS, ret);
}

int roost_set_open(roost_manager *m, const char *name, roost_set **ret)
{
    return roost__open(m, METHOD_set_open, ARGS(roost_str(name)), ret);
}

int roost_set_open_with(roost_manager *m, const char *name, roost_value items, roost_set **ret)
{
    return roost__open(m, METHOD_set_open, ARGS(roost_str(name), items), ret);
}

int roost_set_add(roost_set *s, roost_value value, bool *ret)
{
    return roost__call_bool(OBJECT(s), METHOD_set_add, ARGS(value), ret);
}

int roost_set_discard(roost_set *s, roost_value value, bool *ret)
{
    return roost__call_bool(OBJECT(s), METHOD_set_discard, ARGS(value), ret);
}

int roost_set_remove(roost_set *s, roost_value value)
{
    return roost__call(OBJECT(s), METHOD_set_remove, ARGS(value), NULL);
}

int roost_set_contains(roost_set *s, roost_value value, bool *ret)
{
    return roost__call_bool(OBJECT(s), METHOD_set_contains, ARGS(value), ret);
}

int roost_set_pop(roost_set *s, roost_value *ret)
{
    return roost__call(OBJECT(s), METHOD_set_pop, NO_ARGS, ret);
}

int roost_set_len(roost_set *s, int64_t *ret)
{
    return roost__call_int(OBJECT(s), METHOD_set_len, NO_ARGS, ret);
}

int roost_set_clear(roost_set *s)
{
    return roost__call(OBJECT(s), METHOD_set_clear, NO_ARGS, NULL);
}

int roost_set_copy(roost_set *s, roost_value *ret)
{
    return roost__call(OBJECT(s), METHOD_set_copy, NO_ARGS, ret);
}

int roost_set_update(roost_set *s, roost_value other)
{
    return roost__call(OBJECT(s), METHOD_set_update, ARGS(other), NULL);
}

int roost_set_union(roost_set *s, roost_value other, roost_value *ret)
{
    return roost__call(OBJECT(s), METHOD_set_union, ARGS(other), ret);
}

int roost_set_intersection(roost_set *s, roost_value other, roost_value *ret)
{
    return roost__call(OBJECT(s), METHOD_set_intersection, ARGS(other), ret);
}

int roost_set_difference(roost_set *s, roost_value other, roost_value *ret)
{
    return roost__call(OBJECT(s), METHOD_set_difference, ARGS(other), ret);
}

int roost_set_symmetric_difference(roost_set *s, roost_value other, roost_value *ret)
{
    return roost__call(OBJECT(s), METHOD_set_symmetric_difference, ARGS(other), ret);
}

int roost_set_intersection_update(roost_set *s, roost_value other)
{
    return roost__call(OBJECT(s), METHOD_set_intersection_update, ARGS(other), NULL);
}

int roost_set_difference_update(roost_set *s, roost_value other)
{
    return roost__call(OBJECT(s), METHOD_set_difference_update, ARGS(other), NULL);
}

int roost_set_symmetric_difference_update(roost_set *s, roost_value other)
{
    return roost__call(OBJECT(s), METHOD_set_symmetric_difference_update, ARGS(other), NULL);
}

int roost_set_issubset(roost_set *s, roost_value other, bool *ret)
{
    return roost__call_bool(OBJECT(s), METHOD_set_issubset, ARGS(other), ret);
}

int roost_set_issuperset(roost_set *s, roost_value other, bool *ret)
{
    return roost__call_bool(OBJECT(s), METHOD_set_issuperset, ARGS(other), ret);
}

int roost_set_isdisjoint(roost_set *s, roost_value other, bool *ret)
{
    return roost__call_bool(OBJECT(s), METHOD_set_isdisjoint, ARGS(other), ret);
}
