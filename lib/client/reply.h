/*
 * reply.h: a server's frame taken apart: WELCOME, REPLY, ERROR, GOODBYE, PONG (PROTOCOL.md, section 1).
 *
 * Everything in it borrows from the frame's bytes. Called by conn.c and handshake.c.
 */
#ifndef ROOST_CLIENT_REPLY_H
#define ROOST_CLIENT_REPLY_H

#include "base/slice.h"
#include "wire/frame.h"

struct reply {
    enum frame_kind kind;
    uint64_t number;      /* REPLY, ERROR: the call's; WELCOME: the session's */
    int code;             /* ERROR, GOODBYE: negative */
    struct slice message; /* ERROR, GOODBYE */
    struct slice leader;  /* GOODBYE: the URL of the server that leads; len 0: it says none */
    struct slice result;  /* REPLY: one checked value */
    uint64_t epoch;       /* WELCOME */
    struct slice terms;   /* WELCOME: a checked map */
};

/* Checks a payload from outside and takes it apart. False when it is no frame a server may send. */
bool roost__reply_parse(struct slice payload, struct reply *ret);

#endif
