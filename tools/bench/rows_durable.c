/*
 * rows_durable.c: a server whose every answer is on the disk (roostd --data, --sync always), over tcp, beside
 * Redis with appendfsync always and etcd, all on the same disk: one client that waits for each answer, and
 * fifty.
 */
#include "bench.h"
#include "stores.h"

static int begin(const struct store *peer, int clients)
{
    int rc = peer->begin(clients);
    if (rc == 0 && (rc = store_roost.begin(clients)) != 0)
        store_roost.end();
    if (rc != 0)
        peer->end();
    return rc;
}

static double ours_1(int n)
{
    return store_sets(&store_roost, 1, n);
}

static double ours_50(int n)
{
    return store_sets(&store_roost, 50, n);
}

#define PEER(name)                               \
    static int name##_begin_1(void)              \
    {                                            \
        return begin(&store_##name, 1);          \
    }                                            \
    static int name##_begin_50(void)             \
    {                                            \
        return begin(&store_##name, 50);         \
    }                                            \
    static double name##_1(int n)                \
    {                                            \
        return store_sets(&store_##name, 1, n);  \
    }                                            \
    static double name##_50(int n)               \
    {                                            \
        return store_sets(&store_##name, 50, n); \
    }                                            \
    static void name##_end_rows(void)            \
    {                                            \
        store_roost.end();                       \
        store_##name.end();                      \
    }

PEER(redis)
PEER(etcd)

const struct row durable_rows[] = {
    {"durable.redis.set", "Redis, fsync always", NULL, 500, redis_begin_1, ours_1, redis_end_rows, redis_1},
    {"durable.redis.set.50clients", "Redis, fsync always", NULL, 5000, redis_begin_50, ours_50,
     redis_end_rows, redis_50},
    {"durable.etcd.set", "etcd put (gRPC)", NULL, 500, etcd_begin_1, ours_1, etcd_end_rows, etcd_1},
    {"durable.etcd.set.50clients", "etcd put (gRPC)", NULL, 5000, etcd_begin_50, ours_50, etcd_end_rows,
     etcd_50},
};
const size_t durable_row_count = sizeof(durable_rows) / sizeof(durable_rows[0]);
