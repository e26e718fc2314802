/*
 * net.h: listeners: from a URL to connections that feed the server.
 *
 *   ipc://PATH        a Unix-domain socket          net_epoll.c
 *   tcp://HOST:PORT   TCP, port 0: a free one       net_epoll.c
 *   tls+tcp://HOST:PORT TLS 1.2 over TCP            net_epoll.c, tls.c
 *   nng+ipc://PATH, nng+tcp://HOST:PORT             net_nng.c: the same bytes on nng's streams
 *
 * Why two: nng hands every message from its poller thread to a task thread, two wake-ups a request. Measured
 * on two cores with one synchronous client, ours takes less than half the time. Called by roostd.c; conn.c
 * knows neither.
 */
#ifndef ROOST_SHELL_NET_H
#define ROOST_SHELL_NET_H

#include <stdbool.h>
#include <stddef.h>

struct server;
struct listener;

struct tls_server;

struct listen_options {
    unsigned socket_mode;   /* permissions of an ipc socket */
    int socket;             /* one that listens there already (supervisor.h), for net_epoll; 0: make one */
    struct tls_server *tls; /* for tls+tcp; borrowed as long as the listener lives */
};

enum { URL_MAX = 256 };

/* What every listener begins with. */
struct listener {
    void (*stop)(struct listener *l); /* stops accepting; connections go on */
    void (*free)(struct listener *l); /* after all its connections have ended */
    char url[URL_MAX];                /* with the port really used */
};

/* Listens at a URL. NULL on failure, and why says why. */
struct listener *net_listen(struct server *s, const char *url, const struct listen_options *options,
                            char *ret_why, size_t why_len);

/* Cuts off whose certificate was revoked by what tls_load() has loaded. */
void net_drop_revoked(struct server *s);

/* One for each transport; `url` without the "nng+". */
struct listener *net_epoll_listen(struct server *s, const char *url, const struct listen_options *options,
                                  char *ret_why, size_t why_len);
struct listener *net_nng_listen(struct server *s, const char *url, const struct listen_options *options,
                                char *ret_why, size_t why_len);

/* Is it a tls+tcp URL? */
bool net_is_tls(const char *url);

/* The path of an ipc URL, of either transport, or NULL. Borrowed. */
const char *net_ipc_path(const char *url);

#endif
