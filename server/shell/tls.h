/*
 * tls.h: the server's certificate and key, and whom it trusts to sign its clients': checked at the start,
 * then given to nng.
 *
 * Invariant: does not change after tls_load(); outlives the listeners. Called by roostd.c and net_nng.c.
 */
#ifndef ROOST_SHELL_TLS_H
#define ROOST_SHELL_TLS_H

#include "wire/credentials.h"

struct tls_server {
    struct buf cert, key, ca; /* PEM with a NUL behind it; ca may be empty */
    bool wants_certificate;   /* of every client, signed by ca */
    uint8_t binding[CERTIFICATE_HASH_LEN];
};

/* Loads and checks. Errors (worded, roost_errmsg()): those of roost__credentials_load(); ROOST_EINVAL:
 * clients are to have certificates, and there is no CA. A certificate that is out of date is a warning in the
 * log. */
int tls_load(const struct credential_files *files, bool wants_certificate, struct tls_server *ret);

void tls_unload(struct tls_server *t);

#endif
