/*
 * peer_link.h: one connection between two nodes, from its first packet until libraft has it, and with TLS
 * until it ends.
 *
 *     outgoing:  (looks up)  connects  shakes  speaks  hears  -> libraft's, or pumps
 *     incoming:                        shakes  hears   speaks -> libraft's, or pumps, or refused
 *
 * Invariant: until the greeting is through, a link is among the transport's strangers, in order of arrival;
 * then among its pumps, or gone. libraft gets nothing of it before. Called by peer.c and peer_pump.c.
 */
#ifndef ROOST_SHELL_PEER_LINK_H
#define ROOST_SHELL_PEER_LINK_H

#include <uv.h>

#include "base/list.h"
#include "shell/peer_hello.h"
#include "shell/peer_log.h"
#include "shell/peer_stream.h"

enum { PEER_PUMP_ROOM = 16384 /* a TLS record: what is read of one is read wholly */ };

/* The state of the transport (raft_uv_transport.impl). */
struct peer {
    struct raft_uv_transport *transport;
    struct uv_loop_s *loop;
    raft_id id;
    char address[PEER_ADDRESS_MAX + 1];
    char cluster[PEER_CLUSTER_MAX + 1];
    char *listen; /* where; NULL: at `address` */
    bool with_tls;
    struct peer_tls tls;

    raft_uv_accept_cb accept_cb;
    raft_uv_transport_close_cb close_cb;
    bool closing;
    size_t open;   /* handles and links that libuv still knows */
    bool looks_up; /* a name, in libuv's threads, which the disk needs too: one at a time */
    bool has_timer, has_listener;
    bool pauses;      /* listening, for want of descriptors */
    uv_timer_t timer; /* deadlines of strangers */
    uv_poll_t listener;
    int listen_fd;
    struct list strangers, pumps;
    size_t strangers_count, pumps_count;
    struct peer_log log;
};

enum link_state {
    LINK_LOOKS_UP,
    LINK_CONNECTS,
    LINK_SHAKES,
    LINK_SPEAKS,
    LINK_HEARS,
    LINK_PUMPS,
    LINK_CLOSED
};

/* Bytes on their way through a pump: [from, len) are still to be written. */
struct peer_flow {
    uint8_t bytes[PEER_PUMP_ROOM];
    size_t from, len;
    bool ended; /* nothing more comes in */
};

struct peer_link {
    struct list in_list; /* of the strangers or the pumps */
    struct peer *peer;
    enum link_state state;
    uint64_t deadline; /* of the loop's clock, in ms: for the greeting */
    struct peer_stream stream;
    size_t open; /* handles and requests that libuv still knows */
    bool has_poll, has_pair;
    uv_poll_t poll, pair;
    int pair_fd; /* our end of the socketpair whose other end libraft has */
    uv_getaddrinfo_t lookup;

    struct raft_uv_connect *request; /* NULL: they called us */
    raft_uv_connect_cb connect_cb;
    raft_id other; /* whom we call; who they say they are */
    char where[PEER_ADDRESS_MAX + 1];
    struct peer_hello hello; /* theirs */
    uint8_t bytes[PEER_HELLO_HEADER + PEER_HELLO_MAX];
    size_t at, len;          /* of `bytes`: how many are through, of how many */
    bool refused;            /* what we say is why we do not want them */
    struct peer_flow *flows; /* of a pump: [FROM_RAFT], [TO_RAFT] */
};

enum { FROM_RAFT, TO_RAFT, WAYS };

/* Begins to call. Errors: RAFT_NOCONNECTION, RAFT_NOMEM; the request's callback then never comes. */
int peer_link_call(struct peer *p, struct raft_uv_connect *request, raft_id id, const char *address,
                   raft_uv_connect_cb cb);

/* Takes a socket that has just called, which is closed when that fails. */
void peer_link_take(struct peer *p, int fd, const char *from);

/* Ends a link; the request's callback comes with the status, if there is one. `why` goes to the log, NULL:
 * nothing to say. */
void peer_link_end(struct peer_link *l, int status, const char *why);

/* Makes the link a pump: moves bytes between libraft, which gets the stream, and the peer, and ends the link
 * when either has. Failures are worded, and the link is as it was. */
int peer_pump_start(struct peer_link *l, struct uv_stream_s **ret);

/* A handle of l (or of the transport) is closed. */
void peer_link_let_go(struct peer_link *l);
void peer_let_go(struct peer *p);

/* Has the timer run while there are strangers. */
void peer_watch(struct peer *p);

/* For handles of libraft's: what was raft_malloc()ed. */
void peer_free_stream(uv_handle_t *handle);

#endif
