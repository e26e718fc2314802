/*
 * engine.c: the backend of pools of processes: one thread that hands chunks to workers and takes results.
 *
 * Only this thread touches the slots. A job is a chunk on its way: `inflight` lists a slot's jobs in the
 * order of the requests in its ring; the first claim.next - finished of them were taken by the worker. A
 * worker gets as many jobs ahead as it uses up in about a millisecond (`window`), and an idle worker gets
 * some of those that another has not begun. Invariant: every chunk is in the pool's queue, in one slot's
 * inflight list, or closed; so whatever dies, nothing is lost and nothing runs twice.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/error.h"
#include "run/cells.h"
#include "run/futex.h"
#include "run/keeper.h"
#include "run/pool.h"

enum { WINDOW_MIN = 2, WINDOW_MAX = 512, FAILED_STARTS_MAX = 16 };

#define NAP_NS        100000
#define QUICK_NS      2000000  /* a window used up faster than this is doubled */
#define SLOW_NS       10000000 /* a worker that takes longer for one job gets few ahead */
#define DEATH_WAIT_MS 5000

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

/* ---- results ---- */

static void finish_job(struct slot *s, struct chunk *c)
{
    list_remove(&c->link);
    s->count--;
    s->finished++;
    if (s->bulk == c) {
        roost__bulk_release(s->place.bulk_in, (size_t)(c->args_end - c->args));
        s->bulk = NULL;
    }
    roost__chunk_close(c, "");
}

/* Takes the value of a result; a negative code when it is none. */
static int own_result(struct slot *s, const struct result *r, const uint8_t *body, roost_value *ret)
{
    if (r->kind != RESULT_BULK)
        return roost__cell_own(slice_of(body, r->len - sizeof(*r)), ret);
    if (r->body > ROOST_PAYLOAD_MAX)
        return roost__fail(ROOST_EPROTO, "a worker wrote a result of %u bytes", r->body);
    size_t len = ((size_t)r->body + 7) & ~(size_t)7;
    int rc = roost__cell_own(slice_of(s->place.bulk_out, len), ret);
    roost__bulk_release(s->place.bulk_out, len);
    atomic_store(&s->place.channel->bulk_full, 0);
    return rc;
}

static void take_result(struct engine *e, struct slot *s, const struct result *r, const uint8_t *body)
{
    roost_pool *p = e->pool;
    struct chunk *c = container_of(list_first(&s->inflight), struct chunk, link);
    roost_value v;
    int code = ROOST_ETASK, rc = r->status;
    const char *message = (const char *)body;
    if (r->kind != RESULT_FAILED) {
        code = rc = own_result(s, r, body, &v);
        message = roost_errmsg();
    }
    if (p->trace != NULL)
        roost__trace_item(p->trace, c->future->task, (int)(s - e->slots), r->start, r->end, rc == 0);
    if (rc == 0) {
        roost__chunk_result(c, v);
        e->good++;
    } else {
        c->attempts = (uint32_t)p->options.retries; /* the worker has tried them all */
        roost__pool_item_failed(p, c, code, rc, message);
    }
    if (c->done == c->count)
        finish_job(s, c);
}

static void kill_worker(struct slot *s)
{
    if (s->pidfd >= 0)
        syscall(SYS_pidfd_send_signal, s->pidfd, SIGKILL, NULL, 0);
}

/* Is what stands at the ring's tail a record? A task that scribbles may have written anything. */
static bool record_ok(const struct slot *s, const struct result *r, const uint8_t *body, uint64_t there)
{
    if (there > RING_SIZE || there < sizeof(*r) || r->len > there || r->len < sizeof(*r) || r->len % 8 != 0)
        return false;
    if (r->kind == RESULT_FAILED && memchr(body, '\0', r->len - sizeof(*r)) == NULL)
        return false;
    return r->kind < RESULT_SCALAR && !list_empty(&s->inflight);
}

/* Takes the scalar at `at`, if one stands there. */
static bool take_scalar(struct engine *e, struct slot *s, const uint8_t *at, uint64_t there)
{
    struct scalar_result r;
    if (there < sizeof(r) || list_empty(&s->inflight))
        return false;
    memcpy(&r, at, sizeof(r));
    roost_value v = {.kind = (roost_kind)r.value_kind, .len = r.value_len, .as.u = r.bits};
    if (r.kind != RESULT_SCALAR || r.len != sizeof(r) || r.value_kind > ROOST_REF || !is_scalar(&v))
        return false;
    struct chunk *c = container_of(s->inflight.next, struct chunk, link);
    roost__chunk_result(c, v);
    e->good++;
    if (c->done == c->count)
        finish_job(s, c);
    return true;
}

