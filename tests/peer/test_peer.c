/*
 * test_peer.c: connections between nodes, plain and with TLS, and all who must not become one: other
 * clusters, other nodes, clients, strangers who say nothing, half of it, or anything. One loop.
 */
#include "tests/peer/peer_support.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "roost/roost.h"
#include "shell/address.h"
#include "shell/peer_hello.h"
#include "shell/peer_stream.h"

enum { BIG = 24 << 20 };

/* ---- bytes through the streams that libraft gets ---- */

struct reader {
    uint64_t got;
    bool wrong, ended;
    uint8_t seed;
};

enum { PERIOD = 65521 /* a prime: of no buffer's size */, ROOM = 65536, SEEDS = 4 };

/* What stands at a place of a transfer, and the ROOM bytes from there on. */
static const uint8_t *bytes_at(uint64_t at, uint8_t seed)
{
    static uint8_t all[SEEDS][PERIOD + ROOM];
    static bool filled[SEEDS];
    for (size_t i = 0; !filled[seed] && i < PERIOD + ROOM; i++)
        all[seed][i] = (uint8_t)((i % PERIOD * 2654435761u >> 13) + seed);
    filled[seed] = true;
    return all[seed] + at % PERIOD;
}

static void give_room(uv_handle_t *handle, size_t wish, uv_buf_t *ret)
{
    static char room[ROOM];
    (void)handle;
    (void)wish;
    *ret = uv_buf_init(room, sizeof(room));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct reader *r = stream->data;
    r->wrong = r->wrong || (n > 0 && memcmp(buf->base, bytes_at(r->got, r->seed), (size_t)n) != 0);
    r->got += n > 0 ? (uint64_t)n : 0;
    r->ended = r->ended || n < 0;
}

static void read_from(struct uv_stream_s *s, struct reader *r, uint8_t seed)
{
    *r = (struct reader){.seed = seed};
    s->data = r;
    assert_int_equal(uv_read_start(s, give_room, on_read), 0);
}

struct writing {
    uv_write_t request;
    uint8_t *bytes;
    bool done;
    int status;
};

static void on_written(uv_write_t *request, int status)
{
    struct writing *w = request->data;
    w->done = true;
    w->status = status;
    free(w->bytes);
}

static void write_to(struct uv_stream_s *s, struct writing *w, size_t len, uint8_t seed)
{
    *w = (struct writing){.bytes = malloc(len), .request.data = w};
    assert_non_null(w->bytes);
    for (size_t at = 0; at < len; at += PERIOD)
        memcpy(w->bytes + at, bytes_at(at, seed), len - at < PERIOD ? len - at : PERIOD);
    uv_buf_t buf = uv_buf_init((char *)w->bytes, (unsigned)len);
    assert_int_equal(uv_write(&w->request, s, &buf, 1, on_written), 0);
}

static void exchange(struct uv_stream_s *a, struct uv_stream_s *b, size_t len)
{
    struct reader at_a, at_b;
    struct writing from_a, from_b;
    read_from(a, &at_a, 1);
    read_from(b, &at_b, 2);
    write_to(a, &from_a, len, 2);
    write_to(b, &from_b, len, 1);
    run_until(at_a.got == len && at_b.got == len && from_a.done && from_b.done);
    assert_false(at_a.wrong || at_b.wrong);
    uv_read_stop(a);
    uv_read_stop(b);
}

/* ---- strangers: bare sockets ---- */

