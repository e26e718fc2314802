/* model_dict.c: dicts, sets and namespaces, whole or inside of other values; see model.h. */
#include "tests/sim/model.h"

/* ---- items: also of lists and queues ---- */

struct mitem *item_find(struct mitems *items, struct slice key)
{
    for (size_t i = 0; i < items->len; i++)
        if (same(kslice(&items->at[i].key), key))
            return &items->at[i];
    return NULL;
}

struct mitem *item_add(struct mitems *items, struct slice key, struct slice value)
{
    assert(items->len < M_ITEMS);
    struct mitem *it = &items->at[items->len++];
    *it = (struct mitem){.key = mkey_of(key), .value = mvalue_of(value), .expires_us = NEVER};
    return it;
}

/* Sets a key; true when it is new. Its time to live ends. */
static bool set(struct mitems *items, struct slice key, struct slice value)
{
    struct mitem *it = item_find(items, key);
    if (it == NULL) {
        item_add(items, key, value);
        return true;
    }
    it->value = mvalue_of(value);
    it->expires_us = NEVER;
    return false;
}

void items_fill(struct mitems *items, struct slice value)
{
    struct item head;
    const uint8_t *p = roost__scan_item(value.data, &head);
    for (uint32_t i = 0; i < head.len; i++) {
        struct slice key = head.kind == ROOST_MAP ? scan_next(&p) : slice_of(NULL, 0);
        head.kind == ROOST_MAP ? (void)set(items, key, scan_next(&p))
                               : (void)item_add(items, key, scan_next(&p));
    }
}

void items_put(const struct mitems *items, bool is_map, struct buf *out)
{
    is_map ? roost__put_map(out, items->len) : roost__put_array(out, items->len);
    for (size_t i = 0; i < items->len; i++) {
        if (is_map)
            buf_append(out, items->at[i].key.bytes, items->at[i].key.len);
        buf_append(out, items->at[i].value.bytes, items->at[i].value.len);
    }
}

static void remove_item(struct model *m, struct mitems *items, struct mitem *it)
{
    m->dropped = true;
    REMOVE_AT(items->at, items->len, it - items->at);
}

/* ---- dict ---- */

static void put_all(struct model *m, struct mcall *c, char what)
{
    struct buf *out = say_begin(m, c);
    what == 'm' ? roost__put_map(out, c->items->len) : roost__put_array(out, c->items->len);
    for (size_t i = 0; i < c->items->len; i++) {
        const struct mitem *it = &c->items->at[i];
        if (what == 'i')
            roost__put_array(out, 2);
        if (what != 'v')
            buf_append(out, it->key.bytes, it->key.len);
        if (what != 'k')
            buf_append(out, it->value.bytes, it->value.len);
    }
    say_end(m, c, true);
}

static void set_all(struct model *m, struct mcall *c)
{
    struct item head;
    const uint8_t *p = roost__scan_item(c->arg[0].data, &head);
    int64_t fresh = 0;
    if (!storable(m, c->arg[0])) {
        say_error(m, c, ROOST_ENOENT);
        return;
    }
    m->dropped = true;
    for (uint32_t i = 0; i < head.len; i++) {
        struct slice key = scan_next(&p);
        fresh += set(c->items, key, scan_next(&p));
    }
    c->method == METHOD_dict_set_many ? say_int(m, c, fresh) : say_nil(m, c);
}

static void get_many(struct model *m, struct mcall *c)
{
    struct item head;
    struct mitems found = {.len = 0};
    const uint8_t *p = roost__scan_item(c->arg[0].data, &head);
    for (uint32_t i = 0; i < head.len; i++) {
        struct mitem *it = item_find(c->items, scan_next(&p));
        if (it != NULL)
            found.at[found.len++] = *it;
    }
    items_put(&found, true, say_begin(m, c));
    say_end(m, c, true);
}

static void set_one(struct model *m, struct mcall *c)
{
    bool has_ttl = c->method == METHOD_dict_set && given(c, 2);
    if (has_ttl && int_arg(c, 2, 0) == 0) {
        say_error(m, c, ROOST_EINVAL);
    } else if (!storable(m, c->arg[1])) {
        say_error(m, c, ROOST_ENOENT);
    } else {
        m->dropped = true;
        set(c->items, c->arg[0], c->arg[1]);
        struct mitem *it = item_find(c->items, c->arg[0]);
        it->expires_us = has_ttl ? m->now_us + int_arg(c, 2, 0) * 1000 : NEVER;
        it->order = ++m->last_order;
        say_nil(m, c);
    }
}

static void set_default(struct model *m, struct mcall *c, struct mitem *it)
{
    struct slice value = given(c, 1) ? c->arg[1] : slice_of("\xc0", 1);
    if (it == NULL && !storable(m, value)) {
        say_error(m, c, ROOST_ENOENT);
        return;
    }
    if (it == NULL)
        it = item_add(c->items, c->arg[0], value);
    say_value(m, c, vslice(&it->value), true);
}

static void incr(struct model *m, struct mcall *c, struct mitem *it)
{
    struct item old = it != NULL ? scan_value(vslice(&it->value)) : (struct item){.kind = ROOST_INT};
    uint8_t bytes[16];
    struct buf b = {.data = bytes, .cap = sizeof(bytes), .max = sizeof(bytes)};
    if (old.kind == ROOST_BOOL) /* as in Python */
        old = (struct item){.kind = ROOST_INT, .as.i = old.as.b};
    if (old.kind == ROOST_FLOAT)
        roost__put_float(&b, old.as.f + (double)int_arg(c, 1, 1));
    else
        roost__put_int(&b, old.as.i + int_arg(c, 1, 1));
    if (old.kind != ROOST_INT && old.kind != ROOST_FLOAT) {
        say_error(m, c, ROOST_ETYPE);
        return;
    }
    if (it == NULL)
        item_add(c->items, c->arg[0], buf_slice(&b));
    else
        it->value = mvalue_of(buf_slice(&b));
    say_value(m, c, buf_slice(&b), false);
}

