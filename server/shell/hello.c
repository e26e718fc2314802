/* hello.c: see hello.h. */
#include "shell/hello.h"

#include <sodium.h>
#include <stdio.h>

#include "roost/error.h"

#include "shell/admit.h"
#include "shell/conn.h"
#include "shell/keyring.h"
#include "shell/log.h"
#include "shell/server.h"
#include "shell/store.h"
#include "wire/frame.h"

/* HELLO's info as far as it concerns the shell. */
struct hello {
    int64_t version;
    struct slice info;
    bool resumes; /* the following three are there */
    uint64_t session;
    uint64_t epoch;
    struct slice secret;
    int64_t lease_ms;
    struct slice identity;
    int64_t ring; /* bytes each way of the shared memory asked for */
};

static int64_t number_in(struct slice info, const char *key)
{
    struct item it = roost__map_item(info, key);
    return it.kind == ROOST_INT ? it.as.i : 0;
}

static void read_info(struct hello *h)
{
    struct item secret = roost__map_item(h->info, "secret"), who = roost__map_item(h->info, "identity");
    if (who.kind == ROOST_STR)
        h->identity = slice_of(who.as.bytes, who.len);
    h->session = (uint64_t)number_in(h->info, "session");
    h->epoch = (uint64_t)number_in(h->info, "epoch");
    h->lease_ms = number_in(h->info, "lease_ms");
    h->ring = number_in(h->info, "ring");
    h->resumes = h->session != 0;
    if (secret.kind == ROOST_BYTES)
        h->secret = slice_of(secret.as.bytes, secret.len);
}

/* False: it is no HELLO. */
static bool read_hello(struct slice payload, struct hello *ret)
{
    struct item it;
    const uint8_t *p = roost__scan_item(payload.data, &it);
    if (roost__frame_kind(payload) != FRAME_HELLO || it.len != 4)
        return false;
    p = roost__scan_skip(p);
    p = roost__scan_item(p, &it);
    if (it.kind != ROOST_STR || !slice_equal(slice_of(it.as.bytes, it.len), slice_str("roost")))
        return false;
    p = roost__scan_item(p, &it);
    *ret = (struct hello){.version = it.as.i, .info = scan_next(&p)};
    if (it.kind != ROOST_INT || scan_value(ret->info).kind != ROOST_MAP)
        return false;
    read_info(ret);
    return true;
}

/* The size of the ring whose descriptors go with WELCOME; 0: there is none. */
static uint32_t offer_ring(struct conn *c, const struct hello *h)
{
    struct server *s = c->server;
    if (h->ring <= 0 || s->no_rings || s->rings >= (size_t)s->limits.rings_max || c->ops->offer_ring == NULL)
        return 0;
    uint32_t size = c->ops->offer_ring(c, h->ring);
    c->has_ring = size > 0;
    server_count_rings(s, c->has_ring, 0);
    return size;
}

static bool welcome(struct conn *c, struct batch *batch, const struct hello *h,
                    const uint8_t secret[SECRET_LEN])
{
    const struct core *core = c->server->core;
    int64_t grace_ms = core_grace_ms(core, c->session);
    struct buf b = buf_make(4096);
    size_t at = frame_begin(&b);
    roost__put_array(&b, 7);
    roost__put_int(&b, FRAME_WELCOME);
    roost__put_cstr(&b, "roost");
    roost__put_int(&b, PROTOCOL_VERSION);
    roost__put_uint(&b, c->session);
    roost__put_uint(&b, core_epoch(core));
    core_put_limits(core, &b);
    bool gives_secret = grace_ms > 0 && !h->resumes;
    uint32_t ring = offer_ring(c, h);
    roost__put_map(&b, 3u + gives_secret + (ring > 0));
    roost__put_cstr(&b, "resumed");
    roost__put_bool(&b, h->resumes);
    roost__put_cstr(&b, "grace_ms");
    roost__put_int(&b, grace_ms);
    roost__put_cstr(&b, "lease_ms");
    roost__put_int(&b, c->lease.us / 1000);
    if (gives_secret) {
        roost__put_cstr(&b, "secret");
        roost__put_bytes(&b, slice_of(secret, SECRET_LEN));
    }
    if (ring > 0) {
        roost__put_cstr(&b, "ring");
        roost__put_uint(&b, ring);
    }
    bool ok = roost__frame_end(&b, at);
    if (ok)
        server_send(c->server, batch, c, buf_slice(&b));
    roost__buf_free(&b);
    return ok;
}

/* Without memory the session ends, or waits for another connection. */
static bool bind_session(struct conn *c, struct batch *batch, enum event_kind otherwise)
{
    if (server_bind(c->server, c))
        return true;
    server_step(c->server, batch, (struct event){.kind = otherwise, .session = c->session});
    c->session = 0;
    return false;
}

/* Whoever wants no grace may still want to wait for a server that comes back, and for that alone. */
static bool waits_for_server(const struct conn *c, const struct hello *h)
{
    return c->server->store != NULL && number_in(h->info, "restart_ms") > 0 &&
           number_in(h->info, "grace_ms") <= 0;
}

