/* peer_link.c: see peer_link.h. */
#include "shell/peer_link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "shell/address.h"

/* ---- beginning and end ---- */

static struct peer_link *link_new(struct peer *p)
{
    struct peer_link *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return NULL;
    l->peer = p;
    l->stream.fd = l->pair_fd = -1;
    l->deadline = uv_now(p->loop) + PEER_GREETING_MS;
    list_push_back(&p->strangers, &l->in_list);
    p->strangers_count++;
    p->open++;
    peer_watch(p);
    return l;
}

static void leave_list(struct peer_link *l)
{
    if (l->state == LINK_PUMPS)
        l->peer->pumps_count--;
    else
        l->peer->strangers_count--;
    list_remove(&l->in_list);
}

static void free_closed(struct peer_link *l)
{
    struct peer *p = l->peer;
    if (l->open > 0)
        return;
    free(l->flows);
    free(l);
    peer_let_go(p);
}

void peer_link_let_go(struct peer_link *l)
{
    l->open--;
    free_closed(l);
}

static void on_handle_closed(uv_handle_t *handle)
{
    peer_link_let_go(handle->data);
}

/* libuv lets go of the descriptor now, and of the handle in the callback. */
static void close_polls(struct peer_link *l)
{
    if (l->has_poll)
        uv_close((uv_handle_t *)&l->poll, on_handle_closed);
    if (l->has_pair)
        uv_close((uv_handle_t *)&l->pair, on_handle_closed);
    l->has_poll = l->has_pair = false;
    if (l->pair_fd >= 0)
        close(l->pair_fd);
    l->pair_fd = -1;
}

/* From here on nobody but libuv knows the link. */
static void take_apart(struct peer_link *l)
{
    leave_list(l);
    if (l->state == LINK_LOOKS_UP)
        uv_cancel((uv_req_t *)&l->lookup);
    l->state = LINK_CLOSED;
    close_polls(l);
    peer_stream_end(&l->stream);
    free_closed(l);
}

void peer_link_end(struct peer_link *l, int status, const char *why)
{
    struct raft_uv_connect *request = l->request;
    raft_uv_connect_cb cb = l->connect_cb;
    if (why != NULL && request != NULL)
        peer_log_call(&l->peer->log, l->other, l->where, why);
    else if (why != NULL)
        peer_log_refused(&l->peer->log, uv_now(l->peer->loop), l->where, why);
    l->request = NULL;
    take_apart(l);
    if (request != NULL)
        cb(request, NULL, status);
}

static void link_fail(struct peer_link *l)
{
    peer_link_end(l, RAFT_NOCONNECTION, roost_errmsg());
}

/* ---- it belongs to libraft now ---- */

void peer_free_stream(uv_handle_t *handle)
{
    raft_free(handle);
}

