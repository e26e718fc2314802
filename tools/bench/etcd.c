/* etcd.c: see etcd.h. */
#include "etcd.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "servers.h"

enum { MESSAGE_MAX = 1024, GRPC_HEADER = 5 /* compressed or not, length */ };

static struct {
    int members;
    pid_t pids[ETCD_MEMBERS_MAX];
    int client_ports[ETCD_MEMBERS_MAX], peer_ports[ETCD_MEMBERS_MAX];
} s;

/* ---- servers ---- */

static void run_member(const char *folder, int i, const char *all)
{
    char name[16], data[128], client[64], peer[64];
    snprintf(name, sizeof(name), "m%d", i);
    snprintf(data, sizeof(data), "%s/etcd%d", folder, i);
    snprintf(client, sizeof(client), "http://127.0.0.1:%d", s.client_ports[i]);
    snprintf(peer, sizeof(peer), "http://127.0.0.1:%d", s.peer_ports[i]);
    if (freopen("/dev/null", "w", stdout) == NULL || freopen("/dev/null", "w", stderr) == NULL)
        _exit(127);
    execlp("etcd", "etcd", "--name", name, "--data-dir", data, "--listen-client-urls", client,
           "--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls",
           peer, "--initial-cluster", all, (char *)NULL);
    _exit(127);
}

/* It has ended, because it is not there. */
static bool is_missing(int i)
{
    int status;
    if (waitpid(s.pids[i], &status, WNOHANG) != s.pids[i])
        return false;
    s.pids[i] = 0;
    return true;
}

int etcd_begin(const char *folder, int members)
{
    char all[256] = "";
    s.members = members;
    for (int i = 0; i < members; i++) {
        s.client_ports[i] = bench_free_port();
        s.peer_ports[i] = bench_free_port();
        size_t at = strlen(all);
        snprintf(all + at, sizeof(all) - at, "%sm%d=http://127.0.0.1:%d", i > 0 ? "," : "", i,
                 s.peer_ports[i]);
    }
    for (int i = 0; i < members; i++) {
        s.pids[i] = fork();
        if (s.pids[i] == 0)
            run_member(folder, i, all);
    }
    for (int tries = 0; tries < 300; tries++) {
        if (is_missing(0)) {
            fprintf(stderr, "etcd is not installed: tools/setup bench\n");
            return 1;
        }
        struct etcd *e = etcd_open(0);
        int rc = e != NULL ? etcd_put(e, "ready", "1") : -1;
        etcd_close(e);
        if (rc == 0)
            return 0;
        usleep(100000);
    }
    fprintf(stderr, "etcd does not answer\n");
    return -1;
}

void etcd_end(void)
{
    for (int i = 0; i < s.members; i++) {
        if (s.pids[i] <= 0)
            continue;
        kill(s.pids[i], SIGKILL);
        waitpid(s.pids[i], NULL, 0);
    }
    memset(&s, 0, sizeof(s));
}

/* ---- a client ---- */

struct etcd {
    int fd, port;
    nghttp2_session *session;
    const uint8_t *message; /* of the call under way */
    size_t len;
    bool done;
    int status; /* of gRPC, in the trailer; -1: none came */
};

static ssize_t send_bytes(nghttp2_session *session, const uint8_t *data, size_t n, int flags, void *arg)
{
    const struct etcd *e = arg;
    (void)session;
    (void)flags;
    ssize_t sent = send(e->fd, data, n, MSG_NOSIGNAL);
    return sent < 0 ? NGHTTP2_ERR_CALLBACK_FAILURE : sent;
}

static int take_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                       size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *arg)
{
    struct etcd *e = arg;
    (void)session;
    (void)frame;
    (void)flags;
    if (name_len == 11 && memcmp(name, "grpc-status", 11) == 0 && value_len > 0)
        e->status = value_len == 1 ? value[0] - '0' : 1;
    return 0;
}

static int stream_closed(nghttp2_session *session, int32_t stream, uint32_t code, void *arg)
{
    struct etcd *e = arg;
    (void)session;
    (void)stream;
    (void)code;
    e->done = true;
    return 0;
}

