/*
 * process.c: child processes; see roost/process.h.
 *
 * A process is known by its pidfd, never by its number alone: signals and waits cannot hit a stranger.
 * Invariant: a child that has ended is reaped once, under the handle's lock, and `ended` says so.
 */
#include "roost/process.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/error.h"
#include "base/farewell.h"
#include "base/futex.h"
#include "run/family.h"
#include "run/forker.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

enum { EXIT_UNKNOWN = 256 };

struct roost_process {
    struct member member;
    pthread_mutex_t lock;
    pid_t pid;
    int pidfd;
    unsigned generation;
    bool daemon;
    atomic_bool ended;
    int exitcode;
    char *name;
};

static atomic_uint started;
static pthread_mutex_t self_lock = PTHREAD_MUTEX_INITIALIZER;
static int self_pidfd = -1;   /* of this process, for its children to inherit */
static int parent_pidfd = -1; /* in a child that roost started */
static char *self_name;       /* likewise; NULL is "MainProcess" */

static struct roost_process *of_member(struct member *m)
{
    return container_of(m, struct roost_process, member);
}

static int send_signal(const roost_process *p, int number)
{
    if (syscall(SYS_pidfd_send_signal, p->pidfd, number, NULL, 0) == 0 || errno == ESRCH)
        return ROOST_OK;
    return roost__fail_sys("pidfd_send_signal");
}

static int signal_checked(const roost_process *p, int number)
{
    if (p->generation != roost__generation())
        return roost__fail(ROOST_EINVAL, "process \"%s\" is not a child of this process", p->name);
    return send_signal(p, number);
}

static int code_of(const siginfo_t *info)
{
    return info->si_code == CLD_EXITED ? info->si_status : -info->si_status;
}

/* Reaps the child if it has ended. */
static bool reap(roost_process *p)
{
    siginfo_t info = {0};
    pthread_mutex_lock(&p->lock);
    if (!p->ended) {
        int rc = waitid(P_PIDFD, (id_t)p->pidfd, &info, WEXITED | WNOHANG);
        if (rc == 0 && info.si_pid == p->pid) {
            p->exitcode = code_of(&info);
            p->ended = true;
        } else if (rc != 0 && errno == ECHILD) {
            p->exitcode = EXIT_UNKNOWN; /* the program's own wait() was faster */
            p->ended = true;
        }
    }
    pthread_mutex_unlock(&p->lock);
    return p->ended;
}

static int wait_for_end(roost_process *p, int timeout_ms)
{
    int64_t deadline = deadline_after(timeout_ms);
    struct pollfd fd = {.fd = p->pidfd, .events = POLLIN};
    while (!reap(p)) {
        if (timeout_ms >= 0 && deadline_left_ms(deadline) == 0)
            return roost__fail(ROOST_ETIMEDOUT, "process \"%s\": join: timed out after %d ms", p->name,
                               timeout_ms);
        poll(&fd, 1, deadline_left_ms(deadline));
    }
    return ROOST_OK;
}

/* ---- the family's questions ---- */

static void ask_daemon(struct member *m)
{
    if (of_member(m)->daemon)
        send_signal(of_member(m), SIGTERM);
}

static void wait_member(struct member *m)
{
    wait_for_end(of_member(m), -1);
}

static bool check_member(struct member *m)
{
    return !reap(of_member(m));
}

static void free_member(struct member *m)
{
    struct roost_process *p = of_member(m);
    close(p->pidfd);
    pthread_mutex_destroy(&p->lock);
    free(p->name);
    free(p);
}

/* ---- starting ---- */

/* A forked child is another self, and another thread may have held the lock. */
static void forget_self(void)
{
    pthread_mutex_init(&self_lock, NULL);
    self_pidfd = -1;
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, forget_self);
}

/* The calling process' own pidfd: a child inherits it, and so knows its parent without a race. */
static int open_self(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_forks);
    pthread_mutex_lock(&self_lock);
    if (self_pidfd < 0)
        self_pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    int fd = self_pidfd;
    pthread_mutex_unlock(&self_lock);
    return fd;
}

struct start {
    int (*fn)(void *arg);
    void *arg;
    char *name;
    int parent;
};

/* The child's whole life. */
static void live(void *arg)
{
    struct start *s = arg;
    if (parent_pidfd >= 0)
        close(parent_pidfd); /* the grandparent's */
    parent_pidfd = s->parent;
    self_name = s->name;
    int code = s->fn(s->arg);
    fflush(stdout);
    fflush(stderr);
    roost__farewell();
    _exit(code & 0xff);
}

