/* manager.c: connecting to a server, starting one, closing; see roost/manager.h and manager.h. */
#include "client/manager.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "client/fork.h"
#include "roost/pending.h"
#include "wire/decode.h"
#include "wire/methods.h"

enum {
    CONNECT_TIMEOUT = 10000,
    TCP_GRACE = 5000,
    TCP_LEASE = 10000,
    SEVERAL_GRACE = 10000, /* of several servers: from the next one's election on; longer than … */
    SEVERAL_LEASE = 5000,  /* … it takes to hear that the one that served is cut off */
    RESTART_GRACE = 60000
};

/* ---- memory ---- */

void roost__manager_keep(struct roost_manager *m)
{
    atomic_fetch_add(&m->users, 1);
}

void roost__manager_drop(struct roost_manager *m)
{
    if (m == NULL || atomic_fetch_sub(&m->users, 1) > 1)
        return;
    roost__fork_unregister(m);
    roost__conn_free(atomic_load(&m->conn));
    roost__refs_destroy(&m->refs);
    roost__addresses_destroy(&m->addresses);
    pthread_mutex_destroy(&m->connecting);
    roost__access_free(&m->access);
    free(m->label);
    free(m->url);
    free(m);
}

/* What 0 in an option stands for; a negative number means none. */
static int wish(int given, int otherwise)
{
    return given == 0 ? otherwise : given < 0 ? 0 : given;
}

static void take_options(struct roost_manager *m, const roost_options *options)
{
    static const roost_options none;
    const roost_options *o = options != NULL ? options : &none;
    bool tcp = roost__addresses_remote(&m->addresses);
    m->timeout_ms = o->timeout_ms != 0 ? o->timeout_ms : CONNECT_TIMEOUT;
    bool several = roost__addresses_len(&m->addresses) > 1;
    m->grace_ms = wish(o->grace_ms, !tcp ? 0 : several ? SEVERAL_GRACE : TCP_GRACE);
    m->restart_ms = wish(o->grace_ms, tcp ? 0 : RESTART_GRACE);
    m->lease_ms = wish(o->lease_ms, !tcp ? 0 : several ? SEVERAL_LEASE : TCP_LEASE);
    m->reconnect_ms = o->reconnect_ms; /* 0: as long as the server's terms say */
    m->window_calls = o->window_calls;
    m->window_bytes = o->window_bytes;
    m->no_ring = o->no_ring;
    m->on_state = o->on_state;
    m->on_state_arg = o->on_state_arg;
}

/* A manager for the server at url; url NULL: one that is still to be started. Errors: ROOST_EINVAL (the url),
 * ROOST_ENOMEM. */
static int new_manager(const char *url, const roost_options *options, struct roost_manager **ret)
{
    int rc = ROOST_ENOMEM;
    struct roost_manager *m = calloc(1, sizeof(*m));
    if (m != NULL) {
        atomic_init(&m->users, 1);
        pthread_mutex_init(&m->connecting, NULL);
        roost__refs_init(&m->refs);
        roost__addresses_init(&m->addresses);
        roost__fork_register(m);
        bool labelled = options != NULL && options->label != NULL;
        if ((url == NULL || (m->url = strdup(url)) != NULL) &&
            (!labelled || (m->label = strdup(options->label)) != NULL))
            rc = url == NULL ? ROOST_OK : roost__addresses_take(&m->addresses, url);
        if (rc == ROOST_OK) {
            take_options(m, options);
            *ret = m;
            return rc;
        }
        roost__manager_drop(m);
    }
    return rc == ROOST_ENOMEM ? roost__fail(rc, "no memory for a manager") : rc;
}

/* ---- references in received values ---- */

/* Calls f for every reference in v until one call fails. */
static int each_ref(struct roost_manager *m, const roost_value *v, int (*f)(struct roost_manager *, uint64_t))
{
    int rc = ROOST_OK;
    if (v->kind == ROOST_REF)
        return f(m, v->as.ref);
    if (v->kind == ROOST_ARRAY)
        for (uint32_t i = 0; i < v->len && rc == ROOST_OK; i++)
            rc = each_ref(m, &v->as.items[i], f);
    if (v->kind == ROOST_MAP)
        for (uint32_t i = 0; i < v->len && rc == ROOST_OK; i++) {
            rc = each_ref(m, &v->as.pairs[i].key, f);
            if (rc == ROOST_OK)
                rc = each_ref(m, &v->as.pairs[i].value, f);
        }
    return rc;
}

static int count_ref(struct roost_manager *m, uint64_t id)
{
    return roost__refs_received(&m->refs, id);
}

static int drop_ref(struct roost_manager *m, uint64_t id)
{
    roost__manager_drop_ref(m, id);
    return ROOST_OK;
}

/* The hook of value blocks. */
static void drop_block_refs(struct value_block *block, const roost_value *v)
{
    (void)each_ref(block->owner, v, drop_ref);
    roost__manager_drop(block->owner);
}

