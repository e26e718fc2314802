/* hmap.c: probing, growth and deletion of struct hmap; see hmap.h. */
#include "base/hmap.h"

#include <assert.h>
#include <stdlib.h>

enum { CAP_MIN = 8 };

static size_t home(const struct hmap *m, uint64_t hash)
{
    return (size_t)hash & (m->cap - 1);
}

struct hnode *roost__hmap_find(const struct hmap *m, uint64_t hash, hmap_match *match, const void *key)
{
    if (m->len == 0)
        return NULL;
    for (size_t i = home(m, hash);; i = (i + 1) & (m->cap - 1)) {
        const struct hslot *slot = &m->slots[i];
        if (slot->node == NULL)
            return NULL;
        if (slot->hash == hash && match(slot->node, key))
            return slot->node;
    }
}

static void put(struct hmap *m, struct hnode *n)
{
    size_t i = home(m, n->hash);
    while (m->slots[i].node != NULL)
        i = (i + 1) & (m->cap - 1);
    m->slots[i] = (struct hslot){.hash = n->hash, .node = n};
}

static bool resize(struct hmap *m, size_t cap)
{
    assert(cap > m->len && (cap & (cap - 1)) == 0);
    struct hslot *slots = calloc(cap, sizeof(*slots));
    if (slots == NULL)
        return false;
    struct hmap grown = {.slots = slots, .len = m->len, .cap = cap};
    for (size_t i = 0; i < m->cap; i++)
        if (m->slots[i].node != NULL)
            put(&grown, m->slots[i].node);
    free(m->slots);
    *m = grown;
    return true;
}

bool roost__hmap_reserve(struct hmap *m, size_t n)
{
    size_t need = m->len + n;
    size_t cap = m->cap < CAP_MIN ? CAP_MIN : m->cap;
    while (need > cap - cap / 4)
        cap *= 2;
    return cap == m->cap || resize(m, cap);
}

bool roost__hmap_add(struct hmap *m, struct hnode *n)
{
    if (!roost__hmap_reserve(m, 1))
        return false;
    put(m, n);
    m->len++;
    return true;
}

void roost__hmap_take(struct hmap *m, struct hnode *n)
{
    assert(m->len > 0);
    size_t mask = m->cap - 1;
    size_t i = home(m, n->hash);
    while (m->slots[i].node != n) {
        assert(m->slots[i].node != NULL);
        i = (i + 1) & mask;
    }
    for (size_t j = (i + 1) & mask; m->slots[j].node != NULL; j = (j + 1) & mask) {
        size_t want = home(m, m->slots[j].hash);
        if (((j - want) & mask) >= ((j - i) & mask)) { /* slot i lies on the way to j: close the gap */
            m->slots[i] = m->slots[j];
            i = j;
        }
    }
    m->slots[i] = (struct hslot){0};
    m->len--;
}

void roost__hmap_remove(struct hmap *m, struct hnode *n)
{
    roost__hmap_take(m, n);
    if (m->cap > CAP_MIN && m->len < m->cap / 8)
        (void)resize(m, m->cap / 2); /* without memory it just stays large */
}

void roost__hmap_free(struct hmap *m)
{
    free(m->slots);
    *m = (struct hmap){0};
}
