/*
 * admin.h: what the shell may ask the core without an event: reads that change nothing, no answer of
 * anybody's, no count of calls. Called under the shell's mutex, between steps.
 */
#ifndef ROOST_CORE_ADMIN_H
#define ROOST_CORE_ADMIN_H

#include "core/core.h"

/*
 * Makes one of the server's own reading methods answer to nobody: code is METHOD_server_…, args a checked
 * array. True: *ret is its result, valid until the effects are used again. False: it failed. What it says is
 * as of the last step.
 */
bool core_look(struct core *core, uint64_t code, struct slice args, struct effects *effects,
               struct slice *ret);

/* An object, as far as its place among the others goes. */
struct core_object {
    uint64_t id, calls, holders, waiters;
};

/* The objects behind *cursor (0: all), in the order of their ids, at most max; *cursor moves to the last of
 * them. Returns how many; 0: there is none. */
size_t core_objects(const struct core *core, uint64_t *cursor, struct core_object *ret, size_t max);

/* Puts the description that server.objects gives of an object. False: there is none. */
bool core_describe(struct core *core, uint64_t id, struct buf *out);

/* Borrowed tables, valid until the next step: by the rows of roost__methods, and by type code. */
struct core_counts {
    const uint64_t *calls_by_row, *errors_by_row;
    const uint64_t *objects_by_type, *bytes_by_type;
    uint64_t memory, sessions, detached, waiters, holds, deliveries;
    int64_t uptime_us;
};

void core_counts(const struct core *core, struct core_counts *ret);

#endif
