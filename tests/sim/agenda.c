/* agenda.c: what is going to happen, and words for what does; see world.h. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "tests/sim/world.h"
#include "wire/decode.h"

void fail_world(struct world *w, const char *format, ...)
{
    va_list args;
    int n = snprintf(w->why, sizeof(w->why), "step %" PRIu64 ": ", w->steps);
    va_start(args, format);
    vsnprintf(w->why + n, sizeof(w->why) - (size_t)n, format, args);
    va_end(args);
    longjmp(w->failed, 1);
}

void say_world(const struct world *w, const char *format, ...)
{
    va_list args;
    if (!w->verbose)
        return;
    printf("%8.3f ms step %" PRIu64 "  ", (double)w->now_us / 1000, w->steps);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
}

void say_frame(const struct world *w, const char *what, uint64_t session, struct slice payload)
{
    roost_value v;
    if (!w->verbose || roost__decode(payload, true, &v) != ROOST_OK)
        return;
    printf("%8.3f ms step %" PRIu64 "    %s ", (double)w->now_us / 1000, w->steps, what);
    if (session != 0)
        printf("session %" PRIu64 ": ", session);
    roost_value_print(stdout, v);
    printf("\n");
    roost_value_free(&v);
}

/* ---- the agenda ---- */

void agenda_add(struct world *w, struct entry e, int64_t in_us)
{
    assert(w->agenda_len < AGENDA_MAX && in_us >= 0);
    e.at_us = w->now_us + in_us;
    e.order = ++w->last_order;
    w->agenda[w->agenda_len++] = e;
}

size_t agenda_first(const struct world *w)
{
    size_t best = 0;
    for (size_t i = 1; i < w->agenda_len; i++) {
        const struct entry *a = &w->agenda[i], *b = &w->agenda[best];
        if (a->at_us < b->at_us || (a->at_us == b->at_us && a->order < b->order))
            best = i;
    }
    return best;
}

struct entry agenda_take(struct world *w, size_t i)
{
    struct entry e = w->agenda[i];
    w->agenda[i] = w->agenda[--w->agenda_len];
    return e;
}
