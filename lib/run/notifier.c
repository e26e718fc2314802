/* notifier.c: callbacks and displays; see notifier.h. */
#include "run/notifier.h"

#include <signal.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/futex.h"
#include "run/pool.h"

#define DRAW_EVERY_NS 100000000LL

static void init_clock_cond(pthread_cond_t *c)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(c, &attr);
    pthread_condattr_destroy(&attr);
}

void roost__notifier_init(struct notifier *n, roost_pool *p)
{
    pthread_mutex_init(&n->lock, NULL);
    init_clock_cond(&n->changed);
    list_init(&n->callbacks);
    list_init(&n->displays);
    n->running = false;
    n->busy = false;
    n->pool = p;
}

void roost__notifier_free(struct notifier *n)
{
    pthread_mutex_destroy(&n->lock);
    pthread_cond_destroy(&n->changed);
}

/* Draws all displays; ends those whose future is done. Called with the lock. */
static void draw(struct notifier *n)
{
    list_each_safe (it, &n->displays) {
        struct display *d = container_of(it, struct display, link);
        bool done = roost_future_done(d->future);
        uint64_t count = 0;
        for (uint32_t i = 0; i < d->future->chunk_count; i++)
            count += atomic_load_explicit(&d->future->chunks[i].done, memory_order_relaxed);
        roost_progress_set(d->progress, count);
        if (!done)
            continue;
        roost_progress_close(d->progress);
        list_remove(&d->link);
        roost__future_drop(d->future);
        free(d);
    }
}

static void call_back(const roost_callbacks *what, roost_future *f)
{
    bool ok = false;
    roost_done_callback fn = roost_future_successful(f, &ok) == 0 && ok ? what->on_result : what->on_error;
    if (fn != NULL)
        fn(f, what->arg);
}

/* Runs one callback, the lock free meanwhile. */
static void run_callback(struct notifier *n)
{
    struct callback *c = container_of(list_first(&n->callbacks), struct callback, link);
    struct callback copy = *c;
    list_remove(&c->link);
    free(c);
    n->busy = true;
    pthread_mutex_unlock(&n->lock);
    call_back(&copy.what, copy.future);
    roost__future_drop(copy.future);
    pthread_mutex_lock(&n->lock);
    n->busy = false;
}

static bool start(struct notifier *n);

/* The thread ends when nothing is left to do, and also when a callback calls pthread_exit(). */
static void leave(void *arg)
{
    struct notifier *n = arg;
    if (n->busy) { /* a callback ended the thread: its future's reference is lost, the others are served */
        pthread_mutex_lock(&n->lock);
        n->busy = false;
        if (!list_empty(&n->callbacks) || !list_empty(&n->displays)) {
            start(n);
            pthread_mutex_unlock(&n->lock);
            return;
        }
    }
    n->running = false;
    pthread_cond_broadcast(&n->changed);
    pthread_mutex_unlock(&n->lock);
}

static void *serve(void *arg)
{
    struct notifier *n = arg;
    pthread_cleanup_push(leave, n);
    pthread_mutex_lock(&n->lock);
    for (;;) {
        while (!list_empty(&n->callbacks))
            run_callback(n);
        draw(n);
        if (!list_empty(&n->callbacks))
            continue;
        if (list_empty(&n->displays) && n->pool->gone)
            break;
        struct timespec until = timespec_of(now_ns() + DRAW_EVERY_NS);
        if (list_empty(&n->displays))
            pthread_cond_wait(&n->changed, &n->lock);
        else
            pthread_cond_timedwait(&n->changed, &n->lock, &until);
    }
    pthread_cleanup_pop(1);
    return NULL;
}

/* Called with the lock. Signals stay with the program's own threads. */
static bool start(struct notifier *n)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    n->running = pthread_create(&n->thread, NULL, serve, n) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (n->running)
        pthread_detach(n->thread);
    return n->running;
}

static bool ensure_running(struct notifier *n)
{
    return n->running || start(n);
}

bool roost__notifier_is_self(struct notifier *n)
{
    pthread_mutex_lock(&n->lock);
    bool self = n->running && pthread_equal(n->thread, pthread_self());
    pthread_mutex_unlock(&n->lock);
    return self;
}

int roost__notifier_drain(struct notifier *n, int64_t deadline)
{
    if (roost__notifier_is_self(n))
        return roost__fail(ROOST_EDEADLK, "pool: join: called from a callback");
    struct timespec until = timespec_of(deadline);
    int rc = 0;
    pthread_mutex_lock(&n->lock);
    while (n->running && rc == 0)
        rc = deadline == FOREVER ? pthread_cond_wait(&n->changed, &n->lock)
                                 : pthread_cond_timedwait(&n->changed, &n->lock, &until);
    bool running = n->running;
    pthread_mutex_unlock(&n->lock);
    return running ? roost__fail(ROOST_ETIMEDOUT, "pool: join: a callback still runs") : ROOST_OK;
}

/* The hook's fire: under a lock of the future, so only hand over. */
static void post(struct hook *h, roost_future *f)
{
    struct callback *c = container_of(h, struct callback, hook);
    struct notifier *n = &f->pool->notifier;
    c->future = f;
    roost__future_hold(f);
    pthread_mutex_lock(&n->lock);
    list_push_back(&n->callbacks, &c->link);
    ensure_running(n); /* without a thread now, the next post or the end of the pool tries again */
    pthread_cond_broadcast(&n->changed);
    pthread_mutex_unlock(&n->lock);
}

int roost__callback_add(roost_future *f, const roost_callbacks *what)
{
    struct callback *c = malloc(sizeof(*c));
    if (c == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for a callback");
    *c = (struct callback){.hook = {.fire = post}, .what = *what};
    list_init(&c->link);
    if (!roost__future_hook(f, &c->hook)) {
        free(c);
        call_back(what, f);
    }
    return ROOST_OK;
}

void roost__callback_drop(struct hook *h)
{
    free(container_of(h, struct callback, hook));
}

int roost__notifier_show(struct notifier *n, roost_future *f, FILE *out)
{
    struct display *d = malloc(sizeof(*d));
    if (d == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for a progress display");
    *d = (struct display){.future = f};
    int rc = roost_progress_new(&(roost_progress_options){.out = out, .total = f->n}, &d->progress);
    if (rc != ROOST_OK) {
        free(d);
        return rc;
    }
    roost__future_hold(f);
    pthread_mutex_lock(&n->lock);
    list_push_back(&n->displays, &d->link);
    ensure_running(n);
    pthread_mutex_unlock(&n->lock);
    return ROOST_OK;
}
