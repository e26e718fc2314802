/*
 * cork.h: asynchronous calls that wait a moment in the connection's output, to be written together.
 *
 * The first call in CORK_US is written at once. Those that follow it closer are held, until there are
 * CORK_CALLS or CORK_BYTES of them, anything else is written, or a thread of the process begins to wait for
 * an answer. For a program that does nothing of the kind a thread, which the first held call starts, writes
 * them after CORK_US to twice that. Through shared memory nothing is held: there a write is no system call.
 *
 * Invariant: all fields under the connection's write_lock but `holds`, which says whether calls > 0. Called
 * by send.c (holds, writes) and conn.c (who begins to wait, the end).
 */
#ifndef ROOST_CLIENT_CORK_H
#define ROOST_CLIENT_CORK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct conn;

enum { CORK_CALLS = 32, CORK_BYTES = 16 << 10, CORK_US = 500 };

struct cork {
    unsigned calls; /* held */
    atomic_bool holds;
    uint64_t writes; /* counts them */
    int64_t last_us; /* when the last call came */
    pthread_cond_t changed;
    pthread_t thread;
    bool runs, ends;
    bool idle; /* the thread waits for a call to be held */
};

void roost__cork_init(struct cork *k);
void roost__cork_free(struct cork *k);

/* Holds a call whose frame was just put: false: it is to be written now. */
bool roost__cork_hold(struct conn *c);

/* Everything was written, or thrown away. */
void roost__cork_wrote(struct cork *k);

/* Ends the thread, and waits for its end; harmless when there is none. */
void roost__cork_stop(struct conn *c);

#endif
