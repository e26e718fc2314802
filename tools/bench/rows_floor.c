/* rows_floor.c: what two processes need to exchange 48 bytes over a socket, with nothing else done. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { BYTES = 48 };

static int here;
static pid_t echo;
static double look_s; /* how long a receiver looks before it sleeps */

static ssize_t receive(int fd, char *p)
{
    double end = bench_now() + look_s;
    while (look_s > 0 && bench_now() < end) {
        ssize_t n = recv(fd, p, BYTES, MSG_DONTWAIT);
        if (n >= 0 || errno != EAGAIN)
            return n;
    }
    return recv(fd, p, BYTES, 0);
}

static int begin(double look)
{
    int pair[2];
    char p[BYTES];
    look_s = look;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        return -1;
    echo = fork();
    if (echo == 0) {
        close(pair[0]);
        while (receive(pair[1], p) > 0)
            if (send(pair[1], p, BYTES, MSG_NOSIGNAL) < 0)
                break;
        _exit(0);
    }
    close(pair[1]);
    here = pair[0];
    return 0;
}

static int begin_sleeping(void)
{
    return begin(0);
}

static int begin_looking(void)
{
    return begin(20e-6);
}

static double run(int n)
{
    char p[BYTES] = {0};
    double start = bench_now();
    for (int i = 0; i < n; i++)
        if (send(here, p, BYTES, MSG_NOSIGNAL) < 0 || receive(here, p) <= 0)
            return -1;
    return bench_now() - start;
}

static void end(void)
{
    close(here);
    waitpid(echo, NULL, 0);
}

const struct row floor_rows[] = {
    {"floor.unix.pingpong", NULL, NULL, 20000, begin_sleeping, run, end, NULL},
    {"floor.unix.pingpong_spin", NULL, NULL, 20000, begin_looking, run, end, NULL},
};
const size_t floor_row_count = sizeof(floor_rows) / sizeof(floor_rows[0]);