/* Takes the record at `at`; returns its length, 0 when none stands there. */
static uint32_t take_record(struct engine *e, struct slot *s, const uint8_t *at, uint64_t there)
{
    struct result r;
    if (take_scalar(e, s, at, there))
        return sizeof(struct scalar_result);
    memcpy(&r, at, sizeof(r));
    if (!record_ok(s, &r, at + sizeof(r), there))
        return 0;
    take_result(e, s, &r, at + sizeof(r));
    return r.len;
}

static void drain(struct engine *e, struct slot *s)
{
    struct channel *c = s->place.channel;
    uint64_t head = atomic_load_explicit(&c->res.head, memory_order_acquire);
    uint64_t tail = atomic_load_explicit(&c->res.tail, memory_order_relaxed), began = tail;
    bool had_bulk = atomic_load(&c->bulk_full) != 0;
    while (tail != head) {
        uint32_t len =
            head - tail <= RING_SIZE ? take_record(e, s, s->place.res + tail % RING_SIZE, head - tail) : 0;
        if (len == 0)
            kill_worker(s);
        tail = len > 0 ? tail + len : head;
    }
    if (tail == began)
        return;
    e->busy = true;
    atomic_fetch_add_explicit(&e->pool->finished, e->good, memory_order_relaxed);
    e->good = 0;
    atomic_store(&c->res.tail, tail);
    if (head - began > RING_SIZE / 2 || had_bulk)
        roost__channel_ring(c); /* it may be waiting for room */
}

/* ---- requests ---- */

static void put_request(struct slot *s, struct chunk *c, bool bulk)
{
    size_t len = (size_t)(c->args_end - c->args);
    struct request r = {.len = (uint32_t)(sizeof(r) + (bulk ? 0 : len)),
                        .count = c->count - c->done,
                        .task = c->future->task,
                        .bulk = bulk ? len : 0,
                        .star = c->future->star};
    uint8_t *at = s->place.req + s->write_pos % RING_SIZE;
    memcpy(at, &r, sizeof(r));
    memcpy(bulk ? s->place.bulk_in : at + sizeof(r), c->args, len);
    if (bulk)
        s->bulk = c;
    c->pos = s->write_pos;
    s->write_pos += r.len;
    list_push_back(&s->inflight, &c->link);
    s->count++;
}

/* Writes c's request; false when there is no room for it now. */
static bool try_request(struct slot *s, struct chunk *c)
{
    size_t len = (size_t)(c->args_end - c->args);
    bool bulk = len > INLINE_MAX;
    uint64_t used = s->write_pos - atomic_load_explicit(&s->place.channel->req.tail, memory_order_acquire);
    if (used + sizeof(struct request) + (bulk ? 0 : len) > RING_SIZE || (bulk && s->bulk != NULL))
        return false;
    put_request(s, c, bulk);
    return true;
}

/* A chunk that no worker needs to see: empty, or too large for anyone. */
static bool settle_here(struct engine *e, struct chunk *c)
{
    if (c->args_end - c->args > ROOST_PAYLOAD_MAX)
        while (c->done < c->count) {
            c->attempts = (uint32_t)e->pool->options.retries;
            roost__pool_item_failed(e->pool, c, ROOST_ELIMIT, 0,
                                    "its chunk is over 256 MiB: use smaller chunks");
        }
    if (c->done < c->count)
        return false;
    roost__chunk_close(c, "");
    return true;
}

/* Gives s up to n jobs; how many are left in the queue. */
static uint32_t give(struct engine *e, struct slot *s, uint32_t n)
{
    struct list chunks;
    uint32_t left, given = 0;
    list_init(&chunks);
    roost__pool_take(e->pool, n, &chunks, &left);
    while (!list_empty(&chunks)) {
        struct chunk *c = container_of(list_first(&chunks), struct chunk, link);
        list_remove(&c->link);
        if (settle_here(e, c))
            continue;
        if (!try_request(s, c)) {
            list_push_front(&chunks, &c->link);
            break;
        }
        given++;
    }
    if (!list_empty(&chunks))
        roost__pool_give_back(e->pool, &chunks);
    if (given == 0)
        return left;
    s->refilled = e->now;
    s->refill = s->finished + s->count;
    uint64_t claim = atomic_load(&s->place.channel->claim);
    while (!atomic_compare_exchange_weak(&s->place.channel->claim, &claim,
                                         claim_of(claim_next(claim), claim_end(claim) + given)))
        continue;
    roost__channel_ring(s->place.channel);
    return left;
}

