/* server.c: entering the core, routing its effects, waking it in time; see server.h. */
#include "shell/server.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <time.h>

#include "base/error.h"
#include "shell/cluster.h"
#include "shell/conn.h"
#include "shell/durable.h"
#include "shell/keyring.h"
#include "shell/log.h"

enum { DISK_LOOK_US = 200 * 1000 }; /* how often a full disk is looked at */

int64_t server_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t server_now_us(void)
{
    return server_now_ns() / 1000;
}

static bool conn_has_session(const struct hnode *n, const void *id)
{
    return container_of((struct hnode *)(uintptr_t)n, struct conn, by_session)->session ==
           *(const uint64_t *)id;
}

static struct conn *conn_of(const struct server *s, uint64_t session)
{
    struct hnode *n = roost__hmap_find(&s->conns_by_session, hash_u64(session), conn_has_session, &session);
    return n == NULL ? NULL : container_of(n, struct conn, by_session);
}

static void no_newcomer(struct server *s, struct conn *c)
{
    if (list_empty(&c->in_newcomers))
        return;
    list_remove(&c->in_newcomers);
    s->newcomer_count--;
}

bool server_bind(struct server *s, struct conn *c)
{
    no_newcomer(s, c);
    c->by_session.hash = hash_u64(c->session);
    return roost__hmap_add(&s->conns_by_session, &c->by_session);
}

void server_unbind(struct server *s, struct conn *c)
{
    roost__hmap_remove(&s->conns_by_session, &c->by_session);
}

void server_take_over(struct server *s, uint64_t session)
{
    struct conn *c = conn_of(s, session);
    if (c == NULL)
        return;
    server_unbind(s, c);
    c->over = true;
    c->ops->close(c);
}

void server_count_rings(struct server *s, int offered, int used)
{
    s->rings += (size_t)offered;
    s->rings_used += (size_t)used;
    core_set_rings(s->core, s->rings_used);
}

/* Who has been silent longest makes room: so many who say nothing keep nobody out who does. */
static void drop_oldest_newcomer(struct server *s)
{
    struct conn *oldest = container_of(list_first(&s->newcomers), struct conn, in_newcomers);
    log_debug("%s: closing: more than %zu connections without a session", oldest->peer, s->newcomers_max);
    no_newcomer(s, oldest);
    oldest->ops->close(oldest);
}

bool server_admit(struct server *s, struct conn *c)
{
    pthread_mutex_lock(&s->mutex);
    bool ok = !s->stopping && s->conn_count < (size_t)s->limits.connections_max;
    if (ok) {
        list_push_back(&s->conns, &c->in_server);
        list_push_back(&s->newcomers, &c->in_newcomers);
        s->conn_count++;
        s->conns_by_transport[c->ops->transport]++;
        c->rate = s->limits.rate > 0 ? rate_of(s, c->host) : NULL;
        s->newcomer_count++;
        if (s->newcomer_count > s->newcomers_max)
            drop_oldest_newcomer(s);
    }
    pthread_mutex_unlock(&s->mutex);
    return ok;
}

/* Only what it newly limits: a connection counts for its host's rate as long as there is one. */
static void change_rate(struct server *s, struct conn *c)
{
    if (s->limits.rate > 0 && c->rate == NULL)
        c->rate = rate_of(s, c->host);
    if (s->limits.rate == 0) {
        rate_drop(s, c->rate);
        c->rate = NULL;
    }
}

void server_set_limits(struct server *s, const struct core_limits *limits, size_t newcomers_max)
{
    pthread_mutex_lock(&s->mutex);
#define ROOST_LIMIT(name, kind, standard, min, max, unit, help)
#define ROOST_SHELL_LIMIT(name, kind, standard, min, max, unit, help) \
    __atomic_store_n(&s->limits.name, limits->name, __ATOMIC_RELAXED);
#include "core/limits.def"
#undef ROOST_LIMIT
    s->newcomers_max = newcomers_max;
    core_tell_limits(s->core, &s->limits);
    list_each (it, &s->conns)
        change_rate(s, container_of(it, struct conn, in_server));
    pthread_mutex_unlock(&s->mutex);
}

