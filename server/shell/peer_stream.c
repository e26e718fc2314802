/* peer_stream.c: see peer_stream.h. */
#include "shell/peer_stream.h"

#include <errno.h>
#include <mbedtls/oid.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "shell/log.h"
#include "wire/tls_rules.h"

/* ---- our certificate ---- */

static bool configure(mbedtls_ssl_config *conf, int endpoint, struct credentials *own)
{
    bool ok = roost__tls_configure(conf, endpoint);
    mbedtls_ssl_conf_authmode(conf, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_ca_chain(conf, &own->ca, NULL);
    return ok && mbedtls_ssl_conf_own_cert(conf, &own->cert, &own->key) == 0;
}

int peer_tls_load(const struct credential_files *files, struct peer_tls *ret)
{
    mbedtls_ssl_config_init(&ret->calls);
    mbedtls_ssl_config_init(&ret->called);
    roost__credentials_init(&ret->own);
    if (files->ca == NULL || files->cert == NULL || files->key == NULL)
        return roost__fail(ROOST_EINVAL, "TLS between nodes needs a CA, a certificate and its key");
    int rc = roost__credentials_load(files, &ret->own);
    if (rc != ROOST_OK)
        return rc;
    bool ok = configure(&ret->calls, MBEDTLS_SSL_IS_CLIENT, &ret->own) &&
              configure(&ret->called, MBEDTLS_SSL_IS_SERVER, &ret->own);
    return ok ? ROOST_OK : roost__fail(ROOST_ENOMEM, "no memory for TLS");
}

void peer_tls_free(struct peer_tls *t)
{
    mbedtls_ssl_config_free(&t->calls);
    mbedtls_ssl_config_free(&t->called);
    roost__credentials_free(&t->own);
}

/* A node calls and is called; a client's and a server's certificate are for one of these only. */
static bool is_node(const mbedtls_x509_crt *crt, const char *name)
{
    static const char *const uses[] = {MBEDTLS_OID_SERVER_AUTH, MBEDTLS_OID_CLIENT_AUTH};
    for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++)
        if (mbedtls_x509_crt_check_extended_key_usage(crt, uses[i], strlen(uses[i])) != 0)
            return false;
    return roost__certificate_is_for(crt, CERTIFICATE_DNS_NAME, slice_of(name, strlen(name)));
}

int peer_tls_check_own(const struct peer_tls *t, const char *name)
{
    const mbedtls_x509_crt *crt = &t->own.cert;
    if (!is_node(crt, name))
        return roost__fail(ROOST_EINVAL, "our certificate is not that of %s", name);
    if (mbedtls_x509_time_is_past(&crt->valid_to) || mbedtls_x509_time_is_future(&crt->valid_from))
        log_warn("the certificate of %s is out of date: the other nodes will refuse it", name);
    return ROOST_OK;
}

/* ---- a connection ---- */

int peer_stream_init(struct peer_stream *s, int fd, const struct peer_tls *tls, const char *calls)
{
    *s = (struct peer_stream){.fd = -1, .tls = tls != NULL};
    if (tls != NULL) {
        mbedtls_ssl_init(&s->ssl);
        if (mbedtls_ssl_setup(&s->ssl, calls != NULL ? &tls->calls : &tls->called) != 0 ||
            (calls != NULL && mbedtls_ssl_set_hostname(&s->ssl, calls) != 0)) {
            mbedtls_ssl_free(&s->ssl);
            s->tls = false;
            return roost__fail(ROOST_ENOMEM, "no memory for TLS");
        }
        mbedtls_ssl_set_bio(&s->ssl, &s->fd, roost__tls_socket_send, roost__tls_socket_recv, NULL);
    }
    s->fd = fd;
    return ROOST_OK;
}

int peer_stream_give(struct peer_stream *s)
{
    int fd = s->fd;
    s->fd = -1;
    return fd;
}

/* What the peer has sent behind its mistake: unread, it would have the socket's end overtake the alert that
 * says what is wrong. */
