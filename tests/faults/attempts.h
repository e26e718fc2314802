/*
 * attempts.h: calls whose allocations fail: they return ROOST_ENOMEM, and when made again they do what they
 * do. Used by the programs that run a script of calls with the n-th allocation failing.
 */
#ifndef ROOST_TESTS_ATTEMPTS_H
#define ROOST_TESTS_ATTEMPTS_H

#include "tests/support/test.h"

#include <sched.h>
#include <time.h>

#include "roost/roost.h"
#include "tests/faults/countdown.h"

/* The call succeeds, or is refused for want of memory once and then succeeds. */
#define TRY(call) TRY_OR(ROOST_OK, call)

/* The same of a call that may have taken effect though its answer had no room: then a second one gets `code`.
 * For a failure that is expected anyway too. */
#define TRY_OR(code, call)                          \
    do {                                            \
        int rc_ = (call);                           \
        if (rc_ == ROOST_ENOMEM && countdown_hit()) \
            rc_ = (call);                           \
        if (rc_ != ROOST_OK)                        \
            expect_code(rc_, code, #call);          \
    } while (0)

static inline void expect_code(int rc, int code, const char *what)
{
    if (rc != code)
        fail_msg("%s: %s (%s)", what, roost_errname(rc), roost_errmsg());
}

static inline roost_value text(void)
{
    return roost_str("a text that is too long to be kept anywhere but in memory of its own");
}

static inline void free_value(roost_value *v)
{
    roost_value_free(v);
    *v = roost_nil();
}

/* A thread that was joined may still be giving back its last memory. */
static inline bool settles_at(long alive)
{
    for (time_t end = time(NULL) + 10; blocks_alive() != alive; sched_yield())
        if (time(NULL) > end)
            return false;
    return true;
}

/* Runs the script with its n-th allocation failing, n = from, from + stride, … until none is left to fail;
 * each run must free what it allocates. Returns how many failed. */
static inline unsigned long fail_each(void (*script)(void), unsigned long from, unsigned long stride)
{
    unsigned long failures = 0;
    for (unsigned long n = from;; n += stride) {
        long alive = blocks_alive();
        countdown_start(n, false);
        script();
        if (!countdown_stop())
            return failures;
        failures++;
        if (!settles_at(alive))
            fail_msg("allocation %lu: %ld blocks leaked", n, blocks_alive() - alive);
    }
}

/* What a slow build tries. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { STRIDE = 7 };
#else
enum { STRIDE = 1 };
#endif

#endif
