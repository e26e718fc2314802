/*
 * pipe.c: pipes; see roost/local/pipe.h.
 *
 * An end is a socket that keeps packets apart (SOCK_SEQPACKET), so a message, and each piece of a large one,
 * is received whole or not at all, whoever is killed. Invariant: a packet is a head and at most PIECE_MAX
 * bytes; the first piece of a message has FIRST set. A message whose sender died before its last piece is
 * dropped when the next first piece comes. Reading takes nothing out of the socket beyond the message, so the
 * descriptor tells truly whether there is more, to poll() and to other processes.
 */
#include "roost/local/pipe.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/futex.h"
#include "base/spin.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/scan.h"

enum { PIECE_MAX = 64 << 10, FIRST = 1 };

#define MESSAGE_MAX (1ull << 31)

struct piece_head {
    uint32_t flags;
    uint32_t total; /* bytes of the whole message */
};

/* A message of many pieces, as far as it has come. */
struct partial {
    uint8_t *data; /* NULL: there is none */
    size_t total;
    size_t got;
};

struct packet {
    struct piece_head head;
    uint8_t data[PIECE_MAX];
};

struct roost_pipe {
    int fd;
    bool readable, writable;
    pthread_mutex_t sending, receiving; /* one thread each */
    /* The receiving thread's: */
    struct spin spin;
    struct partial partial;
    atomic_bool pending; /* the packet was received, but there was no memory for its message */
    atomic_bool whole;   /* so was all of the partial message */
    size_t bytes;        /* of the packet, behind its head */
    struct packet packet;
};

/* ---- making ---- */

static roost_pipe *make(int fd, bool readable, bool writable)
{
    roost_pipe *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return NULL;
    p->fd = fd;
    p->readable = readable;
    p->writable = writable;
    pthread_mutex_init(&p->sending, NULL);
    pthread_mutex_init(&p->receiving, NULL);
    return p;
}

int roost_pipe_new(bool duplex, roost_pipe **ret_a, roost_pipe **ret_b)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
        return roost__fail_sys("pipe: socketpair");
    roost_pipe *a = make(fds[0], true, duplex), *b = make(fds[1], duplex, true);
    if (a == NULL || b == NULL) {
        free(a);
        free(b);
        close(fds[0]);
        close(fds[1]);
        return roost__fail(ROOST_ENOMEM, "no memory for a pipe");
    }
    if (!duplex) {
        shutdown(fds[0], SHUT_WR);
        shutdown(fds[1], SHUT_RD);
    }
    *ret_a = a;
    *ret_b = b;
    return ROOST_OK;
}

void roost_pipe_close(roost_pipe *p)
{
    if (p == NULL)
        return;
    close(p->fd);
    free(p->partial.data);
    pthread_mutex_destroy(&p->sending);
    pthread_mutex_destroy(&p->receiving);
    free(p);
}

int roost_pipe_fd(const roost_pipe *p)
{
    return p->fd;
}

/* ---- waiting ---- */

static int timed_out(const char *verb, int timeout_ms)
{
    return roost__fail(ROOST_ETIMEDOUT, "pipe: %s: timed out after %d ms", verb, timeout_ms);
}

/* Waits for events on the descriptor. False when the deadline has passed. */
static bool wait_for(int fd, short events, int64_t deadline)
{
    struct pollfd p = {.fd = fd, .events = events};
    int n;
    do {
        n = poll(&p, 1, deadline_left_ms(deadline));
    } while (n < 0 && errno == EINTR);
    return n != 0;
}

static bool lock(pthread_mutex_t *m, int64_t deadline)
{
    struct timespec until = timespec_of(deadline);
    if (pthread_mutex_trylock(m) == 0)
        return true;
    return deadline == FOREVER ? pthread_mutex_lock(m) == 0
                               : pthread_mutex_clocklock(m, CLOCK_MONOTONIC, &until) == 0;
}

/* ---- sending ---- */

static int send_error(void)
{
    if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN)
        return roost__fail(ROOST_ECLOSED, "pipe: send: the other end is closed");
    return roost__fail_sys("pipe: send");
}

