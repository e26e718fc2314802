/*
 * rank.h: which objects are worth a look: those that somebody holds or waits for, then by calls since the
 * last look, then by all calls.
 *
 * Invariants: `seen` and `fresh` are in the order of ids; what is remembered between looks is 16 bytes an
 * object, up to RANK_SEEN of them. Those made later are not looked at. Called by state.c, one thread at a
 * time.
 */
#ifndef ROOST_SHELL_RANK_H
#define ROOST_SHELL_RANK_H

#include "core/admin.h"

struct server;

enum { RANK_SEEN = 100000, RANK_BATCH = 256 };

struct ranked {
    uint64_t busy;   /* holders and waiters */
    uint64_t recent; /* calls since the last look */
    uint64_t calls;
    uint64_t id;
};

struct rank_seen {
    uint64_t id, calls;
};

struct rank {
    struct rank_seen *seen, *fresh;
    size_t seen_len;
    int64_t since_us; /* when it looked */
};

void rank_init(struct rank *r);
void rank_free(struct rank *r);

/* The first of all objects, at most max; returns how many. Takes the server's mutex for RANK_BATCH objects at
 * a time. A look right after another one counts as the same. 0 without memory. */
size_t rank_look(struct rank *r, struct server *s, struct ranked *ret, size_t max);

#endif
