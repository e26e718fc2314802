/* tls.c: see tls.h. */
#include "shell/tls.h"

#include <errno.h>
#include <mbedtls/oid.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "shell/log.h"
#include "wire/tls_rules.h"

/* ---- the server's ---- */

static void warn_of_time(const char *file, const mbedtls_x509_crt *crt)
{
    if (mbedtls_x509_time_is_past(&crt->valid_to))
        log_warn("the certificate %s has expired: clients will refuse it", file);
    if (mbedtls_x509_time_is_future(&crt->valid_from))
        log_warn("the certificate %s is not valid yet: clients will refuse it", file);
}

static void warn_of_list(const struct credentials *own, const char *file)
{
    for (const mbedtls_x509_crl *l = &own->crl; own->has_crl && l != NULL; l = l->next)
        if (mbedtls_x509_time_is_past(&l->next_update))
            log_warn("the list %s was to be renewed: clients of its CA will be refused", file);
}

static int configure(struct tls_context *t, bool wants_certificate)
{
    mbedtls_ssl_config *conf = &t->config;
    bool ok = roost__tls_configure(conf, MBEDTLS_SSL_IS_SERVER);
    mbedtls_ssl_conf_authmode(conf,
                              wants_certificate ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_NONE);
    if (wants_certificate)
        mbedtls_ssl_conf_ca_chain(conf, &t->own.ca, credentials_crl(&t->own));
    ok = ok && mbedtls_ssl_conf_own_cert(conf, &t->own.cert, &t->own.key) == 0;
    return ok ? ROOST_OK : roost__fail(ROOST_ENOMEM, "no memory for TLS");
}

/* mbedTLS computes a table for a key of an elliptic curve when it is first used, without a lock: now is the
 * time, while one thread has it. */
static void prepare_key(mbedtls_pk_context *pk)
{
    mbedtls_ecp_point product;
    mbedtls_mpi two;
    if (!mbedtls_pk_can_do(pk, MBEDTLS_PK_ECKEY))
        return;
    mbedtls_ecp_group *curve = &mbedtls_pk_ec(*pk)->grp;
    mbedtls_ecp_point_init(&product);
    mbedtls_mpi_init(&two);
    if (mbedtls_mpi_lset(&two, 2) == 0)
        (void)mbedtls_ecp_mul(curve, &product, &two, &curve->G, NULL, NULL);
    mbedtls_mpi_free(&two);
    mbedtls_ecp_point_free(&product);
}

static void prepare_keys(struct credentials *own)
{
    prepare_key(&own->key);
    for (mbedtls_x509_crt *ca = &own->ca; ca != NULL && ca->raw.p != NULL; ca = ca->next)
        prepare_key(&ca->pk);
}

static int check_use(const char *file, const mbedtls_x509_crt *crt)
{
    return mbedtls_x509_crt_check_extended_key_usage(crt, MBEDTLS_OID_SERVER_AUTH,
                                                     strlen(MBEDTLS_OID_SERVER_AUTH)) == 0
               ? ROOST_OK
               : roost__fail(ROOST_EINVAL, "the certificate %s is not one for a server", file);
}

static int check_files(const struct credential_files *files, bool wants_certificate)
{
    if (files->cert == NULL && files->key == NULL)
        return roost__fail(ROOST_EINVAL, "tls+tcp:// needs --tls-cert and --tls-key");
    if (wants_certificate && files->ca == NULL)
        return roost__fail(ROOST_EINVAL, "--tls-require-client-cert needs --tls-ca: who signs them");
    if (files->crl != NULL && !wants_certificate)
        return roost__fail(ROOST_EINVAL, "--tls-crl needs --tls-require-client-cert: it is about them");
    return ROOST_OK;
}

