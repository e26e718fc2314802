/* ring.c: sending, receiving and sleeping at the client's end of a ring; see ring.h. */
#include "client/ring.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/futex.h"

/*
 * A reader sleeps on the ring's word first, which is the quicker way to be woken (measured: 5.2 µs there and
 * back instead of 8.0), and when that takes long on the socket, which ends when the server does, however it
 * ends. So a server that was killed is noticed after this time at the latest, and who sleeps long sleeps
 * without waking up in between.
 */
enum { ON_WORD_NS = 10 * 1000000, LOOKS = 32 };

/* An eventfd has no kind of file; a pipe could raise SIGPIPE. */
static bool is_bell(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == 0;
}

bool roost__ring_open(struct transport *t, int64_t size, struct ring *ret, int *ret_bell)
{
    if (t->passed_len != 2 || size > RING_SIZE_MAX || !is_bell(t->passed[1]) ||
        !roost__ring_attach(t->passed[0], (uint32_t)size, ret))
        return false;
    *ret_bell = t->passed[1];
    t->passed_len = 1;
    return true;
}

void roost__ring_close(struct transport *t)
{
    if (t->ring.memory == NULL)
        return;
    close(t->bell);
    roost__ring_detach(&t->ring);
}

/* ---- sending ---- */

/* The server wants to know whether we are in its way: server/shell/place.h. */
static void ring_bell(const struct transport *t)
{
    uint64_t one = 1;
    atomic_store_explicit(&t->ring.out.way->cpu, (uint32_t)(sched_getcpu() + 1), memory_order_relaxed);
    (void)!write(t->bell, &one, sizeof(one)); /* refused only when the server is to be woken already */
}

static bool is_gone(const struct transport *t)
{
    struct pollfd p = {.fd = t->fd, .events = POLLRDHUP};
    return poll(&p, 1, 0) != 0;
}

/* Sleeps until there may be room. False: the connection has ended. */
static bool await_room(struct transport *t)
{
    struct ring_end *out = &t->ring.out;
    _Atomic uint32_t *me = &out->way->writer;
    atomic_store(me, RING_ON_WORD);
    if (ring_room(out) == 0)
        futex_wait(me, RING_ON_WORD, now_ns() + ON_WORD_NS);
    atomic_store(me, RING_AWAKE);
    return !is_gone(t);
}

static int lost(struct transport *t, const char *why)
{
    int rc = roost__fail(ROOST_ECONN, "connection lost: %s", why);
    roost__transport_shutdown(t);
    return rc;
}

int roost__ring_send(struct transport *t, const void *data, size_t len)
{
    struct ring_end *out = &t->ring.out;
    const char *p = data;
    while (len > 0) {
        ssize_t n = ring_put(out, p, len);
        if (n < 0)
            return lost(t, "the server's counts of bytes in the shared memory are wrong");
        if (n == 0 && !await_room(t))
            return lost(t, "the server closed it");
        p += n;
        len -= (size_t)n;
        if (n > 0 && ring_wake_reader(out))
            ring_bell(t);
    }
    return atomic_load(&out->way->reader) == RING_GONE ? lost(t, "the server closed it") : ROOST_OK;
}

bool roost__ring_send_now(struct transport *t, const void *data, size_t len)
{
    struct ring_end *out = &t->ring.out;
    if (ring_room(out) < (ssize_t)len || ring_put(out, data, len) != (ssize_t)len)
        return false;
    if (ring_wake_reader(out))
        ring_bell(t);
    return true;
}

/* ---- receiving ---- */

static ssize_t take(struct transport *t, void *data, size_t len)
{
    ssize_t n = ring_take(&t->ring.in, data, len);
    if (n > 0 && ring_wake_writer(&t->ring.in))
        ring_bell(t);
    if (n < 0)
        errno = EPROTO;
    return n;
}

/* Looks for bytes without sleeping. */
static bool look(struct transport *t)
{
    int64_t end_ns = now_ns() + SPIN_US * 1000;
    do
        for (int i = 0; i < LOOKS; i++) {
            if (ring_filled(&t->ring.in) != 0)
                return true;
            spin_pause();
        }
    while (now_ns() < end_ns);
    return false;
}

/* Sleeps until the server wakes us. As recv(): 0 is the end of the socket, a byte of it means nothing. */
static ssize_t doze(struct transport *t)
{
    struct ring_end *in = &t->ring.in;
    _Atomic uint32_t *me = &in->way->reader;
    uint32_t word = RING_ON_WORD;
    char bytes[64];
    ssize_t n = 1;
    int64_t on_word_ns = t->patience_ns > 0 && t->patience_ns < ON_WORD_NS ? t->patience_ns : ON_WORD_NS;
    atomic_store(me, RING_ON_WORD);
    if (ring_filled(in) == 0)
        futex_wait(me, RING_ON_WORD, now_ns() + on_word_ns);
    if (ring_filled(in) == 0 && atomic_compare_exchange_strong(me, &word, RING_ON_BELL) &&
        ring_filled(in) == 0)
        n = recv(t->fd, bytes, sizeof(bytes), 0);
    atomic_store(me, RING_AWAKE);
    return n;
}

/* A server that has moved to another CPU is worth looking for again. */
static void notice_move(struct transport *t)
{
    uint32_t cpu = atomic_load_explicit(&t->ring.in.way->cpu, memory_order_relaxed);
    if (cpu == t->server_cpu)
        return;
    t->server_cpu = cpu;
    t->spin = (struct spin){0};
}

static bool look_before_sleep(struct transport *t)
{
    notice_move(t);
    if (!roost__transport_may_spin(t))
        return false;
    bool found = look(t);
    spin_result(&t->spin, found);
    return found;
}

ssize_t roost__ring_recv(struct transport *t, void *data, size_t len)
{
    for (;;) {
        ssize_t n = take(t, data, len);
        if (n != 0 || (!look_before_sleep(t) && (n = doze(t)) <= 0 && ring_filled(&t->ring.in) == 0))
            return n;
    }
}

ssize_t roost__ring_recv_now(struct transport *t, void *data, size_t len)
{
    char bytes[64];
    ssize_t n = take(t, data, len);
    if (n != 0)
        return n;
    ssize_t socket = recv(t->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    n = take(t, data, len); /* what was written before the end of the socket */
    if (n != 0 || socket <= 0)
        return n != 0 ? n : socket;
    errno = EAGAIN;
    return -1;
}

bool roost__ring_arm(struct transport *t)
{
    struct ring_end *in = &t->ring.in;
    uint32_t bell = RING_ON_BELL;
    atomic_store(&in->way->reader, bell);
    /* when the server was quicker its byte is on the way */
    return ring_filled(in) == 0 || !atomic_compare_exchange_strong(&in->way->reader, &bell, RING_AWAKE);
}
