/* handshake.c: see handshake.h. */
#include "client/handshake.h"

#include <sodium.h>
#include <unistd.h>

#include "base/error.h"
#include "client/ring.h"
#include "wire/encode.h"
#include "wire/proof.h"

enum { RECEIVE_ROOM = 16 << 10 }; /* free bytes offered to every receive */

int roost__protocol_error(void)
{
    return roost__fail(ROOST_EPROTO, "the server sent bytes that are no frame of the protocol");
}

bool roost__next_frame(const struct buf *in, size_t at, struct slice *ret, int *rc)
{
    size_t left = in->len - at;
    if (left < FRAME_HEADER)
        return false;
    uint32_t len = get_u32be(in->data + at);
    if (len == 0 || len > FRAME_MAX) {
        *rc = roost__protocol_error();
        return false;
    }
    *ret = slice_of(in->data + at + FRAME_HEADER, len);
    return left - FRAME_HEADER >= len;
}

int roost__receive(struct transport *t, struct buf *in, bool now)
{
    bool grown = roost__buf_reserve(in, RECEIVE_ROOM);
    in->failed = false;
    if (!grown && in->len == in->cap) /* else what room there is will do */
        return roost__fail(ROOST_ENOMEM, "no memory to receive");
    void *room = in->data + in->len;
    size_t size = in->cap - in->len;
    ssize_t n = now ? roost__transport_recv_now(t, room, size) : roost__transport_recv(t, room, size);
    if (n < 0)
        return (int)n;
    if (n == 0)
        return roost__fail(ROOST_ECONN, "connection lost: the server closed it");
    in->len += (size_t)n;
    return ROOST_OK;
}

static void put_pair_int(struct buf *b, const char *name, uint64_t value)
{
    roost__put_cstr(b, name);
    roost__put_uint(b, value);
}

static void put_identity(struct buf *b, const char *identity)
{
    uint8_t nonce[NONCE_LEN];
    randombytes_buf(nonce, sizeof(nonce));
    roost__put_cstr(b, "identity");
    roost__put_cstr(b, identity);
    roost__put_cstr(b, "nonce");
    roost__put_bytes(b, slice_of(nonce, sizeof(nonce)));
}

static void put_info(struct buf *b, const struct wishes *w, const struct terms *terms)
{
    char host[256] = "";
    gethostname(host, sizeof(host) - 1);
    bool resumes = terms->session != 0;
    roost__put_map(b, 4u + (w->restart_ms > 0) + (w->label != NULL) + (w->ring > 0) +
                          (w->key != NULL ? 2u : 0) + (resumes ? 3u : 0));
    roost__put_cstr(b, "host");
    roost__put_cstr(b, host);
    put_pair_int(b, "pid", (uint64_t)getpid());
    put_pair_int(b, "grace_ms", (uint64_t)w->grace_ms);
    if (w->restart_ms > 0)
        put_pair_int(b, "restart_ms", (uint64_t)w->restart_ms);
    put_pair_int(b, "lease_ms", (uint64_t)w->lease_ms);
    if (w->label != NULL) {
        roost__put_cstr(b, "label");
        roost__put_cstr(b, w->label);
    }
    if (w->ring > 0)
        put_pair_int(b, "ring", w->ring);
    if (w->key != NULL)
        put_identity(b, w->identity);
    if (resumes) {
        put_pair_int(b, "session", terms->session);
        put_pair_int(b, "epoch", terms->epoch);
        roost__put_cstr(b, "secret");
        roost__put_bytes(b, slice_of(terms->secret, SECRET_LEN));
    }
}

/* The frame stays in ret, which the caller frees: proofs are about it. */
static int send_hello(struct transport *t, const struct wishes *w, const struct terms *terms, struct buf *ret)
{
    if (w->label != NULL && !roost__utf8_ok(slice_str(w->label)))
        return roost__fail(ROOST_EINVAL, "the label is not UTF-8");
    struct buf b = buf_make(FRAME_HEADER + FRAME_HELLO_MAX);
    size_t at = frame_begin(&b);
    roost__put_array(&b, 4);
    roost__put_uint(&b, FRAME_HELLO);
    roost__put_cstr(&b, "roost");
    roost__put_uint(&b, PROTOCOL_VERSION);
    put_info(&b, w, terms);
    bool no_memory = b.failed && b.no_memory;
    int rc = roost__frame_end(&b, at) ? roost__transport_send(t, b.data, b.len)
             : no_memory              ? roost__fail(ROOST_ENOMEM, "no memory to greet the server")
                                      : roost__fail(ROOST_EINVAL, "the label is too long");
    *ret = b;
    return rc;
}