static int bare_connect(int i)
{
    char host[64];
    struct sockaddr_in to = {.sin_family = AF_INET};
    snprintf(host, sizeof(host), "%s", address_of(i));
    char *colon = strchr(host, ':');
    to.sin_port = htons((uint16_t)atoi(colon + 1));
    *colon = '\0';
    assert_int_equal(inet_pton(AF_INET, host, &to.sin_addr), 1);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

/* The other end has closed, or cut, what is read away. */
static bool has_ended(int fd)
{
    char junk[4096];
    ssize_t n;
    while ((n = recv(fd, junk, sizeof(junk), MSG_DONTWAIT)) > 0)
        ;
    return n == 0 || errno != EAGAIN;
}

static size_t hello_bytes(raft_id from, raft_id to, const char *cluster, uint32_t version, uint8_t *ret)
{
    struct peer_hello h = {.version = version, .from = from, .to = to};
    strcpy(h.address, "127.0.0.1:1");
    strcpy(h.cluster, cluster);
    return peer_hello_write(&h, ret);
}

static bool take_some(struct peer_stream *s, uint8_t *bytes, size_t *len, size_t want, bool *ret_ended)
{
    int n = peer_stream_recv(s, bytes + *len, want - *len);
    *ret_ended = n == 0 || n == PEER_BROKEN;
    *len += n > 0 ? (size_t)n : 0;
    return *len == want || *ret_ended;
}

/* Reads a greeting; false when the other ends instead. */
static bool hear(struct peer_stream *s, struct peer_hello *ret)
{
    uint8_t bytes[PEER_HELLO_HEADER + PEER_HELLO_MAX];
    size_t len = 0;
    bool ended = false;
    run_until(take_some(s, bytes, &len, PEER_HELLO_HEADER, &ended));
    if (ended)
        return false;
    int more = peer_hello_body(bytes);
    assert_true(more >= 0);
    run_until(take_some(s, bytes, &len, PEER_HELLO_HEADER + (size_t)more, &ended));
    return !ended && peer_hello_read(slice_of(bytes, len), ret) == ROOST_OK;
}

/* Greets nodes_[0] over a socket as this and that: what it says against it; "" when it is welcome, NULL when
 * it just ends. */
static const char *greet(struct peer_stream *s, raft_id from, raft_id to, const char *cluster,
                         uint32_t version)
{
    static struct peer_hello answer;
    uint8_t bytes[PEER_HELLO_HEADER + PEER_HELLO_MAX];
    size_t len = hello_bytes(from, to, cluster, version, bytes);
    if (peer_stream_send(s, bytes, len) != (int)len || !hear(s, &answer))
        return NULL;
    return answer.refusal;
}

static const char *greet_plain(raft_id from, raft_id to, const char *cluster, uint32_t version)
{
    struct peer_stream s;
    OK(peer_stream_init(&s, bare_connect(0), NULL, NULL));
    const char *says = greet(&s, from, to, cluster, version);
    peer_stream_end(&s);
    return says;
}

static bool shaken(struct peer_stream *s, int *ret)
{
    *ret = peer_stream_shake(s);
    return *ret == 0 || *ret == PEER_BROKEN;
}

/* Calls nodes_[0] with a certificate, and says it is node 2 of prod. NULL: there was no greeting. */
static const char *greet_with(const struct credential_files *files)
{
    struct peer_tls tls;
    struct peer_stream s;
    const char *says = NULL;
    int rc;
    OK(peer_tls_load(files, &tls));
    OK(peer_stream_init(&s, bare_connect(0), &tls, "node-1.prod"));
    run_until(shaken(&s, &rc));
    if (rc == 0)
        says = greet(&s, 2, 1, "prod", PEER_VERSION);
    peer_stream_end(&s);
    peer_tls_free(&tls);
    return says;
}

static int count_fds(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}

static void open_two(bool tls)
{
    loop_begin();
    for (int i = 0; i < 2; i++) {
        if (tls)
            node_open_tls(i);
        else
            node_open(i, "prod", NULL);
    }
}

/* ---- nodes ---- */

static void try_exchange(bool tls)
{
    struct uv_stream_s *a, *b, *c, *d;
    open_two(tls);
    connect_nodes(0, 1, &a, &b);
    connect_nodes(1, 0, &c, &d);
    exchange(a, b, 1000);
    exchange(c, d, 100000);
    exchange(a, b, 1);
    stream_close(a);
    stream_close(b);
    stream_close(c);
    stream_close(d);
    loop_finish();
}

static void nodes_exchange_bytes_over_plain_tcp(void **state)
{
    (void)state;
    try_exchange(false);
}

static void nodes_exchange_bytes_over_tls(void **state)
{
    (void)state;
    try_exchange(true);
}

static void three_nodes_reach_each_other(void **state)
{
    (void)state;
    struct uv_stream_s *out[6], *in[6];
    size_t n = 0;
    open_two(true);
    node_open_tls(2);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            if (i != j) {
                connect_nodes(i, j, &out[n], &in[n]);
                n++;
            }
    for (size_t i = 0; i < n; i++)
        exchange(out[i], in[i], 5000);
    for (size_t i = 0; i < n; i++) {
        stream_close(out[i]);
        stream_close(in[i]);
    }
    loop_finish();
}

static void try_end(bool tls)
{
    struct uv_stream_s *a, *b;
    struct reader at_b;
    struct writing from_a;
    open_two(tls);
    connect_nodes(0, 1, &a, &b);
    read_from(b, &at_b, 3);
    write_to(a, &from_a, 3000000, 3);
    run_until(from_a.done);
    stream_close(a);
    run_until(at_b.ended);
    assert_int_equal(at_b.got, 3000000);
    assert_false(at_b.wrong);
    stream_close(b);
    run_until(peer_count(&nodes_[0].transport) == 0 && peer_count(&nodes_[1].transport) == 0);
    loop_finish();
}

static void what_was_written_arrives_before_the_end(void **state)
{
    (void)state;
    try_end(false);
    try_end(true);
}

static void a_node_that_goes_ends_its_connections(void **state)
{
    (void)state;
    struct uv_stream_s *a, *b;
    struct reader at_a;
    open_two(true);
    connect_nodes(0, 1, &a, &b);
    read_from(a, &at_a, 0);
    node_close(1);
    run_until(at_a.ended);
    stream_close(a);
    stream_close(b);
    loop_finish();
}

/* ---- much ---- */

static void idle(uv_timer_t *timer)
{
    bool *done = timer->data;
    *done = true;
}

/* Has nothing moved for a while? */
static bool stands_still(const struct uv_stream_s *s)
{
    bool done = false;
    uv_timer_t timer;
    size_t before = s->write_queue_size;
    uv_timer_init(&loop_, &timer);
    timer.data = &done;
    uv_update_time(&loop_);
    uv_timer_start(&timer, idle, 100, 0);
    run_until(done);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&loop_, UV_RUN_NOWAIT);
    return s->write_queue_size == before;
}

