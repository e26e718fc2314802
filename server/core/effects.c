/*
 * effects.c: the memory that effects need.
 *
 * Invariant: a step that may answer begins with room for a small answer and for naming every session as
 * broken, so that what has changed something is answered or ends its session, whatever memory is left. Called
 * by core.c and reply.c.
 */
#include "core/effects.h"

#include <assert.h>
#include <stdlib.h>

enum {
    ANSWER_ROOM = 1024, /* bytes of an answer that must not fail: any but one that carries values */
    ANSWERS_ROOM = 16,
    KEEP_MAX = 1 << 20 /* a larger buffer is given back after a step */
};

void effects_init(struct effects *e)
{
    *e = (struct effects){.bytes = buf_make(SIZE_MAX / 2)};
}

void effects_reset(struct effects *e)
{
    if (e->bytes.cap > KEEP_MAX)
        roost__buf_free(&e->bytes);
    buf_reset(&e->bytes);
    e->len = 0;
    e->opened = 0;
    e->row = -1;
    e->code = 0;
    e->killed = 0;
    e->asks_shell = false;
    e->broken_len = 0;
}

void effects_free(struct effects *e)
{
    roost__buf_free(&e->bytes);
    free(e->items);
    free(e->broken);
    *e = (struct effects){0};
}

static bool reserve_items(struct effects *e, size_t n)
{
    if (e->cap - e->len >= n)
        return true;
    size_t cap = e->cap * 2 + n;
    struct effect *grown = reallocarray(e->items, cap, sizeof(*grown));
    if (grown == NULL)
        return false;
    e->items = grown;
    e->cap = cap;
    return true;
}

static bool reserve_broken(struct effects *e, size_t n)
{
    if (e->broken_cap - e->broken_len >= n)
        return true;
    size_t cap = e->broken_cap * 2 + n;
    uint64_t *grown = reallocarray(e->broken, cap, sizeof(*grown));
    if (grown == NULL)
        return false;
    e->broken = grown;
    e->broken_cap = cap;
    return true;
}

bool effects_ready(struct effects *e, size_t sessions)
{
    bool room = roost__buf_reserve(&e->bytes, ANSWER_ROOM);
    e->bytes.failed = false;
    return room && reserve_items(e, ANSWERS_ROOM) && reserve_broken(e, sessions);
}

bool effects_push(struct effects *e, uint64_t session, size_t at)
{
    if (!reserve_items(e, 1)) {
        e->bytes.len = at;
        effects_break(e, session);
        return false;
    }
    e->items[e->len++] = (struct effect){.session = session, .at = at, .len = e->bytes.len - at};
    return true;
}

void effects_break(struct effects *e, uint64_t session)
{
    for (size_t i = 0; i < e->broken_len; i++)
        if (e->broken[i] == session)
            return;
    if (e->unread)
        return;
    if (!reserve_broken(e, 1))
        abort(); /* a step that was not made ready, with other effects than the ones before: no way to tell */
    e->broken[e->broken_len++] = session;
}
