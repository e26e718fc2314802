/*
 * play.h: what a client asks for: random calls, mostly good ones, of few objects and few values, so that
 * clients meet.
 *
 * Invariant: nothing is asked for that the model has no room for. Called by client.c.
 */
#ifndef ROOST_SIM_PLAY_H
#define ROOST_SIM_PLAY_H

#include "tests/sim/world.h"

/* A call under construction: the arguments are put one after the other, their count is known at the end. */
struct play {
    struct world *w;
    struct dice *dice;
    struct model *m;
    const struct client *client;
    unsigned thread;
    uint64_t target;
    const struct mobject *o; /* NULL: of the server, or open */
    unsigned method, argc;
    struct buf *args, *options;
};

/* An argument. */
static inline struct buf *arg(struct play *p)
{
    p->argc++;
    return p->args;
}

static inline void arg_int(struct play *p, int64_t v)
{
    roost__put_int(arg(p), v);
}

static inline bool likely(struct play *p, unsigned percent)
{
    return chance(p->dice, percent);
}

static inline unsigned pick(struct play *p, unsigned n)
{
    return roll(p->dice, n);
}

/* ---- play_values.c ---- */

void put_scalar(struct play *p, struct buf *b);
void put_stored(struct play *p, struct buf *b); /* also references, arrays, maps */
void put_key(struct play *p, struct buf *b);
void put_any_ref(struct play *p, struct buf *b); /* to what is there, or is not */
void put_object(struct play *p, struct buf *b, uint64_t id);
int64_t any_timeout(struct play *p);
/* A grant that the client remembers, of an object (0: any); token 0: none. */
struct grant any_grant(struct play *p, uint64_t object);
/* A live object of a type, or 0. */
uint64_t any_object(struct play *p, roost_type type);

/* ---- play_data.c, play_waits.c, play_server.c ---- */

void play_dict(struct play *p, size_t len);
void play_list(struct play *p, size_t len);
void play_set(struct play *p);
void play_namespace(struct play *p);
void play_number(struct play *p);
void play_queue(struct play *p);
void play_take(struct play *p);
void play_condition(struct play *p);
void play_event(struct play *p);
void play_barrier(struct play *p);
void play_open(struct play *p, roost_type type);
void play_server(struct play *p);
void play_transact(struct play *p);

#endif
