/*
 * cluster.h: the store of a server that is one of several (store.h): libraft keeps the log they have in
 * common.
 *
 * One node leads and serves; its core takes an event at once, and what it has to say is held back until a
 * majority has the event on its disks. The others apply what the log brings, and tell clients who leads. A
 * node that stops leading closes its connections; when its core was ahead of the log it is made again from
 * the disk. README.md says how reads are kept true, and what is in which file.
 *
 * Invariants: libraft is called by the thread of the loop alone, once that runs; what the server's threads
 * and that one share is under the server's mutex. Called by server.c, by way of the store, and by options.c.
 */
#ifndef ROOST_SHELL_CLUSTER_H
#define ROOST_SHELL_CLUSTER_H

#include "shell/store.h"
#include "wire/credentials.h"

struct cluster_options {
    uint64_t node;    /* who this is */
    const char *file; /* nodes.h */
    bool join;        /* the folder, if it is new, is that of a node that will be added */
    unsigned election_ms;
    const char *listen;                 /* for peers, host:port; NULL: the node's own address */
    const struct credential_files *tls; /* of the traffic between nodes; NULL: in the clear */
    bool insecure;                      /* in the clear beyond this host too */
};

/* Takes the folder and joins the cluster: s->store keeps s->core, which is empty until the log brings one.
 * Errors (worded). */
int cluster_open(struct server *s, const struct store_options *options, const struct core_options *core);

#endif
