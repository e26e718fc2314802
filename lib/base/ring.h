/*
 * ring.h: two byte streams, one each way, between two processes through memory that they share.
 *
 * Each way has a writer and a reader. Both count the bytes that ever went through; the counts stand in the
 * shared memory, each written by one side only, and wrap around. The layout is part of the protocol
 * (PROTOCOL.md, section 10).
 *
 * Invariant: nothing in the shared memory is trusted. A side's own count is kept outside of it; the other's
 * is read once into a variable and checked before use; bytes are copied out before anybody looks at them. So
 * whatever the other side writes there, no access leaves the ring. Sleeping is announced in the memory before
 * a last look, and looked for after a count was stored, both sequentially consistent: no wake-up is lost, and
 * who is awake costs no system call. Called by client/ring.c, the server's net_ring.c and tests. The memory
 * cannot shrink (a seal), so touching it cannot fail. One thread at a time writes, one reads.
 */
#ifndef ROOST_BASE_RING_H
#define ROOST_BASE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

enum {
    RING_LINE = 128,  /* what one side writes often is this far from what the other does */
    RING_DATA = 4096, /* where the bytes begin: first those of the client's way, then those of the server's */
    RING_SIZE_MIN = 4096,
    RING_SIZE_MAX = 1 << 20,
    RING_SIZE = 256 << 10, /* what the library asks for, each way */
    RING_BROKEN = -1
};

/* How a side sleeps, and so how it is woken: 0, it is awake. */
enum ring_sleep {
    RING_AWAKE = 0,
    RING_ON_WORD = 1, /* a futex wait on the very word that says so */
    RING_ON_BELL = 2, /* the client: by a byte on its socket; the server: by its eventfd */
    RING_GONE = 3     /* it is not woken any more: it has closed the connection */
};

/* One way, as it lies in the shared memory. */
struct ring_way {
    _Alignas(RING_LINE) _Atomic uint32_t written; /* the writer's count */
    _Alignas(RING_LINE) _Atomic uint32_t read;    /* the reader's count */
    _Alignas(RING_LINE) _Atomic uint32_t reader;  /* enum ring_sleep: waits for bytes */
    _Atomic uint32_t writer;                      /* enum ring_sleep: waits for room */
    _Atomic uint32_t cpu; /* from 1: where the writer ran when it said so last; 0: never */
};

/* One process's end of one way. */
struct ring_end {
    struct ring_way *way;
    uint8_t *data;
    uint32_t size; /* a power of two */
    uint32_t at;   /* our count */
    uint32_t seen; /* the writer's: the reader's count when we looked last */
};

struct ring {
    void *memory; /* NULL: none */
    size_t len;
    struct ring_end in, out;
};

/* A size that a ring may have, at least min(wish, the largest); 0 for a wish that is none. */
uint32_t roost__ring_size(int64_t wish);

/* Makes a ring, the server's ends in *ret, and the descriptor that the client needs, the caller's to close.
 * False without memory or descriptors. */
bool roost__ring_create(uint32_t size, struct ring *ret, int *ret_fd);

/* The client's ends of the ring behind a descriptor, which stays the caller's. False: it is no ring of that
 * size, or there is no memory. */
bool roost__ring_attach(int fd, uint32_t size, struct ring *ret);

/* Gives the memory back; harmless on a ring that is none. */
void roost__ring_detach(struct ring *r);

/* Wakes who sleeps by that word. True: by its bell, which is the caller's to ring. */
bool roost__ring_wake(_Atomic uint32_t *sleeper);

/* Copies within the ring, past its end to its beginning. */
void roost__ring_copy_in(const struct ring_end *e, const void *data, uint32_t n);
void roost__ring_copy_out(const struct ring_end *e, void *data, uint32_t n);

/* Bytes there are to read; may be more than the size when the other side lies. */
static inline uint32_t ring_filled(const struct ring_end *e)
{
    return atomic_load(&e->way->written) - e->at;
}

/* How much of n goes at once: a quarter of the ring at most, so that both sides copy at the same time. */
static inline uint32_t ring_piece(const struct ring_end *e, uint32_t n, size_t len)
{
    if (n > e->size / 4)
        n = e->size / 4;
    return n < len ? n : (uint32_t)len;
}

/* Reads up to len bytes: how many, 0 when there are none, RING_BROKEN. */
static inline ssize_t ring_take(struct ring_end *e, void *data, size_t len)
{
    uint32_t n = atomic_load_explicit(&e->way->written, memory_order_acquire) - e->at;
    if (n > e->size)
        return RING_BROKEN;
    n = ring_piece(e, n, len);
    if (n == 0)
        return 0;
    roost__ring_copy_out(e, data, n);
    e->at += n;
    atomic_store(&e->way->read, e->at);
    return (ssize_t)n;
}

/* Room to write, looked up anew; RING_BROKEN. */
static inline ssize_t ring_room(struct ring_end *e)
{
    uint32_t read = atomic_load(&e->way->read), used = e->at - read;
    if (used > e->size)
        return RING_BROKEN;
    e->seen = read;
    return (ssize_t)(e->size - used);
}

/* Writes up to len bytes: how many, 0 when there is no room, RING_BROKEN. */
static inline ssize_t ring_put(struct ring_end *e, const void *data, size_t len)
{
    ssize_t room = (ssize_t)(e->size - (e->at - e->seen));
    if ((size_t)room < len)
        room = ring_room(e);
    if (room <= 0)
        return room;
    uint32_t n = ring_piece(e, (uint32_t)room, len);
    roost__ring_copy_in(e, data, n);
    e->at += n;
    atomic_store(&e->way->written, e->at);
    return (ssize_t)n;
}

/* After a write: wakes the reader if it sleeps. True: by its bell, which is the caller's to ring. */
static inline bool ring_wake_reader(const struct ring_end *e)
{
    return atomic_load(&e->way->reader) != RING_AWAKE && roost__ring_wake(&e->way->reader);
}

/* After a read: wakes a writer that waits, once half of the ring is free; as above. */
static inline bool ring_wake_writer(const struct ring_end *e)
{
    return atomic_load(&e->way->writer) != RING_AWAKE && ring_filled(e) <= e->size / 2 &&
           roost__ring_wake(&e->way->writer);
}

#endif
