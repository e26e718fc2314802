/* transport.c: sockets behind struct transport; see transport.h. */
#include "client/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "client/clock.h"
#include "client/ring.h"

enum { HOST_MAX = 256, PORT_MAX = 32 };

static int fail_connect(const char *url, int error)
{
    char reason[128];
    if (error == EAGAIN || error == EINPROGRESS || error == ETIMEDOUT)
        return roost__fail(ROOST_ETIMEDOUT, "cannot connect to %s: timed out", url);
    return roost__fail(ROOST_ECONN, "cannot connect to %s: %s", url,
                       strerror_r(error, reason, sizeof(reason)));
}

static void set_patience(int fd, int option, int timeout_ms)
{
    struct timeval wait = {0}; /* 0 means for ever */
    if (timeout_ms >= 0) {
        wait.tv_sec = timeout_ms / 1000;
        wait.tv_usec = timeout_ms % 1000 * 1000 + (timeout_ms == 0);
    }
    setsockopt(fd, SOL_SOCKET, option, &wait, sizeof(wait));
}

/* An interrupted connect goes on by itself: waits for its end. Returns 0 or an errno. */
static int finish_connect(int fd, int64_t deadline)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int n;
    do
        n = poll(&p, 1, roost__clock_left(deadline));
    while (n < 0 && errno == EINTR);
    if (n == 0)
        return ETIMEDOUT;
    int error = errno;
    socklen_t len = sizeof(error);
    if (n > 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        error = errno;
    return error;
}

/* A connected socket in ret; returns 0 or an errno. The send timeout bounds a blocking connect. */
static int connect_to(const struct sockaddr *address, socklen_t len, int64_t deadline, struct transport *ret)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    atomic_store(&ret->fd, fd);
    int rc;
    do {
        set_patience(fd, SO_SNDTIMEO, roost__clock_left(deadline));
        rc = connect(fd, address, len);
    } while (rc < 0 && errno == EINTR && address->sa_family == AF_UNIX);
    int error = rc == 0 ? 0 : errno == EINTR ? finish_connect(fd, deadline) : errno;
    if (error != 0)
        roost__transport_close(ret);
    else
        set_patience(fd, SO_SNDTIMEO, -1);
    return error;
}

static int open_ipc(const char *url, const char *path, int64_t deadline, struct transport *ret)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof(address.sun_path))
        return roost__fail(ROOST_EINVAL, "%s: the path must have 1 to %zu bytes", url,
                           sizeof(address.sun_path) - 1);
    memcpy(address.sun_path, path, len);
    int error = connect_to((const struct sockaddr *)&address, sizeof(address), deadline, ret);
    return error == 0 ? ROOST_OK : fail_connect(url, error);
}

/* Splits "host:port" or "[host]:port". */
static bool split_host(const char *text, char host[HOST_MAX], char port[PORT_MAX])
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon[1] == '\0' || strlen(colon + 1) >= PORT_MAX)
        return false;
    size_t len = (size_t)(colon - text);
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (len == 0 || len >= HOST_MAX)
        return false;
    memcpy(host, text, len);
    host[len] = '\0';
    strcpy(port, colon + 1);
    return true;
}

