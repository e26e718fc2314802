/* dict.c: the dict: a keymap with values. Every method is O(1) but those that answer with everything. */
#include <stdlib.h>

#include "core/expiry.h"
#include "core/handlers.h"
#include "core/keyed.h"
#include "core/number.h"

const struct type type_dict = {.code = ROOST_TYPE_dict,
                               .size = sizeof(struct keyed),
                               .destroy = keyed_destroy,
                               .describe = keyed_describe,
                               .each_stored = keyed_each_stored};

void on_dict_open(struct call *c)
{
    keyed_open(c, &type_dict);
}

static void fail_key(struct call *c)
{
    fail(c, ROOST_EKEY, "no such key");
}

/* The entry of argument 0's key. NULL: the call has failed, or (default at argument 1) was answered. */
static struct entry *find_or_default(struct call *c)
{
    struct key key;
    if (!key_arg(c, 0, &key))
        return NULL;
    struct entry *e = keymap_find(map_of(c), &key);
    if (e == NULL)
        arg_given(c, 1) ? reply_raw(c, c->arg[1]) : fail_key(c);
    return e;
}

void on_dict_get(struct call *c)
{
    struct entry *e = find_or_default(c);
    if (e != NULL)
        reply_entry_value(c, e);
}

/* The entry of argument 0's key. NULL: the call has failed. */
static struct entry *find_entry(struct call *c)
{
    struct key key;
    if (!key_arg(c, 0, &key))
        return NULL;
    struct entry *e = keymap_find(map_of(c), &key);
    if (e == NULL)
        fail_key(c);
    return e;
}

void on_dict_delete(struct call *c)
{
    struct entry *e = find_entry(c);
    if (e == NULL)
        return;
    keymap_remove(c->core, map_of(c), e);
    reply_nil(c);
}

static void put_pair(struct call *c, struct buf *out, const struct entry *e)
{
    struct slice key = entry_key(e);
    roost__put_array(out, 2);
    buf_append(out, key.data, key.len);
    put_entry_value(c, out, e);
}

void on_dict_values(struct call *c)
{
    struct keymap *m = map_of(c);
    struct buf *out = reply_begin(c->core, &c->caller);
    roost__put_array(out, keymap_len(m));
    keymap_each (at, m)
        put_entry_value(c, out, keymap_at(m, at));
    reply_end(c->core, &c->caller);
    c->done = true;
}

void on_dict_items(struct call *c)
{
    struct keymap *m = map_of(c);
    struct buf *out = reply_begin(c->core, &c->caller);
    roost__put_array(out, keymap_len(m));
    keymap_each (at, m)
        put_pair(c, out, keymap_at(m, at));
    reply_end(c->core, &c->caller);
    c->done = true;
}

void on_dict_pop(struct call *c)
{
    struct entry *e = find_or_default(c);
    if (e != NULL && reply_entry_value(c, e))
        keymap_remove(c->core, map_of(c), e);
}

void on_dict_popitem(struct call *c)
{
    struct keymap *m = map_of(c);
    if (keymap_len(m) == 0) {
        fail(c, ROOST_EKEY, "the dict is empty");
        return;
    }
    struct entry *e = keymap_at(m, m->end - 1);
    put_pair(c, reply_begin(c->core, &c->caller), e);
    c->done = true;
    if (reply_end(c->core, &c->caller))
        keymap_remove(c->core, m, e);
}

void on_dict_setdefault(struct call *c)
{
    static const uint8_t nil = 0xc0;
    struct key key;
    bool is_new;
    if (!key_arg(c, 0, &key))
        return;
    struct entry *e = keymap_find(map_of(c), &key);
    if (e == NULL) {
        struct slice value = arg_given(c, 1) ? c->arg[1] : slice_of(&nil, 1);
        int rc = keymap_set(c->core, c->object, map_of(c), &key, value, &is_new);
        if (rc != ROOST_OK) {
            fail_store(c, rc);
            return;
        }
        e = keymap_find(map_of(c), &key);
    }
    reply_entry_value(c, e);
}

void on_dict_update(struct call *c)
{
    if (keyed_set_all(c, c->object, map_of(c), 0) >= 0)
        reply_nil(c);
}

