/*
 * demo.h: what the word count's programs share: names, and waiting for the server to come up.
 */
#ifndef ROOST_DEMO_H
#define ROOST_DEMO_H

#include <roost/roost.h>
#include <stdio.h>
#include <time.h>

#define QUEUE_JOBS   "jobs"
#define DICT_RESULTS "results"
#define DICT_WORKERS "workers"

static inline void nap_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static inline int demo_die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, roost_errmsg());
    return 1;
}

/* Containers start in any order: tries again, a little later each time, for about half a minute. */
static inline int connect_patiently(const char *url, const char *label, roost_manager **ret)
{
    int rc = ROOST_ECONN;
    roost_options options = {.timeout_ms = 2000, .label = label};
    for (long wait = 50; rc != 0 && wait < 10000; wait += wait / 2) {
        rc = roost_connect(url, &options, ret);
        if (rc != 0)
            nap_ms(wait);
    }
    return rc;
}

#endif