static int start_process(roost_process *p, const struct start *s, bool die_with_parent)
{
    fflush(stdout);
    fflush(stderr);
    struct start copy = *s;
    p->pid = die_with_parent ? roost__fork_mortal(live, &copy) : fork();
    if (p->pid == 0)
        live(&copy);
    if (p->pid < 0)
        return roost__fail_sys("fork");
    p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
    if (p->pidfd >= 0)
        return ROOST_OK;
    int rc = roost__fail_sys("pidfd_open");
    kill(p->pid, SIGKILL);
    waitpid(p->pid, NULL, 0);
    return rc;
}

int roost_process_start(roost_process **ret, int (*fn)(void *arg), void *arg,
                        const roost_process_options *options)
{
    static const roost_process_options defaults;
    const roost_process_options *o = options != NULL ? options : &defaults;
    if (ret == NULL || fn == NULL)
        return roost__fail(ROOST_EINVAL, "process start: no handle or no function");
    roost__family_check();
    struct start s = {.fn = fn, .arg = arg, .parent = open_self()};
    if (s.parent < 0)
        return roost__fail_sys("pidfd_open");
    roost_process *p = calloc(1, sizeof(*p));
    s.name = roost__member_name(o->name, "Process", &started);
    if (p == NULL || s.name == NULL) {
        free(p);
        free(s.name);
        return roost__fail(ROOST_ENOMEM, "no memory for a process");
    }
    p->member =
        (struct member){.ask = ask_daemon, .wait = wait_member, .check = check_member, .free = free_member};
    pthread_mutex_init(&p->lock, NULL);
    p->name = s.name;
    p->daemon = o->daemon;
    p->generation = roost__generation();
    int rc = start_process(p, &s, o->die_with_parent);
    if (rc != ROOST_OK) {
        p->pidfd = -1;
        free_member(&p->member);
        return rc;
    }
    roost__family_add(&p->member);
    *ret = p;
    return ROOST_OK;
}

/* ---- using ---- */

int roost_process_join(roost_process *p, int timeout_ms)
{
    if (p->generation != roost__generation())
        return roost__fail(ROOST_EINVAL, "process \"%s\" is not a child of this process", p->name);
    return wait_for_end(p, timeout_ms);
}

bool roost_process_is_alive(roost_process *p)
{
    if (p->generation != roost__generation()) {
        struct pollfd fd = {.fd = p->pidfd, .events = POLLIN};
        return poll(&fd, 1, 0) == 0;
    }
    return !reap(p);
}

int roost_process_exitcode(roost_process *p, int *ret)
{
    if (roost_process_is_alive(p))
        return roost__fail(ROOST_EBUSY, "process \"%s\" is running", p->name);
    if (p->exitcode == EXIT_UNKNOWN)
        return roost__fail(ROOST_ESYS, "process \"%s\": its exit code went to another wait()", p->name);
    *ret = p->exitcode;
    return ROOST_OK;
}

pid_t roost_process_pid(const roost_process *p)
{
    return p->pid;
}

const char *roost_process_name(const roost_process *p)
{
    if (p != NULL)
        return p->name;
    return self_name != NULL ? self_name : "MainProcess";
}

bool roost_process_is_daemon(const roost_process *p)
{
    return p->daemon;
}

int roost_process_terminate(roost_process *p)
{
    return signal_checked(p, SIGTERM);
}

int roost_process_kill(roost_process *p)
{
    return signal_checked(p, SIGKILL);
}

int roost_process_interrupt(roost_process *p)
{
    return signal_checked(p, SIGINT);
}

int roost_process_sentinel(const roost_process *p)
{
    return p->pidfd;
}

int roost_process_close(roost_process *p)
{
    if (p == NULL)
        return ROOST_OK;
    if (p->generation != roost__generation())
        return roost__fail(ROOST_EINVAL, "process \"%s\" is not a child of this process", p->name);
    if (!reap(p))
        return roost__fail(ROOST_EBUSY, "process \"%s\" is running", p->name);
    roost__family_leave(&p->member);
    return ROOST_OK;
}

int roost_active_children(void)
{
    return roost__family_check();
}

int roost_parent_sentinel(void)
{
    return parent_pidfd;
}

bool roost_parent_is_alive(void)
{
    struct pollfd fd = {.fd = parent_pidfd, .events = POLLIN};
    return parent_pidfd < 0 || poll(&fd, 1, 0) == 0;
}

int roost_cpu_count(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
    return n > 0 ? n : 1;
}
