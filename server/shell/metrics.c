/* metrics.c: see metrics.h. */
#include "shell/metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "shell/server.h"
#include "shell/store.h"

bool metrics_init(struct metrics *m)
{
    *m = (struct metrics){.by_row = calloc(roost__method_count, sizeof(*m->by_row))};
    return m->by_row != NULL;
}

void metrics_free(struct metrics *m)
{
    free(m->by_row);
    m->by_row = NULL;
}

/* What the page is made of: a copy, so that the mutex is free while it is written. */
struct copy {
    struct metrics metrics;
    struct core_counts counts;
    uint64_t *rows[2]; /* calls and errors */
    uint64_t objects[TYPE_COUNT], bytes[TYPE_COUNT];
    size_t connections[TRANSPORT_COUNT], rings;
    int64_t memory_max;
    bool in_cluster;
    struct store_state cluster;
};

static void *copy_of(void *to, const void *from, size_t n)
{
    memcpy(to, from, n);
    return to;
}

static void take(struct server *s, struct copy *c)
{
    size_t rows = roost__method_count;
    struct histogram *histograms = c->metrics.by_row;
    pthread_mutex_lock(&s->mutex);
    core_counts(s->core, &c->counts);
    memcpy(c->rows[0], c->counts.calls_by_row, rows * sizeof(*c->rows[0]));
    memcpy(c->rows[1], c->counts.errors_by_row, rows * sizeof(*c->rows[1]));
    memcpy(c->objects, c->counts.objects_by_type, sizeof(c->objects));
    memcpy(c->bytes, c->counts.bytes_by_type, sizeof(c->bytes));
    memcpy(c->connections, s->conns_by_transport, sizeof(c->connections));
    c->metrics = s->metrics;
    c->metrics.by_row = copy_of(histograms, s->metrics.by_row, rows * sizeof(*histograms));
    c->rings = s->rings_used;
    c->memory_max = s->limits.memory_max;
    c->in_cluster = s->store != NULL && s->store->ops->describe != NULL;
    if (c->in_cluster)
        s->store->ops->describe(s->store, &c->cluster);
    pthread_mutex_unlock(&s->mutex);
}

