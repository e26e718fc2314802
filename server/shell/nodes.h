/*
 * nodes.h: the nodes of a cluster: who they are, where their peers and their clients reach them.
 *
 * The file of --cluster says it for the first start. From then on the table is part of what is replicated
 * (cluster_state.c), so that a node that was added later is known to all.
 *
 * Invariants: ids are not 0, and differ; so do the addresses of peers. Called by cluster*.c; no thread's own.
 */
#ifndef ROOST_SHELL_NODES_H
#define ROOST_SHELL_NODES_H

#include <stdbool.h>

#include "base/buf.h"

enum { NODES_MAX = 9, NODE_ADDRESS_MAX = 255, NODE_CLUSTER_MAX = 32 };

struct node {
    uint64_t id;
    char peer[NODE_ADDRESS_MAX + 1];   /* host:port */
    char client[NODE_ADDRESS_MAX + 1]; /* a URL */
};

struct nodes {
    struct node at[NODES_MAX];
    unsigned len;
    char cluster[NODE_CLUSTER_MAX + 1]; /* the name, which keeps clusters apart */
};

/*
 * Reads the file (libconfuse's syntax, as the file of options):
 *     cluster = "name"
 *     node { id = 1 peer = "10.0.0.1:7001" client = "tcp://10.0.0.1:7000" }
 * Errors (worded, with file and line where there is one): ROOST_EINVAL, ROOST_ESYS.
 */
int nodes_read_file(const char *path, struct nodes *ret);

/* NULL: there is none. */
const struct node *nodes_find(const struct nodes *n, uint64_t id);

/* Adds a node, or gives it other addresses. ROOST_EINVAL (worded): an address is none or another's;
 * ROOST_ELIMIT: there are too many. */
int nodes_set(struct nodes *n, uint64_t id, const char *peer, const char *client);

void nodes_remove(struct nodes *n, uint64_t id);

/* As one MessagePack value, and back from bytes that were checked to be one. False: they are no table. */
void nodes_put(const struct nodes *n, struct buf *out);
bool nodes_take(struct slice value, struct nodes *ret);

#endif