/* A worker that used up what it had quickly gets more ahead; a slow one little. */
static void adapt_window(struct engine *e, struct slot *s)
{
    int64_t took = e->now - s->refilled;
    if (s->count <= s->window / 2 && s->finished + s->count == s->refill && took < QUICK_NS)
        s->window = s->window * 2 < WINDOW_MAX ? s->window * 2 : WINDOW_MAX;
    else if (s->count > 0 && took > SLOW_NS)
        s->window = WINDOW_MIN;
}

static uint32_t queue_len(roost_pool *p)
{
    pthread_mutex_lock(&p->lock);
    uint32_t n = p->incoming_count;
    pthread_mutex_unlock(&p->lock);
    return n;
}

/* Deals the queue out: first to those who have nothing, in equal shares. */
static void deal(struct engine *e)
{
    uint32_t left = queue_len(e->pool);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < e->size && left > 0; i++) {
            struct slot *s = &e->slots[i];
            if (!s->wanted || s->count > s->window / 2 || (round == 0) != (s->count == 0))
                continue;
            adapt_window(e, s);
            uint32_t share = left / (uint32_t)e->size + 1, room = s->window - s->count;
            left = give(e, s, share < room ? share : room);
        }
    }
}

/* ---- fairness ---- */

static uint32_t unclaimed(const struct slot *s)
{
    uint64_t claim = atomic_load(&s->place.channel->claim);
    return claim_end(claim) - claim_next(claim);
}

/* Takes the last job back that the worker has not claimed, or returns NULL. */
static struct chunk *take_back(struct slot *s)
{
    uint64_t claim = atomic_load(&s->place.channel->claim);
    do {
        if (claim_next(claim) == claim_end(claim))
            return NULL;
    } while (!atomic_compare_exchange_weak(&s->place.channel->claim, &claim,
                                           claim_of(claim_next(claim), claim_end(claim) - 1)));
    struct chunk *c = container_of(s->inflight.prev, struct chunk, link);
    list_remove(&c->link);
    s->count--;
    s->refill--;
    s->write_pos = c->pos;
    if (s->bulk == c)
        s->bulk = NULL;
    return c;
}

/* When the queue is empty and a worker idle, half of what the fullest has not begun goes back to the queue.
 */
static void rebalance(struct engine *e)
{
    struct slot *idle = NULL, *full = NULL;
    uint32_t most = 0;
    for (int i = 0; i < e->size; i++) {
        struct slot *s = &e->slots[i];
        if (s->wanted && s->count == 0)
            idle = s;
        uint32_t n = s->count > 1 ? unclaimed(s) : 0;
        if (n > most) {
            most = n;
            full = s;
        }
    }
    if (idle == NULL || full == NULL || queue_len(e->pool) > 0)
        return;
    struct list back;
    struct chunk *c;
    list_init(&back);
    for (uint32_t n = (most + 1) / 2; n > 0 && (c = take_back(full)) != NULL; n--)
        list_push_front(&back, &c->link);
    roost__pool_give_back(e->pool, &back);
    deal(e);
}

/* ---- deaths ---- */

static void describe_end(char *to, size_t size, pid_t pid, int status)
{
    if (WIFEXITED(status))
        snprintf(to, size, "it ended its worker (process %d) by exit(%d)", (int)pid, WEXITSTATUS(status));
    else
        snprintf(to, size, "its worker (process %d) was killed by signal %d (%s)", (int)pid, WTERMSIG(status),
                 sigdescr_np(WTERMSIG(status)));
}

/* Fails the item that the dead worker was at, if it had begun one and not finished it. */
static void blame(struct engine *e, struct slot *s, int status)
{
    struct channel *ch = s->place.channel;
    uint64_t current = atomic_load(&ch->current);
    struct list *first = list_first(&s->inflight);
    if (first == NULL || current == 0 || claim_next(atomic_load(&ch->claim)) == s->finished)
        return;
    struct chunk *c = container_of(first, struct chunk, link);
    if (c->cut + current_number(current) != c->done)
        return; /* its result was the last thing the worker did */
    char text[160];
    int code = ROOST_EDIED;
    if ((current & 3) == ITEM_KILLED) {
        code = ROOST_ETIMEDOUT;
        snprintf(text, sizeof(text), "over its time limit of %d ms, its worker was killed",
                 e->pool->options.time_limit_ms);
    } else {
        describe_end(text, sizeof(text), s->pid, status);
    }
    roost__pool_item_failed(e->pool, c, code, WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
                            text);
    if (c->done == c->count)
        finish_job(s, c);
}

/* The pool cannot work when its workers cannot start. */
static void check_start(struct engine *e, struct slot *s, const char *otherwise)
{
    uint32_t state = atomic_load(&s->place.channel->state);
    if (state == WORKER_READY) {
        e->failed_starts = 0;
    } else if (state == WORKER_REFUSED) {
        s->place.channel->message[sizeof(s->place.channel->message) - 1] = '\0';
        roost__pool_break(e->pool, s->place.channel->message);
    } else if (++e->failed_starts >= FAILED_STARTS_MAX) {
        roost__pool_break(e->pool, otherwise);
    }
}

