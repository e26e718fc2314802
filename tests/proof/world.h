/*
 * world.h: a real roostd at a tcp address and an ipc path, or a cluster of them (tests/cluster/nodes.h), and
 * the test's own undisturbed connection to it.
 *
 * Invariant: after world_stop() no process and no file is left. Fails the test by cmocka's asserts.
 */
#ifndef ROOST_TESTS_PROOF_WORLD_H
#define ROOST_TESTS_PROOF_WORLD_H

#include <roost/roost.h>
#include <stdbool.h>
#include <sys/types.h>

#define OK(call) world_ok(call, #call)
void world_ok(int rc, const char *what);

struct world {
    const char *roostd; /* NULL: a cluster */
    pid_t server;
    char folder[64]; /* temporary: holds the socket, and the data */
    bool durable;
    char tcp[1024], ipc[1024]; /* of a cluster: those of all nodes */
    roost_manager *m;
};

/* Starts the server at a free port of host. */
void world_start(struct world *w, const char *roostd, const char *host);

/* ... that keeps its data in its folder. */
void world_start_durable(struct world *w, const char *roostd, const char *host);

/* Starts a cluster whose folder and options cluster_make() was told; returns when it serves. */
void world_start_cluster(struct world *w);

/* Kills the server (-9) and starts another at the same addresses, with its data if it keeps them; w->m is
 * connected to it. Not a cluster. */
void world_restart(struct world *w);

/* Ends it in order: it must come to its end by itself, with status 0. Nodes of a cluster are killed. */
void world_stop(struct world *w);

/* A number of server.info. */
int64_t world_info(struct world *w, const char *what);

/* Waits (20 s at most) until it has the value. */
void world_await(struct world *w, const char *what, int64_t value);

/* Nanoseconds, monotonic, the same clock in all processes. */
int64_t world_now(void);

/* fork(), whose child dies with its parent and has no descriptor of its parent's but keep (-1: none): a
 * connection that the parent closes is closed. */
pid_t world_fork(int keep);

/* Waits for a child's end; its status as of waitpid(). */
int world_reap(pid_t pid);

#endif
