/* core.c: the step: an event comes in, everything due happens, effects go out; see core.h. */
#include "core/core.h"

#include <assert.h>
#include <stdlib.h>

#include "core/expiry.h"
#include "core/transact.h"

static bool sooner(const struct heap_node *a, const struct heap_node *b)
{
    const struct waiter *x = container_of((struct heap_node *)(uintptr_t)a, struct waiter, in_deadlines);
    const struct waiter *y = container_of((struct heap_node *)(uintptr_t)b, struct waiter, in_deadlines);
    return x->deadline_us != y->deadline_us ? x->deadline_us < y->deadline_us : x->order < y->order;
}

struct core *core_create(const struct core_options *options)
{
    struct core *core = calloc(1, sizeof(*core));
    uint64_t *calls = calloc(roost__method_count, sizeof(*calls));
    if (core == NULL || calls == NULL) {
        free(core);
        free(calls);
        return NULL;
    }
    core->calls_by_row = calls;
    core->now_us = core->start_us = options->now_us;
    core->epoch = options->epoch;
    memcpy(core->hash_key, options->hash_key, sizeof(core->hash_key));
    list_init(&core->sessions);
    list_init(&core->objects);
    list_init(&core->doomed);
    list_init(&core->suspects);
    heap_init(&core->deadlines, sooner);
    expiries_init(core);
    transactions_init(core);
    core->scratch = buf_make(FRAME_MAX * 3u); /* a canonical form is at most 9/5 of its value */
    core->encoded = buf_make(FRAME_MAX);
    return core;
}

void core_destroy(struct core *core)
{
    if (core == NULL)
        return;
    struct effects ignored;
    effects_init(&ignored);
    core->effects = &ignored;
    while (!list_empty(&core->sessions))
        session_lost(core, container_of(core->sessions.next, struct session, in_core));
    while (!list_empty(&core->objects))
        object_destroy(core, container_of(core->objects.next, struct object, in_core));
    assert(core->waiter_count == 0 && core->hold_count == 0 && core->delivery_count == 0);
    roost__hmap_free(&core->sessions_by_id);
    roost__hmap_free(&core->objects_by_id);
    roost__hmap_free(&core->objects_by_name);
    roost__heap_free(&core->deadlines);
    roost__heap_free(&core->expiries);
    roost__buf_free(&core->scratch);
    roost__buf_free(&core->encoded);
    effects_free(&ignored);
    free(core->calls_by_row);
    free(core);
}

static void acknowledge(struct core *core, struct session *s, uint64_t number)
{
    list_each (it, &s->deliveries) {
        struct delivery *d = container_of(it, struct delivery, in_session);
        if (d->number == number) {
            delivery_free(core, d);
            return;
        }
    }
}

static int take_ack(struct core *core, struct session *s, struct slice payload)
{
    struct item it;
    const uint8_t *p = roost__scan_item(payload.data, &it);
    uint32_t n = it.len;
    p = roost__scan_skip(p);
    for (uint32_t i = 1; i < n; i++) {
        p = roost__scan_item(p, &it);
        if (it.kind != ROOST_INT || it.as.i < 0)
            return ROOST_EPROTO;
        acknowledge(core, s, it.as.u);
    }
    return ROOST_OK;
}

static int take_event(struct core *core, const struct event *event)
{
    if (event->kind == EVENT_TIME)
        return ROOST_OK;
    if (event->kind == EVENT_OPEN)
        return session_open(core, event->payload, &core->effects->opened);
    struct session *s = session_find(core, event->session);
    if (s == NULL)
        return ROOST_EPROTO;
    if (event->kind == EVENT_CALL)
        return core__call(core, s, event->payload);
    if (event->kind == EVENT_ACK)
        return take_ack(core, s, event->payload);
    assert(event->kind == EVENT_LOST);
    session_lost(core, s);
    return ROOST_OK;
}

/* What is due happens in the order of its time; of the same time, entries and objects go before waits end. */
static void take_due(struct core *core)
{
    for (int64_t next; (next = core_next_deadline_us(core)) <= core->now_us;) {
        if (expiries_next_us(core) == next)
            expiries_take_first(core);
        else
            waiters_expire_first(core);
        transactions_retry(core);
        object_sweep(core);
    }
}

int core_step(struct core *core, const struct event *event, struct effects *effects)
{
    assert(core->effects == NULL); /* never entered twice */
    core->effects = effects;
    if (event->now_us > core->now_us)
        core->now_us = event->now_us;
    take_due(core);
    int rc = take_event(core, event);
    transactions_retry(core);
    object_sweep(core);
    core->effects = NULL;
    return rc;
}

int64_t core_next_deadline_us(const struct core *core)
{
    int64_t waiter = waiters_next_us(core), expiry = expiries_next_us(core);
    return waiter < expiry ? waiter : expiry;
}

uint64_t core_epoch(const struct core *core)
{
    return core->epoch;
}

void effects_init(struct effects *e)
{
    *e = (struct effects){.bytes = buf_make(SIZE_MAX / 2)};
}

void effects_reset(struct effects *e)
{
    enum { KEEP_MAX = 1 << 20 };
    if (e->bytes.cap > KEEP_MAX)
        roost__buf_free(&e->bytes);
    buf_reset(&e->bytes);
    e->len = 0;
    e->opened = 0;
    e->broken_len = 0;
}

void effects_free(struct effects *e)
{
    roost__buf_free(&e->bytes);
    free(e->items);
    free(e->broken);
    *e = (struct effects){0};
}
