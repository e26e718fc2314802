/*
 * thread.c: threads with the verbs of processes; see roost/thread.h.
 *
 * Invariant: `ended` goes from 0 to 1 once, after exitcode was written; the thread itself holds a reference,
 * so that a handle closed at that moment does not vanish under it.
 */
#include "roost/thread.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/error.h"
#include "base/futex.h"
#include "run/family.h"

struct roost_thread {
    struct member member;
    pthread_t thread;
    _Atomic uint32_t id;
    _Atomic uint32_t ended;
    _Atomic int sentinel; /* an eventfd, -1 until someone asks for it */
    bool daemon;
    int exitcode;
    int (*fn)(void *arg);
    void *arg;
    char *name;
};

static atomic_uint started;
static _Thread_local roost_thread *self;

static struct roost_thread *of_member(struct member *m)
{
    return container_of(m, struct roost_thread, member);
}

static void free_member(struct member *m)
{
    struct roost_thread *t = of_member(m);
    if (t->sentinel >= 0)
        close(t->sentinel);
    free(t->name);
    free(t);
}

static void ring_sentinel(roost_thread *t)
{
    int fd = atomic_load(&t->sentinel);
    if (fd >= 0)
        eventfd_write(fd, 1);
}

/* Runs when the function returns and when it leaves by pthread_exit(). */
static void finish(void *arg)
{
    roost_thread *t = arg;
    atomic_store(&t->ended, 1);
    futex_wake(&t->ended, INT_MAX);
    ring_sentinel(t);
    if (atomic_fetch_sub(&t->member.refs, 1) == 1)
        free_member(&t->member);
}

static void *run(void *arg)
{
    roost_thread *t = arg;
    self = t;
    char shown[16]; /* all that the kernel takes */
    snprintf(shown, sizeof(shown), "%.15s", t->name);
    pthread_setname_np(pthread_self(), shown);
    atomic_store(&t->id, (uint32_t)gettid());
    futex_wake(&t->id, INT_MAX);
    pthread_cleanup_push(finish, t);
    t->exitcode = t->fn(t->arg);
    pthread_cleanup_pop(1);
    return NULL;
}

static int wait_for_end(roost_thread *t, int timeout_ms)
{
    int64_t deadline = deadline_after(timeout_ms);
    while (atomic_load(&t->ended) == 0)
        if (!futex_wait(&t->ended, 0, deadline))
            return roost__fail(ROOST_ETIMEDOUT, "thread \"%s\": join: timed out after %d ms", t->name,
                               timeout_ms);
    return ROOST_OK;
}

static void wait_member(struct member *m)
{
    struct roost_thread *t = of_member(m);
    if (!t->daemon && t != self)
        wait_for_end(t, -1);
}

static int start_thread(roost_thread *t)
{
    roost__family_add(&t->member);
    atomic_fetch_add(&t->member.refs, 1); /* the thread's own */
    int rc = pthread_create(&t->thread, NULL, run, t);
    if (rc != 0) {
        atomic_fetch_sub(&t->member.refs, 1);
        roost__family_leave(&t->member);
        return roost__fail(ROOST_ESYS, "pthread_create: %s", strerror(rc));
    }
    pthread_detach(t->thread);
    while (atomic_load(&t->id) == 0)
        futex_wait(&t->id, 0, FOREVER);
    return ROOST_OK;
}

int roost_thread_start(roost_thread **ret, int (*fn)(void *arg), void *arg,
                       const roost_thread_options *options)
{
    if (ret == NULL || fn == NULL)
        return roost__fail(ROOST_EINVAL, "thread start: no handle or no function");
    roost_thread *t = calloc(1, sizeof(*t));
    char *name = roost__member_name(options != NULL ? options->name : NULL, "Thread", &started);
    if (t == NULL || name == NULL) {
        free(t);
        free(name);
        return roost__fail(ROOST_ENOMEM, "no memory for a thread");
    }
    t->member = (struct member){.wait = wait_member, .free = free_member};
    t->name = name;
    t->fn = fn;
    t->arg = arg;
    t->sentinel = -1;
    t->daemon = options != NULL && options->daemon;
    int rc = start_thread(t);
    if (rc == ROOST_OK)
        *ret = t;
    return rc;
}

int roost_thread_join(roost_thread *t, int timeout_ms)
{
    if (t == self)
        return roost__fail(ROOST_EDEADLK, "thread \"%s\" joins itself", t->name);
    return wait_for_end(t, timeout_ms);
}

bool roost_thread_is_alive(const roost_thread *t)
{
    return atomic_load(&t->ended) == 0;
}

int roost_thread_exitcode(const roost_thread *t, int *ret)
{
    if (roost_thread_is_alive(t))
        return roost__fail(ROOST_EBUSY, "thread \"%s\" is running", t->name);
    *ret = t->exitcode;
    return ROOST_OK;
}

pid_t roost_thread_id(const roost_thread *t)
{
    return (pid_t)atomic_load(&t->id);
}

const char *roost_thread_name(const roost_thread *t)
{
    if (t == NULL)
        t = self;
    return t != NULL ? t->name : "MainThread";
}

bool roost_thread_is_daemon(const roost_thread *t)
{
    return t->daemon;
}

int roost_thread_sentinel(roost_thread *t, int *ret)
{
    int fd = atomic_load(&t->sentinel), none = -1;
    if (fd < 0) {
        fd = eventfd(0, EFD_CLOEXEC);
        if (fd < 0)
            return roost__fail_sys("eventfd");
        if (!atomic_compare_exchange_strong(&t->sentinel, &none, fd)) {
            close(fd);
            fd = none; /* another thread's */
        } else if (atomic_load(&t->ended) != 0) {
            eventfd_write(fd, 1); /* it may have ended before it could see the descriptor */
        }
    }
    *ret = fd;
    return ROOST_OK;
}

int roost_thread_close(roost_thread *t)
{
    if (t == NULL)
        return ROOST_OK;
    if (roost_thread_is_alive(t))
        return roost__fail(ROOST_EBUSY, "thread \"%s\" is running", t->name);
    roost__family_leave(&t->member);
    return ROOST_OK;
}
