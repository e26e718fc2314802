/*
 * lines.c: the line profiler; see roost/profile.h.
 *
 * Invariant: a line is in the list once it was hit, and stays: lines are static in the programs' functions.
 * Counters are atomic; the list only grows at its head.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/futex.h"
#include "roost/profile.h"

static struct roost__line *lines; /* used with the __atomic built-ins: the struct is public and plain */

static void list_line(struct roost__line *line)
{
    if (__atomic_exchange_n(&line->listed, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    struct roost__line *first = __atomic_load_n(&lines, __ATOMIC_ACQUIRE);
    do {
        line->next = first;
    } while (!__atomic_compare_exchange_n(&lines, &first, line, 1, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
}

static void charge(struct roost__lines *scope, int64_t now)
{
    if (scope->line == NULL)
        return;
    __atomic_fetch_add(&scope->line->hits, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&scope->line->ns, now - scope->since, __ATOMIC_RELAXED);
}

void roost__line_begin(struct roost__lines *scope, struct roost__line *line)
{
    int64_t now = now_ns();
    charge(scope, now);
    if (__atomic_load_n(&line->listed, __ATOMIC_RELAXED) == 0)
        list_line(line);
    scope->line = line;
    scope->since = now;
}

void roost__lines_end(struct roost__lines *scope)
{
    charge(scope, now_ns());
    scope->line = NULL;
}

/* ---- the table ---- */

struct entry {
    const struct roost__line *line;
    uint64_t hits;
    int64_t ns;
};

static int by_place(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = strcmp(x->line->file, y->line->file);
    return order != 0 ? order : x->line->line - y->line->line;
}

/* Copies the entries of the lines that ran; how many. */
static size_t collect(const char *function, struct entry *ret, size_t max)
{
    size_t n = 0;
    for (const struct roost__line *l = __atomic_load_n(&lines, __ATOMIC_ACQUIRE); l != NULL; l = l->next) {
        struct entry e = {l, __atomic_load_n(&l->hits, __ATOMIC_RELAXED),
                          __atomic_load_n(&l->ns, __ATOMIC_RELAXED)};
        if (e.hits == 0 || (function != NULL && strcmp(function, l->function) != 0))
            continue;
        if (n < max)
            ret[n] = e;
        n++;
    }
    return n < max || max == 0 ? n : max;
}

static int same_function(const struct entry *a, const struct entry *b)
{
    return strcmp(a->line->function, b->line->function) == 0 && strcmp(a->line->file, b->line->file) == 0;
}

/* One function's table; returns where the next begins. */
static size_t print_function(FILE *out, const struct entry *e, size_t from, size_t n)
{
    size_t end = from;
    int64_t total = 0;
    for (; end < n && same_function(&e[from], &e[end]); end++)
        total += e[end].ns;
    fprintf(out, "Total time: %.6f s\nFile: %s\nFunction: %s at line %d\n\n", (double)total / 1e9,
            e[from].line->file, e[from].line->function, e[from].line->line);
    fprintf(out, "%6s %9s %12s %8s %8s  %s\n", "Line #", "Hits", "Time", "Per Hit", "% Time",
            "Line Contents");
    fputs("==============================================================\n", out);
    for (size_t i = from; i < end; i++)
        fprintf(out, "%6d %9llu %12.1f %8.1f %8.1f  %s\n", e[i].line->line, (unsigned long long)e[i].hits,
                (double)e[i].ns / 1e3, (double)e[i].ns / 1e3 / (double)e[i].hits,
                total > 0 ? 100.0 * (double)e[i].ns / (double)total : 0.0, e[i].line->text);
    fputs("\n", out);
    return end;
}

int roost_profile_lines_print(FILE *out, const char *function)
{
    size_t n = collect(function, NULL, 0);
    if (n == 0)
        return roost__fail(ROOST_ENOENT, "profile: no marked line of %s ran",
                           function != NULL ? function : "any function");
    struct entry *entries = calloc(n, sizeof(*entries));
    if (entries == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for a profile of %zu lines", n);
    n = collect(function, entries, n);
    qsort(entries, n, sizeof(*entries), by_place);
    if (function == NULL)
        fputs("Timer unit: 1e-06 s\n\n", out);
    for (size_t i = 0; i < n;)
        i = print_function(out, entries, i, n);
    free(entries);
    return fflush(out) == 0 ? ROOST_OK : roost__fail_sys("profile: writing");
}

void roost_profile_lines_reset(void)
{
    for (struct roost__line *l = __atomic_load_n(&lines, __ATOMIC_ACQUIRE); l != NULL; l = l->next) {
        __atomic_store_n(&l->hits, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&l->ns, 0, __ATOMIC_RELAXED);
    }
}
