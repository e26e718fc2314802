/*
 * peer_support.h: nodes of a cluster on one loop, certificates of all kinds for them, and the calls between
 * them.
 *
 * Called by the tests of this folder. Addresses are of 127.0.0.0/8, by the process's id, so that no two tests
 * meet.
 */
#ifndef ROOST_TESTS_PEER_SUPPORT_H
#define ROOST_TESTS_PEER_SUPPORT_H

#include "tests/auth/daemon.h"

#include "shell/peer.h"

enum { NODES_MAX = 3, STREAMS_MAX = 4, PATIENCE_MS = 150000, LINK_NAME = 64 };

struct node {
    struct raft_uv_transport transport;
    raft_id id;
    char address[LINK_NAME];
    struct uv_stream_s *accepted[STREAMS_MAX];
    size_t accepted_count;
    raft_id from[STREAMS_MAX];
    char from_address[STREAMS_MAX][LINK_NAME];
    bool is_open, closed;
};

struct call {
    struct raft_uv_connect request;
    struct uv_stream_s *stream;
    int status;
    bool done;
};

extern struct uv_loop_s loop_;
extern struct node nodes_[NODES_MAX];

/* ours, theirs: authorities; nodes 1 to 3 of "prod", a client, a server, an expired node 2, node-2 of another
 * cluster. */
int peers_set_up(void **state);

void loop_begin(void);
/* Closes what is open; nothing may be left on the loop. */
void loop_finish(void);

/* Runs the loop until the condition holds, which it must some time. */
#define run_until(condition)      \
    do {                          \
        patience_begin();         \
        while (!(condition))      \
            run_once(#condition); \
        patience_end();           \
    } while (0)
void patience_begin(void);
void patience_end(void);
void run_once(const char *what);

/* The address that node i (from 0) of this process has; a static buffer each. */
const char *address_of(int i);

/* The three files NAME.pem, NAME.key and the authority's of a folder. */
struct credential_files files_of(const char *authority, const char *folder, const char *name);

/* Opens nodes_[i], node i + 1 of the cluster. `files` NULL: plain. */
void node_open(int i, const char *cluster, const struct credential_files *files);
/* With the certificate that it should have. */
void node_open_tls(int i);
void node_close(int i);

void call_begin(struct call *c, int from, raft_id to, const char *address);
/* Until it is done; the status. */
int call_wait(struct call *c);
/* node i calls node j, which accepts. */
void connect_nodes(int i, int j, struct uv_stream_s **ret_out, struct uv_stream_s **ret_in);
void stream_close(struct uv_stream_s *s);

#endif
