/*
 * net_ring.c: peers that talk through shared memory (base/ring.h); see net_epoll.h.
 *
 * The loop looks at the rings of those who were active lately (`watched`) without any system call; whoever is
 * not watched finds RING_ON_BELL in his ring and rings an eventfd, which is in the loop's epoll. Before the
 * loop sleeps it leaves all of them to their bells. Invariants: the peer may write anything into the ring at
 * any time, see ring.h; what is sent is under conn.mutex, what is received is the loop's thread's.
 */
#include "shell/net_epoll.h"

#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/futex.h"
#include "roost/error.h"
#include "shell/log.h"
#include "shell/server.h"

enum {
    QUIET_MAX = 4096, /* looks in vain before a peer has to ring again */
    TURN_BYTES = 256  /* what counts as one more turn */
};

void net_ring_init(struct peer *p)
{
    p->passing[0] = p->passing[1] = p->bell = -1;
    p->bell_source = (struct source){.kind = SOURCE_BELL, .peer = p};
    list_init(&p->in_ended);
    list_init(&p->in_unclaimed);
}

/* ---- beginning and ending ---- */

/* Edge-triggered: the bell is never read. */
static bool listen_to_bell(struct peer *p)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = &p->bell_source};
    return epoll_ctl(p->listener->epoll, EPOLL_CTL_ADD, p->bell, &event) == 0;
}

uint32_t net_ring_offer(struct conn *c, int64_t wish, struct claim *ret, bool *ret_claimed)
{
    (void)ret, (void)ret_claimed; /* they go with WELCOME */
    struct peer *p = peer_of(c);
    uint32_t size = roost__ring_size(wish);
    struct ring ring;
    int fd;
    if (size == 0 || !roost__ring_create(size, &ring, &fd))
        return 0;
    p->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (p->bell < 0) {
        close(fd);
        roost__ring_detach(&ring);
        return 0;
    }
    atomic_store(&ring.in.way->reader, RING_ON_BELL);
    pthread_mutex_lock(&c->mutex);
    p->ring = ring;
    p->passing[0] = fd;
    p->passing[1] = p->bell;
    pthread_mutex_unlock(&c->mutex);
    return size;
}

void net_ring_passed(struct peer *p)
{
    if (p->passing[0] >= 0)
        close(p->passing[0]);
    p->passing[0] = -1;
}