static int open_tcp(const char *url, const char *where, int64_t deadline, char host[HOST_MAX],
                    struct transport *ret)
{
    char port[PORT_MAX];
    (void)split_host(where, host, port); /* the URL was checked */
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int no = getaddrinfo(host, port, &hints, &found);
    if (no != 0)
        return roost__fail(ROOST_ECONN, "cannot connect to %s: %s", url, gai_strerror(no));
    int error = ECONNREFUSED;
    for (struct addrinfo *a = found; a != NULL; a = a->ai_next) {
        error = connect_to(a->ai_addr, a->ai_addrlen, deadline, ret);
        if (error == 0)
            break;
    }
    freeaddrinfo(found);
    if (error != 0)
        return fail_connect(url, error);
    setsockopt(ret->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return ROOST_OK;
}

static int open_tls(const char *url, const char *where, const struct tls_wishes *tls, int64_t deadline,
                    struct transport *ret)
{
    char host[HOST_MAX];
    int rc = open_tcp(url, where, deadline, host, ret);
    if (rc != ROOST_OK)
        return rc;
    rc = roost__tls_open(ret->fd, tls, host, deadline, &ret->tls);
    if (rc == ROOST_OK)
        return rc;
    roost__transport_close(ret);
    return roost__fail_at("cannot connect to %s", url);
}

int roost__transport_check(const char *url)
{
    char host[HOST_MAX], port[PORT_MAX];
    if (strncmp(url, "ipc://", 6) == 0)
        return ROOST_OK;
    bool tls = strncmp(url, "tls+tcp://", 10) == 0;
    if (!tls && strncmp(url, "tcp://", 6) != 0)
        return roost__fail(ROOST_EINVAL, "%s: expected ipc:///path, tcp://host:port or tls+tcp://host:port",
                           url);
    const char *kind = tls ? "tls+tcp" : "tcp", *where = url + strlen(kind) + strlen("://");
    if (strchr(where, ',') != NULL || !split_host(where, host, port))
        return roost__fail(ROOST_EINVAL, "%s: expected %s://host:port, or several such with commas between",
                           url, kind);
    return ROOST_OK;
}

int roost__transport_open(const char *url, const struct tls_wishes *tls, int timeout_ms,
                          struct transport *ret)
{
    int64_t deadline = roost__clock_deadline(timeout_ms);
    char host[HOST_MAX];
    int rc = roost__transport_check(url);
    if (rc != ROOST_OK)
        return rc;
    if (strncmp(url, "ipc://", 6) == 0)
        return open_ipc(url, url + 6, deadline, ret);
    if (strncmp(url, "tcp://", 6) == 0)
        return open_tcp(url, url + 6, deadline, host, ret);
    return open_tls(url, url + 10, tls, deadline, ret);
}

void roost__transport_patience(struct transport *t, int timeout_ms)
{
    t->patience_ns = timeout_ms < 0 ? 0 : timeout_ms == 0 ? 1 : timeout_ms * 1000000LL;
    set_patience(t->fd, SO_RCVTIMEO, timeout_ms);
}

static int lost(struct transport *t)
{
    char reason[128];
    int rc = roost__fail(ROOST_ECONN, "connection lost: %s", strerror_r(errno, reason, sizeof(reason)));
    roost__transport_shutdown(t);
    return rc;
}

int roost__transport_send(struct transport *t, const void *data, size_t len)
{
    if (t->ring.memory != NULL)
        return roost__ring_send(t, data, len);
    if (t->tls != NULL)
        return roost__tls_send(t->tls, data, len) == 0 ? ROOST_OK : lost(t);
    const char *p = data;
    while (len > 0) {
        ssize_t n = send(t->fd, p, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return lost(t);
        p += n;
        len -= (size_t)n;
    }
    return ROOST_OK;
}

static bool more_cores_than_one(void)
{
    static atomic_long cores; /* 0: not asked yet */
    if (atomic_load_explicit(&cores, memory_order_relaxed) == 0)
        atomic_store_explicit(&cores, sysconf(_SC_NPROCESSORS_ONLN), memory_order_relaxed);
    return atomic_load_explicit(&cores, memory_order_relaxed) > 1;
}

bool roost__transport_may_spin(struct transport *t)
{
    return more_cores_than_one() && spin_worth(&t->spin);
}

/* Keeps the descriptors of a message; others than the first few are closed. */
static void keep_passed(struct transport *t, struct msghdr *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
            if (t->passed_len < PASSED_MAX)
                t->passed[t->passed_len++] = fd;
            else
                close(fd);
        }
    }
}

