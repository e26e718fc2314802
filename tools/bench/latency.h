/*
 * latency.h: times single operations, for the rows whose user waits for each one.
 *
 * One set of samples at a time, chosen by bench.c before it runs a side of a row. One thread.
 */
#ifndef ROOST_BENCH_LATENCY_H
#define ROOST_BENCH_LATENCY_H

#include <stdbool.h>
#include <stddef.h>

enum { PERCENTILES = 3 };
extern const double bench_percentiles[PERCENTILES]; /* 50, 99, 99.9 */

struct samples {
    float *us;
    size_t len, cap;
};

/* Where the next operations are noted; NULL: nowhere. */
void bench_note_in(struct samples *s);

/* Does op n times, noting how long each took; returns the seconds for all, or a negative number when one has
 * failed. */
double bench_each(int n, int (*op)(int i));

/* The median; sorts the values. */
double bench_median(double *values, int n);

/* The percentiles in microseconds. False without samples. */
bool bench_percentiles_of(struct samples *s, double ret[PERCENTILES]);

void bench_samples_free(struct samples *s);

#endif
