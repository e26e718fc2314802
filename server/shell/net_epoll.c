/*
 * net_epoll.c: connections on plain non-blocking sockets, one epoll thread a listener.
 *
 * The thread that reads a request steps the core and writes the answer itself: no hand-over, three system
 * calls a request. Invariants: only the loop's thread receives, ends and unregisters a connection; another
 * thread that wants one closed shuts its socket down, which wakes the loop; the descriptor is closed with the
 * last reference, so its number is not reused while anybody may still write to it.
 */
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "roost/error.h"
#include "shell/address.h"
#include "shell/conn.h"
#include "shell/log.h"
#include "shell/net_epoll.h"
#include "shell/server.h"

enum {
    EVENTS_MAX = READY_MAX,
    ACCEPTS_MAX = 64,   /* in a row, before connected peers are served again */
    RETRY_MS = 10,      /* out of descriptors: when to try again */
    CROWD = 3,          /* clients served at once: who looks takes a core that they could run on … */
    CROWDED_WAITS = 64, /* … so many waits are without a look */
    TURNS_MAX = 32,     /* of rings only, before sockets are served again */
    LOOKS = 32          /* at the rings, for one at the sockets */
};

/* ---- sending ---- */

static void watch_output(struct peer *p, bool on)
{
    if (p->waits_to_send == on)
        return;
    struct epoll_event event = {.events = EPOLLIN | (on ? (uint32_t)EPOLLOUT : 0), .data.ptr = &p->socket};
    if (epoll_ctl(p->listener->epoll, EPOLL_CTL_MOD, p->fd, &event) == 0)
        p->waits_to_send = on;
}

/* Under the mutex: what is next to be written. False: nothing. */
static bool next_output(struct peer *p)
{
    if (p->sent < p->sending.len)
        return true;
    buf_reset(&p->sending);
    p->sent = 0;
    conn_trim(&p->sending);
    struct buf empty = p->sending;
    p->sending = p->conn.out;
    p->conn.out = empty;
    if (p->sending.len == 0)
        atomic_store_explicit(&p->conn.unsent, 0, memory_order_relaxed);
    return p->sending.len > 0;
}

/* send(), with the descriptors of a ring that was just offered. */
static ssize_t send_passing(struct peer *p, const void *data, size_t len)
{
    const struct destination there = {.fd = p->fd};
    ssize_t n = net_ring_send_passing(p, &there, data, len);
    if (n >= 0 || errno == ETOOMANYREFS) /* then the client does without a ring */
        net_ring_passed(p);
    if (n < 0 && errno == ETOOMANYREFS)
        errno = EINTR;
    return n;
}

