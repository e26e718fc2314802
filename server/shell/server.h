/*
 * server.h: the core in the world: one mutex around it, a clock, a timer thread, and the way from a session
 * to its connection.
 *
 * Invariants: the core is entered under the mutex only; the order of locks is server, then conn; sockets are
 * written after the server's mutex was released (but for rare bursts). Called by conn.c and roostd.c.
 */
#ifndef ROOST_SHELL_SERVER_H
#define ROOST_SHELL_SERVER_H

#include <pthread.h>

#include "base/hmap.h"
#include "base/list.h"
#include "core/core.h"
#include "shell/backup.h"
#include "shell/local_user.h"
#include "shell/metrics.h"
#include "shell/watch.h"

struct conn;
struct keyring;
struct store;
struct store_options;

enum { DIRTY_MAX = 64, ROWS_MAX = 64, NEWCOMERS_MAX = 512 };
enum transport { TRANSPORT_IPC, TRANSPORT_TCP, TRANSPORT_NNG, TRANSPORT_TLS, TRANSPORT_COUNT };

struct server {
    pthread_mutex_t mutex;
    struct core *core;
    struct store *store;       /* NULL: the core lives as long as the server */
    bool follows;              /* another server of the cluster serves, or none: no sessions, no time */
    int64_t clock_us;          /* the core's time is ahead of the monotonic one by */
    struct core_limits limits; /* as they were given; the shell's may change: server_limit() */
    struct effects effects;
    struct backup backup;
    struct hmap conns_by_session;
    struct list conns; /* all of them */
    size_t conn_count;
    size_t conns_by_transport[TRANSPORT_COUNT];
    struct list newcomers; /* those without a session, oldest first: at most newcomers_max */
    size_t newcomer_count, newcomers_max;
    struct keyring *keys;         /* NULL: nobody needs one */
    struct allowed_users allowed; /* on ipc, beside our own user; set before the first connection */
    struct metrics metrics;
    struct watch_settings watch;
    struct refusals refusals;
    struct hmap rates;       /* of peers */
    bool no_rings;           /* by the user's wish; set before the first connection */
    size_t rings;            /* offered, at most limits.rings_max … */
    size_t rings_used;       /* … and in use */
    pthread_cond_t all_gone; /* conn_count became 0 */
    bool stopping;
    pthread_t timer;
    pthread_cond_t timer_wake;
    int64_t timer_target_us; /* when the timer thread wakes by itself */
    int64_t lease_next_us;   /* when somebody's lease may be over */
};

/* Steps made while the mutex is held once, all at the time of the first; what calls they were, whose time is
 * measured together; and the connections that they wrote to, flushed when the mutex is free again. */
struct batch {
    struct conn *from;       /* whose frames are being taken, NULL: nobody's */
    int64_t now_ns;          /* 0: no step yet */
    int64_t since_ns;        /* when it began to wait for the mutex; 0: no call is slow */
    int64_t counted_ns;      /* calls before this are in the histograms … */
    uint16_t rows[ROWS_MAX]; /* … those after it are here, as rows of roost__methods */
    unsigned calls;
    struct conn *dirty[DIRTY_MAX];
    size_t len;
};

/* limits NULL: the defaults; store NULL: nothing is kept. Errors (worded): ROOST_ENOMEM, ROOST_ESYS, those of
 * durable_open() and cluster_open(). */
int server_start(struct server *s, const struct core_limits *limits, const struct store_options *store);

/* Closes every connection, waits until they are gone, ends the timer, frees the core. Listeners are closed
 * before. */
void server_stop(struct server *s);

/* Begins a batch: takes the mutex. */
void server_enter(struct server *s, struct batch *batch);

/* The time of a batch: read once, when first asked for. */
int64_t server_batch_us(struct batch *batch);

/* One step, whose time is the batch's, and its effects on their way. Inside a batch. Returns core_step()'s
 * status. */
int server_step(struct server *s, struct batch *batch, struct event event);

/* Bytes to a connection: at once, or when the log has what they tell of. Inside a batch. */
void server_send(struct server *s, struct batch *batch, struct conn *c, struct slice bytes);
void server_write(struct batch *batch, struct conn *c, struct slice bytes);

/* Ends a batch: releases the mutex, then writes to the sockets. */
void server_leave(struct server *s, struct batch *batch);

/* Links a connection with its session, inside a batch. False without memory. */
bool server_bind(struct server *s, struct conn *c);
void server_unbind(struct server *s, struct conn *c);

/* The session goes to a new connection: closes the one it has, if any. Inside a batch. */
void server_take_over(struct server *s, uint64_t session);

/* Counts connections with a ring: offered, in use. Inside a batch. */
void server_count_rings(struct server *s, int offered, int used);

/* Takes a new connection in. False when there are too many, or the server stops. */
bool server_admit(struct server *s, struct conn *c);

/* This server leads its cluster from now on: to all sessions their connections have broken, and the keys of
 * here are in force. Inside a batch, by the store. */
void server_lead(struct server *s, struct batch *batch);

/* It leads no more: all connections with a session end, and no session is told. Likewise. */
void server_follow(struct server *s);

/* Other keys and rights are in force from now on; the ring becomes the server's. Sessions of identities that
 * are gone, or have another key, end. */
void server_set_keys(struct server *s, struct keyring *keys);

/* The shell's limits are these from now on; the core's are not touched. Connections that are there stay. */
void server_set_limits(struct server *s, const struct core_limits *limits, size_t newcomers_max);

/* One of the shell's limits, where the mutex is not held. */
static inline int64_t server_limit(const int64_t *limit)
{
    return __atomic_load_n(limit, __ATOMIC_RELAXED);
}

/* The connection's memory is going. */
void server_forget(struct server *s, struct conn *c);

/* Now, monotonic. */
int64_t server_now_ns(void);
int64_t server_now_us(void);

#endif
