/*
 * peer_log.h: what goes to the log of connections between nodes: a line for each change, not for each
 * attempt.
 *
 * libraft calls a node that is away every second, and strangers may call as often as they like. Called by
 * peer.c and peer_link.c, for each transport its own.
 */
#ifndef ROOST_SHELL_PEER_LOG_H
#define ROOST_SHELL_PEER_LOG_H

#include <raft.h>
#include <stdint.h>

enum { PEER_LOG_NODES = 16, PEER_LOG_WHY = 160, PEER_LOG_EVERY_MS = 1000 };

struct peer_log {
    struct peer_state {
        raft_id id;             /* 0: free */
        char why[PEER_LOG_WHY]; /* we could not call it, the last time; empty: we could */
    } nodes[PEER_LOG_NODES];
    unsigned next;          /* of the nodes: whose place is taken when there are more */
    uint64_t refused_ms;    /* when a refusal was logged */
    unsigned long unlogged; /* refusals since then */
};

/* We have called a node: why in vain, NULL: it answers. */
void peer_log_call(struct peer_log *log, raft_id id, const char *address, const char *why);

/* Somebody who called us was refused. `now_ms` is the loop's clock. */
void peer_log_refused(struct peer_log *log, uint64_t now_ms, const char *from, const char *why);

#endif
