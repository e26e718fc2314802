/* worker.h: the life of a worker process (worker.c). Called by keeper.c in the child. */
#ifndef ROOST_RUN_WORKER_H
#define ROOST_RUN_WORKER_H

#include "run/channel.h"

/* What the engine decided once for all workers of a pool; inherited by the fork. */
struct workshop {
    struct switchboard *board;
    int engine_bell; /* an eventfd */
    roost_pool_options options;
    struct place *places; /* options.size of them */
};

/* Runs jobs until told to quit. Does not return. */
_Noreturn void roost__worker_main(const struct workshop *shop, int slot);

#endif
