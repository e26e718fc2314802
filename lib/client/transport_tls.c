/* transport_tls.c: see transport_tls.h. */
#include "client/transport_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <mbedtls/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "client/clock.h"
#include "wire/tls_rules.h"

static const char system_ca[] = "/etc/ssl/certs/ca-certificates.crt";

enum { ADDRESS_MAX = 16 };

/* What TLS says when it refuses (RFC 5246, section 7.2.2). */
enum {
    ALERT_HANDSHAKE_FAILURE = 40,
    ALERT_NO_CERTIFICATE = 41,
    ALERT_BAD_CERTIFICATE = 42,
    ALERT_UNSUPPORTED_CERTIFICATE = 43,
    ALERT_CERTIFICATE_REVOKED = 44,
    ALERT_CERTIFICATE_EXPIRED = 45,
    ALERT_UNKNOWN_CA = 48
};

struct tls {
    pthread_mutex_t lock;
    int fd;
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    struct credentials own;
    struct slice address; /* the server's, when its name is one; len 0: it is a name */
    uint8_t address_bytes[ADDRESS_MAX];
    mbedtls_x509_time valid_from, valid_to; /* of a certificate that is out of date */
    uint8_t binding[CERTIFICATE_HASH_LEN];
};

/* ---- what TLS asks of us ---- */

static int socket_send(void *context, const unsigned char *data, size_t len)
{
    struct tls *t = context;
    int n = roost__tls_socket_send(&t->fd, data, len);
    /* A server that refuses us says why before it closes: that is still to be read. */
    bool refused = n == MBEDTLS_ERR_SSL_CONN_EOF && t->ssl.state != MBEDTLS_SSL_HANDSHAKE_OVER;
    return refused ? (int)len : n;
}

static int socket_recv(void *context, unsigned char *data, size_t len)
{
    struct tls *t = context;
    return roost__tls_socket_recv(&t->fd, data, len);
}

/* Called for each certificate of the chain with what is wrong with it so far. */
static int check_certificate(void *context, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
    struct tls *t = context;
    if (*flags & (MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE)) {
        t->valid_from = crt->valid_from;
        t->valid_to = crt->valid_to;
    }
    /* mbedTLS 2.28 compares names only: an address is looked for among the certificate's here. */
    if (depth == 0 && t->address.len > 0 &&
        roost__certificate_is_for(crt, CERTIFICATE_IP_ADDRESS, t->address))
        *flags &= ~(uint32_t)MBEDTLS_X509_BADCERT_CN_MISMATCH;
    return 0;
}

/* ---- opening ---- */

static void take_address(struct tls *t, const char *name)
{
    if (inet_pton(AF_INET, name, t->address_bytes) == 1)
        t->address = slice_of(t->address_bytes, 4);
    else if (inet_pton(AF_INET6, name, t->address_bytes) == 1)
        t->address = slice_of(t->address_bytes, ADDRESS_MAX);
}

