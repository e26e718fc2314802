/*
 * semaphore.c: semaphore and bounded semaphore.
 *
 * Invariants: while there are permits nobody waits; permits taken are recorded as holds, one per (session,
 * thread), its depth the number. A release gives back a permit of the caller's thread, else of its session,
 * else the one held longest, else (unbounded only) it makes a new one. So a session that ends returns what it
 * took and nobody gave back for it.
 */
#include <stdlib.h>

#include "core/handlers.h"
#include "core/undo.h"

enum { LINE_ACQUIRE };

struct semaphore {
    struct object object;
    uint64_t value;
    uint64_t initial;
    bool owner_died; /* said to the next who takes a permit */
};

static struct semaphore *semaphore_of(const struct object *o)
{
    return (struct semaphore *)(uintptr_t)o;
}

/* Records a permit taken; h is used, or freed when the caller holds permits already. Returns the token. */
static uint64_t take(struct core *core, struct semaphore *s, struct hold *h, const struct caller *to)
{
    struct hold *held = hold_of(&s->object, to, false);
    s->value--;
    s->owner_died = false;
    if (held == NULL) {
        hold_grant(core, &s->object, h, to, 1);
        return h->token;
    }
    free(h);
    held->depth++;
    object_changed(core, &s->object);
    return held->token = ++core->last_token;
}

static void serve(struct core *core, struct object *o)
{
    struct semaphore *s = semaphore_of(o);
    for (struct waiter *w; s->value > 0 && (w = line_first(&s->object, LINE_ACQUIRE)) != NULL;) {
        bool died = s->owner_died;
        struct hold *h = w->hold;
        w->hold = NULL;
        answer_grant(core, &w->caller, take(core, s, h, &w->caller), died);
        waiter_free(core, w);
    }
}

static void semaphore_abandoned(struct core *core, struct hold *h)
{
    struct semaphore *s = semaphore_of(h->object);
    s->value += h->depth;
    s->owner_died = true;
    serve(core, h->object);
}

static unsigned semaphore_describe(const struct object *o, struct buf *out)
{
    roost__put_cstr(out, "value");
    roost__put_uint(out, semaphore_of(o)->value);
    roost__put_cstr(out, "initial");
    roost__put_uint(out, semaphore_of(o)->initial);
    return 2;
}

const struct type type_semaphore = {.code = ROOST_TYPE_semaphore,
                                    .size = sizeof(struct semaphore),
                                    .abandoned = semaphore_abandoned,
                                    .describe = semaphore_describe};

const struct type type_bounded_semaphore = {.code = ROOST_TYPE_bounded_semaphore,
                                            .size = sizeof(struct semaphore),
                                            .abandoned = semaphore_abandoned,
                                            .describe = semaphore_describe};

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
    struct semaphore *s = semaphore_of(c->object);
    if (s->value == 0 && arg_int(c, 0, -1) == 0) {
        fail(c, ROOST_ETIMEDOUT, "no permit is left");
        return;
    }
    struct hold *h = hold_new();
    if (h == NULL) {
        fail_memory(c);
        return;
    }
    if (s->value > 0) {
        bool died = s->owner_died;
        c->done = true;
        answer_grant(c->core, &c->caller, take(c->core, s, h, &c->caller), died);
        return;
    }
    struct waiter *w = park(c, c->object, LINE_ACQUIRE, 0);
    if (w == NULL)
        free(h);
    else
        w->hold = h;
}

/* The hold that a release by this caller gives back from, or NULL when nobody holds a permit. */
static struct hold *give_back_from(const struct object *o, const struct caller *who)
{
    struct hold *h = hold_of(o, who, false);
    if (h == NULL)
        h = hold_of(o, who, true);
    return h != NULL ? h : hold_first(o);
}

static bool may_release(struct call *c, const struct semaphore *s, uint64_t n)
{
    if (n == 0)
        fail(c, ROOST_EINVAL, "count must be at least 1");
    else if (c->object->type == &type_bounded_semaphore && n > s->initial - s->value)
        fail(c, ROOST_EOVERRELEASE, "released too many times: %llu of %llu permits are there",
             (unsigned long long)s->value, (unsigned long long)s->initial);
    else if (n > INT64_MAX - s->value)
        fail(c, ROOST_ERANGE, "the sum does not fit 64 bits");
    else
        return true;
    return false;
}

void on_semaphore_release(struct call *c)
{
    struct semaphore *s = semaphore_of(c->object);
    uint64_t n = (uint64_t)arg_int(c, 0, 1);
    if (!may_release(c, s, n))
        return;
    if (!undo_bytes(c->core, &s->value, sizeof(s->value))) {
        fail_memory(c);
        return;
    }
    s->value += n;
    for (struct hold *h; n > 0 && (h = give_back_from(c->object, &c->caller)) != NULL;) {
        uint64_t part = n < h->depth ? n : h->depth;
        if (!undo_bytes(c->core, &h->depth, sizeof(h->depth)))
            break;
        n -= part;
        h->depth -= part;
        if (h->depth == 0)
            hold_end(c->core, h);
    }
    reply_nil(c);
    undo_wake(c->core, c->object, serve);
}

void on_semaphore_get_value(struct call *c)
{
    reply_int(c, (int64_t)semaphore_of(c->object)->value);
}
