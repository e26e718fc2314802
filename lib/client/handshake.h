/*
 * handshake.h: HELLO and WELCOME: how a connection gets its session, a new one or the one before
 * (PROTOCOL.md, section 2).
 *
 * Called by conn.c and resume.c.
 */
#ifndef ROOST_CLIENT_HANDSHAKE_H
#define ROOST_CLIENT_HANDSHAKE_H

#include "base/buf.h"
#include "client/reply.h"
#include "client/search.h"
#include "client/transport.h"
#include "wire/frame.h"

/* What the client says of itself and asks for. */
struct wishes {
    const char *url;   /* of the server that is asked */
    const char *label; /* may be NULL */
    struct tls_wishes tls;
    const char *identity; /* may be NULL; else … */
    const uint8_t *key;   /* … its key, and the server must prove that it knows it */
    int timeout_ms;       /* for connecting and the first answer */
    int grace_ms, lease_ms;
    int restart_ms; /* the grace for the restart of a server that keeps its data; 0: grace_ms */
    uint32_t ring;  /* bytes each way of the shared memory asked for; 0: none */
    uint64_t epoch; /* of the server whose objects are known; 0: any */
};

/* What the server granted. */
struct terms {
    uint64_t session; /* 0: none yet */
    uint64_t epoch;
    int64_t grace_ms; /* 0: the session ends with its connection */
    int64_t lease_ms; /* 0: no sign of life is wanted */
    uint8_t secret[SECRET_LEN];
};

/* Where a server that does not lead its cluster says that the leader is; "": it says nothing of that. */
struct leader {
    char url[LEADER_MAX];
};

/*
 * Says HELLO on a fresh stream and awaits WELCOME. With a session in *terms it is resumed, else a new one
 * begins. `in` may hold more than the answer afterwards. Errors, *terms unchanged: ROOST_ENOTLEADER
 * (then *ret_leader is set), ROOST_ESESSION, ROOST_EEPOCH, ROOST_EPROTO, ROOST_EINVAL (the label),
 * ROOST_ECONN, ROOST_ETIMEDOUT, ROOST_ENOMEM.
 */
int roost__handshake(struct transport *t, const struct wishes *wishes, struct terms *terms, struct buf *in,
                     struct leader *ret_leader);

/* The leader that a server's GOODBYE names. */
struct leader roost__leader_of(const struct reply *reply);

/* One receive into `in`; now: without waiting. Errors: those of roost__transport_recv(), ROOST_ENOMEM. */
int roost__receive(struct transport *t, struct buf *in, bool now);

/* The frame that begins at `at` of `in`, its payload in *ret; false when it is not whole yet, or (rc) its
 * length is a lie. */
bool roost__next_frame(const struct buf *in, size_t at, struct slice *ret, int *rc);

/* Words what is no frame of the protocol: ROOST_EPROTO. */
int roost__protocol_error(void);

#endif
