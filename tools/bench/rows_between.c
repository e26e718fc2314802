/* rows_between.c: what passes between two processes by way of a server, against Python's Manager. */
#include <fcntl.h>
#include <roost/roost.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "latency.h"
#include "servers.h"

static roost_manager *m;
static pid_t other;

/* ---- an item there and back ---- */

static roost_queue *there, *back;

static int send_back(void)
{
    roost_value v;
    while (roost_queue_get(there, &v, -1) == 0 && v.kind == ROOST_INT)
        if (roost_queue_put(back, v, -1) != 0)
            return 1;
    return 0;
}

static int begin_queues(void)
{
    if (bench_roostd_begin(BY_IPC, &m) != 0 || roost_queue_new(m, 0, &there) != 0 ||
        roost_queue_new(m, 0, &back) != 0)
        return bench_complain();
    other = fork();
    if (other == 0)
        _exit(send_back());
    return other > 0 ? 0 : -1;
}

static int there_and_back(int i)
{
    roost_value v;
    if (roost_queue_put(there, roost_int(i), -1) != 0 || roost_queue_get(back, &v, -1) != 0)
        return bench_complain();
    return 0;
}

static double run_queues(int n)
{
    return bench_each(n, there_and_back);
}

static void end_queues(void)
{
    roost_queue_put(there, roost_nil(), -1);
    waitpid(other, NULL, 0);
    roost_queue_close(there);
    roost_queue_close(back);
    bench_roostd_end(m);
}

/* ---- a lock that two processes want all the time ---- */

static struct shared {
    atomic_int changes; /* of the owner */
    atomic_int last;    /* who it was */
    atomic_bool ends;   /* the round */
} * shared;
static roost_lock *lock;
static int go[2], done[2];

/* Takes turns until the lock has changed hands n times; the other process until it is told. */
static int want(int me, int n)
{
    while (n > 0 ? atomic_load(&shared->changes) < n : !atomic_load(&shared->ends)) {
        if (roost_lock_acquire(lock, NULL, -1) != 0)
            return -1;
        if (atomic_exchange(&shared->last, me) != me)
            atomic_fetch_add(&shared->changes, 1);
        if (roost_lock_release(lock) != 0)
            return -1;
    }
    return 0;
}

static int contend(void)
{
    char byte;
    close(go[1]);
    while (read(go[0], &byte, 1) == 1)
        if (want(1, 0) != 0 || write(done[1], "", 1) != 1)
            return 1;
    return 0;
}

static int begin_lock(void)
{
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || pipe2(go, O_CLOEXEC) != 0 || pipe2(done, O_CLOEXEC) != 0)
        return -1;
    if (bench_roostd_begin(BY_IPC, &m) != 0 || roost_lock_new(m, &lock) != 0)
        return bench_complain();
    other = fork();
    if (other == 0)
        _exit(contend());
    return other > 0 ? 0 : -1;
}

static double run_lock(int n)
{
    char byte;
    atomic_store(&shared->changes, 0);
    atomic_store(&shared->ends, false);
    double start = bench_now();
    int rc = write(go[1], "", 1) == 1 ? want(0, n) : -1;
    double spent = bench_now() - start;
    atomic_store(&shared->ends, true);
    return read(done[0], &byte, 1) == 1 && rc == 0 ? spent : bench_complain();
}

static void end_lock(void)
{
    close(go[1]);
    waitpid(other, NULL, 0);
    close(go[0]);
    close(done[0]);
    close(done[1]);
    munmap(shared, sizeof(*shared));
    roost_lock_close(lock);
    bench_roostd_end(m);
}

const struct row between_rows[] = {
    {"ipc.queue.there_and_back", "Manager", "queue_there_and_back", 2000, begin_queues, run_queues,
     end_queues, NULL},
    {"ipc.lock.hand_off", "Manager", "lock_hand_off", 2000, begin_lock, run_lock, end_lock, NULL},
};
const size_t between_row_count = sizeof(between_rows) / sizeof(between_rows[0]);
