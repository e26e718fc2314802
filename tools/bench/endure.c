/*
 * endure.c: does a server that runs for long stay as it was? roost_endure MINUTES; tools/endure calls it.
 *
 * Clients over tcp, ipc and shared memory come and go; each calls methods of every object type, round and
 * round. For every minute (of a short run: eighth) it prints the server's resident memory, the calls and
 * their percentiles. Fails when in the last quarter of the time the median of one of them is above that of
 * the first quarter by more than a factor: memory 1.25, p50 1.5, p99 2.5.
 */
#include <math.h>
#include <pthread.h>
#include <roost/roost.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "latency.h"
#include "servers.h"

enum { CLIENTS = 4, ROUNDS_OF_A_CLIENT = 200, PAUSE_MS = 10, KEYS = 1000, BUCKETS = 640, OF_DOUBLING = 16 };
enum { SLICES_MIN = 8, SLICES_MAX = 1 << 16 };

/* What a client calls, in order: k a key, v a value, i the index 0, t a timeout, K an array of a key, p 1, n
 * -1. */
static const struct call {
    const char *method, *args;
} calls[] = {{"dict.set", "kv"},
             {"dict.get", "kv"},
             {"dict.pop", "kv"},
             {"dict.incr", "n"},
             {"dict.page", "ip"},
             {"list.append", "v"},
             {"list.insert", "iv"},
             {"list.get", "i"},
             {"list.pop", ""},
             {"list.pop", "i"},
             {"set.add", "k"},
             {"set.contains", "k"},
             {"set.discard", "k"},
             {"queue.put", "vt"},
             {"queue.get", "t"},
             {"namespace.set", "vv"},
             {"namespace.all", ""},
             {"namespace.delete", "v"},
             {"value.incr", ""},
             {"array.set", "ip"},
             {"array.slice", ""},
             {"lock.acquire", "t"},
             {"lock.release", ""},
             {"rlock.acquire", "t"},
             {"rlock.release", ""},
             {"semaphore.acquire", "t"},
             {"semaphore.release", ""},
             {"bounded_semaphore.acquire", "t"},
             {"bounded_semaphore.release", ""},
             {"condition.acquire", "t"},
             {"condition.notify_all", ""},
             {"condition.release", ""},
             {"event.set", ""},
             {"event.wait", "i"},
             {"event.clear", ""},
             {"barrier.wait", "t"},
             {"keyed_lock.acquire", "Kt"},
             {"keyed_lock.release", ""}};
enum { CALLS = sizeof(calls) / sizeof(calls[0]) };

static const struct kind {
    const char *open;
    const char *args; /* behind the name */
} kinds[] = {{"dict.open", ""},
             {"list.open", ""},
             {"set.open", ""},
             {"queue.open", ""},
             {"namespace.open", ""},
             {"value.open", "d"},
             {"array.open", "d8"},
             {"lock.open", ""},
             {"rlock.open", ""},
             {"semaphore.open", ""},
             {"bounded_semaphore.open", ""},
             {"condition.open", ""},
             {"event.open", ""},
             {"barrier.open", "p"},
             {"keyed_lock.open", ""}};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static atomic_bool ends, failed;
static _Atomic uint32_t histogram[BUCKETS];

struct client {
    pthread_t thread;
    const char *url;
    bool no_ring, stays;
    unsigned seed;
    roost_manager *m;
    roost_value objects[KINDS];
};

/* ---- calling ---- */

static unsigned make_args(struct client *c, const char *spec, roost_value *args)
{
    static const char text[] = "a value that is a little longer than others are, and of no fixed length";
    static _Thread_local roost_value key;
    unsigned n = 0;
    key = roost_int(rand_r(&c->seed) % KEYS);
    for (; *spec != '\0'; spec++)
        switch (*spec) {
        case 'k':
            args[n++] = key;
            break;
        case 'v':
            args[n++] = roost_str(text + (unsigned)rand_r(&c->seed) % 60);
            break;
        case 'i':
            args[n++] = roost_int(0);
            break;
        case 'n':
            args[n++] = roost_int(-1);
            break;
        case 'p':
            args[n++] = roost_int(1);
            break;
        case '8':
            args[n++] = roost_int(8);
            break;
        case 'd':
            args[n++] = roost_str("d");
            break;
        case 't':
            args[n++] = roost_int(1000);
            break;
        default:
            args[n++] = roost_array(&key, 1);
            break;
        }
    return n;
}

/* The refusals that a mixed load brings about: no such key, empty, not held … */
static bool expected(int rc)
{
    return rc == 0 || rc == ROOST_EKEY || rc == ROOST_EINDEX || rc == ROOST_EEMPTY || rc == ROOST_ETIMEDOUT ||
           rc == ROOST_ENOTOWNER || rc == ROOST_EOVERRELEASE || rc == ROOST_EBROKEN;
}

static void note(double us)
{
    int i = us > 0.01 ? (int)(log2(us * 100) * OF_DOUBLING) : 0;
    atomic_fetch_add(&histogram[i < BUCKETS ? i : BUCKETS - 1], 1);
}

static bool same_type(const char *a, const char *b)
{
    size_t n = strcspn(a, ".");
    return strncmp(a, b, n + 1) == 0;
}

static int call_once(struct client *c, const struct call *what)
{
    roost_value args[4];
    unsigned n = make_args(c, what->args, args), k = 0;
    while (!same_type(kinds[k].open, what->method))
        k++;
    double begin = bench_now();
    int rc = roost_call(c->m, c->objects[k], what->method, args, n, NULL);
    note((bench_now() - begin) * 1e6);
    return expected(rc) ? 0 : rc;
}

