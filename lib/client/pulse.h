/*
 * pulse.h: the signs of life of a connection with a lease: a thread that sleeps nearly always.
 *
 * It wakes four times in a lease, to send PING and to see whether anything was heard, and when the server
 * hangs up. A server that was silent for a lease is given up: the stream ends, and is resumed as after any
 * other end; where no call waits, by this thread. It takes the lead only when nobody has it, so no call ever
 * waits for it longer than for another call. A connection without lease has no such thread; after fork() the
 * child has none until its own connection begins. Called by conn.c.
 */
#ifndef ROOST_CLIENT_PULSE_H
#define ROOST_CLIENT_PULSE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct conn;

struct pulse {
    bool runs;
    int wake; /* an eventfd: the end, or something to look at */
    atomic_bool ends;
    pthread_t thread;
};

/* Starts it when the session has a lease. Errors: ROOST_ESYS. */
int roost__pulse_start(struct conn *c);

/* Ends it and waits for its end; harmless when it does not run. */
void roost__pulse_stop(struct conn *c);

/* Has it look at once at a stream that has ended. It runs. */
void roost__pulse_poke(struct conn *c);

/* In a child after fork(), where the thread is not: gives back the descriptor. */
void roost__pulse_forget(struct pulse *p);

#endif
