/*
 * engine.h: the engine of a pool of processes from the inside: the slots and who does what with them.
 *
 * results.c reads what workers wrote, deal.c gives work out, deaths.c sees workers come and go, engine.c runs
 * the loop. Only the engine's thread calls any of this; see engine.c for the invariant.
 */
#ifndef ROOST_RUN_ENGINE_H
#define ROOST_RUN_ENGINE_H

#include "run/keeper.h"
#include "run/pool.h"

enum { WINDOW_MIN = 2, WINDOW_MAX = 512 };

struct slot {
    struct place place;
    pid_t pid;   /* 0: none yet, or none at all */
    int pidfd;   /* -1 likewise */
    bool wanted; /* a worker was asked for, or lives */
    struct list inflight;
    uint32_t count;    /* of inflight */
    uint32_t finished; /* jobs whose results are complete */
    uint32_t window;
    uint64_t write_pos;
    struct chunk *bulk; /* the chunk whose arguments are in the bulk area */
    int64_t refilled;   /* when jobs were given last */
    uint32_t refill;    /* finished + count at that time */
};

struct engine {
    roost_pool *pool;
    pthread_t thread;
    struct keeper keeper;
    struct workshop shop;
    struct slot *slots;
    int size;
    int failed_starts;         /* workers that died before they were ready, without a good start between */
    int64_t now;               /* of this round */
    bool busy;                 /* this round brought results */
    uint64_t good;             /* values of this drain, not yet in the pool's count */
    bool leaving;              /* all is done, the workers are being sent home */
    pthread_mutex_t pids_lock; /* pid of slots, for roost_pool_pids() */
};

/* ---- results.c ---- */

/* Takes all results that are there. A worker that wrote nonsense is killed. */
void roost__slot_drain(struct engine *e, struct slot *s);

/* All items of the slot's chunk c are done: closes it. */
void roost__slot_finish_job(struct slot *s, struct chunk *c);

void roost__slot_kill(struct slot *s);

/* ---- deal.c ---- */

/* Chunks in the pool's queue. */
uint32_t roost__engine_queue(roost_pool *p);

/* Deals the queue out: first to those who have nothing, in equal shares. */
void roost__engine_deal(struct engine *e);

/* When the queue is empty and a worker idle, gives it half of what the fullest has not begun. */
void roost__engine_rebalance(struct engine *e);

/* ---- deaths.c ---- */

/* Does what the keeper's notices ask for: a worker started, ended, or could not be forked. */
void roost__engine_read_notices(struct engine *e);

/* Without its keeper every worker gets SIGKILL from the kernel; begins again with another one. */
void roost__engine_replace_keeper(struct engine *e);

/* Notes the slot's worker; 0: none. */
void roost__slot_set_worker(struct engine *e, struct slot *s, pid_t pid);

/* Asks the keeper for a worker. */
void roost__slot_want_worker(struct engine *e, struct slot *s);

/* As roost__pool_is_over(), without the lock. */
bool roost__engine_is_over(roost_pool *p);

#endif
