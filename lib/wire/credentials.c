/* credentials.c: see credentials.h. */
#include "wire/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <mbedtls/error.h>
#include <mbedtls/sha256.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

void roost__credentials_init(struct credentials *c)
{
    mbedtls_x509_crt_init(&c->ca);
    mbedtls_x509_crt_init(&c->cert);
    mbedtls_pk_init(&c->key);
    mbedtls_x509_crl_init(&c->crl);
    c->has_crl = false;
}

void roost__credentials_free(struct credentials *c)
{
    mbedtls_x509_crt_free(&c->ca);
    mbedtls_x509_crt_free(&c->cert);
    mbedtls_pk_free(&c->key);
    mbedtls_x509_crl_free(&c->crl);
}

/* ---- files ---- */

static int fail_file(const char *path, const char *what)
{
    char reason[128];
    return roost__fail(ROOST_ESYS, "cannot read the %s %s: %s", what, path,
                       strerror_r(errno, reason, sizeof(reason)));
}

static int read_all(int fd, const char *path, const char *what, struct buf *ret)
{
    uint8_t piece[4096];
    ssize_t n;
    while ((n = read(fd, piece, sizeof(piece))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_file(path, what);
        if (!buf_append(ret, piece, (size_t)n))
            break;
    }
    buf_append(ret, "", 1);
    explicit_bzero(piece, sizeof(piece));
    return ret->failed ? roost__buf_fail(ret) : ROOST_OK;
}

int roost__read_file(const char *path, const char *what, size_t max, struct buf *ret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_file(path, what);
    *ret = buf_make(max);
    int rc = read_all(fd, path, what, ret);
    close(fd);
    if (rc != ROOST_OK)
        roost__buf_free(ret);
    return rc == ROOST_ELIMIT ? roost__fail(ROOST_EINVAL, "the %s %s is too large", what, path) : rc;
}

static int load_certificates(const char *path, const char *what, mbedtls_x509_crt *ret)
{
    struct buf pem = {0};
    int rc = roost__read_file(path, what, PEM_MAX, &pem);
    if (rc != ROOST_OK)
        return rc;
    int bad = mbedtls_x509_crt_parse(ret, pem.data, pem.len); /* > 0: so many could not be read */
    roost__buf_free(&pem);
    if (bad == MBEDTLS_ERR_X509_ALLOC_FAILED)
        return roost__fail(ROOST_ENOMEM, "no memory for the %s %s", what, path);
    if (ret->raw.p == NULL)
        return roost__fail(ROOST_EINVAL, "the %s %s holds no certificate in PEM", what, path);
    return ROOST_OK;
}

static int load_key(const char *path, mbedtls_pk_context *ret)
{
    struct buf pem = {0};
    int rc = roost__read_file(path, "private key", PEM_MAX, &pem);
    if (rc != ROOST_OK)
        return rc;
    int bad = mbedtls_pk_parse_key(ret, pem.data, pem.len, NULL, 0);
    explicit_bzero(pem.data, pem.len);
    roost__buf_free(&pem);
    return bad == 0
               ? ROOST_OK
               : roost__fail(ROOST_EINVAL, "the file %s holds no private key in PEM without password", path);
}

static int load_crl(const char *path, struct credentials *ret)
{
    struct buf pem = {0};
    int rc = roost__read_file(path, "CRL", PEM_MAX, &pem);
    if (rc != ROOST_OK)
        return rc;
    int bad = mbedtls_x509_crl_parse(&ret->crl, pem.data, pem.len);
    roost__buf_free(&pem);
    ret->has_crl = true;
    return bad == 0 && ret->crl.raw.p != NULL
               ? ROOST_OK
               : roost__fail(ROOST_EINVAL, "the CRL %s holds no revocation list in PEM", path);
}

int roost__credentials_load(const struct credential_files *files, struct credentials *ret)
{
    int rc = ROOST_OK;
    if ((files->cert == NULL) != (files->key == NULL))
        return roost__fail(ROOST_EINVAL, "a certificate and its private key go together: %s is missing",
                           files->cert == NULL ? "the certificate" : "the key");
    if (files->ca != NULL)
        rc = load_certificates(files->ca, "CA file", &ret->ca);
    if (rc == ROOST_OK && files->crl != NULL)
        rc = load_crl(files->crl, ret);
    if (rc != ROOST_OK || files->cert == NULL)
        return rc;
    rc = load_certificates(files->cert, "certificate", &ret->cert);
    if (rc == ROOST_OK)
        rc = load_key(files->key, &ret->key);
    if (rc == ROOST_OK && mbedtls_pk_check_pair(&ret->cert.pk, &ret->key) != 0)
        rc = roost__fail(ROOST_EINVAL, "the private key %s does not belong to the certificate %s", files->key,
                         files->cert);
    return rc;
}

/* ---- certificates ---- */

static int fail_time(const char *whose, const char *verb, const mbedtls_x509_time *t)
{
    return roost__fail(ROOST_EAUTH, "%s %s %04d-%02d-%02d %02d:%02d UTC", whose, verb, t->year, t->mon,
                       t->day, t->hour, t->min);
}

int roost__fail_certificate(uint32_t flags, const mbedtls_x509_time *from, const mbedtls_x509_time *to,
                            const char *whose, const char *name, const char *ca)
{
    enum { NO_CRL = MBEDTLS_X509_BADCRL_EXPIRED | MBEDTLS_X509_BADCRL_FUTURE };
    char words[256];
    if (flags & MBEDTLS_X509_BADCERT_REVOKED)
        return roost__fail(ROOST_EAUTH, "%s was revoked", whose);
    if (flags & NO_CRL)
        return roost__fail(ROOST_EAUTH, "%s may have been revoked: its CA's list (CRL) is out of date",
                           whose);
    if (flags & MBEDTLS_X509_BADCRL_NOT_TRUSTED)
        return roost__fail(ROOST_EAUTH, "%s may have been revoked: the list (CRL) is not signed by its CA",
                           whose);
    if (flags & MBEDTLS_X509_BADCERT_EXPIRED)
        return fail_time(whose, "expired at", to);
    if (flags & MBEDTLS_X509_BADCERT_FUTURE)
        return fail_time(whose, "is not valid before", from);
    if (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED)
        return roost__fail(ROOST_EAUTH, "%s is not signed by a CA of %s", whose, ca);
    if (flags & MBEDTLS_X509_BADCERT_CN_MISMATCH)
        return roost__fail(ROOST_EAUTH, "%s is not for the name %s", whose, name);
    if (flags & (MBEDTLS_X509_BADCERT_EXT_KEY_USAGE | MBEDTLS_X509_BADCERT_KEY_USAGE))
        return roost__fail(ROOST_EAUTH, "%s is for another use", whose);
    int n = mbedtls_x509_crt_verify_info(words, sizeof(words), "", flags);
    words[n > 0 ? strcspn(words, "\n") : 0] = '\0';
    return roost__fail(ROOST_EAUTH, "%s is refused: %s", whose, words);
}

int roost__certificate_hash(const mbedtls_x509_crt *crt, uint8_t ret[CERTIFICATE_HASH_LEN])
{
    return mbedtls_sha256_ret(crt->raw.p, crt->raw.len, ret, 0) == 0
               ? ROOST_OK
               : roost__fail(ROOST_EINTERNAL, "cannot hash a certificate");
}
