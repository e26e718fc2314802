/*
 * waitables.c: everything one can wait for at the server, as the actors of stage.h use it: one table.
 */
#include <unistd.h>

#include "tests/proof/stage.h"

/* ---- locks and permits: hold and wait are the same call ---- */

#define TAKEABLE(NAME, FIELD, OPEN, RELEASE_ARGS)              \
    static int NAME##_open(struct actor *a)                    \
    {                                                          \
        return OPEN;                                           \
    }                                                          \
    static int NAME##_take(struct actor *a, struct report *r)  \
    {                                                          \
        roost_grant grant = {0};                               \
        int rc = roost_##NAME##_acquire(a->FIELD, &grant, -1); \
        r->owner_died = grant.owner_died;                      \
        return rc;                                             \
    }                                                          \
    static int NAME##_free(struct actor *a, struct report *r)  \
    {                                                          \
        (void)r;                                               \
        return roost_##NAME##_release RELEASE_ARGS;            \
    }

TAKEABLE(lock, lock, roost_lock_open(a->m, "door", &a->lock), (a->lock))
TAKEABLE(rlock, rlock, roost_rlock_open(a->m, "door", &a->rlock), (a->rlock))
TAKEABLE(semaphore, semaphore, roost_semaphore_open(a->m, "door", 1, &a->semaphore), (a->semaphore, 1))
TAKEABLE(bounded_semaphore, bounded, roost_bounded_semaphore_open(a->m, "door", 1, &a->bounded),
         (a->bounded, 1))

static int keyed_open(struct actor *a)
{
    return roost_keyed_lock_open(a->m, "doors", &a->keyed);
}

static int keyed_take(struct actor *a, struct report *r)
{
    roost_grant grant = {0};
    int rc =
        roost_keyed_lock_acquire(a->keyed, roost_list_of(roost_str("left"), roost_str("right")), &grant, -1);
    r->owner_died = grant.owner_died;
    return rc;
}

static int keyed_free(struct actor *a, struct report *r)
{
    (void)r;
    return roost_keyed_lock_release(a->keyed, roost_nil());
}

static int several_open(struct actor *a)
{
    roost_lock *left;
    roost_semaphore *right;
    int rc = roost_lock_open(a->m, "left", &left);
    return rc == 0 ? roost_semaphore_open(a->m, "right", 1, &right) : rc;
}

static int several_take(struct actor *a, struct report *r)
{
    roost_grant grants[2] = {{0}};
    int rc = roost_server_acquire(a->m, roost_list_of(roost_str("left"), roost_str("right")), grants, -1);
    r->owner_died = grants[0].owner_died && grants[1].owner_died;
    return rc;
}

static int several_free(struct actor *a, struct report *r)
{
    (void)r;
    return roost_server_give_back(a->m, roost_list_of(roost_str("left"), roost_str("right")), NULL);
}

/* ---- signals ---- */

static int condition_open(struct actor *a)
{
    return roost_condition_open(a->m, "news", roost_nil(), &a->condition);
}

/* Notifies, and keeps the lock. */
static int condition_notify(struct actor *a, struct report *r)
{
    (void)r;
    int rc = roost_condition_acquire(a->condition, NULL, -1);
    return rc == 0 ? roost_condition_notify(a->condition, 1, NULL) : rc;
}

static int condition_wait(struct actor *a, struct report *r)
{
    roost_grant grant = {0};
    int rc = roost_condition_acquire(a->condition, NULL, -1);
    if (rc == 0)
        rc = roost_condition_wait(a->condition, &grant, -1);
    r->owner_died = grant.owner_died;
    return rc;
}

static int condition_free(struct actor *a, struct report *r)
{
    int rc = condition_notify(a, r);
    return rc == 0 ? roost_condition_release(a->condition) : rc;
}

static int event_open(struct actor *a)
{
    return roost_event_open(a->m, "go", &a->event);
}

static int event_wait(struct actor *a, struct report *r)
{
    (void)r;
    return roost_event_wait(a->event, -1);
}

static int event_set(struct actor *a, struct report *r)
{
    (void)r;
    return roost_event_set(a->event);
}

static int barrier_open(struct actor *a)
{
    return roost_barrier_open(a->m, "meet", 3, -1, &a->barrier);
}

static int barrier_wait(struct actor *a, struct report *r)
{
    (void)r;
    return roost_barrier_wait(a->barrier, NULL, -1);
}

/* ---- queues ---- */

static int queue_open(struct actor *a)
{
    return roost_queue_open(a->m, "jobs", &(roost_queue_options){.maxsize = 1}, &a->queue);
}

static int queue_put(struct actor *a, struct report *r)
{
    (void)r;
    return roost_queue_put(a->queue, roost_int(getpid()), -1);
}

static int queue_get(struct actor *a, struct report *r)
{
    roost_value v = roost_nil();
    int rc = roost_queue_get(a->queue, &v, -1);
    r->item = v.as.i;
    return rc;
}

/* There is an item that was taken and is not worked off. */
static int queue_take_work(struct actor *a, struct report *r)
{
    int rc = queue_put(a, r);
    return rc == 0 ? queue_get(a, r) : rc;
}

static int queue_join(struct actor *a, struct report *r)
{
    (void)r;
    return roost_queue_join(a->queue, -1);
}

static int queue_work_off(struct actor *a, struct report *r)
{
    (void)r;
    return roost_queue_task_done(a->queue, 1);
}

/* Waits for an item and takes it, in one step. */
static int transact(struct actor *a, struct report *r)
{
    roost_transaction *t;
    roost_value results = roost_nil();
    int rc = roost_transaction_new(a->m, &t);
    if (rc != 0)
        return rc;
    if ((rc = roost_transaction_if_not_empty(t, roost_queue_ref(a->queue))) == 0)
        rc = roost_transaction_call(t, roost_queue_ref(a->queue), roost_nil(), "queue.get", NULL, 0);
    if (rc == 0)
        rc = roost_transaction_commit(t, -1, &results);
    if (rc == 0)
        r->item = results.as.items[0].as.i;
    roost_value_free(&results);
    roost_transaction_free(t);
    return rc;
}

/* clang-format off */
const struct waitable waitables[] = {
    {"lock",              lock_open,              lock_take,              lock_take,              lock_free, NULL},
    {"rlock",             rlock_open,             rlock_take,             rlock_take,             rlock_free, NULL},
    {"semaphore",         semaphore_open,         semaphore_take,         semaphore_take,         semaphore_free, NULL},
    {"bounded_semaphore", bounded_semaphore_open, bounded_semaphore_take, bounded_semaphore_take, bounded_semaphore_free, NULL},
    {"keyed_lock",        keyed_open,             keyed_take,             keyed_take,             keyed_free, NULL},
    {"server.acquire",    several_open,           several_take,           several_take,           several_free, NULL},
    {"condition.wait",    condition_open,         NULL,                   condition_wait,         condition_free, condition_notify},
    {"event.wait",        event_open,             NULL,                   event_wait,             event_set, NULL},
    {"barrier.wait",      barrier_open,           NULL,                   barrier_wait,           barrier_wait, NULL},
    {"queue.get",         queue_open,             NULL,                   queue_get,              queue_put, queue_get},
    {"queue.put",         queue_open,             queue_put,              queue_put,              queue_get, NULL},
    {"queue.join",        queue_open,             queue_take_work,        queue_join,             queue_work_off, NULL},
    {"transaction",       queue_open,             NULL,                   transact,               queue_put, queue_get},
};
/* clang-format on */

const int waitable_count = sizeof(waitables) / sizeof(waitables[0]);
