/*
 * keymap.h: an insertion-ordered map from keys to cells: what dicts, sets and namespaces are made of.
 *
 * Invariant: every entry is in the table under the hash of its canonical key and in the order list; an
 * entry's place in the order never changes. Find, add, remove: O(1).
 */
#ifndef ROOST_CORE_KEYMAP_H
#define ROOST_CORE_KEYMAP_H

#include "core/internal.h"
#include "core/sequence.h"

struct expiry;

struct keymap {
    struct hmap table;
    struct list order;
    struct sequence sequence; /* finds an entry by its number */
    bool live;                /* part of an object: a transaction may take its changes back */
};

struct entry {
    struct hnode node;
    struct list in_order;
    uint64_t number;       /* rises along the order */
    struct cell value;     /* empty in a set */
    struct expiry *expiry; /* NULL: it has no end */
    uint32_t key_len;      /* the canonical key */
    uint32_t shown_len;    /* the key as it was given, behind it; 0: the same bytes */
    uint8_t bytes[];
};

/* A key ready for look-ups: its canonical form (maybe in the core's scratch, until the next key_of) and hash.
 */
struct key {
    struct slice canonical;
    struct slice shown;
    uint64_t hash;
};

void keymap_init(struct keymap *m);
/* Frees all there is, without a transaction. */
void keymap_clear(struct core *core, struct keymap *m);

/* Makes a key. False when v cannot be one or there is no memory: key_refused() says which. */
bool key_of(struct core *core, struct slice v, struct key *ret);
void key_refused(struct call *c, struct slice v);

/* The key of a call's argument; false when the call has failed. */
bool key_arg(struct call *c, unsigned i, struct key *ret);

struct entry *keymap_find(const struct keymap *m, const struct key *key);

/* Adds an entry with an empty value for a key that is not inside. NULL without memory. */
struct entry *keymap_add(struct core *core, struct keymap *m, const struct key *key);

/* Takes an entry out and frees it with its value: at once, or when a transaction is through. */
void keymap_remove(struct core *core, struct keymap *m, struct entry *e);

/* Replaces the value of an entry, which keeps its time to live. Errors as cell_store(). */
int entry_replace(struct core *core, struct object *owner, struct entry *e, struct slice value);

/* Gives it another time to live, or none (NULL). */
void entry_set_expiry(struct core *core, struct entry *e, struct expiry *x);

/* Takes its time to live away; returns whether it had one. */
bool entry_persist(struct core *core, struct entry *e);

/* Sets a key, which then has no time to live; *ret_new says whether it was not there. Errors as cell_store().
 */
int keymap_set(struct core *core, struct object *owner, struct keymap *m, const struct key *key,
               struct slice value, bool *ret_new);

static inline size_t keymap_len(const struct keymap *m)
{
    return m->table.len;
}

/* The key as it was first given. */
static inline struct slice entry_key(const struct entry *e)
{
    return e->shown_len > 0 ? slice_of(e->bytes + e->key_len, e->shown_len) : slice_of(e->bytes, e->key_len);
}

static inline struct entry *entry_of(struct list *in_order)
{
    return container_of(in_order, struct entry, in_order);
}

/* Calls visit for every reference stored in the values. */
void keymap_each_stored(const struct keymap *m, void (*visit)(void *context, uint64_t id), void *context);

/* ---- objects that are a keymap: dict, namespace, set ---- */

struct keyed {
    struct object object;
    struct keymap map;
};

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
int64_t keymap_set_all(struct call *c, struct object *owner, struct keymap *m, unsigned arg);

#endif
