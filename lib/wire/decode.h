/*
 * decode.h: encoded values to roost_value, each in one block of memory.
 *
 * Called by the client for replies, by lib/local and lib/run for items and results.
 */
#ifndef ROOST_WIRE_DECODE_H
#define ROOST_WIRE_DECODE_H

#include "base/slice.h"
#include "roost/value.h"

/* What stands before the payload of a value's block. drop, when set, runs before the block is freed. */
struct value_block {
    void (*drop)(struct value_block *block, const roost_value *v);
    void *owner;
};

/*
 * Decodes checked bytes. The result owns its block (scalars need none). A reference in it is plain data:
 * whoever counts references sets the block's drop afterwards; with_block forces a block even for a single
 * reference. Errors: ROOST_ENOMEM.
 */
int roost__decode(struct slice checked, bool with_block, roost_value *ret);

#endif
