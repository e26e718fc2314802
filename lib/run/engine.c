/*
 * engine.c: the backend of pools of processes: one thread that hands chunks to workers and takes results.
 *
 * Only this thread touches the slots. A job is a chunk on its way: `inflight` lists a slot's jobs in the
 * order of the requests in its ring; the first claim.next - finished of them were taken by the worker. A
 * worker gets as many jobs ahead as it uses up in about a millisecond (`window`), and an idle worker gets
 * some of those that another has not begun. Invariant: every chunk is in the pool's queue, in one slot's
 * inflight list, or closed; so whatever dies, nothing is lost and nothing runs twice.
 */
#include "run/engine.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "base/error.h"
#include "base/futex.h"

#define NAP_NS 100000

/* ---- time limits ---- */

/* Kills whoever is over its limit; when to look again. */
static int64_t check_limits(struct engine *e)
{
    int64_t limit = e->pool->options.time_limit_ms * 1000000LL, next = FOREVER;
    for (int i = 0; i < e->size && limit > 0; i++) {
        struct slot *s = &e->slots[i];
        struct channel *c = s->place.channel;
        uint64_t current = atomic_load(&c->current);
        int64_t end = atomic_load(&c->started) + limit;
        if (s->count == 0)
            continue;
        if ((current & 3) != ITEM_RUNS)
            end = e->now + limit;
        else if (end <= e->now &&
                 atomic_compare_exchange_strong(&c->current, &current, current | ITEM_KILLED))
            roost__slot_kill(s);
        if (end > e->now && end < next)
            next = end;
    }
    return next;
}

/* ---- the loop ---- */

static uint32_t under_way(const struct engine *e)
{
    uint32_t n = 0;
    for (int i = 0; i < e->size; i++)
        n += e->slots[i].count;
    return n;
}

/* Is the loop through, or should it be left at once? */
static bool is_through(struct engine *e)
{
    roost_pool *p = e->pool;
    return p->terminated || p->broken[0] != '\0' || (roost__engine_is_over(p) && under_way(e) == 0);
}

/* Is there something to do that nobody would wake us for? Asked after the level was set. */
static bool must_not_sleep(struct engine *e, enum engine_sleep level)
{
    uint32_t left = roost__engine_queue(e->pool);
    for (int i = 0; i < e->size; i++) {
        struct slot *s = &e->slots[i];
        struct channel *c = s->place.channel;
        bool results = atomic_load(&c->res.head) != atomic_load_explicit(&c->res.tail, memory_order_relaxed);
        if (results && (level == ENGINE_SLEEPS || atomic_load(&c->asleep) != 0))
            return true;
        if (left > 0 && s->wanted && s->count == 0 && level == ENGINE_SLEEPS)
            return true;
    }
    return false;
}

static enum engine_sleep choose_level(const struct engine *e)
{
    if (!e->busy)
        return ENGINE_SLEEPS;
    for (int i = 0; i < e->size; i++)
        if (e->slots[i].wanted && e->slots[i].count == 0)
            return ENGINE_SLEEPS; /* an idle worker must not wait for the end of a nap */
    return ENGINE_NAPS;
}

static void sleep_a_while(struct engine *e, int64_t until)
{
    enum engine_sleep level = choose_level(e);
    struct pollfd fds[] = {{.fd = e->shop.engine_bell, .events = POLLIN},
                           {.fd = e->keeper.sock, .events = POLLIN},
                           {.fd = e->keeper.pidfd, .events = POLLIN}};
    struct timespec nap = timespec_of(level == ENGINE_NAPS ? NAP_NS : until - e->now);
    atomic_store(&e->shop.board->engine, level);
    bool stay = must_not_sleep(e, level) || e->pool->terminated || (!e->leaving && is_through(e));
    int n = stay ? 0 : ppoll(fds, 3, level == ENGINE_SLEEPS && until == FOREVER ? NULL : &nap, NULL);
    atomic_store(&e->shop.board->engine, ENGINE_AWAKE);
    if (n <= 0)
        return;
    eventfd_t rings;
    if (fds[0].revents != 0)
        eventfd_read(e->shop.engine_bell, &rings);
    if (fds[1].revents & POLLIN)
        roost__engine_read_notices(e);
    if (fds[2].revents != 0)
        roost__engine_replace_keeper(e);
}

static void one_round(struct engine *e)
{
    e->now = now_ns();
    e->busy = false;
    for (int i = 0; i < e->size; i++)
        roost__slot_drain(e, &e->slots[i]);
    roost__engine_deal(e);
    roost__engine_rebalance(e);
    sleep_a_while(e, check_limits(e));
}

