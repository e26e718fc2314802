/*
 * expiry.h: times to live, of dict entries and of whole objects.
 *
 * Invariant: an expiry belongs to one entry, in whose map's table it stands under the entry's number, or to
 * one object, which points to it; and it stands in core->expiries. Whatever frees its owner frees it. What is
 * due goes before the step's event is taken, so no step at or after the deadline sees it. Called by core.c
 * (what is due), keymap.c, dict.c and server.c.
 */
#ifndef ROOST_CORE_EXPIRY_H
#define ROOST_CORE_EXPIRY_H

#include "core/keymap.h"

struct expiry {
    struct heap_node in_heap;
    struct hnode by_number; /* in its map's expiries */
    int64_t at_us;
    uint64_t order;        /* breaks ties */
    struct object *object; /* the dict, or what expires itself */
    struct keymap *map;    /* of the entry; NULL: the object's */
    uint64_t number;       /* the entry's */
};

void expiries_init(struct core *core);

/* When the next one is due, or INT64_MAX. */
int64_t expiries_next_us(const struct core *core);

/* Removes what is due first. */
void expiries_take_first(struct core *core);

/* A time to live from now on, of nobody yet, for an entry of m or (NULL) an object. NULL: the call has
 * failed. */
struct expiry *expiry_new(struct call *c, struct keymap *m, int64_t ttl_ms);

/* Gives it to an entry of the map, which is in o, or to o itself, in place of the one there is. */
void expiry_of_entry(struct core *core, struct expiry *x, struct object *o, const struct entry *e);
void expiry_of_object(struct core *core, struct expiry *x, struct object *o);

/* The one of the entry with that number, or NULL. */
struct expiry *expiry_of(const struct keymap *m, uint64_t number);

/* Takes an entry's time to live away; returns whether it had one. */
bool expiry_take_away(struct core *core, struct keymap *m, uint64_t number);

/* An argument ttl of one ms at least; else the call has failed. */
bool expiry_arg(struct call *c, unsigned i, int64_t *ret);

/* Takes a time to live away; NULL is allowed. */
void expiry_free(struct core *core, struct expiry *x);

/* The ms left, begun ones counted whole; -1: no end. */
int64_t expiry_left_ms(const struct core *core, const struct expiry *x);

#endif
