/*
 * held.h: answers that wait until the store has for good what they tell of.
 *
 * Invariants: in the order of their positions, which is that in which they were added, so the answers of a
 * connection stay in order; each keeps its connection. Called by server.c and the stores, under the server's
 * mutex.
 */
#ifndef ROOST_SHELL_HELD_H
#define ROOST_SHELL_HELD_H

#include "base/list.h"
#include "base/slice.h"

struct batch;
struct conn;

struct held {
    struct list answers;
    struct list done; /* went out, or will not: their memory and their connections go outside of the mutex */
};

void held_init(struct held *h);

/* Bytes for a connection, copied, which wait for a position. Without memory the connection ends. */
void held_add(struct held *h, uint64_t position, struct conn *c, struct slice bytes);

/* What waited for a position, or one before it, goes out. */
void held_release(struct held *h, uint64_t position, struct batch *batch);

/* The position of the one added last; 0: nothing is held. */
uint64_t held_last(const struct held *h);

/* Forgets all: their connections end. */
void held_drop(struct held *h);

/* Moves what is done to a list of the caller's, who frees it when the mutex is released: the last reference
 * to a connection takes the mutex. */
void held_take_done(struct held *h, struct list *ret);
void held_free(struct list *done);

#endif
