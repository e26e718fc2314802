/*
 * fuzz_client.c: a server that says what it likes to the library's client, from WELCOME to GOODBYE; see
 * README.md. The streams are in memory; each byte of the input is a decision, or part of what is said.
 *
 * Asserted: every call ends; what comes back as a value can be walked and encoded again; a client with a key
 * lets in no server that has not proved to know it.
 */
#include <assert.h>
#include <fcntl.h>
#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/transport.h"
#include "decide.h"
#include "roost/roost.h"
#include "wire/frame.h"
#include "world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STREAMS_MAX = 4, CALLS_MAX = 40, WITH_KEY = 1, WITH_WELCOME = 2, NO_GRACE = 4 };

/* ---- the server ---- */

static unsigned flags, streams;
static uint64_t asked;   /* the number of the call that came last */
static struct buf said;  /* and is not received yet */
static size_t said_from; /* … from here on */
static bool over;        /* the stream has ended */

static void end_frame(size_t begin)
{
    assert(roost__frame_end(&said, begin));
}

static void say_welcome(void)
{
    size_t begin = frame_begin(&said);
    roost__put_array(&said, 7);
    roost__put_int(&said, FRAME_WELCOME);
    roost__put_cstr(&said, "roost");
    roost__put_int(&said, PROTOCOL_VERSION);
    roost__put_uint(&said, 1);
    roost__put_uint(&said, 1);
    roost__put_map(&said, 0);
    roost__put_map(&said, 4);
    roost__put_cstr(&said, "resumed");
    roost__put_bool(&said, streams > 1);
    roost__put_cstr(&said, "grace_ms");
    roost__put_int(&said, flags & NO_GRACE ? 0 : 50);
    roost__put_cstr(&said, "lease_ms");
    roost__put_int(&said, 0);
    roost__put_cstr(&said, "secret");
    roost__put_bytes(&said, slice_of((const uint8_t *)"0123456789abcdef", SECRET_LEN));
    end_frame(begin);
}

static void say_answer(enum frame_kind kind, uint64_t number)
{
    size_t begin = frame_begin(&said);
    roost__put_array(&said, kind == FRAME_REPLY ? 3 : 4);
    roost__put_int(&said, kind);
    roost__put_uint(&said, number);
    if (kind == FRAME_ERROR) {
        roost__put_int(&said, -1 - (int64_t)decide());
        roost__put_cstr(&said, "no");
    } else {
        struct slice value = piece(decide());
        buf_append(&said, value.data, value.len);
    }
    end_frame(begin);
}

/* The server says something, or ends the stream. */
static void speak(void)
{
    unsigned what = decide();
    struct slice bytes;
    size_t begin;
    switch (what % 8) {
    case 0:
    case 1:
    case 2:
        say_answer(FRAME_REPLY, asked);
        break;
    case 3:
        say_answer(what & 0x80 ? FRAME_ERROR : FRAME_REPLY, asked - (what >> 3) % 8);
        break;
    case 4:
    case 5:
        begin = frame_begin(&said);
        bytes = piece(decide());
        buf_append(&said, bytes.data, bytes.len);
        end_frame(begin);
        break;
    case 6:
        bytes = piece(decide());
        buf_append(&said, bytes.data, bytes.len);
        break;
    default:
        over = true;
    }
}

static void hear(struct slice frames)
{
    struct call_frame call;
    for (size_t i = 0; i < frames.len;) {
        assert(frames.len - i > FRAME_HEADER);
        struct slice payload = slice_of(frames.data + i + FRAME_HEADER, get_u32be(frames.data + i));
        assert(payload.len > 0 && payload.len <= frames.len - i - FRAME_HEADER);
        assert(roost__scan_check(payload, FRAME_DEPTH_MAX));
        if (roost__frame_kind(payload) == FRAME_CALL) {
            assert(roost__frame_call(payload, &call) && (flags & WITH_KEY) == 0); /* nobody proved a key */
            asked = call.number;
        }
        i += FRAME_HEADER + payload.len;
    }
}

/* ---- in the place of transport.c ---- */

int __wrap_roost__transport_open(const char *url, const struct tls_wishes *tls, int timeout_ms,
                                 struct transport *ret);