ssize_t net_ring_send_passing(struct peer *p, const struct destination *to, const void *data, size_t len)
{
    union {
        char bytes[CMSG_SPACE(sizeof(p->passing))];
        struct cmsghdr align;
    } control = {{0}};
    struct iovec bytes = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
    struct msghdr m = {.msg_name = to->address,
                       .msg_namelen = to->len,
                       .msg_iov = &bytes,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof(control.bytes)};
    struct cmsghdr *head = CMSG_FIRSTHDR(&m);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(p->passing));
    memcpy(CMSG_DATA(head), p->passing, sizeof(p->passing));
    return sendmsg(to->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

bool net_ring_pass_to(struct peer *p, const struct destination *to)
{
    pthread_mutex_lock(&p->conn.mutex);
    bool ok = net_ring_send_passing(p, to, "", 1) == 1;
    net_ring_passed(p);
    pthread_mutex_unlock(&p->conn.mutex);
    return ok;
}

void net_ring_withdraw(struct peer *p)
{
    struct conn *c = &p->conn;
    struct batch batch;
    pthread_mutex_lock(&c->mutex);
    net_ring_free(p);
    pthread_mutex_unlock(&c->mutex);
    server_enter(c->server, &batch);
    c->has_ring = false;
    server_count_rings(c->server, -1, 0);
    server_leave(c->server, &batch);
}

/* From now on the loop looks at its ring by itself, if it can. */
static void watch(struct peer *p)
{
    struct epoll_listener *l = p->listener;
    p->quiet = 0;
    if (p->watched > 0)
        return;
    if (l->watched_len == WATCHED_MAX) {
        atomic_store(&p->ring.in.way->reader, RING_ON_BELL); /* before the look that follows */
        return;
    }
    l->watched[l->watched_len++] = p;
    p->watched = l->watched_len;
    atomic_store(&p->ring.in.way->reader, RING_AWAKE);
}

static void unwatch(struct peer *p)
{
    struct epoll_listener *l = p->listener;
    if (p->watched == 0)
        return;
    struct peer *last = l->watched[--l->watched_len];
    l->watched[p->watched - 1] = last;
    last->watched = p->watched;
    p->watched = 0;
}

bool net_ring_move(struct conn *c)
{
    struct peer *p = peer_of(c);
    if (!listen_to_bell(p))
        return false;
    pthread_mutex_lock(&c->mutex);
    p->socket_left = p->sending.len - p->sent + c->out.len;
    p->sends_to_ring = true;
    pthread_mutex_unlock(&c->mutex);
    c->ops->flush(c);
    watch(p);
    return true;
}

void net_ring_end(struct peer *p)
{
    unwatch(p);
    if (p->bell >= 0)
        epoll_ctl(p->listener->epoll, EPOLL_CTL_DEL, p->bell, NULL);
}

void net_ring_free(struct peer *p)
{
    net_ring_passed(p);
    if (p->bell >= 0)
        close(p->bell);
    p->bell = -1;
    roost__ring_detach(&p->ring);
}

/* ---- sending ---- */

static void ring_bell(struct peer *p)
{
    (void)send(p->fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL); /* refused only when it has many to read already */
}

static void wake_reader(struct peer *p)
{
    if (ring_wake_reader(&p->ring.out))
        ring_bell(p);
}

bool net_ring_send(struct peer *p)
{
    struct ring_end *out = &p->ring.out;
    ssize_t n = ring_put(out, p->sending.data + p->sent, p->sending.len - p->sent);
    if (n == 0) {
        atomic_store(&out->way->writer, RING_ON_BELL);
        if (ring_room(out) == 0)
            return false;
        atomic_store(&out->way->writer, RING_AWAKE);
        return true;
    }
    if (n == RING_BROKEN) {
        p->sent = p->sending.len;
        shutdown(p->fd, SHUT_RDWR); /* the loop will end it */
        return true;
    }
    p->sent += (size_t)n;
    wake_reader(p);
    return true;
}

void net_ring_say_gone(struct peer *p)
{
    if (p->ring.memory == NULL)
        return;
    atomic_store(&p->ring.in.way->reader, RING_GONE);
    wake_reader(p);
}

/* ---- receiving ---- */

static bool take(struct peer *p, size_t max, size_t *ret_taken)
{
    void *room;
    size_t n = conn_room(&p->conn, &room);
    if (n == 0)
        return false;
    ssize_t got = ring_take(&p->ring.in, room, n < max ? n : max);
    if (got == RING_BROKEN) {
        conn_goodbye(&p->conn, ROOST_EPROTO, "the counts of bytes in the shared memory are wrong");
        return false;
    }
    *ret_taken = (size_t)got;
    if (got > 0 && ring_wake_writer(&p->ring.in))
        ring_bell(p);
    return got == 0 || conn_received(&p->conn, (size_t)got);
}

bool net_ring_receive(struct peer *p)
{
    size_t taken = 0;
    bool ok = take(p, SIZE_MAX, &taken);
    p->quiet = 0;
    p->listener->turns += 1 + (unsigned)(taken / TURN_BYTES);
    return ok;
}

/* Moves away from a client whose CPU we share; from then on looking may be worth it, on both sides. */
static void keep_apart(struct peer *p)
{
    struct epoll_listener *l = p->listener;
    uint32_t cpu = atomic_load_explicit(&p->ring.in.way->cpu, memory_order_relaxed);
    if (!place_woken(&l->place, p, cpu, server_now_us()))
        return;
    l->spin = (struct spin){0};
    atomic_store_explicit(&p->ring.out.way->cpu, (uint32_t)(sched_getcpu() + 1), memory_order_relaxed);
}

bool net_ring_on_bell(struct peer *p)
{
    uint64_t one = 1;
    keep_apart(p);
    watch(p);
    if (!net_ring_receive(p))
        return false;
    if (p->watched == 0 && ring_filled(&p->ring.in) > 0)
        (void)!write(p->bell, &one, sizeof(one)); /* there is more, and nobody looks: the loop comes back */
    return true;
}

bool net_ring_on_socket(struct peer *p)
{
    pthread_mutex_lock(&p->conn.mutex);
    net_ring_say_gone(p); /* what is written after this is not read, and the writer sees that */
    pthread_mutex_unlock(&p->conn.mutex);
    size_t left = ring_filled(&p->ring.in), taken = 1;
    while (left > 0 && taken > 0 && left <= p->ring.in.size && take(p, left, &taken))
        left -= taken;
    return false;
}

/* ---- whom the loop looks at ---- */

void net_ring_quiet(struct peer *p)
{
    if (++p->quiet < QUIET_MAX)
        return;
    p->quiet = 0;
    atomic_store(&p->ring.in.way->reader, RING_ON_BELL);
    if (ring_filled(&p->ring.in) == 0)
        unwatch(p);
    else
        atomic_store(&p->ring.in.way->reader, RING_AWAKE);
}

bool net_ring_sleep(struct epoll_listener *l)
{
    bool quiet = true;
    for (unsigned i = 0; i < l->watched_len; i++)
        atomic_store(&l->watched[i]->ring.in.way->reader, RING_ON_BELL);
    for (unsigned i = 0; i < l->watched_len; i++)
        quiet = quiet && ring_filled(&l->watched[i]->ring.in) == 0;
    for (unsigned i = 0; i < l->watched_len; i++) {
        if (quiet)
            l->watched[i]->watched = 0;
        else
            atomic_store(&l->watched[i]->ring.in.way->reader, RING_AWAKE);
    }
    if (quiet)
        l->watched_len = 0;
    return quiet;
}