void on_dict_set_many(struct call *c)
{
    int64_t added = keyed_set_all(c, c->object, map_of(c), 0);
    if (added >= 0)
        reply_int(c, added);
}

/* The entries of the keys asked for, in their order; *ret_found how many. NULL: the call has failed. */
static struct entry **find_many(struct call *c, size_t *ret_found)
{
    struct item head;
    const uint8_t *p = roost__scan_item(c->arg[0].data, &head);
    struct entry **found = calloc((size_t)head.len + 1, sizeof(struct entry *));
    if (found == NULL) {
        fail_memory(c);
        return NULL;
    }
    *ret_found = 0;
    for (uint32_t i = 0; i < head.len; i++) {
        struct slice bytes = scan_next(&p);
        struct key key;
        if (!key_of(c->core, bytes, &key)) {
            key_refused(c, bytes);
            free(found);
            return NULL;
        }
        struct entry *e = keymap_find(map_of(c), &key);
        if (e != NULL)
            found[(*ret_found)++] = e;
    }
    return found;
}

void on_dict_get_many(struct call *c)
{
    size_t n;
    struct entry **found = find_many(c, &n);
    if (found == NULL)
        return;
    struct buf *out = reply_begin(c->core, &c->caller);
    roost__put_map(out, n);
    for (size_t i = 0; i < n; i++) {
        struct slice key = entry_key(found[i]);
        buf_append(out, key.data, key.len);
        put_entry_value(c, out, found[i]);
    }
    reply_end(c->core, &c->caller);
    c->done = true;
    free(found);
}

void on_dict_incr(struct call *c)
{
    static const uint8_t zero = 0x00;
    struct key key;
    bool is_new;
    uint8_t sum[NUMBER_BYTES_MAX];
    if (!key_arg(c, 0, &key))
        return;
    struct entry *e = keymap_find(map_of(c), &key);
    struct cell value = e != NULL ? entry_value(e) : cell_borrow(slice_of(&zero, 1), false);
    struct slice old = cell_bytes(c->core, &value);
    size_t len = old.len > 0 ? number_add(c, old, 1, sum) : 0;
    if (old.len == 0)
        fail_memory(c);
    if (len == 0)
        return;
    int rc = e != NULL ? keymap_replace(c->core, c->object, map_of(c), e, slice_of(sum, len))
                       : keymap_set(c->core, c->object, map_of(c), &key, slice_of(sum, len), &is_new);
    rc == ROOST_OK ? reply_raw(c, slice_of(sum, len)) : fail_store(c, rc);
}

void on_dict_compare_and_set(struct call *c)
{
    struct key key;
    if (!key_arg(c, 0, &key))
        return;
    struct entry *e = keymap_find(map_of(c), &key);
    struct cell value = e != NULL ? entry_value(e) : (struct cell){.len = 0};
    if (e == NULL || !cell_equal(c->core, &value, c->arg[1])) {
        c->core->starved ? fail_memory(c) : reply_bool(c, false);
        return;
    }
    uint64_t number = e->number;
    int rc = keymap_replace(c->core, c->object, map_of(c), e, c->arg[2]);
    if (rc != ROOST_OK) {
        fail_store(c, rc);
        return;
    }
    expiry_take_away(c->core, map_of(c), number);
    reply_bool(c, true);
}

void on_dict_expire(struct call *c)
{
    int64_t ttl_ms;
    struct entry *e = expiry_arg(c, 1, &ttl_ms) ? find_entry(c) : NULL;
    struct expiry *x = e != NULL ? expiry_new(c, map_of(c), ttl_ms) : NULL;
    if (x == NULL)
        return;
    expiry_of_entry(c->core, x, c->object, e);
    reply_nil(c);
}

void on_dict_ttl(struct call *c)
{
    const struct entry *e = find_entry(c);
    if (e != NULL)
        reply_int(c, expiry_left_ms(c->core, expiry_of(map_of(c), e->number)));
}

void on_dict_persist(struct call *c)
{
    struct entry *e = find_entry(c);
    if (e != NULL)
        reply_bool(c, expiry_take_away(c->core, map_of(c), e->number));
}
