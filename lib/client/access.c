/* access.c: see access.h. */
#include "client/access.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { TLS_CA, TLS_CERT, TLS_KEY, TLS_NAME, IDENTITY, KEY_FILE, TLS_CRL };

static const char *const variables[ACCESS_WORDS] = {
    [TLS_CA] = "ROOST_TLS_CA",     [TLS_CERT] = "ROOST_TLS_CERT", [TLS_KEY] = "ROOST_TLS_KEY",
    [TLS_NAME] = "ROOST_TLS_NAME", [IDENTITY] = "ROOST_IDENTITY", [KEY_FILE] = "ROOST_KEY_FILE",
    [TLS_CRL] = "ROOST_TLS_CRL"};

static const char *said(const char *option, const char *variable)
{
    const char *word = option != NULL ? option : getenv(variable);
    return word != NULL && *word != '\0' ? word : NULL;
}

static int read_key(struct access *a)
{
    const char *identity = a->words[IDENTITY], *file = a->words[KEY_FILE];
    if ((identity == NULL) != (file == NULL))
        return roost__fail(ROOST_EINVAL, "an identity and its key file go together: %s is missing",
                           file == NULL ? "the key file" : "the identity");
    if (identity == NULL)
        return ROOST_OK;
    if (!roost__identity_ok(slice_str(identity)))
        return roost__fail(ROOST_EINVAL, "the identity \"%.64s\" is not 1 to %d printable characters",
                           identity, IDENTITY_MAX);
    int rc = roost__key_file_read(file, a->key);
    a->has_key = rc == ROOST_OK;
    return rc;
}

int roost__access_take(const roost_options *options, struct access *ret)
{
    static const roost_options none;
    const roost_options *o = options != NULL ? options : &none;
    const char *const given[ACCESS_WORDS] = {
        [TLS_CA] = o->tls_ca,     [TLS_CERT] = o->tls_cert, [TLS_KEY] = o->tls_key, [TLS_NAME] = o->tls_name,
        [IDENTITY] = o->identity, [KEY_FILE] = o->key_file, [TLS_CRL] = o->tls_crl};
    for (int i = 0; i < ACCESS_WORDS; i++) {
        const char *word = said(given[i], variables[i]);
        if (word != NULL && (ret->words[i] = strdup(word)) == NULL)
            return roost__fail(ROOST_ENOMEM, "no memory for a manager");
    }
    return read_key(ret);
}

void roost__access_free(struct access *a)
{
    for (int i = 0; i < ACCESS_WORDS; i++)
        free(a->words[i]);
    sodium_memzero(a, sizeof(*a));
}

struct tls_wishes roost__access_tls(const struct access *a)
{
    return (struct tls_wishes){.files = {.ca = a->words[TLS_CA],
                                         .cert = a->words[TLS_CERT],
                                         .key = a->words[TLS_KEY],
                                         .crl = a->words[TLS_CRL]},
                               .server_name = a->words[TLS_NAME]};
}

const char *roost__access_identity(const struct access *a)
{
    return a->words[IDENTITY];
}
