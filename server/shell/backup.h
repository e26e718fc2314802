/*
 * backup.h: a copy of the whole state as it was at one moment, read over the connection that asked for it.
 *
 * It is an image (image.h): the server goes on at once. The bytes are a saved state (server/core/FORMAT.md):
 * archive.h makes a data folder of them. An answer of `server.backup` waits as every answer does until the
 * log has what came before: a copy never has what a crash could undo.
 *
 * Invariant: a server has one copy at most; it goes when it was read, when its connection ends, or when
 * another is begun. Called by server.c and conn.c, under the server's mutex.
 */
#ifndef ROOST_SHELL_BACKUP_H
#define ROOST_SHELL_BACKUP_H

#include "shell/image.h"

struct server;

struct backup {
    uint64_t id, session; /* id 0: there is none */
    struct image image;
};

/* Begins a copy for a session. What goes wrong is said when it is read. */
void backup_begin(struct server *s, uint64_t session, uint64_t id);

/* Frees the copy of a session; 0: of whatever session. */
void backup_drop(struct server *s, uint64_t session);

#endif
