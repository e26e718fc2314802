/*
 * proof.h: identities, their keys, and how either end proves to know one (PROTOCOL.md, section 11).
 *
 * A proof is HMAC-SHA-256 of all that was said so far, so none fits another conversation. Called by the
 * client's access.c and handshake.c, the server's shell and the command line.
 */
#ifndef ROOST_WIRE_PROOF_H
#define ROOST_WIRE_PROOF_H

#include <stdbool.h>

#include "base/buf.h"

enum { PROOF_KEY_LEN = 32, PROOF_LEN = 32, NONCE_LEN = 32, IDENTITY_MAX = 64 };

enum prover { PROVER_SERVER, PROVER_CLIENT };

/* What was said until a proof is due. */
struct transcript {
    struct slice hello;   /* HELLO's payload as it was sent */
    struct slice binding; /* the hash of the TLS server's certificate; len 0: no TLS */
    struct slice nonce;   /* the server's; the client's is in HELLO */
};

void roost__prove(enum prover who, const uint8_t key[PROOF_KEY_LEN], const struct transcript *t,
                  uint8_t ret[PROOF_LEN]);

/* Is it that proof? Takes as long for a wrong one as for the right one. */
bool roost__proof_ok(enum prover who, const uint8_t key[PROOF_KEY_LEN], const struct transcript *t,
                     struct slice proof);

/* 1 to IDENTITY_MAX printable characters of ASCII, none of them a blank. */
bool roost__identity_ok(struct slice name);

/* 64 hexadecimal digits as a key; false: they are none. */
bool roost__key_parse(struct slice digits, uint8_t ret[PROOF_KEY_LEN]);

/* The key that a file holds, which its owner alone may read. Errors: ROOST_ESYS, ROOST_EINVAL, ROOST_ENOMEM.
 */
int roost__key_file_read(const char *path, uint8_t ret[PROOF_KEY_LEN]);

/* Reads a secret file and a NUL behind it, as roost__read_file() does. ROOST_EINVAL when the group or others
 * may read or change it; but what root lends to another user by a group of his may be read by that group: so
 * Kubernetes mounts a Secret (fsGroup, mode 0440). */
int roost__secret_file_read(const char *path, const char *what, struct buf *ret);

#endif
