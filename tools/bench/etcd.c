/* etcd.c: see etcd.h. */
#include "etcd.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
    char name[8], data[128], client[64], peer[64];
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
    CURL *curl;
    struct curl_slist *headers;
    char put[128], range[128];
    int status; /* of gRPC, in the trailer; -1: none came */
};

static size_t take_header(char *line, size_t size, size_t n, void *arg)
{
    struct etcd *e = arg;
    if (size * n > 13 && strncasecmp(line, "grpc-status: ", 13) == 0)
        e->status = atoi(line + 13);
    return size * n;
}

static size_t take_body(char *data, size_t size, size_t n, void *arg)
{
    (void)data;
    (void)arg;
    return size * n;
}

struct etcd *etcd_open(int member)
{
    struct etcd *e = calloc(1, sizeof(*e));
    if (e == NULL || (e->curl = curl_easy_init()) == NULL) {
        free(e);
        return NULL;
    }
    snprintf(e->put, sizeof(e->put), "http://127.0.0.1:%d/etcdserverpb.KV/Put", s.client_ports[member]);
    snprintf(e->range, sizeof(e->range), "http://127.0.0.1:%d/etcdserverpb.KV/Range", s.client_ports[member]);
    e->headers = curl_slist_append(e->headers, "content-type: application/grpc+proto");
    e->headers = curl_slist_append(e->headers, "te: trailers");
    curl_easy_setopt(e->curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
    curl_easy_setopt(e->curl, CURLOPT_HTTPHEADER, e->headers);
    curl_easy_setopt(e->curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(e->curl, CURLOPT_HEADERDATA, e);
    curl_easy_setopt(e->curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(e->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e->curl, CURLOPT_TCP_NODELAY, 1L);
    return e;
}

void etcd_close(struct etcd *e)
{
    if (e == NULL)
        return;
    curl_easy_cleanup(e->curl);
    curl_slist_free_all(e->headers);
    free(e);
}

/* Field `number`, bytes shorter than 128. */
static size_t put_field(unsigned char *to, int number, const char *text)
{
    size_t len = strlen(text);
    to[0] = (unsigned char)(number << 3 | 2);
    to[1] = (unsigned char)len;
    memcpy(to + 2, text, len);
    return 2 + len;
}

/* One call, key in field 1, value, if any, in field 2. */
static int ask(struct etcd *e, const char *url, const char *key, const char *value)
{
    unsigned char message[MESSAGE_MAX] = {0};
    size_t len = put_field(message + GRPC_HEADER, 1, key);
    if (value != NULL)
        len += put_field(message + GRPC_HEADER + len, 2, value);
    message[3] = (unsigned char)(len >> 8);
    message[4] = (unsigned char)len;
    e->status = -1;
    curl_easy_setopt(e->curl, CURLOPT_URL, url);
    curl_easy_setopt(e->curl, CURLOPT_POSTFIELDSIZE, (long)(GRPC_HEADER + len));
    curl_easy_setopt(e->curl, CURLOPT_POSTFIELDS, message);
    return curl_easy_perform(e->curl) == CURLE_OK && e->status == 0 ? 0 : -1;
}

int etcd_put(struct etcd *e, const char *key, const char *value)
{
    return ask(e, e->put, key, value);
}

int etcd_get(struct etcd *e, const char *key)
{
    return ask(e, e->range, key, NULL);
}
