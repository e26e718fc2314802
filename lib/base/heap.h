/*
 * heap.h: a binary min-heap of intrusive nodes that know their place, so that any node leaves in O(log n).
 *
 * Invariant: items[n->pos] == n for every node inside; pos is HEAP_OUT for a node outside.
 */
#ifndef ROOST_BASE_HEAP_H
#define ROOST_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAP_OUT SIZE_MAX

struct heap_node {
    size_t pos;
};

/* True when a must leave before b. Must be a strict total order, or the order of ties is unspecified. */
typedef bool heap_before(const struct heap_node *a, const struct heap_node *b);

struct heap {
    struct heap_node **items;
    size_t len;
    size_t cap;
    heap_before *before;
};

static inline void heap_init(struct heap *h, heap_before *before)
{
    *h = (struct heap){.before = before};
}

static inline void heap_node_init(struct heap_node *n)
{
    n->pos = HEAP_OUT;
}

static inline bool heap_has(const struct heap_node *n)
{
    return n->pos != HEAP_OUT;
}

/* The least node, or NULL. */
static inline struct heap_node *heap_first(const struct heap *h)
{
    return h->len > 0 ? h->items[0] : NULL;
}

/* Makes room for n more nodes, so that as many pushes cannot fail. False without memory. */
bool roost__heap_reserve(struct heap *h, size_t n);

/* Adds n. False without memory. */
bool roost__heap_push(struct heap *h, struct heap_node *n);

/* Takes n out, wherever it is. Harmless when it is out. */
void roost__heap_remove(struct heap *h, struct heap_node *n);

/* Frees the array; the nodes are the caller's. */
void roost__heap_free(struct heap *h);

#endif
