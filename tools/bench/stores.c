/* stores.c: see stores.h. */
#include "stores.h"

#include <hiredis/hiredis.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "etcd.h"
#include "latency.h"
#include "servers.h"

enum { NODES = 3 };

int store_folder(char ret[64])
{
    const char *disk = getenv("ROOST_BENCH_DISK");
    snprintf(ret, 64, "%.40s/roost-bench-XXXXXX", disk != NULL ? disk : "/var/tmp");
    if (mkdtemp(ret) != NULL)
        return 0;
    perror(ret);
    return -1;
}

void store_remove(const char *folder)
{
    char command[96];
    if (folder[0] == '\0')
        return;
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    if (system(command) != 0)
        fprintf(stderr, "%s: cannot be removed\n", folder);
}

/* ---- roost ---- */

struct roosts {
    char folder[64];
    struct bench_roostd nodes[NODES];
    int count;
    char urls[400]; /* all of them, by commas */
    roost_manager *managers[STORE_CLIENTS_MAX];
    roost_dict *dicts[STORE_CLIENTS_MAX];
    int clients;
};
static struct roosts single, three;

static int connect_all(struct roosts *r, int clients)
{
    for (; r->clients < clients; r->clients++) {
        int k = r->clients;
        if (roost_connect(r->urls, NULL, &r->managers[k]) != 0 ||
            roost_dict_open(r->managers[k], "bench", &r->dicts[k]) != 0 ||
            roost_dict_set(r->dicts[k], roost_int(k), roost_int(0)) != 0)
            return bench_complain();
    }
    return 0;
}

static int begin_single(int clients, bool kept)
{
    char data[80];
    if (store_folder(single.folder) != 0)
        return -1;
    snprintf(data, sizeof(data), "%s/data", single.folder);
    const char *const options[] = {"--listen", "tcp://127.0.0.1:0", kept ? "--data" : NULL, data, NULL};
    if (bench_roostd_start_with(&single.nodes[0], options) != 0)
        return -1;
    single.count = 1;
    strcpy(single.urls, single.nodes[0].url);
    return connect_all(&single, clients);
}

static int begin_kept(int clients)
{
    return begin_single(clients, true);
}

static int begin_plain(int clients)
{
    return begin_single(clients, false);
}

static int start_node(int i)
{
    char data[96], id[16], file[96], url[64];
    snprintf(data, sizeof(data), "%s/node%d", three.folder, i + 1);
    snprintf(id, sizeof(id), "%d", i + 1);
    snprintf(file, sizeof(file), "%s/cluster", three.folder);
    const char *at = three.urls;
    for (int k = 0; k < i; k++)
        at = strchr(at, ',') + 1;
    snprintf(url, sizeof(url), "%.*s", (int)strcspn(at, ","), at);
    const char *const options[] = {"--listen", url, "--data", data, "--node", id, "--cluster", file, NULL};
    return bench_roostd_start_with(&three.nodes[i], options);
}

/* The file that all nodes are given. */
static int write_cluster(void)
{
    char file[96];
    snprintf(file, sizeof(file), "%s/cluster", three.folder);
    FILE *f = fopen(file, "w");
    for (int i = 0; f != NULL && i < NODES; i++) {
        char url[64];
        snprintf(url, sizeof(url), "tcp://127.0.0.1:%d", bench_free_port());
        fprintf(f, "node { id = %d peer = \"127.0.0.1:%d\" client = \"%s\" }\n", i + 1, bench_free_port(),
                url);
        strcat(strcat(three.urls, i > 0 ? "," : ""), url);
    }
    return f != NULL && fclose(f) == 0 ? 0 : -1;
}

static int begin_three(int clients)
{
    char command[256];
    const char *program = getenv("ROOSTD");
    snprintf(command, sizeof(command), "%.200s --help | grep -q -e --cluster",
             program != NULL ? program : "roostd");
    if (system(command) != 0) {
        fprintf(stderr, "this roostd knows no --cluster\n");
        return 1;
    }
    if (store_folder(three.folder) != 0 || write_cluster() != 0)
        return -1;
    for (; three.count < NODES; three.count++)
        if (start_node(three.count) != 0)
            return -1;
    return connect_all(&three, clients);
}

