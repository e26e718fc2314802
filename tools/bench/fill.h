/*
 * fill.h: what a server is filled with before it is measured. Return 0 or a code of roost/error.h.
 */
#ifndef ROOST_BENCH_FILL_H
#define ROOST_BENCH_FILL_H

#include <roost/roost.h>

/* Locks named "lock 0" and so on. */
int bench_make_locks(roost_manager *m, int n);

/* Calls that wait for an event named "never"; all have arrived. m's window must have room for them. */
int bench_park_waiters(roost_manager *m, int n);

#endif
