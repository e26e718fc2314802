/* progress.c: the progress display; see roost/progress.h. */
#include "roost/progress.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/futex.h"

enum { BAR_WIDTH = 20, PROGRESS_LINE = 256 };

#define REDRAW_NS 100000000LL  /* on a terminal */
#define REPORT_NS 5000000000LL /* in a log */

struct roost_progress {
    FILE *out;
    bool terminal;
    uint64_t total;
    int64_t began;
    _Atomic uint64_t count;
    _Atomic int64_t next_look; /* before this moment nobody needs to look closer */
    pthread_mutex_t lock;      /* the rest */
    char *label;
    char *unit;
    int64_t drawn_at;
    uint64_t drawn; /* the count last drawn */
    int width;      /* of the line on the terminal, to be covered by the next */
};

static int copy_text(const char *text, char **ret)
{
    char *copy = text != NULL ? strdup(text) : NULL;
    if (text != NULL && copy == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for a progress display");
    *ret = copy;
    return ROOST_OK;
}

int roost_progress_new(const roost_progress_options *options, roost_progress **ret)
{
    if (options == NULL || ret == NULL)
        return roost__fail(ROOST_EINVAL, "progress: no options or no handle");
    roost_progress *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for a progress display");
    int rc = copy_text(options->label, &p->label);
    if (rc == ROOST_OK)
        rc = copy_text(options->unit, &p->unit);
    if (rc != ROOST_OK) {
        free(p->label);
        free(p);
        return rc;
    }
    pthread_mutex_init(&p->lock, NULL);
    p->out = options->out;
    p->terminal = p->out != NULL && isatty(fileno(p->out));
    p->total = options->total;
    p->began = now_ns();
    *ret = p;
    return ROOST_OK;
}

/* 1234567 as "1,234,567". */
static void put_count(char *to, size_t size, uint64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
    size_t at = 0;
    for (int i = 0; i < len && at + 2 < size; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            to[at++] = ',';
        to[at++] = digits[i];
    }
    to[at] = '\0';
}

/* Seconds as "03:07" or "1:02:03". */
static void put_time(char *to, size_t size, double seconds)
{
    uint64_t s = seconds > 0 ? (uint64_t)seconds : 0;
    if (s >= 3600)
        snprintf(to, size, "%" PRIu64 ":%02u:%02u", s / 3600, (unsigned)(s / 60 % 60), (unsigned)(s % 60));
    else
        snprintf(to, size, "%02u:%02u", (unsigned)(s / 60), (unsigned)(s % 60));
}

static void put_rate(char *to, size_t size, double per_second, const char *unit)
{
    if (per_second > 0 && per_second < 1)
        snprintf(to, size, "%.2f s%s%s", 1 / per_second, unit != NULL ? "/" : " each",
                 unit != NULL ? unit : "");
    else
        snprintf(to, size, "%.1f%s%s/s", per_second, unit != NULL ? " " : "", unit != NULL ? unit : "");
}

/* The line without its end. */
static int compose(const roost_progress *p, uint64_t count, int64_t now, char line[PROGRESS_LINE])
{
    char done[32], total[32], elapsed[32], left[32] = "?", rate[64], bar[BAR_WIDTH + 1];
    double seconds = (double)(now - p->began) / 1e9;
    double per_second = seconds > 0 ? (double)count / seconds : 0;
    put_count(done, sizeof(done), count);
    put_count(total, sizeof(total), p->total);
    put_time(elapsed, sizeof(elapsed), seconds);
    put_rate(rate, sizeof(rate), per_second, p->unit);
    const char *label = p->label != NULL ? p->label : "", *colon = p->label != NULL ? ": " : "";
    if (p->total == 0)
        return snprintf(line, PROGRESS_LINE, "%s%s%s [%s, %s]", label, colon, done, elapsed, rate);
    uint64_t shown = count < p->total ? count : p->total;
    if (per_second > 0)
        put_time(left, sizeof(left), (double)(p->total - shown) / per_second);
    int full = (int)((double)shown / (double)p->total * BAR_WIDTH);
    memset(bar, '#', (size_t)full);
    memset(bar + full, ' ', (size_t)(BAR_WIDTH - full));
    bar[BAR_WIDTH] = '\0';
    return snprintf(line, PROGRESS_LINE, "%s%s%3d%%|%s| %s/%s [%s<%s, %s]", label, colon,
                    (int)(100.0 * (double)shown / (double)p->total), bar, done, total, elapsed, left, rate);
}

static void draw(roost_progress *p, uint64_t count, int64_t now)
{
    char line[PROGRESS_LINE];
    int width = compose(p, count, now, line);
    if (p->terminal)
        fprintf(p->out, "\r%-*s", p->width, line);
    else
        fprintf(p->out, "%s\n", line);
    fflush(p->out);
    p->width = width < PROGRESS_LINE ? width : PROGRESS_LINE - 1;
    p->drawn = count;
    p->drawn_at = now;
}

static bool is_due(const roost_progress *p, uint64_t count, int64_t now)
{
    if (count == p->drawn)
        return false;
    if (p->terminal)
        return now - p->drawn_at >= REDRAW_NS;
    bool tenth = p->total >= 10 && count / (p->total / 10) > p->drawn / (p->total / 10);
    return now - p->drawn_at >= REPORT_NS || (tenth && now - p->drawn_at >= REDRAW_NS);
}

/* Cheap while it is too early for another drawing: one look at the clock. */
static void show(roost_progress *p, uint64_t count)
{
    if (p->out == NULL)
        return;
    int64_t now = now_ns();
    if (now < atomic_load_explicit(&p->next_look, memory_order_relaxed) ||
        pthread_mutex_trylock(&p->lock) != 0)
        return;
    if (p->drawn_at == 0 && !p->terminal)
        p->drawn_at = p->began;
    if (is_due(p, count, now))
        draw(p, count, now);
    atomic_store_explicit(&p->next_look, now + REDRAW_NS, memory_order_relaxed);
    pthread_mutex_unlock(&p->lock);
}

void roost_progress_update(roost_progress *p, uint64_t n)
{
    if (p != NULL)
        show(p, atomic_fetch_add_explicit(&p->count, n, memory_order_relaxed) + n);
}

void roost_progress_set(roost_progress *p, uint64_t n)
{
    if (p == NULL)
        return;
    atomic_store_explicit(&p->count, n, memory_order_relaxed);
    show(p, n);
}

int roost_progress_label(roost_progress *p, const char *label)
{
    char *copy = NULL;
    if (p == NULL)
        return ROOST_OK;
    int rc = copy_text(label, &copy);
    if (rc != ROOST_OK)
        return rc;
    pthread_mutex_lock(&p->lock);
    free(p->label);
    p->label = copy;
    pthread_mutex_unlock(&p->lock);
    return ROOST_OK;
}

void roost_progress_close(roost_progress *p)
{
    if (p == NULL)
        return;
    if (p->out != NULL) {
        draw(p, atomic_load(&p->count), now_ns());
        if (p->terminal) {
            fputc('\n', p->out);
            fflush(p->out);
        }
    }
    pthread_mutex_destroy(&p->lock);
    free(p->label);
    free(p->unit);
    free(p);
}