static int64_t term(const struct reply *reply, const char *name)
{
    struct item it = roost__map_item(reply->terms, name);
    return it.kind == ROOST_INT && it.as.i > 0 ? it.as.i : 0;
}

static int take_welcome(const struct reply *reply, const struct wishes *w, struct terms *terms)
{
    struct item resumed = roost__map_item(reply->terms, "resumed");
    struct item secret = roost__map_item(reply->terms, "secret");
    struct terms new = {.session = reply->number,
                        .epoch = reply->epoch,
                        .grace_ms = term(reply, "grace_ms"),
                        .lease_ms = term(reply, "lease_ms")};
    if (terms->session != 0) {
        if (resumed.kind != ROOST_BOOL || !resumed.as.b || new.session != terms->session)
            return roost__protocol_error();
        memcpy(new.secret, terms->secret, SECRET_LEN);
    } else if (w->epoch != 0 && w->epoch != new.epoch) {
        return roost__fail(ROOST_EEPOCH, "the server was restarted: its objects are gone");
    } else if (secret.kind == ROOST_BYTES && secret.len == SECRET_LEN) {
        memcpy(new.secret, secret.as.bytes, SECRET_LEN);
    } else {
        new.grace_ms = 0; /* without a secret nothing can be resumed */
    }
    *terms = new;
    return ROOST_OK;
}

/* ---- proofs, PROTOCOL.md, section 11 ---- */

/* Reads [7, nonce, proof]. */
static bool read_challenge(struct slice payload, struct slice *ret_nonce, struct slice *ret_proof)
{
    struct item head, nonce, proof;
    const uint8_t *p = roost__scan_item(payload.data, &head);
    if (head.len != 3)
        return false;
    p = roost__scan_skip(p);
    nonce = scan_value(scan_next(&p));
    proof = scan_value(scan_next(&p));
    *ret_nonce = slice_of(nonce.as.bytes, nonce.len);
    *ret_proof = slice_of(proof.as.bytes, proof.len);
    return nonce.kind == ROOST_BYTES && nonce.len == NONCE_LEN && proof.kind == ROOST_BYTES;
}

static int send_proof(struct transport *t, const uint8_t proof[PROOF_LEN])
{
    static const uint8_t head[] = {0, 0, 0, 4 + PROOF_LEN, 0x92, FRAME_PROOF, 0xc4, PROOF_LEN};
    uint8_t frame[sizeof(head) + PROOF_LEN];
    memcpy(frame, head, sizeof(head));
    memcpy(frame + sizeof(head), proof, PROOF_LEN);
    return roost__transport_send(t, frame, sizeof(frame));
}

/* The server first: one that does not know the key learns nothing from us. */
static int take_challenge(struct transport *t, const struct wishes *w, struct slice hello,
                          struct slice payload)
{
    struct transcript said = {.hello = hello};
    struct slice proof;
    uint8_t ours[PROOF_LEN];
    if (!read_challenge(payload, &said.nonce, &proof))
        return roost__protocol_error();
    if (t->tls != NULL)
        said.binding = roost__tls_binding(t->tls);
    if (!roost__proof_ok(PROVER_SERVER, w->key, &said, proof))
        return roost__fail(ROOST_EAUTH,
                           "the server does not prove to know the key of identity \"%s\": another key, or "
                           "another server",
                           w->identity);
    roost__prove(PROVER_CLIENT, w->key, &said, ours);
    return send_proof(t, ours);
}

static int await_frame(struct transport *t, struct buf *in, struct slice *ret)
{
    int rc = ROOST_OK;
    while (rc == ROOST_OK && !roost__next_frame(in, 0, ret, &rc))
        if (rc == ROOST_OK)
            rc = roost__receive(t, in, false);
    return rc;
}

static bool is_challenge(struct slice payload)
{
    return roost__scan_check(payload, FRAME_DEPTH_MAX) && roost__frame_kind(payload) == FRAME_CHALLENGE;
}

/* A client with a key lets nobody pass who has not proved to know it. */
static int await_challenge(struct transport *t, const struct wishes *w, struct slice hello, struct buf *in)
{
    struct slice payload;
    struct reply reply;
    int rc = await_frame(t, in, &payload);
    if (rc != ROOST_OK)
        return rc;
    if (is_challenge(payload)) {
        rc = take_challenge(t, w, hello, payload);
        roost__buf_consume(in, FRAME_HEADER + payload.len);
        return rc;
    }
    if (roost__reply_parse(payload, &reply) && reply.kind == FRAME_GOODBYE)
        return ROOST_OK; /* worded where WELCOME is awaited */
    return roost__fail(
        ROOST_EAUTH,
        "the server asks for no proof and gives none: it does not know the key of identity \"%s\"",
        w->identity);
}

