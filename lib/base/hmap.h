/*
 * hmap.h: a hash table of intrusive nodes (open addressing, linear probing, deletion by shifting back).
 *
 * The owner computes the hash and compares the keys. The table has no order a caller may rely on: whoever
 * needs an order keeps a list beside it. Invariant: len < cap (always a free slot), cap is 0 or a power of
 * two; every node is reachable from its hash's slot without crossing a free one.
 */
#ifndef ROOST_BASE_HMAP_H
#define ROOST_BASE_HMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hnode {
    uint64_t hash;
};

struct hslot {
    uint64_t hash; /* a copy, so that probing touches a node only when the hashes agree */
    struct hnode *node;
};

struct hmap {
    struct hslot *slots;
    size_t len;
    size_t cap;
};

/* True when the node's key is the one looked for. */
typedef bool hmap_match(const struct hnode *n, const void *key);

/* The node with this hash that matches, or NULL. */
struct hnode *roost__hmap_find(const struct hmap *m, uint64_t hash, hmap_match *match, const void *key);

/* Makes room for n more nodes, so that as many adds cannot fail. False without memory. */
bool roost__hmap_reserve(struct hmap *m, size_t n);

/* Adds n (its hash set); the caller made sure its key is not inside. False without memory. */
bool roost__hmap_add(struct hmap *m, struct hnode *n);

/* Takes out n, which must be inside. Gives memory back when the table is nearly empty. */
void roost__hmap_remove(struct hmap *m, struct hnode *n);

/* The same, but gives no memory back: as many adds as nodes were taken cannot fail. */
void roost__hmap_take(struct hmap *m, struct hnode *n);

/* Frees the slots; the nodes are the caller's. */
void roost__hmap_free(struct hmap *m);

/* A mixing of a 64-bit number, for tables keyed by numbers that no outsider chooses. */
static inline uint64_t hash_u64(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdULL;
    x ^= x >> 33;
    return x;
}

#endif
