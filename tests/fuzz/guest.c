/* guest.c: see guest.h. */
#include "guest.h"

#include <assert.h>
#include <fcntl.h>
#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/admin.h"
#include "shell/admit.h"
#include "shell/keyring.h"
#include "world.h"

struct line {
    struct conn conn;
    struct guest *guest; /* NULL: it has left */
};

struct server house;
struct guest guests[GUESTS];

static struct line *line_of(struct conn *c)
{
    return container_of(c, struct line, conn);
}

/* ---- what the server says ---- */

static void take_welcome(struct guest *g, const struct conn *c, struct slice payload)
{
    struct item it;
    const uint8_t *p = roost__scan_item(payload.data, &it);
    p = roost__scan_skip(roost__scan_skip(roost__scan_skip(p)));
    assert(roost__scan_uint(&p, &g->session) && roost__scan_uint(&p, &g->epoch));
    p = roost__scan_skip(p);
    struct item secret = roost__map_item(scan_next(&p), "secret");
    if (secret.kind == ROOST_BYTES) {
        assert(secret.len == SECRET_LEN);
        memcpy(g->secret, secret.as.bytes, SECRET_LEN);
    }
    assert(!g->welcome && c->user.kind != USER_STRANGER);
    if (house.keys != NULL && c->user.kind == USER_UNKNOWN)
        assert(g->proved && c->identity != 0);
    g->welcome = true;
}

/* The server proves that it has the key. */
static void take_challenge(struct guest *g, const struct conn *c, struct slice payload)
{
    struct item it;
    uint8_t key[PROOF_KEY_LEN];
    const uint8_t *p = roost__scan_item(payload.data, &it);
    assert(it.len == 3 && c->greeting != NULL && !g->challenged && !g->welcome);
    p = roost__scan_skip(p);
    struct item nonce = scan_value(scan_next(&p)), proof = scan_value(scan_next(&p));
    struct transcript t = {.hello = buf_slice(&c->greeting->hello),
                           .binding = c->binding,
                           .nonce = slice_of(nonce.as.bytes, nonce.len)};
    keyring_key(house.keys, c->greeting->identity, key);
    assert(nonce.kind == ROOST_BYTES && proof.kind == ROOST_BYTES);
    assert(roost__proof_ok(PROVER_SERVER, key, &t, slice_of(proof.as.bytes, proof.len)));
    g->challenged = true;
}

static void take_frame(struct guest *g, const struct conn *c, struct slice payload)
{
    assert(roost__scan_check(payload, FRAME_DEPTH_MAX));
    switch (roost__frame_kind(payload)) {
    case FRAME_WELCOME:
        take_welcome(g, c, payload);
        break;
    case FRAME_CHALLENGE:
        take_challenge(g, c, payload);
        break;
    case FRAME_GOODBYE:
        g->dismissed = true;
        break;
    default:
        assert(roost__frame_kind(payload) <= FRAME_RING && g->welcome);
        g->answers++;
    }
}

static void hear(struct conn *c)
{
    pthread_mutex_lock(&c->mutex);
    struct guest *g = line_of(c)->guest;
    for (size_t at = 0; at < c->out.len && g != NULL && !c->closed;) {
        assert(c->out.len - at > FRAME_HEADER);
        uint32_t len = get_u32be(c->out.data + at);
        assert(len > 0 && len <= c->out.len - at - FRAME_HEADER);
        take_frame(g, c, slice_of(c->out.data + at + FRAME_HEADER, len));
        at += FRAME_HEADER + len;
    }
    buf_reset(&c->out);
    pthread_mutex_unlock(&c->mutex);
}

static void end(struct conn *c)
{
    c->closed = true;
}

static void destroy(struct conn *c)
{
    free(line_of(c));
}

static const struct conn_ops ops = {
    .transport = TRANSPORT_TCP, .flush = hear, .close = end, .destroy = destroy};

/* ---- the house ---- */

/* Written once, read by every server anew. */
static const char *keys_path(void)
{
    static char path[64];
    static const char keys[] =
        "key alice 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
        "key eve   f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff101112131415161718191a1b1c1d1e1f\n"
        "allow alice read,write,admin *\nallow eve read a*\nallow uid:33 read,write b*\n";
    if (*path == '\0') {
        int fd = memfd_create("keys", MFD_CLOEXEC);
        assert(fd >= 0 && fchmod(fd, 0600) == 0 && write(fd, keys, sizeof(keys) - 1) == sizeof(keys) - 1);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    }
    return path;
}

void house_open(bool keys, const struct core_limits *limits)
{
    struct keyring *ring;
    assert(server_start(&house, limits, NULL) == ROOST_OK);
    house.newcomers_max = GUESTS - 1;
    memset(guests, 0, sizeof(guests));
    if (!keys)
        return;
    assert(keyring_load(keys_path(), &ring) == ROOST_OK);
    server_set_keys(&house, ring);
}

/* Those whom the server closed. */
static void reap(void)
{
    for (struct guest *g = guests; g < guests + GUESTS; g++)
        if (g->line != NULL && g->line->conn.closed)
            guest_leave(g);
}

