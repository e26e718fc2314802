/*
 * names.h: the objects by which the demo's programs meet, and how a program hears that another server leads.
 */
#ifndef ROOST_THREE_NAMES_H
#define ROOST_THREE_NAMES_H

#include <stdatomic.h>

#include "common.h"

#define QUEUE_DEPOSITS "deposits"
#define LOCK_BALANCE   "balance-lock"
#define DICT_BANK      "bank"
#define KEY_BALANCE    "balance"
#define KEY_BOOKED     "booked"

enum { WAITING_MAX = 20 }; /* deposits in the queue */

static atomic_int resumed; /* how often the session has gone on over another connection */

static void count_resumed(roost_manager *m, roost_state state, void *arg)
{
    (void)m;
    (void)arg;
    atomic_fetch_add(&resumed, state == ROOST_RESUMED);
}

/* Says so once for each time. */
static inline void say_where(const roost_manager *m, const char *name, int *told)
{
    if (*told == atomic_load(&resumed))
        return;
    *told = atomic_load(&resumed);
    say("%s goes on at %s", name, roost_manager_address(m));
}

/* Servers that start together elect one of them first: tries for half a minute. */
static inline int connect_to_cluster(const char *urls, const char *label, roost_manager **ret)
{
    roost_options options = {.timeout_ms = 5000, .label = label, .on_state = count_resumed};
    int rc = ROOST_ECONN;
    for (int i = 0; i < 30 && rc != 0; i++) {
        rc = roost_connect(urls, &options, ret);
        if (rc != 0)
            nap_ms(1000);
    }
    return rc;
}

/* Whoever comes first makes it. */
static inline int open_deposits(roost_manager *m, roost_queue **ret)
{
    return roost_queue_open(m, QUEUE_DEPOSITS, &(roost_queue_options){.maxsize = WAITING_MAX}, ret);
}

#endif
