/*
 * transport_tls.h: TLS 1.2 on a transport's socket, for tls+tcp://.
 *
 * Invariant: the two directions of a TLS connection share state, so each use of it is under one lock, and
 * nobody waits for the socket with the lock held: one thread may send while another receives. There is no
 * state outside of a connection (chance comes from the system call), so a fork harms none. Called by
 * transport.c only.
 */
#ifndef ROOST_CLIENT_TRANSPORT_TLS_H
#define ROOST_CLIENT_TRANSPORT_TLS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/slice.h"
#include "wire/credentials.h"

/* What a client brings, and whom it expects. All may be NULL. */
struct tls_wishes {
    struct credential_files files; /* ca NULL: those whom the system trusts */
    const char *server_name;       /* whom the certificate must be for; NULL: the host of the URL */
};

struct tls;

/*
 * The client's side of the handshake on a connected socket, which stays the caller's, up to the deadline
 * (clock.h). Errors: ROOST_EAUTH (a certificate is refused, here or there), ROOST_EPROTO (the server speaks
 * no TLS), ROOST_ECONN, ROOST_ETIMEDOUT, those of roost__credentials_load().
 */
int roost__tls_open(int fd, const struct tls_wishes *wishes, const char *host, int64_t deadline,
                    struct tls **ret);

/* NULL is allowed. Sends nothing. */
void roost__tls_free(struct tls *t);

/* The socket's number is another from now on. */
void roost__tls_move(struct tls *t, int fd);

/* All of it; 0, or -1 and errno. */
int roost__tls_send(struct tls *t, const void *data, size_t len);

/* Without waiting; false when not all of it went. */
bool roost__tls_send_now(struct tls *t, const void *data, size_t len);

/* As recv(): waits for up to patience_ns (0: for ever; else errno EAGAIN), or, now, not at all. */
ssize_t roost__tls_recv(struct tls *t, void *data, size_t len, int64_t patience_ns, bool now);

/* The hash of the server's certificate: what ties a proof to this connection (PROTOCOL.md, section 11). */
struct slice roost__tls_binding(const struct tls *t);

#endif