/* The info with the grace of those. */
static struct slice with_grace(struct slice info, struct buf *out)
{
    struct item head;
    const uint8_t *pairs = roost__scan_item(info.data, &head);
    roost__put_map(out, head.len + 1u);
    buf_append(out, pairs, info.len - (size_t)(pairs - info.data));
    roost__put_cstr(out, "grace_ms");
    roost__put_int(out, number_in(info, "restart_ms"));
    return out->failed ? info : buf_slice(out);
}

/* Who the session is to be of, and what he may do. */
static void add_identity(const struct conn *c, struct event *event)
{
    const struct identity *who = c->identity != 0 ? keyring_find(c->server->keys, slice_str(c->name)) : NULL;
    event->identity = c->identity;
    event->restricted = c->identity != 0;
    if (who != NULL)
        event->rights = buf_slice(&who->rules);
}

static bool open_session(struct conn *c, struct batch *batch, const struct hello *h)
{
    uint8_t secret[SECRET_LEN];
    randombytes_buf(secret, sizeof(secret));
    struct buf info = buf_make(FRAME_HELLO_MAX + 64);
    struct event open = {.kind = EVENT_OPEN,
                         .payload = c->waits_for_server ? with_grace(h->info, &info) : h->info,
                         .secret = slice_of(secret, sizeof(secret)),
                         .peer = slice_str(c->peer)};
    add_identity(c, &open);
    int rc = server_step(c->server, batch, open);
    roost__buf_free(&info);
    if (rc != ROOST_OK) {
        conn_goodbye(c, rc,
                     rc == ROOST_ELIMIT  ? "too many sessions"
                     : rc == ROOST_EDISK ? roost_strerror(rc)
                                         : "no memory for a session");
        return false;
    }
    c->session = c->server->effects.opened;
    if (!bind_session(c, batch, EVENT_LOST))
        return false;
    log_debug("%s: session %llu begins", c->peer, (unsigned long long)c->session);
    lease_begin(c, h->lease_ms);
    return welcome(c, batch, h, secret);
}

static bool resume_session(struct conn *c, struct batch *batch, const struct hello *h)
{
    if (h->epoch != core_epoch(c->server->core)) {
        conn_goodbye(c, ROOST_EEPOCH, "the server was restarted");
        return false;
    }
    struct event resume = {.kind = EVENT_RESUMED, .session = h->session, .secret = h->secret};
    add_identity(c, &resume);
    int rc = server_step(c->server, batch, resume);
    if (rc == ROOST_ENOMEM || rc == ROOST_EDISK)
        return false; /* the session stays: the client tries again */
    if (rc != ROOST_OK) {
        conn_goodbye(c, ROOST_ESESSION, "the session ended; what it held was released");
        return false;
    }
    server_take_over(c->server, h->session);
    c->session = h->session;
    if (!bind_session(c, batch, EVENT_DETACHED))
        return false;
    log_debug("%s: session %llu goes on", c->peer, (unsigned long long)c->session);
    lease_begin(c, h->lease_ms);
    return welcome(c, batch, h, NULL);
}

/* GOODBYE, and where to go. */
static void say_leader(struct conn *c)
{
    const char *url = c->server->store->ops->leader(c->server->store);
    char words[512];
    struct buf b = buf_make(1024);
    size_t at = frame_begin(&b);
    snprintf(words, sizeof(words), *url != '\0' ? "%s: ask %s" : "%s, and knows of none that does",
             roost_strerror(ROOST_ENOTLEADER), url);
    roost__put_array(&b, 4);
    roost__put_int(&b, FRAME_GOODBYE);
    roost__put_int(&b, ROOST_ENOTLEADER);
    roost__put_cstr(&b, words);
    roost__put_map(&b, *url != '\0');
    if (*url != '\0') {
        roost__put_cstr(&b, "leader");
        roost__put_cstr(&b, url);
    }
    if (roost__frame_end(&b, at)) {
        conn_write(c, buf_slice(&b));
        c->ops->flush(c);
    }
    roost__buf_free(&b);
}

static bool begin_session(struct conn *c, struct batch *batch, const struct hello *h)
{
    if (c->server->follows) {
        say_leader(c);
        return false;
    }
    c->waits_for_server = waits_for_server(c, h);
    return h->resumes ? resume_session(c, batch, h) : open_session(c, batch, h);
}

/* The proof that HELLO's identity is the peer's; what HELLO asked for happens now. */
static bool take_proof(struct conn *c, struct batch *batch, struct slice payload)
{
    struct hello h;
    struct greeting *g = c->greeting;
    bool ok = admit_proof(c, payload) == ADMIT_YES;
    c->greeting = NULL;
    ok = ok && read_hello(buf_slice(&g->hello), &h) && begin_session(c, batch, &h);
    greeting_free(g);
    return ok;
}

bool hello_take(struct conn *c, struct batch *batch, struct slice payload)
{
    struct hello h;
    if (c->greeting != NULL)
        return take_proof(c, batch, payload);
    if (!read_hello(payload, &h)) {
        conn_goodbye(c, ROOST_EPROTO, "the first frame must be HELLO");
        return false;
    }
    if (h.version != PROTOCOL_VERSION) {
        conn_goodbye(c, ROOST_EPROTO, "this server speaks version 2 of the protocol");
        return false;
    }
    enum admission admission = admit_hello(c, payload, h.identity);
    return admission == ADMIT_YES ? begin_session(c, batch, &h) : admission == ADMIT_LATER;
}
