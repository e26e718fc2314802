/*
 * frame.h: the frames of the roost protocol (PROTOCOL.md): a 4-byte big-endian length, then one MessagePack
 * array whose first element says what it is.
 *
 * Called by the core (replies), the shell and the client (everything else).
 */
#ifndef ROOST_WIRE_FRAME_H
#define ROOST_WIRE_FRAME_H

#include "base/buf.h"
#include "roost/value.h"
#include "wire/encode.h"
#include "wire/scan.h"

enum {
    PROTOCOL_VERSION = 2,
    FRAME_HEADER = 4,
    FRAME_MAX = 64 << 20,   /* bytes behind the header, for either side */
    FRAME_HELLO_MAX = 4096, /* bytes behind the header, before the server knows the peer */
    FRAME_DEPTH_MAX = WIRE_DEPTH_MAX + WIRE_FRAME_DEPTH_MAX
};

enum frame_kind {
    /* client to server */
    FRAME_HELLO = 0,  /* [0, "roost", version, info] */
    FRAME_CALL = 1,   /* [1, number, thread, target, method, [arguments], seen?, {options}?] */
    FRAME_ACK = 2,    /* [2, number ...] */
    FRAME_END = 3,    /* [3]: the session ends */
    FRAME_CANCEL = 4, /* [4, number ...] */
    FRAME_PING = 5,   /* [5]: the client is alive */
    FRAME_PROOF = 7,  /* [7, proof]: of the identity's key */
    FRAME_RING = 6,   /* [6], both ways: the last frame on the socket; the others go through the ring */
    /* server to client */
    FRAME_WELCOME = 0,  /* [0, "roost", version, session, epoch, limits, terms] */
    FRAME_REPLY = 1,    /* [1, number, result] */
    FRAME_ERROR = 2,    /* [2, number, code, message] */
    FRAME_GOODBYE = 3,  /* [3, code, message]: the server closes the connection */
    FRAME_PONG = 5,     /* [5]: so is the server */
    FRAME_CHALLENGE = 7 /* [7, nonce, proof]: the server knows the identity's key; does the client? */
};

enum { CALL_PARTS = 6 }; /* elements of a CALL without what may be left out */

enum { SECRET_LEN = 16 }; /* bytes that whoever resumes a session must know */

/* A call's header; the arguments stay where they are. */
struct call_frame {
    uint64_t number;
    uint64_t thread;
    uint64_t target;
    uint64_t method;
    uint64_t seen; /* the call whose answer came last, 0: none */
    uint32_t argc;
    const uint8_t *args;  /* the first argument */
    struct slice options; /* a map; empty: none */
};

/* Begins a frame in b; returns where, for frame_end(). */
static inline size_t frame_begin(struct buf *b)
{
    static const uint8_t room[FRAME_HEADER];
    size_t at = b->len;
    buf_append(b, room, sizeof(room));
    return at;
}

/* Completes the frame begun at `at`. False, and the frame taken back, when it failed or is too long. */
bool roost__frame_end(struct buf *b, size_t at);

/* What a frame's (checked) payload is: its first element, or -1 when it is no array that begins with a small
 * int. */
int roost__frame_kind(struct slice payload);

/* Reads a checked payload as a call. False when its shape is wrong. */
bool roost__frame_call(struct slice payload, struct call_frame *ret);

#endif
