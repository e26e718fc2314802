/*
 * keyed.h: objects that are a keymap: dict, namespace, set; what they have in common.
 *
 * Invariant: the map is live as soon as the object is open. Called by the types' files, expiry.c and path.c.
 */
#ifndef ROOST_CORE_KEYED_H
#define ROOST_CORE_KEYED_H

#include "core/keymap.h"

struct keyed {
    struct object object;
    struct keymap map;
};

static inline struct keymap *keyed_map(struct object *o)
{
    return &container_of(o, struct keyed, object)->map;
}

/* The map of the call: its object's, or the one at its path. */
struct keymap *map_of(const struct call *c);

/* Slots of struct type. */
void keyed_destroy(struct core *core, struct object *o);
unsigned keyed_describe(const struct object *o, struct buf *out);
void keyed_each_stored(const struct object *o, void (*visit)(void *context, uint64_t id), void *context);

/* open(name, items): a map in argument 1 fills a new object. */
void keyed_open(struct call *c, const struct type *type);

/* Sets every pair of a map argument: all or, when one cannot be stored, none. Returns -1 when the call has
 * failed, else how many keys are new. */
int64_t keyed_set_all(struct call *c, struct object *owner, struct keymap *m, unsigned arg);

/* Puts the entry's value into a reply, or answers with it (false: it could not be, which was answered). */
void put_entry_value(struct call *c, struct buf *out, const struct entry *e);
bool reply_entry_value(struct call *c, const struct entry *e);

#endif
