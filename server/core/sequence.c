/* sequence.c: the index of numbers; see sequence.h. */
#include "core/sequence.h"

#include <assert.h>
#include <stdlib.h>

#include "core/keymap.h"

enum { BLOCK_SIZE = 256, EMPTY_MIN = 8 };

static uint64_t block_number(const struct entry *e)
{
    return e->number / BLOCK_SIZE;
}

/* The first block whose number is not lower; s->len when there is none. */
static size_t lower_bound(const struct sequence *s, uint64_t number)
{
    size_t low = 0, high = s->len;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (s->blocks[mid].number < number)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static struct block *block_of(struct sequence *s, const struct entry *e)
{
    size_t i = lower_bound(s, block_number(e));
    assert(i < s->len && s->blocks[i].number == block_number(e));
    return &s->blocks[i];
}

static bool has_room(struct sequence *s)
{
    if (s->len < s->cap)
        return true;
    size_t cap = s->cap == 0 ? 1 : s->cap * 2;
    struct block *grown = reallocarray(s->blocks, cap, sizeof(*grown));
    if (grown == NULL)
        return false;
    s->blocks = grown;
    s->cap = cap;
    return true;
}

bool sequence_add(struct sequence *s, struct entry *e)
{
    e->number = s->last + 1;
    struct block *last = s->len > 0 ? &s->blocks[s->len - 1] : NULL;
    if (last == NULL || last->number != block_number(e)) {
        if (!has_room(s))
            return false;
        s->blocks[s->len++] = (struct block){.number = block_number(e), .first = e};
    } else if (last->first == NULL) {
        last->first = e;
        s->empty--;
    }
    s->last = e->number;
    return true;
}

/* Is a neighbour in the order in the same block? */
static bool shares_block(const struct keymap *m, struct list *neighbour, const struct entry *e)
{
    return neighbour != &m->order && block_number(entry_of(neighbour)) == block_number(e);
}

static void drop_empty(struct sequence *s)
{
    size_t left = 0;
    for (size_t i = 0; i < s->len; i++)
        if (s->blocks[i].first != NULL)
            s->blocks[left++] = s->blocks[i];
    s->len = left;
    s->empty = 0;
}

void sequence_remove(struct keymap *m, struct entry *e, bool for_good)
{
    struct sequence *s = &m->sequence;
    if (shares_block(m, e->in_order.prev, e))
        return;
    struct block *b = block_of(s, e);
    assert(b->first == e);
    b->first = shares_block(m, e->in_order.next, e) ? entry_of(e->in_order.next) : NULL;
    s->empty += b->first == NULL;
    if (for_good && s->empty > EMPTY_MIN && s->empty > s->len / 2)
        drop_empty(s);
}

void sequence_put_back(struct keymap *m, struct entry *e)
{
    if (shares_block(m, e->in_order.prev, e))
        return;
    struct block *b = block_of(&m->sequence, e);
    m->sequence.empty -= b->first == NULL;
    b->first = e;
}

struct list *sequence_after(struct keymap *m, uint64_t number)
{
    const struct sequence *s = &m->sequence;
    if (number >= s->last)
        return &m->order;
    size_t i = lower_bound(s, (number + 1) / BLOCK_SIZE);
    while (i < s->len && s->blocks[i].first == NULL)
        i++;
    if (i == s->len)
        return &m->order;
    struct list *it = &s->blocks[i].first->in_order;
    while (it != &m->order && entry_of(it)->number <= number)
        it = it->next;
    return it;
}

void sequence_clear(struct sequence *s)
{
    free(s->blocks);
    *s = (struct sequence){.last = s->last};
}
