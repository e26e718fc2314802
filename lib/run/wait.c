/* wait.c: roost_wait() and roost_as_completed(); see roost/future.h and wait.h. */
#include "run/wait.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/futex.h"
#include "base/hmap.h"
#include "roost/progress.h"

/* ---- watchers ---- */

void roost__watcher_init(struct watcher *w)
{
    pthread_mutex_init(&w->lock, NULL);
    list_init(&w->ready);
    atomic_init(&w->count, 0);
    atomic_init(&w->waiting, 0);
}

void roost__watcher_free(struct watcher *w)
{
    pthread_mutex_destroy(&w->lock);
}

/* Wakes under the lock: the waiter cannot free the watcher before we are through with it. */
static void become_ready(struct watch *watch)
{
    struct watcher *w = watch->watcher;
    pthread_mutex_lock(&w->lock);
    list_push_back(&w->ready, &watch->link);
    atomic_fetch_add(&w->count, 1);
    if (atomic_load(&w->waiting) != 0)
        futex_wake(&w->count, 1);
    pthread_mutex_unlock(&w->lock);
}

static void fire(struct hook *h, roost_future *f)
{
    (void)f;
    become_ready(container_of(h, struct watch, hook));
}

void roost__watch_add(struct watcher *w, struct watch *watch, roost_future *f)
{
    *watch = (struct watch){.hook = {.fire = fire}, .watcher = w, .future = f};
    list_init(&watch->link);
    if (!roost__future_hook(f, &watch->hook))
        become_ready(watch);
}

void roost__watch_end(struct watch *watch)
{
    if (watch->watcher == NULL || roost__future_unhook(watch->future, &watch->hook))
        return;
    pthread_mutex_lock(&watch->watcher->lock);
    list_remove(&watch->link);
    pthread_mutex_unlock(&watch->watcher->lock);
}

static struct watch *take_ready(struct watcher *w)
{
    pthread_mutex_lock(&w->lock);
    struct list *first = list_first(&w->ready);
    if (first != NULL)
        list_remove(first);
    pthread_mutex_unlock(&w->lock);
    return first != NULL ? container_of(first, struct watch, link) : NULL;
}

struct watch *roost__watcher_next(struct watcher *w, int64_t deadline)
{
    for (;;) {
        uint32_t seen = atomic_load(&w->count);
        struct watch *watch = take_ready(w);
        if (watch != NULL)
            return watch;
        atomic_store(&w->waiting, 1);
        bool in_time = atomic_load(&w->count) != seen || futex_wait(&w->count, seen, deadline);
        atomic_store(&w->waiting, 0);
        if (!in_time)
            return take_ready(w);
    }
}

/* ---- wait ---- */

static bool has_failed(roost_future *f)
{
    bool ok = true;
    return roost_future_successful(f, &ok) == ROOST_OK && !ok && !roost_future_cancelled(f);
}

/* Counts what is done; true when that is enough. */
static bool enough(roost_future *const *futures, size_t n, roost_wait_for what, size_t *ret_done)
{
    size_t done = 0;
    bool failed = false;
    for (size_t i = 0; i < n; i++) {
        if (!roost_future_done(futures[i]))
            continue;
        done++;
        failed = failed || (what == ROOST_FIRST_EXCEPTION && has_failed(futures[i]));
    }
    if (ret_done != NULL)
        *ret_done = done;
    return done == n || failed || (what == ROOST_FIRST_COMPLETED && done > 0);
}

