/* model_take.c: locks, rlocks, semaphores, keyed locks, and several of them at once; see model.h. */
#include "tests/sim/model.h"

/* ---- who holds ---- */

bool want_same(const struct mwant *a, const struct mwant *b)
{
    return a->object == b->object && (a->key.len == 0 ? b->key.len == 0 : same(kslice(&a->key), kslice(&b->key)));
}

bool wants(const struct mwaiter *w, const struct mwant *what)
{
    for (unsigned i = 0; i < w->want_count && w->line == 't'; i++)
        if (want_same(&w->wants[i], what))
            return true;
    return false;
}

static struct mhold *hold_of(struct model *m, const struct mwant *what)
{
    for (size_t i = 0; i < m->hold_count; i++)
        if (want_same(&m->holds[i].what, what))
            return &m->holds[i];
    return NULL;
}

struct mhold *lock_hold(struct model *m, uint64_t lock)
{
    return hold_of(m, &(struct mwant){.object = lock});
}

/* The first hold of a session (any: of whatever thread). */
static struct mhold *hold_by(struct model *m, uint64_t object, uint64_t session, uint64_t thread, bool any)
{
    for (size_t i = 0; i < m->hold_count; i++) {
        struct mhold *h = &m->holds[i];
        if (h->what.object == object && h->session == session && (any || h->thread == thread))
            return h;
    }
    return NULL;
}

struct mhold *own_lock(struct model *m, uint64_t lock, uint64_t session, uint64_t thread)
{
    return hold_by(m, lock, session, thread, model_object(m, lock)->type == ROOST_TYPE_lock);
}

struct mhold *hold_by_token(struct model *m, uint64_t object, uint64_t token)
{
    for (size_t i = 0; i < m->hold_count; i++)
        if (m->holds[i].what.object == object && m->holds[i].token == token && token != 0)
            return &m->holds[i];
    return NULL;
}

static bool is_held(const struct model *m, uint64_t uid)
{
    for (size_t i = 0; i < m->hold_count; i++)
        if (m->holds[i].uid == uid)
            return true;
    return false;
}

void model_refuse_guarded(struct model *m)
{
    for (size_t i = 0; i < m->waiter_count; i++)
        if (m->waiters[i].guarded && !is_held(m, m->waiters[i].guard)) {
            struct mcall c = mcall_of_waiter(&m->waiters[i]);
            say_error(m, &c, ROOST_ENOTOWNER);
            waiter_gives_up(m, i);
            i = (size_t)-1;
        }
}

/* A hold is over: calls that were good only while it held are refused. */
void hold_drop(struct model *m, size_t hold)
{
    REMOVE_AT(m->holds, m->hold_count, hold);
    if (!m->in_transaction) /* else when that is through */
        model_refuse_guarded(m);
}

void model_abandon(struct model *m, size_t hold)
{
    struct mhold h = m->holds[hold];
    struct mobject *o = model_object(m, h.what.object);
    if (o->type == ROOST_TYPE_keyed_lock) {
        assert(m->died_count < M_HOLDS);
        m->died[m->died_count++] = h.what;
    } else {
        o->owner_died = true;
    }
    if (o->type == ROOST_TYPE_semaphore || o->type == ROOST_TYPE_bounded_semaphore)
        o->value++;
    hold_drop(m, hold);
}

static struct mlapsed *lapsed_of(struct model *m, uint64_t object, uint64_t session, uint64_t thread, bool any)
{
    for (size_t i = 0; i < m->lapsed_count; i++) {
        struct mlapsed *l = &m->lapsed[i];
        if (l->object == object && l->session == session && (any || l->thread == thread))
            return l;
    }
    return NULL;
}

