/*
 * queue.c: local queues: a ring of bytes under a mutex; see roost/local/queue.h.
 *
 * Invariant: there are two copies of the state, and `current` says which counts. Every change is made in the
 * other copy and becomes true by one store to `current`: a process killed anywhere leaves the queue as it was
 * before or as it is after, and nothing needs repair. Bytes of items are written before the state that shows
 * them.
 *
 * `puts` and `gets` are what sleepers sleep on: they change with every put and get. Sleepers look up now and
 * then (mutex.h), for a wake-up may have died with another.
 */
#include "roost/local/queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/spin.h"
#include "local/mutex.h"
#include "local/segment.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/scan.h"

enum { BYTES_DEFAULT = 16 << 20, ITEM_HEAD = 8, SMALL_ITEM = 512, LINE = 64 };

#define BYTES_MAX (1ull << 40)

struct state {
    uint64_t head; /* positions in a stream of bytes: the ring holds head … tail */
    uint64_t tail;
    uint64_t items;
    uint64_t unfinished;
    bool shut;
};

struct queue_body {
    struct segment_head head;
    uint64_t maxsize;  /* UINT64_MAX: no bound */
    uint64_t capacity; /* of the ring, a multiple of ITEM_HEAD */
    _Alignas(LINE) struct mutex mutex;
    _Atomic uint32_t current;
    struct state states[2];
    _Alignas(LINE) _Atomic uint32_t puts;
    _Atomic uint32_t readers; /* asleep on puts, or a few more */
    _Alignas(LINE) _Atomic uint32_t gets;
    _Atomic uint32_t writers; /* asleep on gets, or a few more */
    _Alignas(LINE) _Atomic uint32_t finished;
    _Alignas(LINE) uint8_t ring[];
};

struct roost_local_queue {
    struct segment segment;
};

/* Looking before sleeping pays or does not: each thread finds out for itself. */
static _Thread_local struct spin looks __attribute__((tls_model("initial-exec")));

static struct queue_body *body_of(const roost_local_queue *q)
{
    return (struct queue_body *)(void *)q->segment.head;
}

/* ---- opening ---- */

struct start {
    uint64_t maxsize;
    uint64_t capacity;
};

static void init(struct segment_head *head, const void *arg)
{
    struct queue_body *b = (struct queue_body *)(void *)head;
    const struct start *s = arg;
    b->maxsize = s->maxsize;
    b->capacity = s->capacity;
}

int roost_local_queue_open(const char *name, const roost_local_queue_options *options,
                           roost_local_queue **ret)
{
    roost_local_queue_options o = options != NULL ? *options : (roost_local_queue_options){0};
    if (o.max_bytes > BYTES_MAX)
        return roost__fail(ROOST_ELIMIT, "a local queue of %zu bytes is above 2^40", o.max_bytes);
    struct start s = {.maxsize = o.maxsize > 0 ? (uint64_t)o.maxsize : UINT64_MAX,
                      .capacity = ((o.max_bytes == 0 ? BYTES_DEFAULT : o.max_bytes) + 7) / 8 * 8};
    const struct segment_plan plan = {name, LOCAL_QUEUE, sizeof(struct queue_body) + s.capacity, init, &s};
    roost_local_queue *q;
    bool found;
    int rc = roost__local_open(&plan, sizeof(*q), &q, &found);
    if (rc != ROOST_OK)
        return rc;
    const struct queue_body *b = body_of(q);
    if (found &&
        ((o.maxsize > 0 && b->maxsize != s.maxsize) || (o.max_bytes > 0 && b->capacity != s.capacity))) {
        rc = roost__local_fail(&q->segment, "open", ROOST_EEXIST, "it exists for %lld items and %llu bytes",
                               b->maxsize == UINT64_MAX ? 0 : (long long)b->maxsize,
                               (unsigned long long)b->capacity);
        roost__local_close(q);
        return rc;
    }
    *ret = q;
    return ROOST_OK;
}

