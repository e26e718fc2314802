/*
 * grace.c: a session and its connections: one goes, the grace period runs, another takes the session over.
 *
 * Invariant: a session is in core->graces exactly while it has no connection; there is room in the heap for
 * every session, so that detaching cannot fail.
 */
#include <assert.h>
#include <sodium.h>

#include "core/internal.h"

static struct session *as_session(const struct heap_node *n)
{
    return container_of((struct heap_node *)(uintptr_t)n, struct session, in_graces);
}

bool grace_sooner(const struct heap_node *a, const struct heap_node *b)
{
    const struct session *x = as_session(a), *y = as_session(b);
    return x->grace_end_us != y->grace_end_us ? x->grace_end_us < y->grace_end_us : x->id < y->id;
}

void grace_init(const struct core *core, struct session *s, struct slice info, struct slice secret)
{
    struct item ms = roost__map_item(info, "grace_ms");
    s->connection = 1;
    if (secret.len != SECRET_LEN || ms.kind != ROOST_INT || ms.as.i <= 0)
        return;
    s->grace_us = (ms.as.i < core->limits.grace_ms_max ? ms.as.i : core->limits.grace_ms_max) * 1000;
    memcpy(s->secret, secret.data, SECRET_LEN);
}

void grace_begin(struct core *core, struct session *s)
{
    if (s->grace_us == 0) {
        session_lost(core, s);
        return;
    }
    if (heap_has(&s->in_graces))
        return;
    s->grace_end_us = core->now_us + s->grace_us;
    bool pushed = roost__heap_push(&core->graces, &s->in_graces);
    assert(pushed);
}

int grace_resume(struct core *core, struct session *s, struct slice secret)
{
    if (s->grace_us == 0 || secret.len != SECRET_LEN ||
        sodium_memcmp(s->secret, secret.data, SECRET_LEN) != 0)
        return ROOST_ESESSION;
    roost__heap_remove(&core->graces, &s->in_graces);
    s->connection++;
    s->confirmed = s->seen = 0;
    return ROOST_OK;
}

int64_t grace_next_us(const struct core *core)
{
    struct heap_node *first = heap_first(&core->graces);
    return first == NULL ? INT64_MAX : as_session(first)->grace_end_us;
}

void grace_end_first(struct core *core)
{
    session_lost(core, as_session(heap_first(&core->graces)));
}
