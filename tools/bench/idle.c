/*
 * idle.c: what idle connections take of the server's memory, and what they cost a client that is active.
 *
 * roost_idle [CONNECTIONS]: opens so many sessions (10000) over tcp, from addresses 127.0.0.2 on, at one of
 * two servers; each has made one call of middling size, so that its buffers have been used. Then a client of
 * either server makes a few calls, in turns. Prints resident bytes a connection and both clients'
 * percentiles. Called by tools/bench/run --scale.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <roost/roost.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "bench.h"
#include "latency.h"
#include "servers.h"

enum { ROUNDS = 200, CALLS = 500, PING_BYTES = 20000, FROM_ONE_ADDRESS = 10000 };

struct side {
    struct bench_roostd server;
    roost_manager *m;
    roost_dict *d;
    struct samples samples;
};

static int complain(const char *what)
{
    perror(what);
    return -1;
}

/* HELLO of version 2 without info; server.ping with so many bytes, as call 1. */
static size_t put_greeting(uint8_t *p)
{
    static const uint8_t hello[] = {0, 0, 0, 10, 0x94, 0, 0xa5, 'r', 'o', 'o', 's', 't', 2, 0x80};
    static const uint8_t ping[] = {0x96, 1, 1, 0, 0, 1, 0x91, 0xc5, PING_BYTES >> 8, PING_BYTES & 0xff};
    memcpy(p, hello, sizeof(hello));
    put_u32be(p + sizeof(hello), sizeof(ping) + PING_BYTES);
    memcpy(p + sizeof(hello) + 4, ping, sizeof(ping));
    memset(p + sizeof(hello) + 4 + sizeof(ping), 'x', PING_BYTES);
    return sizeof(hello) + 4 + sizeof(ping) + PING_BYTES;
}

static bool read_all(int fd, uint8_t *to, size_t n)
{
    while (n > 0) {
        ssize_t got = recv(fd, to, n, 0);
        if (got <= 0)
            return false;
        to += got;
        n -= (size_t)got;
    }
    return true;
}

static bool skip_frame(int fd)
{
    static uint8_t payload[PING_BYTES + 64];
    uint8_t head[4];
    return read_all(fd, head, sizeof(head)) && get_u32be(head) <= sizeof(payload) &&
           read_all(fd, payload, get_u32be(head));
}

/* A session of its own on a new connection, or -1. */
static int open_session(int i, int port)
{
    static uint8_t greeting[PING_BYTES + 64];
    int one = 1;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in from = {.sin_family = AF_INET};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + (unsigned)(i / FROM_ONE_ADDRESS));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return complain("socket");
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
    size_t len = put_greeting(greeting);
    if (bind(fd, (struct sockaddr *)&from, sizeof(from)) != 0 ||
        connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 || send(fd, greeting, len, 0) != (ssize_t)len ||
        !skip_frame(fd) || !skip_frame(fd)) {
        close(fd);
        return complain("an idle connection");
    }
    return fd;
}

static roost_dict *asked;

static int get_once(int i)
{
    roost_value v;
    (void)i;
    return roost_dict_get(asked, roost_int(1), &v) != 0 ? bench_complain() : 0;
}

static int ask(struct side *s)
{
    asked = s->d;
    bench_note_in(&s->samples);
    double spent = bench_each(CALLS, get_once);
    bench_note_in(NULL);
    return spent < 0 ? -1 : 0;
}

static int begin(struct side *s)
{
    if (bench_roostd_start(&s->server, NULL) != 0)
        return -1;
    roost_options on_the_wire = {.no_ring = true}; /* through shared memory it would not meet them */
    if (roost_connect(s->server.url, &on_the_wire, &s->m) != 0 || roost_dict_new(s->m, &s->d) != 0 ||
        roost_dict_set(s->d, roost_int(1), roost_int(1)) != 0)
        return bench_complain();
    return 0;
}

static void end(struct side *s)
{
    roost_dict_close(s->d);
    roost_manager_close(s->m);
    bench_roostd_stop(&s->server);
    bench_samples_free(&s->samples);
}

static int open_sessions(const struct side *s, int n)
{
    int port = (int)strtol(strrchr(s->server.url, ':') + 1, NULL, 10);
    double before = bench_resident(s->server.pid);
    for (int i = 0; i < n; i++)
        if (open_session(i, port) < 0) /* it stays open to the end */
            return -1;
    printf("%-34s %10d %10.1f KiB each\n", "idle connections", n,
           (bench_resident(s->server.pid) - before) / n / 1024);
    return 0;
}

static void report(const char *what, struct side *s)
{
    double us[PERCENTILES];
    if (bench_percentiles_of(&s->samples, us))
        printf("%-34s p50 %7.1f us, p99 %7.1f us, p99.9 %7.1f us\n", what, us[0], us[1], us[2]);
}

static int ask_in_turns(struct side *without, struct side *with)
{
    int rc = ask(without) != 0 || ask(with) != 0; /* warm */
    without->samples.len = with->samples.len = 0;
    for (int i = 0; rc == 0 && i < ROUNDS; i++)
        rc = ask(without) != 0 || ask(with) != 0;
    report("an active client, without them", without);
    report("an active client, with them", with);
    return rc;
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 10000;
    struct side without = {0}, with = {0};
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (begin(&without) != 0 || begin(&with) != 0)
        return 1;
    int rc = open_sessions(&with, n) != 0 || ask_in_turns(&without, &with) != 0;
    end(&without);
    end(&with);
    return rc;
}
