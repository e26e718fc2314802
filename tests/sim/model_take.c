/* model_take.c: locks, rlocks, semaphores: taking and giving back; see model.h. */
#include "tests/sim/model_take.h"

/* ---- taking ---- */

int is_free(struct model *m, const struct mwant *want, uint64_t session, uint64_t thread)
{
    const struct mobject *o = model_object(m, want->object);
    if (o->type == ROOST_TYPE_semaphore || o->type == ROOST_TYPE_bounded_semaphore)
        return o->value > 0 ? FREE_FIRST : FREE_NOT;
    if (mhold_of(m, want) == NULL)
        return FREE_FIRST;
    return o->type == ROOST_TYPE_rlock && own_lock(m, want->object, session, thread) != NULL ? FREE_ANY
                                                                                             : FREE_NOT;
}

/* Everything is free for who stands in line before waiter `before`. */
static bool all_free(struct model *m, const struct mwant *list, unsigned n, uint64_t session, uint64_t thread,
                     size_t before)
{
    for (unsigned i = 0; i < n; i++) {
        int how = is_free(m, &list[i], session, thread);
        bool first = true;
        for (size_t k = 0; k < before; k++)
            first = first && !wants(&m->waiters[k], &list[i]);
        if (how == FREE_NOT || (how == FREE_FIRST && !first))
            return false;
    }
    return true;
}

static bool take_died(struct model *m, const struct mwant *what)
{
    struct mobject *o = model_object(m, what->object);
    bool died = o->owner_died;
    o->owner_died = false;
    for (size_t i = 0; i < m->died_count; i++)
        if (want_same(&m->died[i], what)) {
            REMOVE_AT(m->died, m->died_count, i);
            return true;
        }
    return died;
}

static void lapsed_drop(struct model *m, uint64_t object, uint64_t session, uint64_t thread)
{
    struct mlapsed *l = mlapsed_of(m, object, session, thread, false);
    if (l != NULL)
        REMOVE_AT(m->lapsed, m->lapsed_count, l - m->lapsed);
}

/* Takes one thing; *ret_died. Returns the hold's uid. */
static uint64_t take(struct model *m, const struct mwant *what, uint64_t session, uint64_t thread,
                     const struct mhold *like, bool *ret_died)
{
    struct mobject *o = model_object(m, what->object);
    bool is_lock = o->type == ROOST_TYPE_lock || o->type == ROOST_TYPE_rlock;
    struct mhold *h = is_lock ? mhold_of(m, what) : NULL;
    if (h != NULL) { /* its own rlock: one level more */
        h->depth++;
        *ret_died = false;
        return h->uid;
    }
    *ret_died = take_died(m, what);
    if (is_lock)
        lapsed_drop(m, what->object, session, thread);
    else if (o->type != ROOST_TYPE_keyed_lock)
        o->value--;
    assert(m->hold_count < M_HOLDS);
    h = &m->holds[m->hold_count++];
    *h = *like;
    h->uid = h->grant = ++m->last_uid;
    h->what = *what;
    h->session = session;
    h->thread = thread;
    h->token = 0;
    h->lapses_us = h->ttl_us > 0 ? m->now_us + h->ttl_us : NEVER;
    h->order = ++m->last_order;
    return h->uid;
}

static void take_all(struct model *m, const struct mcall *c, const struct mwant *list, unsigned n,
                     const struct mhold *like, enum shape shape, bool notified)
{
    uint64_t uids[M_WANTS];
    bool died[M_WANTS], any = false;
    for (unsigned i = 0; i < n; i++) {
        uids[i] = take(m, &list[i], c->session, c->thread, like, &died[i]);
        any = any || died[i];
        if (list[i].key.len > 0) /* the keys of a call are one grant */
            m->holds[m->hold_count - 1].grant = uids[0];
    }
    if (shape == SHAPE_GRANT)
        say_grants(m, c, shape, uids, &any, 1, false);
    else
        say_grants(m, c, shape, uids, died, n, notified);
}

bool model_serve_lines(struct model *m)
{
    bool any = false;
    for (size_t i = 0; i < m->waiter_count; i++) {
        struct mwaiter w = m->waiters[i];
        if (w.line != 't' || !all_free(m, w.wants, w.want_count, w.session, w.thread, i))
            continue;
        struct mhold like = {.depth = w.depth, .ttl_us = w.ttl_us};
        struct mcall c = mcall_of_waiter(&w);
        c.id = w.wants[0].object;
        waiter_drop(m, i);
        take_all(m, &c, w.wants, w.want_count, &like,
                 w.woken                              ? SHAPE_WOKEN
                 : w.method >> 8 == ROOST_TYPE_server ? SHAPE_GRANTS
                                                      : SHAPE_GRANT,
                 w.notified);
        any = true;
        i = (size_t)-1; /* look at all again */
    }
    return any;
}

void model_acquire(struct model *m, struct mcall *c, const struct mwant *list, unsigned n, int64_t timeout_ms,
                   int64_t ttl_us)
{
    struct mhold like = {.depth = 1, .ttl_us = ttl_us};
    bool several = c->method == METHOD_server_acquire;
    c->id = list[0].object;
    if (all_free(m, list, n, c->session, c->thread, m->waiter_count)) {
        take_all(m, c, list, n, &like, several ? SHAPE_GRANTS : SHAPE_GRANT, false);
    } else if (timeout_ms == 0) {
        say_error(m, c, ROOST_ETIMEDOUT);
    } else {
        struct mwaiter *w = model_park(m, c, 't', timeout_ms);
        memcpy(w->wants, list, n * sizeof(*list));
        w->want_count = n;
        w->ttl_us = ttl_us;
        w->depth = 1;
        if (model_deadlock(m, w)) {
            waiter_drop(m, m->waiter_count - 1);
            say_error(m, c, ROOST_EDEADLK);
        }
    }
}

