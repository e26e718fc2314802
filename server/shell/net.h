/*
 * net.h: listeners: from a URL to connections that feed the server.
 *
 * Called by roostd.c. A listener belongs to the thread that opened it.
 */
#ifndef ROOST_SHELL_NET_H
#define ROOST_SHELL_NET_H

#include <stddef.h>

struct server;
struct listener;

struct listen_options {
    unsigned socket_mode; /* permissions of an ipc socket */
};

/*
 * Listens at ipc://PATH or tcp://HOST:PORT (port 0: one the system picks). On failure *ret_why says why
 * (static or in the listener's words, valid until the next call) and the result is NULL.
 */
struct listener *net_listen(struct server *s, const char *url, const struct listen_options *options,
                            char *ret_why, size_t why_len);

/* The URL with the port really used. Borrowed. */
const char *net_url(const struct listener *l);

/* Stops accepting and frees it. Connections go on. */
void net_close(struct listener *l);

#endif
