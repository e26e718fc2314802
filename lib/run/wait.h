/*
 * wait.h: waiting for whichever of many futures is done first.
 *
 * A watch is hooked to one future and, when that is done, stands in its watcher's list of ready ones.
 * Called by wait.c (roost_wait, roost_as_completed) and iter.c (unordered imap).
 */
#ifndef ROOST_RUN_WAIT_H
#define ROOST_RUN_WAIT_H

#include <pthread.h>

#include "run/job.h"

struct watcher {
    pthread_mutex_t lock;
    struct list ready;      /* watches, in the order in which their futures were done */
    _Atomic uint32_t count; /* how many became ready so far */
    _Atomic uint32_t waiting;
};

struct watch {
    struct hook hook;
    struct list link;
    struct watcher *watcher;
    roost_future *future;
};

void roost__watcher_init(struct watcher *w);
void roost__watcher_free(struct watcher *w);

/* Begins to watch f. */
void roost__watch_add(struct watcher *w, struct watch *watch, roost_future *f);

/* Ends a watch; afterwards its memory is the caller's. Harmless for one that is zero or ended. */
void roost__watch_end(struct watch *watch);

/* The next that became ready, taken out; NULL when the deadline passed. */
struct watch *roost__watcher_next(struct watcher *w, int64_t deadline);

#endif