void server_forget(struct server *s, struct conn *c)
{
    pthread_mutex_lock(&s->mutex);
    list_remove(&c->in_server);
    no_newcomer(s, c);
    s->conns_by_transport[c->ops->transport]--;
    rate_drop(s, c->rate);
    if (--s->conn_count == 0)
        pthread_cond_broadcast(&s->all_gone);
    pthread_mutex_unlock(&s->mutex);
}

/* ---- batches ---- */

enum { LARGE = 16 << 10 };

void server_enter(struct server *s, struct batch *batch)
{
    batch->from = NULL;
    batch->now_ns = 0;
    batch->calls = 0;
    batch->len = 0;
    batch->since_ns = atomic_load_explicit(&s->watch.slow_ns, memory_order_relaxed) > 0 ? server_now_ns() : 0;
    pthread_mutex_lock(&s->mutex);
}

static void mark_dirty(struct batch *batch, struct conn *c)
{
    for (size_t i = batch->len; i > 0; i--)
        if (batch->dirty[i - 1] == c)
            return;
    if (batch->len == DIRTY_MAX) {
        c->ops->flush(c); /* a burst to many: written under the mutex */
        return;
    }
    conn_ref(c);
    batch->dirty[batch->len++] = c;
}

void server_write(struct batch *batch, struct conn *c, struct slice bytes)
{
    c->held -= c->held > 0; /* answers that are held go before any other */
    conn_write(c, bytes);
    mark_dirty(batch, c);
}

/* Bytes that must wait until the store has what they tell of. */
static bool holds(const struct server *s, struct conn *c, struct slice bytes)
{
    struct store *store = s->store;
    uint64_t position = store != NULL ? store->ops->position(store) : 0;
    if (position != 0 && !s->stopping) { /* else its connection ends */
        held_add(&store->held, position, c, bytes);
        c->held++;
    }
    return position != 0;
}

void server_send(struct server *s, struct batch *batch, struct conn *c, struct slice bytes)
{
    if (!holds(s, c, bytes))
        server_write(batch, c, bytes);
}

/* An administrator ended the session: its client is told, and nothing of it is taken any more. */
static void end_killed(struct server *s, uint64_t session)
{
    struct conn *c = conn_of(s, session);
    if (c == NULL)
        return;
    conn_goodbye(c, ROOST_ESESSION, "an administrator ended the session");
    server_take_over(s, session);
}

/* The connection of a session: mostly the one that asks. */
static struct conn *conn_for(const struct server *s, const struct batch *batch, uint64_t session)
{
    struct conn *from = batch->from;
    return from != NULL && from->session == session && !from->over ? from : conn_of(s, session);
}

/* A large answer, the only one of its step, goes without being copied. */
static bool is_large(const struct effects *e)
{
    return e->len == 1 && e->items[0].len == e->bytes.len && e->bytes.len >= LARGE;
}

static void send_effect(struct server *s, struct batch *batch, struct conn *c, const struct effect *effect)
{
    struct effects *e = &s->effects;
    struct slice bytes = slice_of(e->bytes.data + effect->at, effect->len);
    if (holds(s, c, bytes))
        return;
    if (is_large(e))
        conn_write_all(c, &e->bytes);
    else
        conn_write(c, bytes);
    mark_dirty(batch, c);
}

static void route(struct server *s, struct batch *batch)
{
    const struct effects *e = &s->effects;
    struct conn *c = NULL;
    for (size_t i = 0; i < e->len; i++) {
        const struct effect *effect = &e->items[i];
        if (c == NULL || c->session != effect->session)
            c = conn_for(s, batch, effect->session);
        if (c == NULL)
            continue; /* it is gone: so is its session, in a moment */
        send_effect(s, batch, c, effect);
    }
    for (size_t i = 0; i < e->broken_len; i++) {
        c = conn_of(s, e->broken[i]);
        if (c == NULL)
            continue; /* the core has ended it */
        c->ends_session = true;
        c->ops->close(c);
    }
    if (e->killed != 0)
        end_killed(s, e->killed);
}