void model_lapse(struct model *m, size_t hold)
{
    struct mhold h = m->holds[hold];
    model_abandon(m, hold);
    if (h.what.key.len > 0)
        return;
    struct mlapsed *l = lapsed_of(m, h.what.object, h.session, h.thread, false);
    if (l != NULL) {
        l->depth += h.depth;
        return;
    }
    assert(m->lapsed_count < M_HOLDS);
    m->lapsed[m->lapsed_count++] = (struct mlapsed){h.what.object, h.session, h.thread, h.depth};
}

/* ---- taking ---- */

int is_free(struct model *m, const struct mwant *want, uint64_t session, uint64_t thread)
{
    const struct mobject *o = model_object(m, want->object);
    if (o->type == ROOST_TYPE_semaphore || o->type == ROOST_TYPE_bounded_semaphore)
        return o->value > 0 ? FREE_FIRST : FREE_NOT;
    if (hold_of(m, want) == NULL)
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
    struct mlapsed *l = lapsed_of(m, object, session, thread, false);
    if (l != NULL)
        REMOVE_AT(m->lapsed, m->lapsed_count, l - m->lapsed);
}

/* Takes one thing; *ret_died. Returns the hold's uid. */
static uint64_t take(struct model *m, const struct mwant *what, uint64_t session, uint64_t thread,
                     const struct mhold *like, bool *ret_died)
{
    struct mobject *o = model_object(m, what->object);
    bool is_lock = o->type == ROOST_TYPE_lock || o->type == ROOST_TYPE_rlock;
    struct mhold *h = is_lock ? hold_of(m, what) : NULL;
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
                 w.woken                                      ? SHAPE_WOKEN
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
    struct mlapsed *l = lapsed_of(m, object, c->session, c->thread, any);
    if (l != NULL && --l->depth == 0)
        REMOVE_AT(m->lapsed, m->lapsed_count, l - m->lapsed);
    return l != NULL;
}

static int may_release(struct model *m, const struct mcall *c, uint64_t object, uint64_t token, int64_t n)
{
    const struct mobject *o = model_object(m, object);
    bool is_lock = o->type == ROOST_TYPE_lock, is_rlock = o->type == ROOST_TYPE_rlock;
    const struct mhold *own = hold_by(m, object, c->session, c->thread, !is_rlock);
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
    struct mhold *h = token != 0 ? hold_by_token(m, object, token) : hold_by(m, object, c->session, c->thread, false);
    h = h != NULL ? h : hold_by(m, object, c->session, 0, true);
    return h != NULL ? h : lock_hold(m, object);
}

static void release(struct model *m, const struct mcall *c, uint64_t object, uint64_t token, int64_t n)
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
    release(m, c, object, token, 1);
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
    release(m, c, c->id, 0, n);
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

/* ---- keys ---- */

/* The keys of argument 0, each once. */
static unsigned keys_of(const struct mcall *c, struct mwant *ret)
{
    struct item it;
    unsigned n = 0;
    const uint8_t *p = roost__scan_item(c->arg[0].data, &it);
    for (uint32_t i = 0; i < it.len; i++) {
        struct mwant want = {.object = c->id, .key = mkey_of(scan_next(&p))};
        bool again = false;
        for (unsigned k = 0; k < n; k++)
            again = again || want_same(&ret[k], &want);
        assert(again || n < M_WANTS);
        if (!again)
            ret[n++] = want;
    }
    return n;
}

static void release_keys(struct model *m, struct mcall *c)
{
    struct mwant list[M_WANTS];
    uint64_t token = (uint64_t)int_arg(c, 1, 0);
    unsigned n = given(c, 0) ? keys_of(c, list) : 0;
    bool refused = given(c, 0) && n == 0, any = n > 0;
    for (unsigned i = 0; i < n; i++) {
        const struct mhold *h = hold_of(m, &list[i]);
        refused = refused || h == NULL || h->session != c->session || (token != 0 && h->token != token);
    }
    for (size_t i = 0; i < m->hold_count && n == 0; i++)
        any = any || (m->holds[i].what.object == c->id && m->holds[i].session == c->session &&
                      (token != 0 ? m->holds[i].token == token : m->holds[i].thread == c->thread));
    if (refused || !any) {
        say_error(m, c, ROOST_ENOTOWNER);
        return;
    }
    say_nil(m, c);
    for (size_t i = 0; i < m->hold_count;) {
        const struct mhold *h = &m->holds[i];
        bool mine = h->what.object == c->id && h->session == c->session;
        bool named = n == 0 && (token != 0 ? h->token == token : h->thread == c->thread);
        for (unsigned k = 0; k < n; k++)
            named = named || want_same(&h->what, &list[k]);
        if (mine && named) {
            hold_drop(m, i);
            i = 0;
        } else {
            i++;
        }
    }
}