/* The writer waits for a reader that does not read; then all arrives, both ways. */
static void try_much(bool tls)
{
    struct uv_stream_s *a, *b;
    struct writing from_a, from_b;
    struct reader at_a, at_b;
    open_two(tls);
    connect_nodes(0, 1, &a, &b);
    write_to(a, &from_a, BIG, 1);
    write_to(b, &from_b, BIG, 2);
    while (!stands_still(a) || !stands_still(b))
        ;
    assert_false(from_a.done || from_b.done);
    assert_true(a->write_queue_size > BIG / 4 && b->write_queue_size > BIG / 4);
    read_from(a, &at_a, 2); /* both: who is not read from for PEER_SILENCE_MS is given up */
    read_from(b, &at_b, 1);
    run_until(at_a.got == BIG && at_b.got == BIG);
    assert_false(at_a.wrong || at_b.wrong);
    assert_true(from_a.done && from_b.done && from_a.status == 0 && from_b.status == 0);
    stream_close(a);
    stream_close(b);
    loop_finish();
}

static void a_slow_reader_makes_the_writer_wait_and_gets_all(void **state)
{
    (void)state;
    try_much(false);
    try_much(true);
}

/* ---- who is no node ---- */

static void assert_says(const char *says, const char *words)
{
    if (says == NULL || strstr(says, words) == NULL)
        fail_msg("it says \"%s\", without \"%s\"", says != NULL ? says : "nothing", words);
}

static void greetings_that_are_wrong_are_refused_with_words(void **state)
{
    (void)state;
    loop_begin();
    node_open(0, "prod", NULL);
    assert_says(greet_plain(2, 1, "test", PEER_VERSION), "of the cluster test, we of prod");
    assert_says(greet_plain(2, 3, "prod", PEER_VERSION), "looks for node 3, we are 1");
    assert_says(greet_plain(1, 1, "prod", PEER_VERSION), "it is node 1, as we are");
    assert_says(greet_plain(2, 1, "prod", PEER_VERSION + 1), "speaks version 2, we 1");
    assert_null(greet_plain(0, 1, "prod", PEER_VERSION));
    assert_null(greet_plain(2, 1, "p:rod", PEER_VERSION));
    assert_int_equal(nodes_[0].accepted_count, 0);
    assert_string_equal(greet_plain(2, 1, "prod", PEER_VERSION), "");
    run_until(nodes_[0].accepted_count == 1);
    loop_finish();
}