/* Plain TCP: the socket itself. */
static int hand_over_socket(struct peer_link *l, struct uv_stream_s **ret)
{
    uv_tcp_t *tcp = raft_malloc(sizeof(*tcp));
    if (tcp == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for a connection");
    close_polls(l);
    int rc = uv_tcp_init(l->peer->loop, tcp);
    if (rc != 0) {
        raft_free(tcp);
        return roost__fail(ROOST_ESYS, "%s", uv_strerror(rc));
    }
    rc = uv_tcp_open(tcp, l->stream.fd);
    if (rc != 0) {
        uv_close((uv_handle_t *)tcp, peer_free_stream);
        return roost__fail(ROOST_ESYS, "%s", uv_strerror(rc));
    }
    peer_stream_give(&l->stream);
    *ret = (struct uv_stream_s *)tcp;
    return ROOST_OK;
}

static void give_to_raft(struct peer_link *l)
{
    struct peer *p = l->peer;
    struct raft_uv_connect *request = l->request;
    struct uv_stream_s *stream = NULL;
    bool pumps = l->stream.tls;
    raft_id id = l->other;
    char address[PEER_ADDRESS_MAX + 1];
    if ((pumps ? peer_pump_start(l, &stream) : hand_over_socket(l, &stream)) != ROOST_OK) {
        link_fail(l);
        return;
    }
    memcpy(address, request != NULL ? l->where : l->hello.address, sizeof(address));
    raft_uv_connect_cb cb = l->connect_cb;
    l->request = NULL;
    if (!pumps)
        take_apart(l); /* l may be gone */
    if (request != NULL) {
        peer_log_call(&p->log, id, address, NULL);
        cb(request, stream, 0);
    } else {
        p->accept_cb(p->transport, id, address, stream);
    }
}

/* ---- the greeting ---- */

static void name_of(const struct peer *p, raft_id id, char ret[64])
{
    snprintf(ret, 64, PEER_NODE_NAME, id, p->cluster);
}

static void prepare_to_hear(struct peer_link *l)
{
    l->state = LINK_HEARS;
    l->at = 0;
    l->len = PEER_HELLO_HEADER;
}

static void prepare_to_speak(struct peer_link *l, const char *refusal)
{
    const struct peer *p = l->peer;
    struct peer_hello ours = {.version = PEER_VERSION, .from = p->id, .to = l->other};
    snprintf(ours.address, sizeof(ours.address), "%s", p->address);
    snprintf(ours.cluster, sizeof(ours.cluster), "%s", p->cluster);
    snprintf(ours.refusal, sizeof(ours.refusal), "%s", refusal);
    l->refused = refusal[0] != '\0';
    l->state = LINK_SPEAKS;
    l->at = 0;
    l->len = peer_hello_write(&ours, l->bytes);
}

/* What both ends ask of the other's greeting. */
static int check_hello(struct peer_link *l)
{
    const struct peer *p = l->peer;
    const struct peer_hello *h = &l->hello;
    char name[64];
    if (h->version != PEER_VERSION)
        return roost__fail(ROOST_EPROTO, "it speaks version %u, we %d", h->version, PEER_VERSION);
    if (strcmp(h->cluster, p->cluster) != 0)
        return roost__fail(ROOST_EAUTH, "it is of the cluster %s, we of %s", h->cluster, p->cluster);
    if (h->from == p->id)
        return roost__fail(ROOST_EAUTH, "it says that it is node %llu, as we are", p->id);
    if (l->request != NULL && h->from != l->other)
        return roost__fail(ROOST_EAUTH, "it is node %llu, not %llu", (raft_id)h->from, l->other);
    if (h->to != p->id)
        return roost__fail(ROOST_EAUTH, "it looks for node %llu, we are %llu", (raft_id)h->to, p->id);
    name_of(p, h->from, name);
    return peer_stream_is(&l->stream, name);
}

/* The answer to a call of ours. */
static void take_answer(struct peer_link *l)
{
    if (l->hello.refusal[0] != '\0')
        roost__fail(ROOST_EAUTH, "it refuses us: %s", l->hello.refusal);
    else if (check_hello(l) == ROOST_OK) {
        give_to_raft(l);
        return;
    }
    link_fail(l);
}

/* Who calls us. He is told why he may not, before the connection ends. */
static void take_call(struct peer_link *l)
{
    l->other = l->hello.from;
    if (check_hello(l) == ROOST_OK) {
        prepare_to_speak(l, "");
        return;
    }
    peer_log_refused(&l->peer->log, uv_now(l->peer->loop), l->where, roost_errmsg());
    prepare_to_speak(l, roost_errmsg());
}

static void take_hello(struct peer_link *l)
{
    if (peer_hello_read(slice_of(l->bytes, l->len), &l->hello) != ROOST_OK)
        link_fail(l);
    else if (l->request != NULL)
        take_answer(l);
    else
        take_call(l);
}

/* ---- steps: each returns what there is to wait for, or 0: the state has changed ---- */

static int step_connect(struct peer_link *l)
{
    int error = 0;
    socklen_t len = sizeof(error);
    getsockopt(l->stream.fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error != 0) {
        errno = error;
        roost__fail_sys("connect");
        return PEER_BROKEN;
    }
    l->state = LINK_SHAKES;
    return 0;
}

static int step_shake(struct peer_link *l)
{
    int rc = peer_stream_shake(&l->stream);
    if (rc != 0)
        return rc;
    if (l->request != NULL)
        prepare_to_speak(l, "");
    else
        prepare_to_hear(l);
    return 0;
}

static int step_speak(struct peer_link *l)
{
    int n = peer_stream_send(&l->stream, l->bytes + l->at, l->len - l->at);
    if (n < 0)
        return n;
    l->at += (size_t)n;
    if (l->at < l->len)
        return 0;
    if (l->refused)
        peer_link_end(l, 0, NULL);
    else if (l->request != NULL)
        prepare_to_hear(l);
    else
        give_to_raft(l);
    return 0;
}

/* Never reads beyond the greeting: what follows is libraft's. */
static int step_hear(struct peer_link *l)
{
    if (l->at < l->len) {
        int n = peer_stream_recv(&l->stream, l->bytes + l->at, l->len - l->at);
        if (n == 0) {
            roost__fail(ROOST_ECONN, "it closed the connection in the greeting");
            return PEER_BROKEN;
        }
        if (n < 0)
            return n;
        l->at += (size_t)n;
    }
    if (l->at == l->len && l->len == PEER_HELLO_HEADER) {
        int more = peer_hello_body(l->bytes);
        if (more < 0)
            return PEER_BROKEN;
        l->len += (size_t)more;
    }
    if (l->at == l->len)
        take_hello(l);
    return 0;
}

static void on_ready(uv_poll_t *poll, int status, int events);

/* Goes on as far as it goes. The last step may have ended the link, whose memory libuv keeps until its
 * callbacks have come. */
static void advance(struct peer_link *l)
{
    static int (*const steps[])(struct peer_link * l) = {[LINK_CONNECTS] = step_connect,
                                                         [LINK_SHAKES] = step_shake,
                                                         [LINK_SPEAKS] = step_speak,
                                                         [LINK_HEARS] = step_hear};
    int rc = 0;
    while (rc == 0 && l->state >= LINK_CONNECTS && l->state <= LINK_HEARS)
        rc = steps[l->state](l);
    if (rc == PEER_BROKEN)
        link_fail(l);
    else if (rc != 0)
        uv_poll_start(&l->poll, rc == PEER_WANTS_READ ? UV_READABLE : UV_WRITABLE, on_ready);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    (void)status; /* the next read or write says more */
    (void)events;
    advance(poll->data);
}

/* ---- sockets ---- */

/* libraft's own settings are not asked for: it gets the socket when it is connected. */
static void set_up_socket(int fd)
{
    const int one = 1, idle_s = 5, every_s = 5, times = 3, silence_ms = PEER_SILENCE_MS;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof(every_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof(times));
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence_ms, sizeof(silence_ms));
}

