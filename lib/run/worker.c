/*
 * worker.c: a worker process: takes jobs from its channel, runs their items, publishes each result.
 *
 * Order matters here: `current` is set before a task runs and cleared after its result was published, so that
 * the engine can tell what a dead worker had done (channel.h).
 */
#include "run/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "base/farewell.h"
#include "base/futex.h"
#include "run/cells.h"
#include "run/task.h"

struct worker {
    const struct workshop *shop;
    struct place *place;
    struct channel *c;
    uint64_t read_pos; /* of the requests */
    struct buf out;    /* the result being written */
    int jobs;
    bool timed;
    bool limited;
};

static void ring_engine(struct worker *w)
{
    if (atomic_exchange(&w->shop->board->engine, ENGINE_AWAKE) != ENGINE_AWAKE)
        eventfd_write(w->shop->engine_bell, 1);
}

/* Sleeps until the engine rings. `asleep` is set before the last look, so that no ring is missed. */
static void sleep_unless(struct worker *w, bool (*woken)(struct worker *w))
{
    uint32_t seen = atomic_load(&w->c->bell);
    atomic_store(&w->c->asleep, 1);
    if (!woken(w)) {
        if (atomic_load(&w->shop->board->engine) != ENGINE_AWAKE)
            ring_engine(w); /* whatever we wait for, only the engine gives it */
        futex_wait(&w->c->bell, seen, FOREVER);
    }
    atomic_store(&w->c->asleep, 0);
}

/* ---- results ---- */

static uint64_t room(struct worker *w)
{
    struct ring *r = &w->c->res;
    return RING_SIZE - (atomic_load_explicit(&r->head, memory_order_relaxed) - atomic_load(&r->tail));
}

static bool has_room(struct worker *w)
{
    return room(w) >= INLINE_MAX; /* the most that a record takes */
}

static bool bulk_is_free(struct worker *w)
{
    return atomic_load(&w->c->bulk_full) == 0;
}

/* Where the next record of len bytes goes, once there is room for it. */
static uint8_t *reserve(struct worker *w, size_t len)
{
    while (room(w) < len)
        sleep_unless(w, has_room);
    return w->place->res + atomic_load_explicit(&w->c->res.head, memory_order_relaxed) % RING_SIZE;
}

/* The record written there counts from now on. */
static void publish(struct worker *w, size_t len)
{
    struct ring *r = &w->c->res;
    uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    atomic_store(&r->head, head + len); /* in one order with the look at the engine */
    uint32_t engine = atomic_load(&w->shop->board->engine);
    if (engine == ENGINE_SLEEPS || (engine == ENGINE_NAPS && room(w) < RING_SIZE / 2))
        ring_engine(w);
}

static void begin_record(struct worker *w)
{
    static const struct result empty;
    buf_reset(&w->out);
    buf_append(&w->out, &empty, sizeof(empty));
}

/* A body too large for the ring moves to the bulk area, once the engine has read the one before. */
static void move_to_bulk(struct worker *w, struct result *head)
{
    while (!bulk_is_free(w))
        sleep_unless(w, bulk_is_free);
    memcpy(w->place->bulk_out, w->out.data + sizeof(*head), head->body);
    atomic_store(&w->c->bulk_full, 1);
    head->kind = RESULT_BULK;
    w->out.len = sizeof(*head);
}

static void end_record(struct worker *w, struct result head)
{
    static const uint8_t zeros[8];
    head.body = (uint32_t)(w->out.len - sizeof(head));
    buf_append(&w->out, zeros, (8 - w->out.len % 8) % 8);
    if (w->out.len > INLINE_MAX)
        move_to_bulk(w, &head);
    head.len = (uint32_t)w->out.len;
    memcpy(w->out.data, &head, sizeof(head));
    memcpy(reserve(w, w->out.len), w->out.data, w->out.len);
    publish(w, w->out.len);
}

static void put_failure(struct worker *w, struct result head)
{
    begin_record(w);
    buf_append(&w->out, roost_errmsg(), strlen(roost_errmsg()) + 1);
    head.kind = RESULT_FAILED;
    end_record(w, head);
}

static void put_scalar(struct worker *w, const roost_value *v)
{
    struct scalar_result *record = (struct scalar_result *)(void *)reserve(w, sizeof(*record));
    *record = (struct scalar_result){sizeof(*record), RESULT_SCALAR, v->kind, v->len, v->as.u};
    publish(w, sizeof(*record));
}