static void a_call_fails_when_it_reaches_another(void **state)
{
    (void)state;
    struct call c;
    loop_begin();
    node_open(0, "prod", NULL);
    node_open(1, "test", NULL);
    call_begin(&c, 0, 2, address_of(1)); /* of another cluster */
    assert_int_equal(call_wait(&c), RAFT_NOCONNECTION);
    node_close(1);
    call_begin(&c, 0, 2, address_of(1)); /* away */
    assert_int_equal(call_wait(&c), RAFT_NOCONNECTION);
    node_open(1, "prod", NULL);
    call_begin(&c, 0, 3, address_of(1)); /* another node */
    assert_int_equal(call_wait(&c), RAFT_NOCONNECTION);
    call_begin(&c, 0, 2, "no address");
    assert_int_equal(call_wait(&c), RAFT_NOCONNECTION);
    call_begin(&c, 0, 2, "no..such:1");
    assert_int_equal(call_wait(&c), RAFT_NOCONNECTION);
    assert_int_equal(nodes_[1].accepted_count, 0);
    loop_finish();
}

static void without_tls_nobody_talks_to_who_has_it(void **state)
{
    (void)state;
    struct call c;
    loop_begin();
    node_open_tls(0);
    node_open(1, "prod", NULL);
    call_begin(&c, 0, 2, address_of(1));
    assert_int_equal(call_wait(&c), RAFT_NOCONNECTION);
    call_begin(&c, 1, 1, address_of(0));
    assert_int_equal(call_wait(&c), RAFT_NOCONNECTION);
    assert_int_equal(nodes_[0].accepted_count + nodes_[1].accepted_count, 0);
    loop_finish();
}

static void only_the_nodes_certificate_makes_a_node(void **state)
{
    (void)state;
    const struct credential_files good = files_of("ours", "ours", "node-2.prod"),
                                  theirs = files_of("ours", "theirs", "node-2.prod"),
                                  client = files_of("ours", "ours", "client"),
                                  server = files_of("ours", "", "server"), old = files_of("ours", "", "old"),
                                  third = files_of("ours", "ours", "node-3.prod"),
                                  test = files_of("ours", "ours", "node-2.test");
    loop_begin();
    node_open_tls(0);
    assert_null(greet_with(&theirs)); /* another authority */
    assert_null(greet_with(&old));
    assert_null(greet_with(&server)); /* TLS itself asks for a certificate that may call */
    assert_says(greet_with(&client), "certificate is not that of node-2.prod");
    assert_says(greet_with(&third), "certificate is not that of node-2.prod");
    assert_says(greet_with(&test), "certificate is not that of node-2.prod");
    assert_int_equal(nodes_[0].accepted_count, 0);
    assert_string_equal(greet_with(&good), "");
    run_until(nodes_[0].accepted_count == 1);
    loop_finish();
}

/* ---- the other side of that: who answers is no node ---- */

static bool accepted(int listener, int *ret)
{
    *ret = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return *ret >= 0;
}

/* nodes_[0] calls node 2, and somebody with these files answers as node `id`. */
static int call_answered_by(const struct credential_files *files, raft_id id)
{
    char url[128], bound[128], why[128];
    struct peer_tls tls;
    struct peer_stream s;
    struct call c;
    int fd, rc;
    snprintf(url, sizeof(url), "tcp://%s", address_of(1));
    int listener = address_listen(url, 0, bound, sizeof(bound), why, sizeof(why));
    assert_true(listener >= 0);
    OK(peer_tls_load(files, &tls));
    call_begin(&c, 0, 2, address_of(1));
    run_until(accepted(listener, &fd));
    OK(peer_stream_init(&s, fd, &tls, NULL));
    run_until(shaken(&s, &rc));
    if (rc == 0) {
        uint8_t bytes[PEER_HELLO_HEADER + PEER_HELLO_MAX];
        size_t len = hello_bytes(id, 1, "prod", PEER_VERSION, bytes);
        (void)peer_stream_send(&s, bytes, len);
    }
    rc = call_wait(&c);
    if (rc == 0)
        stream_close(c.stream);
    peer_stream_end(&s);
    peer_tls_free(&tls);
    close(listener);
    return rc;
}

