/* tls.c: see tls.h. */
#include "shell/tls.h"

#include <mbedtls/oid.h>
#include <string.h>

#include "base/error.h"
#include "shell/log.h"

static void warn_of_time(const struct credential_files *files, const mbedtls_x509_crt *crt)
{
    if (mbedtls_x509_time_is_past(&crt->valid_to))
        log_warn("the certificate %s has expired: clients will refuse it", files->cert);
    if (mbedtls_x509_time_is_future(&crt->valid_from))
        log_warn("the certificate %s is not valid yet: clients will refuse it", files->cert);
}

static int read_texts(const struct credential_files *files, struct tls_server *ret)
{
    int rc = roost__read_file(files->cert, "certificate", PEM_MAX, &ret->cert);
    if (rc == ROOST_OK)
        rc = roost__read_file(files->key, "private key", PEM_MAX, &ret->key);
    if (rc == ROOST_OK && files->ca != NULL)
        rc = roost__read_file(files->ca, "CA file", PEM_MAX, &ret->ca);
    return rc;
}

int tls_load(const struct credential_files *files, bool wants_certificate, struct tls_server *ret)
{
    struct credentials c;
    *ret = (struct tls_server){.wants_certificate = wants_certificate};
    if (files->cert == NULL && files->key == NULL)
        return roost__fail(ROOST_EINVAL, "tls+tcp:// needs --tls-cert and --tls-key");
    if (wants_certificate && files->ca == NULL)
        return roost__fail(ROOST_EINVAL, "--tls-require-client-cert needs --tls-ca: who signs them");
    roost__credentials_init(&c);
    int rc = roost__credentials_load(files, &c);
    if (rc == ROOST_OK && mbedtls_x509_crt_check_extended_key_usage(&c.cert, MBEDTLS_OID_SERVER_AUTH,
                                                                    strlen(MBEDTLS_OID_SERVER_AUTH)) != 0)
        rc = roost__fail(ROOST_EINVAL, "the certificate %s is not one for a server", files->cert);
    if (rc == ROOST_OK)
        rc = roost__certificate_hash(&c.cert, ret->binding);
    if (rc == ROOST_OK)
        rc = read_texts(files, ret);
    if (rc == ROOST_OK)
        warn_of_time(files, &c.cert);
    roost__credentials_free(&c);
    return rc;
}

void tls_unload(struct tls_server *t)
{
    if (t->key.data != NULL)
        explicit_bzero(t->key.data, t->key.len);
    roost__buf_free(&t->cert);
    roost__buf_free(&t->key);
    roost__buf_free(&t->ca);
}