static ssize_t send_some(struct peer *p, const uint8_t *data, size_t len)
{
    if (p->tls != NULL)
        return tls_stream_send(p->tls, data, len);
    return p->passing[0] >= 0 && !p->listener->tcp ? send_passing(p, data, len)
                                                   : send(p->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Writes some of what is next to the socket. False: not now. */
static bool send_to_socket(struct peer *p)
{
    const uint8_t *data = p->sending.data + p->sent;
    size_t len = p->sending.len - p->sent;
    if (p->sends_to_ring && len > p->socket_left)
        len = p->socket_left;
    ssize_t n = send_some(p, data, len);
    if (n >= 0) {
        p->sent += (size_t)n;
        p->socket_left -= p->sends_to_ring ? (size_t)n : 0;
    } else if (errno == EAGAIN) {
        watch_output(p, true);
        return false;
    } else if (errno != EINTR) {
        p->sent = p->sending.len; /* the peer is gone: the loop will hear of it */
        p->socket_left = 0;
    }
    return true;
}

static void send_more(struct peer *p)
{
    while (!p->conn.closed && next_output(p))
        if (!(p->sends_to_ring && p->socket_left == 0 ? net_ring_send(p) : send_to_socket(p)))
            return;
    watch_output(p, false);
}

static void peer_flush(struct conn *c)
{
    pthread_mutex_lock(&c->mutex);
    if (!c->closed && !peer_of(c)->waits_to_send)
        send_more(peer_of(c));
    pthread_mutex_unlock(&c->mutex);
}

static void peer_close(struct conn *c)
{
    pthread_mutex_lock(&c->mutex);
    if (!c->closed) {
        c->closed = true;
        net_ring_say_gone(peer_of(c));
        shutdown(peer_of(c)->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&c->mutex);
}

static void peer_destroy(struct conn *c)
{
    struct peer *p = peer_of(c);
    roost__buf_free(&p->sending);
    net_ring_free(p);
    tls_stream_free(p->tls);
    close(p->fd);
    free(p);
}

static const struct conn_ops peer_ops = {.transport = TRANSPORT_IPC,
                                         .flush = peer_flush,
                                         .close = peer_close,
                                         .destroy = peer_destroy,
                                         .offer_ring = net_ring_offer,
                                         .move_to_ring = net_ring_move};
static const struct conn_ops tcp_ops = {.transport = TRANSPORT_TCP,
                                        .flush = peer_flush,
                                        .close = peer_close,
                                        .destroy = peer_destroy,
                                        .offer_ring = net_claim_offer,
                                        .move_to_ring = net_claim_move};
static const struct conn_ops tls_ops = {
    .transport = TRANSPORT_TLS, .flush = peer_flush, .close = peer_close, .destroy = peer_destroy};

/* ---- receiving ---- */

/* The loop has seen the last of it; its memory stays until the events at hand are through. */
static void peer_end(struct peer *p)
{
    if (p->over)
        return;
    p->over = true;
    peer_close(&p->conn);
    list_remove(&p->in_newborn);
    epoll_ctl(p->listener->epoll, EPOLL_CTL_DEL, p->fd, NULL);
    net_claim_end(p);
    net_ring_end(p);
    list_push_back(&p->listener->ended, &p->in_ended);
}

/* One read, to be served with the others'. False: the connection is over. */
static bool peer_receive(struct peer *p)
{
    struct epoll_listener *l = p->listener;
    void *room;
    size_t n = conn_room(&p->conn, &room);
    if (n == 0)
        return false;
    ssize_t got = p->tls != NULL ? tls_stream_recv(p->tls, room, n) : recv(p->fd, room, n, 0);
    if (got < 0 && errno == EPROTO && p->conn.session == 0)
        conn_refused(&p->conn, roost_errmsg());
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    if (got > 0 && conn_arrived(&p->conn, (size_t)got)) {
        assert(l->ready_len < READY_MAX); /* one event each */
        l->ready[l->ready_len++] = p;
    }
    return got > 0;
}

/* Serves all that arrived with the events at hand under one hold of the server's mutex, then writes. */
static void serve_ready(struct epoll_listener *l)
{
    struct batch batch;
    bool ok[READY_MAX];
    if (l->ready_len == 0)
        return;
    if (l->ready_len >= CROWD)
        l->crowded = CROWDED_WAITS;
    server_enter(l->server, &batch);
    for (unsigned i = 0; i < l->ready_len; i++)
        ok[i] = conn_serve(&l->ready[i]->conn, &batch);
    server_leave(l->server, &batch);
    for (unsigned i = 0; i < l->ready_len; i++)
        if (!ok[i])
            peer_end(l->ready[i]);
    l->ready_len = 0;
}

/* As many as it takes: what TLS holds back does not show at the socket. */
static bool peer_receive_all(struct peer *p)
{
    bool ok = peer_receive(p);
    while (ok && p->tls != NULL && tls_stream_pending(p->tls))
        ok = peer_receive(p);
    return ok;
}

static void on_peer(struct peer *p, uint32_t events)
{
    if (p->over)
        return;
    if (events & EPOLLOUT) {
        pthread_mutex_lock(&p->conn.mutex);
        send_more(p);
        pthread_mutex_unlock(&p->conn.mutex);
    }
    if ((events & ~(uint32_t)EPOLLOUT) && !(p->conn.on_ring ? net_ring_on_socket(p) : peer_receive_all(p)))
        peer_end(p);
}

static void on_bell(struct peer *p)
{
    if (p->over)
        return;
    peer_flush(&p->conn); /* there may be room again */
    if (!net_ring_on_bell(p))
        peer_end(p);
}

static void free_ended(struct epoll_listener *l)
{
    for (struct list *it; (it = list_first(&l->ended)) != NULL;) {
        list_remove(it);
        conn_ended(&container_of(it, struct peer, in_ended)->conn);
    }
}

/* Sends away who has not said HELLO in time; returns the milliseconds until the next check, -1: none. */
static int check_newborn(struct epoll_listener *l)
{
    for (struct list *first; (first = list_first(&l->newborn)) != NULL;) {
        struct peer *p = container_of(first, struct peer, in_newborn);
        int64_t patience_us = conn_patience_us(&p->conn);
        if (patience_us > 0)
            return (int)(patience_us / 1000) + 1;
        list_remove(&p->in_newborn);
        if (patience_us == 0) {
            log_warn("%s: closing: no HELLO in time", p->conn.peer);
            peer_end(p);
        }
    }
    return -1;
}

/* ---- accepting ---- */

static void watch_accept(struct epoll_listener *l, bool on)
{
    struct epoll_event event = {.events = on ? (uint32_t)EPOLLIN : 0, .data.ptr = &l->accept_source};
    epoll_ctl(l->epoll, EPOLL_CTL_MOD, l->accepting, &event);
    l->paused_us = on ? 0 : server_now_us() + RETRY_MS * 1000;
}

static void tune(const struct epoll_listener *l, int fd)
{
    int one = 1;
    if (!l->tcp)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
}

/* Who is at the other end: for people, and by what its rate is counted. */
static void name_peer(const struct epoll_listener *l, int fd, char *name, size_t name_len, char *host,
                      size_t host_len)
{
    struct ucred who;
    struct sockaddr_storage at;
    socklen_t len = sizeof(who), at_len = sizeof(at);
    char port[8];
    if (!l->tcp && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0) {
        snprintf(host, host_len, "uid %u", (unsigned)who.uid);
        snprintf(name, name_len, "ipc %s pid %d", host, (int)who.pid);
    } else if (l->tcp && getpeername(fd, (struct sockaddr *)&at, &at_len) == 0 &&
               getnameinfo((struct sockaddr *)&at, at_len, host, (socklen_t)host_len, port, sizeof(port),
                           NI_NUMERICHOST | NI_NUMERICSERV) == 0) {
        snprintf(name, name_len, "%s %s:%s", l->tls != NULL ? "tls+tcp" : "tcp", host, port);
    } else {
        snprintf(host, host_len, "%.79s", l->base.url);
        snprintf(name, name_len, "%.127s", l->base.url);
    }
}

static void peer_begin(struct epoll_listener *l, int fd)
{
    struct peer *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        close(fd);
        return;
    }
    tune(l, fd);
    char name[128], host[80];
    name_peer(l, fd, name, sizeof(name), host, sizeof(host));
    conn_init(&p->conn, l->server, l->tls != NULL ? &tls_ops : l->tcp ? &tcp_ops : &peer_ops, name, host);
    p->listener = l;
    p->fd = fd;
    p->socket = (struct source){.kind = SOURCE_SOCKET, .peer = p};
    net_ring_init(p);
    p->sending = buf_make((size_t)server_limit(&l->server->limits.unread_max));
    list_init(&p->in_newborn);
    if (!l->tcp)
        p->conn.user = local_user_at(&l->server->allowed, fd);
    if (l->tls != NULL) {
        p->tls = tls_stream_new(l->tls, fd);
        if (p->tls != NULL)
            p->conn.binding = slice_of(p->tls->context->binding, sizeof(p->tls->context->binding));
    }
    if ((l->tls != NULL) != (p->tls != NULL)) {
        conn_discard(&p->conn);
        return;
    }
    if (!server_admit(l->server, &p->conn)) {
        log_warn("%s: refused a connection: the server stops, or %lld are open (connections_max)",
                 l->base.url, (long long)server_limit(&l->server->limits.connections_max));
        conn_discard(&p->conn);
        return;
    }
    list_push_back(&l->newborn, &p->in_newborn);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &p->socket};
    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        peer_end(p);
}

static void drop_revoked(struct peer *p)
{
    static const char why[] = "the client's certificate was revoked";
    if (p->tls == NULL || !tls_stream_revoked(p->tls))
        return;
    watch_act(&p->conn, why);
    conn_goodbye(&p->conn, ROOST_EAUTH, why);
    peer_close(&p->conn);
}

void net_drop_revoked(struct server *s)
{
    struct batch batch;
    server_enter(s, &batch);
    list_each (it, &s->conns) {
        struct conn *c = container_of(it, struct conn, in_server);
        if (c->ops == &tls_ops)
            drop_revoked(peer_of(c));
    }
    server_leave(s, &batch);
}

static unsigned long descriptors_allowed(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (unsigned long)limit.rlim_cur : 0;
}

static void on_accept(struct epoll_listener *l)
{
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        int fd = accept4(l->accepting, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            l->refused = false;
            peer_begin(l, fd);
        } else if (errno == EAGAIN) {
            return;
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            if (!l->refused)
                log_error(
                    "%s: cannot accept: %s; of %lu descriptors allowed (ulimit -Hn) none is left, or the "
                    "system is short: trying again every %d ms",
                    l->base.url, strerror(errno), descriptors_allowed(), RETRY_MS);
            l->refused = true;
            watch_accept(l, false);
            return;
        }
    }
}

