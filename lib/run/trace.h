/*
 * trace.h: what a pool's tasks did when: the timeline and the table of roost/profile.h.
 *
 * Events are written as they come, so that memory stays bounded; the table is printed at the end.
 * Thread-safe. Called by engine.c, crew.c, pool.c.
 */
#ifndef ROOST_RUN_TRACE_H
#define ROOST_RUN_TRACE_H

#include "roost/pool.h"

struct trace;

/* Either stream may be NULL, both is an error of the caller. NULL without memory. */
struct trace *roost__trace_new(FILE *timeline, FILE *table);

/* One item ran from start to end (monotonic ns) at worker `worker`. */
void roost__trace_item(struct trace *t, roost_task task, int worker, int64_t start, int64_t end, bool ok);

/* Ends the timeline, prints the table, frees. */
void roost__trace_close(struct trace *t);

#endif