static bool ttl_good(struct model *m, const struct mcall *c, unsigned i)
{
    if (!given(c, i) || int_arg(c, i, 0) > 0)
        return true;
    say_error(m, c, ROOST_EINVAL);
    return false;
}

static void keyed_call(struct model *m, struct mcall *c)
{
    struct mwant list[M_WANTS];
    if (c->method == METHOD_keyed_lock_release) {
        release_keys(m, c);
    } else if (c->method == METHOD_keyed_lock_locked) {
        say_bool(m, c, hold_of(m, &(struct mwant){.object = c->id, .key = mkey_of(c->arg[0])}) != NULL);
    } else if (ttl_good(m, c, 2)) {
        unsigned n = keys_of(c, list);
        n == 0 ? say_error(m, c, ROOST_EINVAL)
               : model_acquire(m, c, list, n, int_arg(c, 1, -1), int_arg(c, 2, 0) * 1000);
    }
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

/* ---- several at once ---- */

/* The objects of argument 0; 0 or a code. */
static int several(struct model *m, const struct mcall *c, struct mwant *ret, unsigned *ret_n)
{
    struct item it;
    const uint8_t *p = roost__scan_item(c->arg[0].data, &it);
    assert(it.len <= M_WANTS);
    for (*ret_n = 0; *ret_n < it.len; ++*ret_n) {
        uint64_t id = model_said(m, scan_next(&p));
        if (id == 0)
            return ROOST_ENOENT;
        roost_type type = model_object(m, id)->type;
        if (!can_be_taken(type) || type == ROOST_TYPE_keyed_lock)
            return ROOST_ETYPE;
        ret[*ret_n] = (struct mwant){.object = id};
    }
    for (unsigned i = 0; i < *ret_n; i++)
        for (unsigned k = 0; k < i; k++)
            if (ret[i].object == ret[k].object)
                return ROOST_EINVAL;
    return it.len == 0 ? ROOST_EINVAL : 0;
}

static void give_all_back(struct model *m, struct mcall *c, const struct mwant *list, unsigned n)
{
    uint64_t tokens[M_WANTS] = {0};
    struct item it;
    if (given(c, 1)) {
        const uint8_t *p = roost__scan_item(c->arg[1].data, &it);
        for (unsigned i = 0; i < n; i++)
            tokens[i] = scan_value(scan_next(&p)).as.u;
    }
    for (unsigned i = 0; i < n; i++) {
        int code = may_release(m, c, list[i].object, tokens[i], 1);
        if (code != 0) {
            say_error(m, c, code);
            return;
        }
    }
    say_nil(m, c);
    for (unsigned i = 0; i < n; i++)
        if (model_object(m, list[i].object) != NULL)
            release(m, c, list[i].object, tokens[i], 1);
}

void model_take_server(struct model *m, struct mcall *c)
{
    struct mwant list[M_WANTS];
    unsigned n;
    bool takes = c->method == METHOD_server_acquire;
    if (takes && !ttl_good(m, c, 2))
        return;
    int code = several(m, c, list, &n);
    if (code != 0)
        say_error(m, c, code);
    else if (takes)
        model_acquire(m, c, list, n, int_arg(c, 1, -1), int_arg(c, 2, 0) * 1000);
    else
        give_all_back(m, c, list, n);
}