/* Sends one packet. Errors: ROOST_ETIMEDOUT (not worded), ROOST_ECLOSED, ROOST_ESYS. */
static int send_piece(roost_pipe *p, const struct piece_head *head, const uint8_t *data, size_t len,
                      int64_t deadline)
{
    struct iovec parts[2] = {{(void *)(uintptr_t)head, sizeof(*head)}, {(void *)(uintptr_t)data, len}};
    struct msghdr m = {.msg_iov = parts, .msg_iovlen = len > 0 ? 2 : 1};
    for (;;) {
        if (sendmsg(p->fd, &m, MSG_NOSIGNAL | (deadline == FOREVER ? 0 : MSG_DONTWAIT)) >= 0)
            return ROOST_OK;
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN)
            return send_error();
        if (!wait_for(p->fd, POLLOUT, deadline))
            return ROOST_ETIMEDOUT;
    }
}

static int send_all(roost_pipe *p, const uint8_t *data, size_t len, int64_t deadline)
{
    struct piece_head head = {.flags = FIRST, .total = (uint32_t)len};
    size_t sent = 0;
    do {
        size_t n = len - sent < PIECE_MAX ? len - sent : PIECE_MAX;
        int rc = send_piece(p, &head, data + sent, n, sent == 0 ? deadline : FOREVER);
        if (rc != ROOST_OK)
            return rc;
        sent += n;
        head.flags = 0;
    } while (sent < len);
    return ROOST_OK;
}

int roost_pipe_send_bytes(roost_pipe *p, const void *data, size_t len, int timeout_ms)
{
    if (!p->writable)
        return roost__fail(ROOST_ECLOSED, "pipe: send: this end only receives");
    if (len >= MESSAGE_MAX)
        return roost__fail(ROOST_ELIMIT, "pipe: send: %zu bytes are above 2^31", len);
    int64_t deadline = deadline_after(timeout_ms);
    if (!lock(&p->sending, deadline))
        return timed_out("send", timeout_ms);
    int rc = send_all(p, data, len, deadline);
    pthread_mutex_unlock(&p->sending);
    return rc == ROOST_ETIMEDOUT ? timed_out("send", timeout_ms) : rc;
}

int roost_pipe_send(roost_pipe *p, roost_value v, int timeout_ms)
{
    struct buf b = buf_make(MESSAGE_MAX);
    int rc = roost__put_value(&b, &v);
    if (rc != ROOST_OK)
        roost__fail_at("pipe: send");
    else
        rc = roost_pipe_send_bytes(p, b.data, b.len, timeout_ms);
    roost__buf_free(&b);
    return rc;
}

/* ---- receiving ---- */

/* A message at hand: in the packet buffer, or (owned) in memory of its own. */
struct message {
    uint8_t *data;
    size_t len;
    bool owned;
};

static ssize_t receive(roost_pipe *p, int flags)
{
    size_t most = (flags & MSG_PEEK) != 0 ? sizeof(struct piece_head) : sizeof(p->packet);
    return recv(p->fd, &p->packet, most, flags);
}

/* Receives a packet that is there, or comes within a few microseconds: a sleeper takes longer to wake. */
static ssize_t look(roost_pipe *p, int flags)
{
    ssize_t n = receive(p, flags | MSG_DONTWAIT);
    if (n >= 0 || errno != EAGAIN || !spin_worth(&p->spin))
        return n;
    for (int64_t end = now_ns() + SPIN_US * 1000; n < 0 && errno == EAGAIN && now_ns() < end;)
        n = receive(p, flags | MSG_DONTWAIT);
    spin_result(&p->spin, n >= 0);
    return n;
}

/* The next packet into p->packet; with MSG_PEEK its head only, and it stays. Errors: ROOST_ETIMEDOUT (not
 * worded), ROOST_ECLOSED, ROOST_ESYS. */