/* ---- the loop ---- */

/* The shorter of two times, of which -1 is for ever. */
static int sooner(int a, int b)
{
    return b < 0 || (a >= 0 && a < b) ? a : b;
}

static int wait_ms(struct epoll_listener *l)
{
    int ms = sooner(check_newborn(l), net_claim_check(l));
    free_ended(l);
    return l->paused_us > 0 ? sooner(ms, RETRY_MS) : ms;
}

/* Serves the rings that have something. False: none has. */
static bool serve_rings(struct epoll_listener *l)
{
    bool served = false;
    for (unsigned i = l->watched_len; i > 0; i--) { /* who ends or falls quiet leaves the array */
        struct peer *p = l->watched[i - 1];
        if (ring_filled(&p->ring.in) == 0) {
            net_ring_quiet(p);
            continue;
        }
        served = true;
        if (!net_ring_receive(p))
            peer_end(p);
    }
    return served;
}

static int poll_events(struct epoll_listener *l, struct epoll_event *events)
{
    l->turns = 0;
    return epoll_wait(l->epoll, events, EVENTS_MAX, 0);
}

/* Looks at the rings and for events without sleeping. False: there is nothing. */
static bool look(struct epoll_listener *l, struct epoll_event *events, int *ret_n)
{
    int64_t end_us = server_now_us() + place_look_us(&l->place);
    do {
        for (int i = 0; i < LOOKS && l->watched_len > 0; i++) {
            if (serve_rings(l))
                return true;
            spin_pause();
        }
        if ((*ret_n = poll_events(l, events)) != 0)
            return true;
    } while (server_now_us() < end_us);
    return false;
}