static void put(struct buf *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct buf *out, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    buf_append(out, line, n < (int)sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

static void put_head(struct buf *out, const char *name, const char *type, const char *help)
{
    put(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_one(struct buf *out, const char *name, const char *type, const char *help, uint64_t value)
{
    put_head(out, name, type, help);
    put(out, "%s %" PRIu64 "\n", name, value);
}

static const char *method_name(unsigned row, char *ret, size_t len)
{
    snprintf(ret, len, "%s.%s", roost_type_name(roost__methods[row].type), roost__methods[row].name);
    return ret;
}

/* A counter for each method that was ever called. */
static void put_rows(struct buf *out, const struct copy *c, unsigned which, const char *name,
                     const char *help)
{
    char method[64];
    put_head(out, name, "counter", help);
    for (unsigned i = 0; i < roost__method_count; i++)
        if (c->rows[0][i] > 0)
            put(out, "%s{method=\"%s\"} %" PRIu64 "\n", name, method_name(i, method, sizeof(method)),
                c->rows[which][i]);
}

/* Cumulative, at every fourfold: Prometheus keeps a series for each. */
static void put_histogram(struct buf *out, const struct histogram *h, const char *method)
{
    static const char name[] = "roost_call_duration_seconds";
    uint64_t below = 0;
    unsigned i = 0;
    for (unsigned e = BUCKET_FIRST; e <= BUCKET_LAST; e += 2) {
        for (; i < 1 + 2 * (e - BUCKET_FIRST); i++)
            below += h->in[i];
        put(out, "%s_bucket{method=\"%s\",le=\"%.9g\"} %" PRIu64 "\n", name, method,
            (double)(1ULL << e) * 1e-9, below);
    }
    for (; i < BUCKETS; i++)
        below += h->in[i];
    put(out, "%s_bucket{method=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", name, method, below);
    put(out, "%s_sum{method=\"%s\"} %.9g\n", name, method, (double)h->sum_ns * 1e-9);
    put(out, "%s_count{method=\"%s\"} %" PRIu64 "\n", name, method, below);
}

static void put_histograms(struct buf *out, const struct copy *c)
{
    char method[64];
    put_head(out, "roost_call_duration_seconds", "histogram",
             "How long executing a call took, without what it waited for.");
    for (unsigned i = 0; i < roost__method_count; i++)
        if (c->rows[0][i] > 0)
            put_histogram(out, &c->metrics.by_row[i], method_name(i, method, sizeof(method)));
}

static void put_types(struct buf *out, const uint64_t *by_type, const char *name, const char *help)
{
    put_head(out, name, "gauge", help);
    for (int t = ROOST_TYPE_server + 1; t < TYPE_COUNT; t++)
        put(out, "%s{type=\"%s\"} %" PRIu64 "\n", name, roost_type_name((roost_type)t), by_type[t]);
}

static void put_cluster(struct buf *out, const struct store_state *state)
{
    put_one(out, "roost_cluster_leads", "gauge", "Does this node lead its cluster?",
            strcmp(state->role, "leader") == 0);
    put_one(out, "roost_cluster_leader", "gauge", "The node that leads, as far as this one knows; 0: none.",
            state->leader);
    put_one(out, "roost_cluster_term", "counter", "How often a leader was looked for.", state->term);
    put_one(out, "roost_cluster_applied", "counter", "The entry of the log that took effect last.",
            state->applied);
}

static void put_all(struct buf *out, const struct copy *c)
{
    static const char *const transports[] = {"ipc", "tcp", "nng", "tls"};
    _Static_assert(sizeof(transports) / sizeof(transports[0]) == TRANSPORT_COUNT, "each has a name");
    put_head(out, "roost_build_info", "gauge", "The version, as a label.");
    put(out, "roost_build_info{version=\"" ROOST_VERSION "\"} 1\n");
    put_head(out, "roost_uptime_seconds", "gauge", "Since the server started, as of its last step.");
    put(out, "roost_uptime_seconds %.3f\n", (double)c->counts.uptime_us * 1e-6);
    put_rows(out, c, 0, "roost_calls_total", "Calls, by method.");
    put_rows(out, c, 1, "roost_call_errors_total", "Calls that were answered with an error, by method.");
    put_histograms(out, c);
    put_types(out, c->objects, "roost_objects", "Objects, by type.");
    put_types(out, c->bytes, "roost_object_bytes", "What objects take, by type.");
    put_one(out, "roost_memory_bytes", "gauge", "What counts against memory_max.", c->counts.memory);
    put_one(out, "roost_memory_max_bytes", "gauge", "The limit memory_max.", (uint64_t)c->memory_max);
    put_one(out, "roost_sessions", "gauge", "Sessions, connected or not.", c->counts.sessions);
    put_one(out, "roost_sessions_detached", "gauge", "Sessions without a connection.", c->counts.detached);
    put_head(out, "roost_connections", "gauge", "Connections, by transport.");
    for (int t = 0; t < TRANSPORT_COUNT; t++)
        put(out, "roost_connections{transport=\"%s\"} %zu\n", transports[t], c->connections[t]);
    put_one(out, "roost_rings", "gauge", "Connections through shared memory.", c->rings);
    put_one(out, "roost_waiters", "gauge", "Calls that wait.", c->counts.waiters);
    put_one(out, "roost_holds", "gauge", "Locks and permits held.", c->counts.holds);
    put_one(out, "roost_deliveries", "gauge", "Items on their way.", c->counts.deliveries);
    put_one(out, "roost_received_bytes_total", "counter", "Bytes of frames received.", c->metrics.bytes_in);
    put_one(out, "roost_sent_bytes_total", "counter", "Bytes of frames sent.", c->metrics.bytes_out);
    put_one(out, "roost_slow_calls_total", "counter", "Calls over slow-ms.", c->metrics.slow);
    put_one(out, "roost_refused_total", "counter", "Calls refused by a limit or for want of a right.",
            c->metrics.refused);
    if (c->in_cluster)
        put_cluster(out, &c->cluster);
}

void metrics_text(struct server *s, struct buf *out)
{
    size_t rows = roost__method_count;
    struct copy *c = calloc(1, sizeof(*c));
    uint64_t *counts = calloc(2 * rows, sizeof(*counts));
    struct histogram *histograms = calloc(rows, sizeof(*histograms));
    if (c != NULL && counts != NULL && histograms != NULL) {
        c->metrics.by_row = histograms;
        c->rows[0] = counts;
        c->rows[1] = counts + rows;
        take(s, c);
        put_all(out, c);
    } else {
        out->failed = true;
    }
    free(histograms);
    free(counts);
    free(c);
}
