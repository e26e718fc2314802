/*
 * cluster.h: several servers instead of one: libraft on machines of our own, whose disks, links and clocks
 * fail by seed; each server a replica of the core that leads or follows.
 *
 * Invariant: what the cluster has agreed on is one stream of events, which the model steps as soon as any
 * server has applied it; whatever a client was told is in it, at its place. Virtual time as in world.h.
 */
#ifndef ROOST_SIM_CLUSTER_H
#define ROOST_SIM_CLUSTER_H

#include <raft.h>

#include "shell/replica.h"
#include "tests/sim/world.h"

enum { NODES_MAX = 5, ELECTION_MS = 50, HEARTBEAT_MS = 10, COMMANDS_MAX = 1 << 14 };

/* ---- tasks: what happens on a machine, later; in the agenda ---- */

struct task {
    /* Does it, and frees the task. cancelled: its server was killed meanwhile. */
    void (*run)(struct world *w, struct task *t, bool cancelled);
    unsigned node; /* whose; NODES_MAX: nobody's, it happens in any case … */
    unsigned to;   /* … as soon as that server runs; NODES_MAX: at once */
};

void task_add(struct world *w, struct task *t, unsigned node, int64_t in_us);
/* Cancels all of a server's, in their order. */
void tasks_cancel(struct world *w, unsigned node);

/* ---- disk.c: what a machine has on its disk, and how it gets there ---- */

struct stored {
    raft_term term;
    enum raft_entry_type type;
    struct buf bytes;
};

struct disk {
    raft_term term;
    raft_id vote;
    struct stored *entries;
    size_t len, cap;
    raft_index first;          /* of entries[0] */
    raft_index snapshot_index; /* 0: none */
    raft_term snapshot_term;
    raft_index configuration_index;
    struct buf configuration, snapshot;
    int64_t busy_until_us; /* one write after the other */
    int64_t write_us;      /* how long one takes at most */
    bool torn;             /* while it is cancelled: what was not written yet is lost */
};

struct node;
struct proposal;
void disk_init(struct disk *d);
void disk_free(struct disk *d);
/* The methods of raft_io that keep something. */
void disk_methods(struct raft_io *io);

/* ---- wire.c: messages between machines ---- */

void wire_methods(struct raft_io *io);

/* ---- node.c: a server ---- */

enum role { DEAD, FOLLOWS, PREPARES, SERVES };

/* An answer that waits. */
struct held {
    unsigned link;
    char kind;
    uint64_t number; /* until this event of the server's was applied */
    int64_t read_us; /* a read of that time: until it is certain that the server led then; 0: none */
    struct looked *looked;
    struct buf bytes;
};

struct node {
    struct world *world;
    unsigned index;
    struct raft raft;
    struct raft_io io;
    struct raft_fsm fsm;
    raft_io_tick_cb tick;
    raft_io_recv_cb recv;
    struct disk disk;
    struct replica replica;
    enum role role;
    bool proposes, asks, rebuild, transfers; /* a task is under way; a barrier is; it must begin anew */
    int64_t frozen_us;                       /* until then it stands still, and does not know it */
    int64_t offset_us, rate;                 /* of its stamps; its clock runs so many thousandths */
    int64_t lease_us, certain_us;            /* it leads until at least; … it led at */
    struct proposal *proposals;              /* in the order of the log */
    raft_term term;                          /* in which it leads */
    struct raft_transfer transfer;
    struct held *held;
    size_t held_len, held_cap, held_first;
    uint64_t commands;          /* applied, ever */
    uint64_t snapshot_number;   /* up to which own event the snapshot under way is */
    struct replica_mark base;   /* the stream when it began to serve … */
    uint64_t base_number;       /* … and its own events then */
    struct looked *last_looked; /* of the step just made */
};

/* Its process starts, in a while, from its disk. */
void node_start(struct node *n, int64_t in_us);
/* It ends at once. killed: what it had not written yet may be lost. */
void node_stop(struct node *n, bool killed);
/* After whatever happened to it: does it lead, or no more? */
void node_look(struct node *n);
/* The server's timer. */
void node_tick(struct node *n);
/* All that is due to happen to it until then happens then, in the same order. world.c */
void node_freeze(struct node *n, int64_t until_us);
void node_transfer(struct node *n);
/* Does it still lead? */
void node_ask(struct node *n);

/* ---- stream.c: what was agreed on, against the model ---- */

/* What a server did ahead of the log. */
struct spoken {
    struct replica_mark mark;
    int rc;
    struct effects effects;
};

/* What a server answered that is in no log: a read, or a refusal. */
struct looked {
    struct replica_mark after;
    struct event event;
    struct buf payload, secret;
    int rc;
    struct effects effects;
    bool checked;
};

struct command {
    uint64_t hash;
    bool hashed;
    uint8_t state[CORE_HASH_LEN];
};

struct stream {
    struct command *commands;
    uint64_t len;
    struct replica_mark last;
    struct spoken *spoken;
    size_t spoken_len, spoken_cap;
    struct looked **looked;
    size_t looked_len, looked_cap;
};

void stream_begin(struct world *w);
void stream_end(struct world *w);
/* A server has stepped an event ahead of the log, or one that is in no log. */
void stream_speak(struct node *n, int rc, const struct effects *e);
struct looked *stream_look(struct node *n, const struct event *event, int rc, const struct effects *e);
/* A server has applied its next command. */
void stream_apply(struct node *n, struct slice entry);
/* A client is told: it must be right. */
void stream_release(struct node *n, const struct held *h);
/* Has any server applied that event? */
bool stream_has(const struct stream *s, struct replica_mark mark);
void stream_hash(struct node *n);

/* ---- fate.c: what befalls the cluster ---- */

void fate_begin(struct world *w);
void fate_calm(struct world *w);

struct cluster {
    struct node nodes[NODES_MAX];
    unsigned n;
    bool cut[NODES_MAX][NODES_MAX];        /* nothing gets from there to there */
    int64_t last_us[NODES_MAX][NODES_MAX]; /* messages stay in order */
    unsigned loss;                         /* so many messages of a hundred vanish */
    int64_t latency_us;                    /* of a message at most */
    struct stream stream;
    struct node *at;   /* the server that serves the frame under way */
    int hint[CLIENTS]; /* where a client was told to go; -1: it was not */
    unsigned leaders;  /* how often a server began to serve */
};

static inline struct node *node_of(const struct raft_io *io)
{
    return io->impl;
}

#endif
