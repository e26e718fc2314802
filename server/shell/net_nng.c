/*
 * net_nng.c: connections on nng's byte streams (nng_stream_*).
 *
 * The rules that make nng 1.5.2's streams safe on a hostile port, each measured:
 * - one accept at a time; an error that is not NNG_ECLOSED waits 10 ms (out of descriptors, a bare retry
 * burns a core);
 * - a receive is posted at all times: a stream without one that its peer hangs up keeps the poller at 100 %;
 * - operations are posted, and the stream closed, under one mutex with a flag: one posted after the close
 * never completes;
 * - close before free; a callback frees its own aio by nng_aio_reap() only.
 */
#include <assert.h>
#include <nng/nng.h>
#include <nng/supplemental/util/platform.h>
#include <stdio.h>
#include <stdlib.h>

#include "shell/conn.h"
#include "shell/log.h"
#include "shell/net.h"
#include "shell/server.h"

struct nng_listener_state {
    struct listener base;
    struct server *server;
    nng_stream_listener *stream;
    nng_aio *accept;
    bool full; /* said so in the log */
};

struct peer {
    struct conn conn;
    nng_stream *stream;
    nng_aio *recv;
    nng_aio *send;
    struct buf sending; /* under conn.mutex: what the send under way writes … */
    size_t sent;        /* … and how much of it was written */
    bool busy;          /* a send is under way */
};

static struct peer *peer_of(struct conn *c)
{
    return container_of(c, struct peer, conn);
}

/* ---- sending: output collects in conn.out while one send is under way ---- */

static void post_send(struct peer *p)
{
    nng_iov iov = {.iov_buf = p->sending.data + p->sent, .iov_len = p->sending.len - p->sent};
    nng_aio_set_iov(p->send, 1, &iov);
    nng_stream_send(p->stream, p->send);
}

/* Under the mutex: starts the next send when there is something to send. */
static void send_more(struct peer *p)
{
    if (p->busy || p->conn.closed)
        return;
    if (p->sent == p->sending.len) {
        buf_reset(&p->sending);
        p->sent = 0;
        struct buf empty = p->sending;
        p->sending = p->conn.out;
        p->conn.out = empty;
    }
    if (p->sending.len == 0) {
        atomic_store_explicit(&p->conn.unsent, 0, memory_order_relaxed);
        return;
    }
    p->busy = true;
    conn_ref(&p->conn);
    post_send(p);
}

static void on_sent(void *arg)
{
    struct peer *p = arg;
    int rc = nng_aio_result(p->send);
    pthread_mutex_lock(&p->conn.mutex);
    p->busy = false;
    if (rc == 0) {
        p->sent += nng_aio_count(p->send);
        send_more(p);
    }
    pthread_mutex_unlock(&p->conn.mutex);
    conn_unref(&p->conn); /* after an error the receiving side ends the connection */
}

static void peer_flush(struct conn *c)
{
    pthread_mutex_lock(&c->mutex);
    send_more(peer_of(c));
    pthread_mutex_unlock(&c->mutex);
}

static void peer_close(struct conn *c)
{
    pthread_mutex_lock(&c->mutex);
    if (!c->closed) {
        c->closed = true;
        nng_stream_close(peer_of(c)->stream);
    }
    pthread_mutex_unlock(&c->mutex);
}

static void peer_destroy(struct conn *c)
{
    struct peer *p = peer_of(c);
    if (p->stream != NULL) {
        nng_stream_close(p->stream);
        nng_stream_free(p->stream);
    }
    nng_aio_reap(p->recv);
    nng_aio_reap(p->send);
    roost__buf_free(&p->sending);
    free(p);
}

static const struct conn_ops peer_ops = {
    .transport = TRANSPORT_NNG, .flush = peer_flush, .close = peer_close, .destroy = peer_destroy};

/* ---- receiving ---- */

/* Posts the next receive. False: the connection is closed or there is no memory. */
static bool post_recv(struct peer *p)
{
    void *room;
    size_t n = conn_room(&p->conn, &room);
    int64_t patience = conn_patience_us(&p->conn);
    if (n == 0 || patience == 0)
        return false;
    nng_aio_set_timeout(p->recv, patience < 0 ? NNG_DURATION_INFINITE : (nng_duration)(patience / 1000 + 1));
    nng_iov iov = {.iov_buf = room, .iov_len = n};
    pthread_mutex_lock(&p->conn.mutex);
    bool open = !p->conn.closed;
    if (open) {
        nng_aio_set_iov(p->recv, 1, &iov);
        nng_stream_recv(p->stream, p->recv);
    }
    pthread_mutex_unlock(&p->conn.mutex);
    return open;
}

static void on_received(void *arg)
{
    struct peer *p = arg;
    int rc = nng_aio_result(p->recv);
    if (rc == 0 && conn_received(&p->conn, nng_aio_count(p->recv)) && post_recv(p))
        return;
    if (rc == NNG_ETIMEDOUT)
        log_warn("%s: closing: no HELLO in time", p->conn.peer);
    peer_close(&p->conn);
    conn_ended(&p->conn);
}