static void drop_rest(const struct peer_stream *s)
{
    uint8_t junk[4096];
    for (int i = 0; i < 8 && recv(s->fd, junk, sizeof(junk), MSG_DONTWAIT) > 0; i++)
        ;
}

void peer_stream_end(struct peer_stream *s)
{
    if (s->fd < 0)
        return;
    if (s->tls) {
        if (s->ssl.state == MBEDTLS_SSL_HANDSHAKE_OVER)
            (void)mbedtls_ssl_close_notify(&s->ssl);
        else
            drop_rest(s);
        mbedtls_ssl_free(&s->ssl);
    }
    close(s->fd);
    s->fd = -1;
}

static int broken(const struct peer_stream *s, int rc)
{
    enum { DATES = MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE };
    uint32_t wrong = mbedtls_ssl_get_verify_result(&s->ssl);
    if (rc == MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE)
        roost__fail(ROOST_EAUTH, "it has no certificate");
    else if (rc == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED && (wrong & DATES) != 0)
        roost__fail(ROOST_EAUTH, "its certificate is out of date");
    else if (rc == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED || rc == MBEDTLS_ERR_SSL_BAD_HS_CERTIFICATE)
        roost__fail_certificate(wrong, NULL, NULL, "its certificate",
                                s->ssl.hostname != NULL ? s->ssl.hostname : "", "the cluster");
    else if (rc == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE)
        roost__fail(ROOST_EAUTH, "it refuses us (TLS alert %d)", s->ssl.in_msg[1]);
    else
        roost__fail(ROOST_EPROTO, "no TLS that we know (mbedTLS -0x%04x)", (unsigned)-rc);
    return PEER_BROKEN;
}

/* What mbedTLS returns as we do. */
static int result(const struct peer_stream *s, int rc)
{
    if (rc >= 0)
        return rc;
    if (rc == MBEDTLS_ERR_SSL_WANT_READ)
        return PEER_WANTS_READ;
    if (rc == MBEDTLS_ERR_SSL_WANT_WRITE)
        return PEER_WANTS_WRITE;
    if (rc == MBEDTLS_ERR_SSL_CONN_EOF || rc == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
        return 0;
    return broken(s, rc);
}

static int plain_result(ssize_t n, int wants)
{
    if (n >= 0)
        return (int)n;
    if (errno == EAGAIN || errno == EINTR)
        return wants;
    roost__fail_sys("the connection");
    return PEER_BROKEN;
}

int peer_stream_shake(struct peer_stream *s)
{
    if (!s->tls)
        return 0;
    int rc = mbedtls_ssl_handshake(&s->ssl);
    if (rc == MBEDTLS_ERR_SSL_CONN_EOF) {
        roost__fail(ROOST_ECONN, "it closed the connection in the TLS handshake");
        return PEER_BROKEN;
    }
    return result(s, rc);
}

int peer_stream_recv(struct peer_stream *s, void *data, size_t len)
{
    return s->tls ? result(s, mbedtls_ssl_read(&s->ssl, data, len))
                  : plain_result(recv(s->fd, data, len, MSG_DONTWAIT), PEER_WANTS_READ);
}

int peer_stream_send(struct peer_stream *s, const void *data, size_t len)
{
    int n = s->tls ? result(s, mbedtls_ssl_write(&s->ssl, data, len))
                   : plain_result(send(s->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL), PEER_WANTS_WRITE);
    if (n == 0)
        roost__fail(ROOST_ECONN, "it closed the connection");
    return n == 0 ? PEER_BROKEN : n;
}

int peer_stream_is(struct peer_stream *s, const char *name)
{
    if (!s->tls)
        return ROOST_OK;
    const mbedtls_x509_crt *crt = mbedtls_ssl_get_peer_cert(&s->ssl);
    return crt != NULL && is_node(crt, name)
               ? ROOST_OK
               : roost__fail(ROOST_EAUTH, "its certificate is not that of %s", name);
}
