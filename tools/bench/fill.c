/* fill.c: filling a server; see fill.h. */
#include "fill.h"

#include <stdio.h>

int bench_make_locks(roost_manager *m, int n)
{
    int rc = 0;
    for (int i = 0; rc == 0 && i < n; i++) {
        roost_lock *l;
        char name[32];
        snprintf(name, sizeof(name), "lock %d", i);
        rc = roost_lock_open(m, name, &l);
        if (rc == 0)
            roost_lock_close(l);
    }
    return rc;
}

int bench_park_waiters(roost_manager *m, int n)
{
    roost_event *e;
    roost_value pong;
    int rc = roost_event_open(m, "never", &e);
    for (int i = 0; rc == 0 && i < n; i++) {
        roost_pending *p;
        rc = roost_async(&p, -1, roost_event_wait(e, -1));
        if (rc == 0)
            roost_pending_free(p);
    }
    return rc == 0 ? roost_server_ping(m, roost_nil(), &pong) : rc; /* it comes behind them */
}
