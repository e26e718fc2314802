/* rows_local.c: pools, threads and processes on one host, against CPython's, with the work of 20,000 squares.
 */
#include <roost/roost.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

enum { SQUARES = 20000 };

static roost_pool *pool;
static roost_value inputs[SQUARES];
static roost_future *futures[SQUARES];

static int complain(void)
{
    fprintf(stderr, "%s\n", roost_errmsg());
    return -1;
}

static int square(const roost_value *args, roost_value *result)
{
    *result = roost_int(args->as.items[0].as.i * args->as.items[0].as.i);
    return 0;
}

static int begin(int size, bool threads)
{
    for (int i = 0; i < SQUARES; i++)
        inputs[i] = roost_int(i);
    return roost_pool_new(&(roost_pool_options){.size = size, .threads = threads}, &pool) != 0 ? complain()
                                                                                               : 0;
}

static int begin_2(void)
{
    return begin(2, false);
}

static int begin_6(void)
{
    return begin(6, false);
}

static int begin_threads(void)
{
    return begin(6, true);
}

static void end(void)
{
    roost_pool_close(pool);
    roost_pool_join(pool, -1);
    roost_pool_free(pool);
}

static double map(int n)
{
    roost_value result;
    int rounds = (n + SQUARES - 1) / SQUARES;
    double start = bench_now();
    for (int i = 0; i < rounds; i++) {
        if (roost_pool_map(pool, square, roost_array(inputs, SQUARES), 0, &result, -1) != 0)
            return complain();
        roost_value_free(&result);
    }
    return (bench_now() - start) * n / (rounds * SQUARES);
}

static double submit(int n)
{
    double start = bench_now();
    for (int i = 0; i < n; i++)
        if (roost_pool_apply_async(pool, square, roost_array(&inputs[i], 1), NULL, &futures[i]) != 0)
            return complain();
    for (int i = 0; i < n; i++) {
        roost_value v;
        if (roost_future_result(futures[i], &v, -1) != 0)
            return complain();
        roost_future_free(futures[i]);
    }
    return bench_now() - start;
}

static double imap(int n)
{
    roost_iter *it;
    roost_value v;
    int rc;
    double start = bench_now();
    if (roost_pool_imap_array(pool, square, roost_array(inputs, (uint32_t)n), NULL, &it) != 0)
        return complain();
    while ((rc = roost_iter_next(it, &v, -1)) == 0)
        roost_value_free(&v);
    roost_iter_free(it);
    return rc == ROOST_EEMPTY ? bench_now() - start : complain();
}

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static double start_join(int n)
{
    double start = bench_now();
    for (int i = 0; i < n; i++) {
        roost_process *p;
        if (roost_process_start(&p, nothing, NULL, NULL) != 0 || roost_process_join(p, -1) != 0)
            return complain();
        roost_process_close(p);
    }
    return bench_now() - start;
}

const struct row local_rows[] = {
    {"local.pool.map.2", "CPython Pool", "pool_map_2", SQUARES, begin_2, map, end, NULL},
    {"local.pool.map.6", "CPython Pool", "pool_map_6", SQUARES, begin_6, map, end, NULL},
    {"local.pool.apply_async", "CPython Pool", "pool_apply_async", SQUARES, begin_2, submit, end, NULL},
    {"local.pool.imap", "CPython Pool", "pool_imap", SQUARES, begin_2, imap, end, NULL},
    {"local.threadpool.submit", "CPython futures", "threadpool_submit", SQUARES, begin_threads, submit, end,
     NULL},
    {"local.process.start_join", "CPython Process", "process_start_join", 100, NULL, start_join, NULL, NULL},
};
const size_t local_row_count = sizeof(local_rows) / sizeof(local_rows[0]);
