/*
 * revoke.c: an authority's list of what it has revoked (CRL, RFC 5280, section 5): FOLDER/crl.pem, written
 * anew with one certificate more; see ca.h. mbedTLS reads such lists, and writes none.
 *
 * The list is one of version 1: with dates and without extensions, for no reader of ours asks for any.
 */
#include <errno.h>
#include <limits.h>
#include <mbedtls/asn1write.h>
#include <mbedtls/oid.h>
#include <mbedtls/pem.h>
#include <mbedtls/sha256.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "ca.h"
#include "wire/credentials.h"

enum { ENTRY_ROOM = 128, LIST_ROOM = 2048, CONSTRUCTED = MBEDTLS_ASN1_SEQUENCE | MBEDTLS_ASN1_CONSTRUCTED };

/* DER, which is written backwards: from `at` to `end`. */
struct list_writer {
    unsigned char *start, *at, *end;
};

static int wrap(struct list_writer *w, size_t len, unsigned char tag)
{
    int n = mbedtls_asn1_write_len(&w->at, w->start, len);
    return n < 0 ? n : mbedtls_asn1_write_tag(&w->at, w->start, tag);
}

/* All from `end` of before on becomes one sequence. */
static int wrap_all(struct list_writer *w, const unsigned char *end)
{
    return wrap(w, (size_t)(end - w->at), CONSTRUCTED);
}

static int put_raw(struct list_writer *w, const unsigned char *bytes, size_t len)
{
    return mbedtls_asn1_write_raw_buffer(&w->at, w->start, bytes, len);
}

static int put_time(struct list_writer *w, time_t when)
{
    char whole[17];
    const char *text = whole + 2; /* without the century: up to 2049 */
    struct tm t;
    gmtime_r(&when, &t);
    strftime(whole, sizeof(whole), "%Y%m%d%H%M%SZ", &t);
    int n = put_raw(w, (const unsigned char *)text, strlen(text));
    return n < 0 ? n : wrap(w, strlen(text), MBEDTLS_ASN1_UTC_TIME);
}

static int put_algorithm(struct list_writer *w, const struct credentials *ca)
{
    const char *oid;
    size_t len;
    mbedtls_pk_type_t type =
        mbedtls_pk_can_do(&ca->key, MBEDTLS_PK_ECDSA) ? MBEDTLS_PK_ECDSA : MBEDTLS_PK_RSA;
    int rc = mbedtls_oid_get_oid_by_sig_alg(type, MBEDTLS_MD_SHA256, &oid, &len);
    return rc < 0 ? rc : mbedtls_asn1_write_algorithm_identifier(&w->at, w->start, oid, len, 0);
}

static int put_revoked(struct list_writer *w, const mbedtls_x509_buf *serial, time_t now)
{
    const unsigned char *end = w->at;
    int rc = put_time(w, now);
    if (rc >= 0)
        rc = put_raw(w, serial->p, serial->len);
    if (rc >= 0)
        rc = wrap(w, serial->len, MBEDTLS_ASN1_INTEGER);
    return rc < 0 ? rc : wrap_all(w, end);
}

/* The entries of the list of before, and a new one. */
static int put_entries(struct list_writer *w, const struct credentials *ca, const mbedtls_x509_buf *serial,
                       time_t now)
{
    const unsigned char *end = w->at;
    int rc = put_revoked(w, serial, now);
    for (const mbedtls_x509_crl_entry *e = &ca->crl.entry; rc >= 0 && e != NULL; e = e->next) {
        const unsigned char *before = w->at;
        if (e->raw.len == 0)
            continue; /* the list was empty */
        rc = put_raw(w, e->raw.p, e->raw.len);
        rc = rc < 0 ? rc : wrap_all(w, before);
    }
    return rc < 0 ? rc : wrap_all(w, end);
}

static int put_list(struct list_writer *w, const struct credentials *ca, const mbedtls_x509_buf *serial,
                    time_t now, time_t until)
{
    const unsigned char *end = w->at;
    const mbedtls_x509_buf *issuer = &ca->cert.subject_raw;
    int rc = put_entries(w, ca, serial, now);
    rc = rc < 0 ? rc : put_time(w, until);
    rc = rc < 0 ? rc : put_time(w, now);
    rc = rc < 0 ? rc : put_raw(w, issuer->p, issuer->len);
    rc = rc < 0 ? rc : put_algorithm(w, ca);
    return rc < 0 ? rc : wrap_all(w, end);
}

static int take_chance(void *context, unsigned char *ret, size_t len)
{
    (void)context;
    randombytes_buf(ret, len);
    return 0;
}