/* ---- giving back ---- */

static bool refuse_lapsed(struct model *m, const struct mcall *c, uint64_t object, bool any)
{
    struct mlapsed *l = mlapsed_of(m, object, c->session, c->thread, any);
    if (l != NULL && --l->depth == 0)
        REMOVE_AT(m->lapsed, m->lapsed_count, l - m->lapsed);
    return l != NULL;
}

int may_release(struct model *m, const struct mcall *c, uint64_t object, uint64_t token, int64_t n)
{
    const struct mobject *o = model_object(m, object);
    bool is_lock = o->type == ROOST_TYPE_lock, is_rlock = o->type == ROOST_TYPE_rlock;
    const struct mhold *own = mhold_by(m, object, c->session, c->thread, !is_rlock);
    if (token != 0 && hold_by_token(m, object, token) == NULL)
        return ROOST_ENOTOWNER;
    if (own == NULL && refuse_lapsed(m, c, object, is_lock))
        return ROOST_ENOTOWNER;
    if (is_lock || is_rlock) {
        if (lock_hold(m, object) == NULL)
            return ROOST_EOVERRELEASE;
        return is_rlock && own == NULL ? ROOST_ENOTOWNER : 0;
    }
    return o->type == ROOST_TYPE_bounded_semaphore && n > o->initial - o->value ? ROOST_EOVERRELEASE : 0;
}

/* A permit of one's thread, of one's session, the oldest, or none. */
static struct mhold *permit_for(struct model *m, const struct mcall *c, uint64_t object, uint64_t token)
{
    struct mhold *h =
        token != 0 ? hold_by_token(m, object, token) : mhold_by(m, object, c->session, c->thread, false);
    h = h != NULL ? h : mhold_by(m, object, c->session, 0, true);
    return h != NULL ? h : lock_hold(m, object);
}

void model_release(struct model *m, const struct mcall *c, uint64_t object, uint64_t token, int64_t n)
{
    struct mobject *o = model_object(m, object);
    bool is_lock = o->type == ROOST_TYPE_lock || o->type == ROOST_TYPE_rlock;
    if (!is_lock)
        o->value += n;
    for (; n > 0; n--, token = 0) {
        struct mhold *h = is_lock ? lock_hold(m, object) : permit_for(m, c, object, token);
        if (h != NULL && h->depth > 1) {
            h->depth--;
            return;
        }
        o->signalled = o->signalled || h == NULL || h->session != c->session;
        if (h != NULL)
            hold_drop(m, (size_t)(h - m->holds));
    }
}

void model_give_back(struct model *m, struct mcall *c, uint64_t object, uint64_t token)
{
    int code = may_release(m, c, object, token, 1);
    c->id = object;
    if (code != 0) {
        say_error(m, c, code);
        return;
    }
    say_nil(m, c);
    model_release(m, c, object, token, 1);
}

static void release_permits(struct model *m, struct mcall *c)
{
    int64_t n = int_arg(c, 0, 1);
    int code = n == 0 ? ROOST_EINVAL : may_release(m, c, c->id, 0, n);
    if (code != 0) {
        say_error(m, c, code);
        return;
    }
    say_nil(m, c);
    model_release(m, c, c->id, 0, n);
}

static void extend(struct model *m, struct mcall *c)
{
    int64_t ttl_us = int_arg(c, 1, 0) * 1000;
    const struct mhold *h = hold_by_token(m, c->id, (uint64_t)int_arg(c, 0, 0));
    if (given(c, 1) && ttl_us == 0) {
        say_error(m, c, ROOST_EINVAL);
        return;
    }
    if (h == NULL) {
        say_error(m, c, ROOST_ENOTOWNER);
        return;
    }
    for (size_t i = 0; i < m->hold_count; i++)
        if (m->holds[i].what.object == c->id && m->holds[i].token == h->token) {
            m->holds[i].ttl_us = ttl_us;
            m->holds[i].lapses_us = ttl_us > 0 ? m->now_us + ttl_us : NEVER;
            m->holds[i].order = ++m->last_order;
        }
    say_nil(m, c);
}

bool ttl_good(struct model *m, const struct mcall *c, unsigned i)
{
    if (!given(c, i) || int_arg(c, i, 0) > 0)
        return true;
    say_error(m, c, ROOST_EINVAL);
    return false;
}

void model_take_call(struct model *m, struct mcall *c)
{
    struct mwant self = {.object = c->id};
    switch (c->method) {
    case METHOD_lock_acquire:
    case METHOD_rlock_acquire:
    case METHOD_semaphore_acquire:
    case METHOD_bounded_semaphore_acquire:
        if (ttl_good(m, c, 1))
            model_acquire(m, c, &self, 1, int_arg(c, 0, -1), int_arg(c, 1, 0) * 1000);
        break;
    case METHOD_lock_release:
    case METHOD_rlock_release:
        model_give_back(m, c, c->id, (uint64_t)int_arg(c, 0, 0));
        break;
    case METHOD_semaphore_release:
    case METHOD_bounded_semaphore_release:
        release_permits(m, c);
        break;
    case METHOD_lock_locked:
    case METHOD_rlock_locked:
        say_bool(m, c, lock_hold(m, c->id) != NULL);
        break;
    case METHOD_semaphore_get_value:
    case METHOD_bounded_semaphore_get_value:
        say_int(m, c, c->o->value);
        break;
    case METHOD_lock_extend:
    case METHOD_rlock_extend:
    case METHOD_semaphore_extend:
    case METHOD_bounded_semaphore_extend:
    case METHOD_keyed_lock_extend:
        extend(m, c);
        break;
    default:
        keyed_call(m, c);
    }
}
