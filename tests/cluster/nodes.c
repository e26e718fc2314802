/* nodes.c: see nodes.h. */
#include "tests/cluster/nodes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/test.h"

enum { OPTIONS_MAX = 16, PATIENCE_S = 120 };

struct test_node nodes[NODES + 1];
const struct cluster_place *cluster_place;
char cluster_folder[64], cluster_urls[1024];
static char file[256];
static const char *more[OPTIONS_MAX + 1];
static bool over_tls;

static int free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    close(fd);
    return ntohs(at.sin_port);
}

void cluster_add_to_file(int id)
{
    struct test_node *n = &nodes[id];
    if (cluster_place != NULL) {
        *n = (struct test_node){.peer = 7118, .http = 7119};
        snprintf(n->host, sizeof(n->host), "%s%d", cluster_place->peers, id);
        snprintf(n->url, sizeof(n->url), "tcp://%s%d:7117", cluster_place->clients, id);
    } else {
        *n = (struct test_node){.host = "127.0.0.1", .peer = free_port(), .http = free_port()};
        snprintf(n->url, sizeof(n->url), "ipc://%s/%d.sock", cluster_folder, id);
    }
    FILE *f = fopen(file, "a");
    fprintf(f, "node { id = %d peer = \"%s:%d\" client = \"%s\" }\n", id, n->host, n->peer, n->url);
    fclose(f);
}

void cluster_make(int n, const char *const *options)
{
    memset(more, 0, sizeof(more));
    over_tls = false;
    for (int i = 0; options != NULL && options[i] != NULL; i++)
        more[i] = options[i];
    snprintf(cluster_folder, sizeof(cluster_folder), "/tmp/roost-cluster-XXXXXX");
    assert_non_null(mkdtemp(cluster_folder));
    snprintf(file, sizeof(file), "%s/nodes", cluster_folder);
    cluster_urls[0] = '\0';
    for (int id = 1; id <= n; id++) {
        cluster_add_to_file(id);
        snprintf(cluster_urls + strlen(cluster_urls), sizeof(cluster_urls) - strlen(cluster_urls), "%s%s",
                 id > 1 ? "," : "", nodes[id].url);
    }
}

void cluster_use_tls(int n)
{
    char command[512];
    const char *roostd = getenv("ROOSTD"), *slash = strrchr(roostd, '/');
    int len = (int)(slash - roostd);
    snprintf(command, sizeof(command), "%.*s/roost keygen %s/ca >/dev/null", len, roostd, cluster_folder);
    assert_int_equal(system(command), 0);
    for (int id = 1; id <= n; id++) {
        snprintf(command, sizeof(command), "%.*s/roost cert %s/ca --node node-%d.roost >/dev/null", len,
                 roostd, cluster_folder, id);
        assert_int_equal(system(command), 0);
    }
    over_tls = true;
}

static void run(int id, bool joins, int ready)
{
    char data[128], log[128], number[16], http[32], fd[16], election[16], ca[128], cert[128], key[128];
    const char *args[32 + OPTIONS_MAX] = {
        "roostd", "--listen",      nodes[id].url, "--data",      data,   "--node",
        number,   "--cluster",     file,          "--http",      http,   "--ready-fd",
        fd,       "--election-ms", election,      "--log-level", "debug"};
    int n = 17;
    snprintf(data, sizeof(data), "%s/%d", cluster_folder, id);
    snprintf(log, sizeof(log), "%s/%d.log", cluster_folder, id);
    snprintf(number, sizeof(number), "%d", id);
    snprintf(http, sizeof(http), "127.0.0.1:%d", nodes[id].http);
    snprintf(fd, sizeof(fd), "%d", ready);
    snprintf(election, sizeof(election), "%d", ELECTION_MS);
    for (int i = 0; more[i] != NULL; i++)
        args[n++] = more[i];
    if (joins)
        args[n++] = "--join";
    snprintf(ca, sizeof(ca), "%s/ca/ca.pem", cluster_folder);
    snprintf(cert, sizeof(cert), "%s/ca/node-%d.roost.pem", cluster_folder, id);
    snprintf(key, sizeof(key), "%s/ca/node-%d.roost.key", cluster_folder, id);
    const char *const tls[] = {"--peer-ca", ca, "--peer-cert", cert, "--peer-key", key};
    for (int i = 0; over_tls && i < 6; i++)
        args[n++] = tls[i];
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves none behind */
    if (cluster_place != NULL) {
        args[n++] = "--insecure";
        cluster_place->go(id);
    }
    dup2(open(log, O_CREAT | O_APPEND | O_WRONLY, 0600), 2);
    execv(getenv("ROOSTD"), (char *const *)(uintptr_t)args);
    _exit(127);
}

