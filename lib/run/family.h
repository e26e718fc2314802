/*
 * family.h: the threads and processes that the end of the program must see to, and what a fork makes of them.
 *
 * Invariant: a member is in the family from its start until its handle is closed; the family of a forked
 * child is empty, and handles it inherited carry another generation. Called by process.c, thread.c and
 * pool.c.
 */
#ifndef ROOST_RUN_FAMILY_H
#define ROOST_RUN_FAMILY_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/list.h"

struct member {
    struct list link;
    atomic_uint refs;
    unsigned visited;               /* the number of the round that saw it last */
    void (*ask)(struct member *m);  /* at exit, first: ask a daemon to end; may be NULL */
    void (*wait)(struct member *m); /* at exit, then: wait for its end */
    bool (*check)(
        struct member *m); /* now and then: reap it if it has ended; true while it runs; may be NULL */
    void (*free)(struct member *m); /* when the last reference goes */
};

/* Adds m with one reference, the handle's. */
void roost__family_add(struct member *m);

/* Takes m out and drops the handle's reference. */
void roost__family_leave(struct member *m);

/* Runs every member's check; how many run. */
int roost__family_check(void);

/* A copy of `given`, or "<kind>-<next number>"; NULL without memory. */
char *roost__member_name(const char *given, const char *kind, atomic_uint *count);

/* Counts the forks between the first process and this one. Never blocks. */
unsigned roost__generation(void);

#endif
