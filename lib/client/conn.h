/*
 * conn.h: one session with a server and the connection that carries it, shared by all threads of the process.
 *
 * A call is a struct on its caller's stack: it gets its number and is written; then its thread waits, and one
 * of the waiting threads, the leader, reads for all. No memory per call in the steady state. When the stream
 * ends and the session can be resumed, the leader connects anew and everything unanswered is sent again
 * (resume.c). A connection that has failed for good stays so: every waiting and later call returns the
 * reason.
 *
 * Locks: write_lock covers the stream's sending side and the numbers; lock covers the rest and is never held
 * during I/O; the leader owns the receive buffer and alone replaces the stream. Order: write_lock, then lock.
 * Called by manager.c (open, close), object.c (calls) and pulse.c.
 */
#ifndef ROOST_CLIENT_CONN_H
#define ROOST_CLIENT_CONN_H

#include <pthread.h>

#include "base/buf.h"
#include "base/hmap.h"
#include "base/list.h"
#include "client/callbacks.h"
#include "client/cork.h"
#include "client/handshake.h"
#include "client/pollable.h"
#include "client/pulse.h"
#include "client/refs.h"
#include "client/transport.h"
#include "client/window.h"
#include "roost/manager.h"
#include "roost/value.h"

enum { REASON_MAX = 320 }; /* bytes of an error message, with its NUL */

/* Counts the references of a value just received, in its block's name. */
typedef int conn_adopt(void *owner, roost_value *v);

/* Hears what becomes of the connection; called by the leader, without locks. */
typedef void conn_tell(void *owner, roost_state state);

struct conn_options {
    struct wishes wishes; /* but for the URL */
    struct addresses *addresses;
    size_t window_calls, window_bytes; /* of asynchronous calls under way */
    int reconnect_ms;                  /* how long to try to resume; -1: for ever; 0: what is granted */
    struct refs *refs;
    conn_adopt *adopt;
    conn_tell *tell;
    void *owner;
};

struct conn {
    struct conn_options options;
    struct terms terms; /* of the session */
    struct transport transport;
    struct transport next; /* the leader's: the stream that is being opened */
    struct pulse pulse;
    struct list link; /* fork.c's: a connection set aside */

    pthread_mutex_t write_lock;
    struct buf out;
    struct buf releases; /* scratch */
    struct buf acks;     /* of struct ack: acknowledged, and the server may not know it yet */
    uint64_t number;     /* the last call's */
    atomic_uint writers; /* threads that wait to write a call: the last one sends for all */
    struct cork cork;    /* calls in `out` that wait for company */

    pthread_mutex_t lock;
    pthread_cond_t failed; /* code was set; for who pauses between two attempts to resume */
    struct hmap calls;     /* sent and not answered, by number */
    struct list followers; /* calls whose threads sleep */
    bool led;              /* a thread is reading */
    struct window window;  /* asynchronous calls under way */
    struct callbacks callbacks;
    struct pollable pollable;
    int code; /* 0, or why the connection failed */
    char reason[REASON_MAX];

    struct buf in;              /* the leader's: received and not yet taken apart */
    bool dismissed;             /* the leader's: the server said GOODBYE */
    bool resuming;              /* the leader's: the stream has ended, and there is no other yet */
    atomic_uint_least64_t seen; /* the call whose answer came last on this stream */
    atomic_bool heard;          /* bytes came since pulse.c looked last */
};

struct call {
    struct hnode node; /* first; the connection's */

    /* NULL: the call is on the stack of a thread that waits for it. Else called once, lock held, when the
     * call has its answer or the connection has failed. True: the connection then calls drop, without locks.
     */
    bool (*finish)(struct conn *c, struct call *call);
    void (*drop)(struct call *call);

    /* set by the caller */
    uint64_t target;
    uint32_t method;
    uint32_t argc;
    const roost_value *args;
    uint64_t guard_lock;
    uint64_t guard_token;    /* 0: no guard */
    const roost_value *path; /* NULL: none; else an array: what the call is for is nested in the target */
    bool goes_on;            /* the thread does not block while the call waits at the server */
    bool may_wait;           /* to be written with others (cork.h); it has a finish */
    roost_value result;      /* of a call that succeeded: the caller's to free */

    /* the connection's */
    struct slice raw; /* arguments, encoded, instead of args */
    struct list link; /* in followers */
    uint64_t number;
    uint64_t thread;  /* the caller's number on the wire */
    pthread_t caller; /* the thread, for roost_cancel() */
    atomic_bool done;
    bool asleep;
    bool cancelled;
    int code; /* how the call ended */

    /* From here on what has a meaning only when something else says so. */
    pthread_cond_t wake; /* made when the thread falls asleep */
    char reason[REASON_MAX];
};