int roost_local_queue_new(const roost_local_queue_options *options, roost_local_queue **ret)
{
    return roost_local_queue_open(NULL, options, ret);
}

void roost_local_queue_close(roost_local_queue *q)
{
    roost__local_close(q);
}

/* ---- state ---- */

static void lock(struct queue_body *b)
{
    mutex_lock(&b->mutex, self()->process, -1); /* whoever died in it left one whole state */
}

static void unlock(struct queue_body *b)
{
    mutex_unlock(&b->mutex);
}

static const struct state *state_of(const struct queue_body *b)
{
    return &b->states[atomic_load_explicit(&b->current, memory_order_relaxed)];
}

/* Makes `next` true. */
static void commit(struct queue_body *b, const struct state *next)
{
    uint32_t other = 1 - atomic_load_explicit(&b->current, memory_order_relaxed);
    b->states[other] = *next;
    atomic_store_explicit(&b->current, other, memory_order_release);
}

/* ---- the ring ---- */

static void ring_write(struct queue_body *b, uint64_t at, const void *data, size_t n)
{
    size_t from = at % b->capacity, first = b->capacity - from < n ? b->capacity - from : n;
    memcpy(b->ring + from, data, first);
    memcpy(b->ring, (const uint8_t *)data + first, n - first);
}

static void ring_read(const struct queue_body *b, uint64_t at, void *data, size_t n)
{
    size_t from = at % b->capacity, first = b->capacity - from < n ? b->capacity - from : n;
    memcpy(data, b->ring + from, first);
    memcpy((uint8_t *)data + first, b->ring, n - first);
}

/* What an item of len bytes takes up. */
static uint64_t room_for(uint64_t len)
{
    return ITEM_HEAD + (len + 7) / 8 * 8;
}

/* ---- sleeping ---- */

/* Looks for a few microseconds whether the word changes. */
static bool look(_Atomic uint32_t *word, uint32_t seen)
{
    if (!spin_worth(&looks))
        return false;
    bool changed = false;
    for (int64_t end = now_ns() + SPIN_US * 1000; !changed && now_ns() < end;)
        for (int i = 0; i < 32 && !(changed = atomic_load_explicit(word, memory_order_relaxed) != seen); i++)
            spin_pause();
    spin_result(&looks, changed);
    return changed;
}

/* One wait of a put or get. */
struct wait {
    int64_t deadline;
    struct nap nap;
    bool begun;
    bool last; /* the time is up: look once more */
};

/* Sleeps until the word changes; called with the mutex held, gives it back. */
static void sleep_on(struct queue_body *b, struct wait *w, _Atomic uint32_t *word, _Atomic uint32_t *sleepers,
                     int timeout_ms)
{
    uint32_t seen = atomic_load(word);
    unlock(b);
    if (!w->begun)
        w->deadline = deadline_after(timeout_ms);
    w->begun = true;
    if (look(word, seen))
        return;
    atomic_fetch_add(sleepers, 1);
    w->last = !roost__nap(&w->nap, word, seen, w->deadline);
    atomic_fetch_sub(sleepers, 1);
}

static void wake(_Atomic uint32_t *word, const _Atomic uint32_t *sleepers, int how_many)
{
    atomic_fetch_add(word, 1);
    if (atomic_load(sleepers) > 0)
        futex_wake(word, how_many);
}

/* ---- put ---- */

/* Adds the item if it fits. With the mutex held. */
static bool add(struct queue_body *b, struct slice item)
{
    struct state s = *state_of(b);
    uint64_t len = item.len, room = room_for(len);
    if (s.items >= b->maxsize || b->capacity - (s.tail - s.head) < room)
        return false;
    ring_write(b, s.tail, &len, sizeof(len));
    ring_write(b, s.tail + ITEM_HEAD, item.data, item.len);
    s.tail += room;
    s.items++;
    s.unfinished++;
    commit(b, &s);
    return true;
}

