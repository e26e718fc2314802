/* lock.c: local locks and rlocks; see roost/local/lock.h. A lock belongs to a process, an rlock to a thread.
 */
#include "roost/local/lock.h"

#include "local/locks.h"

/* ---- lock ---- */

static struct mutex *mutex_of(const roost_local_lock *l)
{
    return &((struct lock_body *)(void *)l->segment.head)->mutex;
}

int roost_local_lock_open(const char *name, roost_local_lock **ret)
{
    const struct segment_plan plan = {.name = name, .type = LOCAL_LOCK, .size = sizeof(struct lock_body)};
    return roost__local_open(&plan, sizeof(roost_local_lock), ret, NULL);
}

int roost_local_lock_new(roost_local_lock **ret)
{
    return roost_local_lock_open(NULL, ret);
}

void roost_local_lock_close(roost_local_lock *l)
{
    roost__local_close(l);
}

/* What the two kinds of acquire tell their callers. */
static int acquired(const struct segment *s, enum mutex_result r, bool *owner_died, int timeout_ms)
{
    if (r == MUTEX_TIMEOUT)
        return roost__local_timeout(s, "acquire", timeout_ms);
    if (owner_died != NULL)
        *owner_died = r == MUTEX_OWNER_DIED;
    return ROOST_OK;
}

int roost_local_lock_acquire(roost_local_lock *l, bool *owner_died, int timeout_ms)
{
    return acquired(&l->segment, mutex_lock(mutex_of(l), self()->process, timeout_ms), owner_died,
                    timeout_ms);
}

int roost_local_lock_release(roost_local_lock *l)
{
    return mutex_unlock(mutex_of(l))
               ? ROOST_OK
               : roost__local_fail(&l->segment, "release", ROOST_EOVERRELEASE, "nobody holds it");
}

bool roost_local_lock_locked(const roost_local_lock *l)
{
    return mutex_holder(mutex_of(l)) != 0;
}

pid_t roost_local_lock_holder(const roost_local_lock *l)
{
    return self_pid(mutex_holder(mutex_of(l)));
}

/* ---- rlock ---- */

struct rlock_body {
    struct segment_head head;
    struct rlock rlock;
};

int roost_local_rlock_open(const char *name, roost_local_rlock **ret)
{
    const struct segment_plan plan = {.name = name, .type = LOCAL_RLOCK, .size = sizeof(struct rlock_body)};
    int rc = roost__local_open(&plan, sizeof(roost_local_rlock), ret, NULL);
    if (rc == ROOST_OK)
        (*ret)->rlock = &((struct rlock_body *)(void *)(*ret)->segment.head)->rlock;
    return rc;
}

int roost_local_rlock_new(roost_local_rlock **ret)
{
    return roost_local_rlock_open(NULL, ret);
}

void roost_local_rlock_close(roost_local_rlock *l)
{
    if (l != NULL && l->segment.head->type == LOCAL_RLOCK) /* not the lock of a value, array or condition */
        roost__local_close(l);
}

int roost_local_rlock_acquire(roost_local_rlock *l, bool *owner_died, int timeout_ms)
{
    return acquired(&l->segment, rlock_lock(l->rlock, timeout_ms), owner_died, timeout_ms);
}

int roost_local_rlock_release(roost_local_rlock *l)
{
    if (!rlock_mine(l->rlock))
        return roost__local_fail(&l->segment, "release", ROOST_ENOTOWNER, "the caller does not hold it");
    rlock_unlock(l->rlock);
    return ROOST_OK;
}

bool roost_local_rlock_locked(const roost_local_rlock *l)
{
    return mutex_holder(&l->rlock->mutex) != 0;
}

pid_t roost_local_rlock_holder(const roost_local_rlock *l)
{
    return self_pid(mutex_holder(&l->rlock->mutex));
}
