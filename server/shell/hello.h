/*
 * hello.h: the handshake: from HELLO to a session, new or resumed, and WELCOME; see PROTOCOL.md, section 2.
 *
 * Called by conn.c, inside a batch.
 */
#ifndef ROOST_SHELL_HELLO_H
#define ROOST_SHELL_HELLO_H

#include <stdbool.h>

#include "base/slice.h"

struct batch;
struct conn;

/* Takes a connection's first frame. False: GOODBYE was said where it helps, the connection must be closed. */
bool hello_take(struct conn *c, struct batch *batch, struct slice payload);

#endif
