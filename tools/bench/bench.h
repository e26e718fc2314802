/*
 * bench.h: a row of the benchmark: what is measured, against whom.
 */
#ifndef ROOST_BENCH_BENCH_H
#define ROOST_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>

struct row {
    const char *name;      /* shown, and the pattern of --only */
    const char *peer;      /* who is measured beside us, NULL: nobody (a floor) */
    const char *peer_call; /* the function in peer.py, NULL: none there */
    int operations;        /* in one round */
    int (*prepare)(void);  /* before the first round; nonzero: the row cannot be measured; says why; positive:
                              because something is not installed, which is no failure */
    double (*run)(int n);  /* seconds for n operations; negative: failed */
    void (*finish)(void);
    double (*peer_run)(int n); /* a peer in C, as run */
};

extern const struct row server_rows[], floor_rows[], local_rows[], shm_rows[], ring_rows[], session_rows[],
    between_rows[], redis_rows[], durable_rows[], cluster_rows[], tls_rows[], http_rows[];
extern const size_t server_row_count, floor_row_count, local_row_count, shm_row_count, ring_row_count,
    session_row_count, between_row_count, redis_row_count, durable_row_count, cluster_row_count,
    tls_row_count, http_row_count;

/* Seconds, monotonic. */
double bench_now(void);

#endif
