/* core.c: the step: an event comes in, everything due happens, effects go out; see core.h. */
#include "core/core.h"

#include <assert.h>
#include <stdlib.h>

#include "core/effects.h"
#include "core/expiry.h"
#include "core/rights.h"
#include "core/transact.h"

static const struct deadline *deadline_of(const struct heap_node *n)
{
    return container_of((struct heap_node *)(uintptr_t)n, struct deadline, in_deadlines);
}

static bool sooner(const struct heap_node *a, const struct heap_node *b)
{
    const struct deadline *x = deadline_of(a), *y = deadline_of(b);
    return x->at_us != y->at_us ? x->at_us < y->at_us : x->order < y->order;
}

struct core *core_create(const struct core_options *options)
{
    struct core *core = calloc(1, sizeof(*core));
    uint64_t *calls = calloc(roost__method_count, sizeof(*calls));
    uint64_t *errors = calloc(roost__method_count, sizeof(*errors));
    struct signature *signatures = core__signatures();
    if (core == NULL || calls == NULL || errors == NULL || signatures == NULL) {
        free(core);
        free(calls);
        free(errors);
        free(signatures);
        return NULL;
    }
    core->limits = options->limits != NULL ? *options->limits : core_limits_standard;
    core->logged = options->logged;
    core->calls_by_row = calls;
    core->errors_by_row = errors;
    core->signatures = signatures;
    core->now_us = core->start_us = options->now_us;
    core->epoch = options->epoch;
    memcpy(core->hash_key, options->hash_key, sizeof(core->hash_key));
    list_init(&core->sessions);
    list_init(&core->objects);
    list_init(&core->doomed);
    list_init(&core->suspects);
    list_init(&core->due_lines);
    heap_init(&core->deadlines, sooner);
    heap_init(&core->graces, grace_sooner);
    expiries_init(core);
    transactions_init(core);
    core->scratch = buf_make(FRAME_MAX * 3u); /* a canonical form is at most 9/5 of its value */
    core->encoded = buf_make(FRAME_MAX);
    core->kept_spares = spares_of(KEPT_SMALL);
    core->hold_spares = spares_of(sizeof(struct hold));
    core->delivery_spares = spares_of(sizeof(struct delivery) + sizeof(struct cell));
    core->item_spares = spares_of(2 * sizeof(struct cell));
    return core;
}

