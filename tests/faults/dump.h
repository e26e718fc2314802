/*
 * dump.h: what a core holds, as bytes: all that clients can find out about its objects, in order.
 *
 * Taking it changes the core (the dumper is a session of its own, and takes the queues' items): it is the
 * last thing done to one. Called by test_core.c.
 */
#ifndef ROOST_TESTS_DUMP_H
#define ROOST_TESTS_DUMP_H

#include "core/core.h"

/* Appends one encoded value after the other; the time is that of the last event. */
void dump_core(struct core *core, int64_t now_us, struct buf *out);

/* The first value in which two dumps differ, of the one and of the other, for people; malloc'ed. */
char *dump_difference(const struct buf *a, const struct buf *b);

/* The bytes that the core counts, but for answers kept: that of a call refused is one. */
uint64_t dump_memory(struct core *core, int64_t now_us);

#endif