/* ---- accepting ---- */

/* Who is at the other end, where the kernel knows. */
static void note_user(struct peer *p)
{
    uint64_t uid, gid;
    if (net_ipc_path(p->conn.peer) == NULL)
        return;
    p->conn.user.kind = USER_STRANGER;
    if (nng_stream_get_uint64(p->stream, NNG_OPT_IPC_PEER_UID, &uid) == 0 &&
        nng_stream_get_uint64(p->stream, NNG_OPT_IPC_PEER_GID, &gid) == 0)
        p->conn.user = local_user_of(&p->conn.server->allowed, (uid_t)uid, (gid_t)gid);
}

static struct peer *peer_new(struct nng_listener_state *l, nng_stream *stream)
{
    struct peer *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return NULL;
    p->sending = buf_make((size_t)server_limit(&l->server->limits.unread_max));
    if (nng_aio_alloc(&p->recv, on_received, p) != 0 || nng_aio_alloc(&p->send, on_sent, p) != 0) {
        nng_aio_free(p->recv);
        free(p);
        return NULL;
    }
    conn_init(&p->conn, l->server, &peer_ops, l->base.url, l->base.url);
    p->stream = stream;
    note_user(p);
    return p;
}

static void welcome_stream(struct nng_listener_state *l, nng_stream *stream)
{
    struct peer *p = peer_new(l, stream);
    if (p == NULL) {
        nng_stream_close(stream);
        nng_stream_free(stream);
        return;
    }
    if (!server_admit(l->server, &p->conn)) {
        log_warn("%s: refused a connection: the server stops, or %lld are open (connections_max)",
                 l->base.url, (long long)server_limit(&l->server->limits.connections_max));
        conn_discard(&p->conn);
    } else if (!post_recv(p)) {
        peer_close(&p->conn);
        conn_ended(&p->conn);
    }
}

static void on_accepted(void *arg)
{
    struct nng_listener_state *l = arg;
    int rc = nng_aio_result(l->accept);
    if (rc == NNG_ECLOSED || rc == NNG_ECANCELED)
        return;
    nng_stream *stream = rc == 0 ? nng_aio_get_output(l->accept, 0) : NULL;
    if (stream != NULL) {
        l->full = false;
        welcome_stream(l, stream);
    } else if (rc != 0) {
        if (!l->full)
            log_warn("%s: cannot accept: %s", l->base.url, nng_strerror(rc));
        l->full = true;
        nng_sleep_aio(10, l->accept); /* comes back here, with result 0 and no stream */
        return;
    }
    nng_aio_set_output(l->accept, 0, NULL);
    nng_stream_listener_accept(l->stream, l->accept);
}

static int open_stream(struct nng_listener_state *l, const char *url, const struct listen_options *options)
{
    int rc = nng_stream_listener_alloc(&l->stream, url);
    if (rc == 0)
        rc = nng_aio_alloc(&l->accept, on_accepted, l);
    if (rc == 0 && net_ipc_path(url) != NULL)
        rc = nng_stream_listener_set_int(l->stream, NNG_OPT_IPC_PERMISSIONS, (int)options->socket_mode);
    if (rc == 0 && net_ipc_path(url) == NULL)
        rc = nng_stream_listener_set_bool(l->stream, NNG_OPT_TCP_KEEPALIVE, true);
    return rc != 0 ? rc : nng_stream_listener_listen(l->stream);
}

static void note_url(struct nng_listener_state *l, const char *url)
{
    int port;
    snprintf(l->base.url, sizeof(l->base.url), "%s", url);
    if (net_ipc_path(url) == NULL &&
        nng_stream_listener_get_int(l->stream, NNG_OPT_TCP_BOUND_PORT, &port) == 0)
        snprintf(l->base.url, sizeof(l->base.url), "%.*s:%d", (int)(strrchr(url, ':') - url), url, port);
}

static void nng_stop(struct listener *base)
{
    nng_stream_listener_close(container_of(base, struct nng_listener_state, base)->stream);
}

static void nng_free_listener(struct listener *base)
{
    struct nng_listener_state *l = container_of(base, struct nng_listener_state, base);
    if (l->accept != NULL) {
        nng_aio_stop(l->accept);
        nng_aio_free(l->accept);
    }
    if (l->stream != NULL)
        nng_stream_listener_free(l->stream);
    free(l);
}

struct listener *net_nng_listen(struct server *s, const char *url, const struct listen_options *options,
                                char *ret_why, size_t why_len)
{
    struct nng_listener_state *l = calloc(1, sizeof(*l));
    if (l == NULL) {
        snprintf(ret_why, why_len, "no memory");
        return NULL;
    }
    l->base.stop = nng_stop;
    l->base.free = nng_free_listener;
    l->server = s;
    int rc = open_stream(l, url, options);
    if (rc != 0) {
        snprintf(ret_why, why_len, "%s", nng_strerror(rc));
        nng_free_listener(&l->base);
        return NULL;
    }
    note_url(l, url);
    nng_stream_listener_accept(l->stream, l->accept);
    return &l->base;
}
