/*
 * keeper.h: the small process that forks, watches and reaps the workers of a pool.
 *
 * It is forked once, at roost_pool_new(), and has one thread: so replacements are forked from a clean moment,
 * the program's own wait() calls see no workers, and the kernel's death notice (which follows the forking
 * thread) is exact. When the program dies, the keeper kills the workers; when the keeper dies, the kernel
 * does, and the engine starts another keeper. Called by engine.c.
 */
#ifndef ROOST_RUN_KEEPER_H
#define ROOST_RUN_KEEPER_H

#include "run/worker.h"

struct keeper {
    pid_t pid;
    int pidfd;
    int sock;
};

enum notice_kind { NOTICE_STARTED, NOTICE_ENDED, NOTICE_NO_FORK };

struct notice {
    uint32_t kind;
    int32_t slot;
    int32_t pid;
    int32_t status; /* as of waitpid(); of NOTICE_NO_FORK the errno */
};

/* Forks the keeper. shop must be complete. Errors: ROOST_ESYS. */
int roost__keeper_start(struct keeper *k, const struct workshop *shop);

/* Asks for a worker in a slot; a notice will say how it went. */
void roost__keeper_fork(struct keeper *k, int slot);

/* The next notice, if there is one now. */
bool roost__keeper_notice(struct keeper *k, struct notice *ret);

/* Has the keeper itself ended? */
bool roost__keeper_is_dead(struct keeper *k);

/* Kills all workers, ends the keeper, reaps it. Afterwards no worker is left. */
void roost__keeper_stop(struct keeper *k);

#endif
