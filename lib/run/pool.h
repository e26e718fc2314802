/*
 * pool.h: a pool from the inside.
 *
 * Submitters put chunks into `incoming` under the lock; a backend takes them from there: engine.c hands them
 * to worker processes, crew.c's threads run them. Invariant: once `gone` is 1, every chunk ever put in was
 * closed, and no worker is left.
 */
#ifndef ROOST_RUN_POOL_H
#define ROOST_RUN_POOL_H

#include <pthread.h>

#include "run/job.h"
#include "run/notifier.h"
#include "run/trace.h"

struct backend {
    int (*start)(roost_pool *p);
    void (*wake)(roost_pool *p); /* `incoming`, `closed` or `terminated` changed; the lock is free */
    void (*free)(roost_pool *p); /* after `gone` became 1 */
    int (*pids)(roost_pool *p, pid_t *pids, int n);
    bool (*is_worker)(roost_pool *p); /* is the calling thread a worker of p? */
};

struct roost_pool {
    pthread_mutex_t lock;
    struct list incoming;
    uint32_t incoming_count; /* chunks */
    struct list iterators;   /* those that still have input (iter.c) */
    atomic_bool closed;      /* these two are set under the lock, and may be read without */
    atomic_bool terminated;
    atomic_bool is_broken;
    char broken[256]; /* why the pool takes no more tasks; "" while it does */
    _Atomic uint32_t gone;
    roost_pool_options options;
    unsigned generation;
    const struct backend *backend;
    void *state; /* the backend's */
    struct notifier notifier;
    struct trace *trace; /* NULL: nobody wants one */
    _Atomic uint64_t submitted;
    _Atomic uint64_t finished;
    _Atomic uint64_t replaced;
};

extern const struct backend roost__engine;
extern const struct backend roost__crew;

/* ROOST_OK, or the worded reason why p takes no task now. */
int roost__pool_ready(roost_pool *p);

/*
 * Queues all chunks of f; takes the pool's reference to it, also on failure. An iterator may go on when the
 * pool was closed after it had begun. Errors: ROOST_ECLOSED, ROOST_EDIED.
 */
int roost__pool_submit(roost_pool *p, roost_future *f, bool from_iterator);

/* Takes up to n chunks out of `incoming`, in order, to the tail of `to`; chunks of cancelled futures are
 * closed. How many it took; *ret_left is what remains. */
uint32_t roost__pool_take(roost_pool *p, uint32_t n, struct list *to, uint32_t *ret_left);

/* Puts a list of chunks, in order, to the head of `incoming`; closes them when the pool was terminated. */
void roost__pool_give_back(roost_pool *p, struct list *chunks);

/* Closed, and no work will ever come again? Called with the lock. */
bool roost__pool_is_over(const roost_pool *p);

/* The chunk's item failed: words it with the task's name, unless it may be tried again. True: try again. */
bool roost__pool_item_failed(roost_pool *p, struct chunk *c, int code, int status, const char *message);

/* No more tasks; `why` for those who ask. Chunks in `incoming` are closed. */
void roost__pool_break(roost_pool *p, const char *why);

/* Fails what is not done of a list of chunks with `code`, and closes them. */
void roost__pool_fail_chunks(struct list *chunks, int code, const char *why);

/* Closes all chunks of a list: what is not done is cancelled. */
void roost__pool_drop_chunks(struct list *chunks, const char *why);

/* The backend's last act. */
void roost__pool_set_gone(roost_pool *p);

#endif
