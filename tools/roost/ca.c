/* ca.c: see ca.h. */
#include "ca.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mbedtls/asn1.h>
#include <mbedtls/ecp.h>
#include <mbedtls/oid.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "wire/credentials.h"

enum { PEM_ROOM = 8192, SERIAL_LEN = 16, NAME_LEN_MAX = 63, EXTENSION_MAX = 4096 };

static int take_chance(void *context, unsigned char *ret, size_t len)
{
    (void)context;
    randombytes_buf(ret, len);
    return 0;
}

static int fail_mbedtls(const char *what, int rc)
{
    return roost__fail(ROOST_EINTERNAL, "cannot %s (mbedTLS -0x%04x)", what, (unsigned)-rc);
}

/* ---- files ---- */

int ca_path(const char *folder, const char *name, const char *suffix, char ret[PATH_MAX])
{
    int n = snprintf(ret, PATH_MAX, "%s/%s.%s", folder, name, suffix);
    return n > 0 && n < PATH_MAX ? ROOST_OK : roost__fail(ROOST_EINVAL, "%s: the path is too long", folder);
}

/* A new file; what is there is never written over. */
static int write_new(const char *path, mode_t mode, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0 && errno == EEXIST)
        return roost__fail(ROOST_EEXIST, "%s is there already", path);
    if (fd < 0)
        return roost__fail_sys(path);
    size_t len = strlen(text);
    bool ok = write(fd, text, len) == (ssize_t)len;
    int rc = ok ? ROOST_OK : roost__fail_sys(path);
    close(fd);
    if (!ok)
        unlink(path);
    return rc;
}

static int write_key(const char *folder, const char *name, mbedtls_pk_context *key)
{
    char path[PATH_MAX];
    unsigned char pem[PEM_ROOM];
    int rc = ca_path(folder, name, "key", path);
    if (rc != ROOST_OK)
        return rc;
    int bad = mbedtls_pk_write_key_pem(key, pem, sizeof(pem));
    rc = bad == 0 ? write_new(path, 0600, (const char *)pem) : fail_mbedtls("write a key", bad);
    sodium_memzero(pem, sizeof(pem));
    return rc;
}

/* ---- extensions, in DER ---- */

struct der {
    uint8_t bytes[EXTENSION_MAX]; /* what is written begins at … */
    size_t at;                    /* … and goes on to the end: DER is written backwards */
};

static bool der_put(struct der *d, uint8_t tag, const void *data, size_t len)
{
    if (d->at < len + 4 || len > 255)
        return false;
    d->at -= len;
    memcpy(d->bytes + d->at, data, len);
    d->bytes[--d->at] = (uint8_t)len;
    if (len > 127)
        d->bytes[--d->at] = 0x81;
    d->bytes[--d->at] = tag;
    return true;
}

/* Makes all that was written one sequence. */
static bool der_wrap(struct der *d)
{
    size_t len = EXTENSION_MAX - d->at;
    if (d->at < 4)
        return false;
    d->bytes[--d->at] = (uint8_t)len;
    if (len > 255)
        d->bytes[--d->at] = (uint8_t)(len >> 8);
    if (len > 127)
        d->bytes[--d->at] = len > 255 ? 0x82 : 0x81;
    d->bytes[--d->at] = MBEDTLS_ASN1_SEQUENCE | MBEDTLS_ASN1_CONSTRUCTED;
    return true;
}

static int put_extension(mbedtls_x509write_cert *crt, const char *oid, size_t oid_len, struct der *d)
{
    return der_wrap(d) ? mbedtls_x509write_crt_set_extension(crt, oid, oid_len, 0, d->bytes + d->at,
                                                             EXTENSION_MAX - d->at)
                       : MBEDTLS_ERR_ASN1_BUF_TOO_SMALL;
}