void core_destroy(struct core *core)
{
    if (core == NULL)
        return;
    struct effects ignored;
    effects_init(&ignored);
    ignored.unread = true;
    core->effects = &ignored;
    while (!list_empty(&core->sessions))
        session_lost(core, container_of(core->sessions.next, struct session, in_core));
    while (!list_empty(&core->objects))
        object_destroy(core, container_of(core->objects.next, struct object, in_core));
    assert(core->waiter_count == 0 && core->hold_count == 0 && core->delivery_count == 0);
    assert(core->kept_count == 0 && core->kept_bytes == 0);
    assert(core->stored == 0 && core->account == NULL);
    roost__hmap_free(&core->sessions_by_id);
    roost__hmap_free(&core->objects_by_id);
    roost__hmap_free(&core->objects_by_name);
    roost__heap_free(&core->deadlines);
    roost__heap_free(&core->graces);
    roost__heap_free(&core->expiries);
    roost__buf_free(&core->scratch);
    roost__buf_free(&core->encoded);
    effects_free(&ignored);
    spares_free(&core->kept_spares);
    spares_free(&core->hold_spares);
    spares_free(&core->delivery_spares);
    spares_free(&core->item_spares);
    free(core->calls_by_row);
    free(core->errors_by_row);
    free(core->signatures);
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

/* ACK and CANCEL: a list of calls' numbers, for each of which something is done. */
static int take_numbers(struct core *core, struct session *s, struct slice payload,
                        void (*take)(struct core *core, struct session *s, uint64_t number))
{
    struct item it;
    const uint8_t *p = roost__scan_item(payload.data, &it);
    uint32_t n = it.len;
    p = roost__scan_skip(p);
    for (uint32_t i = 1; i < n; i++) {
        p = roost__scan_item(p, &it);
        if (it.kind != ROOST_INT || it.as.i < 0)
            return ROOST_EPROTO;
        take(core, s, it.as.u);
    }
    return ROOST_OK;
}

static int take_session_event(struct core *core, struct session *s, const struct event *event)
{
    switch (event->kind) {
    case EVENT_CALL:
        return core__call(core, s, event);
    case EVENT_ACK:
        return take_numbers(core, s, event->payload, acknowledge);
    case EVENT_CANCEL:
        return take_numbers(core, s, event->payload, waiter_cancel);
    case EVENT_RESUMED:
        return s->identity == event->identity ? grace_resume(core, s, event->secret) : ROOST_ESESSION;
    case EVENT_DETACHED:
        grace_begin(core, s);
        return ROOST_OK;
    case EVENT_LOST:
        session_lost(core, s);
        return ROOST_OK;
    case EVENT_OPEN:
    case EVENT_RIGHTS:
    case EVENT_TIME:
        break;
    }
    assert(false);
    return ROOST_EPROTO;
}

static int open_session(struct core *core, const struct event *event)
{
    uint64_t id;
    int rc = session_open(core, event, &id);
    if (rc != ROOST_OK)
        return rc;
    struct session *s = session_find(core, id);
    rc = rights_give(s, event);
    if (rc == ROOST_OK)
        core->effects->opened = id;
    else
        session_lost(core, s);
    return rc;
}

static int take_event(struct core *core, const struct event *event)
{
    if (event->kind == EVENT_TIME)
        return ROOST_OK;
    if (event->kind == EVENT_OPEN)
        return open_session(core, event);
    if (event->kind == EVENT_RIGHTS) {
        rights_change(core, event);
        return ROOST_OK;
    }
    struct session *s = session_find(core, event->session);
    if (s == NULL && (event->kind == EVENT_LOST || event->kind == EVENT_DETACHED))
        return ROOST_OK; /* it was killed */
    if (s == NULL)
        return event->kind == EVENT_RESUMED ? ROOST_ESESSION : ROOST_EPROTO;
    return take_session_event(core, s, event);
}

/* What was set free goes to who waits for it, and what nothing refers to goes: until nothing is left to do.
 */
static void settle(struct core *core)
{
    do {
        lines_serve(core);
        transactions_retry(core);
        object_sweep(core);
    } while (!list_empty(&core->due_lines) || !list_empty(&core->woken));
}

/*
 * What is due happens in the order of its time, each with all its consequences; of the same time, entries and
 * objects go before waits and grants end, and these before sessions.
 */
static void take_due(struct core *core)
{
    for (int64_t next_us; (next_us = core_next_deadline_us(core)) <= core->now_us; settle(core)) {
        if (expiries_next_us(core) == next_us)
            expiries_take_first(core);
        else if (deadlines_next_us(core) == next_us)
            deadlines_meet_first(core);
        else
            grace_end_first(core);
    }
}

/* A session that misses an answer is ended by the closing of its connection; one without, here. */
static void end_broken(struct core *core)
{
    for (size_t i = 0; i < core->effects->broken_len; i++) {
        struct session *s = session_find(core, core->effects->broken[i]);
        if (s != NULL && heap_has(&s->in_graces))
            session_lost(core, s);
    }
}

/* Who asks must be answered; the others' events happen in any case. */
static bool can_begin(const struct core *core, const struct event *event, struct effects *effects)
{
    bool asks = event->kind == EVENT_CALL || event->kind == EVENT_OPEN || event->kind == EVENT_RESUMED;
    return effects_ready(effects, core->session_count + 1) || !asks;
}

int core_step(struct core *core, const struct event *event, struct effects *effects)
{
    assert(core->effects == NULL); /* never entered twice */
    if (!can_begin(core, event, effects))
        return ROOST_ENOMEM;
    int64_t before_us = core->now_us;
    core->effects = effects;
    core->audit[0] = '\0';
    core->confirmed = 0;
    core->reads = core->logged && !event->again && core_only_reads(core, event);
    if (event->now_us > core->now_us)
        core->now_us = event->now_us;
    bool due = core_next_deadline_us(core) <= core->now_us;
    take_due(core);
    int rc = take_event(core, event);
    end_broken(core);
    settle(core);
    if (core->logged && !due && (core->reads || rc != ROOST_OK))
        core->now_us = before_us; /* of what is not logged nothing remains */
    core->effects = NULL;
    core->reads = false;
    return rc;
}

int64_t core_next_deadline_us(const struct core *core)
{
    int64_t next_us = deadlines_next_us(core), grace_us = grace_next_us(core),
            expiry_us = expiries_next_us(core);
    if (grace_us < next_us)
        next_us = grace_us;
    return expiry_us < next_us ? expiry_us : next_us;
}

int64_t core_now_us(const struct core *core)
{
    return core->now_us;
}

void core_set_rings(struct core *core, uint64_t n)
{
    core->rings = n;
}

void core_set_in_cluster(struct core *core, bool in_cluster)
{
    core->in_cluster = in_cluster;
}

const char *core_audit(const struct core *core)
{
    return core->audit;
}

uint64_t core_epoch(const struct core *core)
{
    return core->epoch;
}

int64_t core_grace_ms(const struct core *core, uint64_t session)
{
    const struct session *s = session_find(core, session);
    return s == NULL ? 0 : s->grace_us / 1000;
}
