/*
 * durable.h: the store of one server (store.h), whose core outlives it: every event that changes something is
 * in a log before anybody hears of it.
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

#include "shell/store.h"

/* Opens the folder: s->core is what was saved there, or a new one made with the options, s->store keeps it.
 * Errors (worded). */
int durable_open(struct server *s, const struct store_options *options, const struct core_options *core);

#endif