/* recv(), in the handshake with the descriptors that come along. */
static ssize_t receive_passed(struct transport *t, void *data, size_t len)
{
    union {
        char bytes[CMSG_SPACE(PASSED_MAX * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec room = {.iov_base = data, .iov_len = len};
    struct msghdr m = {.msg_iov = &room,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof(control.bytes)};
    ssize_t n = recvmsg(t->fd, &m, MSG_CMSG_CLOEXEC);
    if (n >= 0)
        keep_passed(t, &m);
    return n;
}

void roost__transport_drop_passed(struct transport *t)
{
    while (t->passed_len > 0)
        close(t->passed[--t->passed_len]);
    t->takes_passed = false;
}

/* Looks for bytes without sleeping. True: *ret is recv()'s result. */
static bool look(struct transport *t, void *data, size_t len, ssize_t *ret)
{
    int64_t end_us = roost__clock_us() + SPIN_US;
    do {
        *ret = recv(t->fd, data, len, MSG_DONTWAIT);
        if (*ret >= 0 || errno != EAGAIN)
            return true;
    } while (roost__clock_us() < end_us);
    return false;
}

static ssize_t receive(struct transport *t, void *data, size_t len)
{
    ssize_t n = -1;
    if (t->ring.memory != NULL)
        return roost__ring_recv(t, data, len);
    if (t->tls != NULL)
        return roost__tls_recv(t->tls, data, len, t->patience_ns, false);
    if (t->takes_passed)
        return receive_passed(t, data, len);
    if (roost__transport_may_spin(t)) {
        bool found = look(t, data, len, &n);
        spin_result(&t->spin, found);
        if (found)
            return n;
    }
    return recv(t->fd, data, len, 0);
}

/* recv()'s result as ours; false: it was interrupted. */
static bool received(ssize_t *n)
{
    char reason[128];
    if (*n >= 0)
        return true;
    if (errno == EINTR)
        return false;
    if (errno == EPROTO)
        *n = roost__fail(ROOST_EPROTO, "the server's counts of bytes in the shared memory are wrong");
    else
        *n = errno == EAGAIN
                 ? roost__fail(ROOST_ETIMEDOUT, "no answer in time")
                 : roost__fail(ROOST_ECONN, "connection lost: %s", strerror_r(errno, reason, sizeof(reason)));
    return true;
}

ssize_t roost__transport_recv(struct transport *t, void *data, size_t len)
{
    ssize_t n;
    do
        n = receive(t, data, len);
    while (!received(&n));
    return n;
}

static ssize_t receive_now(struct transport *t, void *data, size_t len)
{
    if (t->ring.memory != NULL)
        return roost__ring_recv_now(t, data, len);
    if (t->tls != NULL)
        return roost__tls_recv(t->tls, data, len, 0, true);
    return recv(t->fd, data, len, MSG_DONTWAIT);
}

ssize_t roost__transport_recv_now(struct transport *t, void *data, size_t len)
{
    ssize_t n;
    do
        n = receive_now(t, data, len);
    while (!received(&n));
    return n;
}

bool roost__transport_arm(struct transport *t)
{
    return t->ring.memory == NULL || roost__ring_arm(t);
}

void roost__transport_disarm(struct transport *t)
{
    if (t->ring.memory != NULL)
        atomic_store(&t->ring.in.way->reader, RING_AWAKE);
}

bool roost__transport_send_now(struct transport *t, const void *data, size_t len)
{
    if (t->ring.memory != NULL)
        return roost__ring_send_now(t, data, len);
    if (t->tls != NULL)
        return roost__tls_send_now(t->tls, data, len);
    return send(t->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len;
}

bool roost__transport_hung_up(const struct transport *t)
{
    struct pollfd fd = {.fd = t->fd, .events = POLLRDHUP};
    return poll(&fd, 1, 0) == 1;
}

int roost__transport_replace(struct transport *t, struct transport *with)
{
    int rc = ROOST_OK;
    if (dup3(with->fd, t->fd, O_CLOEXEC) < 0)
        rc = roost__fail_sys("cannot take the new connection's socket");
    t->spin = (struct spin){0};
    roost__ring_close(t);
    t->ring = with->ring;
    t->bell = with->bell;
    atomic_store(&t->ring_state, atomic_load(&with->ring_state));
    with->ring = (struct ring){0};
    roost__tls_free(t->tls);
    t->tls = with->tls;
    with->tls = NULL;
    if (t->tls != NULL)
        roost__tls_move(t->tls, t->fd);
    roost__transport_close(with);
    return rc;
}

void roost__transport_shutdown(struct transport *t)
{
    shutdown(t->fd, SHUT_RDWR);
}

void roost__transport_close(struct transport *t)
{
    roost__transport_leave(t);
    roost__tls_free(t->tls);
    t->tls = NULL;
}

void roost__transport_leave(struct transport *t)
{
    roost__ring_close(t);
    roost__transport_drop_passed(t);
    int fd = atomic_exchange(&t->fd, -1);
    if (fd >= 0)
        close(fd);
}
