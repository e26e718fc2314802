/* transaction.c: the builder of server.transact's arguments; see roost/transaction.h. */
#include "roost/transaction.h"

#include <stdlib.h>

#include "base/error.h"
#include "client/manager.h"
#include "client/object.h"

/* Owned values, side by side. */
struct parts {
    roost_value *items;
    uint32_t len, cap;
};

struct roost_transaction {
    struct roost_manager *manager;
    struct parts conditions, calls;
};

int roost_transaction_new(roost_manager *m, roost_transaction **ret)
{
    if (m == NULL || ret == NULL)
        return roost__fail(ROOST_EINVAL, "transaction: the manager or the result is NULL");
    roost_transaction *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for a transaction");
    t->manager = m;
    roost__manager_keep(m);
    *ret = t;
    return ROOST_OK;
}

static void free_parts(struct parts *parts)
{
    for (uint32_t i = 0; i < parts->len; i++)
        roost_value_free(&parts->items[i]);
    free(parts->items);
}

void roost_transaction_free(roost_transaction *t)
{
    if (t == NULL)
        return;
    free_parts(&t->conditions);
    free_parts(&t->calls);
    roost__manager_drop(t->manager);
    free(t);
}

/* Adds a copy of an array of n values. */
static int add(struct parts *parts, const roost_value *values, uint32_t n)
{
    if (parts->len == parts->cap) {
        uint32_t cap = parts->cap * 2 + 8;
        roost_value *grown = reallocarray(parts->items, cap, sizeof(*grown));
        if (grown == NULL)
            return roost__fail(ROOST_ENOMEM, "no memory for a transaction");
        parts->items = grown;
        parts->cap = cap;
    }
    int rc = roost_value_copy(roost_array(values, n), &parts->items[parts->len]);
    parts->len += rc == ROOST_OK;
    return rc;
}

static int add_condition(roost_transaction *t, const roost_value *values, uint32_t n)
{
    if (t == NULL)
        return roost__fail(ROOST_EINVAL, "transaction: the handle is NULL");
    return add(&t->conditions, values, n);
}

int roost_transaction_if_equals(roost_transaction *t, roost_value object, roost_value path, roost_value value)
{
    roost_value steps = path.kind == ROOST_NIL ? roost_array(NULL, 0) : path;
    return add_condition(t, ARGS(roost_str("equals"), object, steps, value));
}

int roost_transaction_if_present(roost_transaction *t, roost_value object, roost_value path)
{
    return add_condition(t, ARGS(roost_str("present"), object, path));
}

int roost_transaction_if_absent(roost_transaction *t, roost_value object, roost_value path)
{
    return add_condition(t, ARGS(roost_str("absent"), object, path));
}

int roost_transaction_if_token(roost_transaction *t, roost_value object, uint64_t token)
{
    return add_condition(t, ARGS(roost_str("token"), object, roost_uint(token)));
}

int roost_transaction_if_len(roost_transaction *t, roost_value object, roost_value path, int64_t n)
{
    const roost_value parts[] = {roost_str("len"), object, roost_int(n), path};
    return add_condition(t, parts, path.kind == ROOST_NIL ? 3 : 4);
}

int roost_transaction_if_not_empty(roost_transaction *t, roost_value queue)
{
    return add_condition(t, ARGS(roost_str("not_empty"), queue));
}

int roost_transaction_if_room(roost_transaction *t, roost_value queue, int64_t n)
{
    return add_condition(t, ARGS(roost_str("has_room"), queue, roost_int(n)));
}

int roost_transaction_call(roost_transaction *t, roost_value object, roost_value path, const char *method,
                           const roost_value *args, uint32_t argc)
{
    if (t == NULL || method == NULL || (args == NULL && argc > 0))
        return roost__fail(ROOST_EINVAL, "transaction: the handle, the method or the arguments are NULL");
    const roost_value parts[] = {object, roost_str(method), roost_array(args, argc), path};
    return add(&t->calls, parts, path.kind == ROOST_NIL ? 3 : 4);
}

int roost_transaction_commit(roost_transaction *t, int timeout_ms, roost_value *ret)
{
    if (t == NULL)
        return roost__fail(ROOST_EINVAL, "transaction: the handle is NULL");
    roost_value conditions = roost_array(t->conditions.items, t->conditions.len);
    roost_value calls = roost_array(t->calls.items, t->calls.len);
    return roost__server_call(t->manager, METHOD_server_transact,
                              ARGS(conditions, calls, roost_int(timeout_ms)), ret);
}
