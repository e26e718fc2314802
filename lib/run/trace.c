/* trace.c: the timeline and the table of a pool's tasks; see trace.h. Format of the timeline: "Trace Event
 * Format", JSON array form, complete events ("ph": "X"), times in microseconds. */
#include "run/trace.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/futex.h"
#include "base/hmap.h"
#include "base/list.h"
#include "run/task.h"

struct row {
    struct hnode node;
    roost_task task;
    char name[TASK_NAME_MAX];
    uint64_t hits;
    uint64_t failures;
    int64_t total;
};

struct trace {
    pthread_mutex_t lock;
    FILE *timeline;
    FILE *table;
    int64_t began;
    uint64_t events;
    struct hmap rows;
};

struct trace *roost__trace_new(FILE *timeline, FILE *table)
{
    struct trace *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return NULL;
    pthread_mutex_init(&t->lock, NULL);
    t->timeline = timeline;
    t->table = table;
    t->began = now_ns();
    if (timeline != NULL)
        fputs("[", timeline);
    return t;
}

static bool same_task(const struct hnode *n, const void *key)
{
    const struct row *row = (const void *)n;
    return row->task == *(const roost_task *)key;
}

static struct row *row_of(struct trace *t, roost_task task)
{
    uint64_t hash = hash_u64((uint64_t)(uintptr_t)task);
    struct hnode *found = roost__hmap_find(&t->rows, hash, same_task, &task);
    if (found != NULL)
        return container_of(found, struct row, node);
    struct row *row = calloc(1, sizeof(*row));
    if (row == NULL)
        return NULL;
    row->node.hash = hash;
    row->task = task;
    roost__task_name(task, row->name);
    if (roost__hmap_add(&t->rows, &row->node))
        return row;
    free(row);
    return NULL;
}

void roost__trace_item(struct trace *t, roost_task task, int worker, int64_t start, int64_t end, bool ok)
{
    pthread_mutex_lock(&t->lock);
    struct row *row = row_of(t, task);
    if (row != NULL) {
        row->hits++;
        row->failures += !ok;
        row->total += end - start;
        if (t->timeline != NULL)
            fprintf(t->timeline,
                    "%s\n{\"name\": \"%s\", \"cat\": \"%s\", \"ph\": \"X\", \"pid\": 1, \"tid\": %d, "
                    "\"ts\": %.3f, \"dur\": %.3f}",
                    t->events++ > 0 ? "," : "", row->name, ok ? "task" : "failed", worker,
                    (double)(start - t->began) / 1e3, (double)(end - start) / 1e3);
    }
    pthread_mutex_unlock(&t->lock);
}

static int by_total(const void *a, const void *b)
{
    const struct row *x = *(struct row *const *)a, *y = *(struct row *const *)b;
    return (x->total < y->total) - (x->total > y->total);
}

static void print_table(FILE *out, struct row **rows, size_t n)
{
    int64_t all = 0;
    for (size_t i = 0; i < n; i++)
        all += rows[i]->total;
    fprintf(out, "%10s %9s %14s %14s %7s  %s\n", "hits", "failures", "total ms", "per hit us", "% time",
            "task");
    for (size_t i = 0; i < n; i++) {
        const struct row *r = rows[i];
        fprintf(out, "%10" PRIu64 " %9" PRIu64 " %14.3f %14.3f %7.1f  %s\n", r->hits, r->failures,
                (double)r->total / 1e6, (double)r->total / 1e3 / (double)r->hits,
                all > 0 ? 100.0 * (double)r->total / (double)all : 0.0, r->name);
    }
}

void roost__trace_close(struct trace *t)
{
    size_t n = 0;
    struct row **rows = calloc(t->rows.len + 1, sizeof(*rows));
    for (size_t i = 0; i < t->rows.cap; i++) {
        if (t->rows.slots[i].node == NULL)
            continue;
        struct row *row = container_of(t->rows.slots[i].node, struct row, node);
        if (rows != NULL)
            rows[n++] = row;
        else
            free(row);
    }
    if (rows != NULL)
        qsort(rows, n, sizeof(*rows), by_total);
    if (t->table != NULL && rows != NULL) {
        print_table(t->table, rows, n);
        fflush(t->table);
    }
    if (t->timeline != NULL) {
        fputs("\n]\n", t->timeline);
        fflush(t->timeline);
    }
    for (size_t i = 0; i < n; i++)
        free(rows[i]);
    free(rows);
    roost__hmap_free(&t->rows);
    pthread_mutex_destroy(&t->lock);
    free(t);
}
