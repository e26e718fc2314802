/* peer.c: see peer.h. The transport itself: listening, calling, deadlines of strangers, closing. */
#include "shell/peer.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "shell/address.h"
#include "shell/peer_link.h"

enum { TICK_MS = 100, ACCEPTS = 8 /* at once, then the loop's others have their turn */ };

static void word(struct raft_uv_transport *t, const char *why)
{
    snprintf(t->errmsg, sizeof(t->errmsg), "%s", why);
}

/* ---- the end of all handles ---- */

void peer_let_go(struct peer *p)
{
    assert(p->open > 0);
    p->open--;
    if (p->open > 0 || !p->closing)
        return;
    raft_uv_transport_close_cb cb = p->close_cb;
    p->close_cb = NULL;
    cb(p->transport);
}

static void on_handle_closed(uv_handle_t *handle)
{
    peer_let_go(handle->data);
}

/* ---- strangers ---- */

static void on_ready(uv_poll_t *poll, int status, int events);

static struct peer_link *first_stranger(const struct peer *p)
{
    return list_empty(&p->strangers) ? NULL : container_of(p->strangers.next, struct peer_link, in_list);
}

static void on_tick(uv_timer_t *timer)
{
    struct peer *p = timer->data;
    struct peer_link *l;
    while ((l = first_stranger(p)) != NULL && l->deadline <= uv_now(p->loop))
        peer_link_end(l, RAFT_NOCONNECTION, "no greeting in time");
    if (p->pauses && p->has_listener)
        p->pauses = uv_poll_start(&p->listener, UV_READABLE, on_ready) != 0;
    if (first_stranger(p) == NULL && !p->pauses)
        uv_timer_stop(timer);
}

void peer_watch(struct peer *p)
{
    if (!p->has_timer) {
        uv_timer_init(p->loop, &p->timer); /* cannot fail */
        p->timer.data = p;
        p->has_timer = true;
        p->open++;
    }
    if (!uv_is_active((uv_handle_t *)&p->timer))
        uv_timer_start(&p->timer, on_tick, TICK_MS, TICK_MS);
}

/* Who has waited longest makes room: a peer needs some round trips, who never greets stays until the
 * deadline.
 */
static void make_room(struct peer *p)
{
    struct list *at = p->strangers.next;
    while (p->strangers_count >= PEER_STRANGERS_MAX && at != &p->strangers) {
        struct peer_link *l = container_of(at, struct peer_link, in_list);
        at = at->next;
        if (l->request == NULL) {
            peer_link_end(l, 0, "too many that have not greeted");
            at = p->strangers.next;
        }
    }
}

/* ---- listening ---- */

static void name_socket(const struct sockaddr *address, socklen_t len, char *ret, size_t room)
{
    char host[64], port[8];
    bool ok = getnameinfo(address, len, host, sizeof(host), port, sizeof(port),
                          NI_NUMERICHOST | NI_NUMERICSERV) == 0;
    snprintf(ret, room, "%s:%s", ok ? host : "?", ok ? port : "?");
}

/* False: nobody else is waiting, or there is no descriptor for him. */
static bool accept_one(struct peer *p)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);
    char from[80];
    int fd = accept4(p->listen_fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        name_socket((struct sockaddr *)&address, len, from, sizeof(from));
        make_room(p);
        peer_link_take(p, fd, from);
        return true;
    }
    if (errno == EAGAIN)
        return false;
    if (errno == ECONNABORTED || errno == EINTR)
        return true;
    peer_log_refused(&p->log, uv_now(p->loop), "a node", "no descriptor for a connection");
    uv_poll_stop(&p->listener); /* else the loop would turn without end */
    p->pauses = true;
    peer_watch(p);
    return false;
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct peer *p = poll->data;
    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPTS && !p->closing && accept_one(p); i++)
        ;
}

static int listen_here(struct peer *p)
{
    char url[PEER_ADDRESS_MAX + 8], bound[PEER_ADDRESS_MAX + 16], why[160];
    snprintf(url, sizeof(url), "tcp://%s", p->listen != NULL ? p->listen : p->address);
    p->listen_fd = address_listen(url, 0, bound, sizeof(bound), why, sizeof(why));
    if (p->listen_fd < 0)
        return roost__fail(ROOST_ESYS, "nodes cannot reach us at %s: %s", url + 6, why);
    int bad = uv_poll_init(p->loop, &p->listener, p->listen_fd);
    if (bad != 0)
        return roost__fail(ROOST_ESYS, "%s", uv_strerror(bad));
    p->listener.data = p;
    p->has_listener = true;
    p->open++;
    bad = uv_poll_start(&p->listener, UV_READABLE, on_ready);
    return bad == 0 ? ROOST_OK : roost__fail(ROOST_ESYS, "%s", uv_strerror(bad));
}

