/* channel.c: mapping the memory shared with workers; see channel.h. */
#include "run/channel.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/futex.h"

/* One ring, mapped twice in a row. */
static uint8_t *map_ring(void)
{
    uint8_t *at = MAP_FAILED;
    int fd = memfd_create("roost-ring", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, RING_SIZE) != 0)
        goto out;
    at = mmap(NULL, 2 * (size_t)RING_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    for (int half = 0; half < 2 && at != MAP_FAILED; half++) {
        if (mmap(at + half * RING_SIZE, RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) !=
            MAP_FAILED)
            continue;
        munmap(at, 2 * (size_t)RING_SIZE);
        at = MAP_FAILED;
    }
out:
    if (fd >= 0)
        close(fd);
    return at != MAP_FAILED ? at : NULL;
}

/* Address space only: pages come when they are written. */
static void *map_shared(size_t len)
{
    void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at != MAP_FAILED ? at : NULL;
}

int roost__place_map(struct place *p)
{
    *p = (struct place){.channel = map_shared(sizeof(struct channel)),
                        .req = map_ring(),
                        .res = map_ring(),
                        .bulk_in = map_shared(ROOST_PAYLOAD_MAX),
                        .bulk_out = map_shared(ROOST_PAYLOAD_MAX)};
    if (p->channel && p->req && p->res && p->bulk_in && p->bulk_out)
        return ROOST_OK;
    int rc = roost__fail_sys("pool: mapping shared memory");
    roost__place_unmap(p);
    return rc;
}

static void unmap(void *at, size_t len)
{
    if (at != NULL)
        munmap(at, len);
}

void roost__place_unmap(struct place *p)
{
    unmap(p->channel, sizeof(struct channel));
    unmap(p->req, 2 * (size_t)RING_SIZE);
    unmap(p->res, 2 * (size_t)RING_SIZE);
    unmap(p->bulk_in, ROOST_PAYLOAD_MAX);
    unmap(p->bulk_out, ROOST_PAYLOAD_MAX);
    *p = (struct place){0};
}

void roost__place_reset(struct place *p)
{
    memset(p->channel, 0, sizeof(*p->channel));
    roost__bulk_release(p->bulk_in, ROOST_PAYLOAD_MAX);
    roost__bulk_release(p->bulk_out, ROOST_PAYLOAD_MAX);
}

void roost__bulk_release(uint8_t *bulk, size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    madvise(bulk, (len + page - 1) / page * page, MADV_REMOVE);
}

void roost__channel_ring(struct channel *c)
{
    if (atomic_load(&c->asleep) == 0 || atomic_exchange(&c->asleep, 0) == 0)
        return;
    atomic_fetch_add(&c->bell, 1);
    futex_wake(&c->bell, 1);
}
