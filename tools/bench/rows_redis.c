/*
 * rows_redis.c: clients of a server, over ipc, tcp and tcp without a ring, against Redis and hiredis over the
 * same: one that waits for each answer, one that does not, fifty at once; and what passes between two
 * processes.
 */
#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "latency.h"
#include "servers.h"

enum { WINDOW = 64, CLIENTS = 50, BLOB = 64 << 10 };

static struct {
    enum way way;
    roost_manager *m;
    roost_dict *d;
    roost_queue *there, *back;
    redisContext *redis;
    pid_t echo, redis_echo;
    char blob[BLOB];
} s;

/* ---- redis ---- */

static redisContext *redis_open(void)
{
    redisContext *c = s.way == BY_IPC ? redisConnectUnix(bench_redis_socket())
                                      : redisConnect("127.0.0.1", bench_redis_port());
    if (c != NULL && c->err == 0)
        return c;
    fprintf(stderr, "redis: %s\n", c != NULL ? c->errstr : "no memory");
    redisFree(c);
    return NULL;
}

/* Frees the answer; 0 when it is none of an error. */
static int redis_took(redisReply *reply)
{
    int rc = reply != NULL && reply->type != REDIS_REPLY_ERROR ? 0 : -1;
    freeReplyObject(reply);
    return rc;
}

/* ---- beginning and ending ---- */

static int make_objects(void)
{
    roost_value blob = roost_bytes(s.blob, BLOB);
    if (roost_dict_open(s.m, "bench", &s.d) != 0 || roost_queue_open(s.m, "there", NULL, &s.there) != 0 ||
        roost_queue_open(s.m, "back", NULL, &s.back) != 0 ||
        roost_dict_set(s.d, roost_str("key"), roost_int(1)) != 0 ||
        roost_dict_set(s.d, roost_str("blob"), blob) != 0)
        return bench_complain();
    s.redis = redis_open();
    if (s.redis == NULL || redis_took(redisCommand(s.redis, "HSET bench key 1")) != 0 ||
        redis_took(redisCommand(s.redis, "HSET bench blob %b", s.blob, (size_t)BLOB)) != 0)
        return -1;
    return 0;
}

static int begin(enum way way)
{
    s.way = way;
    int rc = bench_redis_begin();
    if (rc == 1)
        fprintf(stderr, "redis-server is not installed: tools/setup bench\n");
    if (rc == 0)
        rc = bench_roostd_begin(way, &s.m);
    return rc == 0 ? make_objects() : rc;
}

static int begin_ipc(void)
{
    return begin(BY_IPC);
}

static int begin_tcp(void)
{
    return begin(BY_TCP);
}

static int begin_wire(void)
{
    return begin(BY_WIRE);
}

static void end(void)
{
    for (pid_t *pid = (pid_t[]){s.echo, s.redis_echo, 0}; *pid > 0; pid++)
        waitpid(*pid, NULL, 0);
    roost_dict_close(s.d);
    roost_queue_close(s.there);
    roost_queue_close(s.back);
    bench_roostd_end(s.m);
    redisFree(s.redis);
    bench_redis_end();
    memset(&s, 0, sizeof(s));
}

/* ---- one synchronous client ---- */

static int get_once(int i)
{
    roost_value v;
    (void)i;
    if (roost_dict_get(s.d, roost_str("key"), &v) != 0)
        return bench_complain();
    roost_value_free(&v);
    return 0;
}

static int redis_get_once(int i)
{
    (void)i;
    return redis_took(redisCommand(s.redis, "HGET bench key"));
}

static int set_once(int i)
{
    return roost_dict_set(s.d, roost_str("key"), roost_int(i)) != 0 ? bench_complain() : 0;
}

static int redis_set_once(int i)
{
    return redis_took(redisCommand(s.redis, "HSET bench key %d", i));
}

static int get_blob(int i)
{
    roost_value v;
    (void)i;
    if (roost_dict_get(s.d, roost_str("blob"), &v) != 0)
        return bench_complain();
    roost_value_free(&v);
    return 0;
}

static int redis_get_blob(int i)
{
    (void)i;
    return redis_took(redisCommand(s.redis, "HGET bench blob"));
}

