/*
 * failover.c: how soon do others go on when clients die? Prints two figures; see README.md.
 *
 * 1. A holder is killed (-9), over ipc: from the kill to the return of the next one's acquire.
 * 2. 1,000 sessions, each holding a lock that another waits for, drop at once, over tcp: until all the locks
 *    have passed on, and until the server's counts are what they were before.
 */
#include <roost/roost.h>

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { KILLS = 200, SESSIONS = 1000 };

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void need(int rc, const char *what)
{
    if (rc == 0)
        return;
    fprintf(stderr, "%s: %s\n", what, roost_errmsg());
    exit(1);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int64_t info(roost_manager *m, const char *what)
{
    roost_value v;
    need(roost_server_info(m, &v), "info");
    int64_t n = roost_map_get(v, roost_str(what))->as.i;
    roost_value_free(&v);
    return n;
}

static void await(roost_manager *m, const char *what, int64_t value)
{
    while (info(m, what) != value)
        continue;
}

/* ---- a server of our own, with an ipc and a tcp address ---- */

struct server {
    pid_t pid;
    char folder[32], ipc[64], tcp[64];
};

static void start(struct server *s)
{
    int ready[2];
    char fd[16];
    strcpy(s->folder, "/tmp/roost-bench-XXXXXX");
    if (mkdtemp(s->folder) == NULL || pipe(ready) != 0)
        exit(1);
    snprintf(s->ipc, sizeof(s->ipc), "ipc://%s/s", s->folder);
    snprintf(fd, sizeof(fd), "%d", ready[1]);
    s->pid = fork();
    if (s->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execlp(getenv("ROOSTD") != NULL ? getenv("ROOSTD") : "roostd", "roostd", "-l", "tcp://127.0.0.1:0",
               "-l", s->ipc, "--ready-fd", fd, "--log-level", "error", (char *)NULL);
        _exit(127);
    }
    close(ready[1]);
    FILE *from = fdopen(ready[0], "r");
    if (from == NULL || fgets(s->tcp, sizeof(s->tcp), from) == NULL) {
        fprintf(stderr, "no server: set ROOSTD\n");
        exit(1);
    }
    s->tcp[strcspn(s->tcp, "\n")] = '\0';
    fclose(from);
}

static void stop(struct server *s)
{
    kill(s->pid, SIGTERM);
    waitpid(s->pid, NULL, 0);
    rmdir(s->folder);
}

/* ---- 1. ---- */

static _Noreturn void hold(const char *url, atomic_int *held)
{
    roost_manager *m;
    roost_lock *lock;
    need(roost_connect(url, NULL, &m), "connect");
    need(roost_lock_open(m, "door", &lock), "open");
    need(roost_lock_acquire(lock, NULL, -1), "acquire");
    atomic_store(held, 1);
    for (;;)
        pause();
}

static _Noreturn void wait_for_it(const char *url, _Atomic double *got)
{
    roost_manager *m;
    roost_lock *lock;
    roost_grant grant;
    need(roost_connect(url, NULL, &m), "connect");
    need(roost_lock_open(m, "door", &lock), "open");
    need(roost_lock_acquire(lock, &grant, -1), "acquire");
    atomic_store(got, now_ms());
    need(roost_lock_release(lock), "release");
    _exit(0);
}

struct shared {
    atomic_int held;
    _Atomic double got;
};

static double kill_one_holder(const struct server *s, roost_manager *m, struct shared *shared)
{
    pid_t holder, waiter;
    atomic_store(&shared->held, 0);
    if ((holder = fork()) == 0)
        hold(s->ipc, &shared->held);
    while (atomic_load(&shared->held) == 0 && waitpid(holder, NULL, WNOHANG) == 0)
        usleep(100);
    if ((waiter = fork()) == 0)
        wait_for_it(s->ipc, &shared->got);
    await(m, "waiters", 1);
    double killed = now_ms();
    kill(holder, SIGKILL);
    waitpid(holder, NULL, 0);
    waitpid(waiter, NULL, 0);
    await(m, "sessions", 1);
    return atomic_load(&shared->got) - killed;
}

static void measure_kills(const struct server *s, roost_manager *m)
{
    double ms[KILLS];
    struct shared *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < KILLS; i++)
        ms[i] = kill_one_holder(s, m, shared);
    qsort(ms, KILLS, sizeof(ms[0]), by_value);
    printf("kill -9 of a holder (ipc) to the next one's acquire: median %.2f ms, worst %.2f ms of %d\n",
           ms[KILLS / 2], ms[KILLS - 1], KILLS);
    munmap(shared, sizeof(*shared));
}

