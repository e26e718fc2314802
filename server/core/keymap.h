/*
 * keymap.h: an insertion-ordered map from keys to values: what dicts, sets and namespaces are made of.
 *
 * The entries stand in an array of places in the order in which they were added; a table of slots (open
 * addressing, a part of the hash and the place in each) finds a key's place. Both are one block of memory,
 * which grows by half: some 20 bytes an entry beside the entry's own block (entry.h). An entry that is
 * removed leaves its place empty, with its number there, so that the numbers of all places rise and a page
 * can begin behind any of them (page.c). Empty places go when the array is full and a quarter of it is empty,
 * or when three quarters are. So find, add and remove cost O(1), in the mean, the step behind a number O(log
 * n).
 *
 * Invariants: the first and the last place in use hold an entry; every entry is in the table; numbers rise
 * and are never given twice; a place keeps its index as long as a transaction is under way: undo.h.
 */
#ifndef ROOST_CORE_KEYMAP_H
#define ROOST_CORE_KEYMAP_H

#include "core/entry.h"
#include "core/internal.h"

struct expiry;

struct keymap_slot {
    uint32_t hash; /* its upper half */
    uint32_t at;   /* the place, counted from 1; 0: the slot is free */
};

struct keymap {
    uintptr_t *places;    /* an entry's address; of an empty place a number, doubled, and one */
    uint32_t cap;         /* how many places; the slots stand behind them */
    uint32_t first, end;  /* the places in use */
    uint32_t len;         /* how many entries */
    uint64_t last_number; /* the number given last: never given again, whatever is removed */
    struct hmap expiries; /* of entries that have a time to live: expiry.h */
    bool live;            /* part of an object: a transaction may take its changes back */
};

/* A key ready for look-ups: its canonical form (maybe in the core's scratch, until the next key_of) and hash.
 */
struct key {
    struct slice canonical;
    struct slice shown;
    uint64_t hash;
};

void keymap_init(struct keymap *m);
/* Frees all there is but the last number, without a transaction. */
void keymap_clear(struct core *core, struct keymap *m);

/* Makes a key. False when v cannot be one or there is no memory: key_refused() says which. */
bool key_of(struct core *core, struct slice v, struct key *ret);
void key_refused(struct call *c, struct slice v);

/* The key of a call's argument; false when the call has failed. */
bool key_arg(struct call *c, unsigned i, struct key *ret);
/* The key of an entry; borrowed from it. */
struct key key_of_entry(const struct core *core, const struct entry *e);

struct entry *keymap_find(const struct keymap *m, const struct key *key);

/* How a value is stored: as what a call brings, with references that must lead to objects; as one that was
 * stored before, whose references may lead nowhere; or for a moment, counting no reference. */
enum storing { VALUE_NEW, VALUE_AGAIN, VALUE_BORROWED };

/*
 * Sets a key; *ret_new says whether it was not there. Its time to live stays. value.len 0: none, for sets.
 * Errors, nothing changed: ROOST_ENOMEM; ROOST_ENOENT when a reference inside leads nowhere.
 */
int keymap_put(struct core *core, struct object *owner, struct keymap *m, const struct key *key,
               struct slice value, enum storing how, bool *ret_new);

/* The same for a call, and the key then has no time to live. */
int keymap_set(struct core *core, struct object *owner, struct keymap *m, const struct key *key,
               struct slice value, bool *ret_new);

/* Replaces the value of an entry, which is a new one then, and keeps its time to live. Errors as
 * keymap_put().
 */
int keymap_replace(struct core *core, struct object *owner, struct keymap *m, struct entry *e,
                   struct slice value);

/* Makes a tree of an entry's value, which no transaction takes back. NULL without memory, else the new entry.
 */
struct entry *keymap_set_tree(struct core *core, struct keymap *m, struct entry *e, struct tree *t);

/* Takes an entry out and frees it with its value: at once, or when a transaction is through. */
void keymap_remove(struct core *core, struct keymap *m, struct entry *e);

/* The same for who walks over the places, which stay as they are; keymap_settle() at the end. */
void keymap_take(struct core *core, struct keymap *m, struct entry *e);

/* Gives back what memory empty places take, but not while a transaction is under way. */
void keymap_settle(struct core *core, struct keymap *m);

static inline size_t keymap_len(const struct keymap *m)
{
    return m->len;
}

/* ---- walking ---- */

/* The entry in a place, NULL: it is empty. */
static inline struct entry *keymap_at(const struct keymap *m, size_t at)
{
    uintptr_t place = m->places[at];
    return place & 1 ? NULL : (struct entry *)place;
}

/* The first place from `at` on that holds an entry; m->end when there is none. */
static inline size_t keymap_from(const struct keymap *m, size_t at)
{
    if (at < m->first)
        at = m->first;
    while (at < m->end && keymap_at(m, at) == NULL)
        at++;
    return at;
}

/* The same, from the first entry on with a higher number. */
size_t keymap_after(const struct keymap *m, uint64_t number);

/* The entry with a number, NULL: there is none. */
struct entry *keymap_numbered(const struct keymap *m, uint64_t number);

/* Over all places with an entry, in order. The body may keymap_take(). */
#define keymap_each(at, m) for (size_t at = keymap_from((m), 0); at < (m)->end; at = keymap_from((m), at + 1))

/* Calls visit for every reference stored in the values. */
void keymap_each_stored(const struct keymap *m, void (*visit)(void *context, uint64_t id), void *context);

#endif