/* When the timer must wake: for the core, or for a lease. */
static int64_t next_deadline_us(const struct server *s)
{
    int64_t core_us = s->follows ? INT64_MAX : core_next_deadline_us(s->core);
    core_us = core_us == INT64_MAX ? core_us : core_us - s->clock_us;
    return core_us < s->lease_next_us ? core_us : s->lease_next_us;
}

/* The timer sleeps too long for the next deadline: wake it. */
static void check_timer(struct server *s)
{
    if (next_deadline_us(s) < s->timer_target_us)
        pthread_cond_signal(&s->timer_wake);
}

/* Answers a call that was not made, because the log has no room for it. */
static void refuse(struct server *s, struct batch *batch, const struct event *event)
{
    struct conn *c = conn_of(s, event->session);
    struct buf b = buf_make(1024);
    if (c != NULL && conn_error(&b, event->payload, ROOST_EDISK, roost_strerror(ROOST_EDISK)))
        server_send(s, batch, c, buf_slice(&b));
    roost__buf_free(&b);
}

/* A call about the cluster: the store answers it. */
static void ask_store(struct server *s, struct batch *batch, const struct event *event)
{
    struct conn *c = conn_for(s, batch, event->session);
    if (c != NULL)
        s->store->ops->ask(s->store, batch, c, event->payload);
}

/* The calls noted took from the last count until now. Those that came together share it: a clock read for
 * each would cost more than most of them. */
static void count_calls(struct server *s, struct batch *batch)
{
    int64_t now_ns = server_now_ns();
    uint64_t each_ns = (uint64_t)(now_ns - batch->counted_ns) / batch->calls;
    for (unsigned i = 0; i < batch->calls; i++)
        metrics_observe(&s->metrics, batch->rows[i], each_ns);
    batch->counted_ns = now_ns;
    batch->calls = 0;
}

/* The same for a call alone, while slow ones are looked for. */
static void count_call(struct server *s, struct batch *batch)
{
    int64_t begin_ns = batch->counted_ns, wait_ns = begin_ns - batch->since_ns;
    int64_t slow_ns = atomic_load_explicit(&s->watch.slow_ns, memory_order_relaxed);
    count_calls(s, batch);
    int64_t exec_ns = batch->counted_ns - begin_ns;
    if (slow_ns > 0 && (exec_ns > slow_ns || wait_ns > slow_ns))
        watch_slow(batch->from, s->effects.row, s->effects.object, exec_ns, wait_ns);
}

/* A step served a call. */
static void note_call(struct server *s, struct batch *batch)
{
    batch->rows[batch->calls++] = (uint16_t)s->effects.row;
    if (batch->since_ns != 0)
        count_call(s, batch);
    else if (batch->calls == ROWS_MAX)
        count_calls(s, batch);
}

int64_t server_batch_us(struct batch *batch)
{
    if (batch->now_ns == 0)
        batch->now_ns = batch->counted_ns = server_now_ns();
    return batch->now_ns / 1000;
}

int server_step(struct server *s, struct batch *batch, struct event event)
{
    effects_reset(&s->effects);
    event.now_us = server_batch_us(batch) + s->clock_us;
    int rc =
        s->store != NULL ? s->store->ops->step(s->store, &event) : core_step(s->core, &event, &s->effects);
    if (s->effects.backup != 0)
        backup_begin(s, event.session, s->effects.backup);
    s->metrics.bytes_out += s->effects.bytes.len;
    route(s, batch);
    if (s->effects.asks_shell)
        ask_store(s, batch, &event);
    if (s->effects.row >= 0)
        note_call(s, batch);
    if (rc != ROOST_EDISK || event.kind != EVENT_CALL)
        return rc;
    refuse(s, batch, &event);
    return ROOST_OK;
}