struct leader roost__leader_of(const struct reply *reply)
{
    struct leader leader = {""};
    if (reply->leader.len > 0 && reply->leader.len < sizeof(leader.url))
        memcpy(leader.url, reply->leader.data, reply->leader.len);
    return leader;
}

static int refusal(const struct reply *reply, struct leader *ret_leader)
{
    *ret_leader = roost__leader_of(reply);
    return roost__fail(reply->code, "the server refuses: %.*s", (int)reply->message.len,
                       (const char *)reply->message.data);
}

/* *ret_ring is the size of the ring that came along, 0: none did. */
static int await_welcome(struct transport *t, const struct wishes *w, struct terms *terms, struct buf *in,
                         int64_t *ret_ring, struct leader *ret_leader)
{
    struct slice payload;
    struct reply reply;
    int rc = await_frame(t, in, &payload);
    if (rc != ROOST_OK)
        return rc;
    if (!roost__reply_parse(payload, &reply))
        return roost__protocol_error();
    if (reply.kind == FRAME_GOODBYE)
        return refusal(&reply, ret_leader);
    *ret_ring = term(&reply, "ring");
    rc = reply.kind == FRAME_WELCOME ? take_welcome(&reply, w, terms) : roost__protocol_error();
    roost__buf_consume(in, FRAME_HEADER + payload.len);
    return rc;
}

static bool is_ring_frame(struct slice payload)
{
    return payload.len < 16 && roost__scan_check(payload, FRAME_DEPTH_MAX) &&
           roost__frame_kind(payload) == FRAME_RING;
}

/* Reads on the socket up to the server's RING; what stood before it stays in `in`. */
static int await_ring(struct transport *t, struct buf *in)
{
    struct slice payload;
    int rc = ROOST_OK;
    for (size_t at = 0; rc == ROOST_OK;) {
        if (!roost__next_frame(in, at, &payload, &rc)) {
            if (rc == ROOST_OK)
                rc = roost__receive(t, in, false);
        } else if (is_ring_frame(payload)) {
            in->len = at; /* behind it come only bytes that wake */
            return ROOST_OK;
        } else {
            at += FRAME_HEADER + payload.len;
        }
    }
    return rc;
}

/* From here on all frames go through the ring; if it cannot be had, over the socket as before. */
static int move_to_ring(struct transport *t, int64_t size, struct buf *in)
{
    static const uint8_t frame[] = {0, 0, 0, 2, 0x91, FRAME_RING};
    struct ring ring;
    int bell;
    atomic_store(&t->ring_state, RING_NOT_HAD);
    if (!roost__ring_open(t, size, &ring, &bell))
        return ROOST_OK;
    int rc = roost__transport_send(t, frame, sizeof(frame));
    if (rc == ROOST_OK)
        rc = await_ring(t, in);
    t->ring = ring;
    t->bell = bell;
    atomic_store(&t->ring_state, RING_TAKEN);
    return rc;
}

int roost__handshake(struct transport *t, const struct wishes *wishes, struct terms *terms, struct buf *in,
                     struct leader *ret_leader)
{
    int64_t ring = 0;
    *ret_leader = (struct leader){""};
    roost__transport_patience(t, wishes->timeout_ms);
    t->takes_passed = wishes->ring > 0;
    atomic_store(&t->ring_state, wishes->ring > 0 ? RING_NOT_OFFERED : RING_NOT_ASKED);
    struct buf hello = {0};
    int rc = send_hello(t, wishes, terms, &hello);
    if (rc == ROOST_OK && wishes->key != NULL)
        rc = await_challenge(t, wishes, slice_of(hello.data + FRAME_HEADER, hello.len - FRAME_HEADER), in);
    roost__buf_free(&hello);
    if (rc == ROOST_OK)
        rc = await_welcome(t, wishes, terms, in, &ring, ret_leader);
    if (rc == ROOST_OK && ring > 0)
        rc = move_to_ring(t, ring, in);
    roost__transport_drop_passed(t);
    roost__transport_patience(t, -1);
    return rc == ROOST_OK ? rc : roost__fail_at("%s", wishes->url);
}