static int configure(struct tls *t, const char *name)
{
    mbedtls_ssl_config *conf = &t->config;
    bool ok = roost__tls_configure(conf, MBEDTLS_SSL_IS_CLIENT);
    mbedtls_ssl_conf_authmode(conf, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_verify(conf, check_certificate, t);
    mbedtls_ssl_conf_ca_chain(conf, &t->own.ca, credentials_crl(&t->own));
    if (ok && t->own.cert.raw.p != NULL)
        ok = mbedtls_ssl_conf_own_cert(conf, &t->own.cert, &t->own.key) == 0;
    ok = ok && mbedtls_ssl_setup(&t->ssl, conf) == 0 && mbedtls_ssl_set_hostname(&t->ssl, name) == 0;
    mbedtls_ssl_set_bio(&t->ssl, t, socket_send, socket_recv, NULL);
    return ok ? ROOST_OK : roost__fail(ROOST_ENOMEM, "no memory for TLS");
}

/* Why the server has refused us, as far as it says. */
static int fail_refused(const struct tls *t, int alert)
{
    bool bare = t->own.cert.raw.p == NULL;
    if (bare && t->ssl.client_auth)
        return roost__fail(ROOST_EAUTH, "the server wants a client certificate");
    switch (alert) {
    case ALERT_NO_CERTIFICATE:
        return roost__fail(ROOST_EAUTH, "the server wants a client certificate");
    case ALERT_CERTIFICATE_REVOKED:
        return roost__fail(ROOST_EAUTH, "the server says that the client's certificate was revoked");
    case ALERT_CERTIFICATE_EXPIRED:
        return roost__fail(ROOST_EAUTH, "the server says that the client's certificate is out of date");
    case ALERT_UNKNOWN_CA:
        return roost__fail(ROOST_EAUTH, "the server does not trust the CA of the client's certificate");
    case ALERT_BAD_CERTIFICATE:
    case ALERT_UNSUPPORTED_CERTIFICATE:
        return roost__fail(ROOST_EAUTH, "the server refuses the client's certificate");
    case ALERT_HANDSHAKE_FAILURE:
        return roost__fail(ROOST_EAUTH, "the server shares no version or cipher of TLS with us");
    default:
        return roost__fail(ROOST_EAUTH, "the server refused us in the TLS handshake (alert %d)", alert);
    }
}

static int fail_handshake(const struct tls *t, int rc, const char *name, const char *ca)
{
    switch (rc) {
    case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED:
    case MBEDTLS_ERR_SSL_BAD_HS_CERTIFICATE: /* its use */
        return roost__fail_certificate(mbedtls_ssl_get_verify_result(&t->ssl), &t->valid_from, &t->valid_to,
                                       "the server's certificate", name, ca);
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
        return fail_refused(t, t->ssl.in_msg[1]);
    case MBEDTLS_ERR_SSL_CONN_EOF:
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
        if (t->ssl.client_auth) /* it has seen our certificate, or that there is none */
            return t->own.cert.raw.p == NULL
                       ? fail_refused(t, ALERT_NO_CERTIFICATE)
                       : roost__fail(ROOST_EAUTH, "the server closed the connection: it probably refuses the "
                                                  "client's certificate");
        return roost__fail(ROOST_ECONN, "the server closed the connection in the TLS handshake");
    case MBEDTLS_ERR_SSL_INVALID_RECORD:
        return roost__fail(ROOST_EPROTO, "the server does not speak TLS");
    case MBEDTLS_ERR_SSL_ALLOC_FAILED:
        return roost__fail(ROOST_ENOMEM, "no memory for the TLS handshake");
    default:
        return roost__fail(ROOST_EPROTO, "the TLS handshake failed (mbedTLS -0x%04x)", (unsigned)-rc);
    }
}

/* Waits until the socket is ready for what TLS wants. 0: the time is up. */
static int await_socket(const struct tls *t, int wanted, int timeout_ms)
{
    struct pollfd p = {.fd = t->fd, .events = wanted == MBEDTLS_ERR_SSL_WANT_WRITE ? POLLOUT : POLLIN};
    int n;
    do
        n = poll(&p, 1, timeout_ms);
    while (n < 0 && errno == EINTR && timeout_ms < 0);
    return n < 0 && errno == EINTR ? 1 : n;
}

static int shake_hands(struct tls *t, const char *name, const char *ca, int64_t deadline)
{
    int rc;
    while ((rc = mbedtls_ssl_handshake(&t->ssl)) != 0) {
        if (rc != MBEDTLS_ERR_SSL_WANT_READ && rc != MBEDTLS_ERR_SSL_WANT_WRITE)
            return fail_handshake(t, rc, name, ca);
        if (await_socket(t, rc, roost__clock_left(deadline)) == 0)
            return roost__fail(ROOST_ETIMEDOUT, "no answer in time in the TLS handshake");
    }
    return roost__certificate_hash(mbedtls_ssl_get_peer_cert(&t->ssl), t->binding);
}

int roost__tls_open(int fd, const struct tls_wishes *wishes, const char *host, int64_t deadline,
                    struct tls **ret)
{
    const char *name = wishes->server_name != NULL ? wishes->server_name : host;
    struct credential_files files = wishes->files;
    struct tls *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for TLS");
    if (files.ca == NULL)
        files.ca = system_ca;
    t->fd = fd;
    pthread_mutex_init(&t->lock, NULL);
    mbedtls_ssl_init(&t->ssl);
    mbedtls_ssl_config_init(&t->config);
    roost__credentials_init(&t->own);
    take_address(t, name);
    int rc = roost__credentials_load(&files, &t->own);
    if (rc == ROOST_OK)
        rc = configure(t, name);
    if (rc == ROOST_OK)
        rc = shake_hands(t, name, files.ca, deadline);
    if (rc == ROOST_OK)
        *ret = t;
    else
        roost__tls_free(t);
    return rc;
}

void roost__tls_free(struct tls *t)
{
    if (t == NULL)
        return;
    mbedtls_ssl_free(&t->ssl);
    mbedtls_ssl_config_free(&t->config);
    roost__credentials_free(&t->own);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

void roost__tls_move(struct tls *t, int fd)
{
    pthread_mutex_lock(&t->lock);
    t->fd = fd;
    pthread_mutex_unlock(&t->lock);
}

struct slice roost__tls_binding(const struct tls *t)
{
    return slice_of(t->binding, sizeof(t->binding));
}

/* ---- sending ---- */

/* What is left of earlier records goes first; with that in the way, mbedtls_ssl_write() writes nothing else.
 * Locked. */
static int flush(struct tls *t)
{
    int rc = 0;
    while (t->ssl.out_left > 0 && rc == 0)
        rc = mbedtls_ssl_write(&t->ssl, (const unsigned char *)"", 0);
    return rc;
}

/* Makes a record of some of the bytes; what the socket does not take now stays in ssl.out_left. Returns how
 * many, or what is in the way. */
static int put_record(struct tls *t, const unsigned char *data, size_t len)
{
    int max = mbedtls_ssl_get_max_out_record_payload(&t->ssl);
    size_t n = max > 0 && len > (size_t)max ? (size_t)max : len;
    pthread_mutex_lock(&t->lock);
    int rc = flush(t);
    if (rc == 0) {
        rc = mbedtls_ssl_write(&t->ssl, data, n);
        rc = rc == MBEDTLS_ERR_SSL_WANT_WRITE ? (int)n : rc;
    }
    pthread_mutex_unlock(&t->lock);
    return rc;
}

static int flush_locked(struct tls *t)
{
    pthread_mutex_lock(&t->lock);
    int rc = flush(t);
    pthread_mutex_unlock(&t->lock);
    return rc;
}

static int broken(void)
{
    errno = EPIPE;
    return -1;
}

int roost__tls_send(struct tls *t, const void *data, size_t len)
{
    const unsigned char *p = data;
    while (len > 0) {
        int n = put_record(t, p, len);
        if (n == MBEDTLS_ERR_SSL_WANT_WRITE)
            (void)await_socket(t, n, -1);
        else if (n <= 0)
            return broken();
        p += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    int rc;
    while ((rc = flush_locked(t)) == MBEDTLS_ERR_SSL_WANT_WRITE)
        (void)await_socket(t, rc, -1);
    return rc == 0 ? 0 : broken();
}

bool roost__tls_send_now(struct tls *t, const void *data, size_t len)
{
    return put_record(t, data, len) == (int)len && flush_locked(t) == 0;
}

/* ---- receiving ---- */

static int read_record(struct tls *t, void *data, size_t len)
{
    pthread_mutex_lock(&t->lock);
    int n = mbedtls_ssl_read(&t->ssl, data, len);
    pthread_mutex_unlock(&t->lock);
    return n;
}

static int patience_ms(int64_t patience_ns)
{
    return patience_ns == 0 ? -1 : (int)(patience_ns / 1000000);
}

ssize_t roost__tls_recv(struct tls *t, void *data, size_t len, int64_t patience_ns, bool now)
{
    for (;;) {
        int n = read_record(t, data, len);
        if (n >= 0)
            return n;
        if (n == MBEDTLS_ERR_SSL_CONN_EOF || n == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
            return 0;
        if (n != MBEDTLS_ERR_SSL_WANT_READ && n != MBEDTLS_ERR_SSL_WANT_WRITE) {
            errno = EBADMSG; /* somebody has tampered with it */
            return -1;
        }
        if (now || await_socket(t, n, patience_ms(patience_ns)) == 0) {
            errno = EAGAIN;
            return -1;
        }
    }
}
