/*
 * store.h: what keeps a server's core: durable.h, one server with a log of its own, or cluster.h, several
 * with a log in common. One interface for both; without a store the core lives as long as the server.
 *
 * Invariants: the core takes an event at once, and what it has to say is held back until the store has the
 * event for good: what nobody heard of may be undone. All functions but close are called under the server's
 * mutex, by server.c and hello.c.
 */
#ifndef ROOST_SHELL_STORE_H
#define ROOST_SHELL_STORE_H

#include "core/core.h"
#include "shell/held.h"
#include "shell/wal.h"

struct cluster_options;
struct conn;
struct server;
struct store;

struct store_options {
    const char *folder; /* NULL: nothing is kept */
    enum wal_sync sync; /* of durable.h, likewise batch_ms */
    int batch_ms;
    uint64_t snapshot_bytes;               /* of log until the next snapshot */
    const struct cluster_options *cluster; /* NULL: one server with a log of its own */
};

/* What a cluster looks like from here. */
struct store_state {
    const char *role; /* "leader", "follower", "candidate" or "starting" */
    uint64_t node, term, applied;
    uint64_t leader; /* 0: none is known */
};

struct store_ops {
    /*
     * Has the core take an event, and keeps it when it changes something. As core_step(), and ROOST_EDISK:
     * the disk is full, nothing was done; what nobody asks for (a session ends) happens in any case.
     * ROOST_ENOTLEADER: another server serves, nothing was done.
     */
    int (*step)(struct store *store, struct event *event);

    /* The position that bytes which go out now must wait for, because they may tell of what is not kept yet.
     * 0: they may go at once. */
    uint64_t (*position)(struct store *store);

    /* ---- of clusters; NULL: there is none ---- */

    /* Makes one of the server's own methods for clusters: a call's payload, which the core has checked. It is
     * answered when it is done. */
    void (*ask)(struct store *store, struct batch *batch, struct conn *c, struct slice payload);

    /* The URL of the server that leads; "": unknown. */
    const char *(*leader)(struct store *store);

    void (*describe)(struct store *store, struct store_state *ret);

    /* Puts the same and the nodes, as server.cluster tells of them, as far as it is known on every node. */
    void (*picture)(struct store *store, struct buf *out);

    /* ---- of both ---- */

    /* Work was left for a thread of the store: wakes it. Not under the mutex. NULL: it needs no waking. */
    void (*wake)(struct store *store);

    /* The server stops: what is under way is kept, and no thread of the store enters the server any more. The
     * core stays. Not under the mutex. */
    void (*close)(struct store *store);
};

struct store {
    const struct store_ops *ops;
    struct server *server;
    struct held held;
    bool has_work; /* wake() is wanted when the mutex is released */
};

static inline void store_init(struct store *store, const struct store_ops *ops, struct server *s)
{
    *store = (struct store){.ops = ops, .server = s};
    held_init(&store->held);
}

#endif
