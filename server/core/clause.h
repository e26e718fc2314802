/*
 * clause.h: the clauses of a transaction: its conditions and calls, each an array with an object in it.
 *
 * Called by transact.c. What is wrong with a clause fails the call, naming the clause by its index and
 * object.
 */
#ifndef ROOST_CORE_CLAUSE_H
#define ROOST_CORE_CLAUSE_H

#include "core/internal.h"

enum { OBJECT_WORDS_MAX = 300 }; /* bytes that object_words() gets here */

struct part {
    const char *what; /* "condition" or "call" */
    unsigned index;   /* from 0 */
    uint32_t len;
    struct slice item[4]; /* len 0: left out */
    struct object *object;
};

/* The elements of one clause; the one of index `target` says the object. False: the call has failed. */
bool read_part(struct call *c, struct slice value, uint32_t target, struct part *p);

void fail_part(struct call *c, const struct part *p, int code, const char *why);

/* The object that a name or a reference leads to, or NULL. */
struct object *find_target(struct core *core, struct slice target);

struct condition {
    struct part part; /* [kind, target, …] */
    const struct condition_kind *kind;
    struct slice path, value;
    uint64_t n;
};

/* Do all of an array of conditions hold? *ret_unmet: the first that does not. False: the call has failed. */
bool conditions_hold(struct call *c, struct slice conditions, bool *ret, struct condition *ret_unmet);

#endif
