/*
 * bench.c: measures every row in turns with its peer and prints medians; see README.md.
 */
#include "bench.h"
#include "goals.h"
#include "latency.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 9, QUICK_ROUNDS = 3, QUICK_DIVISOR = 10 };

struct peer {
    pid_t pid; /* 0: not started */
    FILE *in;
    FILE *out;
};

struct options {
    const char *only;
    const char *json;
    const char *python;
    const char *peer_program;
    bool quick;
};

/* ---- the Python beside us ---- */

static int peer_start(struct peer *p, const struct options *o)
{
    int to[2], from[2];
    if (pipe(to) != 0 || pipe(from) != 0)
        return -1;
    p->pid = fork();
    if (p->pid == 0) {
        dup2(to[0], STDIN_FILENO);
        dup2(from[1], STDOUT_FILENO);
        close(to[1]);
        close(from[0]);
        execlp(o->python, o->python, o->peer_program, (char *)NULL);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    p->in = fdopen(to[1], "w");
    p->out = fdopen(from[0], "r");
    return p->in != NULL && p->out != NULL ? 0 : -1;
}

static void peer_stop(struct peer *p)
{
    if (p->pid == 0)
        return;
    fclose(p->in); /* the end of its input ends it */
    fclose(p->out);
    waitpid(p->pid, NULL, 0);
    *p = (struct peer){.pid = 0};
}

/* The seconds that the peer takes for n operations, or a negative number. */
static double peer_run(struct peer *p, const struct options *o, const char *call, int n)
{
    char line[128];
    if (p->pid == 0 && peer_start(p, o) != 0)
        return -1;
    fprintf(p->in, "%s %d\n", call, n);
    fflush(p->in);
    return fgets(line, sizeof(line), p->out) != NULL ? strtod(line, NULL) : -1;
}

/* ---- measuring ---- */

/* One round of the peer: 0 when there is none. */
static double theirs_once(const struct row *row, struct peer *p, const struct options *o, int n)
{
    if (row->peer_call != NULL)
        return peer_run(p, o, row->peer_call, n);
    return row->peer_run != NULL ? row->peer_run(n) : 0;
}

struct result {
    double ours;   /* microseconds an operation, the median */
    double theirs; /* 0: nobody */
    double spread; /* (most - least) / median of ours */
    struct samples ours_each, theirs_each;
};

static bool measure(const struct row *row, struct peer *p, const struct options *o, struct result *ret)
{
    double ours[ROUNDS], theirs[ROUNDS];
    int rounds = o->quick ? QUICK_ROUNDS : ROUNDS;
    int n = o->quick ? row->operations / QUICK_DIVISOR + 1 : row->operations;
    row->run(n / 10 + 1); /* warm */
    if (theirs_once(row, p, o, n / 10 + 1) < 0)
        return false;
    for (int i = 0; i < rounds; i++) {
        bench_note_in(&ret->ours_each);
        ours[i] = row->run(n) / n * 1e6;
        bench_note_in(&ret->theirs_each);
        theirs[i] = theirs_once(row, p, o, n) / n * 1e6;
        bench_note_in(NULL);
        if (ours[i] < 0 || theirs[i] < 0)
            return false;
    }
    ret->theirs = bench_median(theirs, rounds);
    ret->ours = bench_median(ours, rounds);
    ret->spread = (ours[rounds - 1] - ours[0]) / ret->ours;
    return true;
}

/* The percentiles of one side, where single operations were timed: to the table and to the JSON. */
static void report_latency(const char *side, struct samples *s, json_t *to)
{
    double us[PERCENTILES];
    if (!bench_percentiles_of(s, us))
        return;
    printf("   %s p50 %.1f p99 %.1f p99.9 %.1f", side, us[0], us[1], us[2]);
    json_object_set_new(to, side, json_pack("{s:f, s:f, s:f}", "p50", us[0], "p99", us[1], "p99.9", us[2]));
    bench_samples_free(s);
}

static void report(const struct row *row, struct result *r, json_t *all)
{
    double ratio = r->theirs > 0 ? r->theirs / r->ours : 0;
    json_t *latency = json_object();
    printf("%-30s %10.3f %10.3f  %-17s %7.2fx   ±%.0f %%", row->name, r->ours, r->theirs,
           row->peer != NULL ? row->peer : "-", ratio, r->spread * 50);
    double goal = bench_goal(row->name);
    if (goal > 0)
        printf("   goal %gx: %s", goal, ratio >= goal ? "reached" : "MISSED");
    report_latency("ours", &r->ours_each, latency);
    report_latency("theirs", &r->theirs_each, latency);
    printf("\n");
    fflush(stdout);
    json_array_append_new(all,
                          json_pack("{s:s, s:s, s:f, s:s?, s:f, s:f, s:f, s:f, s:o}", "name", row->name,
                                    "unit", "us", "ours", r->ours, "peer", row->peer, "theirs", r->theirs,
                                    "ratio", ratio, "goal", goal, "spread", r->spread, "latency", latency));
}

static bool measure_rows(const struct row *rows, size_t n, struct peer *p, const struct options *o,
                         json_t *all)
{
    bool ok = true;
    for (size_t i = 0; i < n; i++) {
        struct result r = {.ours = 0};
        if (o->only != NULL && strstr(rows[i].name, o->only) == NULL)
            continue;
        int rc = rows[i].prepare != NULL ? rows[i].prepare() : 0;
        if (rc != 0) {
            ok = ok && rc > 0;
            continue;
        }
        if (measure(&rows[i], p, o, &r))
            report(&rows[i], &r, all);
        else
            ok = false, fprintf(stderr, "%s: failed\n", rows[i].name);
        if (rows[i].finish != NULL)
            rows[i].finish();
        peer_stop(p); /* each row meets a fresh interpreter */
    }
    return ok;
}

static int parse(struct options *o, int argc, char **argv)
{
    static const struct option table[] = {
        {"only", required_argument, NULL, 'o'}, {"json", required_argument, NULL, 'j'},
        {"quick", no_argument, NULL, 'q'},      {"python", required_argument, NULL, 'p'},
        {"peer", required_argument, NULL, 'P'}, {0}};
    for (int c; (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        if (c == 'o')
            o->only = optarg;
        else if (c == 'j')
            o->json = optarg;
        else if (c == 'q')
            o->quick = true;
        else if (c == 'p')
            o->python = optarg;
        else if (c == 'P')
            o->peer_program = optarg;
        else
            return -1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct options o = {.python = "python3", .peer_program = "tools/bench/peer.py"};
    struct peer peer = {0};
    if (parse(&o, argc, argv) != 0)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    json_t *all = json_array();
    printf("%-30s %10s %10s  %-17s %8s   spread\n", "microseconds an operation", "roost", "peer", "",
           "ratio");
    fflush(stdout); /* before anything forks */
    bool ok = measure_rows(floor_rows, floor_row_count, &peer, &o, all);
    ok = measure_rows(ring_rows, ring_row_count, &peer, &o, all) && ok;
    ok = measure_rows(session_rows, session_row_count, &peer, &o, all) && ok;
    ok = measure_rows(server_rows, server_row_count, &peer, &o, all) && ok;
    ok = measure_rows(between_rows, between_row_count, &peer, &o, all) && ok;
    ok = measure_rows(http_rows, http_row_count, &peer, &o, all) && ok;
#ifdef ROOST_BENCH_REDIS
    ok = measure_rows(redis_rows, redis_row_count, &peer, &o, all) && ok;
#endif
#ifdef ROOST_BENCH_DURABLE
    ok = measure_rows(durable_rows, durable_row_count, &peer, &o, all) && ok;
    ok = measure_rows(cluster_rows, cluster_row_count, &peer, &o, all) && ok;
#endif
#ifdef ROOST_BENCH_TLS
    ok = measure_rows(tls_rows, tls_row_count, &peer, &o, all) && ok;
#endif
    ok = measure_rows(local_rows, local_row_count, &peer, &o, all) && ok;
    ok = measure_rows(shm_rows, shm_row_count, &peer, &o, all) && ok;
    if (o.json != NULL && json_dump_file(all, o.json, JSON_INDENT(2)) != 0) {
        fprintf(stderr, "%s: cannot be written\n", o.json);
        ok = false;
    }
    json_decref(all);
    return ok ? 0 : 1;
}
