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

/* Borrowed tables, valid until the next step: by the rows of roost__methods, and by type code. */
struct core_counts {
    const uint64_t *calls_by_row, *errors_by_row;
    const uint64_t *objects_by_type, *bytes_by_type;
    uint64_t memory, sessions, detached, waiters, holds, deliveries;
    int64_t uptime_us;
};

void core_counts(const struct core *core, struct core_counts *ret);

#endif