/* Out of memory, what was counted stays counted until the session ends. */
static int adopt(void *owner, roost_value *v)
{
    struct roost_manager *m = owner;
    int rc = each_ref(m, v, count_ref);
    if (rc != ROOST_OK)
        return rc;
    roost__manager_keep(m);
    struct value_block *block = v->block;
    block->owner = m;
    block->drop = drop_block_refs;
    return ROOST_OK;
}

void roost__manager_drop_ref(struct roost_manager *m, uint64_t id)
{
    roost__refs_drop(&m->refs, id);
    struct conn *c = atomic_load(&m->conn);
    if (atomic_load(&m->refs.queued) >= REFS_QUEUED_MAX && c != NULL)
        roost__conn_send_releases(c);
}

/* ---- connecting ---- */

static int retain(struct conn *c, const uint64_t *ids, size_t n, roost_value *items)
{
    for (size_t i = 0; i < n; i++)
        items[i] = roost_uint(ids[i]);
    roost_value array = roost_array(items, (uint32_t)n);
    struct call call = {.method = METHOD_server_retain, .args = &array, .argc = 1};
    return roost__conn_call(c, &call);
}

/* A child's session takes its own reference to everything the child has inherited. What is gone by now is
 * left out: calls on it say so. */
static int retain_inherited(struct roost_manager *m, struct conn *c)
{
    uint64_t *ids;
    size_t n;
    int rc = roost__refs_ids(&m->refs, &ids, &n);
    if (rc != ROOST_OK || n == 0) {
        if (rc == ROOST_OK)
            free(ids);
        return rc;
    }
    roost_value *items = malloc(n * sizeof(*items));
    rc = items == NULL ? roost__fail(ROOST_ENOMEM, "no memory for references") : retain(c, ids, n, items);
    for (size_t i = 0; rc == ROOST_OK && i < n; i++)
        roost__refs_retained(&m->refs, ids[i]);
    if (rc == ROOST_ENOENT) {
        rc = ROOST_OK;
        for (size_t i = 0; i < n && (rc == ROOST_OK || rc == ROOST_ENOENT); i++)
            if ((rc = retain(c, &ids[i], 1, items)) == ROOST_OK)
                roost__refs_retained(&m->refs, ids[i]);
        rc = rc == ROOST_ENOENT ? ROOST_OK : rc;
    }
    free(items);
    free(ids);
    return rc;
}

static void tell(void *owner, roost_state state)
{
    struct roost_manager *m = owner;
    atomic_store(&m->state, (int)state);
    if (m->on_state != NULL)
        m->on_state(m, state, m->on_state_arg);
}

static int connect_now(struct roost_manager *m)
{
    struct conn_options options = {.wishes = {.label = m->label,
                                              .tls = roost__access_tls(&m->access),
                                              .identity = roost__access_identity(&m->access),
                                              .key = m->access.has_key ? m->access.key : NULL,
                                              .timeout_ms = m->timeout_ms,
                                              .grace_ms = m->grace_ms,
                                              .lease_ms = m->lease_ms,
                                              .restart_ms = m->restart_ms,
                                              .ring = m->no_ring ? 0 : RING_SIZE,
                                              .epoch = atomic_load(&m->epoch)},
                                   .addresses = &m->addresses,
                                   .reconnect_ms = m->reconnect_ms,
                                   .window_calls = m->window_calls,
                                   .window_bytes = m->window_bytes,
                                   .refs = &m->refs,
                                   .adopt = adopt,
                                   .tell = tell,
                                   .owner = m};
    struct conn *c;
    int rc = roost__conn_open(&options, &c);
    if (rc == ROOST_EEPOCH)
        tell(m, ROOST_RESTARTED);
    if (rc == ROOST_OK && (rc = retain_inherited(m, c)) != ROOST_OK) {
        roost__conn_close(c, rc, "the session was given up");
        roost__conn_free(c);
    }
    if (rc != ROOST_OK)
        return rc;
    atomic_store(&m->epoch, c->terms.epoch);
    atomic_store(&m->conn, c);
    tell(m, ROOST_CONNECTED);
    return ROOST_OK;
}

int roost__manager_connection(struct roost_manager *m, struct conn **ret)
{
    struct conn *c = atomic_load_explicit(&m->conn, memory_order_acquire);
    if (c == NULL) {
        pthread_mutex_lock(&m->connecting);
        int rc = ROOST_OK;
        if (atomic_load(&m->closed))
            rc = roost__fail(ROOST_ECLOSED, "the manager was closed");
        else if (atomic_load(&m->conn) == NULL)
            rc = connect_now(m);
        pthread_mutex_unlock(&m->connecting);
        if (rc != ROOST_OK)
            return rc;
        c = atomic_load(&m->conn);
    }
    *ret = c;
    return ROOST_OK;
}

int roost__manager_call(struct roost_manager *m, struct call *call)
{
    struct conn *c;
    int rc = roost__manager_connection(m, &c);
    return rc == ROOST_OK ? roost__conn_call(c, call) : rc;
}

/* ---- the public side ---- */

