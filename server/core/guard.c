/*
 * guard.c: a call that is good only as long as a grant holds: its CALL frame names a lock and a token.
 *
 * Invariant: a guarded call changes nothing unless the grant of that token holds in the step in which the
 * change happens. So it is checked when the call comes; a guarded call that waits is in its hold's list, and
 * refused when that ends.
 */
#include "core/rights.h"

enum { GUARD_PARTS = 2 };

/* Reads [id, token]. */
static bool read_guard(struct slice value, uint64_t ret[GUARD_PARTS])
{
    struct item it;
    const uint8_t *p = roost__scan_item(value.data, &it);
    if (it.kind != ROOST_ARRAY || it.len != GUARD_PARTS)
        return false;
    for (unsigned i = 0; i < GUARD_PARTS; i++) {
        it = scan_value(scan_next(&p));
        if (it.kind != ROOST_INT || it.as.i < 0)
            return false;
        ret[i] = it.as.u;
    }
    return true;
}

/* Finds the hold; false: the call has failed. */
static bool find_guard(struct call *c, uint64_t id, uint64_t token)
{
    struct object *o = object_find(c->core, id);
    if (o != NULL && !rights_check(c, o, RIGHT_ANY))
        return false;
    if (o != NULL && o->type == &type_condition)
        o = condition_lock(c->core, o);
    c->guard = o != NULL ? hold_of_token(o, c->caller.session, token) : NULL;
    if (c->guard != NULL)
        return true;
    struct buf what = buf_make(1024);
    if (o != NULL)
        put_what(&what, o, NULL);
    fail(c, ROOST_ENOTOWNER, "nothing was changed: the grant with token %llu of %.*s is over",
         (unsigned long long)token, o != NULL ? (int)what.len : 16,
         o != NULL ? (const char *)what.data : "a deleted object");
    roost__buf_free(&what);
    return false;
}

bool guard_check(struct call *c)
{
    uint64_t guard[GUARD_PARTS];
    if (read_guard(c->guard_said, guard))
        return find_guard(c, guard[0], guard[1]);
    fail(c, ROOST_EINVAL, "a guard is [id of a lock, token]");
    return false;
}

void guard_attach(struct waiter *w, struct hold *h)
{
    list_push_back(&h->guarded, &w->in_guard);
}

void guard_end(struct core *core, struct hold *h)
{
    for (struct list *first; (first = list_first(&h->guarded)) != NULL;) {
        struct waiter *w = container_of(first, struct waiter, in_guard);
        answer_error(core, &w->caller, ROOST_ENOTOWNER,
                     "nothing was changed: the grant with token %llu ended while the call waited",
                     (unsigned long long)h->token);
        waiter_leave(core, w);
    }
}