/* Returns when something happened: *ret_n events, or a ring was served. */
static void wait_events(struct epoll_listener *l, struct epoll_event *events, int *ret_n)
{
    *ret_n = 0;
    if (serve_rings(l)) {
        if (l->turns >= TURNS_MAX) { /* others want to be heard too */
            (void)wait_ms(l);
            *ret_n = poll_events(l, events);
        }
        return;
    }
    if (l->crowded > 0) {
        l->crowded--;
    } else if (l->may_spin && spin_worth(&l->spin)) {
        bool found = look(l, events, ret_n);
        spin_result(&l->spin, found);
        l->place.found += found;
        if (found)
            return;
    }
    if (net_ring_sleep(l))
        *ret_n = epoll_wait(l->epoll, events, EVENTS_MAX, wait_ms(l));
}

/* False: the loop ends. */
static bool on_event(struct epoll_listener *l, const struct epoll_event *event)
{
    const struct source *source = event->data.ptr;
    switch (source->kind) {
    case SOURCE_STOP:
        return false;
    case SOURCE_ACCEPT:
        on_accept(l);
        break;
    case SOURCE_SOCKET:
        on_peer(source->peer, event->events);
        break;
    case SOURCE_BELL:
        on_bell(source->peer);
        break;
    case SOURCE_CLAIM:
        net_claim_serve(l);
        break;
    }
    return true;
}