static int set_blob(int i)
{
    (void)i;
    return roost_dict_set(s.d, roost_str("blob"), roost_bytes(s.blob, BLOB)) != 0 ? bench_complain() : 0;
}

static int redis_set_blob(int i)
{
    (void)i;
    return redis_took(redisCommand(s.redis, "HSET bench blob %b", s.blob, (size_t)BLOB));
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

/* ---- there and back between two processes ---- */

/* The other process: sends everything back, until it gets what is no number. */
static int echo(void)
{
    roost_value v;
    while (roost_queue_get(s.there, &v, -1) == 0 && v.kind == ROOST_INT)
        if (roost_queue_put(s.back, v, -1) != 0)
            return 1;
    return 0;
}

static int redis_echo(void)
{
    redisContext *c = redis_open();
    for (bool more = c != NULL; more;) {
        redisReply *item = redisCommand(c, "BLPOP there 0");
        more = item != NULL && item->type == REDIS_REPLY_ARRAY && strcmp(item->element[1]->str, "end") != 0 &&
               redis_took(redisCommand(c, "RPUSH back %s", item->element[1]->str)) == 0;
        freeReplyObject(item);
    }
    redisFree(c);
    return 0;
}

static pid_t start_echo(int (*run)(void))
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(run());
    return pid;
}

static int begin_hop(enum way way)
{
    int rc = begin(way);
    if (rc != 0)
        return rc;
    s.echo = start_echo(echo);
    s.redis_echo = start_echo(redis_echo);
    return 0;
}

static int begin_hop_ipc(void)
{
    return begin_hop(BY_IPC);
}

static int begin_hop_tcp(void)
{
    return begin_hop(BY_TCP);
}

static void end_hop(void)
{
    roost_queue_put(s.there, roost_nil(), -1);
    (void)redis_took(redisCommand(s.redis, "RPUSH there end"));
    end();
}

static int hop(int i)
{
    roost_value v;
    if (roost_queue_put(s.there, roost_int(i), -1) != 0 || roost_queue_get(s.back, &v, -1) != 0)
        return bench_complain();
    return 0;
}

static int redis_hop(int i)
{
    int rc = redis_took(redisCommand(s.redis, "RPUSH there %d", i));
    return rc == 0 ? redis_took(redisCommand(s.redis, "BLPOP back 0")) : rc;
}
LATENCY_ROW(hop)

/* ---- without waiting for each answer ---- */

/* A window that moves on with every answer. */
static double set_pending(int n)
{
    roost_pending *p[WINDOW] = {NULL};
    double start = bench_now();
    int rc = 0;
    for (int i = 0; i < n + WINDOW && rc == 0; i++) {
        roost_pending **slot = &p[i % WINDOW];
        if (*slot != NULL && (rc = roost_pending_result(*slot, NULL, -1)) != 0)
            break;
        roost_pending_free(*slot);
        *slot = NULL;
        if (i < n)
            rc = roost_async(slot, -1, roost_dict_set(s.d, roost_str("key"), roost_int(i)));
    }
    double spent = bench_now() - start;
    for (int i = 0; i < WINDOW; i++)
        roost_pending_free(p[i]);
    return rc == 0 ? spent : bench_complain();
}

static double set_batch(int n)
{
    roost_batch *b;
    if (roost_batch_new(s.m, &b) != 0)
        return bench_complain();
    double start = bench_now();
    uint32_t failed = 0;
    int rc = 0;
    for (int i = 0; i < n && rc == 0;) {
        roost_batch_clear(b);
        for (int k = 0; k < WINDOW && rc == 0; k++, i++)
            rc = roost_batch_add(b, roost_dict_set(s.d, roost_str("key"), roost_int(i)));
        if (rc == 0)
            rc = roost_batch_send(b, &failed, -1);
    }
    double spent = bench_now() - start;
    roost_batch_free(b);
    return rc == 0 && failed == 0 ? spent : bench_complain();
}

static double redis_set_pipelined(int n)
{
    double start = bench_now();
    for (int i = 0; i < n;) {
        for (int k = 0; k < WINDOW; k++, i++)
            redisAppendCommand(s.redis, "HSET bench key %d", i);
        for (int k = 0; k < WINDOW; k++) {
            void *reply = NULL;
            if (redisGetReply(s.redis, &reply) != REDIS_OK || redis_took(reply) != 0)
                return -1;
        }
    }
    return bench_now() - start;
}

