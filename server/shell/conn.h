/*
 * conn.h: one peer, whatever carries its bytes: handshake, frames to events, effects to bytes.
 *
 * Invariants: one thread at a time receives for a connection (the transport sees to it); `out` and `closed`
 * are under the connection's mutex; its memory goes when the last reference goes: one is the receiving
 * side's, one each a write's under way and a batch's.
 */
#ifndef ROOST_SHELL_CONN_H
#define ROOST_SHELL_CONN_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/claim.h"
#include "base/hmap.h"
#include "base/list.h"
#include "shell/lease.h"
#include "shell/local_user.h"
#include "wire/proof.h"

struct batch;
struct conn;
struct greeting;
struct server;

enum {
    HANDSHAKE_US = 10 * 1000000 /* from accept to HELLO */
};

/* What a transport does for its connections. All may be called from any thread, with the server's mutex held
 * or not. */
struct conn_ops {
    unsigned transport; /* enum transport */
    /* Bytes may wait in `out`: see that they get written. Never blocks. */
    void (*flush)(struct conn *c);
    /* Ends the connection soon: the receiving side will call conn_ended(). Idempotent, never blocks. */
    void (*close)(struct conn *c);
    /* Makes a ring of about so many bytes each way, whose descriptors go with what is written next, or
     * (*ret_claimed) are to be claimed. Returns its size, 0: there is none. NULL: the transport has no rings.
     * The receiving side's thread. */
    uint32_t (*offer_ring)(struct conn *c, int64_t wish, struct claim *ret, bool *ret_claimed);
    /* The peer moves to the ring offered: what is in `out` still goes the old way, what comes later through
     * the ring, likewise what is received. False: none was offered. The receiving side's thread. */
    bool (*move_to_ring)(struct conn *c);
    /* Frees the transport's part and the memory itself. */
    void (*destroy)(struct conn *c);
};

struct conn {
    struct server *server;
    const struct conn_ops *ops;
    struct hnode by_session;
    struct list in_server;
    atomic_uint refs;
    struct list in_newcomers;
    uint64_t session;  /* 0 before HELLO */
    uint64_t identity; /* who it is; 0: anybody, who may do all */
    char name[IDENTITY_MAX + 1];
    struct local_user user;
    struct greeting *greeting; /* between CHALLENGE and PROOF */
    bool over;             /* the session is not, or no more, this connection's; under the server's mutex */
    bool has_ring;         /* a ring was offered; likewise */
    bool on_ring;          /* and the peer moved to it */
    bool ends_session;     /* the session ends with this connection, whatever its grace; likewise */
    bool waits_for_server; /* its grace is for the server's end only, not for its own */
    struct lease lease;
    int64_t since_us;
    struct buf in; /* the receiving side's */
    pthread_mutex_t mutex;
    struct buf out;
    atomic_uint unsent; /* frames in `out` and in what the transport is writing; 0 when all of it has gone */
    size_t held;        /* answers that wait for the log; under the server's mutex */
    bool closed;
    struct rate *rate;    /* of its host, NULL: any; likewise */
    char peer[128];       /* for the log and server.sessions: "tcp 10.0.0.7:4711", "ipc uid 1000 pid 42" */
    char host[80];        /* what its rate is counted by */
    struct slice binding; /* what a proof is tied to: the hash of the listener's certificate; len 0: none */
};

/* An empty buffer of an idle connection keeps no more than this. */
enum { IDLE_BYTES = 4 << 10 };
static inline void conn_trim(struct buf *empty)
{
    if (empty->cap > IDLE_BYTES)
        roost__buf_free(empty);
}

/* Sets up the common part with one reference, for the receiving side. peer says who it is, host what its rate
 * is counted by; both are copied. */
void conn_init(struct conn *c, struct server *s, const struct conn_ops *ops, const char *peer,
               const char *host);

void conn_ref(struct conn *c);
void conn_unref(struct conn *c);

/* Frees a connection that was never admitted. */
void conn_discard(struct conn *c);

/* Where the next received bytes go: *ret points to n bytes. n is 0 without memory. */
size_t conn_room(struct conn *c, void **ret);

/* n bytes were received into the room. True: there is something to serve; else the server's mutex is spared.
 */
bool conn_arrived(struct conn *c, size_t n);

/* Serves what has arrived, inside a batch. False: the connection must be closed. */
bool conn_serve(struct conn *c, struct batch *batch);

/* Both, in a batch of its own. False: the connection must be closed. */
bool conn_received(struct conn *c, size_t n);

/* The stream ended. The receiving side's last call: gives its reference back. */
void conn_ended(struct conn *c);

/* Appends to `out`; cuts off a peer that does not read. */
void conn_write(struct conn *c, struct slice bytes);

/* The same for all the bytes of a buffer, which is left empty; they are not copied when `out` is empty. */
void conn_write_all(struct conn *c, struct buf *bytes);

/* The peer was refused before it said a frame: for the log. Outside of a batch. */
void conn_refused(struct conn *c, const char *why);

/* Puts the answer to a call that was not made. False: it is no call, or there is no memory. */
bool conn_error(struct buf *out, struct slice payload, int code, const char *words);

/* Says why the connection will be closed; its session ends with it. */
void conn_goodbye(struct conn *c, int code, const char *message);

/* Microseconds until the handshake's deadline (0: it is over), or -1 when the peer said HELLO. */
int64_t conn_patience_us(const struct conn *c);

#endif
