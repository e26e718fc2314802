/* wire_faults.c: send() and recv(), wrapped; see wire_faults.h. */
#include "tests/faults/wire_faults.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>

/* What the linker's --wrap makes of the names. */
ssize_t __real_send(int fd, const void *data, size_t len, int flags);
ssize_t __real_recv(int fd, void *data, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *data, size_t len, int flags);
/* What _FORTIFY_SOURCE makes of recv() where it knows how large the memory is. */
ssize_t __wrap___recv_chk(int fd, void *data, size_t len, size_t size, int flags);

static _Atomic enum wire_fault kind;
static atomic_ulong left, period; /* left 0: nothing goes wrong */
static atomic_bool hit;

void wire_fail(enum wire_fault fault, unsigned long n, bool every)
{
    atomic_store(&hit, false);
    atomic_store(&kind, fault);
    atomic_store(&period, every ? n : 0);
    atomic_store(&left, n);
}

bool wire_mend(void)
{
    atomic_store(&left, 0);
    return atomic_load(&hit);
}

static bool waits(int fd, int flags)
{
    return (flags & MSG_DONTWAIT) == 0 && (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
}

/* One more call: is it the one? */
static bool goes_wrong(int fd, int flags)
{
    if (atomic_load(&kind) == WIRE_AGAIN && waits(fd, flags))
        return false;
    unsigned long now = atomic_load(&left);
    do {
        if (now == 0)
            return false;
    } while (!atomic_compare_exchange_weak(&left, &now, now == 1 ? atomic_load(&period) : now - 1));
    if (now == 1)
        atomic_store(&hit, true);
    return now == 1;
}

/* -1 with errno, or how many bytes may be moved. */
static ssize_t spoil(int fd, size_t len)
{
    switch (atomic_load(&kind)) {
    case WIRE_RESET:
        shutdown(fd, SHUT_RDWR);
        errno = ECONNRESET;
        return -1;
    case WIRE_INTERRUPT:
        errno = EINTR;
        return -1;
    case WIRE_AGAIN:
        errno = EAGAIN;
        return -1;
    case WIRE_SHORT:
    case WIRE_FAULTS:
        break;
    }
    return len > 0;
}

ssize_t __wrap_send(int fd, const void *data, size_t len, int flags)
{
    ssize_t most = (ssize_t)len;
    if (goes_wrong(fd, flags))
        most = spoil(fd, len);
    return most < 0 ? most : __real_send(fd, data, (size_t)most, flags);
}

/* Is there something to receive? Waits for it where the call would. */
static bool ready(int fd, int flags)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, waits(fd, flags) ? -1 : 0) > 0;
}

ssize_t __wrap_recv(int fd, void *data, size_t len, int flags)
{
    ssize_t most = (ssize_t)len;
    if (atomic_load(&left) > 0 && ready(fd, flags) && goes_wrong(fd, flags))
        most = spoil(fd, len);
    return most < 0 ? most : __real_recv(fd, data, (size_t)most, flags);
}

ssize_t __wrap___recv_chk(int fd, void *data, size_t len, size_t size, int flags)
{
    return __wrap_recv(fd, data, len < size ? len : size, flags);
}
