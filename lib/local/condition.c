/*
 * condition.c: local conditions; see roost/local/condition.h.
 *
 * Invariant: the seats are changed under the condition's lock only, which every caller of wait and notify
 * holds.
 */
#include "roost/local/condition.h"

#include "base/error.h"
#include "local/locks.h"
#include "local/seats.h"

struct condition_body {
    struct segment_head head;
    struct rlock rlock; /* its own, unless the options give another */
    struct seats seats;
};

struct roost_local_condition {
    struct segment segment;
    struct mutex *lock;  /* a plain lock, or NULL: */
    struct rlock *rlock; /* an rlock */
};

_Static_assert((int)SEATS_MAX == (int)ROOST_LOCAL_WAITERS_MAX, "the header says how many may wait");

static struct seats *seats_of(roost_local_condition *c)
{
    return &((struct condition_body *)(void *)c->segment.head)->seats;
}

int roost_local_condition_open(const char *name, const roost_local_condition_options *options,
                               roost_local_condition **ret)
{
    const struct segment_plan plan = {
        .name = name, .type = LOCAL_CONDITION, .size = sizeof(struct condition_body)};
    roost_local_condition *c;
    if (options != NULL && options->lock != NULL && options->rlock != NULL)
        return roost__fail(ROOST_EINVAL, "a local condition stands on one lock, not on two");
    int rc = roost__local_open(&plan, sizeof(*c), &c, NULL);
    if (rc != ROOST_OK)
        return rc;
    if (options != NULL && options->lock != NULL)
        c->lock = &((struct lock_body *)(void *)options->lock->segment.head)->mutex;
    else if (options != NULL && options->rlock != NULL)
        c->rlock = options->rlock->rlock;
    else
        c->rlock = &((struct condition_body *)(void *)c->segment.head)->rlock;
    *ret = c;
    return ROOST_OK;
}

int roost_local_condition_new(const roost_local_condition_options *options, roost_local_condition **ret)
{
    return roost_local_condition_open(NULL, options, ret);
}

void roost_local_condition_close(roost_local_condition *c)
{
    roost__local_close(c);
}

/* ---- its lock ---- */

static enum mutex_result lock(roost_local_condition *c, int timeout_ms)
{
    return c->lock != NULL ? mutex_lock(c->lock, self()->process, timeout_ms)
                           : rlock_lock(c->rlock, timeout_ms);
}

static bool mine(roost_local_condition *c)
{
    return c->lock != NULL ? mutex_holder(c->lock) == self()->process : rlock_mine(c->rlock);
}

static int not_mine(roost_local_condition *c, const char *verb)
{
    return roost__local_fail(&c->segment, verb, ROOST_ENOTOWNER, "the caller does not hold its lock");
}

/* Gives all levels back; returns how many. */
static uint32_t unlock_all(roost_local_condition *c)
{
    uint32_t depth = 1;
    if (c->rlock != NULL) {
        depth = c->rlock->depth;
        c->rlock->depth = 0;
    }
    mutex_unlock(c->lock != NULL ? c->lock : &c->rlock->mutex);
    return depth;
}

/* Takes them again. True when a holder died meanwhile. */
static bool lock_again(roost_local_condition *c, uint32_t depth)
{
    enum mutex_result r = lock(c, -1);
    if (c->rlock != NULL)
        c->rlock->depth = depth;
    return r == MUTEX_OWNER_DIED;
}

int roost_local_condition_acquire(roost_local_condition *c, bool *owner_died, int timeout_ms)
{
    enum mutex_result r = lock(c, timeout_ms);
    if (r == MUTEX_TIMEOUT)
        return roost__local_timeout(&c->segment, "acquire", timeout_ms);
    if (owner_died != NULL)
        *owner_died = r == MUTEX_OWNER_DIED;
    return ROOST_OK;
}

int roost_local_condition_release(roost_local_condition *c)
{
    if (c->lock != NULL)
        return mutex_unlock(c->lock)
                   ? ROOST_OK
                   : roost__local_fail(&c->segment, "release", ROOST_EOVERRELEASE, "nobody holds its lock");
    if (!rlock_mine(c->rlock))
        return not_mine(c, "release");
    rlock_unlock(c->rlock);
    return ROOST_OK;
}

/* ---- waiting and waking ---- */

int roost_local_condition_wait(roost_local_condition *c, bool *owner_died, int timeout_ms)
{
    if (!mine(c))
        return not_mine(c, "wait");
    struct seat *seat = roost__seat_take(seats_of(c));
    if (seat == NULL)
        return roost__local_fail(&c->segment, "wait", ROOST_ELIMIT, "%d wait already", SEATS_MAX);
    int64_t deadline = deadline_after(timeout_ms);
    uint32_t depth = unlock_all(c);
    bool last = timeout_ms == 0;
    while (seat_state(seat) == SEAT_WAITING && !last)
        last = !futex_wait(&seat->state, SEAT_WAITING, deadline);
    bool died = lock_again(c, depth);
    bool called = seat_state(seat) != SEAT_WAITING; /* with the lock: nobody can call us any more */
    seat_leave(seat);
    if (owner_died != NULL)
        *owner_died = died;
    return called ? ROOST_OK : roost__local_timeout(&c->segment, "wait", timeout_ms);
}

int roost_local_condition_wait_for(roost_local_condition *c, bool (*predicate)(void *arg), void *arg,
                                   bool *owner_died, int timeout_ms)
{
    int64_t deadline = deadline_after(timeout_ms);
    bool died = false, any_died = false;
    int rc = mine(c) ? ROOST_OK : not_mine(c, "wait_for");
    while (rc == ROOST_OK && !predicate(arg)) {
        rc = roost_local_condition_wait(c, &died, deadline_left_ms(deadline));
        any_died |= died;
        if (rc == ROOST_ETIMEDOUT && predicate(arg))
            rc = ROOST_OK;
        else if (rc == ROOST_ETIMEDOUT)
            rc = roost__local_timeout(&c->segment, "wait_for", timeout_ms);
    }
    if (owner_died != NULL && (rc == ROOST_OK || rc == ROOST_ETIMEDOUT))
        *owner_died = any_died;
    return rc;
}

int roost_local_condition_notify(roost_local_condition *c, uint32_t count, uint32_t *ret)
{
    struct seat *seat;
    uint32_t n = 0;
    if (!mine(c))
        return not_mine(c, "notify");
    while (n < count && (seat = roost__seats_first(seats_of(c))) != NULL) {
        seat_call(seat, SEAT_CALLED);
        n++;
    }
    if (ret != NULL)
        *ret = n;
    return ROOST_OK;
}

int roost_local_condition_notify_all(roost_local_condition *c, uint32_t *ret)
{
    return roost_local_condition_notify(c, UINT32_MAX, ret);
}
