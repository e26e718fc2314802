/*
 * lock.c: lock and rlock.
 *
 * Invariants: at most one hold; while nobody holds it nobody waits. A lock whose holder's session ended goes
 * to the first in line, or to the next who comes, who is told *owner died*. An rlock's owner is (session,
 * thread). Conditions use the functions declared in internal.h.
 */
#include <assert.h>
#include <stdlib.h>

#include "core/handlers.h"
#include "core/undo.h"

enum { LINE_ACQUIRE };

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
    lock_pass_on(core, h->object);
}

static unsigned lock_describe(const struct object *o, struct buf *out)
{
    const struct hold *h = hold_first(o);
    roost__put_cstr(out, "locked");
    roost__put_bool(out, h != NULL);
    return 1;
}

const struct type type_lock = {.code = ROOST_TYPE_lock,
                               .size = sizeof(struct lock),
                               .abandoned = lock_abandoned,
                               .describe = lock_describe};

const struct type type_rlock = {.code = ROOST_TYPE_rlock,
                                .size = sizeof(struct lock),
                                .abandoned = lock_abandoned,
                                .describe = lock_describe};

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

struct hold *lock_owned(const struct object *lock, const struct caller *who)
{
    return hold_of(lock, who, lock->type == &type_lock);
}

/* Gives the free lock to a caller and takes the note that the last owner died. */
static bool grant(struct core *core, struct object *lock, struct hold *h, const struct caller *to,
                  uint64_t depth)
{
    assert(hold_first(lock) == NULL);
    bool died = lock_of(lock)->owner_died;
    lock_of(lock)->owner_died = false;
    hold_grant(core, lock, h, to, depth);
    return died;
}

static void grant_to_waiter(struct core *core, struct object *lock, struct waiter *w)
{
    struct hold *h = w->hold;
    w->hold = NULL;
    bool died = grant(core, lock, h, &w->caller, w->woken ? w->count : 1);
    if (w->woken) { /* condition.wait */
        struct buf *out = reply_begin(core, &w->caller);
        roost__put_array(out, 3);
        roost__put_bool(out, w->notified);
        roost__put_uint(out, h->token);
        roost__put_bool(out, died);
        reply_end(core, &w->caller);
    } else {
        answer_grant(core, &w->caller, h->token, died);
    }
    w->count = 0;
    waiter_free(core, w);
}

void lock_pass_on(struct core *core, struct object *lock)
{
    struct waiter *w = line_first(lock, LINE_ACQUIRE);
    if (w != NULL && hold_first(lock) == NULL)
        grant_to_waiter(core, lock, w);
}

static void fail_held(struct call *c, const struct hold *h)
{
    fail(c, ROOST_ETIMEDOUT, "held by session %llu (%s pid %llu)", (unsigned long long)h->session->id,
         h->session->host != NULL ? h->session->host : "unknown host", (unsigned long long)h->session->pid);
}

void lock_acquire(struct call *c, struct object *lock, unsigned timeout_arg)
{
    struct hold *held = hold_first(lock);
    if (held != NULL && lock->type == &type_rlock && lock_owned(lock, &c->caller) == held) {
        held->depth++;
        c->done = true;
        answer_grant(c->core, &c->caller, held->token, false);
        return;
    }
    if (held != NULL && arg_int(c, timeout_arg, -1) == 0) {
        fail_held(c, held);
        return;
    }
    struct hold *h = hold_new();
    if (h == NULL) {
        fail_memory(c);
        return;
    }
    if (held == NULL) {
        bool died = grant(c->core, lock, h, &c->caller, 1);
        c->done = true;
        answer_grant(c->core, &c->caller, h->token, died);
        return;
    }
    struct waiter *w = park(c, lock, LINE_ACQUIRE, timeout_arg);
    if (w == NULL)
        free(h);
    else
        w->hold = h;
}

/* The hold that the call may release. NULL: the call has failed. */
static struct hold *releasable(struct call *c, const struct object *lock)
{
    struct hold *h = hold_first(lock);
    if (h == NULL)
        fail(c, ROOST_EOVERRELEASE, "it is not locked");
    else if (lock->type == &type_rlock && lock_owned(lock, &c->caller) != h)
        fail(c, ROOST_ENOTOWNER, "held by another session or thread");
    else if (arg_given(c, 0) && (uint64_t)arg_int(c, 0, 0) != h->token)
        fail(c, ROOST_ENOTOWNER, "the grant with this token is over");
    else
        return h;
    return NULL;
}

void lock_release(struct call *c, struct object *lock)
{
    struct hold *h = releasable(c, lock);
    if (h == NULL)
        return;
    if (h->depth > 1) {
        if (undo_bytes(c->core, &h->depth, sizeof(h->depth)))
            h->depth--;
    } else {
        hold_end(c->core, h);
        undo_wake(c->core, lock, lock_pass_on);
    }
    reply_nil(c);
}

void on_lock_acquire(struct call *c)
{
    lock_acquire(c, c->object, 0);
}

void on_lock_release(struct call *c)
{
    lock_release(c, c->object);
}

void on_lock_locked(struct call *c)
{
    reply_bool(c, hold_first(c->object) != NULL);
}