static int too_large(roost_local_queue *q)
{
    return roost__local_fail(&q->segment, "put", ROOST_ELIMIT,
                             "the item never fits into %llu bytes: raise max_bytes",
                             (unsigned long long)body_of(q)->capacity);
}

static int put_encoded(roost_local_queue *q, struct slice item, int timeout_ms)
{
    struct queue_body *b = body_of(q);
    struct wait w = {.last = timeout_ms == 0};
    if (room_for(item.len) > b->capacity)
        return too_large(q);
    for (;;) {
        lock(b);
        bool shut = state_of(b)->shut, added = !shut && add(b, item);
        if (!shut && !added && !w.last) {
            sleep_on(b, &w, &b->gets, &b->writers, timeout_ms);
            continue;
        }
        unlock(b);
        if (shut)
            return roost__local_fail(&q->segment, "put", ROOST_ESHUTDOWN, "it was shut down");
        if (added)
            wake(&b->puts, &b->readers, 1);
        else if (timeout_ms == 0)
            return roost__local_fail(&q->segment, "put", ROOST_EFULL, "the queue is full");
        return added ? ROOST_OK : roost__local_timeout(&q->segment, "put", timeout_ms);
    }
}

/* Encodes the item into b, and puts it. */
static int put_into(roost_local_queue *q, struct buf *b, const roost_value *item, int timeout_ms)
{
    int rc = roost__put_value(b, item);
    if (b->failed)
        return rc; /* the caller says it */
    return rc != ROOST_OK ? roost__local_fail_at(&q->segment, "put")
                          : put_encoded(q, buf_slice(b), timeout_ms);
}

int roost_local_queue_put(roost_local_queue *q, roost_value item, int timeout_ms)
{
    uint8_t small[SMALL_ITEM];
    struct buf b = {.data = small, .cap = sizeof(small), .max = sizeof(small)};
    int rc = put_into(q, &b, &item, timeout_ms);
    if (!b.failed)
        return rc;
    b = buf_make((size_t)body_of(q)->capacity);
    rc = put_into(q, &b, &item, timeout_ms);
    if (b.failed && b.no_memory)
        rc = roost__local_fail_at(&q->segment, "put");
    else if (b.failed)
        rc = too_large(q);
    roost__buf_free(&b);
    return rc;
}

/* ---- get ---- */

/* The first item as a value. Errors: ROOST_ENOMEM, ROOST_EPROTO, not worded. */
static int read_first(struct queue_body *b, uint64_t head, uint64_t len, roost_value *ret)
{
    uint8_t small[SMALL_ITEM];
    uint8_t *data = len <= sizeof(small) ? small : malloc(len);
    if (data == NULL)
        return ROOST_ENOMEM;
    ring_read(b, head + ITEM_HEAD, data, len);
    struct slice s = slice_of(data, len);
    int rc = roost__scan_check(s, WIRE_DEPTH_MAX) ? roost__decode(s, false, ret) : ROOST_EPROTO;
    if (data != small)
        free(data);
    return rc;
}

/* Takes the first item; one that finds no memory stays, so it is decoded before it is taken out. With the
 * mutex held. *ret_writers: how many who wait to put may go on. Errors: ROOST_EEMPTY, ROOST_ENOMEM,
 * ROOST_EPROTO (and it is taken out), not worded. */
static int take(struct queue_body *b, roost_value *ret, int *ret_writers)
{
    struct state s = *state_of(b);
    uint64_t len;
    if (s.items == 0)
        return ROOST_EEMPTY;
    ring_read(b, s.head, &len, sizeof(len));
    int rc = read_first(b, s.head, len, ret);
    if (rc == ROOST_ENOMEM)
        return rc;
    *ret_writers = s.items == b->maxsize ? 1 : INT_MAX; /* one slot, or bytes that may do for many */
    s.head += room_for(len);
    if (--s.items == 0)
        s.head = s.tail = 0; /* back to memory that is warm */
    commit(b, &s);
    return rc;
}

