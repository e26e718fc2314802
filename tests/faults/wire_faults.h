/*
 * wire_faults.h: the n-th send or recv on a socket goes wrong. The program is linked with --wrap=send,recv.
 *
 * Only calls that would move bytes are counted, of client and server alike: a look that finds nothing is
 * none. One countdown at a time. Called by test_wire.c.
 */
#ifndef ROOST_TESTS_WIRE_FAULTS_H
#define ROOST_TESTS_WIRE_FAULTS_H

#include <stdbool.h>

enum wire_fault {
    WIRE_RESET,     /* ECONNRESET, and the connection is gone */
    WIRE_SHORT,     /* one byte only */
    WIRE_INTERRUPT, /* EINTR */
    WIRE_AGAIN,     /* EAGAIN, of calls that do not wait */
    WIRE_FAULTS
};

/* The n-th call from now on; every: also each n-th one after it. */
void wire_fail(enum wire_fault fault, unsigned long n, bool every);

/* No more of it. True when a call went wrong. */
bool wire_mend(void);

#endif
