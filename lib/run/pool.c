/* pool.c: a pool's life: new, close, terminate, join, free; see roost/pool.h and run/pool.h. */
#include "run/pool.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/futex.h"
#include "roost/process.h"
#include "run/family.h"
#include "run/iter.h"
#include "run/task.h"

static int check_options(const roost_pool_options *o)
{
    if (o->size < 0 || o->size > ROOST_POOL_SIZE_MAX)
        return roost__fail(ROOST_EINVAL, "pool: size %d is not between 1 and %d", o->size,
                           ROOST_POOL_SIZE_MAX);
    if (o->max_tasks < 0 || o->retries < 0 || o->time_limit_ms < 0)
        return roost__fail(ROOST_EINVAL, "pool: max_tasks, retries or time_limit_ms is negative");
    if (o->threads && (o->max_tasks > 0 || o->time_limit_ms > 0))
        return roost__fail(ROOST_EINVAL, "pool: max_tasks and time_limit_ms need processes, not threads");
    return ROOST_OK;
}

static void free_pool(roost_pool *p)
{
    if (p->trace != NULL)
        roost__trace_close(p->trace);
    roost__notifier_free(&p->notifier);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

int roost_pool_new(const roost_pool_options *options, roost_pool **ret)
{
    static const roost_pool_options defaults;
    if (options == NULL)
        options = &defaults;
    int rc = check_options(options);
    if (rc != ROOST_OK)
        return rc;
    roost_pool *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for a pool");
    pthread_mutexattr_t adaptive; /* held for a moment only: worth a short spin */
    pthread_mutexattr_init(&adaptive);
    pthread_mutexattr_settype(&adaptive, PTHREAD_MUTEX_ADAPTIVE_NP);
    pthread_mutex_init(&p->lock, &adaptive);
    pthread_mutexattr_destroy(&adaptive);
    list_init(&p->incoming);
    list_init(&p->iterators);
    p->options = *options;
    if (p->options.size == 0)
        p->options.size = roost_cpu_count();
    p->generation = roost__generation();
    p->backend = options->threads ? &roost__crew : &roost__engine;
    roost__notifier_init(&p->notifier, p);
    if (options->timeline != NULL || options->profile != NULL) {
        p->trace = roost__trace_new(options->timeline, options->profile);
        if (p->trace == NULL)
            rc = roost__fail(ROOST_ENOMEM, "no memory for a pool's profile");
    }
    if (rc == ROOST_OK)
        rc = p->backend->start(p);
    if (rc != ROOST_OK) {
        free_pool(p);
        return rc;
    }
    *ret = p;
    return ROOST_OK;
}

/* ---- what backends share ---- */

static int check_owner(roost_pool *p)
{
    if (p->generation == roost__generation())
        return ROOST_OK;
    return roost__fail(ROOST_EINVAL, "the pool belongs to the parent process");
}

/* Called with the lock. */
static int check_open(roost_pool *p, bool from_iterator)
{
    if (from_iterator ? p->terminated : p->closed)
        return roost__fail(ROOST_ECLOSED, "the pool is closed: it takes no more tasks");
    if (p->broken[0] != '\0')
        return roost__fail(ROOST_EDIED, "the pool is broken: %s", p->broken);
    return ROOST_OK;
}

int roost__pool_ready(roost_pool *p)
{
    int rc = check_owner(p);
    if (rc != ROOST_OK || (!p->closed && !p->is_broken))
        return rc;
    pthread_mutex_lock(&p->lock);
    rc = check_open(p, false);
    pthread_mutex_unlock(&p->lock);
    return rc;
}

int roost__pool_submit(roost_pool *p, roost_future *f, bool from_iterator)
{
    pthread_mutex_lock(&p->lock);
    int rc = check_open(p, from_iterator);
    if (rc == ROOST_OK) {
        for (uint32_t i = 0; i < f->chunk_count; i++)
            list_push_back(&p->incoming, &f->chunks[i].link);
        p->incoming_count += f->chunk_count;
    }
    pthread_mutex_unlock(&p->lock);
    if (rc != ROOST_OK) {
        roost__future_drop(f);
        return rc;
    }
    atomic_fetch_add_explicit(&p->submitted, f->n, memory_order_relaxed);
    p->backend->wake(p);
    return ROOST_OK;
}

uint32_t roost__pool_take(roost_pool *p, uint32_t n, struct list *to, uint32_t *ret_left)
{
    uint32_t taken = 0;
    struct list cancelled, *it;
    list_init(&cancelled);
    pthread_mutex_lock(&p->lock);
    while (taken < n && (it = list_first(&p->incoming)) != NULL) {
        bool wanted = roost__future_start(container_of(it, struct chunk, link)->future);
        list_remove(it);
        list_push_back(wanted ? to : &cancelled, it);
        taken += wanted;
        p->incoming_count--;
    }
    *ret_left = p->incoming_count;
    pthread_mutex_unlock(&p->lock);
    roost__pool_drop_chunks(&cancelled, "the future was cancelled");
    return taken;
}

void roost__pool_give_back(roost_pool *p, struct list *chunks)
{
    pthread_mutex_lock(&p->lock);
    bool wanted = !p->terminated && p->broken[0] == '\0';
    while (wanted && !list_empty(chunks)) {
        struct list *last = chunks->prev;
        list_remove(last);
        list_push_front(&p->incoming, last);
        p->incoming_count++;
    }
    pthread_mutex_unlock(&p->lock);
    roost__pool_drop_chunks(chunks, "the pool was terminated");
}

bool roost__pool_is_over(const roost_pool *p)
{
    return p->terminated || (p->closed && list_empty(&p->incoming) && list_empty(&p->iterators));
}

bool roost__pool_item_failed(roost_pool *p, struct chunk *c, int code, int status, const char *message)
{
    if (c->attempts < (uint32_t)p->options.retries) {
        c->attempts++;
        return true;
    }
    char name[TASK_NAME_MAX], text[512];
    roost__task_name(c->future->task, name);
    snprintf(text, sizeof(text), "task %s: %s", name, message);
    roost__chunk_failure(c, code, status, text);
    atomic_fetch_add_explicit(&p->finished, 1, memory_order_relaxed);
    return false;
}

void roost__pool_drop_chunks(struct list *chunks, const char *why)
{
    struct list *it;
    while ((it = list_first(chunks)) != NULL) {
        list_remove(it);
        roost__chunk_close(container_of(it, struct chunk, link), why);
    }
}

void roost__pool_fail_chunks(struct list *chunks, int code, const char *why)
{
    struct list *it;
    while ((it = list_first(chunks)) != NULL) {
        struct chunk *c = container_of(it, struct chunk, link);
        list_remove(it);
        while (roost__future_start(c->future) && c->done < c->count)
            roost__chunk_failure(c, code, 0, why);
        roost__chunk_close(c, why);
    }
}

/* Takes all of `incoming`. Called with the lock. */
static void take_incoming(roost_pool *p, struct list *ret)
{
    list_init(ret);
    if (!list_empty(&p->incoming)) {
        *ret = p->incoming;
        ret->next->prev = ret;
        ret->prev->next = ret;
        list_init(&p->incoming);
    }
    p->incoming_count = 0;
}

void roost__pool_break(roost_pool *p, const char *why)
{
    struct list chunks;
    pthread_mutex_lock(&p->lock);
    if (p->broken[0] == '\0')
        snprintf(p->broken, sizeof(p->broken), "%s", why);
    p->is_broken = true;
    take_incoming(p, &chunks);
    pthread_mutex_unlock(&p->lock);
    roost__pool_fail_chunks(&chunks, ROOST_EDIED, why);
}

void roost__pool_set_gone(roost_pool *p)
{
    /* Under the notifier's lock, which roost_pool_free() takes after it saw `gone`: so it waits for us. */
    pthread_mutex_lock(&p->notifier.lock);
    atomic_store(&p->gone, 1);
    futex_wake(&p->gone, INT_MAX);
    pthread_cond_broadcast(&p->notifier.changed);
    pthread_mutex_unlock(&p->notifier.lock);
}

/* ---- the end ---- */

int roost_pool_close(roost_pool *p)
{
    int rc = check_owner(p);
    if (rc != ROOST_OK)
        return rc;
    pthread_mutex_lock(&p->lock);
    p->closed = true;
    pthread_mutex_unlock(&p->lock);
    p->backend->wake(p);
    return ROOST_OK;
}

static int wait_gone(roost_pool *p, int64_t deadline)
{
    while (atomic_load(&p->gone) == 0)
        if (!futex_wait(&p->gone, 0, deadline))
            return roost__fail(ROOST_ETIMEDOUT, "pool: join: timed out, workers still run");
    return ROOST_OK;
}

int roost_pool_terminate(roost_pool *p)
{
    struct list chunks;
    int rc = check_owner(p);
    if (rc != ROOST_OK)
        return rc;
    pthread_mutex_lock(&p->lock);
    p->closed = true;
    p->terminated = true;
    take_incoming(p, &chunks);
    pthread_mutex_unlock(&p->lock);
    roost__pool_drop_chunks(&chunks, "the pool was terminated");
    p->backend->wake(p);
    return p->options.threads ? ROOST_OK : wait_gone(p, FOREVER);
}

int roost_pool_join(roost_pool *p, int timeout_ms)
{
    int64_t deadline = deadline_after(timeout_ms);
    int rc = check_owner(p);
    if (rc != ROOST_OK)
        return rc;
    pthread_mutex_lock(&p->lock);
    bool closed = p->closed;
    pthread_mutex_unlock(&p->lock);
    if (!closed)
        return roost__fail(ROOST_EINVAL, "pool: join: close or terminate it first");
    if (p->backend->is_worker(p) || roost__notifier_is_self(&p->notifier))
        return roost__fail(ROOST_EDEADLK, "pool: join: called from one of its workers or callbacks");
    if (roost__iter_blocks_join(p))
        return roost__fail(ROOST_EDEADLK,
                           "pool: join: this thread's imap has input left: use it up or free it");
    rc = wait_gone(p, deadline);
    if (rc == ROOST_OK)
        rc = roost__notifier_drain(&p->notifier, deadline);
    if (rc != ROOST_OK)
        return rc;
    pthread_mutex_lock(&p->lock);
    struct trace *trace = p->trace;
    p->trace = NULL;
    pthread_mutex_unlock(&p->lock);
    if (trace != NULL)
        roost__trace_close(trace);
    return ROOST_OK;
}

void roost_pool_free(roost_pool *p)
{
    if (p == NULL || check_owner(p) != ROOST_OK)
        return;
    roost_pool_terminate(p);
    wait_gone(p, FOREVER);
    roost__notifier_drain(&p->notifier, FOREVER);
    p->backend->free(p);
    free_pool(p);
}

/* ---- looking ---- */

void roost_pool_stat(roost_pool *p, roost_pool_stats *ret)
{
    *ret = (roost_pool_stats){.submitted = atomic_load(&p->submitted),
                              .finished = atomic_load(&p->finished),
                              .replaced = atomic_load(&p->replaced),
                              .size = p->options.size};
}

int roost_pool_pids(roost_pool *p, pid_t *pids, int n)
{
    return p->backend->pids(p, pids, n);
}
