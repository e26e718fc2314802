/*
 * logged.h: an event of the core as the bytes of a log's entry, and back (FORMAT.md).
 *
 * Invariant: what is read back makes a core do what the event made it do when it was written: it says of a
 * call what its session had confirmed, reads included, of which a log does not know. Called by durable.c and
 * by replica.c.
 */
#ifndef ROOST_SHELL_LOGGED_H
#define ROOST_SHELL_LOGGED_H

#include "core/core.h"
#include "wire/frame.h"

/* Bytes of an entry at most, of any event. */
enum { LOGGED_MAX = FRAME_MAX + (1 << 16) };

/* Writes it anew to a buffer. confirmed: core_confirmed() behind the step. False: no memory.
 */
bool logged_encode(struct buf *out, const struct event *e, uint64_t confirmed);

/* The event of an entry, whose bytes it borrows. False: it is none. */
bool logged_decode(struct slice entry, struct event *ret);

/* Bytes of this one's entry at most. */
size_t logged_max(const struct event *e);

#endif
