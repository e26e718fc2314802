/*
 * peer_pump.c: between libraft, which knows streams of plain bytes only, and TLS (peer_link.h).
 *
 * libraft has one end of a socketpair as a uv_pipe_t. What it writes there goes into TLS, what TLS brings
 * goes there. Each way has one buffer of a TLS record, and reads again when that is empty: who is slow makes
 * the other wait. When one end has ended, what came from it still goes through, then the connection ends.
 */
#include "shell/peer_link.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"

enum { ROUNDS = 16 /* records each way, then the loop's others have their turn */ };

static bool is_empty(const struct peer_flow *f)
{
    return f->from == f->len;
}

/* Takes what a read returned: bytes, the end (0), or a wish. True: something has come. */
static bool filled(struct peer_flow *f, int n)
{
    f->ended = f->ended || n == 0 || n == PEER_BROKEN;
    f->from = 0;
    f->len = n > 0 ? (size_t)n : 0;
    return n > 0;
}

static bool drained(struct peer_flow *f, int n)
{
    f->from += n > 0 ? (size_t)n : 0;
    return n > 0;
}

static int pair_result(ssize_t n, int wants)
{
    if (n >= 0)
        return (int)n;
    return errno == EAGAIN || errno == EINTR ? wants : PEER_BROKEN;
}

static bool fill(struct peer_link *l, int way)
{
    struct peer_flow *f = &l->flows[way];
    if (!is_empty(f) || f->ended)
        return false;
    if (way == TO_RAFT)
        return filled(f, peer_stream_recv(&l->stream, f->bytes, sizeof(f->bytes)));
    return filled(f,
                  pair_result(recv(l->pair_fd, f->bytes, sizeof(f->bytes), MSG_DONTWAIT), PEER_WANTS_READ));
}

/* False, and *ret_broken, when nobody takes it any more. */
static bool drain(struct peer_link *l, int way, bool *ret_broken)
{
    struct peer_flow *f = &l->flows[way];
    if (is_empty(f))
        return false;
    const uint8_t *data = f->bytes + f->from;
    size_t len = f->len - f->from;
    int n = way == FROM_RAFT
                ? peer_stream_send(&l->stream, data, len)
                : pair_result(send(l->pair_fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL), PEER_WANTS_WRITE);
    *ret_broken = *ret_broken || n == PEER_BROKEN;
    return drained(f, n);
}

static bool is_over(const struct peer_link *l)
{
    for (int way = 0; way < WAYS; way++)
        if (l->flows[way].ended && is_empty(&l->flows[way]))
            return true;
    return false;
}

static void on_ready(uv_poll_t *poll, int status, int events);

static int watch_end(uv_poll_t *poll, const struct peer_flow *in, const struct peer_flow *out)
{
    int events = (is_empty(in) && !in->ended ? UV_READABLE : 0) | (is_empty(out) ? 0 : UV_WRITABLE);
    return events == 0 ? uv_poll_stop(poll) : uv_poll_start(poll, events, on_ready);
}

static void pump(struct peer_link *l)
{
    struct peer_flow *from = &l->flows[FROM_RAFT], *to = &l->flows[TO_RAFT];
    bool moved = true, broken = false;
    for (int i = 0; moved && !broken && i < ROUNDS; i++) {
        moved = false;
        for (int way = 0; way < WAYS; way++) {
            moved = fill(l, way) || moved;
            moved = drain(l, way, &broken) || moved;
        }
    }
    if (broken || is_over(l) || watch_end(&l->poll, to, from) != 0 || watch_end(&l->pair, from, to) != 0)
        peer_link_end(l, 0, NULL);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    (void)status; /* the next read or write says more */
    (void)events;
    pump(poll->data);
}

/* libraft's end. */
static int make_pipe(struct peer *p, int fd, struct uv_stream_s **ret)
{
    uv_pipe_t *pipe = raft_malloc(sizeof(*pipe));
    int bad = pipe == NULL ? UV_ENOMEM : uv_pipe_init(p->loop, pipe, 0);
    if (bad != 0) {
        raft_free(pipe);
        return bad;
    }
    bad = uv_pipe_open(pipe, fd);
    if (bad != 0)
        uv_close((uv_handle_t *)pipe, peer_free_stream);
    else
        *ret = (struct uv_stream_s *)pipe;
    return bad;
}

/* Both ends are watched for anything: TLS may have more already, of what came with the greeting. */
static int watch_both(struct peer_link *l)
{
    int bad = uv_poll_init(l->peer->loop, &l->pair, l->pair_fd);
    if (bad != 0)
        return bad;
    l->pair.data = l;
    l->has_pair = true;
    l->open++;
    bad = uv_poll_start(&l->pair, UV_READABLE, on_ready);
    return bad == 0 ? uv_poll_start(&l->poll, UV_READABLE | UV_WRITABLE, on_ready) : bad;
}

static void become_pump(struct peer_link *l)
{
    list_remove(&l->in_list);
    list_push_back(&l->peer->pumps, &l->in_list);
    l->peer->strangers_count--;
    l->peer->pumps_count++;
    l->state = LINK_PUMPS;
}

int peer_pump_start(struct peer_link *l, struct uv_stream_s **ret)
{
    int fds[2];
    l->flows = calloc(WAYS, sizeof(*l->flows));
    if (l->flows == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for a connection");
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
        return roost__fail_sys("socketpair");
    l->pair_fd = fds[0];
    int bad = watch_both(l);
    if (bad == 0)
        bad = make_pipe(l->peer, fds[1], ret);
    if (bad != 0) {
        close(fds[1]);
        return roost__fail(ROOST_ESYS, "%s", uv_strerror(bad));
    }
    become_pump(l);
    return ROOST_OK;
}
