/* list.c: the proxy of lists; see roost/list.h. One line per method: the work is in object.c. */
#include "roost/list.h"

#include "client/object.h"

PROXY_COMMON(list, list)

int roost_list_new(roost_manager *m, roost_list **ret)
{
    return roost__open(m, METHOD_list_open, NO_ARGS, ret);
}

int roost_list_open(roost_manager *m, const char *name, roost_list **ret)
{
    return roost__open(m, METHOD_list_open, ARGS(roost_str(name)), ret);
}

int roost_list_open_with(roost_manager *m, const char *name, roost_value items, roost_list **ret)
{
    return roost__open(m, METHOD_list_open, ARGS(roost_str(name), items), ret);
}

int roost_list_append(roost_list *l, roost_value value)
{
    return roost__call(OBJECT(l), METHOD_list_append, ARGS(value), NULL);
}

int roost_list_extend(roost_list *l, roost_value values)
{
    return roost__call(OBJECT(l), METHOD_list_extend, ARGS(values), NULL);
}

int roost_list_insert(roost_list *l, int64_t index, roost_value value)
{
    return roost__call(OBJECT(l), METHOD_list_insert, ARGS(roost_int(index), value), NULL);
}

int roost_list_pop(roost_list *l, int64_t index, roost_value *ret)
{
    return roost__call(OBJECT(l), METHOD_list_pop, ARGS(roost_int(index)), ret);
}

int roost_list_get(roost_list *l, int64_t index, roost_value *ret)
{
    return roost__call(OBJECT(l), METHOD_list_get, ARGS(roost_int(index)), ret);
}

int roost_list_set(roost_list *l, int64_t index, roost_value value)
{
    return roost__call(OBJECT(l), METHOD_list_set, ARGS(roost_int(index), value), NULL);
}

int roost_list_delete(roost_list *l, int64_t index)
{
    return roost__call(OBJECT(l), METHOD_list_delete, ARGS(roost_int(index)), NULL);
}

int roost_list_slice(roost_list *l, int64_t start, int64_t stop, int64_t step, roost_value *ret)
{
    return roost__call(OBJECT(l), METHOD_list_slice,
                       ARGS(optional_int(start), optional_int(stop), optional_int(step)), ret);
}

int roost_list_set_slice(roost_list *l, int64_t start, int64_t stop, int64_t step, roost_value values)
{
    return roost__call(OBJECT(l), METHOD_list_set_slice,
                       ARGS(optional_int(start), optional_int(stop), optional_int(step), values), NULL);
}

int roost_list_delete_slice(roost_list *l, int64_t start, int64_t stop, int64_t step)
{
    return roost__call(OBJECT(l), METHOD_list_delete_slice,
                       ARGS(optional_int(start), optional_int(stop), optional_int(step)), NULL);
}

int roost_list_index(roost_list *l, roost_value value, int64_t start, int64_t stop, int64_t *ret)
{
    return roost__call_int(OBJECT(l), METHOD_list_index, ARGS(value, optional_int(start), optional_int(stop)),
                           ret);
}

int roost_list_count(roost_list *l, roost_value value, int64_t *ret)
{
    return roost__call_int(OBJECT(l), METHOD_list_count, ARGS(value), ret);
}

int roost_list_contains(roost_list *l, roost_value value, bool *ret)
{
    return roost__call_bool(OBJECT(l), METHOD_list_contains, ARGS(value), ret);
}

int roost_list_remove(roost_list *l, roost_value value)
{
    return roost__call(OBJECT(l), METHOD_list_remove, ARGS(value), NULL);
}

int roost_list_reverse(roost_list *l)
{
    return roost__call(OBJECT(l), METHOD_list_reverse, NO_ARGS, NULL);
}

int roost_list_sort(roost_list *l, bool reverse)
{
    return roost__call(OBJECT(l), METHOD_list_sort, ARGS(roost_bool(reverse)), NULL);
}

int roost_list_clear(roost_list *l)
{
    return roost__call(OBJECT(l), METHOD_list_clear, NO_ARGS, NULL);
}

int roost_list_copy(roost_list *l, roost_value *ret)
{
    return roost__call(OBJECT(l), METHOD_list_copy, NO_ARGS, ret);
}

int roost_list_len(roost_list *l, int64_t *ret)
{
    return roost__call_int(OBJECT(l), METHOD_list_len, NO_ARGS, ret);
}
