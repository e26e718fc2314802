/*
 * rows_cluster.c: three servers that agree (roostd --data --node --cluster) beside three of etcd, on one host
 * and one disk; reads beside those of a server alone; and how soon a client goes on when the leader is
 * killed. Left out where roostd knows no --cluster.
 */
#include "bench.h"
#include "stores.h"

enum { ELECTION_MS = 1000 }; /* the cluster's election timeout */

static int begin(const struct store *peer, int clients)
{
    int rc = store_roost_three.begin(clients);
    if (rc == 0 && peer != NULL && (rc = peer->begin(clients)) != 0)
        peer->end();
    if (rc != 0)
        store_roost_three.end();
    return rc;
}

static int begin_1(void)
{
    return begin(&store_etcd_three, 1);
}

static int begin_50(void)
{
    return begin(&store_etcd_three, 50);
}

static void end_both(void)
{
    store_roost_three.end();
    store_etcd_three.end();
}

static double ours_1(int n)
{
    return store_sets(&store_roost_three, 1, n);
}

static double ours_50(int n)
{
    return store_sets(&store_roost_three, 50, n);
}

static double etcd_1(int n)
{
    return store_sets(&store_etcd_three, 1, n);
}

static double etcd_50(int n)
{
    return store_sets(&store_etcd_three, 50, n);
}

/* ---- reads ---- */

static int begin_reads(void)
{
    return begin(&store_roost_plain, 1);
}

static double gets_of_three(int n)
{
    return store_gets(&store_roost_three, 1, n);
}

static double gets_of_one(int n)
{
    return store_gets(&store_roost_plain, 1, n);
}

static void end_reads(void)
{
    store_roost_three.end();
    store_roost_plain.end();
}

/* ---- the leader dies ---- */

static int begin_alone(void)
{
    return begin(NULL, 1);
}

static void end_alone(void)
{
    store_roost_three.end();
}

static double kill_leaders(int n)
{
    double spent = 0;
    for (int i = 0; i < n; i++) {
        double once = store_kill_leader();
        if (once < 0)
            return -1;
        spent += once;
    }
    return spent;
}

/* What it is compared with: the time after which others stand for election. */
static double election_timeouts(int n)
{
    return n * ELECTION_MS / 1e3;
}

const struct row cluster_rows[] = {
    {"cluster.etcd.set", "3 etcd, put (gRPC)", NULL, 300, begin_1, ours_1, end_both, etcd_1},
    {"cluster.etcd.set.50clients", "3 etcd, put (gRPC)", NULL, 3000, begin_50, ours_50, end_both, etcd_50},
    {"cluster.get", "one server", NULL, 5000, begin_reads, gets_of_three, end_reads, gets_of_one},
    {"cluster.failover", "election timeout", NULL, 3, begin_alone, kill_leaders, end_alone,
     election_timeouts},
};
const size_t cluster_row_count = sizeof(cluster_rows) / sizeof(cluster_rows[0]);
