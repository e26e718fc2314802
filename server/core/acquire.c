/*
 * acquire.c: taking what can be held: a lock, a permit, keys, or several of them at once.
 *
 * Who wants several things holds none of them while it waits. It stands in the line of each, and is granted
 * all in the step in which it is first in every one of these lines and everything is free. So a call is
 * served as soon as what it wants is free and nobody who came before it wants any of it: first come, first
 * served, nobody starves, and those who only wait cannot wait for each other in a circle. The price: while it
 * stands first in one line and waits in another, the free thing of the first is reserved for it.
 *
 * Invariant, between steps: the first in a line cannot be granted. Whoever makes something free, or leaves a
 * line, calls line_due(); lines_serve() restores the invariant before the step ends.
 */
#include <assert.h>
#include <stdlib.h>

#include "core/handlers.h"

void line_due(struct core *core, struct line *l)
{
    if (l->len > 0 && list_empty(&l->in_due))
        list_push_back(&core->due_lines, &l->in_due);
}

/* ---- granting ---- */

static const struct takeable *takeable_of(const struct place *p)
{
    return p->object->type->takeable;
}

/* Takes everything; *ret_died[i] says whether the owner of wanted[i] died before. */
static void take(struct core *core, struct place *wanted, size_t n, const struct caller *to, bool *ret_died)
{
    for (size_t i = 0; i < n; i++) {
        ret_died[i] = takeable_of(&wanted[i])->take(core, &wanted[i], to);
        if (i > 0 && wanted[i].slot != NULL) /* the keys of a call are one grant */
            wanted[i].hold->token = wanted[0].hold->token;
    }
}

static void answer_grants(struct core *core, const struct caller *to, const struct method *method,
                          const struct place *taken, size_t n, const bool *died)
{
    if (method->type == ROOST_TYPE_server) {
        struct buf *out = reply_begin(core, to);
        roost__put_array(out, n);
        for (size_t i = 0; i < n; i++) {
            roost__put_array(out, 2);
            roost__put_uint(out, taken[i].hold->token);
            roost__put_bool(out, died[i]);
        }
        reply_finish(core, to);
        return;
    }
    bool any_died = false;
    for (size_t i = 0; i < n; i++)
        any_died = any_died || died[i];
    answer_grant(core, to, taken[0].hold->token, any_died);
}

/* condition.wait has its lock again. */
static void answer_woken(struct core *core, const struct waiter *w, bool died)
{
    struct buf *out = reply_begin(core, &w->caller);
    roost__put_array(out, 3);
    roost__put_bool(out, w->notified);
    roost__put_uint(out, w->place.hold->token);
    roost__put_bool(out, died);
    reply_finish(core, &w->caller);
}

static bool may_take(const struct place *p, const struct caller *who, bool first)
{
    enum turn turn = takeable_of(p)->turn(p, who);
    return turn == TURN_ANY || (turn == TURN_FIRST && first);
}

static bool has_its_turn(const struct waiter *w)
{
    for (size_t i = 0; i < w->place_count; i++) {
        const struct place *p = &w->places[i];
        if (!may_take(p, &w->caller, line_first_of(p->line) == w))
            return false;
    }
    return true;
}

static void grant(struct core *core, struct waiter *w)
{
    bool died[WANTED_MAX];
    take(core, w->places, w->place_count, &w->caller, died);
    if (w->woken)
        answer_woken(core, w, died[0]);
    else
        answer_grants(core, &w->caller, w->method, w->places, w->place_count, died);
    for (size_t i = 0; i < w->place_count; i++)
        w->places[i].hold = NULL; /* it is the session's now */
    waiter_free(core, w);
}

void lines_serve_due(struct core *core)
{
    for (struct list *due; (due = list_first(&core->due_lines)) != NULL;) {
        struct line *l = container_of(due, struct line, in_due);
        struct waiter *w = line_first_of(l);
        if (w != NULL && has_its_turn(w))
            grant(core, w); /* the line stays due, if it is still there: the next may have its turn too */
        else
            list_remove(due);
    }
}

/* ---- taking ---- */

static void discard(struct core *core, struct wish *wish)
{
    for (size_t i = 0; i < wish->n; i++) {
        hold_discard(core, wish->wanted[i].hold);
        if (wish->wanted[i].slot != NULL)
            slot_tidy(core, wish->wanted[i].object, wish->wanted[i].slot);
    }
}

static bool make_holds(struct call *c, struct wish *wish)
{
    for (size_t i = 0; i < wish->n; i++) {
        struct place *p = &wish->wanted[i];
        p->hold = hold_new(c->core, wish->ttl_us);
        if (p->hold == NULL)
            return false;
    }
    return true;
}

/* The first thing that the caller cannot take now, or NULL. */
static const struct place *first_taken(const struct call *c, const struct wish *wish)
{
    for (size_t i = 0; i < wish->n; i++)
        if (!may_take(&wish->wanted[i], &c->caller, wish->wanted[i].line->len == 0))
            return &wish->wanted[i];
    return NULL;
}

static void put_text(struct buf *b, const char *text)
{
    buf_append(b, text, strlen(text));
}

