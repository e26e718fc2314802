/* forker.c: the thread that forks children that die with this process; see forker.h. */
#include "run/forker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <unistd.h>

struct request {
    void (*live)(void *arg);
    void *arg;
    sigset_t mask; /* the caller's: the forker's own blocks everything */
    pid_t pid;
    int error;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t asked;
    pthread_cond_t answered;
    struct request *request;
    bool done;
    bool running;
} forker = {
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, false, false};
static pthread_mutex_t callers = PTHREAD_MUTEX_INITIALIZER; /* one request at a time */

static void fork_one(struct request *r, pid_t parent)
{
    r->pid = fork();
    r->error = errno;
    if (r->pid != 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(128 + SIGKILL); /* the parent died before the kernel knew of our wish */
    pthread_sigmask(SIG_SETMASK, &r->mask, NULL);
    r->live(r->arg);
}

static void *serve(void *unused)
{
    (void)unused;
    pid_t parent = getpid();
    pthread_mutex_lock(&forker.lock);
    for (;;) {
        while (forker.request == NULL)
            pthread_cond_wait(&forker.asked, &forker.lock);
        fork_one(forker.request, parent);
        forker.request = NULL;
        forker.done = true;
        pthread_cond_signal(&forker.answered);
    }
    return NULL;
}

/* Starts the thread with all signals blocked: handlers run in the program's own threads. */
static bool start_thread(void)
{
    sigset_t all, old;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&thread, NULL, serve, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc == 0)
        pthread_detach(thread);
    errno = rc;
    return rc == 0;
}

/* A fork leaves the child without the thread and with locks that nobody will open: begin anew. */
static void forget_parent(void)
{
    pthread_mutex_init(&forker.lock, NULL);
    pthread_cond_init(&forker.asked, NULL);
    pthread_cond_init(&forker.answered, NULL);
    pthread_mutex_init(&callers, NULL);
    forker.request = NULL;
    forker.running = false;
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, forget_parent);
}

static pid_t ask(struct request *r)
{
    pthread_mutex_lock(&forker.lock);
    if (!forker.running)
        forker.running = start_thread();
    if (forker.running) {
        forker.request = r;
        forker.done = false;
        pthread_cond_signal(&forker.asked);
        while (!forker.done)
            pthread_cond_wait(&forker.answered, &forker.lock);
    } else {
        r->error = errno;
    }
    pthread_mutex_unlock(&forker.lock);
    errno = r->error;
    return r->pid;
}

pid_t roost__fork_mortal(void (*live)(void *arg), void *arg)
{
    struct request r = {.live = live, .arg = arg, .pid = -1};
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_forks);
    pthread_sigmask(SIG_SETMASK, NULL, &r.mask);
    pthread_mutex_lock(&callers);
    pid_t pid = ask(&r);
    pthread_mutex_unlock(&callers);
    return pid;
}
