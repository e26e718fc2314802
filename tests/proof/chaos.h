/*
 * chaos.h: client processes at work, and what befalls them: kill -9, SIGSTOP and SIGCONT of clients and of
 * the server, cuts of their line.
 *
 * Invariant: after chaos_run() all clients have ended and are reaped, and the server goes on.
 */
#ifndef ROOST_TESTS_PROOF_CHAOS_H
#define ROOST_TESTS_PROOF_CHAOS_H

#include "tests/proof/world.h"

enum { CLIENTS_MAX = 16 };

struct chaos {
    int clients;
    void (*live)(void *arg, int client,
                 int life);                  /* in the child; it does not return; lives are counted from 0 */
    void (*finish)(void *arg);               /* tells all clients to end by themselves, with status 0 */
    void (*cut)(void *arg, uint64_t random); /* does something to the line that ends by itself; may be NULL */
    void (*look)(void *arg, int64_t now); /* at the clock, all the time, and in the end, before clients end,
                                             at INT64_MAX: all is to be well again; may be NULL */
    void *arg;
    bool (*mortal)(int client); /* who may be killed; NULL: everybody */
    int stop_ms_max;            /* how long a client or the server stands still; 0: never */
    bool stops_server;
    int pause_us_max; /* between two events */
    int64_t duration_ms;
    uint64_t seed;
    struct {
        int kills, stops, server_stops, cuts;
    } did;
};

void chaos_run(struct chaos *c, struct world *w);

#endif
