/* entry.c: blocks of a key with its value; see entry.h. */
#include "core/entry.h"

#include <stdlib.h>

#include "core/memory.h"

static size_t append(struct entry *e, size_t at, const void *data, size_t n)
{
    if (n > 0)
        memcpy(e->bytes + at, data, n);
    return at + n;
}

struct entry *entry_make(const struct entry_content *c)
{
    bool shown = !slice_equal(c->canonical, c->shown);
    uint32_t shown_len = shown ? (uint32_t)c->shown.len : 0;
    size_t value_len = c->tree != NULL ? sizeof(c->tree) : c->value.len;
    assert(c->canonical.len > 0 && c->canonical.len <= FRAME_MAX && value_len <= FRAME_MAX);
    size_t len = c->canonical.len + (shown ? sizeof(shown_len) + shown_len : 0) + value_len;
    struct entry *e = malloc(sizeof(*e) + len);
    if (e == NULL)
        return NULL;
    *e = (struct entry){.number = c->number,
                        .value_len = (uint32_t)value_len & 0x3fffffff,
                        .tree = c->tree != NULL,
                        .refs = c->refs,
                        .key_len = (uint32_t)c->canonical.len & 0x7fffffff,
                        .shown = shown};
    size_t at = append(e, 0, c->canonical.data, c->canonical.len);
    if (shown) {
        at = append(e, at, &shown_len, sizeof(shown_len));
        at = append(e, at, c->shown.data, shown_len);
    }
    append(e, at, c->tree != NULL ? (const void *)&c->tree : c->value.data, value_len);
    return e;
}

struct tree *entry_tree(const struct entry *e)
{
    struct tree *t = NULL;
    if (e->tree)
        memcpy(&t, e->bytes + entry_value_at(e), sizeof(t));
    return t;
}

struct cell entry_value(const struct entry *e)
{
    return e->tree ? cell_of_tree(entry_tree(e)) : cell_borrow(entry_bytes(e), e->refs);
}

void entry_charge(struct core *core, const struct entry *e)
{
    memory_charge(core, COST_ENTRY + entry_value_at(e) + e->value_len);
}

void entry_free(struct core *core, struct entry *e)
{
    memory_release(core, COST_ENTRY + entry_value_at(e) + e->value_len);
    struct cell value = entry_value(e);
    if (e->tree)
        cell_free(core, &value);
    else
        cell_drop_refs(core, &value);
    free(e);
}
