/*
 * worker.h: the life of a client process that asks for this and that at random and records it.
 */
#ifndef ROOST_TESTS_PROOF_WORKER_H
#define ROOST_TESTS_PROOF_WORKER_H

#include "tests/proof/history.h"
#include "tests/proof/world.h"

enum { REGISTERS = 6, COUNTERS = 2, QUEUES = 2, LOCKS = 2 };

struct worker {
    struct history *h;
    int lane;
    const char *url;
    roost_options options;
    uint64_t seed;
    unsigned kinds; /* of operations it makes, 1 << op_kind; OP_ACQUIRE brings fenced writes and releases */
};

/* Creates the objects that workers use, on the test's own connection. */
void worker_objects(struct world *w);

/* Lives until the history ends, or full it is; ends the process: with 7 after an answer that nothing
 * explains. */
_Noreturn void worker_live(struct worker worker);

/* Takes what is left in the queues, recording it as a process of its own in the last lane, and ends the
 * history. */
void worker_drain(struct world *w, struct history *h);

/* What stands in a counter. */
int64_t worker_counter(struct world *w, int counter);

#endif
