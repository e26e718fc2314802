/*
 * window.h: how many asynchronous calls may be under way on a connection, so that a program that posts faster
 * than the server answers waits instead of filling memory.
 *
 * Invariant: calls and bytes are those of the calls that were let in and have no answer yet; they pass their
 * limits only when a single call is larger than bytes_max. All under the connection's lock. Called by
 * pending.c and batch.c.
 */
#ifndef ROOST_CLIENT_WINDOW_H
#define ROOST_CLIENT_WINDOW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/list.h"

struct call;
struct conn;

enum {
    WINDOW_CALLS = 1024,
    WINDOW_BYTES = 8 << 20,
    LOOK_EVERY = 64 /* calls let in between two looks at what has come */
};

/* Whoever wants to hear of something: the ticket is marked. */
struct watch {
    struct list link;
    struct call *ticket;
};

struct window {
    size_t calls, bytes;
    size_t calls_max, bytes_max;
    unsigned since_look;
    struct list waiting; /* watches of threads that want to get in */
};

/* Limits of 0 stand for the defaults. */
void roost__window_init(struct window *w, size_t calls_max, size_t bytes_max);

/* Lets a call in, waiting for room. Errors: ROOST_EFULL (timeout 0), ROOST_ETIMEDOUT. */
int roost__window_enter(struct conn *c, size_t bytes, int timeout_ms);

/* The same without waiting; false: there is no room. */
bool roost__window_try(struct conn *c, size_t bytes);

/* A call that was let in was not sent after all. */
void roost__window_undo(struct conn *c, size_t bytes);

/* A call has its answer. Lock held. */
void roost__window_leave(struct conn *c, size_t bytes);

/* Marks all who watch. Lock held. */
void roost__watches_mark(struct list *watches);

#endif
