/*
 * conn.h: one connection with its session, shared by all threads of the process.
 *
 * A call is a struct on its caller's stack: it gets its number and is written; then its thread waits, and one
 * of the waiting threads, the leader, reads for all. No thread of its own, no memory per call in the steady
 * state. A connection that fails stays failed: every waiting and later call returns the reason.
 *
 * Locks: write_lock covers the stream's sending side and the numbers; lock covers everything else and is
 * never held during I/O; the leader owns the receive buffer. Order: write_lock, then lock. Called by
 * manager.c (open, close) and object.c (calls).
 */
#ifndef ROOST_CLIENT_CONN_H
#define ROOST_CLIENT_CONN_H

#include <pthread.h>

#include "base/buf.h"
#include "base/hmap.h"
#include "base/list.h"
#include "client/refs.h"
#include "client/transport.h"
#include "roost/value.h"

enum { REASON_MAX = 320 }; /* bytes of an error message, with its NUL */

/* Counts the references of a value just received, in its block's name. */
typedef int conn_adopt(void *owner, roost_value *v);

struct conn {
    struct transport transport;
    struct refs *refs;
    conn_adopt *adopt;
    void *owner;
    struct list link; /* fork.c's: a connection set aside */

    pthread_mutex_t write_lock;
    struct buf out;
    uint64_t number; /* the last call's */

    pthread_mutex_t lock;
    struct hmap calls;     /* sent and not answered, by number */
    struct list followers; /* calls whose threads sleep */
    bool led;              /* a thread is reading */
    int code;              /* 0, or why the connection failed */
    char reason[REASON_MAX];

    struct buf in; /* the leader's: received and not yet taken apart */
};

struct call {
    struct hnode node; /* first; the connection's */

    /* set by the caller */
    uint64_t target;
    uint32_t method;
    uint32_t argc;
    const roost_value *args;
    const roost_value *path; /* NULL: none; else an array: what the call is for is nested in the target */
    roost_value result;      /* of a call that succeeded: the caller's to free */

    /* the connection's */
    struct list link; /* in followers */
    uint64_t number;
    pthread_cond_t wake; /* made when the thread falls asleep */
    bool done;
    bool asleep;
    int code; /* how the call ended */
    char reason[REASON_MAX];
};

struct conn_options {
    const char *url;
    const char *label; /* may be NULL */
    int timeout_ms;    /* for connecting and the first answer */
    struct refs *refs;
    conn_adopt *adopt;
    void *owner;
};

/* Connects and opens a session. Errors: those of roost__transport_open(), ROOST_EPROTO, ROOST_ENOMEM. */
int roost__conn_open(const struct conn_options *options, struct conn **ret);

/*
 * Sends the call, waits for its answer, acknowledges what was delivered. Returns 0 (call->result is set), the
 * code the server answered, or the connection's. The message names no object: the caller puts it in front.
 */
int roost__conn_call(struct conn *c, struct call *call);

/* Sends the queued releases of references, if any. */
void roost__conn_send_releases(struct conn *c);

/* Fails the connection with a code and a reason; wakes every waiting thread. */
void roost__conn_fail(struct conn *c, int code, const char *reason);

/* Frees it; no thread is inside any more. */
void roost__conn_free(struct conn *c);

#endif
