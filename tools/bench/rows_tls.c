/*
 * rows_tls.c: clients over TLS against Redis over TLS: one that waits for each answer, small and large
 * values, fifty at once, and what a connection costs to open.
 *
 * Both servers have the same P-256 certificate; both speak TLS 1.2 with ECDHE-ECDSA-AES256-GCM-SHA384 over
 * P-256. Redis' client is hiredis' own parser and formatter over OpenSSL, as hiredis_ssl is, which Debian 12
 * lacks. Every connection begins with a whole handshake, on either side.
 */
#include <arpa/inet.h>
#include <hiredis/hiredis.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "latency.h"
#include "servers.h"

enum { CLIENTS = 50, BLOB = 64 << 10, PIECE = 16 << 10 };

/* A connection to Redis. */
struct link {
    int fd;
    SSL *ssl;
    redisReader *reader;
};

static struct {
    char folder[64], ca[80];
    struct bench_roostd roostd;
    pid_t redis;
    int port;
    SSL_CTX *context;
    roost_manager *m;
    roost_dict *d;
    struct link link;
    char blob[BLOB];
} s;

static struct {
    roost_manager *managers[CLIENTS];
    roost_dict *dicts[CLIENTS];
    struct link links[CLIENTS];
    int each;
} crowd;

/* ---- Redis' client ---- */

static void link_close(struct link *l)
{
    SSL_free(l->ssl);
    redisReaderFree(l->reader);
    if (l->fd > 0)
        close(l->fd);
    *l = (struct link){.fd = 0};
}

static int link_open(struct link *l)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)s.port)};
    int one = 1;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    l->reader = redisReaderCreate();
    l->ssl = SSL_new(s.context);
    if (connect(l->fd, (struct sockaddr *)&a, sizeof(a)) == 0 && SSL_set_fd(l->ssl, l->fd) == 1 &&
        SSL_connect(l->ssl) == 1)
        return 0;
    link_close(l);
    return -1;
}

static redisReply *link_receive(struct link *l)
{
    char piece[PIECE];
    void *reply = NULL;
    while (redisReaderGetReply(l->reader, &reply) == REDIS_OK && reply == NULL) {
        int n = SSL_read(l->ssl, piece, sizeof(piece));
        if (n <= 0)
            return NULL;
        redisReaderFeed(l->reader, piece, (size_t)n);
    }
    return reply;
}

/* One command; 0 when its answer is none of an error. */
static int __attribute__((format(printf, 2, 3))) link_do(struct link *l, const char *format, ...);
static int link_do(struct link *l, const char *format, ...)
{
    char *command;
    va_list ap;
    va_start(ap, format);
    int len = redisvFormatCommand(&command, format, ap);
    va_end(ap);
    if (len < 0 || SSL_write(l->ssl, command, len) != len)
        return -1;
    free(command);
    redisReply *reply = link_receive(l);
    int rc = reply != NULL && reply->type != REDIS_REPLY_ERROR ? 0 : -1;
    freeReplyObject(reply);
    return rc;
}

static int link_set_blob(struct link *l)
{
    const char *argv[] = {"HSET", "bench", "blob", s.blob};
    const size_t lens[] = {4, 5, 4, BLOB};
    char *command;
    int len = (int)redisFormatCommandArgv(&command, 4, argv, lens);
    int rc = len > 0 && SSL_write(l->ssl, command, len) == len ? 0 : -1;
    free(command);
    redisReply *reply = rc == 0 ? link_receive(l) : NULL;
    rc = reply != NULL && reply->type != REDIS_REPLY_ERROR ? 0 : -1;
    freeReplyObject(reply);
    return rc;
}

/* ---- beginning and ending ---- */

static int make_certificates(void)
{
    char command[1024];
    const char *roostd = getenv("ROOSTD");
    const char *slash = roostd != NULL ? strrchr(roostd, '/') : NULL;
    int n = slash != NULL ? (int)(slash - roostd + 1) : 0;
    strcpy(s.folder, "/tmp/roost-bench-tls-XXXXXX");
    if (mkdtemp(s.folder) == NULL)
        return -1;
    snprintf(s.ca, sizeof(s.ca), "%s/ca.pem", s.folder);
    snprintf(command, sizeof(command),
             "(%.*sroost keygen %s && %.*sroost cert %s --server db,localhost,127.0.0.1) >/dev/null", n,
             roostd != NULL ? roostd : "", s.folder, n, roostd != NULL ? roostd : "", s.folder);
    return system(command) == 0 ? 0 : -1;
}

