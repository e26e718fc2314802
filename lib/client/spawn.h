/*
 * spawn.h: a private roostd of this process: starting it, waiting until it listens, ending it.
 *
 * roostd is executed (posix_spawn), never forked into; it watches its owner and ends when the owner does.
 * Called by manager.c.
 */
#ifndef ROOST_CLIENT_SPAWN_H
#define ROOST_CLIENT_SPAWN_H

#include <sys/types.h>

enum { SOCKET_PATH_MAX = 108 };

struct server_process {
    pid_t pid; /* 0: none, or another process's (after fork) */
    char path[SOCKET_PATH_MAX];
};

/*
 * Starts roostd (program, or found as roost/manager.h says when NULL) and waits until it listens; *ret_url is
 * malloc'ed. Errors: ROOST_ENOENT (no roostd), ROOST_EDIED (it ended before it listened), ROOST_ETIMEDOUT,
 * ROOST_ESYS.
 */
int roost__spawn_server(const char *program, int timeout_ms, struct server_process *ret, char **ret_url);

/* Ends the server and waits for its end, so that nothing is left behind. Errors: ROOST_EDIED (it did not end
 * well). */
int roost__end_server(struct server_process *s);

#endif
