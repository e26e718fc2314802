/*
 * many_squares.c: 20,000 squares by map_async, by apply_async and by imap, with the time of each.
 *
 * map_async sends items in chunks; apply_async makes a future each; imap reads its input as it goes, never
 * more than a window ahead, so that it would also do for an input without end.
 *
 *   $ example_many_squares
 *   map_async: 2666466670000        and each time to stderr
 *   apply_async: 2666466670000
 *   imap: 2666466670000
 */
#include "die.h"

#include <time.h>

enum { N = 20000 };

static int square(const roost_value *args, roost_value *result)
{
    int64_t i = args->as.items[0].as.i;
    *result = roost_int(i * i);
    return 0;
}

static int by_map_async(roost_pool *pool, int64_t *sum)
{
    static roost_value inputs[N];
    roost_value squares;
    roost_future *f;
    for (int i = 0; i < N; i++)
        inputs[i] = roost_int(i);
    int rc = roost_pool_map_async(pool, square, roost_array(inputs, N), 0, NULL, &f);
    if (rc != 0)
        return rc;
    if ((rc = roost_future_result(f, &squares, -1)) == 0)
        for (uint32_t i = 0; i < squares.len; i++)
            *sum += squares.as.items[i].as.i;
    roost_future_free(f);
    return rc;
}

static int by_apply_async(roost_pool *pool, int64_t *sum)
{
    static roost_future *futures[N];
    int rc = 0, n = 0;
    while (n < N && rc == 0)
        if ((rc = roost_pool_apply_async(pool, square, roost_list_of(roost_int(n)), NULL, &futures[n])) == 0)
            n++;
    for (int i = 0; i < n; i++) {
        roost_value v;
        if (rc == 0 && (rc = roost_future_result(futures[i], &v, -1)) == 0)
            *sum += v.as.i;
        roost_future_free(futures[i]);
    }
    return rc;
}

static int count_up(void *arg, roost_value *ret)
{
    int *next = arg;
    if (*next == N)
        return ROOST_EEMPTY;
    *ret = roost_int((*next)++);
    return 0;
}

static int by_imap(roost_pool *pool, int64_t *sum)
{
    int next = 0;
    roost_iter *it;
    roost_value v;
    int rc = roost_pool_imap(pool, square, count_up, &next, NULL, &it);
    if (rc != 0)
        return rc;
    while ((rc = roost_iter_next(it, &v, -1)) == 0)
        *sum += v.as.i;
    roost_iter_free(it);
    return rc == ROOST_EEMPTY ? 0 : rc;
}

static int timed(const char *name, roost_pool *pool, int (*way)(roost_pool *pool, int64_t *sum))
{
    struct timespec a, b;
    int64_t sum = 0;
    clock_gettime(CLOCK_MONOTONIC, &a);
    if (way(pool, &sum) != 0)
        return roost_die(name);
    clock_gettime(CLOCK_MONOTONIC, &b);
    printf("%s: %lld\n", name, (long long)sum);
    fprintf(stderr, "%s took %.1f ms\n", name,
            (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6);
    return 0;
}

int main(void)
{
    roost_pool *pool;
    if (roost_pool_new(NULL, &pool) != 0)
        return roost_die("pool");
    int failed = timed("map_async", pool, by_map_async) + timed("apply_async", pool, by_apply_async) +
                 timed("imap", pool, by_imap);
    roost_pool_free(pool);
    return failed != 0;
}