/* Why nothing was taken. */
static int nothing(roost_local_queue *q, int rc, bool shut, int timeout_ms)
{
    if (rc == ROOST_ENOMEM)
        return roost__local_fail(&q->segment, "get", rc, "no memory for the item");
    if (rc == ROOST_EPROTO)
        return roost__local_fail(&q->segment, "get", rc, "the item is damaged");
    if (shut)
        return roost__local_fail(&q->segment, "get", ROOST_ESHUTDOWN, "it was shut down");
    if (timeout_ms == 0)
        return roost__local_fail(&q->segment, "get", ROOST_EEMPTY, "the queue is empty");
    return roost__local_timeout(&q->segment, "get", timeout_ms);
}

int roost_local_queue_get(roost_local_queue *q, roost_value *ret, int timeout_ms)
{
    struct queue_body *b = body_of(q);
    struct wait w = {.last = timeout_ms == 0};
    int writers = 0;
    for (;;) {
        lock(b);
        bool shut = state_of(b)->shut;
        int rc = take(b, ret, &writers);
        if (rc == ROOST_EEMPTY && !shut && !w.last) {
            sleep_on(b, &w, &b->puts, &b->readers, timeout_ms);
            continue;
        }
        unlock(b);
        if (writers > 0)
            wake(&b->gets, &b->writers, writers);
        return rc == ROOST_OK ? rc : nothing(q, rc, shut, timeout_ms);
    }
}

/* ---- the rest ---- */

static struct state snapshot(struct queue_body *b)
{
    lock(b);
    struct state s = *state_of(b);
    unlock(b);
    return s;
}

int64_t roost_local_queue_qsize(roost_local_queue *q)
{
    return (int64_t)snapshot(body_of(q)).items;
}

bool roost_local_queue_empty(roost_local_queue *q)
{
    return snapshot(body_of(q)).items == 0;
}

bool roost_local_queue_full(roost_local_queue *q)
{
    struct queue_body *b = body_of(q);
    struct state s = snapshot(b);
    return s.items >= b->maxsize || b->capacity - (s.tail - s.head) < room_for(1);
}

int roost_local_queue_task_done(roost_local_queue *q, uint64_t count)
{
    struct queue_body *b = body_of(q);
    lock(b);
    struct state s = *state_of(b);
    bool enough = count <= s.unfinished;
    if (enough) {
        s.unfinished -= count;
        commit(b, &s);
    }
    unlock(b);
    if (!enough)
        return roost__local_fail(&q->segment, "task_done", ROOST_EOVERRELEASE,
                                 "only %llu items are unfinished", (unsigned long long)s.unfinished);
    if (s.unfinished == 0 && count > 0) {
        atomic_fetch_add(&b->finished, 1);
        futex_wake(&b->finished, INT_MAX);
    }
    return ROOST_OK;
}

int roost_local_queue_join(roost_local_queue *q, int timeout_ms)
{
    struct queue_body *b = body_of(q);
    int64_t deadline = deadline_after(timeout_ms);
    struct nap nap = {0};
    for (bool last = timeout_ms == 0;;) {
        uint32_t seen = atomic_load(&b->finished);
        if (snapshot(b).unfinished == 0)
            return ROOST_OK;
        if (last)
            return roost__local_timeout(&q->segment, "join", timeout_ms);
        last = !roost__nap(&nap, &b->finished, seen, deadline);
    }
}

void roost_local_queue_shutdown(roost_local_queue *q, bool immediate)
{
    struct queue_body *b = body_of(q);
    lock(b);
    struct state s = *state_of(b);
    s.shut = true;
    if (immediate) {
        s.unfinished = s.unfinished > s.items ? s.unfinished - s.items : 0;
        s.head = s.tail = s.items = 0;
    }
    commit(b, &s);
    unlock(b);
    atomic_fetch_add(&b->finished, 1);
    futex_wake(&b->finished, INT_MAX);
    wake(&b->puts, &b->readers, INT_MAX);
    wake(&b->gets, &b->writers, INT_MAX);
}