/* A call with nothing set: its large parts, made when they are needed, are left alone. */
static inline void call_init(struct call *call)
{
    memset(call, 0, offsetof(struct call, wake));
}

/* Connects and opens a session. Errors: those of roost__reach(), ROOST_ENOMEM. */
int roost__conn_open(const struct conn_options *options, struct conn **ret);

/*
 * Sends the call, waits for its answer, acknowledges what was delivered. Returns 0 (call->result is set), the
 * code the server answered, or the connection's. The message names no object: the caller puts it in front.
 */
int roost__conn_call(struct conn *c, struct call *call);

/* Asks the server to give up what a thread's call waits for. Errors: ROOST_ENOENT, that thread is in no call.
 */
int roost__conn_cancel(struct conn *c, pthread_t thread);

/*
 * Waits, leading or following, until the call is done: a call that was sent, or a mere ticket (never sent),
 * which somebody marks. False when the deadline (clock.h) has passed before; one that has passed already
 * takes what has come.
 */
bool roost__conn_await(struct conn *c, struct call *call, int64_t deadline);

/* Marks a ticket as done and wakes its thread. Lock held. */
void roost__conn_mark(struct call *ticket);

/* Acknowledges deliveries, see send.c; when it returns ROOST_OK they are ours. */
int roost__conn_acknowledge(struct conn *c, const uint64_t *numbers, size_t n);

/* Asks the server to give up a call, if it has no answer yet. */
void roost__conn_give_up(struct conn *c, uint64_t number);

/* Sends the queued releases of references, if any. */
void roost__conn_send_releases(struct conn *c);

/* Tells the server that the session ends, where that can be said without waiting. */
void roost__conn_end_session(struct conn *c);

/* Ends the session where that can be said without waiting, fails the connection, wakes every waiting thread,
 * and waits for the end of the connection's own. */
void roost__conn_close(struct conn *c, int code, const char *reason);

/* Frees it; it was closed, or never opened, and no thread is inside any more. */
void roost__conn_free(struct conn *c);

/* ---- between the files of the connection ---- */

/* conn.c: fails the connection with a code and a reason; wakes every waiting thread. */
void roost__conn_fail(struct conn *c, int code, const char *reason);

/* conn.c: takes the lead if it is free; gives it on. */
bool roost__conn_try_lead(struct conn *c);
void roost__conn_hand_on(struct conn *c);

/* conn.c, the leader: takes what has come, without waiting; when the stream has ended, resumes or fails.
 * False, unless resumes: it has ended, and could be resumed. */
bool roost__conn_look(struct conn *c, bool resumes);

/* conn.c: from here on its answer finds the call. Errors: ROOST_ENOMEM, why the connection failed. */
int roost__conn_register(struct conn *c, struct call *call);

/* send.c: sends the queued releases and a call (NULL: none), which gets its number and is registered. */
int roost__send_call(struct conn *c, struct call *call);
/* send.c: sends n calls in one write; the same thread's. Those behind the first that fails are not sent;
 * *ret_sent is how many were. */
int roost__send_calls(struct conn *c, struct call *const *calls, size_t n, size_t *ret_sent);
int roost__send_acks(struct conn *c, const uint64_t *numbers, size_t n);
void roost__send_cancel(struct conn *c, uint64_t number);
/* send.c: writes what is held (cork.h). */
void roost__send_held(struct conn *c);
/* send.c: writes what is in `out`. write_lock held. A failure ends the stream, and the reader finds out. */
int roost__send_out(struct conn *c);
/* send.c: a frame of one element, if that is possible without waiting. */
void roost__send_signal(struct conn *c, unsigned frame_kind);
/* send.c: what is held, and END when the session could be resumed, as far as possible without waiting for the
 * server. */
void roost__send_farewell(struct conn *c);
/* send.c: the stream becomes c->next, on which all that is unanswered is sent again. The leader. */
int roost__send_again(struct conn *c);

/*
 * resume.c: asks one address after the other for a session (*terms), until one grants it on the stream *t, or
 * the search is over, or (ROOST_ETIMEDOUT) `until` has passed, though not before one was asked. Errors: those
 * of the search, of roost__transport_open() and roost__handshake(); ROOST_ECLOSED.
 */
int roost__reach(struct conn *c, struct search *s, struct transport *t, struct terms *terms, int64_t until);

/* resume.c: is a stream that has ended with this code worth another? */
bool roost__resumable(const struct conn *c, int code);

/* resume.c: the leader's stream has ended with code (worded). ROOST_OK: it goes on. ROOST_ETIMEDOUT: `until`
 * (clock.h) has passed, and it may go on yet. */
int roost__resume(struct conn *c, int code, int64_t until);

#endif
