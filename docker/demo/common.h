/*
 * common.h: what the demos' programs share: waiting for the server to come up, saying what happens and what
 * failed.
 */
#ifndef ROOST_DEMO_COMMON_H
#define ROOST_DEMO_COMMON_H

#include <roost/roost.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline void nap_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* A number from the environment: how a compose file or a test sets a demo's pace. */
static inline long from_env(const char *name, long otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? strtol(text, NULL, 10) : otherwise;
}

/* A line of the story: whole, and at once. */
__attribute__((format(printf, 1, 2))) static inline void say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

static inline int demo_die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, roost_errmsg());
    return 1;
}

/*
 * Containers start in any order: tries again, a little later each time, for about half a minute. grace_ms and
 * lease_ms as in roost_options: how soon the server passes on what a killed, a stopped program held.
 */
static inline int connect_patiently(const char *url, const char *label, int grace_ms, int lease_ms,
                                    roost_manager **ret)
{
    int rc = ROOST_ECONN;
    roost_options options = {.timeout_ms = 2000, .label = label, .grace_ms = grace_ms, .lease_ms = lease_ms};
    for (long wait = 50; rc != 0 && wait < 10000; wait += wait / 2) {
        rc = roost_connect(url, &options, ret);
        if (rc != 0)
            nap_ms(wait);
    }
    return rc;
}

#endif