static ssize_t give_body(nghttp2_session *session, int32_t stream, uint8_t *to, size_t max, uint32_t *flags,
                         nghttp2_data_source *source, void *arg)
{
    struct etcd *e = arg;
    (void)session;
    (void)stream;
    (void)source;
    size_t n = e->len < max ? e->len : max;
    memcpy(to, e->message, n);
    e->message += n;
    e->len -= n;
    if (e->len == 0)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

static bool begin_session(struct etcd *e)
{
    nghttp2_session_callbacks *callbacks;
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        return false;
    nghttp2_session_callbacks_set_send_callback(callbacks, send_bytes);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, take_header);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, stream_closed);
    int rc = nghttp2_session_client_new(&e->session, callbacks, e);
    nghttp2_session_callbacks_del(callbacks);
    return rc == 0 && nghttp2_submit_settings(e->session, NGHTTP2_FLAG_NONE, NULL, 0) == 0;
}

struct etcd *etcd_open(int member)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct etcd *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return NULL;
    e->port = s.client_ports[member];
    a.sin_port = htons((uint16_t)e->port);
    e->fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(e->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (connect(e->fd, (struct sockaddr *)&a, sizeof(a)) == 0 && begin_session(e))
        return e;
    etcd_close(e);
    return NULL;
}

void etcd_close(struct etcd *e)
{
    if (e == NULL)
        return;
    nghttp2_session_del(e->session);
    close(e->fd);
    free(e);
}

/* Field `number`, of fewer than 128 bytes. */
static size_t put_field(unsigned char *to, int number, const void *bytes, size_t len)
{
    to[0] = (unsigned char)(number << 3 | 2);
    to[1] = (unsigned char)len;
    memcpy(to + 2, bytes, len);
    return 2 + len;
}

#define HEADER(name, value)                                                                         \
    {                                                                                               \
        (uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), strlen(name), strlen(value), 0 \
    }

/* Sends and reads until the call is over. */
static int await_answer(struct etcd *e)
{
    uint8_t bytes[4096];
    while (!e->done) {
        if (nghttp2_session_send(e->session) != 0)
            return -1;
        ssize_t n = e->done ? 0 : recv(e->fd, bytes, sizeof(bytes), 0);
        if (n <= 0 || nghttp2_session_mem_recv(e->session, bytes, (size_t)n) < 0)
            return -1;
    }
    return e->status == 0 ? 0 : -1;
}

/* One call, key in field 1, value, if any, in field 2. */
static int ask(struct etcd *e, const char *path, const char *key, const char *value)
{
    unsigned char message[MESSAGE_MAX] = {0};
    char authority[32];
    size_t len = put_field(message + GRPC_HEADER, 1, key, strlen(key));
    if (value != NULL)
        len += put_field(message + GRPC_HEADER + len, 2, value, strlen(value));
    message[3] = (unsigned char)(len >> 8);
    message[4] = (unsigned char)len;
    snprintf(authority, sizeof(authority), "127.0.0.1:%d", e->port);
    const nghttp2_nv headers[] = {
        HEADER(":method", "POST"), HEADER(":scheme", "http"),
        HEADER(":path", path),     HEADER(":authority", authority),
        HEADER("te", "trailers"),  HEADER("content-type", "application/grpc+proto")};
    nghttp2_data_provider body = {.read_callback = give_body};
    e->message = message;
    e->len = GRPC_HEADER + len;
    e->done = false;
    e->status = -1;
    if (nghttp2_submit_request(e->session, NULL, headers, sizeof(headers) / sizeof(headers[0]), &body, NULL) <
            0 ||
        await_answer(e) != 0) {
        fprintf(stderr, "etcd: %s: no answer, or status %d\n", path, e->status);
        return -1;
    }
    return 0;
}

int etcd_put(struct etcd *e, const char *key, const char *value)
{
    return ask(e, "/etcdserverpb.KV/Put", key, value);
}

int etcd_get(struct etcd *e, const char *key)
{
    return ask(e, "/etcdserverpb.KV/Range", key, NULL);
}
