/* save_value.c: cells, trees and keymaps as bytes; see save.h. */
#include <stdlib.h>

#include "core/expiry.h"
#include "core/order.h"
#include "core/save.h"
#include "core/tree.h"

enum { CELL_BYTES, CELL_ARRAY, CELL_MAP };

static bool load_nested(struct loader *l, struct object *owner, unsigned depth, bool may_be_empty,
                        struct cell *ret);

void save_cell(struct buf *out, const struct cell *c)
{
    const struct tree *t = cell_tree(c);
    if (t == NULL) {
        save_uint(out, CELL_BYTES);
        save_bytes(out, cell_slice(c));
    } else if (t->kind == ROOST_MAP) {
        save_uint(out, CELL_MAP);
        save_keymap(out, &t->map);
    } else {
        save_uint(out, CELL_ARRAY);
        save_cells(out, &t->cells);
    }
}

void save_cells(struct buf *out, const struct cells *v)
{
    save_uint(out, v->len);
    for (size_t i = 0; i < v->len; i++)
        save_cell(out, cells_get(v, i));
}

void save_keymap(struct buf *out, const struct keymap *m)
{
    save_uint(out, m->sequence.last);
    save_uint(out, keymap_len(m));
    list_each (it, &m->order) {
        const struct entry *e = entry_of(it);
        save_uint(out, e->number);
        save_bytes(out, entry_key(e));
        save_cell(out, &e->value);
        save_expiry(out, e->expiry);
    }
}

/* The next entry, with the number it had; NULL: a fault. */
static struct entry *load_entry(struct loader *l, struct keymap *m, uint64_t last)
{
    uint64_t number = load_uint(l);
    struct slice shown = load_value(l, false);
    struct key key;
    if (!load_good(l))
        return NULL;
    if (number <= m->sequence.last || number > last || order_no_key(shown)) {
        load_bad(l, "a key is none, or out of its order");
        return NULL;
    }
    if (!key_of(l->core, shown, &key)) {
        load_no_memory(l);
        return NULL;
    }
    if (keymap_find(m, &key) != NULL) {
        load_bad(l, "a key stands there twice");
        return NULL;
    }
    m->sequence.last = number - 1;
    struct entry *e = keymap_add(l->core, m, &key);
    if (e == NULL)
        load_no_memory(l);
    return e;
}

void load_keymap(struct loader *l, struct object *o, struct keymap *m, bool values, unsigned depth)
{
    uint64_t last = load_uint(l);
    for (size_t n = load_count(l); n > 0 && load_good(l); n--) {
        struct entry *e = load_entry(l, m, last);
        if (e == NULL || !load_nested(l, o, depth, !values, &e->value))
            return;
        if (!values && e->value.len > 0)
            load_bad(l, "a set has values");
        e->expiry = load_expiry(l, o, m, e);
    }
    m->sequence.last = last;
}

void load_cells(struct loader *l, struct object *owner, struct cells *v, unsigned depth)
{
    size_t n = load_count(l);
    if (!cells_reserve(v, n))
        load_no_memory(l);
    for (; n > 0 && load_good(l); n--) {
        struct cell cell;
        if (load_nested(l, owner, depth, false, &cell))
            cells_push_back(v, cell);
    }
}

static void load_tree(struct loader *l, struct object *owner, unsigned depth, struct tree *t)
{
    t->map.live = t->kind == ROOST_MAP;
    if (t->kind == ROOST_MAP)
        load_keymap(l, owner, &t->map, true, depth + 1);
    else
        load_cells(l, owner, &t->cells, depth + 1);
}

static bool load_bytes_cell(struct loader *l, struct object *owner, bool may_be_empty, struct cell *ret)
{
    struct slice value = load_value(l, may_be_empty);
    if (value.len > 0 && cell_store_again(l->core, owner, value, ret) != ROOST_OK)
        load_no_memory(l);
    return load_good(l);
}

static bool load_nested(struct loader *l, struct object *owner, unsigned depth, bool may_be_empty,
                        struct cell *ret)
{
    uint64_t shape = load_uint(l);
    *ret = (struct cell){.len = 0};
    if (shape == CELL_BYTES)
        return load_bytes_cell(l, owner, may_be_empty, ret);
    if (shape > CELL_MAP || depth >= FRAME_DEPTH_MAX || !load_good(l)) {
        load_bad(l, "a value has no shape, or is nested too deep");
        return false;
    }
    struct tree *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        load_no_memory(l);
        return false;
    }
    t->kind = shape == CELL_MAP ? ROOST_MAP : ROOST_ARRAY;
    keymap_init(&t->map);
    load_tree(l, owner, depth, t);
    *ret = cell_of_tree(t);
    if (load_good(l))
        return true;
    cell_free(l->core, ret);
    return false;
}

bool load_cell(struct loader *l, struct object *owner, bool may_be_empty, struct cell *ret)
{
    return load_nested(l, owner, 0, may_be_empty, ret);
}

void save_keyed(const struct object *o, struct buf *out)
{
    save_keymap(out, &((const struct keyed *)(const void *)o)->map);
}

void load_keyed(struct loader *l, struct object *o)
{
    struct keymap *m = &container_of(o, struct keyed, object)->map;
    keymap_init(m);
    m->live = true;
    load_keymap(l, o, m, o->type->code != ROOST_TYPE_set, 0);
}