static void run_redis(void)
{
    char port[16], cert[96], key[96];
    snprintf(port, sizeof(port), "%d", s.port);
    snprintf(cert, sizeof(cert), "%s/db.pem", s.folder);
    snprintf(key, sizeof(key), "%s/db.key", s.folder);
    if (freopen("/dev/null", "w", stdout) == NULL)
        _exit(127);
    execlp("redis-server", "redis-server", "--port", "0", "--tls-port", port, "--bind", "127.0.0.1",
           "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", s.ca, "--tls-auth-clients",
           "no", "--tls-protocols", "TLSv1.2", "--tls-session-caching", "no", "--save", "", "--appendonly",
           "no", "--dir", s.folder, (char *)NULL);
    _exit(127);
}

static int begin_redis(void)
{
    char curve[] = "P-256"; /* OpenSSL's macro wants it so */
    s.port = bench_free_port();
    s.redis = fork();
    if (s.redis == 0)
        run_redis();
    s.context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(s.context, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(s.context, "ECDHE-ECDSA-AES256-GCM-SHA384");
    SSL_CTX_set1_groups_list(s.context, curve);
    SSL_CTX_set_verify(s.context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(s.context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(s.context, SSL_OP_NO_TICKET);
    if (SSL_CTX_load_verify_locations(s.context, s.ca, NULL) != 1)
        return -1;
    for (int i = 0; i < 1000 && link_open(&s.link) != 0; i++) {
        if (waitpid(s.redis, NULL, WNOHANG) == s.redis) {
            s.redis = 0;
            fprintf(stderr, "no redis-server with TLS: tools/setup bench\n");
            return 1;
        }
        usleep(5000);
    }
    return s.link.fd > 0 ? 0 : -1;
}

static int connect_roost(roost_manager **ret)
{
    const roost_options o = {.tls_ca = s.ca};
    return roost_connect(s.roostd.url, &o, ret) != 0 ? bench_complain() : 0;
}

static int begin_roostd(void)
{
    char cert[96], key[96];
    snprintf(cert, sizeof(cert), "%s/db.pem", s.folder);
    snprintf(key, sizeof(key), "%s/db.key", s.folder);
    if (bench_roostd_start_tls(&s.roostd, cert, key) != 0 || connect_roost(&s.m) != 0)
        return -1;
    if (roost_dict_open(s.m, "bench", &s.d) != 0 ||
        roost_dict_set(s.d, roost_str("key"), roost_int(1)) != 0 ||
        roost_dict_set(s.d, roost_str("blob"), roost_bytes(s.blob, BLOB)) != 0)
        return bench_complain();
    return 0;
}

static int begin(void)
{
    int rc = make_certificates();
    if (rc == 0)
        rc = begin_redis();
    if (rc == 0)
        rc = begin_roostd();
    if (rc == 0 && (link_do(&s.link, "HSET bench key 1") != 0 || link_set_blob(&s.link) != 0))
        rc = -1;
    return rc;
}

static void end(void)
{
    char command[96];
    roost_dict_close(s.d);
    roost_manager_close(s.m);
    bench_roostd_stop(&s.roostd);
    link_close(&s.link);
    SSL_CTX_free(s.context);
    bench_end_process(&s.redis);
    snprintf(command, sizeof(command), "rm -rf %s", s.folder);
    if (system(command) != 0)
        fprintf(stderr, "%s stays\n", s.folder);
    memset(&s, 0, sizeof(s));
}

/* ---- one synchronous client ---- */

static int get_of(const char *key)
{
    roost_value v;
    if (roost_dict_get(s.d, roost_str(key), &v) != 0)
        return bench_complain();
    roost_value_free(&v);
    return 0;
}

static int get_once(int i)
{
    (void)i;
    return get_of("key");
}

static int redis_get_once(int i)
{
    (void)i;
    return link_do(&s.link, "HGET bench key");
}

static int set_once(int i)
{
    return roost_dict_set(s.d, roost_str("key"), roost_int(i)) != 0 ? bench_complain() : 0;
}

static int redis_set_once(int i)
{
    return link_do(&s.link, "HSET bench key %d", i);
}

static int get_blob(int i)
{
    (void)i;
    return get_of("blob");
}

static int redis_get_blob(int i)
{
    (void)i;
    return link_do(&s.link, "HGET bench blob");
}

static int set_blob(int i)
{
    (void)i;
    return roost_dict_set(s.d, roost_str("blob"), roost_bytes(s.blob, BLOB)) != 0 ? bench_complain() : 0;
}

static int redis_set_blob(int i)
{
    (void)i;
    return link_set_blob(&s.link);
}

/* A connection, the first answer on it, and its end. */
static int connect_once(int i)
{
    roost_manager *m;
    (void)i;
    int rc = connect_roost(&m);
    if (rc == 0)
        roost_manager_close(m);
    return rc;
}

static int redis_connect_once(int i)
{
    struct link l = {0};
    (void)i;
    int rc = link_open(&l) == 0 ? link_do(&l, "PING") : -1;
    link_close(&l);
    return rc;
}

#define LATENCY_ROW(name)                   \
    static double run_##name(int n)         \
    {                                       \
        return bench_each(n, name);         \
    }                                       \
    static double run_redis_##name(int n)   \
    {                                       \
        return bench_each(n, redis_##name); \
    }
LATENCY_ROW(get_once)
LATENCY_ROW(set_once)
LATENCY_ROW(get_blob)
LATENCY_ROW(set_blob)
LATENCY_ROW(connect_once)

/* ---- fifty at once ---- */

static int begin_crowd(void)
{
    int rc = begin();
    for (int i = 0; i < CLIENTS && rc == 0; i++) {
        rc = connect_roost(&crowd.managers[i]);
        if (rc == 0 && roost_dict_open(crowd.managers[i], "bench", &crowd.dicts[i]) != 0)
            rc = bench_complain();
        rc = rc == 0 ? link_open(&crowd.links[i]) : rc;
    }
    return rc;
}

static void end_crowd(void)
{
    for (int i = 0; i < CLIENTS; i++) {
        roost_dict_close(crowd.dicts[i]);
        roost_manager_close(crowd.managers[i]);
        link_close(&crowd.links[i]);
    }
    memset(&crowd, 0, sizeof(crowd));
    end();
}

static void *run_client(void *number)
{
    roost_value v;
    for (int i = 0; i < crowd.each; i++) {
        if (roost_dict_get(crowd.dicts[*(int *)number], roost_str("key"), &v) != 0)
            return number;
        roost_value_free(&v);
    }
    return NULL;
}

static void *run_redis_client(void *number)
{
    for (int i = 0; i < crowd.each; i++)
        if (link_do(&crowd.links[*(int *)number], "HGET bench key") != 0)
            return number;
    return NULL;
}

/* n operations of fifty threads. */
static double run_crowd(int n, void *(*run)(void *number))
{
    pthread_t threads[CLIENTS];
    int numbers[CLIENTS];
    bool good = true;
    crowd.each = n / CLIENTS + 1;
    double start = bench_now();
    for (int i = 0; i < CLIENTS; i++) {
        numbers[i] = i;
        pthread_create(&threads[i], NULL, run, &numbers[i]);
    }
    for (int i = 0; i < CLIENTS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        good = good && failed == NULL;
    }
    return good ? (bench_now() - start) * n / (crowd.each * CLIENTS) : -1;
}

static double get_by_clients(int n)
{
    return run_crowd(n, run_client);
}

static double redis_get_by_clients(int n)
{
    return run_crowd(n, run_redis_client);
}

const struct row tls_rows[] = {
    {"tls.handshake", "Redis TLS", NULL, 60, begin, run_connect_once, end, run_redis_connect_once},
    {"tls.redis.get", "Redis TLS HGET", NULL, 2000, begin, run_get_once, end, run_redis_get_once},
    {"tls.redis.set", "Redis TLS HSET", NULL, 2000, begin, run_set_once, end, run_redis_set_once},
    {"tls.redis.get.64k", "Redis TLS HGET", NULL, 300, begin, run_get_blob, end, run_redis_get_blob},
    {"tls.redis.set.64k", "Redis TLS HSET", NULL, 300, begin, run_set_blob, end, run_redis_set_blob},
    {"tls.redis.get.50clients", "Redis TLS 50 clients", NULL, 5000, begin_crowd, get_by_clients, end_crowd,
     redis_get_by_clients},
};
const size_t tls_row_count = sizeof(tls_rows) / sizeof(tls_rows[0]);
