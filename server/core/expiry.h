/*
 * expiry.h: times to live, of dict entries and of whole objects.
 *
 * Invariant: an expiry belongs to one entry or one object, which points back to it, and stands in
 * core->expiries; whatever frees its owner frees it. What is due goes before the step's event is taken, so no
 * step at or after the deadline sees it. Called by core.c (what is due), keymap.c, dict.c and server.c.
 */
#ifndef ROOST_CORE_EXPIRY_H
#define ROOST_CORE_EXPIRY_H

#include "core/keymap.h"

struct expiry {
    struct heap_node in_heap;
    int64_t at_us;
    uint64_t order;        /* breaks ties */
    struct object *object; /* the dict, or what expires itself */
    struct keymap *map;    /* of the entry */
    struct entry *entry;   /* NULL: the object */
};

void expiries_init(struct core *core);

/* When the next one is due, or INT64_MAX. */
int64_t expiries_next_us(const struct core *core);

/* Removes what is due first. */
void expiries_take_first(struct core *core);

/* A time to live from now on, of nobody yet. NULL: the call has failed. */
struct expiry *expiry_new(struct call *c, int64_t ttl_ms);

/* Gives it to an entry of a map in o, or to o itself, in place of the one there is. */
void expiry_of_entry(struct core *core, struct expiry *x, struct object *o, struct keymap *m,
                     struct entry *e);
void expiry_of_object(struct core *core, struct expiry *x, struct object *o);

/* An argument ttl of one ms at least; else the call has failed. */
bool expiry_arg(struct call *c, unsigned i, int64_t *ret);

/* Takes a time to live away; NULL is allowed. */
void expiry_free(struct core *core, struct expiry *x);

/* Takes one out of time, and puts it back without needing memory: for undo.h. NULL is allowed. */
void expiry_detach(struct core *core, struct expiry *x);
void expiry_attach(struct core *core, struct expiry *x);

/* The ms left, begun ones counted whole; -1: no end. */
int64_t expiry_left_ms(const struct core *core, const struct expiry *x);

#endif
