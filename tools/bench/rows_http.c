/*
 * rows_http.c: what it costs a client that somebody watches: the same calls of a server whose dashboard is
 * open and whose metrics are read every second, beside one that serves no HTTP.
 */
#include <arpa/inet.h>
#include <roost/roost.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "latency.h"
#include "servers.h"

enum { OBJECTS = 2000 };

struct side {
    struct bench_roostd server;
    roost_manager *m;
    roost_dict *d;
};

static struct {
    struct side watched, alone;
    pid_t watcher;
    int port;
} s;

/* ---- who watches ---- */

static int ask(const char *path)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)s.port)};
    char request[128];
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int n = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", path,
                     strcmp(path, "/metrics") == 0 ? "Connection: close\r\n" : "");
    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && write(fd, request, (size_t)n) == n)
        return fd;
    close(fd);
    return -1;
}

static void drain(int fd)
{
    char piece[16384];
    while (read(fd, piece, sizeof(piece)) > 0)
        ;
    close(fd);
}

/* Until it is killed. */
static void watch(void)
{
    pid_t page = fork();
    if (page == 0) {
        drain(ask("/events"));
        _exit(0);
    }
    for (;;) {
        drain(ask("/metrics"));
        sleep(1);
    }
}

static void end_watch(void)
{
    if (s.watcher <= 0)
        return;
    kill(-s.watcher, SIGKILL);
    waitpid(s.watcher, NULL, 0);
}

/* ---- beginning and ending ---- */

static int fill(struct side *side)
{
    if (roost_connect(side->server.url, NULL, &side->m) != 0 || roost_dict_new(side->m, &side->d) != 0 ||
        roost_dict_set(side->d, roost_str("key"), roost_int(1)) != 0)
        return bench_complain();
    for (int i = 0; i < OBJECTS; i++) {
        char name[32];
        roost_dict *d;
        snprintf(name, sizeof(name), "object%d", i);
        if (roost_dict_open(side->m, name, &d) != 0)
            return bench_complain();
        roost_dict_close(d);
    }
    return 0;
}

static int begin(void)
{
    s.port = bench_free_port();
    if (bench_roostd_start_http(&s.watched.server, s.port) != 0 ||
        bench_roostd_start(&s.alone.server, NULL) != 0 || fill(&s.watched) != 0 || fill(&s.alone) != 0)
        return -1;
    s.watcher = fork();
    if (s.watcher == 0) {
        setpgid(0, 0);
        watch();
    }
    setpgid(s.watcher, s.watcher);
    return 0;
}

static void end_side(struct side *side)
{
    roost_dict_close(side->d);
    roost_manager_close(side->m);
    bench_roostd_stop(&side->server);
}

static void end(void)
{
    end_watch();
    end_side(&s.watched);
    end_side(&s.alone);
    memset(&s, 0, sizeof(s));
}

static double get_from(struct side *side, int n)
{
    double start = bench_now();
    for (int i = 0; i < n; i++) {
        roost_value v;
        if (roost_dict_get(side->d, roost_str("key"), &v) != 0)
            return bench_complain();
        roost_value_free(&v);
    }
    return bench_now() - start;
}

/* Both sides in turns of a few milliseconds: what happens on the machine meanwhile happens to both. The
 * second that the picture is made in belongs to the watched. */
enum { TURN = 200 };
static double alone_s;

static double run_watched(int n)
{
    double watched_s = 0;
    alone_s = 0;
    for (int i = 0; i < n; i += TURN) {
        double one = get_from(&s.watched, TURN), other = get_from(&s.alone, TURN);
        if (one < 0 || other < 0)
            return -1;
        watched_s += one;
        alone_s += other;
    }
    return watched_s;
}

static double run_alone(int n)
{
    (void)n;
    return alone_s;
}

const struct row http_rows[] = {
    {"tcp.dict.get.watched", "roostd without HTTP", NULL, 20000, begin, run_watched, end, run_alone},
};
const size_t http_row_count = sizeof(http_rows) / sizeof(http_rows[0]);
