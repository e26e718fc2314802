/* rows_shm.c: shared memory and pipes between processes, against CPython's and against the bare system calls.
 */
#include <errno.h>
#include <pthread.h>
#include <roost/roost.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

static int complain(void)
{
    fprintf(stderr, "%s\n", roost_errmsg());
    return -1;
}

/* ---- queue ---- */

static roost_local_queue *queue;
static roost_local_event *go;

static int begin_queue(void)
{
    return roost_local_queue_new(NULL, &queue) != 0 || roost_local_event_new(&go) != 0 ? complain() : 0;
}

static void end_queue(void)
{
    roost_local_queue_close(queue);
    roost_local_event_close(go);
}

static double put_get(int n)
{
    double start = bench_now();
    for (int i = 0; i < n; i++) {
        roost_value v;
        if (roost_local_queue_put(queue, roost_int(7), -1) != 0 || roost_local_queue_get(queue, &v, -1) != 0)
            return complain();
    }
    return bench_now() - start;
}

static int write_all(void *count)
{
    roost_local_event_wait(go, -1);
    for (int i = 0; i < *(int *)count; i++)
        if (roost_local_queue_put(queue, roost_int(i), -1) != 0)
            return 1;
    return 0;
}

static double transfer(int n)
{
    roost_process *writer;
    roost_value v;
    roost_local_event_clear(go);
    if (roost_process_start(&writer, write_all, &n, NULL) != 0)
        return complain();
    usleep(20000); /* it waits for the go */
    double start = bench_now();
    roost_local_event_set(go);
    for (int i = 0; i < n; i++)
        if (roost_local_queue_get(queue, &v, -1) != 0)
            return complain();
    double spent = bench_now() - start;
    roost_process_join(writer, -1);
    roost_process_close(writer);
    return spent;
}

/* ---- value ---- */

static roost_local_value *value;
static struct bare {
    pthread_mutex_t mutex;
    volatile long long number;
} * bare;

static int begin_value(void)
{
    pthread_mutexattr_t a;
    bare = mmap(NULL, sizeof(*bare), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (bare == MAP_FAILED)
        return -1;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&bare->mutex, &a);
    return roost_local_value_new("q", roost_int(0), true, &value) != 0 ? complain() : 0;
}

static void end_value(void)
{
    roost_local_value_close(value);
    munmap(bare, sizeof(*bare));
}

static double add(int n)
{
    double start = bench_now();
    for (int i = 0; i < n; i++)
        if (roost_local_value_add_int(value, 1, NULL) != 0)
            return complain();
    return bench_now() - start;
}

static double add_bare(int n)
{
    double start = bench_now();
    for (int i = 0; i < n; i++) {
        pthread_mutex_lock(&bare->mutex);
        bare->number = bare->number + 1;
        pthread_mutex_unlock(&bare->mutex);
    }
    return bench_now() - start;
}

/* ---- pipe ---- */

enum { BYTES = 48 };

static roost_pipe *pipe_here, *pipe_there;
static roost_process *echoer, *bare_echoer;
static int bare_pair[2];

static int echo(void *unused)
{
    roost_value v;
    (void)unused;
    roost_pipe_close(pipe_here);
    while (roost_pipe_recv(pipe_there, &v, -1) == 0 && roost_pipe_send(pipe_there, v, -1) == 0)
        roost_value_free(&v);
    return 0;
}

static int echo_bare(void *unused)
{
    char p[BYTES];
    (void)unused;
    close(bare_pair[0]);
    while (recv(bare_pair[1], p, BYTES, 0) > 0 && send(bare_pair[1], p, BYTES, MSG_NOSIGNAL) > 0)
        ;
    return 0;
}

static int begin_pipe(void)
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, bare_pair) != 0)
        return -1;
    if (roost_process_start(&bare_echoer, echo_bare, NULL, NULL) != 0)
        return complain();
    close(bare_pair[1]);
    if (roost_pipe_new(true, &pipe_here, &pipe_there) != 0 ||
        roost_process_start(&echoer, echo, NULL, NULL) != 0)
        return complain();
    roost_pipe_close(pipe_there);
    return 0;
}

static void end_pipe(void)
{
    roost_pipe_close(pipe_here);
    roost_process_join(echoer, -1);
    roost_process_close(echoer);
    roost_process_kill(bare_echoer); /* the other child holds its socket, too */
    roost_process_join(bare_echoer, -1);
    roost_process_close(bare_echoer);
    close(bare_pair[0]);
}

static double round_trip(int n)
{
    roost_value v;
    double start = bench_now();
    for (int i = 0; i < n; i++)
        if (roost_pipe_send(pipe_here, roost_int(7), -1) != 0 || roost_pipe_recv(pipe_here, &v, -1) != 0)
            return complain();
    return bench_now() - start;
}

static double round_trip_bare(int n)
{
    char p[BYTES] = {0};
    double start = bench_now();
    for (int i = 0; i < n; i++)
        if (send(bare_pair[0], p, BYTES, MSG_NOSIGNAL) < 0 || recv(bare_pair[0], p, BYTES, 0) <= 0)
            return -1;
    return bench_now() - start;
}

const struct row shm_rows[] = {
    {"local.queue.one_process", "CPython Queue", "queue_one", 20000, begin_queue, put_get, end_queue, NULL},
    {"local.queue.one_to_one", "CPython Queue", "queue_pair", 50000, begin_queue, transfer, end_queue, NULL},
    {"local.value.add", "CPython Value", "value_add", 200000, begin_value, add, end_value, NULL},
    {"local.value.add.floor", "bare mutex", NULL, 1000000, begin_value, add, end_value, add_bare},
    {"local.pipe.round_trip", "CPython Pipe", "pipe_round_trip", 20000, begin_pipe, round_trip, end_pipe,
     NULL},
    {"local.pipe.floor", "bare socketpair", NULL, 20000, begin_pipe, round_trip, end_pipe, round_trip_bare},
};
const size_t shm_row_count = sizeof(shm_rows) / sizeof(shm_rows[0]);
