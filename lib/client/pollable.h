/*
 * pollable.h: the descriptor by which a program's event loop waits for answers (roost/pending.h).
 *
 * An epoll of its own: in it are the connection's socket and an eventfd, `notice`. Invariants, once it is on:
 * it is readable whenever bytes have come that no thread is reading, a call was finished or held back
 * (cork.h) since dispatch looked last. For that whoever gives the lead back arms the transport, under the
 * connection's lock: from then on a server on a ring rings the socket, and what came just before is noticed.
 * The number never changes: a new socket takes the place of the old one inside. While the stream is being
 * resumed there is no socket in it. After fork() the child's connection has none until it is asked for.
 * Called by conn.c, resume.c, send.c and manager.c.
 */
#ifndef ROOST_CLIENT_POLLABLE_H
#define ROOST_CLIENT_POLLABLE_H

#include <stdatomic.h>
#include <stdbool.h>

struct conn;

struct pollable {
    atomic_bool on;
    atomic_bool noticed; /* something was written to notice and not read yet */
    int fd, notice;
};

/* *ret: the descriptor, made when there is none. Errors: ROOST_ESYS, why the connection failed. */
int roost__pollable_fd(struct conn *c, int *ret);

/* Makes it readable, if it is on. */
void roost__pollable_notice(struct conn *c);

/* Takes the socket out, and puts the new one in. False: that is impossible. The leader. */
void roost__pollable_detach(struct conn *c);
bool roost__pollable_attach(struct conn *c);

/* A thread begins to read; it has ended. Lock held. */
void roost__pollable_disarm(struct conn *c);
void roost__pollable_arm(struct conn *c);

/* Writes what is held, takes what has come, without waiting, and calls back. Errors: ROOST_EINVAL (it is not
 * on), why the connection failed. */
int roost__pollable_dispatch(struct conn *c);

/* Gives the descriptors back; in a child after fork() too. */
void roost__pollable_close(struct pollable *p);

#endif