static int open_objects(struct client *c)
{
    int rc = roost_connect(c->url, &(roost_options){.no_ring = c->no_ring}, &c->m);
    for (unsigned k = 0; rc == 0 && k < KINDS; k++) {
        roost_value args[4] = {roost_str(kinds[k].open)};
        unsigned n = make_args(c, kinds[k].args, args + 1);
        rc = roost_call(c->m, roost_nil(), kinds[k].open, args, n + 1, &c->objects[k]);
    }
    return rc;
}

static void close_objects(struct client *c)
{
    for (unsigned k = 0; k < KINDS; k++) {
        roost_value_free(&c->objects[k]);
        c->objects[k] = roost_nil();
    }
    roost_manager_close(c->m);
    c->m = NULL;
}

static void *live(void *arg)
{
    struct client *c = arg;
    int rc = 0;
    while (rc == 0 && !atomic_load(&ends)) {
        rc = open_objects(c);
        for (int round = 0; rc == 0 && !atomic_load(&ends) && (c->stays || round < ROUNDS_OF_A_CLIENT);
             round++) {
            for (unsigned i = 0; rc == 0 && i < CALLS; i++)
                rc = call_once(c, &calls[i]);
            usleep(PAUSE_MS * 1000);
        }
        if (rc != 0) {
            bench_complain();
            atomic_store(&failed, true);
        }
        close_objects(c);
    }
    return NULL;
}

/* ---- what is seen ---- */

enum { MEMORY, P50, P99, MEASURES };
static const double factors[MEASURES] = {1.25, 1.5, 2.5};
static const char *const measures[MEASURES] = {"memory", "p50", "p99"};
static double (*seen)[MEASURES];

static void percentiles(double *ret_p50, double *ret_p99, uint64_t *ret_calls)
{
    uint32_t counts[BUCKETS];
    uint64_t all = 0, below = 0;
    for (int i = 0; i < BUCKETS; i++)
        all += counts[i] = atomic_exchange(&histogram[i], 0);
    *ret_p50 = *ret_p99 = 0;
    for (int i = 0; i < BUCKETS; i++) {
        double us = exp2((i + 0.5) / OF_DOUBLING) / 100;
        below += counts[i];
        *ret_p50 = *ret_p50 == 0 && below * 2 >= all ? us : *ret_p50;
        *ret_p99 = *ret_p99 == 0 && below * 100 >= all * 99 ? us : *ret_p99;
    }
    *ret_calls = all;
}

static double median_of(int measure, int from, int n)
{
    double values[SLICES_MAX / 4 + 1];
    for (int i = 0; i < n; i++)
        values[i] = seen[from + i][measure];
    return bench_median(values, n);
}

/* Compares the last quarter with the first. */
static bool judge(int slices)
{
    bool good = true;
    int quarter = slices / 4;
    for (int k = 0; k < MEASURES; k++) {
        double ratio = median_of(k, slices - quarter, quarter) / median_of(k, 0, quarter);
        printf("%s: the last quarter's is %.2f of the first's (at most %.2f)\n", measures[k], ratio,
               factors[k]);
        good = good && ratio <= factors[k];
    }
    return good;
}

static void watch(pid_t server, double slice_s, int slices)
{
    double begin = bench_now();
    printf("%8s %12s %12s %9s %9s\n", "seconds", "memory KiB", "calls", "p50 us", "p99 us");
    for (int i = 0; i < slices && !atomic_load(&failed); i++) {
        uint64_t made;
        while (bench_now() < begin + (i + 1) * slice_s && !atomic_load(&failed))
            usleep(10000);
        percentiles(&seen[i][P50], &seen[i][P99], &made);
        seen[i][MEMORY] = bench_resident(server);
        printf("%8.0f %12.0f %12llu %9.1f %9.1f\n", bench_now() - begin, seen[i][MEMORY] / 1024,
               (unsigned long long)made, seen[i][P50], seen[i][P99]);
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    double minutes = argc > 1 ? strtod(argv[1], NULL) : 0;
    int slices = minutes < SLICES_MIN ? SLICES_MIN : (int)minutes;
    struct bench_roostd server;
    char folder[] = "/tmp/roost-endure-XXXXXX", ipc[64];
    seen = calloc(SLICES_MAX, sizeof(*seen));
    if (minutes <= 0 || slices >= SLICES_MAX || seen == NULL || mkdtemp(folder) == NULL) {
        fprintf(stderr, "usage: roost_endure MINUTES\n");
        return 2;
    }
    snprintf(ipc, sizeof(ipc), "ipc://%s/s", folder);
    if (bench_roostd_start(&server, ipc) != 0)
        return 1;
    struct client clients[CLIENTS] = {
        {.url = server.url, .stays = true}, {.url = server.url}, {.url = ipc, .no_ring = true}, {.url = ipc}};
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i].seed = i + 1;
        if (pthread_create(&clients[i].thread, NULL, live, &clients[i]) != 0)
            atomic_store(&failed, true), clients[i].url = NULL;
    }
    watch(server.pid, minutes * 60 / slices, slices);
    atomic_store(&ends, true);
    for (unsigned i = 0; i < CLIENTS; i++)
        if (clients[i].url != NULL)
            pthread_join(clients[i].thread, NULL);
    bench_roostd_stop(&server);
    rmdir(folder);
    bool good = !atomic_load(&failed) && judge(slices);
    free(seen);
    return good ? 0 : 1;
}
