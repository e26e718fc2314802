/*
 * notifier.h: the thread of a pool that calls the user's callbacks and draws the progress of its maps.
 *
 * So that nothing a callback does can stop the pool: it may block, be slow, or leave by pthread_exit() (the
 * thread is then started again). Invariant: callbacks run one at a time, in the order in which futures were
 * done. The thread starts with the first need. Called by future.c (callbacks), submit.c, pool.c.
 */
#ifndef ROOST_RUN_NOTIFIER_H
#define ROOST_RUN_NOTIFIER_H

#include <pthread.h>

#include "roost/progress.h"
#include "run/job.h"

struct callback {
    struct hook hook;
    struct list link;
    roost_callbacks what;
    roost_future *future; /* held once it is done */
};

/* A map whose progress is shown. */
struct display {
    struct list link;
    roost_future *future; /* held */
    roost_progress *progress;
};

struct notifier {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct list callbacks;
    struct list displays;
    pthread_t thread;
    bool running;
    bool busy; /* inside a callback */
    roost_pool *pool;
};

void roost__notifier_init(struct notifier *n, roost_pool *p);
void roost__notifier_free(struct notifier *n);

/* Waits until all callbacks were called, until the deadline. Errors: ROOST_ETIMEDOUT, ROOST_EDEADLK. */
int roost__notifier_drain(struct notifier *n, int64_t deadline);

/* Is the calling thread the notifier's? */
bool roost__notifier_is_self(struct notifier *n);

/* Has one of the two called when f is done. Errors: ROOST_ENOMEM. */
int roost__callback_add(roost_future *f, const roost_callbacks *what);

/* Frees a callback whose future was never submitted. */
void roost__callback_drop(struct hook *h);

/* Shows f's progress on `out` until f is done. */
int roost__notifier_show(struct notifier *n, roost_future *f, FILE *out);

#endif