void __wrap_roost__transport_patience(struct transport *t, int timeout_ms);
int __wrap_roost__transport_send(struct transport *t, const void *data, size_t len);
bool __wrap_roost__transport_send_now(struct transport *t, const void *data, size_t len);
ssize_t __wrap_roost__transport_recv(struct transport *t, void *data, size_t len);
ssize_t __wrap_roost__transport_recv_now(struct transport *t, void *data, size_t len);
int __wrap_roost__transport_replace(struct transport *t, struct transport *with);
void __wrap_roost__transport_shutdown(struct transport *t);

int __wrap_roost__transport_open(const char *url, const struct tls_wishes *tls, int timeout_ms,
                                 struct transport *ret)
{
    (void)url, (void)tls, (void)timeout_ms;
    ret->fd = -1;
    if (streams++ == STREAMS_MAX)
        return ROOST_EINVAL;
    buf_reset(&said);
    said_from = 0;
    over = false;
    if (flags & WITH_WELCOME)
        say_welcome();
    return ROOST_OK;
}

void __wrap_roost__transport_patience(struct transport *t, int timeout_ms)
{
    (void)t, (void)timeout_ms;
}

int __wrap_roost__transport_send(struct transport *t, const void *data, size_t len)
{
    (void)t;
    hear(slice_of(data, len));
    return over ? ROOST_ECONN : ROOST_OK;
}

bool __wrap_roost__transport_send_now(struct transport *t, const void *data, size_t len)
{
    return __wrap_roost__transport_send(t, data, len) == ROOST_OK;
}

ssize_t __wrap_roost__transport_recv(struct transport *t, void *data, size_t len)
{
    (void)t;
    while (!over && said_from == said.len && decisions.len > 0)
        speak();
    size_t n = said.len - said_from;
    n = n < len ? n : len;
    ASAN_UNPOISON_MEMORY_REGION(data, len);
    if (n > 0)
        memcpy(data, said.data + said_from, n);
    ASAN_POISON_MEMORY_REGION((uint8_t *)data + n, len - n); /* what has not come yet is not read */
    said_from += n;
    over = over || n == 0;
    return (ssize_t)n;
}

ssize_t __wrap_roost__transport_recv_now(struct transport *t, void *data, size_t len)
{
    return said_from == said.len && !over ? ROOST_ETIMEDOUT : __wrap_roost__transport_recv(t, data, len);
}

int __wrap_roost__transport_replace(struct transport *t, struct transport *with)
{
    (void)t, (void)with;
    return ROOST_OK;
}

void __wrap_roost__transport_shutdown(struct transport *t)
{
    (void)t;
    over = true;
}

/* ---- the client ---- */

static void check_value(roost_value *v)
{
    void *bytes;
    size_t len;
    if (roost_value_encode(*v, &bytes, &len) == ROOST_OK)
        free(bytes);
    roost_value_free(v);
}

static void use_dict(roost_dict *d)
{
    roost_value v = roost_nil(), key;
    int64_t n;
    bool yes;
    roost_dict_iter *it;
    uint64_t cursor = 0;
    if (roost_dict_get(d, roost_int(1), &v) == ROOST_OK)
        check_value(&v);
    if (roost_dict_items(d, &v) == ROOST_OK)
        check_value(&v);
    if (roost_dict_page(d, "keys", &cursor, 2, &v) == ROOST_OK)
        check_value(&v);
    if (roost_dict_popitem(d, &v) == ROOST_OK)
        check_value(&v);
    (void)roost_dict_len(d, &n);
    (void)roost_dict_ttl(d, roost_int(1), &n);
    (void)roost_dict_contains(d, roost_int(1), &yes);
    if (roost_dict_iter_new(d, &it) != ROOST_OK)
        return;
    for (int i = 0; i < 5 && roost_dict_iter_next(it, &key, &v) == ROOST_OK; i++) {
        assert(key.kind <= ROOST_REF && v.kind <= ROOST_REF);
    }
    roost_dict_iter_free(it);
}

static void use_list(roost_list *l)
{
    roost_value v;
    roost_list_iter *it;
    if (roost_list_iter_new(l, &it) != ROOST_OK)
        return;
    for (int i = 0; i < 5 && roost_list_iter_next(it, &v) == ROOST_OK; i++)
        assert(v.kind <= ROOST_REF);
    roost_list_iter_free(it);
}

static void use_queue(roost_queue *q)
{
    roost_value v;
    bool yes;
    if (roost_queue_get(q, &v, 100) == ROOST_OK)
        check_value(&v);
    if (roost_queue_get_many(q, 3, &v, 100) == ROOST_OK)
        check_value(&v);
    (void)roost_queue_put(q, roost_str("item"), 100);
    (void)roost_queue_full(q, &yes);
}

