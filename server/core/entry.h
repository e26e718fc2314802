/*
 * entry.h: one key with its value, in one block of memory: what a keymap is made of.
 *
 * Layout: a header of 16 bytes (the number, and two lengths with what else is to be said in a bit each), the
 * canonical key, [the length of the key as it was given, and that key, where it differs,] the value's bytes
 * or the pointer to its tree. So 16 bytes of key and 100 of value are one malloc() of 136 bytes. An entry is
 * changed by putting another block in its place; only bytes of the same number are overwritten.
 * Invariant: what a cell promises (cell.h) of its references. Called by keymap.c and who reads a keymap.
 */
#ifndef ROOST_CORE_ENTRY_H
#define ROOST_CORE_ENTRY_H

#include "core/cell.h"

struct entry {
    uint64_t number;         /* rises along the keymap's order */
    uint32_t value_len : 30; /* 0: there is none, as in a set */
    uint32_t tree : 1;
    uint32_t refs : 1;
    uint32_t key_len : 31; /* the canonical key's */
    uint32_t shown : 1;    /* the key as it was given differs from it */
    uint8_t bytes[];
};

_Static_assert(sizeof(struct entry) == 16, "an entry's header is two words");

/* What a new block is to hold; all borrowed, but the tree. */
struct entry_content {
    uint64_t number;
    struct slice canonical;
    struct slice shown; /* the same bytes as canonical, or others */
    struct slice value; /* len 0: none */
    bool refs;          /* references stand in the value */
    struct tree *tree;  /* NULL: value counts */
};

/* Makes a block; counts no reference, charges nobody: free() takes it back. NULL without memory. */
struct entry *entry_make(const struct entry_content *content);

/* Charges for a block that stays: memory.h. */
void entry_charge(struct core *core, const struct entry *e);

/* Drops the references or the tree inside, releases what was charged and frees the block. */
void entry_free(struct core *core, struct entry *e);

static inline struct slice entry_canonical(const struct entry *e)
{
    return slice_of(e->bytes, e->key_len);
}

static inline size_t entry_shown_len(const struct entry *e)
{
    uint32_t len = 0;
    if (e->shown)
        memcpy(&len, e->bytes + e->key_len, sizeof(len));
    return len;
}

/* The key as it was first given. */
static inline struct slice entry_key(const struct entry *e)
{
    return e->shown ? slice_of(e->bytes + e->key_len + sizeof(uint32_t), entry_shown_len(e))
                    : entry_canonical(e);
}

static inline size_t entry_value_at(const struct entry *e)
{
    return e->key_len + (e->shown ? sizeof(uint32_t) + entry_shown_len(e) : 0);
}

/* The stored bytes of a value that is no tree. */
static inline struct slice entry_bytes(const struct entry *e)
{
    assert(!e->tree);
    return slice_of(e->bytes + entry_value_at(e), e->value_len);
}

/* The tree that is the value, or NULL. */
struct tree *entry_tree(const struct entry *e);

/* The value as a cell that borrows it: to be read, never to be freed. */
struct cell entry_value(const struct entry *e);

#endif