int roost_connect(const char *url, const roost_options *options, roost_manager **ret)
{
    struct roost_manager *m = NULL;
    struct conn *c;
    if (url == NULL || ret == NULL)
        return roost__fail(ROOST_EINVAL, "roost_connect: the URL or the result is NULL");
    int rc = new_manager(url, options, &m);
    if (rc != ROOST_OK)
        return rc;
    rc = roost__access_take(options, &m->access);
    if (rc == ROOST_OK)
        rc = roost__manager_connection(m, &c);
    if (rc != ROOST_OK) {
        roost__manager_drop(m);
        return rc;
    }
    *ret = m;
    return ROOST_OK;
}

int roost_manager_start(const roost_options *options, roost_manager **ret)
{
    struct roost_manager *m = NULL;
    struct conn *c;
    if (ret == NULL)
        return roost__fail(ROOST_EINVAL, "roost_manager_start: the result is NULL");
    int rc = new_manager(NULL, options, &m);
    if (rc != ROOST_OK)
        return rc;
    rc = roost__spawn_server(options != NULL ? options->roostd : NULL, m->timeout_ms, &m->server, &m->url);
    if (rc == ROOST_OK)
        rc = roost__addresses_take(&m->addresses, m->url);
    if (rc == ROOST_OK)
        rc = roost__manager_connection(m, &c);
    if (rc != ROOST_OK) {
        char why[256];
        snprintf(why, sizeof(why), "%s", roost_errmsg());
        roost_manager_close(m);
        return roost__fail(rc, "%s", why);
    }
    *ret = m;
    return ROOST_OK;
}

int roost_manager_shutdown(roost_manager *m)
{
    if (m == NULL)
        return ROOST_OK;
    int rc = ROOST_OK;
    atomic_store(&m->closed, true);
    struct conn *c = atomic_load(&m->conn);
    if (c != NULL)
        roost__conn_close(c, ROOST_ECLOSED, "the manager was closed");
    if (m->server.pid > 0)
        rc = roost__end_server(&m->server);
    roost__manager_drop(m);
    return rc;
}

void roost_manager_close(roost_manager *m)
{
    (void)roost_manager_shutdown(m);
}

roost_state roost_manager_state(const roost_manager *m)
{
    return m != NULL ? (roost_state)atomic_load(&m->state) : ROOST_NOT_CONNECTED;
}

int roost_manager_fd(roost_manager *m)
{
    struct conn *c = NULL;
    int fd = -1;
    int rc = m == NULL ? roost__fail(ROOST_EINVAL, "the manager is NULL") : roost__manager_connection(m, &c);
    if (rc == ROOST_OK)
        rc = roost__pollable_fd(c, &fd);
    return rc == ROOST_OK ? fd : roost__fail_at("roost_manager_fd");
}

int roost_manager_dispatch(roost_manager *m)
{
    struct conn *c = m != NULL ? atomic_load(&m->conn) : NULL;
    int rc = c != NULL
                 ? roost__pollable_dispatch(c)
                 : roost__fail(ROOST_EINVAL, "the manager is NULL, or this process has no connection yet");
    return rc == ROOST_OK ? rc : roost__fail_at("roost_manager_dispatch");
}

int roost_cancel(roost_manager *m, pthread_t thread)
{
    struct conn *c = m != NULL ? atomic_load(&m->conn) : NULL;
    int rc = c != NULL ? roost__conn_cancel(c, thread)
                       : roost__fail(ROOST_ENOENT, "this process has no connection yet");
    return rc == ROOST_OK ? rc : roost__fail_at("roost_cancel");
}

static const char *why_socket(const roost_manager *m, int state)
{
    if (state == RING_NOT_ASKED)
        return m->no_ring ? "no_ring was asked for"
                          : "shared memory is for ipc:// and for tcp:// over the loopback";
    return state == RING_NOT_OFFERED ? "the server offered no shared memory"
           : state == RING_BETWEEN   ? "something between client and server passes the bytes on"
                                     : "the server's shared memory could not be had";
}

roost_transport roost_manager_transport(const roost_manager *m, const char **ret_why)
{
    struct conn *c = m != NULL ? atomic_load(&m->conn) : NULL;
    int state = c != NULL ? atomic_load(&c->transport.ring_state) : RING_NOT_ASKED;
    if (ret_why != NULL)
        *ret_why = c == NULL             ? "this process is not connected"
                   : state == RING_TAKEN ? "client and server share memory"
                                         : why_socket(m, state);
    return c == NULL ? ROOST_BY_NOTHING : state == RING_TAKEN ? ROOST_BY_RING : ROOST_BY_SOCKET;
}

const char *roost_manager_address(const roost_manager *m)
{
    bool connected = m != NULL && atomic_load(&m->conn) != NULL;
    return connected ? atomic_load(&m->addresses.current) : NULL;
}

const char *roost_manager_url(const roost_manager *m)
{
    return m != NULL ? m->url : NULL;
}

int roost_default_url(char *buf, size_t size)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    int n = runtime != NULL && *runtime == '/'
                ? snprintf(buf, size, "ipc://%s/roost/roost.sock", runtime)
                : snprintf(buf, size, "ipc:///tmp/roost-%lu/roost.sock", (unsigned long)getuid());
    if (n < 0 || (size_t)n >= size)
        return roost__fail(ROOST_ELIMIT, "the default URL does not fit into %zu bytes", size);
    return ROOST_OK;
}