static void only_the_nodes_certificate_answers_a_call(void **state)
{
    (void)state;
    const struct credential_files good = files_of("ours", "ours", "node-2.prod"),
                                  theirs = files_of("ours", "theirs", "node-2.prod"),
                                  client = files_of("ours", "ours", "client"),
                                  server = files_of("ours", "", "server"), old = files_of("ours", "", "old"),
                                  third = files_of("ours", "ours", "node-3.prod");
    loop_begin();
    node_open_tls(0);
    assert_int_equal(call_answered_by(&theirs, 2), RAFT_NOCONNECTION);
    assert_int_equal(call_answered_by(&client, 2), RAFT_NOCONNECTION);
    assert_int_equal(call_answered_by(&server, 2), RAFT_NOCONNECTION);
    assert_int_equal(call_answered_by(&old, 2), RAFT_NOCONNECTION);
    assert_int_equal(call_answered_by(&third, 2), RAFT_NOCONNECTION);
    assert_int_equal(call_answered_by(&good, 3), RAFT_NOCONNECTION);
    assert_int_equal(call_answered_by(&good, 2), 0);
    loop_finish();
}

static void a_node_does_not_start_with_anothers_certificate(void **state)
{
    (void)state;
    struct raft_uv_transport t;
    const struct credential_files files = files_of("ours", "ours", "node-2.prod"), half = {.ca = files.ca};
    struct peer_settings settings = {.cluster = "prod", .tls = &files};
    loop_begin();
    OK(peer_init(&t, &loop_, &settings));
    assert_int_equal(t.init(&t, 1, address_of(0)), RAFT_INVALID);
    assert_non_null(strstr(t.errmsg, "not that of node-1.prod"));
    assert_int_equal(t.init(&t, 2, "nowhere"), RAFT_INVALID);
    peer_fini(&t);
    settings.tls = &half;
    fails_with(peer_init(&t, &loop_, &settings), ROOST_EINVAL, "needs a CA, a certificate and its key");
    settings = (struct peer_settings){.cluster = "a.b"};
    fails_with(peer_init(&t, &loop_, &settings), ROOST_EINVAL, "a cluster's name");
    loop_finish();
}

static void two_nodes_cannot_listen_at_one_address(void **state)
{
    (void)state;
    struct raft_uv_transport t;
    const struct peer_settings settings = {.cluster = "prod"};
    struct node closing = {.id = 2};
    open_two(false);
    OK(peer_init(&t, &loop_, &settings));
    t.data = &closing;
    assert_int_equal(t.init(&t, 2, address_of(1)), 0);
    assert_int_equal(t.listen(&t, NULL), RAFT_IOERR);
    assert_non_null(strstr(t.errmsg, "nodes cannot reach us at"));
    peer_fini(&t); /* nothing was begun */
    loop_finish();
}

/* ---- strangers ---- */

static void try_half(bool tls)
{
    static const uint8_t client_hello[] = {22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3}; /* the beginning of one */
    enum { HALVES = 4 };
    int fds[HALVES];
    uint8_t bytes[PEER_HELLO_HEADER + PEER_HELLO_MAX];
    size_t len = hello_bytes(2, 1, "prod", PEER_VERSION, bytes);
    struct uv_stream_s *a, *b;
    open_two(tls);
    for (int i = 0; i < HALVES; i++)
        fds[i] = bare_connect(0); /* the first says nothing */
    assert_int_equal(send(fds[1], tls ? client_hello : bytes, 1, 0), 1);
    assert_int_equal(send(fds[2], tls ? client_hello : bytes, sizeof(client_hello), 0), sizeof(client_hello));
    size_t more = tls ? sizeof(client_hello) : len - 1;
    assert_int_equal(send(fds[3], tls ? client_hello : bytes, more, 0), more);
    uint64_t begin = uv_hrtime();
    connect_nodes(1, 0, &a, &b); /* meanwhile */
    exchange(a, b, 1000);
    for (int i = 0; i < HALVES; i++)
        run_until(has_ended(fds[i]));
    assert_true(uv_hrtime() - begin >= (PEER_GREETING_MS - 1000) * 1000000ULL);
    for (int i = 0; i < HALVES; i++)
        close(fds[i]);
    exchange(a, b, 1000);
    stream_close(a);
    stream_close(b);
    loop_finish();
}