static int fill(struct tls_context *t, const struct credential_files *files, bool wants_certificate)
{
    int rc = roost__credentials_load(files, &t->own);
    if (rc == ROOST_OK)
        rc = check_use(files->cert, &t->own.cert);
    if (rc == ROOST_OK)
        rc = roost__certificate_hash(&t->own.cert, t->binding);
    if (rc == ROOST_OK)
        rc = configure(t, wants_certificate);
    return rc;
}

static void release(struct tls_server *t, struct tls_context *c)
{
    pthread_mutex_lock(&t->lock);
    bool last = --c->refs == 0;
    pthread_mutex_unlock(&t->lock);
    if (!last)
        return;
    mbedtls_ssl_config_free(&c->config);
    roost__credentials_free(&c->own);
    free(c);
}

static struct tls_context *borrow(struct tls_server *t)
{
    pthread_mutex_lock(&t->lock);
    struct tls_context *c = t->now;
    c->refs++;
    pthread_mutex_unlock(&t->lock);
    return c;
}

static void replace(struct tls_server *t, struct tls_context *with)
{
    pthread_mutex_lock(&t->lock);
    struct tls_context *old = t->now;
    t->now = with;
    pthread_mutex_unlock(&t->lock);
    if (old != NULL)
        release(t, old);
}

void tls_init(struct tls_server *t)
{
    *t = (struct tls_server){.now = NULL};
    pthread_mutex_init(&t->lock, NULL);
}

int tls_load(struct tls_server *t, const struct credential_files *files, bool wants_certificate)
{
    int rc = check_files(files, wants_certificate);
    if (rc != ROOST_OK)
        return rc;
    struct tls_context *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for TLS");
    c->refs = 1;
    roost__credentials_init(&c->own);
    mbedtls_ssl_config_init(&c->config);
    rc = fill(c, files, wants_certificate);
    if (rc != ROOST_OK) {
        release(t, c);
        return rc;
    }
    prepare_keys(&c->own);
    warn_of_time(files->cert, &c->own.cert);
    warn_of_list(&c->own, files->crl);
    replace(t, c);
    return ROOST_OK;
}

void tls_free(struct tls_server *t)
{
    if (t->now != NULL)
        release(t, t->now);
    pthread_mutex_destroy(&t->lock);
}

/* ---- a connection's ---- */

struct tls_stream *tls_stream_new(struct tls_server *server, int fd)
{
    struct tls_stream *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return NULL;
    t->server = server;
    t->context = borrow(server);
    t->fd = fd;
    pthread_mutex_init(&t->lock, NULL);
    mbedtls_ssl_init(&t->ssl);
    if (mbedtls_ssl_setup(&t->ssl, &t->context->config) != 0) {
        tls_stream_free(t);
        return NULL;
    }
    mbedtls_ssl_set_bio(&t->ssl, &t->fd, roost__tls_socket_send, roost__tls_socket_recv, NULL);
    return t;
}