/* ---- 2. ---- */

/* A process with all the sessions, each of which holds one of the locks, until it is killed. */
static _Noreturn void hold_all(const char *url, int ready)
{
    for (int i = 0; i < SESSIONS; i++) {
        char name[16];
        roost_manager *m;
        roost_lock *lock;
        snprintf(name, sizeof(name), "lock%d", i);
        need(roost_connect(url, &(roost_options){.grace_ms = -1, .lease_ms = -1, .no_ring = true}, &m),
             "connect");
        need(roost_lock_open(m, name, &lock), "open");
        need(roost_lock_acquire(lock, NULL, -1), "acquire");
    }
    if (write(ready, "r", 1) != 1)
        _exit(1);
    for (;;)
        pause();
}

static void *wait_for_one(void *lock)
{
    need(roost_lock_acquire(lock, NULL, -1), "acquire");
    need(roost_lock_release(lock), "release");
    return NULL;
}

/* What must be as before when all is over. */
static const char *const counts[] = {"sessions", "objects", "holds", "waiters", "deliveries", "kept"};

enum { COUNTS = sizeof(counts) / sizeof(counts[0]) };

static void open_locks(roost_manager *m, roost_lock **locks)
{
    for (int i = 0; i < SESSIONS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "lock%d", i);
        need(roost_lock_open(m, name, &locks[i]), "open");
    }
}

static void make_waiters(roost_manager *m, roost_lock **locks, pthread_t *threads)
{
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 64 * 1024);
    for (int i = 0; i < SESSIONS; i++)
        if (pthread_create(&threads[i], &attr, wait_for_one, locks[i]) != 0)
            need(-1, "pthread_create");
    pthread_attr_destroy(&attr);
    await(m, "waiters", SESSIONS);
}

static void measure_drop(const struct server *s, roost_manager *m)
{
    static roost_lock *locks[SESSIONS];
    static pthread_t threads[SESSIONS];
    int64_t before[COUNTS];
    int ready[2];
    char byte;
    pid_t holder;
    open_locks(m, locks);
    for (int i = 0; i < COUNTS; i++)
        before[i] = info(m, counts[i]);
    if (pipe(ready) != 0 || (holder = fork()) < 0)
        exit(1);
    if (holder == 0)
        hold_all(s->tcp, ready[1]);
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 1)
        exit(1);
    close(ready[0]);
    make_waiters(m, locks, threads);
    double killed = now_ms();
    kill(holder, SIGKILL);
    for (int i = 0; i < SESSIONS; i++)
        pthread_join(threads[i], NULL);
    double passed = now_ms();
    for (int i = 0; i < COUNTS; i++)
        await(m, counts[i], before[i]);
    double clean = now_ms();
    waitpid(holder, NULL, 0);
    for (int i = 0; i < SESSIONS; i++)
        roost_lock_close(locks[i]);
    printf("%d sessions (tcp) drop at once: all locks passed on after %.0f ms, server.info as before after "
           "%.0f ms\n",
           SESSIONS, passed - killed, clean - killed);
}

int main(void)
{
    struct rlimit files;
    struct server s;
    roost_manager *m;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    start(&s);
    need(roost_connect(s.ipc, NULL, &m), "connect");
    measure_kills(&s, m);
    measure_drop(&s, m);
    roost_manager_close(m);
    stop(&s);
    return 0;
}
