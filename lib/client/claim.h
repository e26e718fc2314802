/*
 * claim.h: a client on tcp:// fetches the descriptors of the ring that WELCOME promised (base/claim.h).
 *
 * Called by handshake.c.
 */
#ifndef ROOST_CLIENT_CLAIM_H
#define ROOST_CLIENT_CLAIM_H

#include "base/claim.h"
#include "base/slice.h"
#include "client/transport.h"

/* The claim in WELCOME's terms. False: there is none. */
bool roost__claim_read(struct slice terms, struct claim *ret);

/* Keeps what it gets as if it had come along with WELCOME; waits for it a short time only. Returns what came
 * of it: RING_BETWEEN, or RING_NOT_HAD, which it still may be when there are descriptors. */
enum ring_state roost__claim_make(struct transport *t, const struct claim *claim);

#endif