void tls_stream_free(struct tls_stream *t)
{
    if (t == NULL)
        return;
    mbedtls_ssl_free(&t->ssl);
    release(t->server, t->context);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

static void word_failure(const struct tls_stream *t, int rc)
{
    enum { DATES = MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE };
    uint32_t wrong = mbedtls_ssl_get_verify_result(&t->ssl);
    if (rc == MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE)
        roost__fail(ROOST_EAUTH, "the client has no certificate");
    else if (rc == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED && (wrong & DATES) != 0)
        roost__fail(ROOST_EAUTH, "the client's certificate is out of date");
    else if (rc == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED || rc == MBEDTLS_ERR_SSL_BAD_HS_CERTIFICATE)
        roost__fail_certificate(wrong, NULL, NULL, "the client's certificate", "", "--tls-ca");
    else if (rc == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE)
        roost__fail(ROOST_EAUTH, "the client refuses us (TLS alert %d)", t->ssl.in_msg[1]);
    else
        roost__fail(ROOST_EPROTO, "no TLS that we know (mbedTLS -0x%04x)", (unsigned)-rc);
}

/* An mbedTLS result as recv() and send() have it. */
static ssize_t result(const struct tls_stream *t, int rc)
{
    if (rc >= 0)
        return rc;
    if (rc == MBEDTLS_ERR_SSL_CONN_EOF || rc == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
        return 0;
    if (rc == MBEDTLS_ERR_SSL_WANT_READ || rc == MBEDTLS_ERR_SSL_WANT_WRITE) {
        errno = EAGAIN;
        return -1;
    }
    word_failure(t, rc);
    errno = EPROTO;
    return -1;
}

/* What the peer has sent behind its mistake: unread, it would have the socket's end overtake the alert that
 * says what is wrong. */
static void drop_rest(const struct tls_stream *t)
{
    uint8_t junk[4096];
    for (int i = 0; i < 8 && recv(t->fd, junk, sizeof(junk), MSG_DONTWAIT) > 0; i++)
        ;
}

ssize_t tls_stream_recv(struct tls_stream *t, void *data, size_t len)
{
    pthread_mutex_lock(&t->lock);
    ssize_t n = result(t, mbedtls_ssl_read(&t->ssl, data, len));
    if (n < 0 && errno == EPROTO) {
        drop_rest(t);
        errno = EPROTO;
    }
    pthread_mutex_unlock(&t->lock);
    return n;
}

/* By its CA's list: that it is the CA's was checked when one of its certificates was. */
static bool is_revoked(const struct credentials *own, const mbedtls_x509_crt *crt)
{
    for (const mbedtls_x509_crl *l = &own->crl; own->has_crl && l != NULL; l = l->next) {
        struct slice lists = slice_of(l->issuer_raw.p, l->issuer_raw.len);
        if (slice_equal(lists, slice_of(crt->issuer_raw.p, crt->issuer_raw.len)) &&
            mbedtls_x509_crt_is_revoked(crt, l) != 0)
            return true;
    }
    return false;
}

bool tls_stream_revoked(struct tls_stream *t)
{
    bool revoked = false;
    struct tls_context *now = borrow(t->server);
    pthread_mutex_lock(&t->lock);
    const mbedtls_x509_crt *crt = mbedtls_ssl_get_peer_cert(&t->ssl);
    for (; crt != NULL && !revoked; crt = crt->next)
        revoked = is_revoked(&now->own, crt);
    pthread_mutex_unlock(&t->lock);
    release(t->server, now);
    return revoked;
}

bool tls_stream_pending(struct tls_stream *t)
{
    pthread_mutex_lock(&t->lock);
    bool pending = mbedtls_ssl_get_bytes_avail(&t->ssl) > 0;
    pthread_mutex_unlock(&t->lock);
    return pending;
}

/* What is left of earlier records goes first; with that in the way, mbedtls_ssl_write() writes nothing else.
 */
static int flush(struct tls_stream *t)
{
    int rc = 0;
    while (t->ssl.out_left > 0 && rc == 0)
        rc = mbedtls_ssl_write(&t->ssl, (const unsigned char *)"", 0);
    return rc;
}

static int put_record(struct tls_stream *t, const void *data, size_t len)
{
    int max = mbedtls_ssl_get_max_out_record_payload(&t->ssl);
    int rc = flush(t);
    if (rc != 0)
        return rc;
    if (t->queued == 0) {
        t->queued = max > 0 && len > (size_t)max ? (size_t)max : len;
        rc = mbedtls_ssl_write(&t->ssl, data, t->queued);
        if (rc < 0)
            return rc;
    }
    int n = (int)t->queued;
    t->queued = 0;
    return n;
}

ssize_t tls_stream_send(struct tls_stream *t, const void *data, size_t len)
{
    pthread_mutex_lock(&t->lock);
    ssize_t n = result(t, put_record(t, data, len));
    pthread_mutex_unlock(&t->lock);
    if (n == 0)
        errno = EPIPE;
    return n == 0 ? -1 : n;
}
