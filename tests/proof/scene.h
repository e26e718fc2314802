/*
 * scene.h: a history from beginning to end: a server, clients of all kinds at work in a chaos, and the
 * verdict of all checks. ROOST_SECONDS=n makes it last n seconds instead of 4; ROOST_SEED=n is another run.
 */
#ifndef ROOST_TESTS_PROOF_SCENE_H
#define ROOST_TESTS_PROOF_SCENE_H

#include "tests/proof/chaos.h"
#include "tests/proof/checks.h"
#include "tests/proof/worker.h"

enum { ALL_KINDS = (1 << (OP_ACQUIRE + 1)) - 1 };

struct scene {
    struct world world;
    int64_t seconds; /* 0: 4, or ROOST_SECONDS */
    struct history *h;
    uint64_t seed;
    unsigned kinds;      /* of operations */
    const char *tcp_url; /* of even clients; odd ones are on the ipc socket. The server's own unless set after
                            the start */
    void (*cross)(void); /* what even clients do first; may be NULL */
    roost_options tcp, ipc;
};

/* Starts the server at host. */
void scene_start(struct scene *s, const char *roostd, const char *host);
void scene_start_cluster(struct scene *s); /* of which cluster_make() was told */
void scene_stop(struct scene *s);

/* Begins another history, of another seed, with the same servers. */
void scene_again(struct scene *s);

/* Lets the chaos happen, in which c says what; afterwards nothing is under way, and the queues are empty. */
void scene_run(struct scene *s, struct chaos *c);

/* What the first check says that says something; "": all is well. */
const char *scene_verdict(struct scene *s);

#endif