static void *loop_main(void *arg)
{
    struct epoll_listener *l = arg;
    struct epoll_event events[EVENTS_MAX];
    for (bool on = true; on;) {
        int n;
        wait_events(l, events, &n);
        for (int i = 0; i < n; i++)
            on = on_event(l, &events[i]) && on;
        serve_ready(l);
        free_ended(l);
        if (l->paused_us > 0 && server_now_us() >= l->paused_us) /* also while others keep the loop busy */
            watch_accept(l, true);
        if (l->claims_paused_us > 0 || !list_empty(&l->unclaimed)) /* likewise */
            (void)net_claim_check(l);
    }
    return NULL;
}

static bool add_to_loop(struct epoll_listener *l, int fd, struct source *source)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = source};
    return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* The loop goes on: it is needed until every connection has ended. */
static void epoll_stop(struct listener *base)
{
    struct epoll_listener *l = container_of(base, struct epoll_listener, base);
    if (!l->handed_over)
        shutdown(l->accepting, SHUT_RDWR);
    epoll_ctl(l->epoll, EPOLL_CTL_DEL, l->accepting, NULL);
}

static void close_descriptors(struct epoll_listener *l)
{
    close(l->accepting);
    close(l->epoll);
    close(l->stop);
    net_claim_close(l);
    free(l);
}

static void epoll_free(struct listener *base)
{
    struct epoll_listener *l = container_of(base, struct epoll_listener, base);
    uint64_t one = 1;
    (void)!write(l->stop, &one, sizeof(one)); /* an eventfd takes it */
    pthread_join(l->thread, NULL);
    close_descriptors(l);
}

struct listener *net_epoll_listen(struct server *s, const char *url, const struct listen_options *options,
                                  char *ret_why, size_t why_len)
{
    struct epoll_listener *l = calloc(1, sizeof(*l));
    if (l == NULL) {
        snprintf(ret_why, why_len, "no memory");
        return NULL;
    }
    l->base.stop = epoll_stop;
    l->base.free = epoll_free;
    l->server = s;
    l->may_spin = sysconf(_SC_NPROCESSORS_ONLN) > 1;
    l->tcp = net_ipc_path(url) == NULL;
    l->tls = net_is_tls(url) ? options->tls : NULL;
    list_init(&l->newborn);
    list_init(&l->ended);
    net_claim_init(l);
    l->accept_source.kind = SOURCE_ACCEPT;
    l->stop_source.kind = SOURCE_STOP;
    l->handed_over = options->socket > 0;
    if (l->handed_over) {
        snprintf(l->base.url, sizeof(l->base.url), "%s", url);
        l->accepting = options->socket;
    } else {
        l->accepting =
            address_listen(url, options->socket_mode, l->base.url, sizeof(l->base.url), ret_why, why_len);
    }
    if (l->accepting < 0) {
        free(l);
        return NULL;
    }
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->stop = eventfd(0, EFD_CLOEXEC);
    if (l->epoll < 0 || l->stop < 0 || !add_to_loop(l, l->accepting, &l->accept_source) ||
        !add_to_loop(l, l->stop, &l->stop_source) || pthread_create(&l->thread, NULL, loop_main, l) != 0) {
        snprintf(ret_why, why_len, "epoll: %s", strerror(errno));
        close_descriptors(l);
        return NULL;
    }
    return &l->base;
}