void server_leave(struct server *s, struct batch *batch)
{
    if (batch->calls > 0)
        count_calls(s, batch);
    check_timer(s);
    struct store *store = s->store, *wake = NULL;
    struct list done;
    list_init(&done);
    if (store != NULL) {
        held_take_done(&store->held, &done);
        wake = store->has_work ? store : NULL;
        store->has_work = false;
    }
    pthread_mutex_unlock(&s->mutex);
    if (wake != NULL)
        wake->ops->wake(wake);
    for (size_t i = 0; i < batch->len; i++) {
        batch->dirty[i]->ops->flush(batch->dirty[i]);
        conn_unref(batch->dirty[i]);
    }
    held_free(&done);
}

/* ---- keys ---- */

static bool same_key(const struct identity *a, const struct identity *b)
{
    return a != NULL && b != NULL && a->has_key == b->has_key &&
           sodium_memcmp(a->key, b->key, sizeof(a->key)) == 0;
}

/* The identity's sessions get other rights, or, NULL, end: those without a connection here, the others with
 * theirs. */
static void change_identity(struct server *s, struct batch *batch, uint64_t number,
                            const struct identity *now)
{
    struct event rights = {.kind = EVENT_RIGHTS, .identity = number};
    if (now != NULL) {
        rights.rights = buf_slice(&now->rules);
        rights.restricted = true;
    }
    server_step(s, batch, rights);
    list_each (it, &s->conns) {
        struct conn *c = container_of(it, struct conn, in_server);
        if (now != NULL || c->identity != number)
            continue;
        watch_act(c, "the identity's key was taken back");
        conn_goodbye(c, ROOST_EAUTH, "the identity's key was taken back");
        c->ops->close(c);
    }
}

/* Sessions that a log brought back have the rights they had: now they have those of now. */
static void change_returned(struct server *s, struct batch *batch)
{
    for (uint64_t number = 0; (number = core_identity_after(s->core, number)) != 0;)
        change_identity(s, batch, number, keyring_find_number(s->keys, number));
}

void server_set_keys(struct server *s, struct keyring *keys)
{
    struct batch batch;
    server_enter(s, &batch);
    struct keyring *old = s->keys;
    s->keys = keys;
    for (size_t i = 0; old != NULL && i < old->len; i++) {
        const struct identity *before = &old->all[i];
        const struct identity *now = keyring_find(keys, slice_str(before->name));
        change_identity(s, &batch, before->number, same_key(before, now) ? now : NULL);
    }
    if (old == NULL)
        change_returned(s, &batch);
    server_leave(s, &batch);
    keyring_free(old);
}

/* ---- clusters ---- */

void server_lead(struct server *s, struct batch *batch)
{
    s->follows = false;
    s->clock_us = core_now_us(s->core) - server_now_us();
    for (uint64_t id = core_session_after(s->core, 0), next; id != 0; id = next) {
        next = core_session_after(s->core, id);
        server_step(s, batch, (struct event){.kind = EVENT_DETACHED, .session = id});
    }
    if (s->keys != NULL)
        change_returned(s, batch);
}

void server_follow(struct server *s)
{
    s->follows = true;
    list_each (it, &s->conns) {
        struct conn *c = container_of(it, struct conn, in_server);
        if (c->session == 0 || c->over)
            continue;
        server_unbind(s, c);
        c->over = true;
        c->ops->close(c);
    }
}

/* ---- time ---- */

static void wait_until(struct server *s, int64_t us)
{
    s->timer_target_us = us;
    if (us == INT64_MAX) {
        pthread_cond_wait(&s->timer_wake, &s->mutex);
        return;
    }
    struct timespec t = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    pthread_cond_timedwait(&s->timer_wake, &s->mutex, &t);
}

