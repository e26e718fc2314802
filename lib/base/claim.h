/*
 * claim.h: how a client on tcp:// gets hold of a ring (ring.h): it claims the descriptors at a Unix-domain
 * socket of the server's, by a token that came over the connection (PROTOCOL.md, section 10).
 *
 * Invariant: a claim is made only by who sees the same two ends of the connection as the server does. Behind
 * a tunnel or a proxy they differ, and the bytes stay where somebody put them. Called by client/claim.c and
 * the server's net_claim.c.
 */
#ifndef ROOST_BASE_CLAIM_H
#define ROOST_BASE_CLAIM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { CLAIM_PLACE_LEN = 16, CLAIM_TOKEN_LEN = 16, CLAIM_ENDS_LEN = 36 };

/* What WELCOME says of it. */
struct claim {
    uint8_t place[CLAIM_PLACE_LEN]; /* of it the socket's name is made */
    uint8_t token[CLAIM_TOKEN_LEN];
    uint8_t ends[CLAIM_ENDS_LEN]; /* the client's address and port, then the server's */
};

/* The abstract address of the socket at a place, and its length. */
socklen_t roost__claim_address(const uint8_t place[CLAIM_PLACE_LEN], struct sockaddr_un *ret);

/* The ends of a TCP connection, own first or the peer's. False: they are not both of the loopback. */
bool roost__claim_ends(int fd, bool own_first, uint8_t ret[CLAIM_ENDS_LEN]);

#endif
