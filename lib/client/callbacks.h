/*
 * callbacks.h: the thread of a connection that calls back when asynchronous calls are done.
 *
 * It starts with the first callback that is wanted. While callbacks are expected it waits like any other
 * thread, leading or following, so they come though nobody else waits; it calls them without the lead and
 * without locks, so they may make calls. Callbacks run one at a time, in the order in which calls were done;
 * each runs once, at the latest when the connection is closed. A program with an event loop (pollable.h) has
 * them called by that instead. All fields under the connection's lock. After fork() the child has no such
 * thread until its own connection wants one. Called by conn.c and pending.c.
 */
#ifndef ROOST_CLIENT_CALLBACKS_H
#define ROOST_CLIENT_CALLBACKS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/list.h"

struct call;
struct conn;

/* Something to be called back, inside the thing concerned. */
struct callee {
    struct list link;
    void (*run)(struct callee *callee);
};

struct callbacks {
    struct list ready;   /* of callees */
    size_t expected;     /* callees that are not ready yet */
    struct call *ticket; /* the thread's, while it waits for answers */
    pthread_cond_t changed;
    pthread_t thread;
    bool runs, ends;
    bool by_hand; /* the program's event loop calls back, not the thread */
};

void roost__callbacks_init(struct callbacks *b);
void roost__callbacks_free(struct callbacks *b);

/* One more callee will be ready some time. Lock held. Errors: ROOST_ESYS. */
int roost__callbacks_expect(struct conn *c);

/* One that was expected is. Lock held. */
void roost__callbacks_ready(struct conn *c, struct callee *callee);

/* From now on the program's event loop calls back. Lock held. */
void roost__callbacks_by_hand(struct conn *c);

/* Calls, if that is so, all that are ready. */
void roost__callbacks_run(struct conn *c);

/* Calls all that are ready and ends the thread; nothing is expected any more. */
void roost__callbacks_stop(struct conn *c);

#endif
