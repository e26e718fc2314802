/* goals.c: the goals, one line each; see goals.h. */
#include "goals.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *row;
    double ratio;
} goals[] = {
    /* one synchronous client on the same host */
    {"ipc.dict.get", 20},
    {"ipc.dict.set", 20},
    {"ipc.lock.pair", 20},
    {"ipc.redis.get", 6},
    {"ipc.redis.set", 6},
    {"ring.dict.get.floor", 0.4},
    {"ring.dict.set.floor", 0.4},
    /* between two processes */
    {"ipc.queue.there_and_back", 10},
    {"ipc.redis.queue.there_and_back", 3},
    {"ipc.lock.hand_off", 5},
    /* over tcp, with many clients, with much under way, with much data */
    {"tcp.dict.get", 2},
    {"tcp.dict.set", 2},
    {"tcp.redis.get", 1},
    {"tcp.redis.set", 1},
    {"tcp.wire.dict.get", 2},
    {"tcp.wire.dict.set", 2},
    {"tcp.wire.redis.get", 1},
    {"tcp.wire.redis.set", 1},
    {"tcp.wire.redis.get.50clients", 1.2},
    {"tcp.wire.redis.set.pending64", 2},
    {"ipc.redis.get.50clients", 1.2},
    {"tcp.redis.get.50clients", 1.2},
    {"ipc.redis.set.pending64", 2},
    {"tcp.redis.set.pending64", 2},
    {"ipc.redis.get.64k", 1.5},
    {"ipc.redis.set.64k", 1.5},
    {"tcp.redis.get.64k", 1.5},
    {"tcp.redis.set.64k", 1.5},
    {"tcp.create_drop", 1000},
    {"ipc.list.iterate.100k", 100},
    {"tcp.list.iterate.100k", 100},
    /* over TLS */
    {"tls.handshake", 1},
    {"tls.redis.get", 1},
    {"tls.redis.set", 1},
    {"tls.redis.get.64k", 1},
    {"tls.redis.set.64k", 1},
    {"tls.redis.get.50clients", 1},
    /* a server that is watched beside one that is not */
    {"tcp.dict.get.watched", 0.97},
    /* a session that can be resumed beside one that cannot */
    {"session.tcp.dict.set_get", 0.95},
    {"session.tcp.queue.put_get", 0.95},
    /* every change on the disk before its answer, on the same disk */
    {"durable.redis.set", 1},
    {"durable.redis.set.50clients", 1},
    {"durable.etcd.set", 5},
    {"durable.etcd.set.50clients", 5},
    /* on three servers */
    {"cluster.etcd.set", 5},
    {"cluster.etcd.set.50clients", 5},
    {"cluster.get", 0.5},
    {"cluster.failover", 0.5},
    /* on one host, without a server */
    {"local.pool.map.2", 5},
    {"local.pool.map.6", 5},
    {"local.pool.apply_async", 20},
    {"local.pool.imap", 20},
    {"local.threadpool.submit", 20},
    {"local.process.start_join", 8},
    {"local.queue.one_process", 30},
    {"local.queue.one_to_one", 10},
    {"local.value.add", 15},
    {"local.value.add.floor", 0.77},
    {"local.pipe.round_trip", 3},
    {"local.pipe.floor", 1},
};

double bench_goal(const char *row)
{
    for (size_t i = 0; i < sizeof(goals) / sizeof(goals[0]); i++)
        if (strcmp(goals[i].row, row) == 0)
            return goals[i].ratio;
    return 0;
}
