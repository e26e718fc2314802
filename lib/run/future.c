/* future.c: futures; see roost/future.h for users, job.h for the invariant. */
#include "run/job.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/futex.h"
#include "run/cells.h"
#include "run/notifier.h"

enum { STATUS_MASK = 3, HAS_WAITERS = 4, HAS_HOOKS = 8 };
enum { STRIPES = 16 };

#define ITEM_FAILED ((roost_kind)255) /* the kind of a value whose item failed */

/* Locks for hooks and failures, shared by futures: both are rare, and a future stays small. */
static pthread_mutex_t stripes[STRIPES];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init_stripes(void)
{
    for (int i = 0; i < STRIPES; i++)
        pthread_mutex_init(&stripes[i], NULL);
}

static void set_up(void)
{
    init_stripes();
    pthread_atfork(NULL, NULL, init_stripes); /* another thread may hold one at a fork */
}

static pthread_mutex_t *lock_of(const roost_future *f)
{
    pthread_once(&once, set_up);
    return &stripes[(uintptr_t)f / 256 % STRIPES];
}

/* ---- making and freeing ---- */

static void init_chunk(roost_future *f, struct chunk *c, uint32_t first, uint32_t count)
{
    list_init(&c->link);
    c->future = f;
    c->first = first;
    c->count = count;
    c->cut = 0;
    c->attempts = 0;
    c->pos = 0;
    atomic_init(&c->done, 0);
}

static void init_future(roost_future *f, roost_pool *p, roost_task task, uint32_t n)
{
    atomic_init(&f->state, PENDING);
    atomic_init(&f->refs, 2);
    atomic_init(&f->left, n);
    f->n = n;
    f->task = task;
    f->pool = p;
    f->block = NULL;
    f->hooks = NULL;
    f->failures = NULL;
}

roost_future *roost__future_one(roost_pool *p, roost_task task, bool star, struct slice args)
{
    roost_future *f = malloc(sizeof(*f) + args.len);
    if (f == NULL)
        return NULL;
    init_future(f, p, task, 1);
    f->chunk_count = 1;
    f->many = false;
    f->star = star;
    f->value = roost_nil();
    f->values = &f->value;
    f->chunks = &f->chunk;
    f->args = f->bytes;
    memcpy(f->bytes, args.data, args.len);
    init_chunk(f, &f->chunk, 0, 1);
    f->chunk.args = f->bytes;
    f->chunk.args_end = f->bytes + args.len;
    return f;
}

/* Lays the chunks over the encoded items. */
static void lay_chunks(roost_future *f, uint32_t size, struct slice args)
{
    const uint8_t *p = args.data;
    bool flat = !f->star && args.len == f->n * sizeof(roost_value); /* scalars only */
    for (uint32_t i = 0; i < f->chunk_count; i++) {
        struct chunk *c = &f->chunks[i];
        uint32_t first = i * size;
        init_chunk(f, c, first, f->n - first < size ? f->n - first : size);
        c->args = p;
        if (flat)
            p += c->count * sizeof(roost_value);
        for (uint32_t k = 0; k < c->count && !flat; k++)
            p = roost__item_end(p, f->star);
        c->args_end = p;
    }
    assert(p == args.data + args.len);
}

static void free_items(struct value_block *block, const roost_value *v)
{
    (void)block;
    for (uint32_t i = 0; i < v->len; i++)
        if (v->as.items[i].block != NULL)
            roost_value_free(&(roost_value){.kind = ROOST_BYTES, .block = v->as.items[i].block});
}

roost_future *roost__future_many(roost_pool *p, roost_task task, bool star, uint32_t n, uint32_t chunk,
                                 struct buf *args)
{
    uint32_t chunks = n / chunk + (n % chunk != 0);
    roost_future *f = malloc(sizeof(*f));
    struct value_block *block = malloc(sizeof(*block) + n * sizeof(roost_value));
    struct chunk *c = calloc(chunks + 1, sizeof(*c));
    if (f == NULL || block == NULL || c == NULL) {
        free(f);
        free(block);
        free(c);
        return NULL;
    }
    init_future(f, p, task, n);
    *block = (struct value_block){.drop = free_items};
    f->block = block;
    f->values = (roost_value *)(void *)(block + 1);
    for (uint32_t i = 0; i < n; i++)
        f->values[i].block = NULL; /* all that freeing looks at */
    f->many = true;
    f->star = star;
    f->chunks = c;
    f->chunk_count = chunks;
    f->args = args->data;
    lay_chunks(f, chunk, buf_slice(args));
    *args = buf_make(args->max);
    return f;
}

