/* tree.c: nested arrays and maps as vectors and keymaps; see tree.h. */
#include "core/tree.h"

#include <assert.h>
#include <stdlib.h>

#include "core/memory.h"
#include "core/order.h"

/* How a tree gets its cells: an owner, in whom the whole is stored, stores them one by one; no owner borrows
 * them. */
static int take(struct core *core, struct object *owner, struct slice value, struct cell *ret)
{
    if (owner != NULL)
        return cell_store_again(core, owner, value, ret);
    *ret = cell_borrow(value, roost__scan_has_ref(value));
    return ROOST_OK;
}

static int take_elements(struct core *core, struct object *owner, const uint8_t *p, uint32_t n,
                         struct tree *t)
{
    if (!cells_reserve(&t->cells, n))
        return ROOST_ENOMEM;
    int rc = ROOST_OK;
    for (uint32_t i = 0; i < n && rc == ROOST_OK; i++) {
        struct cell cell;
        rc = take(core, owner, scan_next(&p), &cell);
        if (rc == ROOST_OK)
            cells_push_back(&t->cells, cell);
    }
    return rc;
}

static int take_pairs(struct core *core, struct object *owner, const uint8_t *p, uint32_t n, struct tree *t)
{
    int rc = ROOST_OK;
    for (uint32_t i = 0; i < n && rc == ROOST_OK; i++) {
        struct slice bytes = scan_next(&p), value = scan_next(&p);
        struct key key;
        bool is_new;
        if (order_no_key(bytes))
            return ROOST_ETYPE;
        rc = key_of(core, bytes, &key) ? ROOST_OK : ROOST_ENOMEM;
        if (rc == ROOST_OK)
            rc = keymap_put(core, owner, &t->map, &key, value, owner != NULL ? VALUE_AGAIN : VALUE_BORROWED,
                            &is_new);
    }
    return rc;
}

static int make(struct core *core, struct object *owner, struct slice value, struct tree **ret)
{
    struct item head;
    const uint8_t *p = roost__scan_item(value.data, &head);
    assert(head.kind == ROOST_ARRAY || head.kind == ROOST_MAP);
    struct tree *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return ROOST_ENOMEM;
    memory_charge(core, COST_TREE);
    t->kind = head.kind;
    keymap_init(&t->map);
    int rc = head.kind == ROOST_ARRAY ? take_elements(core, owner, p, head.len, t)
                                      : take_pairs(core, owner, p, head.len, t);
    t->map.live = rc == ROOST_OK && owner != NULL;
    if (rc == ROOST_OK)
        *ret = t;
    else if (owner != NULL)
        tree_free(core, t);
    else
        tree_return(core, t);
    return rc;
}

int tree_make(struct core *core, struct object *owner, struct slice value, struct tree **ret)
{
    return make(core, owner, value, ret);
}

int tree_borrow(struct core *core, struct slice value, struct tree **ret)
{
    return make(core, NULL, value, ret);
}

void tree_return(struct core *core, struct tree *t)
{
    for (size_t i = 0; i < t->cells.len; i++)
        *cells_get(&t->cells, i) = (struct cell){.len = 0};
    tree_free(core, t);
}

void tree_free(struct core *core, struct tree *t)
{
    cells_clear(core, &t->cells);
    keymap_clear(core, &t->map);
    memory_release(core, COST_TREE);
    free(t);
}

void tree_put(const struct tree *t, struct buf *out)
{
    if (t->kind == ROOST_ARRAY) {
        roost__put_array(out, t->cells.len);
        for (size_t i = 0; i < t->cells.len; i++)
            cell_put(cells_get(&t->cells, i), out);
        return;
    }
    roost__put_map(out, keymap_len(&t->map));
    keymap_each (at, &t->map) {
        const struct entry *e = keymap_at(&t->map, at);
        struct slice key = entry_key(e);
        struct cell value = entry_value(e);
        buf_append(out, key.data, key.len);
        cell_put(&value, out);
    }
}

void tree_each_ref(const struct tree *t, void (*visit)(void *context, uint64_t id), void *context)
{
    cells_each_stored(&t->cells, visit, context);
    keymap_each_stored(&t->map, visit, context);
}
