/*
 * condition.c: the condition variable, over a lock of its own or a given one.
 *
 * A wait stands first in the condition's line; notified, or its time up, it moves to the end of the lock's
 * line and is answered when it has the lock again, all levels of it. The lock is kept alive as a stored
 * reference.
 */
#include <stdlib.h>

#include "core/handlers.h"
#include "core/rights.h"
#include "core/undo.h"

enum { LINE_WAIT, LOCK_LINE = 0 };

struct condition {
    struct object object;
    uint64_t lock;     /* an id: a lock may be deleted by name at any time */
    uint64_t notified; /* how many of those who wait are about to be told: at most until a transaction is
                          through */
};

static struct condition *condition_of(const struct object *o)
{
    return (struct condition *)(uintptr_t)o;
}

static void condition_destroy(struct core *core, struct object *o)
{
    object_stored_unref(core, condition_of(o)->lock);
}

static unsigned condition_describe(const struct object *o, struct buf *out)
{
    roost__put_cstr(out, "lock_id");
    roost__put_uint(out, condition_of(o)->lock);
    return 1;
}

static void condition_each_stored(const struct object *o, void (*visit)(void *context, uint64_t id),
                                  void *context)
{
    visit(context, condition_of(o)->lock);
}

struct object *condition_lock(const struct core *core, const struct object *condition)
{
    return object_find(core, condition_of(condition)->lock);
}

/* Sends a waiter on to the lock's line; without the lock it is told so. */
static void want_lock(struct core *core, struct waiter *w, bool notified)
{
    struct object *lock = condition_lock(core, w->object);
    w->woken = true;
    w->notified = notified;
    if (lock == NULL) {
        answer_error(core, &w->caller, ROOST_EDELETED, "the condition's lock was deleted");
        waiter_free(core, w);
        return;
    }
    waiter_move(core, w, lock, LOCK_LINE);
    line_due(core, &lock->lines[LOCK_LINE]);
    deadlock_check(core, w);
}

static void condition_expire(struct core *core, struct waiter *w)
{
    want_lock(core, w, false);
}

const struct type type_condition = {.code = ROOST_TYPE_condition,
                                    .size = sizeof(struct condition),
                                    .destroy = condition_destroy,
                                    .expire = condition_expire,
                                    .describe = condition_describe,
                                    .each_stored = condition_each_stored};

/* The lock that argument 1 refers to, or a new rlock. NULL: the call has failed. */
static struct object *lock_for(struct call *c)
{
    if (!arg_given(c, 1)) {
        struct object *own = object_create(c->core, &type_rlock, slice_of(NULL, 0), NULL);
        if (own == NULL)
            fail_memory(c);
        return own;
    }
    struct object *lock = object_find(c->core, scan_value(c->arg[1]).as.u);
    if (lock == NULL || (lock->type != &type_lock && lock->type != &type_rlock)) {
        fail(c, lock == NULL ? ROOST_ENOENT : ROOST_ETYPE, "a condition's lock must be a lock or an rlock");
        return NULL;
    }
    return rights_check(c, lock, RIGHT_WRITE) ? lock : NULL;
}

static void open_found(struct call *c, struct object *o)
{
    if (arg_given(c, 1) && scan_value(c->arg[1]).as.u != condition_of(o)->lock)
        fail(c, ROOST_EEXIST, "it exists with another lock");
    else
        reply_ref(c, o);
}

void on_condition_open(struct call *c)
{
    bool found;
    struct object *o = object_open(c, &type_condition, &found);
    if (o == NULL)
        return;
    if (found) {
        open_found(c, o);
        return;
    }
    struct object *lock = lock_for(c);
    if (lock == NULL) {
        object_discard(c->core, o);
        return;
    }
    condition_of(o)->lock = lock->id;
    o->refers = true;
    object_stored_ref(lock);
    reply_ref(c, o);
}

/* The condition's lock. NULL: the call has failed. */
static struct object *lock_of(struct call *c)
{
    struct object *lock = condition_lock(c->core, c->object);
    if (lock == NULL)
        fail(c, ROOST_ENOENT, "the condition's lock was deleted");
    return lock;
}

/* The caller's hold of the lock. NULL: the call has failed. */
static struct hold *owned(struct call *c, const struct object *lock)
{
    struct hold *h = lock != NULL ? lock_owned(lock, &c->caller) : NULL;
    if (lock != NULL && h == NULL)
        fail(c, ROOST_ENOTOWNER, "the caller does not hold the condition's lock");
    return h;
}

void on_condition_acquire(struct call *c)
{
    struct object *lock = lock_of(c);
    if (lock != NULL)
        acquire(c, lock, 0);
}

void on_condition_release(struct call *c)
{
    struct object *lock = lock_of(c);
    if (lock != NULL)
        give_back(c, lock, 0);
}

/* A poll gives the lock back and wants it again at once: who waits for the lock comes first, as with any
 * wait. */
void on_condition_wait(struct call *c)
{
    struct object *lock = lock_of(c);
    struct hold *held = owned(c, lock);
    if (held == NULL)
        return;
    int64_t timeout_ms = arg_int(c, 0, -1);
    if (c->guard == held)
        c->guard =
            NULL; /* it was good when the wait began; that the grant ends now is the wait's own doing */
    struct waiter *w = park_ms(c, c->object, LINE_WAIT, timeout_ms == 0 ? -1 : timeout_ms);
    if (w == NULL)
        return;
    hold_end(c->core, held);
    w->place.hold = held; /* to be granted again, all levels of it */
    line_due(c->core, &lock->lines[LOCK_LINE]);
    if (timeout_ms == 0)
        want_lock(c->core, w, false);
}

static void tell_notified(struct core *core, struct object *o)
{
    struct condition *cond = condition_of(o);
    for (; cond->notified > 0; cond->notified--)
        want_lock(core, line_first(o, LINE_WAIT), true);
}

static void notify(struct call *c, uint64_t max)
{
    if (owned(c, lock_of(c)) == NULL)
        return;
    struct condition *cond = condition_of(c->object);
    if (!undo_bytes(c->core, &cond->notified, sizeof(cond->notified))) {
        fail_memory(c);
        return;
    }
    uint64_t left = line_len(c->object, LINE_WAIT) - cond->notified, n = max < left ? max : left;
    cond->notified += n;
    undo_wake(c->core, c->object, tell_notified);
    reply_int(c, (int64_t)n);
}

void on_condition_notify(struct call *c)
{
    notify(c, (uint64_t)arg_int(c, 0, 1));
}

void on_condition_notify_all(struct call *c)
{
    notify(c, UINT64_MAX);
}
