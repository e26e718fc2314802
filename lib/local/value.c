/* value.c: local values: one element; see roost/local/value.h. */
#include "roost/local/value.h"

#include "local/typed.h"

static struct typed *typed_of(roost_local_value *v)
{
    return (struct typed *)(void *)v;
}

int roost_local_value_open(const char *name, const char *typecode, roost_value value, bool lock,
                           roost_local_value **ret)
{
    struct typed *h;
    int rc = roost__typed_open(name, LOCAL_VALUE, typecode, 1, &value, lock, &h);
    if (rc == ROOST_OK)
        *ret = (roost_local_value *)(void *)h;
    return rc;
}

int roost_local_value_new(const char *typecode, roost_value value, bool lock, roost_local_value **ret)
{
    return roost_local_value_open(NULL, typecode, value, lock, ret);
}

void roost_local_value_close(roost_local_value *v)
{
    roost__local_close(v);
}

int roost_local_value_get(roost_local_value *v, roost_value *ret)
{
    return roost__typed_get(typed_of(v), 0, ret);
}

int roost_local_value_set(roost_local_value *v, roost_value value)
{
    return roost__typed_set(typed_of(v), 0, value);
}

int roost_local_value_add(roost_local_value *v, roost_value delta, roost_value *ret)
{
    return roost__typed_add(typed_of(v), 0, &delta, ret);
}

static int add_slowly(roost_local_value *v, int64_t delta, int64_t *ret)
{
    struct typed *h = typed_of(v);
    roost_value d = roost_int(delta), sum;
    if (h->t->kind != NUMBER_SIGNED && h->t->kind != NUMBER_UNSIGNED)
        return roost__local_fail(&h->segment, "add_int", ROOST_ETYPE, "typecode '%c' is no integer",
                                 h->t->code);
    int rc = roost__typed_add(h, 0, &d, &sum);
    if (rc == ROOST_OK && ret != NULL)
        *ret = sum.as.i;
    return rc;
}

int roost_local_value_add_int(roost_local_value *v, int64_t delta, int64_t *ret)
{
    int64_t sum;
    if (!typed_of(v)->quick || !typed_add_quick(typed_of(v), 0, delta, &sum))
        return add_slowly(v, delta, ret);
    if (ret != NULL)
        *ret = sum;
    return ROOST_OK;
}

int roost_local_value_compare_and_set(roost_local_value *v, roost_value expected, roost_value value,
                                      bool *ret)
{
    return roost__typed_compare_and_set(typed_of(v), 0, expected, value, ret);
}

roost_local_rlock *roost_local_value_lock(roost_local_value *v)
{
    return typed_of(v)->with_lock ? &typed_of(v)->lock : NULL;
}

void *roost_local_value_data(roost_local_value *v)
{
    return typed_of(v)->body->elements;
}
