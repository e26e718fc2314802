/* keyed.c: objects that are a keymap; see keyed.h. */
#include "core/keyed.h"

#include "core/expiry.h"
#include "core/handlers.h"
#include "core/order.h"
#include "core/tree.h"
#include "core/undo.h"

void put_entry_value(struct call *c, struct buf *out, const struct entry *e)
{
    struct cell value = entry_value(e);
    put_cell(c->core, &c->caller, out, &value);
}

bool reply_entry_value(struct call *c, const struct entry *e)
{
    struct cell value = entry_value(e);
    return reply_cell(c, &value);
}

/* Fails the call when a pair of the map could not be stored. */
static bool check_pairs(struct call *c, struct slice map)
{
    struct item head;
    const uint8_t *p = roost__scan_item(map.data, &head);
    for (uint32_t i = 0; i < head.len; i++) {
        struct slice key = scan_next(&p);
        scan_next(&p);
        if (order_no_key(key)) {
            key_refused(c, key);
            return false;
        }
    }
    return true;
}

static int set_pairs(struct core *core, struct object *owner, struct keymap *m, struct slice map,
                     int64_t *ret_added)
{
    struct item head;
    const uint8_t *p = roost__scan_item(map.data, &head);
    int rc = ROOST_OK;
    for (uint32_t i = 0; i < head.len && rc == ROOST_OK; i++) {
        struct slice key_bytes = scan_next(&p), value = scan_next(&p);
        struct key key;
        bool is_new = false;
        rc = key_of(core, key_bytes, &key) ? keymap_set(core, owner, m, &key, value, &is_new) : ROOST_ENOMEM;
        *ret_added += is_new;
    }
    return rc == ROOST_OK && core->undo->failed ? ROOST_ENOMEM : rc;
}

int64_t keyed_set_all(struct call *c, struct object *owner, struct keymap *m, unsigned arg)
{
    struct slice map = c->arg[arg];
    if (!check_pairs(c, map))
        return -1;
    if (roost__scan_has_ref(map) && !cell_refs_lead(c->core, map)) {
        fail_store(c, ROOST_ENOENT);
        return -1;
    }
    struct undo undo;
    int64_t added = 0;
    undo_begin(c->core, &undo);
    int rc = set_pairs(c->core, owner, m, map, &added);
    undo_end(c->core, &undo, rc == ROOST_OK);
    if (rc == ROOST_OK)
        return added;
    fail_store(c, rc);
    return -1;
}

struct keymap *map_of(const struct call *c)
{
    return c->tree != NULL ? &c->tree->map : keyed_map(c->object);
}

void keyed_destroy(struct core *core, struct object *o)
{
    keymap_clear(core, keyed_map(o));
}

unsigned keyed_describe(const struct object *o, struct buf *out)
{
    roost__put_cstr(out, "len");
    roost__put_uint(out, keymap_len(&((const struct keyed *)(const void *)o)->map));
    return 1;
}

void keyed_each_stored(const struct object *o, void (*visit)(void *context, uint64_t id), void *context)
{
    keymap_each_stored(&((const struct keyed *)(const void *)o)->map, visit, context);
}

void keyed_open(struct call *c, const struct type *type)
{
    bool found;
    struct object *o = object_open(c, type, &found);
    if (o == NULL)
        return;
    struct keymap *m = keyed_map(o);
    if (!found) {
        keymap_init(m);
        m->live = true;
        if (arg_given(c, 1) && keyed_set_all(c, o, m, 1) < 0) {
            object_discard(c->core, o);
            return;
        }
    }
    reply_ref(c, o);
}

/* ---- handlers that dict, namespace and set share ---- */

/* dict.set has a time to live as its third argument. */
void on_keyed_set(struct call *c)
{
    struct key key;
    struct expiry *x = NULL;
    int64_t ttl_ms;
    bool is_new;
    if (!key_arg(c, 0, &key))
        return;
    if (arg_given(c, 2) && (!expiry_arg(c, 2, &ttl_ms) || (x = expiry_new(c, map_of(c), ttl_ms)) == NULL))
        return;
    int rc = keymap_set(c->core, c->object, map_of(c), &key, c->arg[1], &is_new);
    if (rc != ROOST_OK) {
        expiry_free(c->core, x);
        fail_store(c, rc);
        return;
    }
    if (x != NULL)
        expiry_of_entry(c->core, x, c->object, keymap_find(map_of(c), &key));
    reply_nil(c);
}

void on_keyed_contains(struct call *c)
{
    struct key key;
    if (key_arg(c, 0, &key))
        reply_bool(c, keymap_find(map_of(c), &key) != NULL);
}

void on_keyed_len(struct call *c)
{
    reply_int(c, (int64_t)keymap_len(map_of(c)));
}

void on_keyed_clear(struct call *c)
{
    struct keymap *m = map_of(c);
    if (c->core->undo == NULL)
        keymap_clear(c->core, m);
    else
        keymap_each (at, m)
            keymap_take(c->core, m, keymap_at(m, at));
    reply_nil(c);
}

void on_keyed_keys(struct call *c)
{
    const struct keymap *m = map_of(c);
    struct buf *out = reply_begin(c->core, &c->caller);
    roost__put_array(out, keymap_len(m));
    keymap_each (at, m) {
        struct slice key = entry_key(keymap_at(m, at));
        buf_append(out, key.data, key.len);
    }
    reply_end(c->core, &c->caller);
    c->done = true;
}

void on_keyed_map(struct call *c)
{
    const struct keymap *m = map_of(c);
    struct buf *out = reply_begin(c->core, &c->caller);
    roost__put_map(out, keymap_len(m));
    keymap_each (at, m) {
        const struct entry *e = keymap_at(m, at);
        struct slice key = entry_key(e);
        buf_append(out, key.data, key.len);
        put_entry_value(c, out, e);
    }
    reply_end(c->core, &c->caller);
    c->done = true;
}
