/*
 * checks.h: is a history one that a single server, which executes every call once and at one moment between
 * its invocation and its return, could have answered?
 *
 * Each check reads one object's history and says what is wrong with it in one line: "" when nothing is. The
 * text is static, good until the next check.
 */
#ifndef ROOST_TESTS_PROOF_CHECKS_H
#define ROOST_TESTS_PROOF_CHECKS_H

#include "tests/proof/history.h"

/*
 * Registers: is there an order of get, set, compare_and_set and incr, in agreement with their times, in which
 * every answer is the right one? The search is Wing and Gong's (Testing and verifying concurrent objects,
 * 1993) with the memory of configurations seen that Lowe added (Testing for linearizability, 2017).
 */
const char *check_register(const struct history *h, int object, int64_t initial);

/* Counters: every incr that returned counts once, an unknown one once at most; no two see the same sum, and
 * sums rise in time. */
const char *check_counter(const struct history *h, int object, int64_t final);

/*
 * Queues, after everything was taken out: nobody takes what was not put, nobody takes it twice; every put
 * that returned is taken, and items of one process in the order of its puts. One unknown take excuses one
 * item: it died with the process that had it in hand, or came back to the head after later ones were taken.
 * A take that returned may be repeated by another if no later call of its session was answered: then the
 * session may have been lost before the server heard that the item had arrived.
 */
const char *check_queue(const struct history *h, int object);

/*
 * Locks: sections never overlap; a section lasts from the return of acquire to the last thing that its token
 * let it do: a fenced write or the release. (The return alone proves nothing: who was stopped may read the
 * answer when its session is over.) Tokens are given once and rise in time, and fenced writes take
 * effect in the order of their tokens.
 */
const char *check_lock(const struct history *h, int object);

#endif
