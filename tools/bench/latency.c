/* latency.c: samples and their percentiles; see latency.h. */
#include "latency.h"

#include <stdlib.h>
#include <time.h>

#include "bench.h"

const double bench_percentiles[PERCENTILES] = {50, 99, 99.9};

static struct samples *noted;

double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void bench_note_in(struct samples *s)
{
    noted = s;
}

static void note(double us)
{
    if (noted == NULL)
        return;
    if (noted->len == noted->cap) {
        size_t cap = noted->cap * 2 + 1024;
        float *grown = reallocarray(noted->us, cap, sizeof(*grown));
        if (grown == NULL)
            return;
        noted->us = grown;
        noted->cap = cap;
    }
    noted->us[noted->len++] = (float)us;
}

double bench_each(int n, int (*op)(int i))
{
    double start = bench_now(), before = start;
    for (int i = 0; i < n; i++) {
        if (op(i) != 0)
            return -1;
        double now = bench_now();
        note((now - before) * 1e6);
        before = now;
    }
    return before - start;
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

bool bench_percentiles_of(struct samples *s, double ret[PERCENTILES])
{
    if (s->len == 0)
        return false;
    qsort(s->us, s->len, sizeof(s->us[0]), by_value);
    for (int i = 0; i < PERCENTILES; i++) {
        size_t at = (size_t)((double)s->len * bench_percentiles[i] / 100);
        ret[i] = s->us[at < s->len ? at : s->len - 1];
    }
    return true;
}

void bench_samples_free(struct samples *s)
{
    free(s->us);
    *s = (struct samples){0};
}

static int by_number(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof(values[0]), by_number);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}