/* ---- what libraft calls ---- */

static int peer_listen(struct raft_uv_transport *t, raft_uv_accept_cb cb)
{
    struct peer *p = t->impl;
    p->accept_cb = cb;
    if (listen_here(p) == ROOST_OK)
        return 0;
    word(t, roost_errmsg());
    return RAFT_IOERR;
}

static int peer_connect(struct raft_uv_transport *t, struct raft_uv_connect *request, raft_id id,
                        const char *address, raft_uv_connect_cb cb)
{
    struct peer *p = t->impl;
    int rc = p->closing ? RAFT_CANCELED : peer_link_call(p, request, id, address, cb);
    if (rc != 0)
        word(t, p->closing ? "closing" : roost_errmsg());
    return rc;
}

static int peer_set_identity(struct raft_uv_transport *t, raft_id id, const char *address)
{
    struct peer *p = t->impl;
    char host[256], port[8], name[64];
    snprintf(name, sizeof(name), PEER_NODE_NAME, id, p->cluster);
    int rc = ROOST_OK;
    if (strlen(address) > PEER_ADDRESS_MAX || !address_split(address, host, port))
        rc = roost__fail(ROOST_EINVAL, "%.80s is no HOST:PORT", address);
    if (rc == ROOST_OK && p->with_tls)
        rc = peer_tls_check_own(&p->tls, name);
    if (rc != ROOST_OK) {
        word(t, roost_errmsg());
        return RAFT_INVALID;
    }
    p->id = id;
    strcpy(p->address, address);
    return 0;
}

static void end_all(struct list *links)
{
    while (!list_empty(links))
        peer_link_end(container_of(links->next, struct peer_link, in_list), RAFT_CANCELED, NULL);
}

static void peer_close(struct raft_uv_transport *t, raft_uv_transport_close_cb cb)
{
    struct peer *p = t->impl;
    assert(!p->closing);
    p->closing = true;
    p->close_cb = cb;
    p->open++; /* so that cb is not called in here while there are more */
    end_all(&p->strangers);
    end_all(&p->pumps);
    if (p->has_listener)
        uv_close((uv_handle_t *)&p->listener, on_handle_closed);
    if (p->has_timer)
        uv_close((uv_handle_t *)&p->timer, on_handle_closed);
    if (p->listen_fd >= 0)
        close(p->listen_fd);
    p->listen_fd = -1;
    p->has_listener = p->has_timer = false;
    peer_let_go(p);
}

/* ---- making and freeing ---- */

static void peer_free(struct peer *p)
{
    if (p->with_tls)
        peer_tls_free(&p->tls);
    free(p->listen);
    free(p);
}

static int peer_fill(struct peer *p, const struct peer_settings *settings)
{
    if (!peer_cluster_ok(settings->cluster))
        return roost__fail(ROOST_EINVAL, "a cluster's name has 1 to %d letters, digits and -",
                           PEER_CLUSTER_MAX);
    strcpy(p->cluster, settings->cluster);
    if (settings->listen != NULL &&
        (strlen(settings->listen) > PEER_ADDRESS_MAX || (p->listen = strdup(settings->listen)) == NULL))
        return roost__fail(ROOST_EINVAL, "%.80s is no HOST:PORT", settings->listen);
    if (settings->tls == NULL)
        return ROOST_OK;
    p->with_tls = true;
    return peer_tls_load(settings->tls, &p->tls);
}

int peer_init(struct raft_uv_transport *ret, struct uv_loop_s *loop, const struct peer_settings *settings)
{
    struct peer *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for the peers");
    p->transport = ret;
    p->loop = loop;
    p->listen_fd = -1;
    list_init(&p->strangers);
    list_init(&p->pumps);
    int rc = peer_fill(p, settings);
    if (rc != ROOST_OK) {
        peer_free(p);
        return rc;
    }
    *ret = (struct raft_uv_transport){.version = 1,
                                      .impl = p,
                                      .init = peer_set_identity,
                                      .listen = peer_listen,
                                      .connect = peer_connect,
                                      .close = peer_close};
    return ROOST_OK;
}

void peer_fini(struct raft_uv_transport *t)
{
    struct peer *p = t->impl;
    if (p == NULL)
        return;
    assert(p->open == 0);
    peer_free(p);
    t->impl = NULL;
}

size_t peer_count(const struct raft_uv_transport *t)
{
    return ((const struct peer *)t->impl)->pumps_count;
}
