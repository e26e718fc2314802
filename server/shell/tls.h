/*
 * tls.h: TLS 1.2 for tls+tcp listeners: the server's certificate and key, and a stream for each connection.
 *
 * Invariant: what was loaded does not change; tls_load() puts another in its place, and a stream keeps the
 * one it began with as long as it lives. A stream's two directions share state: each use is under its lock,
 * and none waits. Why not nng's TLS streams (1.5.2): the end of a client was noticed late or not at all when
 * the suite ran over them (CONTRIBUTING.md). Called by roostd.c, net_epoll.c.
 */
#ifndef ROOST_SHELL_TLS_H
#define ROOST_SHELL_TLS_H

#include <mbedtls/ssl.h>
#include <pthread.h>
#include <sys/types.h>

#include "wire/credentials.h"

/* What was loaded at one time. */
struct tls_context {
    unsigned refs; /* under the server's lock */
    struct credentials own;
    mbedtls_ssl_config config;
    uint8_t binding[CERTIFICATE_HASH_LEN];
};

struct tls_server {
    pthread_mutex_t lock;
    struct tls_context *now; /* what streams begin with; NULL: nothing yet */
};

void tls_init(struct tls_server *t);

/* Loads and checks, the first time or again. Errors (worded, roost_errmsg()), after which all is as before:
 * those of roost__credentials_load(); ROOST_EINVAL: clients are to have certificates, and there is no CA.
 * Something that is out of date is a warning in the log. */
int tls_load(struct tls_server *t, const struct credential_files *files, bool wants_certificate);

/* After the last stream. */
void tls_free(struct tls_server *t);

struct tls_stream {
    struct tls_server *server;
    struct tls_context *context; /* a reference */
    pthread_mutex_t lock;
    mbedtls_ssl_context ssl;
    int fd;
    size_t queued; /* bytes whose record is not all in the socket yet */
};

/* On a socket without blocking, which stays the caller's. NULL without memory. */
struct tls_stream *tls_stream_new(struct tls_server *server, int fd);
void tls_stream_free(struct tls_stream *t); /* NULL is allowed */

/* As recv() and send() on such a socket; a send that failed with EAGAIN is to be repeated with the same
 * bytes, at least. Receiving does the handshake. errno EPROTO: TLS has failed, roost_errmsg() says why. */
ssize_t tls_stream_recv(struct tls_stream *t, void *data, size_t len);
ssize_t tls_stream_send(struct tls_stream *t, const void *data, size_t len);

/* Does what is loaded now say that the peer's certificate, or one between it and its CA's, was revoked? */
bool tls_stream_revoked(struct tls_stream *t);

/* Is there more to receive, though the socket has nothing? */
bool tls_stream_pending(struct tls_stream *t);

#endif