/* Whom a server's certificate is for (RFC 5280, section 4.2.1.6). */
static int put_hosts(mbedtls_x509write_cert *crt, const struct cert_request *r)
{
    enum { DNS_NAME = MBEDTLS_ASN1_CONTEXT_SPECIFIC | 2, IP_ADDRESS = MBEDTLS_ASN1_CONTEXT_SPECIFIC | 7 };
    struct der d = {.at = EXTENSION_MAX};
    bool ok = true;
    for (size_t i = 0; ok && i < r->host_count; i++) {
        uint8_t address[16];
        if (inet_pton(AF_INET, r->hosts[i], address) == 1)
            ok = der_put(&d, IP_ADDRESS, address, 4);
        else if (inet_pton(AF_INET6, r->hosts[i], address) == 1)
            ok = der_put(&d, IP_ADDRESS, address, 16);
        else
            ok = der_put(&d, DNS_NAME, r->hosts[i], strlen(r->hosts[i]));
    }
    return ok ? put_extension(crt, MBEDTLS_OID_SUBJECT_ALT_NAME,
                              MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME), &d)
              : MBEDTLS_ERR_ASN1_BUF_TOO_SMALL;
}

static int put_use(mbedtls_x509write_cert *crt, const struct cert_request *r)
{
    static const char client[] = MBEDTLS_OID_CLIENT_AUTH, server[] = MBEDTLS_OID_SERVER_AUTH;
    struct der d = {.at = EXTENSION_MAX};
    if (r->client || r->node)
        der_put(&d, MBEDTLS_ASN1_OID, client, strlen(client));
    if (!r->client)
        der_put(&d, MBEDTLS_ASN1_OID, server, strlen(server));
    return put_extension(crt, MBEDTLS_OID_EXTENDED_KEY_USAGE,
                         MBEDTLS_OID_SIZE(MBEDTLS_OID_EXTENDED_KEY_USAGE), &d);
}

/* ---- certificates ---- */

static int set_times(mbedtls_x509write_cert *crt, time_t from, time_t until)
{
    char texts[2][16];
    time_t times[2] = {from, until};
    for (int i = 0; i < 2; i++) {
        struct tm t;
        gmtime_r(&times[i], &t);
        strftime(texts[i], sizeof(texts[i]), "%Y%m%d%H%M%S", &t);
    }
    return mbedtls_x509write_crt_set_validity(crt, texts[0], texts[1]);
}

static int set_serial(mbedtls_x509write_cert *crt)
{
    uint8_t bytes[SERIAL_LEN];
    mbedtls_mpi serial;
    randombytes_buf(bytes, sizeof(bytes));
    bytes[0] = (uint8_t)(bytes[0] & 0x3f) | 0x40; /* positive, and as long as the others */
    mbedtls_mpi_init(&serial);
    int rc = mbedtls_mpi_read_binary(&serial, bytes, sizeof(bytes));
    if (rc == 0)
        rc = mbedtls_x509write_crt_set_serial(crt, &serial);
    mbedtls_mpi_free(&serial);
    return rc;
}

