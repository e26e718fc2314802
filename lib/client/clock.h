/*
 * clock.h: deadlines on the monotonic clock, for the few places where the client itself must not wait for
 * ever: connecting, starting and ending a server, roost_condition_wait_for(). All other times are the
 * server's business.
 */
#ifndef ROOST_CLIENT_CLOCK_H
#define ROOST_CLIENT_CLOCK_H

#include <limits.h>
#include <stdint.h>
#include <time.h>

static inline int64_t roost__clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline int64_t roost__clock_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The moment timeout_ms from now; -1 (never) for -1. */
static inline int64_t roost__clock_deadline(int timeout_ms)
{
    return timeout_ms < 0 ? -1 : roost__clock_ms() + timeout_ms;
}

/* The milliseconds left until a deadline, as poll() takes them. */
static inline int roost__clock_left(int64_t deadline)
{
    if (deadline < 0)
        return -1;
    int64_t left = deadline - roost__clock_ms();
    return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

#endif
