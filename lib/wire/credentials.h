/*
 * credentials.h: certificates and private keys from files, checked, with words for all that can be wrong with
 * them; either end of a TLS connection.
 *
 * Called by the client's transport_tls.c and the server's shell/tls.c.
 */
#ifndef ROOST_WIRE_CREDENTIALS_H
#define ROOST_WIRE_CREDENTIALS_H

#include <mbedtls/pk.h>
#include <mbedtls/x509_crl.h>
#include <mbedtls/x509_crt.h>

#include "base/buf.h"

enum { CERTIFICATE_HASH_LEN = 32, PEM_MAX = 4 << 20 };

/* Paths; each may be NULL. The key goes with the certificate. */
struct credential_files {
    const char *ca;   /* the certificates of those who are trusted to sign others', PEM */
    const char *cert; /* one's own, and those between it and the CA's, PEM */
    const char *key;  /* its private key, PEM, without password */
    const char *crl;  /* what the CAs have revoked, PEM: an unbroken list for each CA that has one */
};

struct credentials {
    mbedtls_x509_crt ca;
    mbedtls_x509_crt cert;
    mbedtls_pk_context key;
    mbedtls_x509_crl crl;
    bool has_crl;
};

/* As mbedtls_ssl_conf_ca_chain() wants it: NULL when there is none, for then nothing is revoked. */
static inline mbedtls_x509_crl *credentials_crl(struct credentials *c)
{
    return c->has_crl ? &c->crl : NULL;
}

void roost__credentials_init(struct credentials *c);
void roost__credentials_free(struct credentials *c);

/*
 * Loads what the files hold. What was loaded before a failure stays for roost__credentials_free(). Errors:
 * ROOST_ESYS (a file cannot be read), ROOST_EINVAL (it holds something else, a certificate came without key,
 * a key belongs to another certificate), ROOST_ENOMEM.
 */
int roost__credentials_load(const struct credential_files *files, struct credentials *ret);

/* Reads a whole file and a NUL behind it into ret, which is empty; `what` is for the message. */
int roost__read_file(const char *path, const char *what, size_t max, struct buf *ret);

/* What is wrong with a peer's certificate in words, for flags of mbedtls_ssl_get_verify_result(); `from` and
 * `to` are the times of the one that is out of date, `whose` is "the server's certificate", `name` what it
 * was to be for, `ca` where those trusted came from. ROOST_EAUTH.
 */
int roost__fail_certificate(uint32_t flags, const mbedtls_x509_time *from, const mbedtls_x509_time *to,
                            const char *whose, const char *name, const char *ca);

/* SHA-256 of the certificate as it goes over the wire: what "tls-server-end-point" of RFC 5929 is. */
int roost__certificate_hash(const mbedtls_x509_crt *crt, uint8_t ret[CERTIFICATE_HASH_LEN]);

#endif
