/* world.c: see world.h. */
#include "world.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool still; /* one thread only: libFuzzer's own never get here while it is set */
static int64_t now_us;
static uint64_t random_state;
static FILE *loud[2]; /* stdout and stderr as they were */

/* ---- time ---- */

int __real_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
    if (!still || clock != CLOCK_MONOTONIC)
        return __real_clock_gettime(clock, ret);
    now_us++;
    *ret = (struct timespec){.tv_sec = now_us / 1000000, .tv_nsec = now_us % 1000000 * 1000};
    return 0;
}

/* Nobody could wake who sleeps: the time is over at once. */
int __real_pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until);
int __wrap_pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until);

int __wrap_pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until)
{
    if (!still)
        return __real_pthread_cond_timedwait(c, m, until);
    int64_t until_us = (int64_t)until->tv_sec * 1000000 + until->tv_nsec / 1000;
    if (until_us > now_us)
        now_us = until_us;
    return ETIMEDOUT;
}

/* ---- threads ---- */

typedef void *thread_main(void *arg);

int __real_pthread_create(pthread_t *ret, const pthread_attr_t *attr, thread_main *run, void *arg);
int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr, thread_main *run, void *arg);

int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr, thread_main *run, void *arg)
{
    if (!still)
        return __real_pthread_create(ret, attr, run, arg);
    *ret = pthread_self();
    return 0;
}

int __real_pthread_join(pthread_t thread, void **ret);
int __wrap_pthread_join(pthread_t thread, void **ret);

int __wrap_pthread_join(pthread_t thread, void **ret)
{
    return still ? 0 : __real_pthread_join(thread, ret);
}

/* ---- what is printed: nowhere, unless LOUD is set ---- */

ssize_t __real_write(int fd, const void *data, size_t n);
ssize_t __wrap_write(int fd, const void *data, size_t n);

ssize_t __wrap_write(int fd, const void *data, size_t n)
{
    return still && fd == STDERR_FILENO && loud[1] != stderr ? (ssize_t)n : __real_write(fd, data, n);
}

static FILE *quiet(void)
{
    static FILE *nowhere;
    if (nowhere == NULL)
        nowhere = fopen("/dev/null", "w");
    assert(nowhere != NULL);
    return nowhere;
}

/* ---- random numbers ---- */

static const char *random_name(void)
{
    return "repeats";
}

static uint32_t random_next(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 32);
}

static void random_fill(void *ret, size_t n)
{
    for (uint8_t *p = ret; n > 0; n--)
        *p++ = (uint8_t)random_next();
}

static struct randombytes_implementation repeats = {
    .implementation_name = random_name, .random = random_next, .buf = random_fill};

/* ---- beginning and ending ---- */

void world_begin(void)
{
    static bool begun;
    if (!begun)
        assert(randombytes_set_implementation(&repeats) == 0 && sodium_init() == 0);
    begun = true;
    random_state = 1;
    now_us = 1000000;
    loud[0] = stdout;
    loud[1] = stderr;
    if (getenv("LOUD") == NULL)
        stdout = stderr = quiet();
    still = true;
}

void world_end(void)
{
    still = false;
    stdout = loud[0];
    stderr = loud[1];
}

void world_advance(int64_t us)
{
    now_us += us;
}
