/*
 * keyring.h: the keys file: who may come in, by which key, and what he may do.
 *
 *   # identities, each with a key of 64 hexadecimal digits, and rules: who, which rights, on which names
 *   key   alice  5b1e…
 *   allow alice  read,write,admin  *
 *   allow uid:33 read              config.*
 *
 * A key ring does not change; a new one takes its place (server_set_keys()). Called by roostd.c and hello.c.
 */
#ifndef ROOST_SHELL_KEYRING_H
#define ROOST_SHELL_KEYRING_H

#include "base/buf.h"
#include "wire/proof.h"

enum { KEYRING_MAX = 10000 };

struct identity {
    char name[IDENTITY_MAX + 1];
    uint64_t number; /* the same for the same name, also in another ring; never 0 */
    bool has_key;    /* else rules only: a user of this host */
    uint8_t key[PROOF_KEY_LEN];
    struct buf rules; /* for the core: core.h, struct event */
};

struct keyring {
    struct identity *all;
    size_t len, cap;
    uint8_t decoy[PROOF_KEY_LEN]; /* makes keys for identities that there are not */
};

/* Reads a file that its owner alone may use. Errors: ROOST_ESYS, ROOST_EINVAL (with file and line),
 * ROOST_ENOMEM.
 */
int keyring_load(const char *path, struct keyring **ret);
void keyring_free(struct keyring *k); /* NULL is allowed */

/* NULL: there is none. Borrowed from the ring. */
const struct identity *keyring_find(const struct keyring *k, struct slice name);

/* The key to challenge a peer with who says that it is `name`: nobody can tell by the answer whether there is
 * such an identity. */
void keyring_key(const struct keyring *k, struct slice name, uint8_t ret[PROOF_KEY_LEN]);

#endif
