/*
 * list.h: an intrusive doubly linked list. The node lives inside the thing, so linking never allocates.
 *
 * Invariant: a list head and an unlinked node point to themselves; a node is in at most one list.
 */
#ifndef ROOST_BASE_LIST_H
#define ROOST_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next;
    struct list *prev;
};

/* The struct of which `node` is the member named. */
#define container_of(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

/* Links n before `at`: at the tail when `at` is the head of the list. */
static inline void list_insert_before(struct list *at, struct list *n)
{
    n->prev = at->prev;
    n->next = at;
    at->prev->next = n;
    at->prev = n;
}

static inline void list_push_back(struct list *l, struct list *n)
{
    list_insert_before(l, n);
}

static inline void list_push_front(struct list *l, struct list *n)
{
    list_insert_before(l->next, n);
}

/* Unlinks n; harmless when it is not linked. */
static inline void list_remove(struct list *n)
{
    n->prev->next = n->next;
    n->next->prev = n->prev;
    list_init(n);
}

/* The first node, or NULL. */
static inline struct list *list_first(const struct list *l)
{
    return list_empty(l) ? NULL : l->next;
}

/* How many nodes are linked: O(n). */
static inline size_t list_count(const struct list *l)
{
    size_t n = 0;
    for (const struct list *it = l->next; it != l; it = it->next)
        n++;
    return n;
}

#define list_each(it, head) for (struct list *it = (head)->next; it != (head); it = it->next)

/* As list_each, but the body may unlink (and free) `it`. */
#define list_each_safe(it, head)                                              \
    for (struct list *it = (head)->next, *it##_next = it->next; it != (head); \
         it = it##_next, it##_next = it->next)

#endif
