/*
 * spare.h: blocks of memory that a thread gives back and takes again: pending calls come and go in windows,
 * which malloc's own caches are too small for.
 *
 * Each thread keeps its own (base/spares.h); they are freed when the thread ends. Called by pending.c.
 */
#ifndef ROOST_CLIENT_SPARE_H
#define ROOST_CLIENT_SPARE_H

#include <stddef.h>

enum { SPARE_SIZE = 1280 };

/* SPARE_SIZE bytes, or NULL. */
void *roost__spare_take(void);

/* Gives a block back, in any thread. */
void roost__spare_give(void *block);

#endif
