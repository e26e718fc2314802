/* servers.c: starting and ending what is measured; see servers.h. */
#include "servers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { ROOSTD_WORDS = 24 };

int bench_complain(void)
{
    fprintf(stderr, "%s\n", roost_errmsg());
    return -1;
}

void bench_end_process(pid_t *pid)
{
    if (*pid <= 0)
        return;
    kill(*pid, SIGTERM);
    waitpid(*pid, NULL, 0);
    *pid = 0;
}

/* ---- roostd ---- */

double bench_resident(pid_t pid)
{
    char path[64], line[128] = "";
    snprintf(path, sizeof(path), "/proc/%d/statm", pid);
    FILE *from = fopen(path, "r");
    const char *second = from != NULL && fgets(line, sizeof(line), from) != NULL ? strchr(line, ' ') : NULL;
    unsigned long resident = second != NULL ? strtoul(second, NULL, 10) : 0;
    if (from != NULL)
        fclose(from);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

int bench_roostd_start(struct bench_roostd *s, const char *also)
{
    const char *const listen[] = {"--listen", "tcp://127.0.0.1:0", also != NULL ? "--listen" : NULL, also,
                                  NULL};
    return bench_roostd_start_with(s, listen);
}

int bench_roostd_start_with(struct bench_roostd *s, const char *const *options)
{
    int ready[2];
    char fd[16];
    const char *program = getenv("ROOSTD"),
               *words[ROOSTD_WORDS] = {"roostd", "--log-level", "error", "--ready-fd", fd};
    for (size_t n = 5; *options != NULL && n + 1 < ROOSTD_WORDS; n++)
        words[n] = *options++;
    if (pipe(ready) != 0)
        return -1;
    s->pid = fork();
    if (s->pid == 0) {
        snprintf(fd, sizeof(fd), "%d", ready[1]);
        close(ready[0]);
        char *args[ROOSTD_WORDS];
        memcpy(args, words, sizeof(args));
        execvp(program != NULL ? program : "roostd", args);
        _exit(127);
    }
    close(ready[1]);
    FILE *from = fdopen(ready[0], "r");
    if (from == NULL || fgets(s->url, sizeof(s->url), from) == NULL) {
        fprintf(stderr, "roostd did not start: set ROOSTD\n");
        return -1;
    }
    fclose(from);
    s->url[strcspn(s->url, "\n")] = '\0';
    return 0;
}

int bench_roostd_start_tls(struct bench_roostd *s, const char *cert, const char *key)
{
    const char *const options[] = {"--listen", "tls+tcp://127.0.0.1:0", "--tls-cert", cert, "--tls-key", key,
                                   NULL};
    return bench_roostd_start_with(s, options);
}

int bench_roostd_start_http(struct bench_roostd *s, int port)
{
    char http[32];
    const char *const options[] = {"--listen", "tcp://127.0.0.1:0", "--http", http, NULL};
    snprintf(http, sizeof(http), "127.0.0.1:%d", port);
    return bench_roostd_start_with(s, options);
}

void bench_roostd_kill(struct bench_roostd *s)
{
    if (s->pid > 0)
        kill(s->pid, SIGKILL);
    bench_end_process(&s->pid);
}

void bench_roostd_stop(struct bench_roostd *s)
{
    bench_end_process(&s->pid);
}

/* The one that rows measure over tcp. */
static struct bench_roostd roostd;

int bench_connect(enum way way, const char *url, roost_manager **ret)
{
    roost_options o = {.no_ring = way == BY_WIRE};
    return roost_connect(url, &o, ret) != 0 ? bench_complain() : 0;
}

int bench_roostd_begin(enum way way, roost_manager **ret)
{
    if (way == BY_IPC)
        return roost_manager_start(NULL, ret) != 0 ? bench_complain() : 0;
    return bench_roostd_start(&roostd, NULL) != 0 ? -1 : bench_connect(way, roostd.url, ret);
}

void bench_roostd_end(roost_manager *m)
{
    roost_manager_shutdown(m);
    bench_roostd_stop(&roostd);
}

/* ---- redis ---- */

static struct {
    pid_t pid;
    char folder[64];
    char socket[108];
    int port;
} redis;

const char *bench_redis_socket(void)
{
    return redis.socket;
}

int bench_redis_port(void)
{
    return redis.port;
}

pid_t bench_redis_pid(void)
{
    return redis.pid;
}

int bench_free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool good =
        bind(fd, (struct sockaddr *)&a, len) == 0 && getsockname(fd, (struct sockaddr *)&a, &len) == 0;
    close(fd);
    return good ? ntohs(a.sin_port) : 0;
}

static void run_redis(void)
{
    char port[16];
    snprintf(port, sizeof(port), "%d", redis.port);
    if (freopen("/dev/null", "w", stdout) == NULL)
        _exit(127);
    execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1", "--unixsocket",
           redis.socket, "--save", "", "--appendonly", "no", "--dir", redis.folder, (char *)NULL);
    _exit(127);
}

/* 0: it accepts; 1: it has ended, because it is not there. */
static int await_redis(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    memcpy(a.sun_path, redis.socket, sizeof(a.sun_path));
    for (int i = 0; i < 1000; i++) {
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        int rc = connect(fd, (struct sockaddr *)&a, sizeof(a));
        close(fd);
        if (rc == 0)
            return 0;
        if (waitpid(redis.pid, NULL, WNOHANG) == redis.pid) {
            redis.pid = 0;
            return 1;
        }
        usleep(5000);
    }
    return -1;
}

int bench_redis_begin(void)
{
    strcpy(redis.folder, "/tmp/roost-bench-XXXXXX");
    redis.port = bench_free_port();
    if (mkdtemp(redis.folder) == NULL || redis.port == 0)
        return -1;
    snprintf(redis.socket, sizeof(redis.socket), "%s/redis.sock", redis.folder);
    redis.pid = fork();
    if (redis.pid == 0)
        run_redis();
    int rc = await_redis();
    if (rc != 0)
        bench_redis_end();
    return rc;
}

void bench_redis_end(void)
{
    bench_end_process(&redis.pid);
    unlink(redis.socket);
    rmdir(redis.folder);
}
