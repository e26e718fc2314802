/*
 * three_ways.c: the sum of i + i² + i³ for i < 40,000,000, modulo 1,000,000,007: by a plain loop, by threads
 * and by processes. C's threads compute at the same time, unlike Python's, so both ways gain.
 *
 *   $ example_three_ways
 *   loop: 983124487        and each time to stderr
 *   threads: 983124487
 *   processes: 983124487
 */
#include "die.h"

#include <time.h>

enum { N = 40000000, PARTS = 4, MODULUS = 1000000007 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int64_t sum_of(size_t first, size_t count)
{
    uint64_t sum = 0;
    for (uint64_t i = first; i < first + count; i++)
        sum = (sum + i + i * i % MODULUS + i * i % MODULUS * i) % MODULUS;
    return (int64_t)sum;
}

/* args: the number of the part */
static int sum_part(const roost_value *args, roost_value *result)
{
    size_t first, count;
    int rc = roost_split(N, PARTS, (size_t)args->as.items[0].as.i, &first, &count);
    if (rc == 0)
        *result = roost_int(sum_of(first, count));
    return rc;
}

static int by_pool(const char *name, bool threads)
{
    roost_pool *pool;
    roost_value parts[PARTS], sums;
    int64_t sum = 0;
    double start = now();
    for (int i = 0; i < PARTS; i++)
        parts[i] = roost_int(i);
    if (roost_pool_new(&(roost_pool_options){.threads = threads}, &pool) != 0)
        return roost_die(name);
    if (roost_pool_map(pool, sum_part, roost_array(parts, PARTS), 1, &sums, -1) != 0) {
        roost_pool_free(pool);
        return roost_die(name);
    }
    for (uint32_t i = 0; i < sums.len; i++)
        sum = (sum + sums.as.items[i].as.i) % MODULUS;
    roost_value_free(&sums);
    roost_pool_free(pool);
    printf("%s: %lld\n", name, (long long)sum);
    fprintf(stderr, "%s took %.3f s\n", name, now() - start);
    return 0;
}

int main(void)
{
    double start = now();
    printf("loop: %lld\n", (long long)sum_of(0, N));
    fprintf(stderr, "loop took %.3f s\n", now() - start);
    return by_pool("threads", true) != 0 || by_pool("processes", false) != 0;
}
