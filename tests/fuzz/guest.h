/*
 * guest.h: connections without a transport to a real server (server/shell): what comes in is what the fuzzer
 * says, what goes out is looked at.
 *
 * Invariants, asserted at every byte that the server sends: whole frames, well formed, of kinds that a server
 * sends; no answer before WELCOME; no WELCOME, where keys are asked for, to who did not prove to have one.
 * Called by fuzz_hello.c, fuzz_conn.c and fuzz_peer.c, inside of world_begin() and world_end().
 */
#ifndef ROOST_FUZZ_GUEST_H
#define ROOST_FUZZ_GUEST_H

#include "shell/conn.h"
#include "shell/server.h"
#include "wire/frame.h"

enum { GUESTS = 4 };

/* The identities of the keys file: alice may do all, eve may read what begins with "a"; no. 33 is a user of
 * this host who may write what begins with "b". */
#define GUEST_ALICE "alice"
#define GUEST_EVE   "eve"
enum { GUEST_UID = 33 };

struct guest {
    struct line *line; /* NULL: no connection */
    bool challenged, proved, welcome, dismissed;
    uint64_t session, epoch; /* of the last WELCOME */
    uint8_t secret[SECRET_LEN];
    uint64_t answers;
};

extern struct server house; /* the server */
extern struct guest guests[GUESTS];

/* Begins a server; with keys: that asks for them. */
void house_open(bool keys, const struct core_limits *limits);

/* Ends all that goes on, and the server; nothing is left of the sessions. */
void house_close(void);

/* So much time passes; who is late is dealt with. */
void house_time(int64_t us);

/* A connection comes in; one that was there ends. */
void guest_enter(struct guest *g, struct local_user user, struct slice binding);

/* Bytes arrive. Nothing happens when there is no connection. */
void guest_say(struct guest *g, struct slice bytes);

/* The same with a frame's header in front; and, to say several at once, into a buffer. */
void guest_say_frame(struct guest *g, struct slice payload);
void guest_put_frame(struct buf *b, struct slice payload);

/* After CHALLENGE: the proof that is asked for. */
void guest_prove(struct guest *g);

/* HELLO with an identity (NULL: none) and its proof; resumes: the session before, if there was one. */
void guest_greet(struct guest *g, const char *identity, bool resumes);

/* The connection breaks. */
void guest_leave(struct guest *g);

#endif
