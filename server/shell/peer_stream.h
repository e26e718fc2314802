/*
 * peer_stream.h: the bytes of a connection between nodes, through TLS or not, without waiting; and who the
 * other end is.
 *
 * Invariant: a struct peer_tls does not change after peer_tls_load() and outlives its streams. Called by
 * peer.c, peer_link.c, peer_pump.c; one thread.
 */
#ifndef ROOST_SHELL_PEER_STREAM_H
#define ROOST_SHELL_PEER_STREAM_H

#include <mbedtls/ssl.h>
#include <stdbool.h>
#include <stddef.h>

#include "wire/credentials.h"

/* A node's certificate, which it shows whether it is called or calls. */
struct peer_tls {
    struct credentials own;
    mbedtls_ssl_config calls, called;
};

/* Errors as peer_init() has them; what was loaded before stays for peer_tls_free(). */
int peer_tls_load(const struct credential_files *files, struct peer_tls *ret);
void peer_tls_free(struct peer_tls *t);

/* Is our certificate the one of the node called `name`? ROOST_EINVAL, worded. Warns when it is out of date.
 */
int peer_tls_check_own(const struct peer_tls *t, const char *name);

/* What there is to wait for, when nothing went through; or the end. */
enum { PEER_WANTS_READ = -1, PEER_WANTS_WRITE = -2, PEER_BROKEN = -3 /* worded */ };

struct peer_stream {
    int fd; /* the stream's own; -1: none */
    bool tls;
    mbedtls_ssl_context ssl;
};

/* Takes a connected socket without blocking. With tls: whom we call, NULL when we are called. ROOST_ENOMEM;
 * the socket is then still the caller's. */
int peer_stream_init(struct peer_stream *s, int fd, const struct peer_tls *tls, const char *calls);

/* Ends it, saying so to the peer if that needs no waiting. Harmless when it has ended. */
void peer_stream_end(struct peer_stream *s);

/* Lets go of the socket, without TLS. */
int peer_stream_give(struct peer_stream *s);

/* 0: the handshake is done (without TLS there is none). */
int peer_stream_shake(struct peer_stream *s);

/* How many bytes, 0 when the other has ended. A send that wants is to be repeated with the same bytes. */
int peer_stream_recv(struct peer_stream *s, void *data, size_t len);
int peer_stream_send(struct peer_stream *s, const void *data, size_t len);

/* After the handshake: is the peer the node called `name`? ROOST_EAUTH, worded. True without TLS. */
int peer_stream_is(struct peer_stream *s, const char *name);

#endif
