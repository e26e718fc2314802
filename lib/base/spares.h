/*
 * spares.h: blocks of one size that were given back, to be taken again instead of asking malloc.
 *
 * Invariant: every block is malloc's own, so one that does not come back here may be freed as any other; at
 * most SPARES_MAX are kept. With AddressSanitizer none are, so that it sees every use after the end. Used by
 * one thread at a time. Called by the core and by the client's pending calls.
 */
#ifndef ROOST_BASE_SPARES_H
#define ROOST_BASE_SPARES_H

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
enum { SPARES_MAX = 0 };
#else
enum { SPARES_MAX = 128 };
#endif

struct spares {
    size_t size;
    void *first; /* each block begins with the address of the next */
    unsigned len;
};

static inline struct spares spares_of(size_t size)
{
    assert(size >= sizeof(void *));
    return (struct spares){.size = size};
}

/* A block of s->size bytes, or NULL. */
static inline void *spares_take(struct spares *s)
{
    void *block = s->first;
    if (block == NULL)
        return malloc(s->size);
    memcpy(&s->first, block, sizeof(s->first));
    s->len--;
    return block;
}

/* NULL is allowed. */
static inline void spares_give(struct spares *s, void *block)
{
    if (block == NULL || s->len + 1 > SPARES_MAX) {
        free(block);
        return;
    }
    memcpy(block, &s->first, sizeof(s->first));
    s->first = block;
    s->len++;
}

static inline void spares_free(struct spares *s)
{
    while (s->first != NULL)
        free(spares_take(s));
}

#endif
