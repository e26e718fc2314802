/* array.c: local arrays: elements side by side; see roost/local/array.h. */
#include "roost/local/array.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/range.h"
#include "local/typed.h"
#include "roost/object.h"

enum { ELEMENT_MAX = 8 };

static struct typed *typed_of(roost_local_array *a)
{
    return (struct typed *)(void *)a;
}

int roost_local_array_open(const char *name, const char *typecode, roost_value init, bool lock,
                           roost_local_array **ret)
{
    struct typed *h;
    bool values = init.kind == ROOST_ARRAY;
    if (!values && (init.kind != ROOST_INT || init.as.i < 0))
        return roost__fail(ROOST_EINVAL, "a local array begins with its length or an array of its values");
    int rc = roost__typed_open(name, LOCAL_ARRAY, typecode, values ? init.len : (uint64_t)init.as.i,
                               values ? init.as.items : NULL, lock, &h);
    if (rc == ROOST_OK)
        *ret = (roost_local_array *)(void *)h;
    return rc;
}

int roost_local_array_new(const char *typecode, roost_value init, bool lock, roost_local_array **ret)
{
    return roost_local_array_open(NULL, typecode, init, lock, ret);
}

void roost_local_array_close(roost_local_array *a)
{
    roost__local_close(a);
}

static int find(struct typed *h, const char *verb, int64_t index, size_t *ret)
{
    if (range_index(index, h->body->len, ret))
        return ROOST_OK;
    return roost__local_fail(&h->segment, verb, ROOST_EINDEX,
                             "index %lld is out of range: the length is %llu", (long long)index,
                             (unsigned long long)h->body->len);
}

int roost_local_array_get(roost_local_array *a, int64_t index, roost_value *ret)
{
    size_t i = 0;
    int rc = find(typed_of(a), "get", index, &i);
    return rc != ROOST_OK ? rc : roost__typed_get(typed_of(a), i, ret);
}

int roost_local_array_set(roost_local_array *a, int64_t index, roost_value value)
{
    size_t i = 0;
    int rc = find(typed_of(a), "set", index, &i);
    return rc != ROOST_OK ? rc : roost__typed_set(typed_of(a), i, value);
}

int roost_local_array_add(roost_local_array *a, int64_t index, roost_value delta, roost_value *ret)
{
    size_t i = 0;
    int rc = find(typed_of(a), "add", index, &i);
    return rc != ROOST_OK ? rc : roost__typed_add(typed_of(a), i, &delta, ret);
}

int roost_local_array_compare_and_set(roost_local_array *a, int64_t index, roost_value expected,
                                      roost_value value, bool *ret)
{
    size_t i = 0;
    int rc = find(typed_of(a), "compare_and_set", index, &i);
    return rc != ROOST_OK ? rc : roost__typed_compare_and_set(typed_of(a), i, expected, value, ret);
}

/* ---- slices ---- */

static int slice_range(struct typed *h, const char *verb, int64_t start, int64_t stop, int64_t step,
                       struct range *ret)
{
    if (step == 0)
        return roost__local_fail(&h->segment, verb, ROOST_EINVAL, "slice step cannot be zero");
    *ret = range_of(h->body->len, start == ROOST_NONE ? NULL : &start, stop == ROOST_NONE ? NULL : &stop,
                    step == ROOST_NONE ? 1 : step);
    return ROOST_OK;
}

static void free_all(roost_value *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        roost_value_free(&items[i]);
    free(items);
}

int roost_local_array_slice(roost_local_array *a, int64_t start, int64_t stop, int64_t step, roost_value *ret)
{
    struct typed *h = typed_of(a);
    struct range r;
    size_t n = 0;
    int rc = slice_range(h, "slice", start, stop, step, &r);
    if (rc == ROOST_OK && r.count > UINT32_MAX)
        rc = roost__local_fail(&h->segment, "slice", ROOST_ELIMIT, "%zu elements are too many for one value",
                               r.count);
    if (rc != ROOST_OK)
        return rc;
    roost_value *items = calloc(r.count + 1, sizeof(*items));
    if (items == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for %zu elements", r.count);
    roost__typed_lock(h);
    for (; rc == ROOST_OK && n < r.count; n++)
        rc = roost__typed_load(h, range_at(&r, n), &items[n]);
    roost__typed_unlock(h);
    if (rc == ROOST_OK)
        rc = roost_value_copy(roost_array(items, (uint32_t)r.count), ret);
    free_all(items, r.count);
    return rc;
}

int roost_local_array_set_slice(roost_local_array *a, int64_t start, int64_t stop, int64_t step,
                                roost_value values)
{
    struct typed *h = typed_of(a);
    struct range r = {0};
    int rc = slice_range(h, "set_slice", start, stop, step, &r);
    if (rc != ROOST_OK)
        return rc;
    if (values.kind != ROOST_ARRAY || values.len != r.count)
        return roost__local_fail(&h->segment, "set_slice", ROOST_EINVAL,
                                 "the slice takes an array of %zu values", r.count);
    uint8_t(*encoded)[ELEMENT_MAX] = calloc(r.count + 1, sizeof(*encoded));
    if (encoded == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for %zu elements", r.count);
    for (size_t i = 0; rc == ROOST_OK && i < r.count; i++)
        rc = roost__typed_encode(h, values.as.items[i], encoded[i]);
    roost__typed_lock(h);
    for (size_t i = 0; rc == ROOST_OK && i < r.count; i++)
        roost__typed_store(h, range_at(&r, i), encoded[i]);
    roost__typed_unlock(h);
    free(encoded);
    return rc == ROOST_OK ? rc : roost__local_fail_at(&h->segment, "set_slice");
}

size_t roost_local_array_len(const roost_local_array *a)
{
    return ((const struct typed *)(const void *)a)->body->len;
}

roost_local_rlock *roost_local_array_lock(roost_local_array *a)
{
    return typed_of(a)->with_lock ? &typed_of(a)->lock : NULL;
}

void *roost_local_array_data(roost_local_array *a)
{
    return typed_of(a)->body->elements;
}
