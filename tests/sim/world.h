/*
 * world.h: one history: the server (two cores on the same events, and the model), clients, and the network
 * between them.
 *
 * Invariant: everything that happens comes from the seed: the same seed gives the same history. Time is a
 * number; what is going to happen stands in the agenda, and the earliest entry happens next.
 */
#ifndef ROOST_SIM_WORLD_H
#define ROOST_SIM_WORLD_H

#include <setjmp.h>

#include "tests/sim/model.h"
#include "tests/sim/random.h"

enum {
    CLIENTS = 4,
    THREADS = 3,
    GRANTS = 6,
    AGENDA_MAX = 4096,
    LINKS_MAX = 1024,
    ACKS_MAX = 64,
    FRAME_BYTES = 4096,
    DELAY_US = 3000, /* of a frame on its way */
    LEASE_US = 30000
};

enum what {
    TO_SERVER,   /* a frame arrives */
    TO_CLIENT,   /* likewise */
    CLOSED,      /* the server notices that a connection ended */
    CLIENT_ACTS, /* a client does what it does next */
    TASK,        /* something of a cluster */
};

struct entry {
    int64_t at_us;
    uint64_t order;
    enum what what;
    unsigned link, client;
    char kind; /* of a frame: hello, call, ack, cancel, end; welcome, refused, answer, broken: the first
                  letter */
    uint32_t at, len; /* its bytes in world.bytes */
    struct task *task;
};

/* A connection: each end may know it as open or not. */
struct link {
    unsigned client, node; /* node: the server's number */
    uint64_t session;
    bool client_end, server_end;
    int64_t last_us[2]; /* frames of one direction stay in order */
};

struct task;
struct cluster;

struct grant {
    uint64_t object, token;
    unsigned thread;
};

enum mood { AWAY, CONNECTING, UP, DOWN, STOPPED };

struct pending {
    uint64_t number; /* 0: the thread is free */
    unsigned method;
    uint64_t object;
    bool cancelled;
    struct buf frame; /* a CALL's payload without what it confirms */
};

struct ack {
    uint64_t number, after; /* it has arrived when a call after that one was answered */
};

struct client {
    enum mood mood, mood_before_stop;
    int64_t until_us;
    unsigned link;
    uint64_t session, epoch, number, seen;
    int64_t grace_ms;
    uint8_t secret[SECRET_LEN];
    unsigned threads;
    struct pending pending[THREADS];
    struct ack acks[ACKS_MAX];
    size_t ack_count;
    struct grant grants[GRANTS];
    bool acts; /* it is in the agenda */
};

struct world {
    uint64_t seed;
    struct dice dice;
    bool verbose, calm; /* calm: no faults any more */
    jmp_buf failed;
    char why[512];
    int64_t now_us, offset_us; /* of the world; the server's clock is ahead by */
    struct core *core[2];
    struct effects effects[2];
    struct model *model;
    uint64_t epoch, observer, observed; /* a session that looks, and its last call */
    uint64_t steps;
    struct entry agenda[AGENDA_MAX];
    size_t agenda_len;
    uint64_t last_order;
    struct link links[LINKS_MAX];
    unsigned link_count;
    struct client clients[CLIENTS];
    struct buf bytes, scratch;
    roost_type types[4];        /* what this history is about */
    unsigned acts_left, faults; /* faults: in a thousand */
    size_t sessions_max;
    struct cluster *cluster; /* NULL: one server */
};

/* ---- world.c ---- */

/* Runs one history. True when all is well; else w->why says what is not. */
bool world_run(struct world *w, struct model *m, uint64_t seed, bool verbose);
void fail_world(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));
void say_world(const struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for a frame: who, the session (0: none), what. */
void say_frame(const struct world *w, const char *what, uint64_t session, struct slice payload);

/* ---- agenda.c ---- */

void agenda_add(struct world *w, struct entry e, int64_t in_us);
/* Which entry happens next; takes one out. */
size_t agenda_first(const struct world *w);
struct entry agenda_take(struct world *w, size_t i);

/* ---- predict.c ---- */

/* The model takes the event; fails unless the core's step returned and answered what it expects. */
void predict(struct world *w, const struct event *event, int rc, const struct effects *e);

/* ---- check.c: the server and what it is held against ---- */

void check_begin(struct world *w);
void check_end(struct world *w);
/* One step of both cores and the model; fails when they differ. */
int check_step(struct world *w, struct event event);
/* Compares who holds and who waits, and what there is, with the model. */
void check_state(struct world *w);
/* Nothing is left. */
void check_empty(struct world *w);
/* A call of the observer's; returns the answer's result (len 0: an error), good until the next step. */
struct slice observe(struct world *w, uint64_t target, unsigned method, struct slice args);

/* ---- saved.c: the second core is now and then another one, with the same state ---- */

void saved_begin(const struct world *w);
void saved_now_and_then(struct world *w);

/* ---- link.c: connections ---- */

/* Puts a frame on its way. */
void net_post(struct world *w, unsigned link, enum what what, char kind, struct slice payload);

void net_connect(struct world *w, unsigned client);
void net_send(struct world *w, unsigned client, char kind, struct slice payload);
/* The client's connection breaks; what is on its way vanishes. */
void net_break(struct world *w, unsigned client);
void net_to_client(struct world *w, const struct entry *e);

/* ---- serve.c: a server's end of them ---- */

void net_to_server(struct world *w, const struct entry *e);
void net_closed(struct world *w, const struct entry *e);

/* ---- net.c, or cluster/: which server it is ---- */

/* The server that the client tries. */
unsigned net_node(const struct world *w, unsigned client);
/* Sends a frame to a client, as soon as it may be sent. */
void net_say(struct world *w, unsigned link, char kind, struct slice payload);
/* Sends the effects of the step just made to who is connected. */
void net_answer(struct world *w);
/* The server dies and another one starts. */
void net_restart(struct world *w);

/* ---- finish.c: by the observer ---- */

/* Everything that has a name, or all there is, is deleted. */
void delete_objects(struct world *w, bool all);
void end_sessions(struct world *w);

/* ---- client.c ---- */

void client_act(struct world *w, unsigned client);
void client_welcome(struct world *w, unsigned client, uint64_t session, bool resumed);
void client_refused(struct world *w, unsigned client);
/* Its connection is no more: it has to look for another. */
void client_disconnect(struct world *w, unsigned client);
void client_answer(struct world *w, unsigned client, struct slice payload);
void client_act_later(struct world *w, unsigned client, int64_t in_us);

/* ---- play.c: what a client asks for ---- */

/* A random call of a thread: its target, method, arguments (into args) and options (into options). */
void play(struct world *w, const struct client *c, unsigned thread, uint64_t *ret_target,
          unsigned *ret_method, struct buf *args, struct buf *options);

#endif
