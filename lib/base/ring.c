/* ring.c: the memory of rings, and copying in and out of it; see ring.h. */
#include "base/ring.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/futex.h"

_Static_assert(2 * sizeof(struct ring_way) <= RING_DATA, "both ways' heads lie before the bytes");
_Static_assert(sizeof(struct ring_way) == 3 * RING_LINE, "the layout of PROTOCOL.md");

static size_t memory_len(uint32_t size)
{
    return RING_DATA + 2 * (size_t)size;
}

static bool size_is_good(uint32_t size)
{
    return size >= RING_SIZE_MIN && size <= RING_SIZE_MAX && (size & (size - 1)) == 0;
}

uint32_t roost__ring_size(int64_t wish)
{
    if (wish <= 0)
        return 0;
    uint32_t size = RING_SIZE_MIN;
    while (size < wish && size < RING_SIZE_MAX)
        size *= 2;
    return size;
}

static struct ring_end end_of(uint8_t *memory, unsigned way, uint32_t size)
{
    struct ring_way *ways = (struct ring_way *)(void *)memory;
    return (struct ring_end){
        .way = &ways[way], .data = memory + RING_DATA + way * (size_t)size, .size = size};
}

static bool map(int fd, uint32_t size, struct ring *ret)
{
    void *memory = mmap(NULL, memory_len(size), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return false;
    *ret = (struct ring){.memory = memory, .len = memory_len(size)};
    return true;
}

bool roost__ring_create(uint32_t size, struct ring *ret, int *ret_fd)
{
    int fd = memfd_create("roost-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return false;
    if (!size_is_good(size) || ftruncate(fd, (off_t)memory_len(size)) != 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0 || !map(fd, size, ret)) {
        close(fd);
        return false;
    }
    ret->in = end_of(ret->memory, 0, size);
    ret->out = end_of(ret->memory, 1, size);
    *ret_fd = fd;
    return true;
}

bool roost__ring_attach(int fd, uint32_t size, struct ring *ret)
{
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);
    if (!size_is_good(size) || seals < 0 || (seals & F_SEAL_SHRINK) == 0 || fstat(fd, &st) != 0 ||
        st.st_size < (off_t)memory_len(size) || !map(fd, size, ret))
        return false;
    ret->out = end_of(ret->memory, 0, size);
    ret->in = end_of(ret->memory, 1, size);
    return true;
}

void roost__ring_detach(struct ring *r)
{
    if (r->memory != NULL)
        munmap(r->memory, r->len);
    *r = (struct ring){0};
}

bool roost__ring_wake(_Atomic uint32_t *sleeper)
{
    uint32_t how = atomic_load(sleeper);
    if (how == RING_GONE || !atomic_compare_exchange_strong(sleeper, &how, RING_AWAKE))
        return false; /* it has changed by itself: it is awake, and looks once more before it sleeps */
    if (how == RING_ON_WORD)
        futex_wake(sleeper, 1);
    return how == RING_ON_BELL;
}

/* Bytes from our place to the end of the ring. */
static uint32_t to_end(const struct ring_end *e)
{
    return e->size - (e->at & (e->size - 1));
}

void roost__ring_copy_in(const struct ring_end *e, const void *data, uint32_t n)
{
    uint32_t first = to_end(e);
    if (first > n)
        first = n;
    memcpy(e->data + (e->at & (e->size - 1)), data, first);
    memcpy(e->data, (const uint8_t *)data + first, n - first);
}

void roost__ring_copy_out(const struct ring_end *e, void *data, uint32_t n)
{
    uint32_t first = to_end(e);
    if (first > n)
        first = n;
    memcpy(data, e->data + (e->at & (e->size - 1)), first);
    memcpy((uint8_t *)data + first, e->data, n - first);
}
