/*
 * memory.c: what an entry of each kind takes of the server's memory: resident bytes of a fresh roostd before
 * and after, divided by their number; a dict beside Redis' hash with the same keys and values. Prints one
 * table; called by tools/bench/run --scale.
 */
#include <roost/roost.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef ROOST_BENCH_REDIS
#include <hiredis/hiredis.h>
#endif

#include "fill.h"
#include "servers.h"

enum { BATCH = 1000, VALUE_LEN = 100 };

static roost_manager *m;
static roost_batch *batch;
static char key[17], value[VALUE_LEN];

static roost_value nth_key(int i)
{
    snprintf(key, sizeof(key), "%016d", i);
    return roost_str(key);
}

static roost_value nth_value(int i)
{
    memset(value, 'v', sizeof(value));
    snprintf(value, sizeof(value), "%d", i);
    return roost_bytes(value, VALUE_LEN);
}

/* Sends what was gathered, when it is a batch's worth or the last. */
static int gathered(bool last)
{
    uint32_t failed = 0;
    if (!last && roost_batch_len(batch) < BATCH)
        return 0;
    int rc = roost_batch_send(batch, &failed, -1);
    roost_batch_clear(batch);
    return rc != 0 || failed > 0 ? bench_complain() : 0;
}

#define GATHER(n, call)                                 \
    for (int i = 0; rc == 0 && i < (n); i++)            \
        if ((rc = roost_batch_add(batch, (call))) == 0) \
            rc = gathered(i + 1 == (n));

static int fill_dict(int n)
{
    roost_dict *d;
    int rc = roost_dict_open(m, "d", &d);
    GATHER(n, roost_dict_set(d, nth_key(i), nth_value(i)))
    return rc;
}

static int fill_dict_of_ints(int n)
{
    roost_dict *d;
    int rc = roost_dict_open(m, "d", &d);
    GATHER(n, roost_dict_set(d, roost_int(i), roost_int(i)))
    return rc;
}

static int fill_set(int n)
{
    roost_set *s;
    int rc = roost_set_open(m, "s", &s);
    GATHER(n, roost_set_add(s, nth_key(i), NULL))
    return rc;
}

static int fill_list(int n)
{
    roost_list *l;
    int rc = roost_list_open(m, "l", &l);
    GATHER(n, roost_list_append(l, nth_value(i)))
    return rc;
}

static int fill_list_of_ints(int n)
{
    roost_list *l;
    int rc = roost_list_open(m, "l", &l);
    GATHER(n, roost_list_append(l, roost_int(i)))
    return rc;
}

static int fill_queue_of(const char *kind, int n)
{
    roost_queue *q;
    int rc = roost_queue_open(m, "q", &(roost_queue_options){.kind = kind}, &q);
    GATHER(n, roost_queue_put(q, nth_value(i), -1))
    return rc;
}

static int fill_queue(int n)
{
    return fill_queue_of("fifo", n);
}

static int fill_priority_queue(int n)
{
    return fill_queue_of("priority", n);
}

static int fill_locks(int n)
{
    return bench_make_locks(m, n);
}

static int fill_waiters(int n)
{
    return bench_park_waiters(m, n);
}

static const struct kind {
    const char *name;
    int n;
    int (*fill)(int n);
} kinds[] = {{"dict, 16 B -> 100 B", 1000000, fill_dict},
             {"dict, int -> int", 1000000, fill_dict_of_ints},
             {"set, 16 B", 1000000, fill_set},
             {"list, 100 B", 1000000, fill_list},
             {"list, int", 1000000, fill_list_of_ints},
             {"queue, 100 B", 1000000, fill_queue},
             {"priority queue, 100 B", 1000000, fill_priority_queue},
             {"named locks", 100000, fill_locks},
             {"waiters on an event", 9000, fill_waiters}};

static int measure(const struct kind *k)
{
    roost_options options = {.window_calls = 20000};
    struct bench_roostd server;
    if (bench_roostd_start(&server, NULL) != 0)
        return -1;
    if (roost_connect(server.url, &options, &m) != 0 || roost_batch_new(m, &batch) != 0)
        return bench_complain();
    double before = bench_resident(server.pid);
    int rc = k->fill(k->n);
    double taken = bench_resident(server.pid) - before;
    if (rc == 0)
        printf("%-34s %10d %10.1f bytes each\n", k->name, k->n, taken / k->n);
    else
        bench_complain();
    fflush(stdout);
    roost_batch_free(batch);
    roost_manager_close(m);
    bench_roostd_stop(&server);
    return rc;
}

#ifdef ROOST_BENCH_REDIS
static double used_memory(redisContext *c)
{
    redisReply *r = redisCommand(c, "INFO memory");
    const char *at = r != NULL && r->str != NULL ? strstr(r->str, "used_memory:") : NULL;
    double used = at != NULL ? strtod(at + strlen("used_memory:"), NULL) : 0;
    freeReplyObject(r);
    return used;
}

static int fill_redis(redisContext *c, int n)
{
    for (int i = 0; i < n; i++) {
        nth_key(i);
        nth_value(i);
        redisAppendCommand(c, "HSET d %b %b", key, (size_t)16, value, (size_t)VALUE_LEN);
        if (i % BATCH != BATCH - 1)
            continue;
        for (int k = 0; k < BATCH; k++) {
            void *reply = NULL;
            if (redisGetReply(c, &reply) != REDIS_OK)
                return -1;
            freeReplyObject(reply);
        }
    }
    return 0;
}

/* 0 also where Redis is not installed. */
static int measure_redis(int n)
{
    int rc = bench_redis_begin();
    if (rc != 0)
        return rc > 0 ? 0 : -1;
    redisContext *c = redisConnectUnix(bench_redis_socket());
    double before = bench_resident(bench_redis_pid()), used = used_memory(c);
    rc = fill_redis(c, n);
    printf("%-34s %10d %10.1f bytes each (used_memory: %.1f)\n", "Redis' hash, 16 B -> 100 B", n,
           (bench_resident(bench_redis_pid()) - before) / n, (used_memory(c) - used) / n);
    redisFree(c);
    bench_redis_end();
    return rc;
}
#else
static int measure_redis(int n)
{
    (void)n;
    return 0;
}
#endif

int main(void)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
        rc = measure(&kinds[i]);
    return rc != 0 || measure_redis(1000000) != 0;
}
