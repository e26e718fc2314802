/*
 * space.h: namespaces of a test's own: networks and mounts of which nothing is seen outside, and which go
 * with their processes. Needs root (or CAP_SYS_ADMIN and CAP_NET_ADMIN) and the `ip` program.
 */
#ifndef ROOST_TESTS_PROOF_SPACE_H
#define ROOST_TESTS_PROOF_SPACE_H

#include <stdbool.h>
#include <sys/types.h>

/* Runs a command quietly; false: it failed. */
bool space_run(const char *command);

/* Moves this process, which has one thread, to a network of its own, with a loopback. */
bool space_own(void);

/* A process that keeps another network, in which there is nothing; negative: not permitted. */
pid_t space_new(void);
void space_end(pid_t keeper);

/* Moves the calling thread there, with the sockets that it opens from then on. */
void space_enter(pid_t keeper);

/* Runs a command there. */
bool space_run_in(pid_t keeper, const char *command);

#endif