static void free_future(roost_future *f)
{
    while (f->hooks != NULL) { /* never submitted; whoever waits or watches takes his hooks out himself */
        struct hook *next = f->hooks->next;
        roost__callback_drop(f->hooks);
        f->hooks = next;
    }
    while (f->failures != NULL) {
        struct failure *next = f->failures->next;
        free(f->failures);
        f->failures = next;
    }
    if (f->many) {
        roost_value all = roost_array(f->values, f->n);
        all.block = f->block;
        roost_value_free(&all);
        free(f->chunks);
        free(f->args);
    } else {
        roost_value_free(&f->value);
    }
    free(f);
}

void roost__future_hold(roost_future *f)
{
    atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
}

void roost__future_drop(roost_future *f)
{
    if (atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) == 1)
        free_future(f);
}

void roost_future_free(roost_future *f)
{
    if (f != NULL)
        roost__future_drop(f);
}

/* ---- moving on ---- */

static void fire_hooks(roost_future *f)
{
    pthread_mutex_t *lock = lock_of(f);
    pthread_mutex_lock(lock);
    struct hook *newest = f->hooks, *oldest = NULL;
    f->hooks = NULL;
    while (newest != NULL) { /* hooks fire in the order in which they came */
        struct hook *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    /* Under the lock: once it is free, unhook() may say "not there", and the hook's owner may free it. */
    while (oldest != NULL) {
        struct hook *next = oldest->next;
        oldest->fire(oldest, f);
        oldest = next;
    }
    pthread_mutex_unlock(lock);
}

/* Moves from one status to another and tells who waits. False when the status was not `from`. */
static bool move(roost_future *f, enum future_status from, enum future_status to)
{
    uint32_t old = atomic_load(&f->state);
    do {
        if ((old & STATUS_MASK) != from)
            return false;
    } while (!atomic_compare_exchange_weak(&f->state, &old, (old & ~(uint32_t)STATUS_MASK) | to));
    if (to == RUNNING)
        return true;
    if (old & HAS_WAITERS)
        futex_wake(&f->state, INT_MAX);
    if (old & HAS_HOOKS)
        fire_hooks(f);
    return true;
}

bool roost__future_start(roost_future *f)
{
    return move(f, PENDING, RUNNING) || future_status(f) == RUNNING;
}

void roost__chunk_failure(struct chunk *c, int code, int status, const char *message)
{
    roost_future *f = c->future;
    uint32_t item = chunk_next_item(c);
    size_t len = strlen(message) + 1;
    struct failure *failure = malloc(sizeof(*failure) + len);
    f->values[item] = (roost_value){.kind = ITEM_FAILED, .as.i = code};
    if (failure == NULL)
        return;
    *failure = (struct failure){.item = item, .code = code, .status = status};
    memcpy(failure->message, message, len);
    pthread_mutex_lock(lock_of(f));
    failure->next = f->failures;
    f->failures = failure;
    pthread_mutex_unlock(lock_of(f));
}

void roost__chunk_close(struct chunk *c, const char *why)
{
    roost_future *f = c->future;
    while (c->done < c->count)
        roost__chunk_failure(c, ROOST_ECANCELED, 0, why);
    uint32_t count = c->count; /* from the next line on, another chunk's end may free them all */
    if (atomic_fetch_sub_explicit(&f->left, count, memory_order_acq_rel) != count)
        return;
    if (!move(f, RUNNING, DONE))
        move(f, PENDING, CANCELLED);
    roost__future_drop(f);
}

void roost__chunk_cut(struct chunk *c)
{
    for (; c->cut < c->done; c->cut++)
        c->args = roost__item_end(c->args, c->future->star);
}

bool roost_future_cancel(roost_future *f)
{
    return move(f, PENDING, CANCELLED) || future_status(f) == CANCELLED;
}

bool roost_future_cancelled(const roost_future *f)
{
    return future_status(f) == CANCELLED;
}

bool roost_future_running(const roost_future *f)
{
    return future_status(f) == RUNNING;
}

bool roost_future_done(const roost_future *f)
{
    return future_status(f) >= DONE;
}

/* ---- waiting ---- */

int roost_future_wait(roost_future *f, int timeout_ms)
{
    if (roost_future_done(f))
        return ROOST_OK;
    int64_t deadline = deadline_after(timeout_ms);
    uint32_t seen = atomic_load(&f->state);
    while ((seen & STATUS_MASK) < DONE) {
        if (!(seen & HAS_WAITERS)) {
            atomic_compare_exchange_weak(&f->state, &seen, seen | HAS_WAITERS);
            continue;
        }
        if (!futex_wait(&f->state, seen, deadline))
            return roost__fail(ROOST_ETIMEDOUT, "future: timed out after %d ms", timeout_ms);
        seen = atomic_load(&f->state);
    }
    return ROOST_OK;
}

/* The failure of the first item at or behind `from`, up to `end`, that failed, copied out; code 0: none did.
 */
static roost_failure failure_of(roost_future *f, uint32_t from, uint32_t end)
{
    if (roost_future_cancelled(f))
        return (roost_failure){ROOST_ECANCELED, 0, 0, "the future was cancelled"};
    uint32_t i = from;
    while (i < end && f->values[i].kind != ITEM_FAILED)
        i++;
    if (i == end)
        return (roost_failure){0, 0, 0, ""};
    for (const struct failure *failure = f->failures; failure != NULL; failure = failure->next)
        if (failure->item == i)
            return (roost_failure){failure->code, failure->status, i, failure->message};
    return (roost_failure){(int)f->values[i].as.i, 0, i, "no memory for the message"};
}

static int fail_as(roost_failure failure)
{
    return roost__fail(failure.code, "%s", failure.message);
}

static roost_value lend(roost_value v)
{
    v.block = NULL;
    return v;
}

int roost_future_result(roost_future *f, roost_value *ret, int timeout_ms)
{
    int rc = roost_future_wait(f, timeout_ms);
    if (rc != ROOST_OK)
        return rc;
    roost_failure failure = failure_of(f, 0, f->n);
    if (failure.code != 0)
        return fail_as(failure);
    if (ret != NULL)
        *ret = f->many ? roost_array(f->values, f->n) : lend(f->value);
    return ROOST_OK;
}

int roost__future_take(roost_future *f, roost_value *ret)
{
    roost_value v;
    int rc = roost_future_result(f, &v, 0);
    if (rc != ROOST_OK || ret == NULL)
        return rc;
    if (f->many) {
        v.block = f->block;
        f->block = NULL;
        f->values = NULL;
        f->n = 0;
    } else {
        v = f->value;
        f->value = roost_nil();
    }
    *ret = v;
    return ROOST_OK;
}

static int must_be_done(roost_future *f)
{
    return roost_future_done(f) ? ROOST_OK : roost__fail(ROOST_EBUSY, "the future is not done");
}

int roost_future_successful(roost_future *f, bool *ret)
{
    int rc = must_be_done(f);
    if (rc == ROOST_OK)
        *ret = failure_of(f, 0, f->n).code == 0;
    return rc;
}

uint32_t roost_future_len(const roost_future *f)
{
    return f->n;
}

int roost_future_item(roost_future *f, uint32_t i, roost_value *ret)
{
    int rc = must_be_done(f);
    if (rc != ROOST_OK)
        return rc;
    if (i >= f->n)
        return roost__fail(ROOST_EINDEX, "item %u of a future of %u", i, f->n);
    roost_failure failure = failure_of(f, i, i + 1);
    if (failure.code != 0)
        return fail_as(failure);
    *ret = lend(f->values[i]);
    return ROOST_OK;
}

int roost_future_exception(roost_future *f, roost_failure *ret, int timeout_ms)
{
    int rc = roost_future_wait(f, timeout_ms);
    if (rc == ROOST_OK)
        *ret = failure_of(f, 0, f->n);
    return rc;
}

/* ---- hooks and callbacks ---- */

bool roost__future_hook(roost_future *f, struct hook *h)
{
    pthread_mutex_t *lock = lock_of(f);
    pthread_mutex_lock(lock);
    bool open = (atomic_fetch_or(&f->state, HAS_HOOKS) & STATUS_MASK) < DONE;
    if (open) { /* who finishes the future sees the flag, and waits for the lock */
        h->next = f->hooks;
        f->hooks = h;
    }
    pthread_mutex_unlock(lock);
    return open;
}

bool roost__future_unhook(roost_future *f, struct hook *h)
{
    pthread_mutex_t *lock = lock_of(f);
    pthread_mutex_lock(lock);
    struct hook **at = &f->hooks;
    while (*at != NULL && *at != h)
        at = &(*at)->next;
    bool found = *at == h;
    if (found)
        *at = h->next;
    pthread_mutex_unlock(lock);
    return found;
}

int roost_future_add_done_callback(roost_future *f, roost_done_callback fn, void *arg)
{
    return roost__callback_add(f, &(roost_callbacks){.on_result = fn, .on_error = fn, .arg = arg});
}
