/*
 * futex.h: the two futex calls, and time on the monotonic clock.
 *
 * Words may lie in memory shared between processes: no FUTEX_PRIVATE. Called by everything in lib/run and
 * lib/local that sleeps. A deadline is a moment in nanoseconds of CLOCK_MONOTONIC; FOREVER is none at all.
 */
#ifndef ROOST_BASE_FUTEX_H
#define ROOST_BASE_FUTEX_H

#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FOREVER INT64_MAX

static inline int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* timeout_ms as in the public headers: negative waits for ever. */
static inline int64_t deadline_after(int timeout_ms)
{
    return timeout_ms < 0 ? FOREVER : now_ns() + timeout_ms * 1000000LL;
}

/* What is left until the deadline, for poll(): rounded up, 0 when it has passed, -1 for FOREVER. */
static inline int deadline_left_ms(int64_t deadline)
{
    if (deadline == FOREVER)
        return -1;
    int64_t left = deadline - now_ns();
    if (left <= 0)
        return 0;
    left = (left + 999999) / 1000000;
    return left > INT_MAX ? INT_MAX : (int)left;
}

static inline struct timespec timespec_of(int64_t ns)
{
    return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

/*
 * Sleeps while *word is `seen`, at most until the deadline. False when the deadline has passed; else the word
 * may have changed: look again.
 */
static inline bool futex_wait(_Atomic uint32_t *word, uint32_t seen, int64_t deadline)
{
    struct timespec until = timespec_of(deadline); /* FUTEX_WAIT_BITSET takes an absolute, monotonic time */
    if (deadline != FOREVER && now_ns() >= deadline)
        return false;
    syscall(SYS_futex, word, FUTEX_WAIT_BITSET, seen, deadline == FOREVER ? NULL : &until, NULL,
            FUTEX_BITSET_MATCH_ANY);
    return true;
}

static inline void futex_wake(_Atomic uint32_t *word, int how_many)
{
    syscall(SYS_futex, word, FUTEX_WAKE, how_many, NULL, NULL, 0);
}

#endif