/* The link owns fd in any case. */
static int own_socket(struct peer_link *l, int fd, const char *calls)
{
    const struct peer *p = l->peer;
    set_up_socket(fd);
    int rc = peer_stream_init(&l->stream, fd, p->with_tls ? &p->tls : NULL, calls);
    if (rc != ROOST_OK) {
        close(fd);
        return rc;
    }
    int bad = uv_poll_init(p->loop, &l->poll, fd);
    if (bad != 0)
        return roost__fail(ROOST_ESYS, "%s", uv_strerror(bad));
    l->poll.data = l;
    l->has_poll = true;
    l->open++;
    return ROOST_OK;
}

void peer_link_take(struct peer *p, int fd, const char *from)
{
    struct peer_link *l = link_new(p);
    if (l == NULL) {
        close(fd);
        return;
    }
    snprintf(l->where, sizeof(l->where), "%s", from);
    l->state = LINK_SHAKES;
    if (own_socket(l, fd, NULL) != ROOST_OK)
        link_fail(l);
    else
        advance(l);
}

/* ---- calling ---- */

static int connect_to(struct peer_link *l, const struct addrinfo *a)
{
    char name[64];
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return roost__fail_sys("socket");
    name_of(l->peer, l->other, name);
    int rc = own_socket(l, fd, name);
    if (rc != ROOST_OK)
        return rc;
    if (connect(fd, a->ai_addr, a->ai_addrlen) != 0 && errno != EINPROGRESS)
        return roost__fail_sys("connect");
    l->state = LINK_CONNECTS;
    int bad = uv_poll_start(&l->poll, UV_WRITABLE, on_ready);
    return bad == 0 ? ROOST_OK : roost__fail(ROOST_ESYS, "%s", uv_strerror(bad));
}

static void on_found(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
    struct peer_link *l = lookup->data;
    l->peer->looks_up = false;
    if (l->state == LINK_LOOKS_UP) {
        l->state = LINK_CONNECTS;
        if (status != 0)
            roost__fail(ROOST_ECONN, "%s", uv_strerror(status));
        if (status != 0 || connect_to(l, found) != ROOST_OK)
            link_fail(l);
    }
    uv_freeaddrinfo(found);
    peer_link_let_go(l);
}

/* A number needs no looking up. */
static int look_up(struct peer_link *l, const char *host, const char *port)
{
    struct peer *p = l->peer;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST}, *found;
    if (getaddrinfo(host, port, &hints, &found) == 0) {
        l->state = LINK_CONNECTS;
        int rc = connect_to(l, found);
        freeaddrinfo(found);
        return rc;
    }
    if (p->looks_up)
        return roost__fail(ROOST_EBUSY, "another node's name is being looked up");
    hints.ai_flags = 0;
    int bad = uv_getaddrinfo(p->loop, &l->lookup, on_found, host, port, &hints);
    if (bad != 0)
        return roost__fail(ROOST_ECONN, "%s", uv_strerror(bad));
    p->looks_up = true;
    l->state = LINK_LOOKS_UP;
    l->lookup.data = l;
    l->open++;
    return ROOST_OK;
}

int peer_link_call(struct peer *p, struct raft_uv_connect *request, raft_id id, const char *address,
                   raft_uv_connect_cb cb)
{
    char host[256], port[8];
    if (strlen(address) > PEER_ADDRESS_MAX || !address_split(address, host, port))
        return roost__fail(ROOST_EINVAL, "%.80s is no HOST:PORT", address), RAFT_NOCONNECTION;
    struct peer_link *l = link_new(p);
    if (l == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for a connection"), RAFT_NOMEM;
    l->other = id;
    snprintf(l->where, sizeof(l->where), "%s", address);
    l->state = LINK_CONNECTS;
    if (look_up(l, host, port) != ROOST_OK) {
        peer_log_call(&p->log, id, address, roost_errmsg());
        take_apart(l);
        return RAFT_NOCONNECTION;
    }
    l->request = request;
    l->connect_cb = cb;
    return 0;
}
