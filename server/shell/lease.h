/*
 * lease.h: connections that must be heard of: a peer silent for longer than its lease is cut off, and its
 * session's grace begins.
 *
 * Called by conn.c (a frame came) and server.c (the timer), the latter with the server's mutex held.
 */
#ifndef ROOST_SHELL_LEASE_H
#define ROOST_SHELL_LEASE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { LEASE_MS_MIN = 50, LEASE_MS_MAX = 3600 * 1000 };

struct conn;
struct server;

struct lease {
    int64_t us; /* 0: none; set by the handshake */
    bool over;  /* under the server's mutex */
    atomic_int_least64_t heard_us;
};

/* Gives a connection its lease of ms (0: none), within the limits. The server's mutex is held. */
void lease_begin(struct conn *c, int64_t ms);

/* Bytes came. */
void lease_heard(struct conn *c);

/* Cuts off who is overdue at now_us; s->lease_next_us becomes the time of the next look. */
void lease_check(struct server *s, int64_t now_us);

#endif
