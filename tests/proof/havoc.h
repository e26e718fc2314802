/*
 * havoc.h: what befalls the nodes of a cluster at random, and mostly the one that leads: killed, stopped, cut
 * off from the other nodes, from the clients, or from both, its disk filled. Mostly a minority at a time, now
 * and then more, or all.
 *
 * Invariant: one thing at a time befalls a node. One that ends by itself, but for a full disk, fails the
 * test.
 */
#ifndef ROOST_TESTS_PROOF_HAVOC_H
#define ROOST_TESTS_PROOF_HAVOC_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/cluster/nodes.h"

enum mishap { NO_MISHAP, KILLED, STOPPED, CUT_FROM_PEERS, CUT_FROM_CLIENTS, CUT_OFF, DISK_FULL, MISHAPS };

struct havoc {
    int nodes;
    bool hosts; /* each has its own (hosts.h): else nothing is cut, nor filled */
    uint64_t random;
    int64_t next; /* when the next thing happens, in nanoseconds */
    struct {
        enum mishap mishap;
        int64_t until;
    } at[NODES + 1];
    int did[MISHAPS], of_leader, ended_on_full_disk, majorities_lost;
};

/* Ends what is over, and begins what is due. With INT64_MAX all is over. */
void havoc_look(struct havoc *h, int64_t now);

/* How often what happened, in one line. */
void havoc_tell(const struct havoc *h, char *ret, unsigned long len);

#endif
