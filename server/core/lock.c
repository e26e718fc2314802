/*
 * lock.c: lock and rlock.
 *
 * Invariants: at most one hold. A lock whose holder's session ended, or whose holder's time to live was over,
 * goes to the first in line, or to the next who comes, who is told *owner died*. An rlock's owner is
 * (session, thread). Waiting is acquire.c's business.
 */

#include "core/handlers.h"
#include "core/save.h"
#include "core/undo.h"

struct lock {
    struct object object;
    bool owner_died; /* said to the next holder */
};

static struct lock *lock_of(const struct object *o)
{
    return (struct lock *)(uintptr_t)o;
}

static void lock_abandoned(struct core *core, struct hold *h)
{
    lock_of(h->object)->owner_died = true;
    line_due(core, &h->object->lines[0]);
}

static unsigned lock_describe(const struct object *o, struct buf *out)
{
    const struct hold *h = hold_first(o);
    roost__put_cstr(out, "locked");
    roost__put_bool(out, h != NULL);
    return 1;
}

struct hold *lock_owned(const struct object *lock, const struct caller *who)
{
    return hold_of(lock, who, lock->type == &type_lock);
}

/* ---- taking and giving back ---- */

static enum turn lock_turn(const struct place *p, const struct caller *who)
{
    if (hold_first(p->object) == NULL)
        return TURN_FIRST;
    return p->object->type == &type_rlock && lock_owned(p->object, who) != NULL ? TURN_ANY : TURN_NO;
}

/* One level more for the owner. */
static void deepen(struct core *core, struct hold *held, struct place *p)
{
    held->depth++;
    hold_discard(core, p->hold);
    p->hold = held;
}

static bool lock_take(struct core *core, struct place *p, const struct caller *to)
{
    struct lock *lock = lock_of(p->object);
    if (hold_first(p->object) != NULL) {
        deepen(core, hold_first(p->object), p);
        return false;
    }
    bool died = lock->owner_died;
    lock->owner_died = false;
    hold_lapsed_drop(p->object, to);
    hold_grant(core, p->object, p->hold, to);
    return died;
}

static int lock_may_give_back(struct core *core, struct object *o, const struct caller *who, uint64_t token,
                              const char **ret_why)
{
    const struct hold *h = hold_first(o), *own = lock_owned(o, who);
    if (token != 0 && (h == NULL || h->token != token)) {
        *ret_why = "the grant with this token is over";
        return ROOST_ENOTOWNER;
    }
    if (own == NULL && hold_lapsed_forget(core, o, who, o->type == &type_lock)) {
        *ret_why = "the grant lapsed: its time to live was over";
        return ROOST_ENOTOWNER;
    }
    if (h == NULL) {
        *ret_why = "it is not locked";
        return ROOST_EOVERRELEASE;
    }
    if (own == NULL && o->type == &type_rlock) {
        *ret_why = "held by another session or thread";
        return ROOST_ENOTOWNER;
    }
    return ROOST_OK;
}

static void lock_give_back(struct core *core, struct object *o, const struct caller *who, uint64_t token)
{
    (void)token; /* there is but one grant */
    struct hold *h = hold_first(o);
    if (!undo_bytes(core, &h->depth, sizeof(h->depth)) ||
        !undo_bytes(core, &o->signalled, sizeof(o->signalled)))
        return;
    if (h->depth > 1) {
        h->depth--;
        return;
    }
    o->signalled = o->signalled || h->session != who->session;
    hold_release(core, h);
    line_due(core, &o->lines[0]);
}

static const struct takeable lock_takeable = {
    .turn = lock_turn, .take = lock_take, .may_give_back = lock_may_give_back, .give_back = lock_give_back};

static const struct takeable rlock_takeable = {.turn = lock_turn,
                                               .take = lock_take,
                                               .may_give_back = lock_may_give_back,
                                               .give_back = lock_give_back,
                                               .by_thread = true};

static void lock_save(const struct object *o, struct buf *out)
{
    save_uint(out, lock_of(o)->owner_died);
}

static void lock_load(struct loader *l, struct object *o)
{
    lock_of(o)->owner_died = load_bool(l);
}

const struct type type_lock = {.code = ROOST_TYPE_lock,
                               .size = sizeof(struct lock),
                               .abandoned = lock_abandoned,
                               .describe = lock_describe,
                               .takeable = &lock_takeable,
                               .save = lock_save,
                               .load = lock_load};

const struct type type_rlock = {.code = ROOST_TYPE_rlock,
                                .size = sizeof(struct lock),
                                .abandoned = lock_abandoned,
                                .describe = lock_describe,
                                .takeable = &rlock_takeable,
                                .save = lock_save,
                                .load = lock_load};

/* ---- handlers ---- */

static void open(struct call *c, const struct type *type)
{
    bool found;
    struct object *o = object_open(c, type, &found);
    if (o != NULL)
        reply_ref(c, o);
}

void on_lock_open(struct call *c)
{
    open(c, &type_lock);
}

void on_rlock_open(struct call *c)
{
    open(c, &type_rlock);
}

void on_lock_acquire(struct call *c)
{
    acquire(c, c->object, 0);
}

void on_lock_release(struct call *c)
{
    give_back(c, c->object, 0);
}

void on_lock_locked(struct call *c)
{
    reply_bool(c, hold_first(c->object) != NULL);
}