/* What an authority's and others' certificates have in common. */
static int fill(mbedtls_x509write_cert *crt, const char *name, mbedtls_pk_context *key, time_t from,
                time_t until)
{
    char subject[128];
    snprintf(subject, sizeof(subject), "CN=%s,O=roost", name);
    mbedtls_x509write_crt_set_version(crt, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(crt, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(crt, key);
    int rc = mbedtls_x509write_crt_set_subject_name(crt, subject);
    if (rc == 0)
        rc = set_serial(crt);
    return rc == 0 ? set_times(crt, from, until) : rc;
}

static int write_certificate(const char *folder, const char *name, mbedtls_x509write_cert *crt)
{
    char path[PATH_MAX];
    unsigned char pem[PEM_ROOM];
    int rc = ca_path(folder, name, "pem", path);
    if (rc != ROOST_OK)
        return rc;
    int bad = mbedtls_x509write_crt_pem(crt, pem, sizeof(pem), take_chance, NULL);
    return bad == 0 ? write_new(path, 0644, (const char *)pem) : fail_mbedtls("write a certificate", bad);
}

static int make_key(mbedtls_pk_context *ret)
{
    mbedtls_pk_init(ret);
    int rc = mbedtls_pk_setup(ret, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
    if (rc == 0)
        rc = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*ret), take_chance, NULL);
    return rc == 0 ? ROOST_OK : fail_mbedtls("make a key", rc);
}

/* The certificate first: one without key is of no use to anybody. */
static int write_both(const char *folder, const char *name, mbedtls_x509write_cert *crt,
                      mbedtls_pk_context *key)
{
    char path[PATH_MAX];
    int rc = write_certificate(folder, name, crt);
    if (rc != ROOST_OK)
        return rc;
    rc = write_key(folder, name, key);
    if (rc != ROOST_OK && ca_path(folder, name, "pem", path) == ROOST_OK)
        unlink(path);
    return rc;
}

int ca_create(const char *folder, time_t from, time_t until)
{
    mbedtls_x509write_cert crt;
    mbedtls_pk_context key;
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return roost__fail_sys(folder);
    mbedtls_x509write_crt_init(&crt);
    int rc = make_key(&key);
    int bad = rc == ROOST_OK ? fill(&crt, "roost CA", &key, from, until) : 0;
    if (bad == 0)
        bad = mbedtls_x509write_crt_set_issuer_name(&crt, "CN=roost CA,O=roost");
    mbedtls_x509write_crt_set_issuer_key(&crt, &key);
    if (rc == ROOST_OK && bad == 0)
        bad = mbedtls_x509write_crt_set_basic_constraints(&crt, 1, 0);
    if (rc == ROOST_OK && bad == 0)
        bad = mbedtls_x509write_crt_set_key_usage(&crt,
                                                  MBEDTLS_X509_KU_KEY_CERT_SIGN | MBEDTLS_X509_KU_CRL_SIGN);
    if (rc == ROOST_OK)
        rc = bad == 0 ? write_both(folder, "ca", &crt, &key) : fail_mbedtls("make a certificate", bad);
    mbedtls_x509write_crt_free(&crt);
    mbedtls_pk_free(&key);
    return rc;
}

static int load_ca(const char *folder, struct credentials *ret)
{
    char cert[PATH_MAX], key[PATH_MAX];
    int rc = ca_path(folder, "ca", "pem", cert);
    if (rc == ROOST_OK)
        rc = ca_path(folder, "ca", "key", key);
    const struct credential_files files = {.cert = cert, .key = key};
    return rc == ROOST_OK ? roost__credentials_load(&files, ret) : rc;
}

static int sign(const struct cert_request *r, struct credentials *ca, mbedtls_pk_context *key,
                mbedtls_x509write_cert *crt)
{
    char issuer[256];
    int rc = fill(crt, r->name, key, r->from, r->until);
    if (rc == 0 && (rc = mbedtls_x509_dn_gets(issuer, sizeof(issuer), &ca->cert.subject)) > 0)
        rc = mbedtls_x509write_crt_set_issuer_name(crt, issuer);
    mbedtls_x509write_crt_set_issuer_key(crt, &ca->key);
    if (rc == 0)
        rc = mbedtls_x509write_crt_set_basic_constraints(crt, 0, -1);
    if (rc == 0)
        rc = mbedtls_x509write_crt_set_key_usage(crt, MBEDTLS_X509_KU_DIGITAL_SIGNATURE);
    if (rc == 0)
        rc = put_use(crt, r);
    if (rc == 0 && !r->client)
        rc = put_hosts(crt, r);
    return rc == 0 ? ROOST_OK : fail_mbedtls("make a certificate", rc);
}

/* What may stand in a distinguished name and in a file's without being quoted. */
static int check_name(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:*-";
    size_t len = strlen(name);
    if (len >= 1 && len <= NAME_LEN_MAX && strspn(name, allowed) == len && name[0] != '.')
        return ROOST_OK;
    return roost__fail(ROOST_EINVAL,
                       "\"%.80s\" is no name for a certificate: 1 to %d letters, digits, . : * _ -", name,
                       NAME_LEN_MAX);
}

static int check_names(const struct cert_request *r)
{
    int rc = check_name(r->name);
    for (size_t i = 0; rc == ROOST_OK && i < r->host_count; i++)
        rc = check_name(r->hosts[i]);
    return rc;
}

int ca_sign(const char *folder, const struct cert_request *request)
{
    struct credentials ca;
    mbedtls_x509write_cert crt;
    mbedtls_pk_context key;
    int rc = check_names(request);
    if (rc != ROOST_OK)
        return rc;
    roost__credentials_init(&ca);
    mbedtls_x509write_crt_init(&crt);
    mbedtls_pk_init(&key);
    rc = load_ca(folder, &ca);
    if (rc == ROOST_OK)
        rc = make_key(&key);
    if (rc == ROOST_OK)
        rc = sign(request, &ca, &key, &crt);
    if (rc == ROOST_OK)
        rc = write_both(folder, request->name, &crt, &key);
    mbedtls_x509write_crt_free(&crt);
    mbedtls_pk_free(&key);
    roost__credentials_free(&ca);
    return rc;
}
