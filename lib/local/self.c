/* self.c: ids of processes and threads, and whether they live; see self.h. */
#include "local/self.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

_Thread_local struct self roost__self_cache;

struct stat_line {
    char state;
    unsigned long long start;
};

/* State and start time of a task, from /proc/PID/stat (proc(5)). 1: read; 0: no such task; -1: cannot tell.
 */
static int read_stat(int pid, struct stat_line *ret)
{
    char path[32], line[512];
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT && access("/proc/self/stat", F_OK) == 0 ? 0 : -1;
    ssize_t n = read(fd, line, sizeof(line) - 1);
    close(fd);
    if (n <= 0)
        return n < 0 && errno == ESRCH ? 0 : -1;
    line[n] = '\0';
    char *p = strrchr(line, ')'); /* the name may hold anything */
    if (p == NULL || p[1] == '\0')
        return -1;
    ret->state = p[2];
    for (int field = 3; field <= 22; field++, p++)
        if ((p = strchr(p, ' ')) == NULL)
            return -1;
    ret->start = strtoull(p, NULL, 10);
    return 1;
}

static uint32_t id_of(int pid, unsigned long long start)
{
    uint32_t mix = (uint32_t)((start * 0x9e3779b97f4a7c15ull) >> (64 - (SELF_BITS - SELF_PID_BITS)));
    return mix << SELF_PID_BITS | (uint32_t)pid;
}

/* A forked child is somebody else. */
static void forget(void)
{
    roost__self_cache = (struct self){0, 0};
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, forget);
}

static uint32_t learn(int pid)
{
    struct stat_line s;
    return id_of(pid, read_stat(pid, &s) == 1 ? s.start : 0);
}

void roost__self_learn(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_forks);
    roost__self_cache.process = learn(getpid());
    roost__self_cache.thread = learn(gettid());
}

/* 1: the process runs; 0: it has ended; -1: this is no process, but a thread, or we may not know. */
static int process_runs(int pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return errno == ESRCH ? 0 : -1;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int ended = poll(&p, 1, 0);
    close(fd);
    return ended == 0;
}

bool roost__ended(uint32_t id)
{
    int runs = process_runs(self_pid(id));
    return runs == 0 || (runs < 0 && syscall(SYS_tkill, self_pid(id), 0) != 0 && errno == ESRCH);
}

bool roost__alive(uint32_t id)
{
    struct stat_line s;
    int pid = self_pid(id);
    int runs = process_runs(pid);
    if (runs == 0)
        return false;
    int known = read_stat(pid, &s);
    if (known == 0)
        return false;
    if (known < 0)
        return true;
    if (runs < 0 && (s.state == 'Z' || s.state == 'X'))
        return false;
    return id_of(pid, s.start) == id || id == id_of(pid, 0);
}
