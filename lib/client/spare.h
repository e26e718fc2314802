/*
 * spare.h: blocks of memory that a thread gives back and takes again: pending calls come and go in windows,
 * which malloc's own caches are too small for.
 *
 * Each thread keeps its own, SPARES_MAX at most; they are freed when the thread ends. With AddressSanitizer
 * none are kept, so that it sees every use after the end. Called by pending.c.
 */
#ifndef ROOST_CLIENT_SPARE_H
#define ROOST_CLIENT_SPARE_H

#include <stddef.h>

enum { SPARE_SIZE = 1280 };

/* SPARE_SIZE bytes, or NULL. */
void *roost__spare_take(void);

/* Gives a block back, in any thread; NULL is allowed. */
void roost__spare_give(void *block);

#endif