void house_time(int64_t us)
{
    struct batch batch;
    world_advance(us);
    for (struct guest *g = guests; g < guests + GUESTS; g++)
        if (g->line != NULL && conn_patience_us(&g->line->conn) == 0)
            guest_leave(g);
    server_enter(&house, &batch);
    if (house.lease_next_us <= server_now_us())
        lease_check(&house, server_now_us());
    server_step(&house, &batch, (struct event){.kind = EVENT_TIME});
    server_leave(&house, &batch);
    reap();
}

void house_close(void)
{
    struct core_counts counts;
    for (struct guest *g = guests; g < guests + GUESTS; g++)
        guest_leave(g);
    house_time((int64_t)house.limits.grace_ms_max * 1000 + 1000000);
    core_counts(house.core, &counts);
    assert(counts.sessions == 0 && counts.detached == 0 && counts.waiters == 0 && counts.holds == 0 &&
           counts.deliveries == 0);
    assert(house.conn_count == 0 && house.newcomer_count == 0 && house.rings == 0 && house.rings_used == 0);
    server_stop(&house);
}

/* ---- guests ---- */

void guest_enter(struct guest *g, struct local_user user, struct slice binding)
{
    guest_leave(g);
    struct line *line = calloc(1, sizeof(*line));
    assert(line != NULL);
    conn_init(&line->conn, &house, &ops, "tcp 10.0.0.7:4711", "10.0.0.7");
    line->conn.user = user;
    line->conn.binding = binding;
    line->guest = g;
    g->challenged = g->proved = g->welcome = g->dismissed = false;
    g->line = line;
    assert(server_admit(&house, &line->conn));
    reap();
}

void guest_leave(struct guest *g)
{
    struct line *line = g->line;
    if (line == NULL)
        return;
    g->line = NULL;
    line->guest = NULL;
    line->conn.closed = true;
    conn_ended(&line->conn);
}

void guest_say(struct guest *g, struct slice bytes)
{
    bool ok = true;
    while (ok && bytes.len > 0 && g->line != NULL && !g->line->conn.closed) {
        void *room;
        size_t n = conn_room(&g->line->conn, &room);
        assert(n > 0);
        size_t all = n;
        ASAN_UNPOISON_MEMORY_REGION(room, all);
        n = n < bytes.len ? n : bytes.len;
        memcpy(room, bytes.data, n);
        ASAN_POISON_MEMORY_REGION((uint8_t *)room + n, all - n); /* what has not come yet is not read */
        bytes = slice_of(bytes.data + n, bytes.len - n);
        ok = conn_received(&g->line->conn, n);
    }
    if (!ok)
        guest_leave(g);
    reap();
}

void guest_put_frame(struct buf *b, struct slice payload)
{
    uint8_t header[FRAME_HEADER];
    put_u32be(header, (uint32_t)payload.len);
    buf_append(b, header, sizeof(header));
    buf_append(b, payload.data, payload.len);
}

void guest_say_frame(struct guest *g, struct slice payload)
{
    struct buf b = buf_make(SIZE_MAX / 2);
    guest_put_frame(&b, payload);
    guest_say(g, buf_slice(&b));
    roost__buf_free(&b);
}

void guest_prove(struct guest *g)
{
    const struct conn *c = g->line != NULL ? &g->line->conn : NULL;
    uint8_t key[PROOF_KEY_LEN], proof[PROOF_LEN];
    if (c == NULL || c->greeting == NULL)
        return;
    struct transcript t = {.hello = buf_slice(&c->greeting->hello),
                           .binding = c->binding,
                           .nonce = slice_of(c->greeting->nonce, NONCE_LEN)};
    keyring_key(house.keys, c->greeting->identity, key);
    roost__prove(PROVER_CLIENT, key, &t, proof);
    g->proved = true;
    struct buf b = buf_make(256);
    roost__put_array(&b, 2);
    roost__put_int(&b, FRAME_PROOF);
    roost__put_bytes(&b, slice_of(proof, sizeof(proof)));
    guest_say_frame(g, buf_slice(&b));
    roost__buf_free(&b);
}

static void put_session(struct buf *b, const struct guest *g)
{
    roost__put_cstr(b, "session");
    roost__put_uint(b, g->session);
    roost__put_cstr(b, "epoch");
    roost__put_uint(b, g->epoch);
    roost__put_cstr(b, "secret");
    roost__put_bytes(b, slice_of(g->secret, SECRET_LEN));
}

void guest_greet(struct guest *g, const char *identity, bool resumes)
{
    static const uint8_t nonce[NONCE_LEN];
    struct buf b = buf_make(1024);
    resumes = resumes && g->session != 0;
    roost__put_array(&b, 4);
    roost__put_int(&b, FRAME_HELLO);
    roost__put_cstr(&b, "roost");
    roost__put_int(&b, PROTOCOL_VERSION);
    roost__put_map(&b, 2u + (identity != NULL ? 2u : 0) + (resumes ? 3u : 0));
    roost__put_cstr(&b, "grace_ms");
    roost__put_int(&b, 5000);
    roost__put_cstr(&b, "lease_ms");
    roost__put_int(&b, 3000);
    if (identity != NULL) {
        roost__put_cstr(&b, "identity");
        roost__put_cstr(&b, identity);
        roost__put_cstr(&b, "nonce");
        roost__put_bytes(&b, slice_of(nonce, sizeof(nonce)));
    }
    if (resumes)
        put_session(&b, g);
    guest_say_frame(g, buf_slice(&b));
    roost__buf_free(&b);
    guest_prove(g);
}
