/*
 * rows_ring.c: ipc:// through shared memory against the same over the socket, in turns, at one server; and
 * against the floor: the same number of bytes there and back with nothing else done (pingpong.c).
 */
#include <roost/roost.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "pingpong.h"

/* ---- the ring and the socket ---- */

struct side {
    roost_manager *m;
    roost_dict *d;
    roost_queue *q;
    roost_lock *l;
};

static struct side ring, plain;
static char *large;
enum { LARGE = 64 << 10, CLIENTS = 50 };

static int complain(void)
{
    fprintf(stderr, "%s\n", roost_errmsg());
    return -1;
}

static int open_side(struct side *s)
{
    if (roost_dict_new(s->m, &s->d) != 0 || roost_queue_new(s->m, 0, &s->q) != 0 ||
        roost_lock_new(s->m, &s->l) != 0 || roost_dict_set(s->d, roost_str("key"), roost_int(1)) != 0 ||
        roost_dict_set(s->d, roost_str("large"), roost_bytes(large, LARGE)) != 0)
        return complain();
    return 0;
}

static int begin(void)
{
    roost_options no_ring = {.no_ring = true};
    large = calloc(1, LARGE);
    if (roost_manager_start(NULL, &ring.m) != 0 ||
        roost_connect(roost_manager_url(ring.m), &no_ring, &plain.m) != 0)
        return complain();
    return open_side(&ring) != 0 || open_side(&plain) != 0 ? -1 : 0;
}

static void close_side(struct side *s)
{
    roost_dict_close(s->d);
    roost_queue_close(s->q);
    roost_lock_close(s->l);
    roost_manager_shutdown(s->m);
}

static void end(void)
{
    close_side(&plain);
    close_side(&ring);
    free(large);
}

static double get(const struct side *s, const char *key, int n)
{
    roost_value v;
    double start = bench_now();
    for (int i = 0; i < n; i++) {
        if (roost_dict_get(s->d, roost_str(key), &v) != 0)
            return complain();
        roost_value_free(&v);
    }
    return bench_now() - start;
}

static double small_get(const struct side *s, int n)
{
    return get(s, "key", n);
}

static double large_get(const struct side *s, int n)
{
    return get(s, "large", n);
}

static double small_set(const struct side *s, int n)
{
    double start = bench_now();
    for (int i = 0; i < n; i++)
        if (roost_dict_set(s->d, roost_str("key"), roost_int(i)) != 0)
            return complain();
    return bench_now() - start;
}

static double large_set(const struct side *s, int n)
{
    double start = bench_now();
    for (int i = 0; i < n; i++)
        if (roost_dict_set(s->d, roost_str("large"), roost_bytes(large, LARGE)) != 0)
            return complain();
    return bench_now() - start;
}

static double put_get(const struct side *s, int n)
{
    roost_value v;
    double start = bench_now();
    for (int i = 0; i < n; i++)
        if (roost_queue_put(s->q, roost_int(i), -1) != 0 || roost_queue_get(s->q, &v, -1) != 0)
            return complain();
    return bench_now() - start;
}

static double lock_pair(const struct side *s, int n)
{
    double start = bench_now();
    for (int i = 0; i < n; i++)
        if (roost_lock_acquire(s->l, NULL, -1) != 0 || roost_lock_release(s->l) != 0)
            return complain();
    return bench_now() - start;
}

/* The seconds of n gets by many children, each with a connection of its own; they begin together. */
static double many(const struct side *s, int n)
{
    int ready[2], go[2];
    char byte;
    if (pipe(ready) != 0 || pipe(go) != 0)
        return -1;
    for (int i = 0; i < CLIENTS; i++)
        if (fork() == 0) {
            close(go[1]);
            bool ok = small_get(s, 1) >= 0 && write(ready[1], "", 1) == 1 && read(go[0], &byte, 1) == 0 &&
                      small_get(s, n / CLIENTS + 1) >= 0;
            _exit(ok ? 0 : 1);
        }
    for (int i = 0; i < CLIENTS; i++)
        if (read(ready[0], &byte, 1) != 1)
            return -1;
    double start = bench_now();
    close(go[1]);
    bool ok = true;
    for (int i = 0, status; i < CLIENTS; i++)
        ok = wait(&status) > 0 && status == 0 && ok;
    double took = bench_now() - start;
    close(go[0]);
    close(ready[0]);
    close(ready[1]);
    return ok ? took : -1;
}

#define BOTH(what)                    \
    static double ring_##what(int n)  \
    {                                 \
        return what(&ring, n);        \
    }                                 \
    static double plain_##what(int n) \
    {                                 \
        return what(&plain, n);       \
    }
BOTH(small_get)
BOTH(small_set)
BOTH(large_get)
BOTH(large_set)
BOTH(put_get)
BOTH(lock_pair)
BOTH(many)

/* ---- beside the floor ---- */

static int begin_with_floor(void)
{
    return bench_pingpong_begin() != 0 ? -1 : begin();
}

static void end_with_floor(void)
{
    end();
    bench_pingpong_end();
}

enum { ONE_CLIENT = 20000 };

#define FLOOR_ROW(name, what)                                                                    \
    {                                                                                            \
        name, "bare ping-pong", NULL, ONE_CLIENT, begin_with_floor, ring_##what, end_with_floor, \
            bench_pingpong                                                                       \
    }

#define ROW(name, n, what)                                             \
    {                                                                  \
        name, "socket", NULL, n, begin, ring_##what, end, plain_##what \
    }

const struct row ring_rows[] = {
    {"floor.shm.pingpong_spin", NULL, NULL, ONE_CLIENT, bench_pingpong_begin, bench_pingpong,
     bench_pingpong_end, NULL},
    FLOOR_ROW("ring.dict.get.floor", small_get),
    FLOOR_ROW("ring.dict.set.floor", small_set),
    ROW("ring.dict.get", 20000, small_get),
    ROW("ring.dict.set", 20000, small_set),
    ROW("ring.queue.put_get", 10000, put_get),
    ROW("ring.lock.pair", 10000, lock_pair),
    ROW("ring.dict.get.64KiB", 1000, large_get),
    ROW("ring.dict.set.64KiB", 1000, large_set),
    ROW("ring.clients50.dict.get", 20000, many),
};
const size_t ring_row_count = sizeof(ring_rows) / sizeof(ring_rows[0]);
