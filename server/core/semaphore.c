/*
 * semaphore.c: semaphore and bounded semaphore.
 *
 * Invariant: each permit taken is recorded as a hold. A release gives back a permit of the caller's thread,
 * else of its session, else the one held longest, else (unbounded only) it makes a new one. So a session that
 * ends returns what it took and nobody gave back for it. Waiting is acquire.c's business.
 */
#include "core/handlers.h"
#include "core/save.h"
#include "core/undo.h"

struct semaphore {
    struct object object;
    uint64_t value;
    uint64_t initial;
    bool owner_died; /* said to the next who takes a permit */
};

extern const struct type type_bounded_semaphore;

static struct semaphore *semaphore_of(const struct object *o)
{
    return (struct semaphore *)(uintptr_t)o;
}

static void semaphore_abandoned(struct core *core, struct hold *h)
{
    struct semaphore *s = semaphore_of(h->object);
    s->value += h->depth;
    s->owner_died = true;
    line_due(core, &s->object.lines[0]);
}

static unsigned semaphore_describe(const struct object *o, struct buf *out)
{
    roost__put_cstr(out, "value");
    roost__put_uint(out, semaphore_of(o)->value);
    roost__put_cstr(out, "initial");
    roost__put_uint(out, semaphore_of(o)->initial);
    return 2;
}

/* ---- taking and giving back ---- */

static enum turn semaphore_turn(const struct place *p, const struct caller *who)
{
    (void)who;
    return semaphore_of(p->object)->value > 0 ? TURN_FIRST : TURN_NO;
}

static bool semaphore_take(struct core *core, struct place *p, const struct caller *to)
{
    struct semaphore *s = semaphore_of(p->object);
    bool died = s->owner_died;
    s->owner_died = false;
    s->value--;
    hold_grant(core, p->object, p->hold, to);
    return died;
}

/* The hold that a release by this caller gives back from, or NULL when nobody holds a permit. */
static struct hold *give_back_from(const struct object *o, const struct caller *who)
{
    struct hold *h = hold_of(o, who, false);
    if (h == NULL)
        h = hold_of(o, who, true);
    return h != NULL ? h : hold_first(o);
}

/* Gives n permits back, beginning with the one of a token, unless that is 0. */
static void give_permits(struct core *core, struct object *o, const struct caller *who, uint64_t token,
                         uint64_t n)
{
    struct semaphore *s = semaphore_of(o);
    if (!undo_bytes(core, &s->value, sizeof(s->value)) ||
        !undo_bytes(core, &o->signalled, sizeof(o->signalled)))
        return;
    s->value += n;
    for (; n > 0; n--, token = 0) {
        struct hold *h = token != 0 ? hold_of_token(o, who->session, token) : give_back_from(o, who);
        o->signalled = o->signalled || h == NULL || h->session != who->session;
        if (h == NULL)
            break; /* the rest are new ones */
        hold_release(core, h);
    }
    line_due(core, &o->lines[0]);
}

static int may_release(struct core *core, struct object *o, const struct caller *who, uint64_t n,
                       const char **ret_why)
{
    const struct semaphore *s = semaphore_of(o);
    if (hold_of(o, who, true) == NULL && hold_lapsed_forget(core, o, who, false)) {
        *ret_why = "the grant lapsed: its time to live was over";
        return ROOST_ENOTOWNER;
    }
    if (o->type == &type_bounded_semaphore && n > s->initial - s->value) {
        *ret_why = "released too many times: the permits would be more than at its creation";
        return ROOST_EOVERRELEASE;
    }
    if (n > INT64_MAX - s->value) {
        *ret_why = "the sum does not fit 64 bits";
        return ROOST_ERANGE;
    }
    return ROOST_OK;
}

static int semaphore_may_give_back(struct core *core, struct object *o, const struct caller *who,
                                   uint64_t token, const char **ret_why)
{
    if (token != 0 && hold_of_token(o, who->session, token) == NULL) {
        *ret_why = "the grant with this token is over";
        return ROOST_ENOTOWNER;
    }
    return may_release(core, o, who, 1, ret_why);
}

static void semaphore_give_back(struct core *core, struct object *o, const struct caller *who, uint64_t token)
{
    give_permits(core, o, who, token, 1);
}

static const struct takeable semaphore_takeable = {.turn = semaphore_turn,
                                                   .take = semaphore_take,
                                                   .may_give_back = semaphore_may_give_back,
                                                   .give_back = semaphore_give_back};

static void semaphore_save(const struct object *o, struct buf *out)
{
    const struct semaphore *s = semaphore_of(o);
    save_uint(out, s->value);
    save_uint(out, s->initial);
    save_uint(out, s->owner_died);
}

static void semaphore_load(struct loader *l, struct object *o)
{
    struct semaphore *s = semaphore_of(o);
    s->value = load_uint(l);
    s->initial = load_uint(l);
    s->owner_died = load_bool(l);
    bool bounded = o->type == &type_bounded_semaphore;
    if (s->value > INT64_MAX || s->initial > INT64_MAX || (bounded && s->value > s->initial))
        load_bad(l, "a semaphore has more permits than it can");
}

const struct type type_semaphore = {.code = ROOST_TYPE_semaphore,
                                    .size = sizeof(struct semaphore),
                                    .abandoned = semaphore_abandoned,
                                    .describe = semaphore_describe,
                                    .takeable = &semaphore_takeable,
                                    .save = semaphore_save,
                                    .load = semaphore_load};

const struct type type_bounded_semaphore = {.code = ROOST_TYPE_bounded_semaphore,
                                            .size = sizeof(struct semaphore),
                                            .abandoned = semaphore_abandoned,
                                            .describe = semaphore_describe,
                                            .takeable = &semaphore_takeable,
                                            .save = semaphore_save,
                                            .load = semaphore_load};

/* ---- handlers ---- */

static void open(struct call *c, const struct type *type)
{
    bool found;
    struct object *o = object_open(c, type, &found);
    if (o == NULL)
        return;
    struct semaphore *s = semaphore_of(o);
    if (!found)
        s->value = s->initial = (uint64_t)arg_int(c, 1, 1);
    if ((uint64_t)arg_int(c, 1, (int64_t)s->initial) != s->initial)
        fail(c, ROOST_EEXIST, "it exists with value %llu", (unsigned long long)s->initial);
    else
        reply_ref(c, o);
}

void on_semaphore_open(struct call *c)
{
    open(c, &type_semaphore);
}

void on_bounded_semaphore_open(struct call *c)
{
    open(c, &type_bounded_semaphore);
}

void on_semaphore_acquire(struct call *c)
{
    acquire(c, c->object, 0);
}

void on_semaphore_release(struct call *c)
{
    uint64_t n = (uint64_t)arg_int(c, 0, 1);
    const char *why = "count must be at least 1";
    int rc = n == 0 ? ROOST_EINVAL : may_release(c->core, c->object, &c->caller, n, &why);
    if (rc != ROOST_OK) {
        fail(c, rc, "%s", why);
        return;
    }
    reply_nil(c);
    give_permits(c->core, c->object, &c->caller, 0, n);
}

void on_semaphore_get_value(struct call *c)
{
    reply_int(c, (int64_t)semaphore_of(c->object)->value);
}
