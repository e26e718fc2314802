/*
 * rows_server.c: one synchronous client of a server, over ipc, tcp and tcp without a ring, against Python's
 * Manager over the same.
 */
#include <roost/roost.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "latency.h"
#include "servers.h"

enum { ELEMENTS = 100000 }; /* as in peer.py */

static struct {
    roost_manager *m;
    roost_dict *d;
    roost_queue *q;
    roost_lock *l;
} s;

static int make_objects(void)
{
    if (roost_dict_new(s.m, &s.d) != 0 || roost_queue_new(s.m, 0, &s.q) != 0 ||
        roost_lock_new(s.m, &s.l) != 0 || roost_dict_set(s.d, roost_str("key"), roost_int(1)) != 0)
        return bench_complain();
    return 0;
}

static int begin_ipc(void)
{
    return bench_roostd_begin(BY_IPC, &s.m) != 0 ? -1 : make_objects();
}

static int begin_tcp(void)
{
    return bench_roostd_begin(BY_TCP, &s.m) != 0 ? -1 : make_objects();
}

static int begin_wire(void)
{
    return bench_roostd_begin(BY_WIRE, &s.m) != 0 ? -1 : make_objects();
}

static void end(void)
{
    roost_dict_close(s.d);
    roost_queue_close(s.q);
    roost_lock_close(s.l);
    bench_roostd_end(s.m);
    memset(&s, 0, sizeof(s));
}

static int get_once(int i)
{
    roost_value v;
    (void)i;
    if (roost_dict_get(s.d, roost_str("key"), &v) != 0)
        return bench_complain();
    roost_value_free(&v);
    return 0;
}

static double dict_get(int n)
{
    return bench_each(n, get_once);
}

static int set_once(int i)
{
    return roost_dict_set(s.d, roost_str("key"), roost_int(i)) != 0 ? bench_complain() : 0;
}

static double dict_set(int n)
{
    return bench_each(n, set_once);
}

/* A proxy of a new object, and its end. */
static int create_once(int i)
{
    roost_dict *d;
    (void)i;
    if (roost_dict_new(s.m, &d) != 0)
        return bench_complain();
    roost_dict_close(d);
    return 0;
}

static double create_drop(int n)
{
    return bench_each(n, create_once);
}

/* All of a list of ELEMENTS, as often as it takes for n of them. */
static double list_iterate(int n)
{
    int64_t seen = 0;
    roost_list *l;
    roost_value *items = malloc(ELEMENTS * sizeof(*items));
    for (int i = 0; i < ELEMENTS; i++)
        items[i] = roost_int(i);
    int rc = roost_list_open_with(s.m, NULL, roost_array(items, ELEMENTS), &l);
    free(items);
    if (rc != 0)
        return bench_complain();
    double start = bench_now();
    do {
        roost_list_iter *it;
        if (roost_list_iter_new(l, &it) != 0)
            return bench_complain();
        while (roost_list_iter_next(it, NULL) == 0)
            seen++;
        roost_list_iter_free(it);
    } while (roost_errcode() == ROOST_EEMPTY && seen < n);
    double spent = bench_now() - start;
    roost_list_close(l);
    return seen % ELEMENTS == 0 ? spent * n / (double)seen : bench_complain();
}

static double queue_put_get(int n)
{
    roost_value v;
    double start = bench_now();
    for (int i = 0; i < n; i++)
        if (roost_queue_put(s.q, roost_int(i), -1) != 0 || roost_queue_get(s.q, &v, -1) != 0)
            return bench_complain();
    return bench_now() - start;
}

static double lock_pair(int n)
{
    double start = bench_now();
    for (int i = 0; i < n; i++)
        if (roost_lock_acquire(s.l, NULL, -1) != 0 || roost_lock_release(s.l) != 0)
            return bench_complain();
    return bench_now() - start;
}

const struct row server_rows[] = {
    {"ipc.dict.get", "Manager", "ipc_dict_get", 20000, begin_ipc, dict_get, end, NULL},
    {"ipc.dict.set", "Manager", "ipc_dict_set", 20000, begin_ipc, dict_set, end, NULL},
    {"ipc.queue.put_get", "Manager", "ipc_queue_put_get", 10000, begin_ipc, queue_put_get, end, NULL},
    {"ipc.lock.pair", "Manager", "ipc_lock_pair", 10000, begin_ipc, lock_pair, end, NULL},
    {"tcp.dict.get", "Manager", "tcp_dict_get", 4000, begin_tcp, dict_get, end, NULL},
    {"tcp.dict.set", "Manager", "tcp_dict_set", 4000, begin_tcp, dict_set, end, NULL},
    {"tcp.queue.put_get", "Manager", "tcp_queue_put_get", 2000, begin_tcp, queue_put_get, end, NULL},
    {"tcp.lock.pair", "Manager", "tcp_lock_pair", 2000, begin_tcp, lock_pair, end, NULL},
    {"tcp.create_drop", "Manager", "tcp_create_drop", 8, begin_tcp, create_drop, end, NULL},
    {"tcp.wire.dict.get", "Manager", "tcp_dict_get", 4000, begin_wire, dict_get, end, NULL},
    {"tcp.wire.dict.set", "Manager", "tcp_dict_set", 4000, begin_wire, dict_set, end, NULL},
    {"ipc.list.iterate.100k", "Manager", "ipc_list_iterate", 4000, begin_ipc, list_iterate, end, NULL},
    {"tcp.list.iterate.100k", "Manager", "tcp_list_iterate", 4000, begin_tcp, list_iterate, end, NULL},
};
const size_t server_row_count = sizeof(server_rows) / sizeof(server_rows[0]);
