/*
 * rows_session.c: what a session that outlives its connection costs: the same calls over tcp with grace and
 * lease, and without, in turns at one server. A ratio of 1 is no cost.
 */
#include <roost/roost.h>
#include <string.h>

#include "bench.h"
#include "servers.h"

enum { KEPT, PLAIN, SIDES };

static struct {
    roost_manager *m;
    roost_dict *d;
    roost_queue *q;
} side[SIDES];

static double get_set(int which, int n)
{
    roost_value v, key = roost_str("key");
    double start = bench_now();
    for (int i = 0; i < n; i++) {
        if (roost_dict_set(side[which].d, key, roost_int(i)) != 0 ||
            roost_dict_get(side[which].d, key, &v) != 0)
            return bench_complain();
        roost_value_free(&v);
    }
    return bench_now() - start;
}

static double put_get(int which, int n)
{
    roost_value v;
    double start = bench_now();
    for (int i = 0; i < n; i++) {
        if (roost_queue_put(side[which].q, roost_int(i), -1) != 0 ||
            roost_queue_get(side[which].q, &v, -1) != 0)
            return bench_complain();
        roost_value_free(&v);
    }
    return bench_now() - start;
}

static int open_side(int which, roost_manager *m)
{
    side[which].m = m;
    return roost_dict_new(m, &side[which].d) != 0 || roost_queue_new(m, 0, &side[which].q) != 0
               ? bench_complain()
               : 0;
}

static int begin(void)
{
    const roost_options plain = {.grace_ms = -1, .lease_ms = -1, .no_ring = true};
    roost_manager *kept, *m;
    if (bench_roostd_begin(BY_WIRE, &kept) != 0)
        return -1;
    if (roost_connect(roost_manager_url(kept), &plain, &m) != 0)
        return bench_complain();
    return open_side(KEPT, kept) != 0 || open_side(PLAIN, m) != 0;
}

static void end(void)
{
    for (int i = 0; i < SIDES; i++) {
        roost_dict_close(side[i].d);
        roost_queue_close(side[i].q);
    }
    roost_manager_close(side[PLAIN].m);
    bench_roostd_end(side[KEPT].m);
    memset(side, 0, sizeof(side));
}

static double get_set_kept(int n)
{
    return get_set(KEPT, n);
}

static double get_set_plain(int n)
{
    return get_set(PLAIN, n);
}

static double put_get_kept(int n)
{
    return put_get(KEPT, n);
}

static double put_get_plain(int n)
{
    return put_get(PLAIN, n);
}

const struct row session_rows[] = {
    {"session.tcp.dict.set_get", "without grace", NULL, 5000, begin, get_set_kept, end, get_set_plain},
    {"session.tcp.queue.put_get", "without grace", NULL, 5000, begin, put_get_kept, end, put_get_plain},
};
const size_t session_row_count = sizeof(session_rows) / sizeof(session_rows[0]);