/* ---- fifty at once ---- */

struct crowd {
    roost_dict *dicts[CLIENTS];
    roost_manager *managers[CLIENTS];
    redisContext *redis[CLIENTS];
    int each;
};

static struct crowd crowd;

static int begin_crowd(enum way way)
{
    int rc = begin(way);
    for (int i = 0; i < CLIENTS && rc == 0; i++) {
        if (bench_connect(way, roost_manager_url(s.m), &crowd.managers[i]) != 0)
            return -1;
        if (roost_dict_open(crowd.managers[i], "bench", &crowd.dicts[i]) != 0)
            return bench_complain();
        crowd.redis[i] = redis_open();
        rc = crowd.redis[i] == NULL ? -1 : 0;
    }
    return rc;
}

static int begin_crowd_ipc(void)
{
    return begin_crowd(BY_IPC);
}

static int begin_crowd_tcp(void)
{
    return begin_crowd(BY_TCP);
}

static int begin_crowd_wire(void)
{
    return begin_crowd(BY_WIRE);
}

static void end_crowd(void)
{
    for (int i = 0; i < CLIENTS; i++) {
        roost_dict_close(crowd.dicts[i]);
        roost_manager_close(crowd.managers[i]);
        redisFree(crowd.redis[i]);
    }
    memset(&crowd, 0, sizeof(crowd));
    end();
}

static void *get_from(roost_dict *d)
{
    for (int i = 0; i < crowd.each; i++) {
        roost_value v;
        if (roost_dict_get(d, roost_str("key"), &v) != 0)
            return d;
        roost_value_free(&v);
    }
    return NULL;
}

static void *run_client(void *number)
{
    return get_from(crowd.dicts[*(int *)number]);
}

static void *run_thread(void *number)
{
    (void)number;
    return get_from(s.d);
}

static void *run_redis_client(void *number)
{
    redisContext *c = crowd.redis[*(int *)number];
    for (int i = 0; i < crowd.each; i++)
        if (redis_took(redisCommand(c, "HGET bench key")) != 0)
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

static double get_by_threads(int n)
{
    return run_crowd(n, run_thread);
}

static double redis_get_by_clients(int n)
{
    return run_crowd(n, run_redis_client);
}

/* clang-format off */
#define CORE_ROWS(name, way)                                                                                     \
    {name ".redis.get", "Redis HGET", NULL, 4000, begin_##way, run_get_once, end, run_redis_get_once},          \
    {name ".redis.set", "Redis HSET", NULL, 4000, begin_##way, run_set_once, end, run_redis_set_once},          \
    {name ".redis.set.pending64", "Redis pipelined", NULL, 32000, begin_##way, set_pending, end,                \
     redis_set_pipelined},                                                                                      \
    {name ".redis.get.50clients", "Redis 50 clients", NULL, 10000, begin_crowd_##way, get_by_clients, end_crowd, \
     redis_get_by_clients}

#define MORE_ROWS(name, way)                                                                                     \
    {name ".redis.get.64k", "Redis HGET", NULL, 1000, begin_##way, run_get_blob, end, run_redis_get_blob},      \
    {name ".redis.set.64k", "Redis HSET", NULL, 1000, begin_##way, run_set_blob, end, run_redis_set_blob},      \
    {name ".redis.queue.there_and_back", "Redis RPUSH/BLPOP", NULL, 1000, begin_hop_##way, run_hop, end_hop,    \
     run_redis_hop},                                                                                            \
    {name ".redis.set.batch64", "Redis pipelined", NULL, 32000, begin_##way, set_batch, end,                    \
     redis_set_pipelined},                                                                                      \
    {name ".redis.get.50threads", "Redis 50 clients", NULL, 10000, begin_crowd_##way, get_by_threads, end_crowd, \
     redis_get_by_clients}

const struct row redis_rows[] = {
    CORE_ROWS("ipc", ipc), MORE_ROWS("ipc", ipc), CORE_ROWS("tcp", tcp), MORE_ROWS("tcp", tcp),
    CORE_ROWS("tcp.wire", wire)};
/* clang-format on */
const size_t redis_row_count = sizeof(redis_rows) / sizeof(redis_rows[0]);
