/* shared_array.c: the proxy of arrays; see roost/shared_array.h. One line per method: the work is in
 * object.c. */
#include "roost/shared_array.h"

#include "client/object.h"

PROXY_COMMON(shared_array, array)

int roost_shared_array_new(roost_manager *m, const char *typecode, roost_value init, roost_shared_array **ret)
{
    return roost__open(m, METHOD_array_open, ARGS(roost_nil(), roost_str(typecode), init), ret);
}

int roost_shared_array_open(roost_manager *m, const char *name, const char *typecode, roost_value init,
                            roost_shared_array **ret)
{
    return roost__open(m, METHOD_array_open, ARGS(roost_str(name), roost_str(typecode), init), ret);
}

int roost_shared_array_get(roost_shared_array *a, int64_t index, roost_value *ret)
{
    return roost__call(OBJECT(a), METHOD_array_get, ARGS(roost_int(index)), ret);
}

int roost_shared_array_set(roost_shared_array *a, int64_t index, roost_value value)
{
    return roost__call(OBJECT(a), METHOD_array_set, ARGS(roost_int(index), value), NULL);
}

int roost_shared_array_slice(roost_shared_array *a, int64_t start, int64_t stop, int64_t step,
                             roost_value *ret)
{
    return roost__call(OBJECT(a), METHOD_array_slice,
                       ARGS(optional_int(start), optional_int(stop), optional_int(step)), ret);
}

int roost_shared_array_set_slice(roost_shared_array *a, int64_t start, int64_t stop, int64_t step,
                                 roost_value values)
{
    return roost__call(OBJECT(a), METHOD_array_set_slice,
                       ARGS(optional_int(start), optional_int(stop), optional_int(step), values), NULL);
}

int roost_shared_array_read(roost_shared_array *a, uint64_t start, int64_t count, roost_value *ret)
{
    return roost__call(OBJECT(a), METHOD_array_read, ARGS(roost_uint(start), optional_int(count)), ret);
}

int roost_shared_array_write(roost_shared_array *a, uint64_t start, const void *data, uint32_t len)
{
    return roost__call(OBJECT(a), METHOD_array_write, ARGS(roost_uint(start), roost_bytes(data, len)), NULL);
}

int roost_shared_array_len(roost_shared_array *a, int64_t *ret)
{
    return roost__call_int(OBJECT(a), METHOD_array_len, NO_ARGS, ret);
}
