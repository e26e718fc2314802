/*
 * error.h: how library code sets the calling thread's error message (roost/error.h reads it).
 *
 * Rule: whoever finds the fault words it; a caller may add a prefix with roost__fail_at(); nobody words it
 * twice.
 */
#ifndef ROOST_BASE_ERROR_H
#define ROOST_BASE_ERROR_H

#include "roost/error.h"

/* Stores code and message for the thread; returns code, so that `return roost__fail(…)` reads well. code < 0.
 */
int roost__fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Stores ROOST_ESYS with "<what>: <strerror(errno)>". */
int roost__fail_sys(const char *what);

/* Puts "<prefix>: " before the thread's message; returns the stored code. */
int roost__fail_at(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Forgets the thread's error, so that a later look finds only what failed since. */
void roost__clear_error(void);

#endif
