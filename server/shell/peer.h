/*
 * peer.h: how the nodes of a cluster reach each other: a raft_uv_transport for libraft, over TLS or plain
 * TCP.
 *
 * libraft believes every byte of a peer, lengths included. So a connection gets to it only when both ends
 * have shown in a greeting (peer_hello.h) that they speak our version, belong to the same cluster and are the
 * nodes that they are taken for; and with TLS when each has a certificate of the cluster's CA that names that
 * node of that cluster: PEER_NODE_NAME, for both uses (`roost cert --node`). A client's certificate of the
 * same CA is not one. Without TLS whoever reaches the port is believed: for loopback and networks of one's
 * own.
 *
 * The process ignores SIGPIPE, for libuv's writes raise it. All calls and callbacks are on the thread of the
 * loop; none waits, but peer_init(), which reads files, and init(), which looks up the address to listen at.
 * Failures are worded in the transport's errmsg, and in the log when they are of a connection. Called by
 * cluster.c.
 */
#ifndef ROOST_SHELL_PEER_H
#define ROOST_SHELL_PEER_H

#include <raft.h>
#include <raft/uv.h>
#include <stdbool.h>

#include "wire/credentials.h"

enum {
    PEER_GREETING_MS = 5000, /* from the first packet to the end of the greeting, on either side */
    PEER_STRANGERS_MAX = 32, /* that are not through with it; one more drops the oldest */
    PEER_SILENCE_MS = 15000, /* bytes that nobody takes for so long end the connection */
    PEER_ADDRESS_MAX = 255,  /* bytes of HOST:PORT; a name is looked up at every connect */
    PEER_CLUSTER_MAX = 32    /* letters, digits, '-' */
};

#define PEER_NODE_NAME "node-%llu.%s" /* id, cluster: what the certificate is for, as a DNS name, exactly */

struct peer_settings {
    const char *cluster;                /* its name, which all its nodes have */
    const char *listen;                 /* HOST:PORT; NULL: the node's own address */
    const struct credential_files *tls; /* all three; NULL: plain TCP */
};

/*
 * Makes the transport, which raft_uv_init() takes; nothing of the settings is kept. Errors (worded,
 * roost_errmsg()): ROOST_EINVAL (no such name of a cluster; a file is missing), those of
 * roost__credentials_load(), ROOST_ENOMEM; *ret is then untouched. Whether the certificate is the node's is
 * seen in init(), which knows the id: raft_init() fails with RAFT_INVALID.
 */
int peer_init(struct raft_uv_transport *ret, struct uv_loop_s *loop, const struct peer_settings *settings);

/* Frees it: after the callback of raft_close(), or when raft_start() never was; after raft_uv_close(). */
void peer_fini(struct raft_uv_transport *t);

/* Connections that went through the greeting and live: pumps of TLS, not plain ones, which are libraft's. */
size_t peer_count(const struct raft_uv_transport *t);

#endif
