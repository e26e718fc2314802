/*
 * lockfile.h: one server per ipc path: a lock on PATH.lock, held while the server lives.
 *
 * nng removes a socket file that nobody answers on, so two servers that start together could steal each
 * other's path.
 */
#ifndef ROOST_SHELL_LOCKFILE_H
#define ROOST_SHELL_LOCKFILE_H

/* Takes the lock of a socket path. Returns its descriptor, or -1: errno EWOULDBLOCK when another server has
 * it. */
int lockfile_take(const char *socket_path);

/* Removes the file and gives the lock back. */
void lockfile_drop(int fd, const char *socket_path);

#endif
