/* server.c: entering the core, routing its effects, waking it in time; see server.h. */
#include "shell/server.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <time.h>

#include "roost/error.h"
#include "shell/conn.h"
#include "shell/log.h"

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

bool server_bind(struct server *s, struct conn *c)
{
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

bool server_admit(struct server *s, struct conn *c)
{
    pthread_mutex_lock(&s->mutex);
    bool ok = !s->stopping && s->conn_count < (size_t)s->limits.connections_max;
    if (ok) {
        list_push_back(&s->conns, &c->in_server);
        s->conn_count++;
        s->conns_by_transport[c->ops->transport]++;
        c->rate = s->limits.rate > 0 ? rate_of(s, c->host) : NULL;
    }
    pthread_mutex_unlock(&s->mutex);
    return ok;
}

void server_forget(struct server *s, struct conn *c)
{
    pthread_mutex_lock(&s->mutex);
    list_remove(&c->in_server);
    s->conns_by_transport[c->ops->transport]--;
    rate_drop(s, c->rate);
    if (--s->conn_count == 0)
        pthread_cond_broadcast(&s->all_gone);
    pthread_mutex_unlock(&s->mutex);
}

/* ---- batches ---- */

void server_enter(struct server *s, struct batch *batch, struct conn *from)
{
    batch->len = 0;
    batch->from = from;
    batch->since_ns = from != NULL && atomic_load_explicit(&s->watch.slow_ns, memory_order_relaxed) > 0
                          ? server_now_ns()
                          : 0;
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

/* An administrator ended the session: its client is told, and nothing of it is taken any more. */
static void end_killed(struct server *s, uint64_t session)
{
    struct conn *c = conn_of(s, session);
    if (c == NULL)
        return;
    conn_goodbye(c, ROOST_ESESSION, "an administrator ended the session");
    server_take_over(s, session);
}

static void route(struct server *s, struct batch *batch)
{
    const struct effects *e = &s->effects;
    struct conn *c = NULL;
    for (size_t i = 0; i < e->len; i++) {
        const struct effect *effect = &e->items[i];
        if (c == NULL || c->session != effect->session)
            c = conn_of(s, effect->session);
        if (c == NULL)
            continue; /* it is gone: so is its session, in a moment */
        conn_write(c, slice_of(e->bytes.data + effect->at, effect->len));
        mark_dirty(batch, c);
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
    int64_t core_us = core_next_deadline_us(s->core);
    return core_us < s->lease_next_us ? core_us : s->lease_next_us;
}

/* The timer sleeps too long for the next deadline: wake it. */
static void check_timer(struct server *s)
{
    if (next_deadline_us(s) < s->timer_target_us)
        pthread_cond_signal(&s->timer_wake);
}

/* The call of the last step is through: it took until now. */
static void count_call(struct server *s, const struct batch *batch, int64_t now_ns)
{
    int64_t exec_ns = now_ns - s->step_ns, wait_ns = s->step_ns - batch->since_ns;
    metrics_observe(&s->metrics, s->timed_row, (uint64_t)exec_ns);
    if (batch->since_ns != 0) {
        int64_t slow_ns = atomic_load_explicit(&s->watch.slow_ns, memory_order_relaxed);
        if (slow_ns > 0 && (exec_ns > slow_ns || wait_ns > slow_ns))
            watch_slow(batch->from, s->timed_row, s->effects.object, exec_ns, wait_ns);
    }
    s->timed_row = -1;
}

int server_step(struct server *s, struct batch *batch, struct event event)
{
    int64_t now_ns = server_now_ns();
    if (s->timed_row >= 0)
        count_call(s, batch, now_ns);
    effects_reset(&s->effects);
    event.now_us = now_ns / 1000;
    int rc = core_step(s->core, &event, &s->effects);
    s->step_ns = now_ns;
    s->timed_row = s->effects.row;
    s->metrics.bytes_out += s->effects.bytes.len;
    route(s, batch);
    return rc;
}

void server_leave(struct server *s, struct batch *batch)
{
    if (s->timed_row >= 0)
        count_call(s, batch, server_now_ns());
    check_timer(s);
    pthread_mutex_unlock(&s->mutex);
    for (size_t i = 0; i < batch->len; i++) {
        batch->dirty[i]->ops->flush(batch->dirty[i]);
        conn_unref(batch->dirty[i]);
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
    server_enter(s, &batch, NULL);
    while (!s->stopping) {
        int64_t next = next_deadline_us(s), now = server_now_us();
        if (next > now) {
            wait_until(s, next);
            continue;
        }
        if (s->lease_next_us <= now)
            lease_check(s, now);
        server_step(s, &batch, (struct event){.kind = EVENT_TIME});
        server_leave(s, &batch);
        server_enter(s, &batch, NULL);
    }
    server_leave(s, &batch);
    return NULL;
}

/* ---- life ---- */

static int init_core(struct server *s)
{
    if (sodium_init() < 0)
        return ROOST_ESYS;
    struct core_options options = {.now_us = server_now_us(), .limits = &s->limits};
    randombytes_buf(options.hash_key, sizeof(options.hash_key));
    randombytes_buf(&options.epoch, sizeof(options.epoch));
    options.epoch &= INT64_MAX; /* fits the signed integers of every language */
    s->core = core_create(&options);
    return s->core == NULL ? ROOST_ENOMEM : ROOST_OK;
}

int server_start(struct server *s, const struct core_limits *limits)
{
    *s = (struct server){.timer_target_us = INT64_MAX, .lease_next_us = INT64_MAX};
    s->timed_row = -1;
    atomic_init(&s->watch.slow_ns, 0);
    atomic_init(&s->watch.audit, true);
    s->limits = limits != NULL ? *limits : core_limits_standard;
    list_init(&s->conns);
    effects_init(&s->effects);
    if (!metrics_init(&s->metrics))
        return ROOST_ENOMEM;
    int rc = init_core(s);
    if (rc != ROOST_OK) {
        metrics_free(&s->metrics);
        return rc;
    }
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->all_gone, NULL);
    pthread_cond_init(&s->timer_wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&s->timer, NULL, timer_main, s) == 0)
        return ROOST_OK;
    core_destroy(s->core);
    metrics_free(&s->metrics);
    return ROOST_ESYS;
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
    while (s->conn_count > 0)
        pthread_cond_wait(&s->all_gone, &s->mutex);
    pthread_mutex_unlock(&s->mutex);
    pthread_join(s->timer, NULL);
    core_destroy(s->core);
    effects_free(&s->effects);
    metrics_free(&s->metrics);
    roost__hmap_free(&s->rates);
    roost__hmap_free(&s->conns_by_session);
    pthread_cond_destroy(&s->timer_wake);
    pthread_cond_destroy(&s->all_gone);
    pthread_mutex_destroy(&s->mutex);
}
