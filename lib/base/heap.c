/* heap.c: the moves of struct heap; see heap.h. */
#include "base/heap.h"

#include <assert.h>
#include <stdlib.h>

static void place(struct heap *h, struct heap_node *n, size_t pos)
{
    h->items[pos] = n;
    n->pos = pos;
}

static void sift_up(struct heap *h, struct heap_node *n)
{
    size_t pos = n->pos;
    while (pos > 0) {
        size_t parent = (pos - 1) / 2;
        if (!h->before(n, h->items[parent]))
            break;
        place(h, h->items[parent], pos);
        pos = parent;
    }
    place(h, n, pos);
}

static void sift_down(struct heap *h, struct heap_node *n)
{
    size_t pos = n->pos;
    for (;;) {
        size_t child = 2 * pos + 1;
        if (child >= h->len)
            break;
        if (child + 1 < h->len && h->before(h->items[child + 1], h->items[child]))
            child++;
        if (!h->before(h->items[child], n))
            break;
        place(h, h->items[child], pos);
        pos = child;
    }
    place(h, n, pos);
}

bool roost__heap_reserve(struct heap *h, size_t n)
{
    if (h->cap - h->len >= n)
        return true;
    size_t cap = h->cap < 16 ? 16 : h->cap * 2;
    if (cap < h->len + n)
        cap = h->len + n;
    struct heap_node **items = reallocarray(h->items, cap, sizeof(*items));
    if (items == NULL)
        return false;
    h->items = items;
    h->cap = cap;
    return true;
}

bool roost__heap_push(struct heap *h, struct heap_node *n)
{
    assert(!heap_has(n));
    if (!roost__heap_reserve(h, 1))
        return false;
    place(h, n, h->len++);
    sift_up(h, n);
    return true;
}

void roost__heap_remove(struct heap *h, struct heap_node *n)
{
    if (!heap_has(n))
        return;
    assert(n->pos < h->len && h->items[n->pos] == n);
    size_t pos = n->pos;
    n->pos = HEAP_OUT;
    struct heap_node *last = h->items[--h->len];
    if (last == n)
        return;
    place(h, last, pos);
    sift_down(h, last);
    sift_up(h, last);
}

void roost__heap_free(struct heap *h)
{
    free(h->items);
    heap_init(h, h->before);
}
