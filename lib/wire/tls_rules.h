/*
 * tls_rules.h: what all our TLS has in common, whoever speaks it: version, ciphers, curves, chance, the
 * socket; and whom a certificate is for.
 *
 * Called by the client's transport_tls.c, the server's shell/tls.c and shell/peer_stream.c.
 */
#ifndef ROOST_WIRE_TLS_RULES_H
#define ROOST_WIRE_TLS_RULES_H

#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include "base/slice.h"

/* Sets what is no matter of whom one trusts. `endpoint` is MBEDTLS_SSL_IS_SERVER or _CLIENT. False without
 * memory. */
bool roost__tls_configure(mbedtls_ssl_config *conf, int endpoint);

/* For mbedtls_ssl_set_bio(): neither waits. The context is an int *, the socket's descriptor. */
int roost__tls_socket_send(void *fd, const unsigned char *data, size_t len);
int roost__tls_socket_recv(void *fd, unsigned char *data, size_t len);

/* Kinds of names in a certificate (RFC 5280, section 4.2.1.6). */
enum { CERTIFICATE_DNS_NAME = 2, CERTIFICATE_IP_ADDRESS = 7 };

/* Is the certificate for exactly this name? No wildcards, no differences of case. */
bool roost__certificate_is_for(const mbedtls_x509_crt *crt, int kind, struct slice name);

#endif
