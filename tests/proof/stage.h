/*
 * stage.h: one cell of the matrix on stage: a server or a cluster, a proxy, and actors, real processes that
 * do what they are told at one waitable and report what came of it.
 *
 * Invariant: an actor has one order at a time; the report of one that waits is read when it is expected.
 */
#ifndef ROOST_TESTS_PROOF_STAGE_H
#define ROOST_TESTS_PROOF_STAGE_H

#include <stdbool.h>

#include "tests/client/proxy.h"
#include "tests/proof/world.h"

/* What an actor has to say of a call. */
struct report {
    int rc;
    bool owner_died;
    int64_t item; /* that it got */
};

/* An actor's own: its process, its handles. */
struct actor {
    pid_t pid;
    int line; /* to it; in it: to the stage */
    roost_manager *m;
    union {
        roost_lock *lock;
        roost_rlock *rlock;
        roost_semaphore *semaphore;
        roost_bounded_semaphore *bounded;
        roost_keyed_lock *keyed;
        roost_condition *condition;
        roost_event *event;
        roost_barrier *barrier;
        roost_queue *queue;
    };
};

/* A waitable, by what one does to it. Each opens the same object in every process. */
struct waitable {
    const char *name;
    int (*open)(struct actor *a);
    int (*hold)(struct actor *a, struct report *r);    /* so that others have to wait; NULL: they do anyhow */
    int (*wait)(struct actor *a, struct report *r);    /* the call that waits */
    int (*release)(struct actor *a, struct report *r); /* so that one who waits goes on */
    int (*carry)(struct actor *a, struct report *r);   /* has in hand what another waits for; NULL: nothing */
};

extern const struct waitable waitables[];
extern const int waitable_count;

enum order { HOLD = 'h', WAIT = 'w', RELEASE = 'r', CARRY = 'c' };

enum { ACTORS_MAX = 4 };

enum stage_server { IN_MEMORY, DURABLE, CLUSTER /* of three; there is no proxy */ };

struct stage {
    const struct waitable *what;
    enum stage_server server;
    struct world world;
    struct proxy proxy;
    struct actor actors[ACTORS_MAX];
    int actor_count;
};

void stage_open(struct stage *s, const struct waitable *what, enum stage_server server);
void stage_close(struct stage *s);

/* A new actor that is connected. */
struct actor *stage_actor(struct stage *s, const char *url, roost_options options);

/* Gives an order and returns its report. */
struct report stage_do(struct actor *a, enum order order);

/* Gives an order that waits, and returns when the server has so many waiters. */
void stage_wait(struct stage *s, struct actor *a, enum order order, int waiters);

/* The report of one that waited (20 s at most). */
struct report stage_report(struct actor *a);

/* Does it still wait? */
bool stage_waits(struct stage *s, struct actor *a);

void stage_kill(struct actor *a);
void stage_stop(struct actor *a);
void stage_continue(struct actor *a);

#endif