/* Sleeps until enough is done. Each wake-up asks the one future that was done, not all. */
static int watch_until(roost_future *const *futures, size_t n, roost_wait_for what, int64_t deadline)
{
    struct watcher w;
    struct watch *watches = calloc(n, sizeof(*watches));
    int rc = ROOST_OK;
    if (watches == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory to wait for %zu futures", n);
    roost__watcher_init(&w);
    for (size_t i = 0; i < n; i++)
        roost__watch_add(&w, &watches[i], futures[i]);
    for (size_t done = 0; done < n && rc == ROOST_OK; done++) {
        struct watch *ready = roost__watcher_next(&w, deadline);
        if (ready == NULL)
            rc = roost__fail(ROOST_ETIMEDOUT, "wait: timed out with %zu of %zu futures done", done, n);
        else if (what == ROOST_FIRST_COMPLETED ||
                 (what == ROOST_FIRST_EXCEPTION && has_failed(ready->future)))
            break;
    }
    for (size_t i = 0; i < n; i++)
        roost__watch_end(&watches[i]);
    roost__watcher_free(&w);
    free(watches);
    return rc;
}

int roost_wait(roost_future *const *futures, size_t n, roost_wait_for what, size_t *ret_done, int timeout_ms)
{
    int64_t deadline = deadline_after(timeout_ms);
    if (enough(futures, n, what, ret_done))
        return ROOST_OK;
    if (timeout_ms == 0)
        return roost__fail(ROOST_ETIMEDOUT, "wait: not enough of %zu futures are done", n);
    int rc = watch_until(futures, n, what, deadline);
    enough(futures, n, what, ret_done);
    return rc;
}

/* ---- as completed ---- */

struct roost_completion {
    struct watcher watcher;
    struct watch *watches;
    size_t n;
    size_t given;
    roost_progress *progress;
};

static int by_address(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t) * (roost_future *const *)a, y = (uintptr_t) * (roost_future *const *)b;
    return (x > y) - (x < y);
}

/* The distinct futures, in a new array. */
static roost_future **distinct(roost_future *const *futures, size_t n, size_t *ret_n)
{
    roost_future **sorted = calloc(n + 1, sizeof(*sorted));
    size_t kept = 0;
    if (sorted == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++)
        sorted[i] = futures[i];
    qsort(sorted, n, sizeof(*sorted), by_address);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || sorted[i] != sorted[kept - 1])
            sorted[kept++] = sorted[i];
    *ret_n = kept;
    return sorted;
}

int roost_as_completed(roost_future *const *futures, size_t n, FILE *progress, roost_completion **ret)
{
    roost_completion *c = calloc(1, sizeof(*c));
    roost_future **list = distinct(futures, n, &n);
    struct watch *watches = calloc(n + 1, sizeof(*watches));
    int rc = c == NULL || list == NULL || watches == NULL
                 ? roost__fail(ROOST_ENOMEM, "no memory to watch %zu futures", n)
                 : ROOST_OK;
    if (rc == ROOST_OK && progress != NULL)
        rc = roost_progress_new(&(roost_progress_options){.out = progress, .total = n}, &c->progress);
    if (rc == ROOST_OK) {
        roost__watcher_init(&c->watcher);
        c->watches = watches;
        c->n = n;
        for (size_t i = 0; i < n; i++)
            roost__watch_add(&c->watcher, &watches[i], list[i]);
        *ret = c;
    } else {
        free(c);
        free(watches);
    }
    free(list);
    return rc;
}

int roost_completion_next(roost_completion *c, roost_future **ret, int timeout_ms)
{
    if (c->given == c->n)
        return roost__fail(ROOST_EEMPTY, "as completed: all %zu futures were given", c->n);
    struct watch *ready = roost__watcher_next(&c->watcher, deadline_after(timeout_ms));
    if (ready == NULL)
        return roost__fail(ROOST_ETIMEDOUT, "as completed: timed out with %zu of %zu futures given", c->given,
                           c->n);
    c->given++;
    roost_progress_update(c->progress, 1);
    *ret = ready->future;
    return ROOST_OK;
}

void roost_completion_free(roost_completion *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->n; i++)
        roost__watch_end(&c->watches[i]);
    roost_progress_close(c->progress);
    roost__watcher_free(&c->watcher);
    free(c->watches);
    free(c);
}
