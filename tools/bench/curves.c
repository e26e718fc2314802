/*
 * curves.c: how the cost of pools grows with the number of tasks, the size of what travels and the number of
 * workers, and what memory an imap over ten million inputs takes. Prints one table; called by tools/bench/run
 * --curves.
 */
#include <roost/roost.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "bench.h"
#include "latency.h"

enum { ROUNDS = 5, IMAP_MAX = 10000000 };

static int complain(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, roost_errmsg());
    return 1;
}

static int square(const roost_value *args, roost_value *result)
{
    *result = roost_int(args->as.items[0].as.i * args->as.items[0].as.i);
    return 0;
}

static int echo(const roost_value *args, roost_value *result)
{
    *result = args->as.items[0];
    return 0;
}

/* The median of a few runs of one measurement, in seconds; negative: it failed. */
static double median(double (*run)(roost_pool *p, size_t n), roost_pool *p, size_t n)
{
    double s[ROUNDS];
    run(p, n); /* warm */
    for (int i = 0; i < ROUNDS; i++)
        if ((s[i] = run(p, n)) < 0)
            return -1;
    return bench_median(s, ROUNDS);
}

static roost_value *items;
static uint8_t *payload;

static double map_all(roost_pool *p, size_t n)
{
    roost_value result;
    double start = bench_now();
    if (roost_pool_map(p, square, roost_array(items, (uint32_t)n), 0, &result, -1) != 0)
        return -complain("map");
    roost_value_free(&result);
    return bench_now() - start;
}

static double echo_bytes(roost_pool *p, size_t n)
{
    roost_value arg = roost_bytes(payload, (uint32_t)n), result;
    double start = bench_now();
    if (roost_pool_apply(p, echo, roost_array(&arg, 1), &result, -1) != 0)
        return -complain("apply");
    roost_value_free(&result);
    return bench_now() - start;
}

static roost_pool *new_pool(int size)
{
    roost_pool *p = NULL;
    if (roost_pool_new(&(roost_pool_options){.size = size}, &p) != 0)
        complain("pool");
    return p;
}

static int tasks_and_payload(void)
{
    roost_pool *p = new_pool(2);
    if (p == NULL)
        return 1;
    for (size_t n = 1000; n <= 1000000; n *= 10)
        printf("%-34s %12zu %12.3f us an item\n", "map of n items, 2 workers", n,
               median(map_all, p, n) / (double)n * 1e6);
    for (size_t n = 16; n <= 16 << 20; n *= 16)
        printf("%-34s %12zu %12.1f us there and back\n", "apply, n bytes", n, median(echo_bytes, p, n) * 1e6);
    roost_pool_free(p);
    return 0;
}

static int workers(void)
{
    for (int n = 1; n <= 64; n *= 2) {
        double start = bench_now();
        roost_pool *p = new_pool(n);
        if (p == NULL || echo_bytes(p, 16) < 0)
            return 1;
        double ready = bench_now() - start;
        printf("%-34s %12d %12.3f us an item; first result after %.1f ms\n", "map of 20,000 items, n workers",
               n, median(map_all, p, 20000) / 20000 * 1e6, ready * 1e3);
        roost_pool_free(p);
    }
    return 0;
}

struct numbers {
    int64_t next, end;
};

static int count_up(void *arg, roost_value *item)
{
    struct numbers *n = arg;
    if (n->next == n->end)
        return ROOST_EEMPTY;
    *item = roost_int(n->next++ % 1000);
    return 0;
}

static long peak_kib(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_maxrss;
}

/* In a process of its own: a peak never falls. */
static int imap_over(void *arg)
{
    struct numbers n = {0, *(int64_t *)arg};
    roost_pool *p = new_pool(2);
    roost_iter *it;
    roost_value v;
    int rc;
    if (p == NULL || roost_pool_imap(p, square, count_up, &n, NULL, &it) != 0)
        return complain("imap");
    double start = bench_now();
    while ((rc = roost_iter_next(it, &v, -1)) == 0)
        continue;
    double spent = bench_now() - start;
    roost_iter_free(it);
    roost_pool_free(p);
    if (rc != ROOST_EEMPTY)
        return complain("imap");
    printf("%-34s %12lld %12.3f us an item; peak memory %ld KiB\n", "imap over n inputs, chunk 1",
           (long long)n.end, spent / (double)n.end * 1e6, peak_kib());
    return 0;
}

static int streams(void)
{
    for (int64_t n = 100000; n <= IMAP_MAX; n *= 10) {
        roost_process *p;
        int code = 1;
        if (roost_process_start(&p, imap_over, &n, NULL) != 0 || roost_process_join(p, -1) != 0)
            return complain("process");
        roost_process_exitcode(p, &code);
        roost_process_close(p);
        if (code != 0)
            return 1;
    }
    return 0;
}

int main(void)
{
    int rc = streams(); /* first: children inherit what this process has touched */
    items = calloc(1000000, sizeof(*items));
    payload = calloc(1, 16 << 20);
    if (items == NULL || payload == NULL)
        return 1;
    for (int i = 0; i < 1000000; i++)
        items[i] = roost_int(i);
    rc = rc != 0 || tasks_and_payload() != 0 || workers() != 0;
    free(items);
    free(payload);
    return rc;
}