static int set_in(struct roosts *r, int k, int i)
{
    return roost_dict_set(r->dicts[k], roost_int(k), roost_int(i)) != 0 ? bench_complain() : 0;
}

static int get_from(struct roosts *r, int k)
{
    roost_value v;
    if (roost_dict_get(r->dicts[k], roost_int(k), &v) != 0)
        return bench_complain();
    roost_value_free(&v);
    return 0;
}

static void end_all(struct roosts *r)
{
    for (int k = 0; k < r->clients; k++) {
        roost_dict_close(r->dicts[k]);
        roost_manager_close(r->managers[k]);
    }
    for (int i = 0; i < r->count; i++)
        bench_roostd_kill(&r->nodes[i]);
    store_remove(r->folder);
    memset(r, 0, sizeof(*r));
}

static int set_single(int k, int i)
{
    return set_in(&single, k, i);
}

static int get_single(int k)
{
    return get_from(&single, k);
}

static void end_single(void)
{
    end_all(&single);
}

static int set_three(int k, int i)
{
    return set_in(&three, k, i);
}

static int get_three(int k)
{
    return get_from(&three, k);
}

static void end_three(void)
{
    end_all(&three);
}

/* The node that leads; -1: none has said. */
static int leader(void)
{
    roost_value v;
    if (roost_call(three.managers[0], roost_nil(), "server.cluster", NULL, 0, &v) != 0)
        return bench_complain();
    const roost_value *id = roost_map_get(v, roost_str("leader"));
    int i = id != NULL && id->kind == ROOST_INT ? (int)id->as.i - 1 : -1;
    roost_value_free(&v);
    return i < NODES ? i : -1;
}

double store_kill_leader(void)
{
    int i = leader();
    if (i < 0)
        return -1;
    bench_roostd_kill(&three.nodes[i]);
    double start = bench_now();
    if (set_three(0, i) != 0)
        return -1;
    double spent = bench_now() - start;
    return start_node(i) == 0 ? spent : -1;
}

/* ---- redis ---- */

static struct {
    char folder[64];
    pid_t pid;
    int port, clients;
    redisContext *contexts[STORE_CLIENTS_MAX];
} redis;

static void run_redis(void)
{
    char port[16];
    snprintf(port, sizeof(port), "%d", redis.port);
    if (freopen("/dev/null", "w", stdout) == NULL)
        _exit(127);
    execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "",
           "--appendonly", "yes", "--appendfsync", "always", "--dir", redis.folder, (char *)NULL);
    _exit(127);
}

/* 0; 1: it is not installed; -1. */
static int connect_redis(redisContext **ret)
{
    for (int tries = 0; tries < 500; tries++) {
        redisContext *c = redisConnect("127.0.0.1", redis.port);
        if (c != NULL && c->err == 0) {
            *ret = c;
            return 0;
        }
        redisFree(c);
        if (waitpid(redis.pid, NULL, WNOHANG) == redis.pid) {
            redis.pid = 0;
            fprintf(stderr, "redis-server is not installed: tools/setup bench\n");
            return 1;
        }
        usleep(10000);
    }
    return -1;
}

static int begin_redis(int clients)
{
    if (store_folder(redis.folder) != 0)
        return -1;
    redis.port = bench_free_port();
    redis.pid = fork();
    if (redis.pid == 0)
        run_redis();
    int rc = 0;
    for (; redis.clients < clients && rc == 0; redis.clients += rc == 0)
        rc = connect_redis(&redis.contexts[redis.clients]);
    return rc;
}

static int redis_command(int k, const char *format, int key, int value)
{
    redisReply *reply = redisCommand(redis.contexts[k], format, key, value);
    int rc = reply != NULL && reply->type != REDIS_REPLY_ERROR ? 0 : -1;
    freeReplyObject(reply);
    return rc;
}

