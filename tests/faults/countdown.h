/*
 * countdown.h: the n-th allocation fails. The programs of this folder are linked with --wrap for every
 * allocating function (CMakeLists.txt), so that calls made by roost's own code pass here.
 *
 * Invariant: nothing fails while no countdown runs. A child that is forked while one runs has none.
 * Called by the tests in this folder; one countdown at a time, which counts the calls of all threads.
 */
#ifndef ROOST_TESTS_COUNTDOWN_H
#define ROOST_TESTS_COUNTDOWN_H

#include <stdbool.h>
#include <stddef.h>

/* The n-th allocation from now on fails (n >= 1), and, when `all_after`, every one after it too. */
void countdown_start(unsigned long n, bool all_after);

/* Ends it. True when an allocation failed. */
bool countdown_stop(void);

/* True when one has failed since the start. */
bool countdown_hit(void);

/* Blocks allocated and not freed, by the code that is linked so. */
long blocks_alive(void);

/* Allocations made by that code since the program began. */
unsigned long allocations(void);

#endif