/* Words ROOST_ETIMEDOUT for a poll. */
static void fail_taken(struct call *c, const struct place *p)
{
    struct buf what = buf_make(1024);
    const struct hold *h = p->slot != NULL ? slot_hold(p->slot) : hold_first(p->object);
    put_what(&what, p->object, p->slot);
    if (h == NULL)
        put_text(&what, " is wanted by others who came before");
    else
        put_text(&what, " is held by "), put_party(&what, h->session, h->thread);
    fail(c, ROOST_ETIMEDOUT, "%.*s", (int)what.len, (const char *)what.data);
    roost__buf_free(&what);
}

static void take_now(struct call *c, struct wish *wish)
{
    bool died[WANTED_MAX];
    take(c->core, wish->wanted, wish->n, &c->caller, died);
    c->done = true;
    answer_grants(c->core, &c->caller, c->method, wish->wanted, wish->n, died);
    for (size_t i = 0; i < wish->n; i++)
        wish->wanted[i].hold = NULL;
}

/* What is taken must be told. */
static bool room_for_grants(struct call *c, const struct wish *wish)
{
    enum { FRAME_ROOM = 64, GRANT_ROOM = 11 };
    struct buf *out = &c->core->effects->bytes;
    bool room = roost__buf_reserve(out, FRAME_ROOM + GRANT_ROOM * wish->n);
    out->failed = false;
    return room;
}

/* Tries to take; false: the call must wait. */
static bool take_or_fail(struct call *c, struct wish *wish)
{
    const struct place *taken = first_taken(c, wish);
    if (taken != NULL && wish->timeout_ms == 0)
        fail_taken(c, taken);
    else if (!make_holds(c, wish) || !room_for_grants(c, wish))
        fail_memory(c);
    else if (taken == NULL)
        take_now(c, wish);
    else
        return false;
    return true;
}

void acquire_all(struct call *c, struct wish *wish)
{
    struct waiter *w = NULL;
    assert(wish->n > 0 && wish->n <= WANTED_MAX);
    if (!take_or_fail(c, wish))
        w = park_places(c, wish->wanted, wish->n, wish->timeout_ms);
    if (w != NULL) {
        deadlock_check(c->core, w);
        return;
    }
    discard(c->core, wish);
    free(wish->wanted);
}

/* The same as acquire_all() for one thing, which is what nearly every call wants: with nobody in line it
 * costs a hold and an answer. */
void acquire(struct call *c, struct object *o, unsigned timeout_arg)
{
    struct place place = {.object = o, .line = &o->lines[0]};
    int64_t timeout_ms = arg_int(c, timeout_arg, -1), ttl_us = 0;
    if (arg_given(c, timeout_arg + 1) && !ttl_arg(c, timeout_arg + 1, &ttl_us))
        return;
    bool now = may_take(&place, &c->caller, place.line->len == 0);
    struct waiter *w;
    if (!now && timeout_ms == 0) {
        fail_taken(c, &place);
    } else if ((place.hold = hold_new(c->core, ttl_us)) == NULL) {
        fail_memory(c);
    } else if (now) {
        bool died = takeable_of(&place)->take(c->core, &place, &c->caller);
        c->done = true;
        answer_grant(c->core, &c->caller, place.hold->token, died);
    } else if ((w = park_ms(c, o, 0, timeout_ms)) == NULL) {
        hold_discard(c->core, place.hold);
    } else {
        w->place.hold = place.hold;
        deadlock_check(c->core, w);
    }
}

bool ttl_arg(struct call *c, unsigned i, int64_t *ret_us)
{
    const int64_t max_ms = INT64_MAX / 4000;
    int64_t ms = arg_int(c, i, 0);
    if (arg_given(c, i) && (ms == 0 || ms > max_ms)) {
        fail(c, ROOST_EINVAL, "a time to live must be 1 to %lld ms", (long long)max_ms);
        return false;
    }
    *ret_us = ms * 1000;
    return true;
}

/* ---- giving back, extending ---- */

void give_back(struct call *c, struct object *o, unsigned token_arg)
{
    const struct takeable *t = o->type->takeable;
    uint64_t token = (uint64_t)arg_int(c, token_arg, 0);
    const char *why;
    int rc = t->may_give_back(c->core, o, &c->caller, token, &why);
    if (rc != ROOST_OK) {
        fail(c, rc, "%s", why);
        return;
    }
    reply_nil(c);
    t->give_back(c->core, o, &c->caller, token);
}

/* The keys of a grant share its token; they are all the holder's session's. */
static bool extend_keys(struct call *c, const struct hold *of, int64_t ttl_us)
{
    bool good = true;
    list_each (it, &of->session->holds) {
        struct hold *h = container_of(it, struct hold, in_session);
        if (h->object == c->object && h->token == of->token && !h->lapsed)
            good = good && hold_extend(c->core, h, ttl_us);
    }
    return good;
}

void on_grant_extend(struct call *c)
{
    int64_t ttl_us;
    if (!ttl_arg(c, 1, &ttl_us))
        return;
    const struct hold *h = hold_of_token(c->object, c->caller.session, (uint64_t)arg_int(c, 0, 0));
    if (h == NULL)
        fail(c, ROOST_ENOTOWNER, "the grant with this token is over");
    else if (!extend_keys(c, h, ttl_us))
        fail_memory(c);
    else
        reply_nil(c);
}
