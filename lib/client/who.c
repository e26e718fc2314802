/*
 * who.c: the answer of server.who as structs; see roost_server_parties() in roost/server.h.
 *
 * Invariant: the parties' strings and keys lie in the answer, which their block keeps.
 */
#include <stdlib.h>

#include "base/error.h"
#include "client/object.h"
#include "roost/server.h"

struct parties {
    roost_value who;
    roost_party items[];
};

static roost_value member(roost_value map, const char *name)
{
    const roost_value *v = map.kind == ROOST_MAP ? roost_map_get(map, roost_str(name)) : NULL;
    return v != NULL ? *v : roost_nil();
}

static uint64_t number(roost_value map, const char *name)
{
    roost_value v = member(map, name);
    return v.kind == ROOST_INT || v.kind == ROOST_UINT ? v.as.u : 0;
}

static const char *words(roost_value map, const char *name)
{
    roost_value v = member(map, name);
    return v.kind == ROOST_STR ? v.as.s : NULL;
}

/* The keys a party wants, or the one it holds. */
static roost_value keys_of(roost_value map)
{
    const roost_value *key = roost_map_get(map, roost_str("key"));
    return key != NULL ? roost_array(key, 1) : member(map, "keys");
}

static roost_party read_party(roost_value map)
{
    return (roost_party){.session = number(map, "session"),
                         .thread = number(map, "thread"),
                         .host = words(map, "host"),
                         .pid = number(map, "pid"),
                         .label = words(map, "label"),
                         .method = words(map, "method"),
                         .token = number(map, "token"),
                         .depth = number(map, "depth"),
                         .age_ms = member(map, "age_ms").as.i,
                         .left_ms = member(map, "left_ms").as.i,
                         .keys = keys_of(map)};
}

static size_t read_parties(roost_value array, roost_party *ret)
{
    for (uint32_t i = 0; i < array.len; i++)
        ret[i] = read_party(array.as.items[i]);
    return array.len;
}

int roost_server_parties(roost_manager *m, roost_value object, roost_parties *ret)
{
    roost_value who;
    if (ret == NULL)
        return roost__fail(ROOST_EINVAL, "server: who: the result is NULL");
    int rc = roost_server_who(m, object, &who);
    if (rc != ROOST_OK)
        return rc;
    roost_value holders = member(who, "holders"), waiters = member(who, "waiters");
    struct parties *p = NULL;
    if (holders.kind != ROOST_ARRAY || waiters.kind != ROOST_ARRAY)
        rc = roost__fail(ROOST_EPROTO, "server: who: the server answered a %s", roost_kind_name(who.kind));
    else if ((p = malloc(sizeof(*p) + ((size_t)holders.len + waiters.len) * sizeof(roost_party))) == NULL)
        rc = roost__fail(ROOST_ENOMEM, "server: who: no memory for the answer");
    if (rc != ROOST_OK) {
        roost_value_free(&who);
        return rc;
    }
    p->who = who;
    *ret = (roost_parties){.holders = p->items, .waiters = p->items + holders.len, .block = p};
    ret->holder_count = read_parties(holders, p->items);
    ret->waiter_count = read_parties(waiters, p->items + holders.len);
    return ROOST_OK;
}

void roost_parties_free(roost_parties *p)
{
    if (p == NULL || p->block == NULL)
        return;
    struct parties *block = p->block;
    roost_value_free(&block->who);
    free(block);
    *p = (roost_parties){0};
}
