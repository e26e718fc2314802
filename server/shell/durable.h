/*
 * durable.h: a server whose core outlives it: every event that changes something is in a log before anybody
 * hears of it.
 *
 * An event is taken by the core at once, then appended to the log (wal.h); what it has to say is held back
 * until the log has it on the disk, and so is the answer of every read that came after, which may have seen
 * it. Reads are not logged. So a client never hears of what a crash could undo, and the answers of a
 * connection stay in order. A start loads the newest snapshot, takes the events behind it again, and goes on
 * in the same epoch: to the sessions it is as if their connections had broken. The time of the core stands
 * still while no server runs: neither a grace nor a time to live ends in between.
 *
 * Invariants: the order of locks is server, then wal; held answers are released in the order of their
 * positions. Called by server.c, under the server's mutex.
 */
#ifndef ROOST_SHELL_DURABLE_H
#define ROOST_SHELL_DURABLE_H

#include "core/core.h"
#include "shell/wal.h"

struct conn;
struct durable;
struct server;

struct durable_options {
    const char *folder; /* NULL: nothing is durable */
    enum wal_sync sync;
    int batch_ms;
    uint64_t snapshot_bytes; /* of log until the next snapshot */
};

/* Opens the folder: s->core is what was saved there, or a new one made with the options. Errors (worded). */
int durable_open(struct server *s, const struct durable_options *options, const struct core_options *core);

/* Forgets all held answers: their connections end. */
void durable_drop(struct durable *d);

/* Writes what is pending and lets go of the folder; the core is the caller's. NULL is allowed. */
void durable_close(struct durable *d);

/*
 * Has the core take an event, and logs it when it changes something. As core_step(), and ROOST_EDISK: the
 * disk is full, nothing was done. What nobody asks for (a session ends) happens in any case.
 */
int durable_step(struct durable *d, struct event *event);

/* Bytes for a connection: false when nothing before them is held back, and they may go at once. */
bool durable_holds(struct durable *d, struct conn *c, struct slice bytes);

#endif
