/*
 * watch.h: what the log says of calls: slow ones, administrative acts, refusals; and the rate of a peer.
 *
 * Invariant: all of it is under the server's mutex but the settings, which are atomic. Called by server.c and
 * conn.c.
 */
#ifndef ROOST_SHELL_WATCH_H
#define ROOST_SHELL_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/hmap.h"
#include "core/core.h"
#include "wire/methods.h"

struct conn;
struct server;

struct watch_settings {
    _Atomic int64_t slow_ns; /* 0: none is slow */
    atomic_bool audit;
};

/* At most so many lines of refusals a second; the next one says how many were left out. */
enum { REFUSALS_A_SECOND = 10 };

struct refusals {
    int64_t second;
    unsigned in_second;
    uint64_t left_out;
};

/* May there be something to say of the call of a step? Few: the hot path goes no further. */
static inline bool watch_worth(const struct effects *e)
{
    return e->row >= 0 && (e->code != 0 || roost__methods[e->row].type == ROOST_TYPE_server);
}

/* After a step for a connection's call: logs what is to be logged of it. */
void watch_call(struct conn *c, struct slice payload);

/* A call took so long to execute, after it waited for its turn so long. */
void watch_slow(struct conn *c, int row, uint64_t object, int64_t exec_ns, int64_t wait_ns);

/* Logs an act on a connection that is no call. */
void watch_act(const struct conn *c, const char *what);

/* Logs a refusal that did not come from the core. At level warn who was not let in. */
void watch_refusal(struct conn *c, const char *what, int code);

/* ---- the rate of a peer: calls a second, a second's worth in advance ---- */

/* One for all connections of a peer. */
struct rate {
    struct hnode in_server;
    unsigned refs;
    int64_t saved; /* millionths of calls */
    int64_t since_us;
    char peer[];
};

/* The peer's of that name, or a new one. NULL without memory. */
struct rate *rate_of(struct server *s, const char *peer);
void rate_drop(struct server *s, struct rate *r);

/* One call more now? */
bool rate_take(struct rate *r, int64_t now_us, int64_t per_second);

#endif
