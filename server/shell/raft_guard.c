/* raft_guard.c: see raft_guard.h. */
#include "shell/raft_guard.h"

#include <string.h>

/* The term of an entry of the log, 0: it is not there. */
static raft_term term_of(const struct raft_trail *t, raft_index index)
{
    if (index <= t->offset || t->size == 0)
        return 0;
    for (unsigned i = t->front; i != t->back; i = (i + 1) % t->size)
        if (index <= t->records[i].index)
            return t->records[i].term;
    return 0;
}

static bool has(const struct raft *r, const struct raft_install_snapshot *s)
{
    return s->last_index <= r->last_applied || s->last_index <= r->trail.snapshot.index ||
           term_of(&r->trail, s->last_index) == s->last_term;
}

/* Drops the first n entries; their bytes are one batch. */
static void trim(struct raft_append_entries *a, raft_index n)
{
    if (n < a->n_entries) {
        a->n_entries -= (unsigned)n;
        memmove(a->entries, a->entries + n, a->n_entries * sizeof(a->entries[0]));
    } else if (a->n_entries > 0) {
        raft_free(a->entries[0].batch);
        raft_free(a->entries);
        a->entries = NULL;
        a->n_entries = 0;
    }
}

bool raft_guard_snapshot(const struct raft *r)
{
    return r->last_applied == r->commit_index;
}

bool raft_guard(const struct raft *r, struct raft_message *message)
{
    struct raft_append_entries *a = &message->append_entries;
    const struct raft_trail *t = &r->trail;
    if (message->type == RAFT_INSTALL_SNAPSHOT)
        return !r->legacy.snapshot_taking && !has(r, &message->install_snapshot);
    if (message->type == RAFT_APPEND_ENTRIES && a->prev_log_index < t->offset &&
        a->prev_log_index < t->snapshot.index) {
        trim(a, t->snapshot.index - a->prev_log_index);
        a->prev_log_index = t->snapshot.index;
        a->prev_log_term = t->snapshot.term;
    }
    return true;
}
