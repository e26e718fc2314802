/*
 * peer_hello.h: the greeting of two nodes of a cluster, as bytes. It is all that either says before libraft's
 * own messages; FORMAT.md has its layout.
 *
 * Who connects speaks first, the other answers: with a hello of its own, which says why when the connection
 * is refused. No I/O; hostile bytes come here first. Called by peer_link.c.
 */
#ifndef ROOST_SHELL_PEER_HELLO_H
#define ROOST_SHELL_PEER_HELLO_H

#include "base/slice.h"
#include "shell/peer.h"

enum {
    PEER_VERSION = 1,
    PEER_HELLO_HEADER = 16,
    PEER_REFUSAL_MAX = 160,
    PEER_HELLO_MAX = 1024 /* bytes behind the header; of later versions, too */
};

struct peer_hello {
    uint32_t version;                   /* the speaker's */
    uint64_t from;                      /* his id */
    uint64_t to;                        /* whom he takes the other for */
    char address[PEER_ADDRESS_MAX + 1]; /* his, as the cluster has it */
    char cluster[PEER_CLUSTER_MAX + 1];
    char refusal[PEER_REFUSAL_MAX + 1]; /* an answer's: why not; empty: welcome */
};

/* Can a cluster be called so? */
bool peer_cluster_ok(const char *name);

/* Writes header and body; returns how many bytes. The texts fit, by their types. */
size_t peer_hello_write(const struct peer_hello *h, uint8_t ret[PEER_HELLO_HEADER + PEER_HELLO_MAX]);

/* Checks a header; the bytes that follow it, or -1 (worded): this is no node. */
int peer_hello_body(const uint8_t header[PEER_HELLO_HEADER]);

/* Reads header and body. Of another version than ours only the version, the rest is empty. ROOST_EPROTO,
 * worded. */
int peer_hello_read(struct slice bytes, struct peer_hello *ret);

#endif
