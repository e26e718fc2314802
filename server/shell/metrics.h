/*
 * metrics.h: how long calls take, how much goes in and out; and all of it as Prometheus reads it.
 *
 * Calls that are served under one hold of the server's mutex share its time in equal parts: the clock that
 * the batch reads anyway, and one reading more. While slow calls are looked for (slow-ms) each has its own.
 * Invariant: struct metrics is under the server's mutex.
 * Called by server.c (observe) and http.c (text).
 */
#ifndef ROOST_SHELL_METRICS_H
#define ROOST_SHELL_METRICS_H

#include "base/buf.h"
#include "core/admin.h"
#include "wire/methods.h"

enum {
    BUCKET_FIRST = 8, /* the first ends at 2^8 ns; then two for each doubling */
    BUCKET_LAST = 34, /* 17 s */
    BUCKETS = 2 * (BUCKET_LAST - BUCKET_FIRST) + 2
};

struct histogram {
    uint64_t sum_ns;
    uint64_t in[BUCKETS];
};

struct metrics {
    struct histogram *by_row; /* as roost__methods */
    uint64_t bytes_in, bytes_out;
    uint64_t slow, refused;
};

/* False without memory. */
bool metrics_init(struct metrics *m);
void metrics_free(struct metrics *m);

static inline unsigned bucket_of(uint64_t ns)
{
    if (ns < 1 << BUCKET_FIRST)
        return 0;
    unsigned e = 63 - (unsigned)__builtin_clzll(ns);
    unsigned i = 1 + 2 * (e - BUCKET_FIRST) + (unsigned)(ns >> (e - 1) & 1);
    return i < BUCKETS ? i : BUCKETS - 1;
}

static inline void metrics_observe(struct metrics *m, int row, uint64_t ns)
{
    m->by_row[row].sum_ns += ns;
    m->by_row[row].in[bucket_of(ns)]++;
}

struct server;

/* Appends the page. Takes the server's mutex for as long as copying the numbers takes. */
void metrics_text(struct server *s, struct buf *out);

#endif
