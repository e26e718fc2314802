/*
 * supervisor.h: what a service manager hands over, and what it wants to hear: systemd's protocols of
 * sd_listen_fds(3) and sd_notify(3), spoken here in a few lines, so that the server links no library for
 * them.
 *
 * Invariant: a socket that was handed over is the service manager's: the server accepts from it, but neither
 * shuts it down nor removes its file, so that clients wait in it while the server is started anew. Called by
 * roostd.c.
 */
#ifndef ROOST_SHELL_SUPERVISOR_H
#define ROOST_SHELL_SUPERVISOR_H

#include "shell/net.h"

struct handed_over {
    int fd;            /* listens; non-blocking, closed on exec */
    char url[URL_MAX]; /* ipc:// or tcp:// */
};

/* Takes the sockets that were handed over to this process; there are none when it was started by hand.
 * Returns how many, or -1 (the log says why) when there are more than max or one is no listening stream. */
int supervisor_take(struct handed_over *ret, int max);

/* Tells the service manager, if there is one, such as "READY=1". */
void supervisor_tell(const char *state);

#endif