static void set_worker(struct engine *e, struct slot *s, pid_t pid)
{
    pthread_mutex_lock(&e->pids_lock);
    if (s->pidfd >= 0)
        close(s->pidfd);
    s->pid = pid;
    s->pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    pthread_mutex_unlock(&e->pids_lock);
}

static bool is_over(roost_pool *p)
{
    pthread_mutex_lock(&p->lock);
    bool over = roost__pool_is_over(p);
    pthread_mutex_unlock(&p->lock);
    return over;
}

static void want_worker(struct engine *e, struct slot *s)
{
    s->wanted = true;
    roost__keeper_fork(&e->keeper, (int)(s - e->slots));
}

/* Makes a slot as new; what it had goes back to the queue, and another worker comes. */
static void renew(struct engine *e, struct slot *s)
{
    struct list chunks;
    list_init(&chunks);
    while (!list_empty(&s->inflight)) {
        struct list *it = list_first(&s->inflight);
        list_remove(it);
        roost__chunk_cut(container_of(it, struct chunk, link));
        list_push_back(&chunks, it);
    }
    roost__place_reset(&s->place);
    set_worker(e, s, 0);
    s->wanted = false;
    s->count = s->finished = s->refill = 0;
    s->window = WINDOW_MIN;
    s->write_pos = 0;
    s->bulk = NULL;
    if (e->pool->broken[0] != '\0') {
        roost__pool_fail_chunks(&chunks, ROOST_EDIED, e->pool->broken);
        return;
    }
    roost__pool_give_back(e->pool, &chunks);
    if (is_over(e->pool))
        return;
    atomic_fetch_add(&e->pool->replaced, 1);
    want_worker(e, s);
}

/* The worker of s is dead; nobody else touches its place any more. */
static void bury(struct engine *e, struct slot *s, int status)
{
    drain(e, s);
    blame(e, s, status);
    check_start(e, s, "its workers die before they are ready");
    renew(e, s);
}

static void no_worker(struct engine *e, struct slot *s, int error)
{
    char why[160];
    snprintf(why, sizeof(why), "no worker could be forked: %s", strerror(error));
    check_start(e, s, why);
    renew(e, s);
}

static void read_notices(struct engine *e)
{
    struct notice n;
    while (roost__keeper_notice(&e->keeper, &n)) {
        struct slot *s = &e->slots[n.slot];
        if (n.kind == NOTICE_STARTED)
            set_worker(e, s, n.pid);
        else if (n.kind == NOTICE_ENDED)
            bury(e, s, n.status);
        else
            no_worker(e, s, n.status);
    }
}

/* Without its keeper every worker gets SIGKILL from the kernel; begin again with another one. */
static void replace_keeper(struct engine *e)
{
    read_notices(e);
    roost__keeper_stop(&e->keeper);
    for (int i = 0; i < e->size; i++) {
        struct pollfd fd = {.fd = e->slots[i].pidfd, .events = POLLIN};
        kill_worker(&e->slots[i]);
        if (fd.fd >= 0)
            poll(&fd, 1, DEATH_WAIT_MS);
    }
    if (roost__keeper_start(&e->keeper, &e->shop) != ROOST_OK) {
        e->keeper = (struct keeper){.pidfd = -1, .sock = -1};
        roost__pool_break(e->pool, roost_errmsg());
    }
    for (int i = 0; i < e->size; i++)
        if (e->slots[i].wanted)
            bury(e, &e->slots[i], SIGKILL);
}

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
            kill_worker(s);
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
    return p->terminated || p->broken[0] != '\0' || (is_over(p) && under_way(e) == 0);
}

/* Is there something to do that nobody would wake us for? Asked after the level was set. */
static bool must_not_sleep(struct engine *e, enum engine_sleep level)
{
    uint32_t left = queue_len(e->pool);
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
        read_notices(e);
    if (fds[2].revents != 0)
        replace_keeper(e);
}

static void one_round(struct engine *e)
{
    e->now = now_ns();
    e->busy = false;
    for (int i = 0; i < e->size; i++)
        drain(e, &e->slots[i]);
    deal(e);
    rebalance(e);
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
        drain(e, &e->slots[i]);
        if (p->broken[0] != '\0')
            roost__pool_fail_chunks(&e->slots[i].inflight, ROOST_EDIED, p->broken);
        else
            roost__pool_drop_chunks(&e->slots[i].inflight, "the pool was terminated");
        set_worker(e, &e->slots[i], 0);
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
        want_worker(e, &e->slots[i]);
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
