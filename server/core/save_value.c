/* save_value.c: cells, trees and keymaps as bytes; see save.h. */
#include <stdlib.h>

#include "core/expiry.h"
#include "core/keyed.h"
#include "core/memory.h"
#include "core/order.h"
#include "core/save.h"
#include "core/tree.h"

enum { CELL_BYTES, CELL_ARRAY, CELL_MAP };

static bool load_nested(struct loader *l, struct object *owner, unsigned depth, struct cell *ret);

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
    save_uint(out, m->last_number);
    save_uint(out, keymap_len(m));
    keymap_each (at, m) {
        const struct entry *e = keymap_at(m, at);
        struct cell value = entry_value(e);
        save_uint(out, e->number);
        save_bytes(out, entry_key(e));
        save_cell(out, &value);
        save_expiry(out, expiry_of(m, e->number));
    }
}

/* The key of the next entry, which gets the number it had. False: a fault. */
static bool load_entry_key(struct loader *l, struct keymap *m, uint64_t last, struct key *ret)
{
    uint64_t number = load_uint(l);
    struct slice shown = load_value(l, false);
    if (load_good(l) && (number <= m->last_number || number > last || order_no_key(shown)))
        load_bad(l, "a key is none, or out of its order");
    if (!load_good(l))
        return false;
    if (!key_of(l->core, shown, ret))
        load_no_memory(l);
    else if (keymap_find(m, ret) != NULL)
        load_bad(l, "a key stands there twice");
    m->last_number = number - 1;
    return load_good(l);
}

static struct tree *load_tree(struct loader *l, struct object *owner, uint64_t shape, unsigned depth);

/* Adds an entry. NULL: a fault. */
static struct entry *put_entry(struct loader *l, struct object *o, struct keymap *m, const struct key *key,
                               struct slice value)
{
    bool is_new;
    if (keymap_put(l->core, o, m, key, value, VALUE_AGAIN, &is_new) == ROOST_OK)
        return keymap_at(m, m->end - 1);
    load_no_memory(l);
    return NULL;
}

/* The entry is there before its tree is read: the key is in the core's scratch until the next. */
static struct entry *put_tree(struct loader *l, struct object *o, struct keymap *m, const struct key *key,
                              uint64_t shape, unsigned depth)
{
    struct entry *e = put_entry(l, o, m, key, slice_of(NULL, 0));
    struct tree *t = e != NULL ? load_tree(l, o, shape, depth) : NULL;
    if (t == NULL)
        return NULL;
    e = keymap_set_tree(l->core, m, e, t);
    if (e == NULL) {
        tree_free(l->core, t);
        load_no_memory(l);
    }
    return e;
}

static void load_entry(struct loader *l, struct object *o, struct keymap *m, uint64_t last, bool values,
                       unsigned depth)
{
    struct key key;
    struct entry *e = NULL;
    if (!load_entry_key(l, m, last, &key))
        return;
    uint64_t shape = load_uint(l);
    struct slice value = shape == CELL_BYTES ? load_value(l, !values) : slice_of(NULL, 0);
    if (!values && (shape != CELL_BYTES || value.len > 0))
        load_bad(l, "a set has values");
    if (load_good(l))
        e = shape == CELL_BYTES ? put_entry(l, o, m, &key, value) : put_tree(l, o, m, &key, shape, depth);
    if (e != NULL)
        load_expiry(l, o, m, e);
}

void load_keymap(struct loader *l, struct object *o, struct keymap *m, bool values, unsigned depth)
{
    uint64_t last = load_uint(l);
    if (last > INT64_MAX)
        load_bad(l, "a number that no entry can have");
    for (size_t n = load_count(l); n > 0 && load_good(l); n--)
        load_entry(l, o, m, last, values, depth);
    m->last_number = last;
}

void load_cells(struct loader *l, struct object *owner, struct cells *v, unsigned depth)
{
    size_t n = load_count(l);
    if (!cells_reserve(v, n))
        load_no_memory(l);
    for (; n > 0 && load_good(l); n--) {
        struct cell cell;
        if (load_nested(l, owner, depth, &cell))
            cells_push_back(v, cell);
    }
}

static void load_branches(struct loader *l, struct object *owner, unsigned depth, struct tree *t)
{
    t->map.live = t->kind == ROOST_MAP;
    if (t->kind == ROOST_MAP)
        load_keymap(l, owner, &t->map, true, depth + 1);
    else
        load_cells(l, owner, &t->cells, depth + 1);
}

/* NULL: a fault. */
static struct tree *load_tree(struct loader *l, struct object *owner, uint64_t shape, unsigned depth)
{
    if (shape > CELL_MAP || depth >= FRAME_DEPTH_MAX || !load_good(l)) {
        load_bad(l, "a value has no shape, or is nested too deep");
        return NULL;
    }
    struct tree *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        load_no_memory(l);
        return NULL;
    }
    memory_charge(l->core, COST_TREE);
    t->kind = shape == CELL_MAP ? ROOST_MAP : ROOST_ARRAY;
    keymap_init(&t->map);
    load_branches(l, owner, depth, t);
    if (load_good(l))
        return t;
    tree_free(l->core, t);
    return NULL;
}

static bool load_bytes_cell(struct loader *l, struct object *owner, struct cell *ret)
{
    struct slice value = load_value(l, false);
    if (value.len > 0 && cell_store_again(l->core, owner, value, ret) != ROOST_OK)
        load_no_memory(l);
    return load_good(l);
}

static bool load_nested(struct loader *l, struct object *owner, unsigned depth, struct cell *ret)
{
    uint64_t shape = load_uint(l);
    *ret = (struct cell){.len = 0};
    if (shape == CELL_BYTES)
        return load_bytes_cell(l, owner, ret);
    struct tree *t = load_tree(l, owner, shape, depth);
    if (t != NULL)
        *ret = cell_of_tree(t);
    return t != NULL;
}

bool load_cell(struct loader *l, struct object *owner, struct cell *ret)
{
    return load_nested(l, owner, 0, ret);
}

void save_keyed(const struct object *o, struct buf *out)
{
    save_keymap(out, &((const struct keyed *)(const void *)o)->map);
}

void load_keyed(struct loader *l, struct object *o)
{
    struct keymap *m = keyed_map(o);
    keymap_init(m);
    m->live = true;
    load_keymap(l, o, m, o->type->code != ROOST_TYPE_set, 0);
}
