/*
 * sequence.h: finds an entry of a keymap by its number, so that a page can begin where the one before ended.
 *
 * Every entry that is added gets the next number, which it keeps. Numbers fall into blocks of 256; the index
 * knows for each block its first entry, and the order list leads on from there. So finding costs a binary
 * search and at most 255 steps, adding nothing but one place in 256, and removing nothing unless the entry
 * was its block's first. Invariant: blocks are sorted; a block with an entry is in the index; more than half
 * of a large index are blocks with entries, except within a transaction, which must be able to take removals
 * back without memory. Called by keymap.c, page.c.
 */
#ifndef ROOST_CORE_SEQUENCE_H
#define ROOST_CORE_SEQUENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct entry;
struct keymap;
struct list;

struct block {
    uint64_t number;     /* of its entries' numbers, divided by the size of a block */
    struct entry *first; /* NULL: none is left */
};

struct sequence {
    struct block *blocks;
    size_t len, cap;
    size_t empty;  /* blocks without entries */
    uint64_t last; /* the number given last: never given again, whatever is removed */
};

/* Numbers an entry that is about to become the last in order. False without memory. */
bool sequence_add(struct sequence *s, struct entry *e);

/* An entry is about to leave the order, for good or (within a transaction) perhaps not. */
void sequence_remove(struct keymap *m, struct entry *e, bool for_good);

/* It is back in its place. */
void sequence_put_back(struct keymap *m, struct entry *e);

/* The place in the order of the first entry with a higher number, or the head of the order. */
struct list *sequence_after(struct keymap *m, uint64_t number);

/* Forgets all entries, but not the last number. */
void sequence_clear(struct sequence *s);

#endif