static int next_packet(roost_pipe *p, int flags, int64_t deadline)
{
    for (;;) {
        ssize_t n = look(p, flags);
        if (n < 0 && errno == EAGAIN && deadline == FOREVER)
            n = receive(p, flags);
        if (n >= (ssize_t)sizeof(struct piece_head)) {
            p->bytes = (size_t)n - sizeof(struct piece_head);
            return ROOST_OK;
        }
        if (n >= 0 || errno == ECONNRESET)
            return roost__fail(ROOST_ECLOSED, "pipe: receive: the other end is closed");
        if (errno != EAGAIN && errno != EINTR)
            return roost__fail_sys("pipe: receive");
        if (errno == EAGAIN && !wait_for(p->fd, POLLIN, deadline))
            return ROOST_ETIMEDOUT;
    }
}

static void drop_partial(roost_pipe *p)
{
    free(p->partial.data);
    p->partial = (struct partial){0};
}

/* A message that nobody could be given for want of memory stays with the pipe. */
static void keep_message(roost_pipe *p, struct message *m)
{
    if (m->owned) {
        p->partial = (struct partial){m->data, m->len, m->len};
        p->whole = true;
    } else if (m->data != NULL) {
        p->pending = true;
    }
    m->owned = false;
}

/* Begins a message of many pieces with the packet. */
static int begin_partial(roost_pipe *p)
{
    drop_partial(p); /* its sender died: another message begins */
    uint8_t *data = malloc(p->packet.head.total);
    p->pending = data == NULL;
    if (data == NULL)
        return roost__fail(ROOST_ENOMEM, "pipe: receive: no memory for %u bytes", p->packet.head.total);
    p->partial = (struct partial){data, p->packet.head.total, 0};
    return ROOST_OK;
}

/* Adds the packet to the message it belongs to; a rest of one that was never completed is dropped. */
static void add_piece(roost_pipe *p)
{
    struct partial *m = &p->partial;
    if (m->data == NULL || p->bytes > m->total - m->got)
        return;
    memcpy(m->data + m->got, p->packet.data, p->bytes);
    m->got += p->bytes;
}

/* The message must not be longer than max: says so before it is taken, so that it stays. */
static int check_length(roost_pipe *p, size_t max, size_t *ret_len, int64_t deadline)
{
    int rc = p->partial.data != NULL || p->pending ? ROOST_OK : next_packet(p, MSG_PEEK, deadline);
    size_t total = p->partial.data != NULL && !p->pending ? p->partial.total : p->packet.head.total;
    if (rc != ROOST_OK || total <= max)
        return rc;
    *ret_len = total;
    return roost__fail(ROOST_ELIMIT, "pipe: receive: the message has %zu bytes, the buffer %zu", total, max);
}

/* The next message, whole. What has come of it when the time is up stays with the pipe. */
static int next_message(roost_pipe *p, struct message *ret, int64_t deadline)
{
    while (!p->whole) {
        int rc = p->pending ? ROOST_OK : next_packet(p, 0, deadline);
        if (rc != ROOST_OK)
            return rc;
        p->pending = false;
        if (p->packet.head.flags == FIRST && p->packet.head.total <= PIECE_MAX) {
            drop_partial(p);
            *ret = (struct message){p->packet.data, p->bytes, false};
            return ROOST_OK;
        }
        if (p->packet.head.flags == FIRST && (rc = begin_partial(p)) != ROOST_OK)
            return rc;
        add_piece(p);
        p->whole = p->partial.data != NULL && p->partial.got == p->partial.total;
    }
    p->whole = false;
    *ret = (struct message){p->partial.data, p->partial.total, true};
    p->partial = (struct partial){0};
    return ROOST_OK;
}

/* Begins to receive: the caller is the only one until end_receive(). */
static int begin_receive(roost_pipe *p, int64_t deadline, int timeout_ms)
{
    if (!p->readable)
        return roost__fail(ROOST_ECLOSED, "pipe: receive: this end only sends");
    return lock(&p->receiving, deadline) ? ROOST_OK : timed_out("receive", timeout_ms);
}