static void use_lock(roost_lock *l)
{
    roost_grant grant;
    if (roost_lock_acquire(l, &grant, 100) == ROOST_OK)
        (void)roost_lock_release_token(l, grant.token);
}

static void walk_party(const roost_party *p)
{
    void *bytes;
    size_t len;
    const char *const words[] = {p->host, p->label, p->method};
    for (int i = 0; i < 3; i++)
        assert(words[i] == NULL || strlen(words[i]) < SIZE_MAX);
    if (roost_value_encode(p->keys, &bytes, &len) == ROOST_OK)
        free(bytes);
}

static void use_server(roost_manager *m)
{
    roost_value v, names[] = {roost_str("a"), roost_str("b")};
    roost_grant grants[2];
    roost_parties parties;
    if (roost_server_parties(m, roost_str("a"), &parties) == ROOST_OK) {
        for (size_t i = 0; i < parties.holder_count + parties.waiter_count; i++)
            walk_party(&parties.holders[i]); /* both lists lie in one block */
        roost_parties_free(&parties);
    }
    (void)roost_server_acquire(m, roost_array(names, 2), grants, 100);
    if (roost_server_sessions(m, 0, 10, &v) == ROOST_OK)
        check_value(&v);
    if (roost_server_find(m, "a", &v) == ROOST_OK)
        check_value(&v);
}

/* Calls that are answered later, in whatever order. */
static void use_pending(roost_manager *m)
{
    enum { N = 3 };
    static const char *const methods[] = {"get", "info", "ping"};
    roost_pending *p[N] = {NULL};
    roost_value one = roost_int(1), v;
    size_t n = 0, done;
    for (int i = 0; i < N; i++)
        if (roost_call_async(m,
                             i == 0 ? (roost_value){.kind = ROOST_REF, .len = ROOST_TYPE_queue, .as.ref = 1}
                                    : roost_nil(),
                             methods[i], &one, i == 2, &p[n], -1) == ROOST_OK)
            n++;
    (void)roost_pending_wait_many(p, n, ROOST_FIRST_COMPLETED, &done, 10);
    for (size_t i = 0; i < n; i++) {
        if (roost_pending_result(p[i], &v, 10) == ROOST_OK)
            assert(v.kind <= ROOST_REF);
        (void)roost_pending_cancel(p[i]);
        roost_pending_free(p[i]);
    }
}

static void use(roost_manager *m)
{
    roost_dict *d = NULL;
    roost_list *l = NULL;
    roost_queue *q = NULL;
    roost_lock *lock = NULL;
    for (int i = 0; i < CALLS_MAX && decisions.len > 0; i++)
        switch (decide() % 6) {
        case 0:
            if (d != NULL || roost_dict_open(m, "d", &d) == ROOST_OK)
                use_dict(d);
            break;
        case 1:
            if (l != NULL || roost_list_open(m, "l", &l) == ROOST_OK)
                use_list(l);
            break;
        case 2:
            if (q != NULL || roost_queue_open(m, "q", NULL, &q) == ROOST_OK)
                use_queue(q);
            break;
        case 3:
            if (lock != NULL || roost_lock_open(m, "l", &lock) == ROOST_OK)
                use_lock(lock);
            break;
        case 4:
            use_server(m);
            break;
        default:
            use_pending(m);
        }
    roost_dict_close(d);
    roost_list_close(l);
    roost_queue_close(q);
    roost_lock_close(lock);
}

static const char *key_path(void)
{
    static char path[64];
    static const char key[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
    if (*path == '\0') {
        int fd = memfd_create("key", MFD_CLOEXEC);
        assert(fd >= 0 && fchmod(fd, 0600) == 0 && write(fd, key, sizeof(key) - 1) == sizeof(key) - 1);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    }
    return path;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    roost_options options = {.grace_ms = 50, .lease_ms = -1, .no_ring = true};
    roost_manager *m;
    decisions = slice_of(data, size);
    streams = 0;
    asked = 0;
    said = buf_make(SIZE_MAX / 2);
    world_begin();
    flags = decide();
    if (flags & WITH_KEY) {
        options.identity = "alice";
        options.key_file = key_path();
    }
    if (roost_connect("ipc:///nowhere", &options, &m) == ROOST_OK) {
        assert((flags & WITH_KEY) == 0);
        use(m);
        roost_manager_close(m);
    }
    world_end();
    roost__buf_free(&said);
    return 0;
}
