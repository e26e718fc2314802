/*
 * buf.h: a growing byte buffer with a maximum.
 *
 * Invariant: len <= cap <= max. A buffer cannot be made without its maximum. A write that would pass the
 * maximum, or for which there is no memory, writes nothing and sets `failed`, which sticks until buf_reset():
 * a writer makes all its writes and asks once. `no_memory` tells the two apart.
 */
#ifndef ROOST_BASE_BUF_H
#define ROOST_BASE_BUF_H

#include "base/slice.h"

struct buf {
    uint8_t *data;
    size_t len;
    size_t cap;
    size_t max;
    bool failed;
    bool no_memory; /* that is why it failed */
};

/* Makes room for n more bytes. False (and b->failed) when it cannot. */
bool roost__buf_reserve(struct buf *b, size_t n);

/* Words why a write has failed: ROOST_ENOMEM or ROOST_ELIMIT, which it returns. */
int roost__buf_fail(const struct buf *b);

/* Frees the memory; the buffer may be used again. */
void roost__buf_free(struct buf *b);

/* Drops the first n bytes. */
void roost__buf_consume(struct buf *b, size_t n);

static inline struct buf buf_make(size_t max)
{
    return (struct buf){.max = max};
}

static inline void buf_reset(struct buf *b)
{
    b->len = 0;
    b->failed = b->no_memory = false;
}

/* A buffer whose bytes were to come from another fails when that one has. */
static inline void buf_fail_with(struct buf *b, const struct buf *from)
{
    b->failed = b->failed || from->failed;
    b->no_memory = b->no_memory || (from->failed && from->no_memory);
}

static inline bool buf_append(struct buf *b, const void *data, size_t n)
{
    if (b->cap - b->len < n && !roost__buf_reserve(b, n))
        return false;
    if (n > 0)
        memcpy(b->data + b->len, data, n);
    b->len += n;
    return true;
}

static inline struct slice buf_slice(const struct buf *b)
{
    return slice_of(b->data, b->len);
}

static inline void put_u32be(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

static inline void put_u64be(uint8_t *p, uint64_t v)
{
    put_u32be(p, (uint32_t)(v >> 32));
    put_u32be(p + 4, (uint32_t)v);
}

static inline uint32_t get_u32be(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t get_u64be(const uint8_t *p)
{
    return (uint64_t)get_u32be(p) << 32 | get_u32be(p + 4);
}

#endif