static void compare_and_set(struct model *m, struct mcall *c, struct mitem *it)
{
    bool equal = it != NULL && same(vslice(&it->value), c->arg[1]);
    if (equal && !storable(m, c->arg[2])) {
        say_error(m, c, ROOST_ENOENT);
        return;
    }
    if (equal)
        set(c->items, c->arg[0], c->arg[2]);
    m->dropped = m->dropped || equal;
    say_bool(m, c, equal);
}

/* Takes an item out and answers with it. */
static void pop(struct model *m, struct mcall *c, struct mitem *it)
{
    struct mitem taken = *it;
    remove_item(m, c->items, it);
    if (c->method == METHOD_dict_popitem) {
        struct buf *out = say_begin(m, c);
        roost__put_array(out, 2);
        buf_append(out, taken.key.bytes, taken.key.len);
        buf_append(out, taken.value.bytes, taken.value.len);
        say_end(m, c, true);
    } else if (c->method == METHOD_dict_pop) {
        say_value(m, c, vslice(&taken.value), true);
    } else {
        say_nil(m, c);
    }
}

static void time_to_live(struct model *m, struct mcall *c, struct mitem *it)
{
    if (c->method == METHOD_dict_expire && int_arg(c, 1, 0) == 0) {
        say_error(m, c, ROOST_EINVAL);
    } else if (it == NULL) {
        say_error(m, c, ROOST_EKEY);
    } else if (c->method == METHOD_dict_ttl) {
        say_int(m, c, it->expires_us == NEVER ? -1 : (it->expires_us - m->now_us + 999) / 1000);
    } else if (c->method == METHOD_dict_persist) {
        say_bool(m, c, it->expires_us != NEVER);
        it->expires_us = NEVER;
    } else {
        it->expires_us = m->now_us + int_arg(c, 1, 0) * 1000;
        it->order = ++m->last_order;
        say_nil(m, c);
    }
}

static void clear(struct model *m, struct mcall *c)
{
    c->items->len = 0;
    m->dropped = true;
    say_nil(m, c);
}

static void dict_call(struct model *m, struct mcall *c)
{
    bool by_key = c->argc > 0 && scan_value(c->arg[0]).kind != ROOST_MAP;
    struct mitem *it = by_key ? item_find(c->items, c->arg[0]) : NULL;
    switch (c->method) {
    case METHOD_dict_get:
        it != NULL    ? say_value(m, c, vslice(&it->value), true)
        : given(c, 1) ? say_value(m, c, c->arg[1], false)
                      : say_error(m, c, ROOST_EKEY);
        break;
    case METHOD_dict_set:
        set_one(m, c);
        break;
    case METHOD_dict_popitem:
        it = c->items->len > 0 ? &c->items->at[c->items->len - 1] : NULL;
        it != NULL ? pop(m, c, it) : say_error(m, c, ROOST_EKEY);
        break;
    case METHOD_dict_delete:
    case METHOD_dict_pop:
        it != NULL    ? pop(m, c, it)
        : given(c, 1) ? say_value(m, c, c->arg[1], false)
                      : say_error(m, c, ROOST_EKEY);
        break;
    case METHOD_dict_contains:
        say_bool(m, c, it != NULL);
        break;
    case METHOD_dict_len:
        say_int(m, c, (int64_t)c->items->len);
        break;
    case METHOD_dict_keys:
        put_all(m, c, 'k');
        break;
    case METHOD_dict_values:
        put_all(m, c, 'v');
        break;
    case METHOD_dict_items:
        put_all(m, c, 'i');
        break;
    case METHOD_dict_copy:
        put_all(m, c, 'm');
        break;
    case METHOD_dict_setdefault:
        set_default(m, c, it);
        break;
    case METHOD_dict_update:
    case METHOD_dict_set_many:
        set_all(m, c);
        break;
    case METHOD_dict_clear:
        clear(m, c);
        break;
    case METHOD_dict_get_many:
        get_many(m, c);
        break;
    case METHOD_dict_incr:
        incr(m, c, it);
        break;
    case METHOD_dict_compare_and_set:
        compare_and_set(m, c, it);
        break;
    default:
        time_to_live(m, c, it);
    }
}

/* ---- namespace ---- */

static void namespace_call(struct model *m, struct mcall *c)
{
    struct mitem *it = c->argc > 0 ? item_find(c->items, c->arg[0]) : NULL;
    if (c->method == METHOD_namespace_set)
        set_one(m, c);
    else if (c->method == METHOD_namespace_names || c->method == METHOD_namespace_all)
        put_all(m, c, c->method == METHOD_namespace_all ? 'm' : 'k');
    else if (it == NULL)
        say_error(m, c, ROOST_EKEY);
    else if (c->method == METHOD_namespace_get)
        say_value(m, c, vslice(&it->value), true);
    else
        pop(m, c, it);
}

void model_dict_call(struct model *m, struct mcall *c)
{
    if (c->method >> 8 == ROOST_TYPE_dict)
        dict_call(m, c);
    else if (c->method >> 8 == ROOST_TYPE_namespace)
        namespace_call(m, c);
    else
        model_set_call(m, c);
}
