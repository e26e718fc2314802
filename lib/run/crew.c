/*
 * crew.c: the backend of pools of threads: each worker takes a chunk from the pool's queue and runs it.
 *
 * One worker at a time may spin for a moment before it sleeps: a stream of small tasks then needs no wake-up
 * for each. Invariant: `idle` counts the sleeping workers, under the pool's lock.
 */
#include <signal.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/futex.h"
#include "roost/process.h"
#include "run/cells.h"
#include "run/pool.h"
#include "run/task.h"

enum { SPINS = 2000, GRAB_MAX = 32 };

#define QUICK_NS 50000 /* who runs what he took in less may take more at once */

struct crew {
    pthread_cond_t work;
    uint32_t idle;
    atomic_bool spinning;
    atomic_uint wakes; /* counts what a spinner looks for */
    bool may_spin;
    atomic_uint alive; /* who comes to 0 says that the pool is gone */
};

/* A worker: what it is at, so that a task that ends the thread loses nothing but itself. */
struct hand {
    roost_pool *pool;
    int number;
    uint32_t grab; /* how many chunks to take at once */
    struct chunk *chunk;
    struct list chunks;
};

static _Thread_local roost_pool *my_pool;

/* ---- running ---- */

static void run_item(roost_pool *p, struct chunk *c, const uint8_t *item, int worker)
{
    roost_value result, kept;
    int rc;
    do {
        int64_t start = p->trace != NULL ? now_ns() : 0;
        rc = roost__task_call(c->future->task, item, c->future->star, &result);
        if (rc == ROOST_OK)
            rc = roost__value_settle(result, &kept);
        if (p->trace != NULL)
            roost__trace_item(p->trace, c->future->task, worker, start, now_ns(), rc == 0);
    } while (rc != 0 && roost__pool_item_failed(p, c, ROOST_ETASK, rc, roost_errmsg()));
    if (rc != 0)
        return;
    chunk_result(c, kept);
    atomic_fetch_add_explicit(&p->finished, 1, memory_order_relaxed);
}

static void run_chunk(struct hand *h, struct chunk *c)
{
    roost_pool *p = h->pool;
    h->chunk = c;
    while (c->done < c->count && !p->terminated) {
        run_item(p, c, c->args, h->number);
        roost__chunk_cut(c);
    }
    h->chunk = NULL;
    roost__chunk_close(c, "the pool was terminated");
}

/* ---- waiting for work ---- */

static void wake_sleeper(roost_pool *p)
{
    struct crew *crew = p->state;
    pthread_mutex_lock(&p->lock);
    bool over = p->closed;
    bool sleeps = crew->idle > 0;
    pthread_mutex_unlock(&p->lock);
    if (over)
        pthread_cond_broadcast(&crew->work);
    else if (sleeps)
        pthread_cond_signal(&crew->work);
}

static void wake(roost_pool *p)
{
    struct crew *crew = p->state;
    atomic_fetch_add(&crew->wakes, 1);
    if (!atomic_load(&crew->spinning) || p->closed)
        wake_sleeper(p); /* else the spinner, before it sleeps, looks at the queue once more */
}

/* Looks for a moment whether work comes. */
static void spin(struct crew *crew)
{
    unsigned seen = atomic_load(&crew->wakes);
    if (!crew->may_spin || atomic_exchange(&crew->spinning, true))
        return;
    for (int i = 0; i < SPINS && atomic_load_explicit(&crew->wakes, memory_order_relaxed) == seen; i++)
        __builtin_ia32_pause();
    atomic_store(&crew->spinning, false);
}

/* Waits until there is work; false when there never will be. Takes up to h->grab chunks, a fair share at
 * most. */
static bool next_chunks(struct hand *h)
{
    roost_pool *p = h->pool;
    struct crew *crew = p->state;
    uint32_t left;
    spin(crew);
    pthread_mutex_lock(&p->lock);
    while (list_empty(&p->incoming) && !roost__pool_is_over(p)) {
        crew->idle++;
        pthread_cond_wait(&crew->work, &p->lock);
        crew->idle--;
    }
    bool over = list_empty(&p->incoming);
    uint32_t share = p->incoming_count / (2 * (uint32_t)p->options.size) + 1;
    bool sleeper = crew->idle > 0 && p->incoming_count > 1;
    pthread_mutex_unlock(&p->lock);
    if (over)
        return false;
    if (sleeper)
        pthread_cond_signal(&crew->work);
    roost__pool_take(p, share < h->grab ? share : h->grab, &h->chunks, &left);
    return true;
}