/* Words rc, and frees the message. */
static int end_receive(roost_pipe *p, struct message *m, int rc, int timeout_ms)
{
    if (rc == ROOST_ENOMEM)
        keep_message(p, m);
    if (m->owned)
        free(m->data);
    pthread_mutex_unlock(&p->receiving);
    return rc == ROOST_ETIMEDOUT ? timed_out("receive", timeout_ms) : rc;
}

static int decode(const struct message *m, roost_value *ret)
{
    struct slice s = slice_of(m->data, m->len);
    return roost__scan_check(s, WIRE_DEPTH_MAX)
               ? roost__decode(s, false, ret)
               : roost__fail(ROOST_EPROTO, "pipe: receive: the message is no value");
}

int roost_pipe_recv(roost_pipe *p, roost_value *ret, int timeout_ms)
{
    int64_t deadline = deadline_after(timeout_ms);
    struct message m = {0};
    int rc = begin_receive(p, deadline, timeout_ms);
    if (rc != ROOST_OK)
        return rc;
    rc = next_message(p, &m, deadline);
    if (rc == ROOST_OK)
        rc = decode(&m, ret);
    return end_receive(p, &m, rc, timeout_ms);
}

/* Memory of the caller's own for the message. */
static int hand_over(struct message *m, void **ret, size_t *ret_len)
{
    void *data = m->owned ? m->data : malloc(m->len + 1);
    if (data == NULL)
        return roost__fail(ROOST_ENOMEM, "pipe: receive: no memory for %zu bytes", m->len);
    if (!m->owned)
        memcpy(data, m->data, m->len);
    m->owned = false;
    *ret = data;
    *ret_len = m->len;
    return ROOST_OK;
}

int roost_pipe_recv_bytes(roost_pipe *p, void **ret, size_t *ret_len, int timeout_ms)
{
    int64_t deadline = deadline_after(timeout_ms);
    struct message m = {0};
    int rc = begin_receive(p, deadline, timeout_ms);
    if (rc != ROOST_OK)
        return rc;
    rc = next_message(p, &m, deadline);
    if (rc == ROOST_OK)
        rc = hand_over(&m, ret, ret_len);
    return end_receive(p, &m, rc, timeout_ms);
}

int roost_pipe_recv_bytes_into(roost_pipe *p, void *buf, size_t max, size_t *ret_len, int timeout_ms)
{
    int64_t deadline = deadline_after(timeout_ms);
    struct message m = {0};
    int rc = begin_receive(p, deadline, timeout_ms);
    if (rc != ROOST_OK)
        return rc;
    rc = check_length(p, max, ret_len, deadline);
    if (rc == ROOST_OK)
        rc = next_message(p, &m, deadline);
    if (rc == ROOST_OK && m.len > 0)
        memcpy(buf, m.data, m.len);
    if (rc == ROOST_OK)
        *ret_len = m.len;
    return end_receive(p, &m, rc, timeout_ms);
}

int roost_pipe_poll(roost_pipe *p, int timeout_ms)
{
    if (p->pending || p->whole)
        return ROOST_OK;
    return wait_for(p->fd, POLLIN, deadline_after(timeout_ms)) ? ROOST_OK : timed_out("poll", timeout_ms);
}

/* ---- many ---- */

int roost_wait_fds(const int *fds, size_t n, bool *ready, int timeout_ms)
{
    if (n == 0 || fds == NULL || ready == NULL)
        return roost__fail(ROOST_EINVAL, "wait: no descriptors, or nowhere to say which are ready");
    struct pollfd *polled = calloc(n, sizeof(*polled));
    if (polled == NULL)
        return roost__fail(ROOST_ENOMEM, "wait: no memory for %zu descriptors", n);
    for (size_t i = 0; i < n; i++)
        polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    int64_t deadline = deadline_after(timeout_ms);
    int found;
    do {
        found = poll(polled, n, deadline_left_ms(deadline));
    } while (found < 0 && errno == EINTR);
    int rc = found < 0    ? roost__fail_sys("wait: poll")
             : found == 0 ? timed_out("wait", timeout_ms)
                          : ROOST_OK;
    for (size_t i = 0; i < n && found >= 0; i++)
        ready[i] = polled[i].revents != 0;
    free(polled);
    return rc;
}