/* Behind the list, which is written behind it: so the bytes make room first. */
static int sign_list(struct list_writer *w, struct credentials *ca)
{
    unsigned char hash[32], signature[MBEDTLS_PK_SIGNATURE_MAX_SIZE];
    size_t list_len = (size_t)(w->end - w->at), len;
    int rc = mbedtls_sha256_ret(w->at, list_len, hash, 0);
    rc = rc < 0 ? rc
                : mbedtls_pk_sign(&ca->key, MBEDTLS_MD_SHA256, hash, 0, signature, &len, take_chance, NULL);
    if (rc < 0)
        return rc;
    struct list_writer whole = {.start = w->start, .at = w->end, .end = w->end};
    unsigned char *list = malloc(list_len);
    if (list == NULL)
        return MBEDTLS_ERR_ASN1_ALLOC_FAILED;
    memcpy(list, w->at, list_len);
    rc = mbedtls_asn1_write_bitstring(&whole.at, whole.start, signature, len * 8);
    rc = rc < 0 ? rc : put_algorithm(&whole, ca);
    rc = rc < 0 ? rc : put_raw(&whole, list, list_len);
    rc = rc < 0 ? rc : wrap_all(&whole, whole.end);
    free(list);
    w->at = whole.at;
    return rc;
}

/* Whoever reads the file has the list of before or this one. */
static int write_over(const char *path, const unsigned char *text, size_t len)
{
    char fresh[PATH_MAX];
    int n = snprintf(fresh, sizeof(fresh), "%s.new", path);
    FILE *f = n > 0 && n < PATH_MAX ? fopen(fresh, "we") : NULL;
    if (f == NULL)
        return roost__fail_sys(path);
    bool ok = fwrite(text, 1, len, f) == len;
    ok = fclose(f) == 0 && ok;
    return ok && rename(fresh, path) == 0 ? ROOST_OK : roost__fail_sys(path);
}

static int write_list(const char *path, const struct list_writer *w)
{
    size_t der = (size_t)(w->end - w->at), room = der * 2 + 256, len = 0;
    unsigned char *pem = malloc(room);
    if (pem == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for a list");
    int bad = mbedtls_pem_write_buffer("-----BEGIN X509 CRL-----\n", "-----END X509 CRL-----\n", w->at, der,
                                       pem, room, &len);
    int rc = bad == 0 ? write_over(path, pem, len - 1) : roost__fail(ROOST_EINTERNAL, "cannot write a list");
    free(pem);
    return rc;
}

static int make_list(const char *path, struct credentials *ca, const mbedtls_x509_crt *crt, time_t now,
                     time_t until)
{
    size_t room = LIST_ROOM + ENTRY_ROOM + ca->crl.raw.len;
    if (ca->has_crl && mbedtls_x509_crt_is_revoked(crt, &ca->crl))
        return roost__fail(ROOST_EEXIST, "it stands in %s already", path);
    struct list_writer w = {.start = malloc(room)};
    if (w.start == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for a list");
    w.at = w.end = w.start + room;
    int bad = put_list(&w, ca, &crt->serial, now, until);
    if (bad >= 0)
        bad = sign_list(&w, ca);
    int rc = bad >= 0 ? write_list(path, &w)
                      : roost__fail(ROOST_EINTERNAL, "cannot make a list (mbedTLS -0x%04x)", (unsigned)-bad);
    free(w.start);
    return rc;
}

int ca_revoke(const char *folder, const char *name, time_t now, time_t until)
{
    char path[PATH_MAX], cert[PATH_MAX], ca_cert[PATH_MAX], ca_key[PATH_MAX];
    struct credentials ca, revoked;
    int rc = ca_path(folder, "crl", "pem", path);
    rc = rc == ROOST_OK ? ca_path(folder, name, "pem", cert) : rc;
    rc = rc == ROOST_OK ? ca_path(folder, "ca", "pem", ca_cert) : rc;
    rc = rc == ROOST_OK ? ca_path(folder, "ca", "key", ca_key) : rc;
    if (rc != ROOST_OK)
        return rc;
    roost__credentials_init(&ca);
    roost__credentials_init(&revoked);
    const struct credential_files ours = {
        .cert = ca_cert, .key = ca_key, .crl = access(path, F_OK) == 0 ? path : NULL};
    rc = roost__credentials_load(&ours, &ca);
    if (rc == ROOST_OK)
        rc = roost__credentials_load(&(struct credential_files){.ca = cert}, &revoked);
    if (rc == ROOST_OK)
        rc = make_list(path, &ca, &revoked.ca, now, until);
    roost__credentials_free(&revoked);
    roost__credentials_free(&ca);
    return rc;
}
