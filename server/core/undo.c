/* undo.c: the log of a transaction's changes; see undo.h. */
#include "core/undo.h"

#include <assert.h>
#include <stdlib.h>

bool undo_log(struct core *core, struct step s)
{
    struct undo *u = core->undo;
    assert(u != NULL && s.back != NULL);
    if (u->len == u->cap) {
        size_t cap = u->cap * 2 + 16;
        struct step *grown = reallocarray(u->steps, cap, sizeof(*grown));
        if (grown == NULL) {
            u->failed = true;
            return false;
        }
        u->steps = grown;
        u->cap = cap;
    }
    s.account = core->account;
    u->steps[u->len++] = s;
    return true;
}

static void bytes_back(struct core *core, struct step *s)
{
    (void)core;
    memcpy(s->where, s->what, s->len);
    free(s->what);
}

static void bytes_keep(struct core *core, struct step *s)
{
    (void)core;
    free(s->what);
}

bool undo_bytes(struct core *core, void *p, size_t n)
{
    if (core->undo == NULL || n == 0)
        return true;
    void *old = malloc(n);
    if (old == NULL) {
        core->undo->failed = true;
        return false;
    }
    memcpy(old, p, n);
    bool logged = undo_log(
        core, (struct step){.back = bytes_back, .keep = bytes_keep, .where = p, .what = old, .len = n});
    if (!logged)
        free(old);
    return logged;
}

void undo_wake(struct core *core, struct object *o, wake *serve)
{
    struct undo *u = core->undo;
    if (u == NULL) {
        serve(core, o);
        return;
    }
    if (u->wake_len == u->wake_cap) {
        size_t cap = u->wake_cap * 2 + 4;
        void *grown = reallocarray(u->wakes, cap, sizeof(*u->wakes));
        if (grown == NULL) {
            u->failed = true;
            return;
        }
        u->wakes = grown;
        u->wake_cap = cap;
    }
    u->wakes[u->wake_len].object = o;
    u->wakes[u->wake_len++].serve = serve;
}

void undo_begin(struct core *core, struct undo *mine)
{
    *mine = (struct undo){0};
    if (core->undo == NULL)
        core->undo = mine;
}

void undo_end(struct core *core, struct undo *mine, bool keep)
{
    if (core->undo != mine)
        return;
    keep ? undo_commit(core) : undo_roll_back(core);
}

static void end(struct undo *u)
{
    free(u->steps);
    free(u->wakes);
    *u = (struct undo){0};
}

void undo_roll_back(struct core *core)
{
    struct undo *u = core->undo;
    struct object *account = core->account;
    core->undo = NULL;
    while (u->len > 0) {
        struct step *s = &u->steps[--u->len];
        core->account = s->account;
        s->back(core, s);
    }
    core->account = account;
    end(u);
}

void undo_commit(struct core *core)
{
    struct undo *u = core->undo;
    assert(!u->failed);
    struct object *account = core->account;
    core->undo = NULL;
    for (size_t i = 0; i < u->len; i++) {
        core->account = u->steps[i].account;
        if (u->steps[i].keep != NULL)
            u->steps[i].keep(core, &u->steps[i]);
    }
    core->account = account;
    for (size_t i = 0; i < u->wake_len; i++)
        u->wakes[i].serve(core, u->wakes[i].object);
    end(u);
}