static void start(int id, bool joins)
{
    int ready[2];
    char line[256];
    assert_int_equal(nodes[id].pid, 0);
    assert_int_equal(pipe(ready), 0);
    fcntl(ready[0], F_SETFD, FD_CLOEXEC);
    nodes[id].pid = fork();
    if (nodes[id].pid == 0)
        run(id, joins, ready[1]);
    close(ready[1]);
    FILE *from = fdopen(ready[0], "r");
    if (fgets(line, sizeof(line), from) == NULL) {
        int status = 0;
        waitpid(nodes[id].pid, &status, 0);
        nodes[id].pid = 0;
        snprintf(line, sizeof(line), "tail -n 3 %s/%d.log >&2", cluster_folder, id);
        (void)!system(line);
        fail_msg("node %d does not start: status %x", id, (unsigned)status);
    }
    fclose(from);
}

void node_start(int id)
{
    start(id, false);
}

void node_start_joining(int id)
{
    start(id, true);
}

void node_kill(int id, int signal)
{
    kill(nodes[id].pid, signal);
    if (signal == SIGSTOP || signal == SIGCONT)
        return;
    waitpid(nodes[id].pid, NULL, 0);
    nodes[id].pid = 0;
}

bool node_ask(int id, const char *path, char *ret, unsigned long len)
{
    char request[128];
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons((uint16_t)nodes[id].http)};
    struct timeval patience = {.tv_sec = 2};
    if (cluster_place != NULL)
        cluster_place->go(id);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (cluster_place != NULL)
        cluster_place->go(0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    int n = snprintf(request, sizeof(request), "GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n", path);
    size_t got = 0;
    if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
        send(fd, request, (size_t)n, MSG_NOSIGNAL) == n)
        for (ssize_t more_bytes; got + 1 < len && (more_bytes = read(fd, ret + got, len - 1 - got)) > 0;)
            got += (size_t)more_bytes;
    close(fd);
    ret[got] = '\0';
    return strncmp(ret, "HTTP/1.", 7) == 0 && strstr(ret, " 200 ") != NULL;
}

static uint64_t number_of(const char *json, const char *name)
{
    const char *at = strstr(json, name);
    return at == NULL ? 0 : strtoull(at + strlen(name), NULL, 10);
}

bool node_look(int id, struct look *ret)
{
    char text[2048];
    if (nodes[id].pid == 0 || !node_ask(id, "/cluster", text, sizeof(text)))
        return false;
    *ret = (struct look){.term = number_of(text, "\"term\": "),
                         .leader = number_of(text, "\"leader\": "),
                         .applied = number_of(text, "\"applied\": ")};
    const char *role = strstr(text, "\"role\": \""), *hash = strstr(text, "\"hash\": \"");
    if (role == NULL || hash == NULL)
        return false;
    sscanf(role, "\"role\": \"%31[a-z]", ret->role);
    sscanf(hash, "\"hash\": \"%79[0-9a-f]", ret->hash);
    return true;
}

static time_t until(void)
{
    return time(NULL) + PATIENCE_S;
}

static void breathe(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 10 * 1000000}, NULL);
}

int await_other_leader(int than)
{
    struct look l;
    for (time_t end = until(); time(NULL) < end; breathe())
        for (int id = 1; id <= NODES; id++)
            if (id != than && node_look(id, &l) && strcmp(l.role, "leader") == 0)
                return id;
    fail_msg("nobody leads");
    return 0;
}

int await_leader(void)
{
    return await_other_leader(0);
}

static bool agree(void)
{
    struct look first = {.applied = 0}, l;
    for (int id = 1; id <= NODES; id++) {
        if (nodes[id].pid == 0)
            continue;
        if (!node_look(id, &l))
            return false;
        if (first.applied == 0)
            first = l;
        if (l.applied != first.applied || strcmp(l.hash, first.hash) != 0)
            return false;
    }
    return first.applied > 0;
}

void await_agreement(void)
{
    for (time_t end = until(); time(NULL) < end; breathe())
        if (agree())
            return;
    struct look l;
    for (int id = 1; id <= NODES; id++)
        if (node_look(id, &l))
            print_message("node %d: %s, applied %llu, %s\n", id, l.role, (unsigned long long)l.applied,
                          l.hash);
    fail_msg("the nodes differ");
}

void cluster_end(void)
{
    char command[128];
    for (int id = 1; id <= NODES; id++)
        if (nodes[id].pid != 0)
            node_kill(id, SIGKILL);
    memset(nodes, 0, sizeof(nodes));
    snprintf(command, sizeof(command), "rm -r %s", cluster_folder);
    if (getenv("ROOST_KEEP") != NULL)
        return;
    assert_int_equal(system(command), 0);
}
