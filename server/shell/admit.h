/*
 * admit.h: who is behind a connection, and may he come in? Between HELLO and WELCOME; PROTOCOL.md,
 * section 11.
 *
 * Called by hello.c, inside a batch.
 */
#ifndef ROOST_SHELL_ADMIT_H
#define ROOST_SHELL_ADMIT_H

#include "base/buf.h"
#include "wire/proof.h"

struct conn;

/* A HELLO that waits for its proof. */
struct greeting {
    struct buf hello; /* its payload */
    uint8_t nonce[NONCE_LEN];
    struct slice identity; /* inside hello */
};

enum admission { ADMIT_YES, ADMIT_LATER, ADMIT_NO };

/*
 * A HELLO came, with this identity (len 0: none) and the client's nonce in it. YES: go on; c->identity is
 * set. LATER: CHALLENGE was said, PROOF is to come. NO: GOODBYE was said.
 */
enum admission admit_hello(struct conn *c, struct slice payload, struct slice identity);

/* A PROOF came. YES: go on with c->greeting->hello. */
enum admission admit_proof(struct conn *c, struct slice payload);

void greeting_free(struct greeting *g); /* NULL is allowed */

#endif
