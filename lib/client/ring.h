/*
 * ring.h: a transport whose bytes go through shared memory (base/ring.h); the socket stays as the sign of
 * life.
 *
 * The functions do what transport.h says of those without "ring" in their names; recv's results are recv()'s,
 * with errno EPROTO when the server broke the ring. Called by transport.c; opened by handshake.c.
 */
#ifndef ROOST_CLIENT_RING_H
#define ROOST_CLIENT_RING_H

#include "client/transport.h"

/* Makes a ring of the two descriptors that came along: the memory, and the eventfd that wakes the server.
 * False: they are not what they should be, or there is no memory for them. */
bool roost__ring_open(struct transport *t, int64_t size, struct ring *ret, int *ret_bell);

/* Harmless without one. */
void roost__ring_close(struct transport *t);

int roost__ring_send(struct transport *t, const void *data, size_t len);
bool roost__ring_send_now(struct transport *t, const void *data, size_t len);
ssize_t roost__ring_recv(struct transport *t, void *data, size_t len);
ssize_t roost__ring_recv_now(struct transport *t, void *data, size_t len);
bool roost__ring_arm(struct transport *t);

#endif
