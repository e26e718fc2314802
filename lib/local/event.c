/*
 * event.c: local events; see roost/local/event.h.
 *
 * Invariant: the word's lowest bit is the flag, the others count how often it was set: a waiter that began
 * before a set sees the count rise even when the flag is gone again.
 */
#include "roost/local/event.h"

#include "base/futex.h"
#include "local/segment.h"

struct event_body {
    struct segment_head head;
    _Atomic uint32_t word;
    _Atomic uint32_t sleepers; /* at least the number of those asleep */
};

struct roost_local_event {
    struct segment segment;
};

static struct event_body *body_of(const roost_local_event *e)
{
    return (struct event_body *)(void *)e->segment.head;
}

int roost_local_event_open(const char *name, roost_local_event **ret)
{
    const struct segment_plan plan = {.name = name, .type = LOCAL_EVENT, .size = sizeof(struct event_body)};
    return roost__local_open(&plan, sizeof(**ret), ret, NULL);
}

int roost_local_event_new(roost_local_event **ret)
{
    return roost_local_event_open(NULL, ret);
}

void roost_local_event_close(roost_local_event *e)
{
    roost__local_close(e);
}

bool roost_local_event_is_set(const roost_local_event *e)
{
    return (atomic_load(&body_of(e)->word) & 1) != 0;
}

void roost_local_event_set(roost_local_event *e)
{
    struct event_body *b = body_of(e);
    uint32_t w = atomic_load(&b->word);
    while ((w & 1) == 0 &&
           !atomic_compare_exchange_weak(&b->word, &w, w + 3)) /* one more set, and the flag */
        ;
    if ((w & 1) == 0 && atomic_load(&b->sleepers) > 0)
        futex_wake(&b->word, INT_MAX);
}

void roost_local_event_clear(roost_local_event *e)
{
    atomic_fetch_and(&body_of(e)->word, ~1u);
}

int roost_local_event_wait(roost_local_event *e, int timeout_ms)
{
    struct event_body *b = body_of(e);
    uint32_t first = atomic_load(&b->word), w = first;
    int64_t deadline = deadline_after(timeout_ms);
    bool last = timeout_ms == 0;
    atomic_fetch_add(&b->sleepers, 1);
    while ((w & 1) == 0 && w >> 1 == first >> 1 && !last) {
        last = !futex_wait(&b->word, w, deadline);
        w = atomic_load(&b->word);
    }
    atomic_fetch_sub(&b->sleepers, 1);
    return (w & 1) != 0 || w >> 1 != first >> 1 ? ROOST_OK
                                                : roost__local_timeout(&e->segment, "wait", timeout_ms);
}
