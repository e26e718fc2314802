/*
 * access.h: what lets a client in: its certificate, whom it trusts, its identity and key; from the options or
 * the environment.
 *
 * Invariant: belongs to its manager, does not change while that lives, and is inherited by children. Called
 * by manager.c; wishes refer to it.
 */
#ifndef ROOST_CLIENT_ACCESS_H
#define ROOST_CLIENT_ACCESS_H

#include "client/transport_tls.h"
#include "roost/manager.h"
#include "wire/proof.h"

enum { ACCESS_WORDS = 7 };

struct access {
    char *words[ACCESS_WORDS]; /* as in access.c's table; NULL: not said */
    uint8_t key[PROOF_KEY_LEN];
    bool has_key;
};

/*
 * Takes what the options say (NULL: nothing), else the environment; reads the key file. Errors: ROOST_EINVAL
 * (an identity without key or the other way round, a file that holds none, or that others may read),
 * ROOST_ESYS (it cannot be read), ROOST_ENOMEM. What was taken stays for roost__access_free().
 */
int roost__access_take(const roost_options *options, struct access *ret);
void roost__access_free(struct access *a);

struct tls_wishes roost__access_tls(const struct access *a);
const char *roost__access_identity(const struct access *a);

#endif