static void half_a_greeting_is_dropped_in_time(void **state)
{
    (void)state;
    try_half(false);
    try_half(true);
}

static void silent_strangers_are_few_and_keep_no_node_out(void **state)
{
    (void)state;
    enum { SILENT = 200 };
    int fds[SILENT], open = 0;
    struct uv_stream_s *a, *b;
    open_two(true);
    for (int i = 0; i < SILENT; i++)
        fds[i] = bare_connect(0);
    connect_nodes(1, 0, &a, &b);
    exchange(a, b, 1000);
    for (int i = 0; i < SILENT; i++)
        open += !has_ended(fds[i]);
    assert_true(open < PEER_STRANGERS_MAX);
    for (int i = 0; i < SILENT; i++)
        close(fds[i]);
    stream_close(a);
    stream_close(b);
    loop_finish();
}

static void a_thousand_drops_leave_nothing(void **state)
{
    (void)state;
    static const struct linger cut = {.l_onoff = 1};
    uint8_t bytes[PEER_HELLO_HEADER + PEER_HELLO_MAX];
    for (int tls = 0; tls < 2; tls++) {
        struct uv_stream_s *a, *b;
        open_two(tls);
        connect_nodes(1, 0, &a, &b);
        exchange(a, b, 1000);
        int before = count_fds();
        for (unsigned i = 0; i < 1000; i++) {
            size_t len = hello_bytes(2, 1, "prod", PEER_VERSION, bytes);
            int fd = bare_connect(0);
            for (size_t k = 0; i % 3 == 0 && k < len; k++)
                bytes[k] = (uint8_t)(rand() >> 8);
            len = i % (len + 1) == len ? 0 : i % (len + 1);
            assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
            if (i % 2 == 0)
                setsockopt(fd, SOL_SOCKET, SO_LINGER, &cut, sizeof(cut));
            if (i % 4 == 0)
                uv_run(&loop_, UV_RUN_NOWAIT);
            close(fd);
            uv_run(&loop_, UV_RUN_NOWAIT);
        }
        run_until(count_fds() <= before);
        assert_int_equal(nodes_[0].accepted_count, 0);
        exchange(a, b, 1000);
        stream_close(a);
        stream_close(b);
        loop_finish();
    }
}

/* ---- closing ---- */

/* The callback comes once, whenever the transport is closed; nothing stays on the loop (loop_finish()). */
static void a_transport_closes_in_every_state(void **state)
{
    (void)state;
    for (int tls = 0; tls < 2; tls++) {
        int connected = 0;
        for (int turns = 0; connected < 3; turns++) {
            struct call c, other, named;
            open_two(tls);
            call_begin(&c, 0, 2, address_of(1));
            call_begin(&other, 1, 1, address_of(0));
            call_begin(&named, 0, 3, "localhost:1");
            for (int i = 0; i < turns; i++)
                uv_run(&loop_, UV_RUN_NOWAIT);
            node_close(turns % 2);
            node_close(1 - turns % 2);
            assert_true(c.done && other.done && named.done);
            assert_true(c.status == 0 || c.status == RAFT_CANCELED || c.status == RAFT_NOCONNECTION);
            connected += c.status == 0 && other.status == 0;
            if (c.status == 0)
                stream_close(c.stream);
            if (other.status == 0)
                stream_close(other.stream);
            loop_finish();
        }
    }
}

static void a_name_is_looked_up(void **state)
{
    (void)state;
    char bound[128], why[128], address[128];
    struct call c, second;
    struct peer_stream s;
    struct peer_hello h;
    int fd;
    int listener = address_listen("tcp://localhost:0", 0, bound, sizeof(bound), why, sizeof(why));
    assert_true(listener >= 0);
    loop_begin();
    node_open(0, "prod", NULL);
    snprintf(address, sizeof(address), "%s", bound + strlen("tcp://"));
    call_begin(&c, 0, 2, address);
    call_begin(&second, 0, 3, address); /* one at a time: the disk needs the loop's other threads */
    assert_int_equal(second.status, RAFT_NOCONNECTION);
    run_until(accepted(listener, &fd));
    OK(peer_stream_init(&s, fd, NULL, NULL));
    assert_true(hear(&s, &h));
    assert_int_equal(h.from, 1);
    assert_string_equal(h.address, address_of(0));
    peer_stream_end(&s);
    assert_int_equal(call_wait(&c), RAFT_NOCONNECTION);
    close(listener);
    loop_finish();
}

