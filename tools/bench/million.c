/*
 * million.c: a durable server with a million entries: bytes of log and snapshot, how soon it is back, killed,
 * from each, and the percentiles of a client's sets while snapshots are made all the time beside those at a
 * server that makes none, in turns. ROOST_BENCH_ENTRIES=n for another number.
 *
 * The disk is that of $ROOST_BENCH_DISK, else /var/tmp.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "latency.h"
#include "servers.h"

enum { WINDOW = 256, ROUNDS = 6, SETS = 1500 };

static char folder[64];

struct side {
    const char *name;
    const char *snapshot_bytes;
    struct bench_roostd server;
    roost_manager *m;
    roost_dict *d;
    struct samples each;
};

static int start(struct side *s, const char *snapshot_bytes)
{
    char data[96];
    snprintf(data, sizeof(data), "%s/%s", folder, s->name);
    const char *const options[] = {"--listen",         "tcp://127.0.0.1:0", "--data", data,
                                   "--snapshot-bytes", snapshot_bytes,      NULL};
    return bench_roostd_start_with(&s->server, options);
}

static int open_dict(struct side *s)
{
    return roost_connect(s->server.url, NULL, &s->m) != 0 || roost_dict_open(s->m, "million", &s->d) != 0
               ? bench_complain()
               : 0;
}

static void close_dict(struct side *s)
{
    roost_dict_close(s->d);
    roost_manager_close(s->m);
}

/* n sets, many under way. */
static int fill(struct side *s, int n)
{
    roost_pending *p[WINDOW] = {NULL};
    int rc = 0;
    for (int i = 0; i < n + WINDOW && rc == 0; i++) {
        roost_pending **slot = &p[i % WINDOW];
        if (*slot != NULL)
            rc = roost_pending_result(*slot, NULL, -1);
        roost_pending_free(*slot);
        *slot = NULL;
        if (i < n && rc == 0)
            rc = roost_async(slot, -1, roost_dict_set(s->d, roost_int(i), roost_int(i)));
    }
    return rc == 0 ? 0 : bench_complain();
}

/* Megabytes of the files of a kind that have been written: a log's file is as large as it may become. */
static double megabytes(const struct side *s, const char *kind)
{
    char pattern[128];
    glob_t g = {0};
    double sum = 0;
    struct stat st;
    snprintf(pattern, sizeof(pattern), "%s/%s/%s-*", folder, s->name, kind);
    if (glob(pattern, 0, NULL, &g) == 0)
        for (size_t i = 0; i < g.gl_pathc; i++)
            sum += stat(g.gl_pathv[i], &st) == 0 ? (double)st.st_size / 1e6 : 0;
    globfree(&g);
    return sum;
}

/* Killed and started: seconds until it is ready. */
static double recover(struct side *s, const char *snapshot_bytes)
{
    bench_roostd_kill(&s->server);
    double begin = bench_now();
    return start(s, snapshot_bytes) == 0 ? bench_now() - begin : -1;
}

/* A snapshot is made, and the log before it is gone. */
static int await_snapshot(struct side *s)
{
    char first[128];
    snprintf(first, sizeof(first), "%s/%s/snapshot-0000000000000000", folder, s->name);
    for (int i = 0; access(first, F_OK) == 0; i++)
        if (roost_dict_set(s->d, roost_int(0), roost_int(i)) != 0)
            return bench_complain();
    return 0;
}

static struct side sides[] = {{.name = "usual", .snapshot_bytes = "1000000000000"},
                              {.name = "in-snapshot", .snapshot_bytes = "1000"}};
static struct side *measured;

static int set_once(int i)
{
    return roost_dict_set(measured->d, roost_int(i), roost_int(i)) != 0 ? bench_complain() : 0;
}

/* One side's whole way: filled, killed with a log, killed with a snapshot. */
static int prepare(struct side *s, int n, bool tell)
{
    if (start(s, "1000000000000") != 0 || open_dict(s) != 0)
        return -1;
    double begin = bench_now();
    if (fill(s, n) != 0)
        return -1;
    double filled = bench_now() - begin, log_mb = megabytes(s, "log");
    close_dict(s);
    double from_log = recover(s, "1000000000000");
    double again = from_log >= 0 ? recover(s, "1") : -1;
    if (again < 0 || open_dict(s) != 0 || await_snapshot(s) != 0)
        return -1;
    close_dict(s);
    double snapshot_mb = megabytes(s, "snapshot"), from_snapshot = recover(s, s->snapshot_bytes);
    if (tell)
        printf("durable.million: %d sets in %.1f s; log %.0f MB, recovery from it %.2f s; snapshot %.0f MB, "
               "recovery "
               "from it %.2f s\n",
               n, filled, log_mb, from_log, snapshot_mb, from_snapshot);
    return from_snapshot >= 0 ? open_dict(s) : -1;
}

static int compare(void)
{
    double us[2][PERCENTILES];
    for (int i = 0; i < 2 * ROUNDS; i++) {
        measured = &sides[i % 2];
        bench_note_in(&measured->each);
        if (bench_each(SETS, set_once) < 0)
            return -1;
        bench_note_in(NULL);
    }
    for (int i = 0; i < 2; i++) {
        if (!bench_percentiles_of(&sides[i].each, us[i]))
            return -1;
        printf("durable.set.%s: p50 %.0f µs, p99 %.0f µs, p99.9 %.0f µs\n", sides[i].name, us[i][0], us[i][1],
               us[i][2]);
        bench_samples_free(&sides[i].each);
    }
    double ratio = us[1][1] / us[0][1];
    printf("durable.set.in_snapshot.p99: %.2f of the usual   goal 2: %s\n", ratio,
           ratio <= 2 ? "reached" : "MISSED");
    return 0;
}

int main(void)
{
    const char *wish = getenv("ROOST_BENCH_ENTRIES"), *disk = getenv("ROOST_BENCH_DISK");
    int n = wish != NULL ? (int)strtol(wish, NULL, 10) : 1000000, rc = 0;
    char command[96];
    snprintf(folder, sizeof(folder), "%.40s/roost-bench-XXXXXX", disk != NULL ? disk : "/var/tmp");
    if (mkdtemp(folder) == NULL) {
        perror(folder);
        return 1;
    }
    for (int i = 0; i < 2 && rc == 0; i++)
        rc = prepare(&sides[i], n, i == 0);
    rc = rc == 0 ? compare() : rc;
    for (int i = 0; i < 2; i++) {
        close_dict(&sides[i]);
        bench_roostd_kill(&sides[i].server);
    }
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command) == 0 && rc == 0 ? 0 : 1;
}
