/*
 * semaphore.c: local semaphores; see roost/local/semaphore.h.
 *
 * Invariant: `permits` is all the state. `sleepers` is at least the number of those asleep (a killed one
 * stays counted, which costs a wake-up in vain). A wake-up that dies with its receiver is made up for by
 * naps.
 */
#include "roost/local/semaphore.h"

#include "base/error.h"
#include "local/mutex.h"
#include "local/segment.h"

struct semaphore_body {
    struct segment_head head;
    _Atomic uint32_t permits;
    _Atomic uint32_t sleepers;
    uint32_t max;
};

struct roost_local_semaphore {
    struct segment segment;
};

static struct semaphore_body *body_of(const roost_local_semaphore *s)
{
    return (struct semaphore_body *)(void *)s->segment.head;
}

struct start {
    uint32_t permits;
    uint32_t max;
};

static void init(struct segment_head *head, const void *arg)
{
    struct semaphore_body *b = (struct semaphore_body *)(void *)head;
    const struct start *start = arg;
    b->permits = start->permits;
    b->max = start->max;
}

static int open_semaphore(const char *name, enum local_type type, int64_t value, roost_local_semaphore **ret)
{
    if (value < 0 || value > ROOST_LOCAL_PERMITS_MAX)
        return roost__fail(ROOST_EINVAL, "a local semaphore's value is 0 to %d, not %lld",
                           ROOST_LOCAL_PERMITS_MAX, (long long)value);
    bool bounded = type == LOCAL_BOUNDED_SEMAPHORE, found;
    const struct start start = {(uint32_t)value, bounded ? (uint32_t)value : ROOST_LOCAL_PERMITS_MAX};
    const struct segment_plan plan = {name, type, sizeof(struct semaphore_body), init, &start};
    roost_local_semaphore *s;
    int rc = roost__local_open(&plan, sizeof(*s), &s, &found);
    if (rc == ROOST_OK && found && body_of(s)->max != start.max) {
        rc = roost__local_fail(&s->segment, "open", ROOST_EEXIST, "it exists with a bound of %u",
                               body_of(s)->max);
        roost__local_close(s);
    }
    if (rc == ROOST_OK)
        *ret = s;
    return rc;
}

int roost_local_semaphore_new(int64_t value, roost_local_semaphore **ret)
{
    return open_semaphore(NULL, LOCAL_SEMAPHORE, value, ret);
}

int roost_local_semaphore_open(const char *name, int64_t value, roost_local_semaphore **ret)
{
    return open_semaphore(name, LOCAL_SEMAPHORE, value, ret);
}

int roost_local_bounded_semaphore_new(int64_t value, roost_local_semaphore **ret)
{
    return open_semaphore(NULL, LOCAL_BOUNDED_SEMAPHORE, value, ret);
}

int roost_local_bounded_semaphore_open(const char *name, int64_t value, roost_local_semaphore **ret)
{
    return open_semaphore(name, LOCAL_BOUNDED_SEMAPHORE, value, ret);
}

void roost_local_semaphore_close(roost_local_semaphore *s)
{
    roost__local_close(s);
}

static bool take(struct semaphore_body *b)
{
    uint32_t n = atomic_load(&b->permits);
    while (n > 0)
        if (atomic_compare_exchange_weak(&b->permits, &n, n - 1))
            return true;
    return false;
}

int roost_local_semaphore_acquire(roost_local_semaphore *s, int timeout_ms)
{
    struct semaphore_body *b = body_of(s);
    if (take(b))
        return ROOST_OK;
    int64_t deadline = deadline_after(timeout_ms);
    struct nap nap = {0};
    bool last = timeout_ms == 0, got = false;
    atomic_fetch_add(&b->sleepers, 1);
    while (!(got = take(b)) && !last)
        last = !roost__nap(&nap, &b->permits, 0, deadline);
    atomic_fetch_sub(&b->sleepers, 1);
    return got ? ROOST_OK : roost__local_timeout(&s->segment, "acquire", timeout_ms);
}

int roost_local_semaphore_release(roost_local_semaphore *s, uint32_t count)
{
    struct semaphore_body *b = body_of(s);
    uint32_t n = atomic_load(&b->permits);
    do {
        if (count > b->max || n > b->max - count)
            return roost__local_fail(&s->segment, "release",
                                     s->segment.head->type == LOCAL_BOUNDED_SEMAPHORE ? ROOST_EOVERRELEASE
                                                                                      : ROOST_ERANGE,
                                     "%u permits and %u more are above its %u", n, count, b->max);
    } while (!atomic_compare_exchange_weak(&b->permits, &n, n + count));
    if (atomic_load(&b->sleepers) > 0 && count > 0)
        futex_wake(&b->permits, (int)count);
    return ROOST_OK;
}

int64_t roost_local_semaphore_value(const roost_local_semaphore *s)
{
    return atomic_load(&body_of(s)->permits);
}
