/*
 * raft_guard.h: what libraft 0.22.1 must not receive; found by the simulator (tests/sim/README.md).
 *
 * - A snapshot while it takes one itself: it dereferences NULL when its own is done.
 * - A snapshot of what its log already has: it drops all entries behind it, also those it has acknowledged,
 * and may then save a state under the index of an older one.
 * - Entries, or a probe, from before the beginning of its log: it writes beyond an array, or refuses them for
 *   ever, while its leader goes in a circle.
 *
 * Called for every message before raft_io's receive callback is, by whoever owns that: a message that is not
 * passed on must be freed as its type demands, and is to its sender as if it had been lost.
 */
#ifndef ROOST_SHELL_RAFT_GUARD_H
#define ROOST_SHELL_RAFT_GUARD_H

#include <raft.h>
#include <stdbool.h>

/*
 * May libraft see the message? An AppendEntries that begins before the log is made one that begins in it:
 * what the snapshot has is committed, so the sender has the same there.
 */
bool raft_guard(const struct raft *r, struct raft_message *message);

/*
 * May a snapshot be taken, in fsm->snapshot? Else answer RAFT_BUSY; libraft will ask again. On a slow disk a
 * follower's commit index goes back behind what was applied, and the snapshot would be of a later state than
 * its index says.
 */
bool raft_guard_snapshot(const struct raft *r);

#endif