/* ---- the greeting as bytes ---- */

static void a_greeting_is_read_as_it_was_written(void **state)
{
    (void)state;
    uint8_t bytes[PEER_HELLO_HEADER + PEER_HELLO_MAX];
    struct peer_hello h = {.version = PEER_VERSION, .from = 7, .to = UINT64_MAX}, back;
    memset(h.address, 'a', PEER_ADDRESS_MAX);
    memset(h.cluster, 'c', PEER_CLUSTER_MAX);
    memset(h.refusal, 'r', PEER_REFUSAL_MAX);
    size_t len = peer_hello_write(&h, bytes);
    assert_int_equal(peer_hello_body(bytes), len - PEER_HELLO_HEADER);
    OK(peer_hello_read(slice_of(bytes, len), &back));
    assert_memory_equal(&h, &back, sizeof(h));
    for (size_t cut = PEER_HELLO_HEADER; cut < len; cut++)
        assert_int_equal(peer_hello_read(slice_of(bytes, cut), &back), ROOST_EPROTO);
}

static void no_bytes_make_a_greeting_that_could_not_be_written(void **state)
{
    (void)state;
    uint8_t bytes[PEER_HELLO_HEADER + PEER_HELLO_MAX], again[sizeof(bytes)];
    unsigned good = 0;
    srand(7);
    for (int i = 0; i < 300000; i++) {
        struct peer_hello h;
        size_t len = hello_bytes(2, 1, "prod", PEER_VERSION, bytes);
        for (int k = rand() % 4; k > 0; k--)
            bytes[(size_t)rand() % len] = (uint8_t)(rand() >> 8);
        uint8_t *exact = malloc(len); /* for the sanitizer */
        memcpy(exact, bytes, len);
        if (peer_hello_body(exact) == (int)len - PEER_HELLO_HEADER &&
            peer_hello_read(slice_of(exact, len), &h) == ROOST_OK && h.version == PEER_VERSION) {
            assert_int_equal(peer_hello_write(&h, again), len);
            assert_memory_equal(exact, again, len);
            good++;
        }
        free(exact);
    }
    assert_true(good > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_exchange_bytes_over_plain_tcp),
        cmocka_unit_test(nodes_exchange_bytes_over_tls),
        cmocka_unit_test(three_nodes_reach_each_other),
        cmocka_unit_test(what_was_written_arrives_before_the_end),
        cmocka_unit_test(a_node_that_goes_ends_its_connections),
        cmocka_unit_test(a_slow_reader_makes_the_writer_wait_and_gets_all),
        cmocka_unit_test(greetings_that_are_wrong_are_refused_with_words),
        cmocka_unit_test(a_call_fails_when_it_reaches_another),
        cmocka_unit_test(without_tls_nobody_talks_to_who_has_it),
        cmocka_unit_test(only_the_nodes_certificate_makes_a_node),
        cmocka_unit_test(only_the_nodes_certificate_answers_a_call),
        cmocka_unit_test(a_node_does_not_start_with_anothers_certificate),
        cmocka_unit_test(two_nodes_cannot_listen_at_one_address),
        cmocka_unit_test(half_a_greeting_is_dropped_in_time),
        cmocka_unit_test(silent_strangers_are_few_and_keep_no_node_out),
        cmocka_unit_test(a_thousand_drops_leave_nothing),
        cmocka_unit_test(a_transport_closes_in_every_state),
        cmocka_unit_test(a_name_is_looked_up),
        cmocka_unit_test(a_greeting_is_read_as_it_was_written),
        cmocka_unit_test(no_bytes_make_a_greeting_that_could_not_be_written),
    };
    return cmocka_run_group_tests(tests, peers_set_up, folder_remove);
}