static void *timer_main(void *arg)
{
    struct server *s = arg;
    struct batch batch;
    server_enter(s, &batch);
    while (!s->stopping) {
        int64_t next = next_deadline_us(s), now = server_now_us();
        if (next > now) {
            wait_until(s, next);
            continue;
        }
        if (s->lease_next_us <= now)
            lease_check(s, now);
        if (server_step(s, &batch, (struct event){.kind = EVENT_TIME}) == ROOST_EDISK)
            wait_until(s, now + DISK_LOOK_US); /* no time passes: timer_target_us is not to be trusted */
        server_leave(s, &batch);
        server_enter(s, &batch);
    }
    server_leave(s, &batch);
    return NULL;
}

/* ---- life ---- */

static int open_store(struct server *s, const struct store_options *store, const struct core_options *core)
{
    if (store->cluster == NULL)
        return durable_open(s, store, core);
#ifdef ROOST_CLUSTER
    return cluster_open(s, store, core);
#else
    return roost__fail(ROOST_EINVAL, "this roostd was built without clusters (ROOST_CLUSTER=OFF)");
#endif
}

static int init_core(struct server *s, const struct store_options *store)
{
    if (sodium_init() < 0)
        return roost__fail(ROOST_ESYS, "libsodium does not start");
    struct core_options options = {.now_us = server_now_us(), .limits = &s->limits};
    randombytes_buf(options.hash_key, sizeof(options.hash_key));
    randombytes_buf(&options.epoch, sizeof(options.epoch));
    options.epoch &= INT64_MAX; /* fits the signed integers of every language */
    options.logged = store != NULL && store->folder != NULL;
    if (options.logged)
        return open_store(s, store, &options);
    s->core = core_create(&options);
    return s->core == NULL ? roost__fail(ROOST_ENOMEM, "no memory for a core") : ROOST_OK;
}

static void init_locks(struct server *s)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->all_gone, NULL);
    pthread_cond_init(&s->timer_wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static void discard(struct server *s)
{
    backup_drop(s, 0);
    if (s->store != NULL)
        s->store->ops->close(s->store);
    keyring_free(s->keys);
    core_destroy(s->core);
    effects_free(&s->effects);
    metrics_free(&s->metrics);
    roost__hmap_free(&s->rates);
    roost__hmap_free(&s->conns_by_session);
    pthread_cond_destroy(&s->timer_wake);
    pthread_cond_destroy(&s->all_gone);
    pthread_mutex_destroy(&s->mutex);
}

int server_start(struct server *s, const struct core_limits *limits, const struct store_options *store)
{
    *s = (struct server){.timer_target_us = INT64_MAX, .lease_next_us = INT64_MAX};
    s->newcomers_max = NEWCOMERS_MAX;
    atomic_init(&s->watch.slow_ns, 0);
    atomic_init(&s->watch.audit, true);
    s->limits = limits != NULL ? *limits : core_limits_standard;
    list_init(&s->conns);
    list_init(&s->newcomers);
    effects_init(&s->effects);
    init_locks(s);
    int rc =
        metrics_init(&s->metrics) ? init_core(s, store) : roost__fail(ROOST_ENOMEM, "no memory for metrics");
    if (rc == ROOST_OK && pthread_create(&s->timer, NULL, timer_main, s) != 0)
        rc = roost__fail(ROOST_ESYS, "no thread for the timer");
    if (rc != ROOST_OK)
        discard(s);
    return rc;
}

void server_stop(struct server *s)
{
    pthread_mutex_lock(&s->mutex);
    s->stopping = true;
    pthread_cond_signal(&s->timer_wake);
    list_each (it, &s->conns) {
        struct conn *c = container_of(it, struct conn, in_server);
        c->ops->close(c);
    }
    if (s->store != NULL) {
        struct list done;
        held_drop(&s->store->held);
        held_take_done(&s->store->held, &done);
        pthread_mutex_unlock(&s->mutex);
        held_free(&done);
        pthread_mutex_lock(&s->mutex);
    }
    while (s->conn_count > 0)
        pthread_cond_wait(&s->all_gone, &s->mutex);
    pthread_mutex_unlock(&s->mutex);
    pthread_join(s->timer, NULL);
    discard(s);
}
