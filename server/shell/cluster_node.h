/*
 * cluster_node.h: a node of a cluster, as the parts of cluster.h share it.
 *
 * - cluster.c: the folder, the start and the end; the store for the server's threads
 * - cluster_log.c: the thread of the loop: libraft up and down, who leads, entries proposed and committed,
 *   leases
 * - cluster_io.c: libraft's disk and network, put right
 * - cluster_fsm.c: the state machine: entries applied, snapshots taken and restored
 * - cluster_ask.c: server.cluster and its kin
 */
#ifndef ROOST_SHELL_CLUSTER_NODE_H
#define ROOST_SHELL_CLUSTER_NODE_H

#include <raft.h>
#include <raft/uv.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "shell/cluster.h"
#include "shell/image.h"
#include "shell/nodes.h"
#include "shell/replica.h"

enum { IN_FLIGHT_MAX = 8, ENTRY_BYTES = 256 << 10 };

enum {
    SNAPSHOT_NEVER = INT32_MAX, /* libraft's threshold: we say when a snapshot is due */
    TRAILING_MAX = 4096         /* entries kept behind one, so that who lags a little needs none */
};

/* Entries of the log beside the replica's own, in its header's shape: length, kind. */
enum cluster_kind { KIND_NODES = 64, KIND_NOTHING = 65 };

/* An entry on its way: full, proposed, then applied or lost. */
struct proposal {
    struct raft_apply request;
    struct list in_full;
    struct cluster *cluster;
    uint64_t position;
    int64_t since_us; /* of CLOCK_BOOTTIME: when it was proposed */
    struct buf bytes;
};

/* A snapshot in the making: the core as it was, and what was applied since. */
struct snapshot {
    struct image image;        /* of the core */
    uint64_t number;           /* of our own events that it has: it may be published when they are applied */
    struct buf behind;         /* the entries applied since */
    struct raft_buffer *parts; /* while libraft writes it */
    int64_t looked_us;
};

struct cluster {
    struct store store;

    /* ---- as it was started ---- */
    struct cluster_options options;
    struct credential_files tls;
    struct core_options core_options;
    struct nodes file; /* what the file says */
    char peer[NODE_ADDRESS_MAX + 1];
    char log_folder[4096 + 8];
    int lock;
    uint64_t snapshot_bytes;
    struct core *empty; /* the server's while there is no other */

    /* ---- under the server's mutex ---- */
    struct replica replica;
    struct nodes nodes; /* as replicated */
    bool serving;
    bool handing_over; /* it takes no calls */
    bool lost;         /* the core went another way than the log: it is made again */
    bool wants_entry;  /* even an empty one, for a read's sake */
    bool wants_lease;  /* an empty entry, when there is nothing better to propose */
    uint64_t position; /* of the newest full entry */
    uint64_t seen;     /* … of the newest that has events */
    uint64_t applied;  /* … that was applied */
    struct list full;  /* not yet proposed */
    int64_t lease_us;  /* of CLOCK_BOOTTIME: until then nobody else leads */
    bool no_lease;     /* for the rest of the term: leadership was offered to another */
    bool disk_full;
    struct list asked; /* struct ask */
    bool stopping;
    struct store_state state;
    char leader_url[NODE_ADDRESS_MAX + 1];

    atomic_uint_fast64_t applied_index;

    /* ---- the loop's thread ---- */
    pthread_t thread;
    pthread_cond_t stop_wake;
    struct uv_loop_s loop;
    struct uv_async_s wake;
    struct uv_prepare_s look;
    struct raft raft;
    struct raft_io io;
    struct raft_uv_transport transport;
    struct raft_fsm fsm;
    struct raft_tracer tracer;
    raft_time (*io_time)(struct raft_io *io); /* cluster_io.c stands before these */
    int (*io_load)(struct raft_io *io, raft_term *term, raft_id *vote, struct raft_snapshot **snapshot,
                   raft_index *first, struct raft_entry **entries, size_t *n);
    int (*io_start)(struct raft_io *io, unsigned ms, raft_io_tick_cb tick, raft_io_recv_cb recv);
    raft_io_recv_cb io_receive;
    struct raft_message late; /* a snapshot that waits for our own */
    bool is_late;
    bool is_up;
    bool closing;
    bool leads;     /* the barrier of this term was asked for */
    raft_term term; /* that it leads, or led last */
    unsigned in_flight;
    unsigned waiting; /* requests other than proposals that libraft has */
    struct raft_barrier barrier;
    struct raft_transfer transfer;
    uint64_t heir;          /* who is to lead next; 0: nobody in particular */
    int64_t heir_until_us;  /* it is given so long to catch up */
    bool transferring;      /* libraft does it */
    int64_t end_us;         /* it stops, whether there is an heir or not; 0: it does not stop */
    raft_term offered_term; /* in which leadership was offered to another */
    bool nodes_changed;
    struct ask *asking;  /* the one under way */
    bool asking_goes_on; /* and its next step is due */
    struct snapshot snapshot;
    uint64_t log_bytes; /* since the last snapshot, and in how many entries */
    uint64_t log_entries;
    int64_t disk_looked_us;
};

static inline struct cluster *cluster_of(struct store *store)
{
    return container_of(store, struct cluster, store);
}

/* Monotonic, and goes on while the machine sleeps. */
int64_t boot_us(void);

/* ---- cluster_log.c ---- */

/* Brings libraft up from the disk. Errors (worded). */
int cluster_up(struct cluster *c);

/* The thread of the loop, until `stopping`. */
void *cluster_main(void *arg);

/* Is this still the term that it serves in? */
bool cluster_leads(struct cluster *c);

/* The entry under construction, if any, is full. False: there is no memory, and the node is lost. Under the
 * mutex.
 */
bool cluster_fill(struct cluster *c);

/* An entry of another kind is the next. Likewise. */
bool cluster_propose(struct cluster *c, enum cluster_kind kind, struct slice body);

/* Lets another node lead, 0: any: takes no more calls, and offers it the leadership when all that was taken
 * is for good. False: nobody is there to take it. */
bool cluster_hand_over(struct cluster *c, uint64_t id);

/* ---- cluster_io.c ---- */

/* Errors (worded). */
int cluster_io_init(struct cluster *c);
void cluster_io_free(struct cluster *c);

/* Receives what was put off, when it is time. */
void cluster_io_look(struct cluster *c);
void cluster_io_forget(struct cluster *c);

/* ---- cluster_fsm.c ---- */

void cluster_fsm_init(struct cluster *c);

/* Looks after a snapshot: begins one when the log is long, hands a finished one to libraft. */
void cluster_snapshot_look(struct cluster *c);

/* Gives up one in the making. */
void cluster_snapshot_drop(struct cluster *c);

/* The server's core is the replica's, or the empty one. Under the mutex. */
void cluster_set_core(struct cluster *c);

/* What is on the disk or in the core is not to be trusted, or not known: ends the process. */
void cluster_die(const char *what) __attribute__((noreturn));

/* ---- cluster_ask.c ---- */

void cluster_ask(struct store *store, struct batch *batch, struct conn *conn, struct slice payload);

/* Begins what was asked for. The loop's thread. */
void cluster_answer_asked(struct cluster *c);

/* It leads no more: nobody waits for the answers. */
void cluster_drop_asked(struct cluster *c);

#endif
