/*
 * http.h: /metrics, /health, /ready, and the dashboard: its page at /, its data at /state and /events.
 *
 * On a loopback address anybody of this host may ask, who asks for this host by its name; elsewhere, and
 * wherever there is a token file, only who has the token. Reads only. libmicrohttpd gives every connection a
 * thread, so that a slow reader holds up nobody, and the server's mutex is taken for short times only
 * (metrics.h, state.h). Called by roostd.c.
 */
#ifndef ROOST_SHELL_HTTP_H
#define ROOST_SHELL_HTTP_H

#include <stdbool.h>
#include <stddef.h>

struct http;
struct server;

/* Of the connections some are kept from who watches, and from a single other host, for probes and metrics. */
enum {
    HTTP_CONNECTIONS_MAX = 64,
    HTTP_WATCHERS_MAX = 40,
    HTTP_HOST_MAX = 48,
    HTTP_TIMEOUT_S = 10, /* of a peer that neither sends nor takes anything */
    HTTP_TICK_MS = 1000
};

/* Serves at "addr:port". token_file: may be empty. NULL, and why, when it cannot. */
struct http *http_start(struct server *s, const char *address, const char *token_file, char *ret_why,
                        size_t why_len);

/* Reads the token again. False, and the old one is good, when it cannot be read. */
bool http_reload(struct http *h, const char *token_file, char *ret_why, size_t why_len);

/* Where it really listens: "http://127.0.0.1:9100". Borrowed. */
const char *http_url(const struct http *h);

/* Ends every connection. NULL is allowed. */
void http_stop(struct http *h);

#endif