static bool start_up(roost_pool *p)
{
    if (p->options.initializer == NULL)
        return true;
    roost__clear_error();
    int rc = p->options.initializer(p->options.initializer_arg);
    if (rc == 0)
        return true;
    char why[256];
    snprintf(why, sizeof(why), "the initializer failed: %s", roost_errcode() != 0 ? roost_errmsg() : "");
    if (roost_errcode() == 0)
        snprintf(why, sizeof(why), "the initializer returned %d", rc);
    roost__pool_break(p, why);
    return false;
}

static int start_thread(roost_pool *p, int number);

/* Runs at the end of a worker; with a chunk at hand when a task called pthread_exit(). */
static void leave(void *arg)
{
    struct hand *h = arg;
    roost_pool *p = h->pool;
    struct crew *crew = p->state;
    struct chunk *c = h->chunk;
    if (c != NULL) {
        roost__pool_item_failed(p, c, ROOST_EDIED, 0, "it ended its worker thread");
        roost__chunk_cut(c);
        list_push_front(&h->chunks, &c->link);
        atomic_fetch_add(&p->replaced, 1);
        if (start_thread(p, h->number) == ROOST_OK)
            roost__pool_give_back(p, &h->chunks);
        else
            roost__pool_drop_chunks(&h->chunks, "no thread could be started");
        wake(p);
    }
    free(h);
    if (atomic_fetch_sub(&crew->alive, 1) != 1)
        return;
    roost__pool_break(p, "no worker is left"); /* a closed pool has nothing to break */
    roost__pool_set_gone(p);
}

static void *work(void *arg)
{
    struct hand *h = arg;
    struct list *it;
    my_pool = h->pool;
    pthread_setname_np(pthread_self(), "roost-worker");
    pthread_cleanup_push(leave, h);
    bool ready = start_up(h->pool);
    while (ready && next_chunks(h)) {
        int64_t began = now_ns();
        while ((it = list_first(&h->chunks)) != NULL) {
            list_remove(it);
            run_chunk(h, container_of(it, struct chunk, link));
        }
        bool quick = now_ns() - began < QUICK_NS;
        h->grab = !quick ? 1 : h->grab < GRAB_MAX ? h->grab * 2 : GRAB_MAX;
    }
    pthread_cleanup_pop(1);
    return NULL;
}

/* ---- the backend ---- */

/* Signals stay with the program's own threads. Errors: ROOST_ENOMEM, ROOST_ESYS, not worded. */
static int start_thread(roost_pool *p, int number)
{
    struct crew *crew = p->state;
    struct hand *h = malloc(sizeof(*h));
    sigset_t all, old;
    pthread_t thread;
    if (h == NULL)
        return ROOST_ENOMEM;
    *h = (struct hand){.pool = p, .number = number, .grab = 1};
    list_init(&h->chunks);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    atomic_fetch_add(&crew->alive, 1);
    int rc = pthread_create(&thread, NULL, work, h);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc == 0) {
        pthread_detach(thread);
        return ROOST_OK;
    }
    atomic_fetch_sub(&crew->alive, 1);
    free(h);
    return ROOST_ESYS;
}

static void free_crew(roost_pool *p)
{
    struct crew *crew = p->state;
    pthread_cond_destroy(&crew->work);
    free(crew);
}

static int start(roost_pool *p)
{
    struct crew *crew = calloc(1, sizeof(*crew));
    if (crew == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for a pool's threads");
    pthread_cond_init(&crew->work, NULL);
    crew->may_spin = roost_cpu_count() > 1;
    p->state = crew;
    atomic_store(&crew->alive, 1); /* as long as not all are started, nobody is the last */
    int n = 0, rc = ROOST_OK;
    while (n < p->options.size && (rc = start_thread(p, n)) == ROOST_OK)
        n++;
    if (rc != ROOST_OK)
        roost_pool_terminate(p);
    if (atomic_fetch_sub(&crew->alive, 1) == 1)
        roost__pool_set_gone(p);
    if (rc == ROOST_OK)
        return rc;
    while (atomic_load(&p->gone) == 0)
        futex_wait(&p->gone, 0, FOREVER);
    roost__notifier_drain(&p->notifier, FOREVER); /* waits for who set it: see roost__pool_set_gone() */
    free_crew(p);
    return roost__fail(rc, "pool: only %d of %d threads could be started", n, p->options.size);
}

static int no_pids(roost_pool *p, pid_t *pids, int n)
{
    (void)p, (void)pids, (void)n;
    return 0;
}

static bool is_worker(roost_pool *p)
{
    return my_pool == p;
}

const struct backend roost__crew = {start, wake, free_crew, no_pids, is_worker};