static int set_redis(int k, int i)
{
    return redis_command(k, "HSET bench %d %d", k, i);
}

static int get_redis(int k)
{
    return redis_command(k, "HGET bench %d", k, 0);
}

static void end_redis(void)
{
    for (int k = 0; k < redis.clients; k++)
        redisFree(redis.contexts[k]);
    if (redis.pid > 0) {
        kill(redis.pid, SIGKILL);
        waitpid(redis.pid, NULL, 0);
    }
    store_remove(redis.folder);
    memset(&redis, 0, sizeof(redis));
}

/* ---- etcd ---- */

static struct {
    char folder[64];
    struct etcd *all[STORE_CLIENTS_MAX];
    int clients;
} etcd;

static int begin_members(int clients, int members)
{
    if (store_folder(etcd.folder) != 0)
        return -1;
    int rc = etcd_begin(etcd.folder, members);
    for (; etcd.clients < clients && rc == 0; etcd.clients++) {
        etcd.all[etcd.clients] = etcd_open(etcd.clients % members);
        rc = etcd.all[etcd.clients] != NULL ? 0 : -1;
    }
    return rc;
}

static int begin_etcd(int clients)
{
    return begin_members(clients, 1);
}

static int begin_etcd_three(int clients)
{
    return begin_members(clients, NODES);
}

static int set_etcd(int k, int i)
{
    char key[16], value[16];
    snprintf(key, sizeof(key), "%d", k);
    snprintf(value, sizeof(value), "%d", i);
    return etcd_put(etcd.all[k], key, value);
}

static int get_etcd(int k)
{
    char key[16];
    snprintf(key, sizeof(key), "%d", k);
    return etcd_get(etcd.all[k], key);
}

static void end_etcd(void)
{
    for (int k = 0; k < etcd.clients; k++)
        etcd_close(etcd.all[k]);
    etcd_end();
    store_remove(etcd.folder);
    memset(&etcd, 0, sizeof(etcd));
}

const struct store store_roost = {begin_kept, set_single, get_single, end_single};
const struct store store_roost_plain = {begin_plain, set_single, get_single, end_single};
const struct store store_roost_three = {begin_three, set_three, get_three, end_three};
const struct store store_redis = {begin_redis, set_redis, get_redis, end_redis};
const struct store store_etcd = {begin_etcd, set_etcd, get_etcd, end_etcd};
const struct store store_etcd_three = {begin_etcd_three, set_etcd, get_etcd, end_etcd};

/* ---- what clients do ---- */

static struct {
    const struct store *store;
    bool gets;
    int each;
} work;

static int once(int k, int i)
{
    return work.gets ? work.store->get(k) : work.store->set(k, i);
}

static int once_alone(int i)
{
    return once(0, i);
}

static void *run_client(void *number)
{
    for (int i = 0; i < work.each; i++)
        if (once(*(int *)number, i) != 0)
            return number;
    return NULL;
}

static double run_clients(int clients, int n)
{
    pthread_t threads[STORE_CLIENTS_MAX];
    int numbers[STORE_CLIENTS_MAX];
    bool good = true;
    work.each = n / clients + 1;
    double start = bench_now();
    for (int k = 0; k < clients; k++) {
        numbers[k] = k;
        pthread_create(&threads[k], NULL, run_client, &numbers[k]);
    }
    for (int k = 0; k < clients; k++) {
        void *failed;
        pthread_join(threads[k], &failed);
        good = good && failed == NULL;
    }
    return good ? (bench_now() - start) * n / (work.each * clients) : -1;
}

static double run_work(const struct store *s, bool gets, int clients, int n)
{
    work.store = s;
    work.gets = gets;
    return clients == 1 ? bench_each(n, once_alone) : run_clients(clients, n);
}

double store_sets(const struct store *s, int clients, int n)
{
    return run_work(s, false, clients, n);
}

double store_gets(const struct store *s, int clients, int n)
{
    return run_work(s, true, clients, n);
}