/* Nothing is left to do: workers end by themselves. */
static void send_home(struct engine *e)
{
    bool some = true;
    while (some && !e->pool->terminated) {
        some = false;
        for (int i = 0; i < e->size; i++) {
            struct slot *s = &e->slots[i];
            some = some || s->wanted;
            atomic_store(&s->place.channel->quit, 1);
            roost__channel_ring(s->place.channel);
        }
        e->busy = false;
        if (some)
            sleep_a_while(e, FOREVER);
    }
}

static void *run(void *arg)
{
    struct engine *e = arg;
    roost_pool *p = e->pool;
    while (!is_through(e))
        one_round(e);
    e->leaving = true;
    if (p->broken[0] == '\0')
        send_home(e);
    if (e->keeper.pidfd >= 0)
        roost__keeper_stop(&e->keeper);
    for (int i = 0; i < e->size; i++) {
        roost__slot_drain(e, &e->slots[i]);
        if (p->broken[0] != '\0')
            roost__pool_fail_chunks(&e->slots[i].inflight, ROOST_EDIED, p->broken);
        else
            roost__pool_drop_chunks(&e->slots[i].inflight, "the pool was terminated");
        roost__slot_set_worker(e, &e->slots[i], 0);
    }
    roost__pool_set_gone(p);
    return NULL;
}

/* ---- the backend ---- */

static void wake(roost_pool *p)
{
    struct engine *e = p->state;
    if (atomic_load(&e->shop.board->engine) == ENGINE_SLEEPS &&
        atomic_exchange(&e->shop.board->engine, ENGINE_AWAKE) != ENGINE_AWAKE)
        eventfd_write(e->shop.engine_bell, 1);
}

static void free_memory(struct engine *e)
{
    for (int i = 0; i < e->size && e->slots != NULL; i++)
        roost__place_unmap(&e->slots[i].place);
    if (e->shop.board != NULL)
        munmap(e->shop.board, sizeof(*e->shop.board));
    if (e->shop.engine_bell >= 0)
        close(e->shop.engine_bell);
    pthread_mutex_destroy(&e->pids_lock);
    free(e->shop.places);
    free(e->slots);
    free(e);
}

static void free_engine(roost_pool *p)
{
    struct engine *e = p->state;
    pthread_join(e->thread, NULL);
    free_memory(e);
}

static int init_slots(struct engine *e)
{
    e->slots = calloc((size_t)e->size, sizeof(*e->slots));
    e->shop.places = calloc((size_t)e->size, sizeof(*e->shop.places));
    if (e->slots == NULL || e->shop.places == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for a pool of %d workers", e->size);
    for (int i = 0; i < e->size; i++) {
        struct slot *s = &e->slots[i];
        int rc = roost__place_map(&s->place);
        if (rc != ROOST_OK)
            return rc;
        e->shop.places[i] = s->place;
        list_init(&s->inflight);
        s->pidfd = -1;
        s->window = WINDOW_MIN;
    }
    return ROOST_OK;
}

static int init_shop(struct engine *e)
{
    e->shop.options = e->pool->options;
    e->shop.engine_bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (e->shop.engine_bell < 0)
        return roost__fail_sys("pool: eventfd");
    void *board =
        mmap(NULL, sizeof(*e->shop.board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED)
        return roost__fail_sys("pool: mmap");
    e->shop.board = board;
    return init_slots(e);
}

static int start_thread(struct engine *e)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old); /* signals stay with the program's own threads */
    int rc = pthread_create(&e->thread, NULL, run, e);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc == 0 ? ROOST_OK : roost__fail(ROOST_ESYS, "pool: pthread_create: %s", strerror(rc));
}

static int start(roost_pool *p)
{
    struct engine *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for a pool");
    pthread_mutex_init(&e->pids_lock, NULL);
    e->pool = p;
    e->size = p->options.size;
    e->shop.engine_bell = -1;
    p->state = e;
    int rc = init_shop(e);
    if (rc == ROOST_OK)
        rc = roost__keeper_start(&e->keeper, &e->shop);
    if (rc != ROOST_OK) {
        free_memory(e);
        return rc;
    }
    for (int i = 0; i < e->size; i++)
        roost__slot_want_worker(e, &e->slots[i]);
    rc = start_thread(e);
    if (rc != ROOST_OK) {
        roost__keeper_stop(&e->keeper);
        free_memory(e);
    }
    return rc;
}

static int pids(roost_pool *p, pid_t *ret, int n)
{
    struct engine *e = p->state;
    int found = 0;
    pthread_mutex_lock(&e->pids_lock);
    for (int i = 0; i < e->size && found < n; i++)
        if (e->slots[i].pid > 0)
            ret[found++] = e->slots[i].pid;
    pthread_mutex_unlock(&e->pids_lock);
    return found;
}

static bool is_worker(roost_pool *p)
{
    (void)p;
    return false; /* a worker process fails the check of the owner before */
}

const struct backend roost__engine = {start, wake, free_engine, pids, is_worker};