static void put_result(struct worker *w, int rc, roost_value *v, struct result head)
{
    if (rc == ROOST_OK && is_scalar(v) && v->block == NULL && !w->timed) {
        put_scalar(w, v);
        return;
    }
    if (rc == ROOST_OK) {
        begin_record(w);
        rc = roost__cell_put(&w->out, *v);
        roost_value_free(v);
    }
    head.status = rc;
    if (rc == ROOST_OK)
        end_record(w, head);
    else
        put_failure(w, head);
}

/* ---- items ---- */

/* The engine may have decided to kill us for this item, which then must not count as done. */
static void stop_if_killed(struct worker *w, uint64_t current)
{
    uint64_t ended = (current & ~(uint64_t)3) | ITEM_ENDED;
    while (!atomic_compare_exchange_strong(&w->c->current, &current, ended))
        pause();
}

/* Runs the task; again, when it failed and the pool has retries. */
static int call(struct worker *w, const struct request *r, const uint8_t *p, roost_value *ret)
{
    int rc = roost__task_call(r->task, p, r->star != 0, ret);
    for (int i = 0; rc != 0 && i < w->shop->options.retries; i++)
        rc = roost__task_call(r->task, p, r->star != 0, ret);
    return rc;
}

static void run_item(struct worker *w, const struct request *r, uint32_t item, const uint8_t *p)
{
    roost_value v;
    struct result head = {.start = w->timed || w->limited ? now_ns() : 0};
    uint64_t current = current_item((uint32_t)w->jobs & 0x3fffffff, item, ITEM_RUNS);
    if (w->limited)
        atomic_store(&w->c->started, head.start);
    atomic_store_explicit(&w->c->current, current, memory_order_release);
    int rc = call(w, r, p, &v);
    if (w->limited)
        stop_if_killed(w, current);
    if (w->timed)
        head.end = now_ns();
    put_result(w, rc, &v, head);
    atomic_store_explicit(&w->c->current, 0, memory_order_release);
}

static void run_job(struct worker *w)
{
    const uint8_t *at = w->place->req + w->read_pos % RING_SIZE;
    struct request r;
    memcpy(&r, at, sizeof(r));
    const uint8_t *p = r.bulk > 0 ? w->place->bulk_in : at + sizeof(r);
    for (uint32_t i = 0; i < r.count; i++) {
        const uint8_t *next = i + 1 < r.count ? roost__item_end(p, r.star != 0) : p;
        run_item(w, &r, i, p);
        p = next;
    }
    w->read_pos += r.len;
    atomic_store_explicit(&w->c->req.tail, w->read_pos, memory_order_release);
    w->jobs++;
}

/* ---- jobs ---- */

static bool claim_job(struct worker *w)
{
    uint64_t claim = atomic_load(&w->c->claim);
    while (claim_next(claim) != claim_end(claim)) {
        uint64_t taken = claim_of(claim_next(claim) + 1, claim_end(claim));
        if (atomic_compare_exchange_weak(&w->c->claim, &claim, taken))
            return true;
    }
    return false;
}

static bool has_news(struct worker *w)
{
    uint64_t claim = atomic_load(&w->c->claim);
    return claim_next(claim) != claim_end(claim) || atomic_load(&w->c->quit) != 0;
}

static _Noreturn void leave(int code)
{
    fflush(stdout);
    fflush(stderr);
    roost__farewell();
    _exit(code);
}

static void start_up(struct worker *w)
{
    const roost_pool_options *o = &w->shop->options;
    roost__clear_error();
    int rc = o->initializer != NULL ? o->initializer(o->initializer_arg) : 0;
    if (rc == 0) {
        atomic_store(&w->c->state, WORKER_READY);
        return;
    }
    if (roost_errcode() != 0)
        snprintf(w->c->message, sizeof(w->c->message), "the initializer failed: %s", roost_errmsg());
    else
        snprintf(w->c->message, sizeof(w->c->message), "the initializer returned %d", rc);
    atomic_store(&w->c->state, WORKER_REFUSED);
    leave(1);
}

_Noreturn void roost__worker_main(const struct workshop *shop, int slot)
{
    struct place *place = &shop->places[slot];
    struct worker w = {.shop = shop, .place = place, .c = place->channel};
    w.timed = shop->options.timeline != NULL || shop->options.profile != NULL;
    w.limited = shop->options.time_limit_ms > 0;
    w.out = buf_make((size_t)ROOST_PAYLOAD_MAX);
    start_up(&w);
    for (;;) {
        if (claim_job(&w))
            run_job(&w);
        else if (atomic_load(&w.c->quit) != 0)
            leave(0);
        else
            sleep_unless(&w, has_news);
        if (shop->options.max_tasks > 0 && w.jobs >= shop->options.max_tasks)
            leave(0);
    }
}
