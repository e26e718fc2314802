/*
 * world.h: a real roostd at a tcp address and an ipc path, and the test's own undisturbed connection to it.
 *
 * Invariant: after world_stop() no process and no file is left. Fails the test by cmocka's asserts.
 */
#ifndef ROOST_TESTS_PROOF_WORLD_H
#define ROOST_TESTS_PROOF_WORLD_H

#include <roost/roost.h>
#include <sys/types.h>

#define OK(call) world_ok(call, #call)
void world_ok(int rc, const char *what);

struct world {
    const char *roostd;
    pid_t server;
    char folder[64]; /* temporary: holds the socket */
    char tcp[64], ipc[128];
    roost_manager *m;
};

/* Starts the server at a free port of host. */
void world_start(struct world *w, const char *roostd, const char *host);

/* Kills the server (-9) and starts another at the same addresses; w->m is connected to it. */
void world_restart(struct world *w);

/* Ends it in order: it must come to its end by itself, with status 0. */
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
