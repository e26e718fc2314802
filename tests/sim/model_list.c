/* model_list.c: lists, whole or inside of other values; see model.h. */
#include "tests/sim/model.h"

bool index_in(int64_t i, size_t len, size_t *ret)
{
    if (i < 0)
        i += (int64_t)len;
    *ret = (size_t)i;
    return i >= 0 && i < (int64_t)len;
}

static size_t clamp(int64_t i, size_t len)
{
    if (i < 0)
        i += (int64_t)len;
    return i < 0 ? 0 : i > (int64_t)len ? len : (size_t)i;
}

static void insert(struct mitems *items, size_t at, struct slice value)
{
    struct mitem it = {.value = mvalue_of(value), .expires_us = NEVER};
    assert(items->len < M_ITEMS);
    memmove(&items->at[at + 1], &items->at[at], (items->len++ - at) * sizeof(it));
    items->at[at] = it;
}

static void insert_all(struct mitems *items, size_t at, struct slice array)
{
    struct item head;
    const uint8_t *p = roost__scan_item(array.data, &head);
    for (uint32_t i = 0; i < head.len; i++)
        insert(items, at + i, scan_next(&p));
}

static void remove_at(struct model *m, struct mitems *items, size_t i)
{
    m->dropped = true;
    REMOVE_AT(items->at, items->len, i);
}

/* Slices here have no step: start and stop, clamped. */
static void bounds(const struct mcall *c, size_t *from, size_t *to)
{
    *from = clamp(int_arg(c, 0, 0), c->items->len);
    *to = clamp(int_arg(c, 1, NEVER), c->items->len);
    if (*to < *from)
        *to = *from;
}

static void slice_call(struct model *m, struct mcall *c)
{
    size_t from, to;
    bounds(c, &from, &to);
    if (c->method == METHOD_list_slice) {
        struct mitems part = {.len = to - from};
        memcpy(part.at, &c->items->at[from], part.len * sizeof(part.at[0]));
        items_put(&part, false, say_begin(m, c));
        say_end(m, c, true);
        return;
    }
    if (c->method == METHOD_list_set_slice && !storable(m, c->arg[3])) {
        say_error(m, c, ROOST_ENOENT);
        return;
    }
    while (to > from)
        remove_at(m, c->items, --to);
    if (c->method == METHOD_list_set_slice)
        insert_all(c->items, from, c->arg[3]);
    say_nil(m, c);
}

static void find_call(struct model *m, struct mcall *c)
{
    size_t at = c->items->len, n = 0;
    for (size_t i = c->items->len; i-- > 0;)
        if (same(vslice(&c->items->at[i].value), c->arg[0])) {
            at = i;
            n++;
        }
    if (c->method == METHOD_list_count)
        say_int(m, c, (int64_t)n);
    else if (c->method == METHOD_list_contains)
        say_bool(m, c, n > 0);
    else if (n == 0)
        say_error(m, c, ROOST_EKEY);
    else if (c->method == METHOD_list_index)
        say_int(m, c, (int64_t)at);
    else {
        remove_at(m, c->items, at);
        say_nil(m, c);
    }
}

/* One element: get, set, pop, delete. */
static void element_call(struct model *m, struct mcall *c)
{
    size_t i;
    if (!index_in(int_arg(c, 0, -1), c->items->len, &i)) {
        say_error(m, c, ROOST_EINDEX);
        return;
    }
    struct mvalue v = c->items->at[i].value;
    if (c->method == METHOD_list_set) {
        if (!storable(m, c->arg[1])) {
            say_error(m, c, ROOST_ENOENT);
            return;
        }
        m->dropped = true;
        c->items->at[i].value = mvalue_of(c->arg[1]);
    } else if (c->method != METHOD_list_get) {
        remove_at(m, c->items, i);
    }
    c->method == METHOD_list_get || c->method == METHOD_list_pop ? say_value(m, c, vslice(&v), true)
                                                                 : say_nil(m, c);
}

static void add_call(struct model *m, struct mcall *c)
{
    bool one = c->method != METHOD_list_extend, inserts = c->method == METHOD_list_insert;
    struct slice value = c->arg[inserts ? 1 : 0];
    if (!storable(m, value)) {
        say_error(m, c, ROOST_ENOENT);
        return;
    }
    size_t at = inserts ? clamp(int_arg(c, 0, 0), c->items->len) : c->items->len;
    one ? insert(c->items, at, value) : insert_all(c->items, at, value);
    say_nil(m, c);
}

/* Sorted, are neighbours of one kind that has an order? */
static bool comparable(const struct mitems *items)
{
    for (size_t i = 1; i < items->len; i++) {
        bool strict = true;
        order_of(vslice(&items->at[i - 1].value), vslice(&items->at[i].value), &strict);
        if (!strict)
            return false;
    }
    return true;
}

static void sort(struct model *m, struct mcall *c)
{
    int sign = given(c, 0) && scan_value(c->arg[0]).as.b ? -1 : 1;
    struct mitems v = *c->items;
    for (size_t i = 1; i < v.len; i++)
        for (size_t k = i; k > 0; k--) {
            struct mitem a = v.at[k - 1], b = v.at[k];
            if (sign * order_of(vslice(&a.value), vslice(&b.value), NULL) <= 0)
                break;
            v.at[k - 1] = b;
            v.at[k] = a;
        }
    if (!comparable(&v)) {
        say_error(m, c, ROOST_ETYPE);
        return;
    }
    *c->items = v;
    say_nil(m, c);
}

static void reverse(struct model *m, struct mcall *c)
{
    struct mitems old = *c->items;
    for (size_t i = 0; i < old.len; i++)
        c->items->at[i] = old.at[old.len - 1 - i];
    say_nil(m, c);
}

void model_list_call(struct model *m, struct mcall *c)
{
    switch (c->method) {
    case METHOD_list_append:
    case METHOD_list_extend:
    case METHOD_list_insert:
        add_call(m, c);
        break;
    case METHOD_list_get:
    case METHOD_list_set:
    case METHOD_list_pop:
    case METHOD_list_delete:
        element_call(m, c);
        break;
    case METHOD_list_slice:
    case METHOD_list_set_slice:
    case METHOD_list_delete_slice:
        slice_call(m, c);
        break;
    case METHOD_list_reverse:
        reverse(m, c);
        break;
    case METHOD_list_sort:
        sort(m, c);
        break;
    case METHOD_list_clear:
        c->items->len = 0;
        m->dropped = true;
        say_nil(m, c);
        break;
    case METHOD_list_copy:
        items_put(c->items, false, say_begin(m, c));
        say_end(m, c, true);
        break;
    case METHOD_list_len:
        say_int(m, c, (int64_t)c->items->len);
        break;
    default:
        find_call(m, c);
    }
}
