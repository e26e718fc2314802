/*
 * several.c: server.acquire and server.give_back: several objects at once, or none. acquire.c says by which
 * rule who waits is served.
 */
#include <stdlib.h>

#include "core/handlers.h"

/* The place of an item of an array of objects; false: the call has failed. */
static bool read_place(struct call *c, struct slice item, struct place *ret)
{
    struct item it = scan_value(item);
    struct object *o;
    if (it.kind != ROOST_STR && it.kind != ROOST_REF) {
        fail(c, ROOST_ETYPE, "objects must be names or references, not %s", roost_kind_name(it.kind));
        return false;
    }
    if ((o = object_said(c, &it)) == NULL)
        return false;
    if (o->type->takeable == NULL || o->type->takeable->give_back == NULL) {
        struct buf what = buf_make(1024);
        put_what(&what, o, NULL);
        fail(c, ROOST_ETYPE, "%.*s is no lock, rlock or semaphore", (int)what.len, (const char *)what.data);
        roost__buf_free(&what);
        return false;
    }
    *ret = (struct place){.object = o, .line = &o->lines[0]};
    return true;
}

static bool named_twice(struct call *c, const struct place *places, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            if (places[i].object == places[j].object) {
                fail(c, ROOST_EINVAL, "object %zu of the array is object %zu too", i + 1, j + 1);
                return true;
            }
        }
    }
    return false;
}

/* The places of the objects that argument 0 says, malloc'ed. NULL: the call has failed. */
static struct place *read_places(struct call *c, size_t *ret_n)
{
    struct item head;
    const uint8_t *p = roost__scan_item(c->arg[0].data, &head);
    if (head.len == 0 || head.len > WANTED_MAX) {
        fail(c, head.len == 0 ? ROOST_EINVAL : ROOST_ELIMIT, "objects must be 1 to %d, not %u", WANTED_MAX,
             head.len);
        return NULL;
    }
    struct place *places = calloc(head.len, sizeof(*places));
    bool good = places != NULL;
    if (!good)
        fail_memory(c);
    for (uint32_t i = 0; i < head.len && good; i++)
        good = read_place(c, scan_next(&p), &places[i]);
    if (!good || named_twice(c, places, head.len)) {
        free(places);
        return NULL;
    }
    *ret_n = head.len;
    return places;
}

void on_server_acquire(struct call *c)
{
    struct wish wish = {.timeout_ms = arg_int(c, 1, -1)};
    if (!ttl_arg(c, 2, &wish.ttl_us))
        return;
    wish.wanted = read_places(c, &wish.n);
    if (wish.wanted != NULL)
        acquire_all(c, &wish);
}

/* The tokens of argument 1 into tokens[n]; all 0 when it is left out. False: the call has failed. */
static bool read_tokens(struct call *c, uint64_t *tokens, size_t n)
{
    struct item it;
    memset(tokens, 0, n * sizeof(*tokens));
    if (!arg_given(c, 1))
        return true;
    const uint8_t *p = roost__scan_item(c->arg[1].data, &it);
    bool good = it.len == n;
    for (size_t i = 0; i < n && good; i++) {
        it = scan_value(scan_next(&p));
        good = it.kind == ROOST_INT && it.as.i > 0;
        tokens[i] = it.as.u;
    }
    if (!good)
        fail(c, ROOST_EINVAL, "tokens must be as many integers > 0 as there are objects");
    return good;
}

static bool may_give_all_back(struct call *c, const struct place *places, const uint64_t *tokens, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *why;
        int rc = places[i].object->type->takeable->may_give_back(c->core, places[i].object, &c->caller,
                                                                 tokens[i], &why);
        if (rc == ROOST_OK)
            continue;
        struct buf what = buf_make(1024);
        put_what(&what, places[i].object, NULL);
        fail(c, rc, "%.*s: %s", (int)what.len, (const char *)what.data, why);
        roost__buf_free(&what);
        return false;
    }
    return true;
}

void on_server_give_back(struct call *c)
{
    uint64_t tokens[WANTED_MAX];
    size_t n;
    struct place *places = read_places(c, &n);
    if (places == NULL)
        return;
    if (read_tokens(c, tokens, n) && may_give_all_back(c, places, tokens, n)) {
        reply_nil(c);
        for (size_t i = 0; i < n; i++)
            places[i].object->type->takeable->give_back(c->core, places[i].object, &c->caller, tokens[i]);
    }
    free(places);
}
