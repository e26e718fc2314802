/* model_set.c: sets: lists whose values differ; see model.h. */
#include "tests/sim/model.h"

static struct mitem *find(struct mitems *set, struct slice value)
{
    for (size_t i = 0; i < set->len; i++)
        if (same(vslice(&set->at[i].value), value))
            return &set->at[i];
    return NULL;
}

static bool add(struct mitems *set, struct slice value)
{
    if (find(set, value) != NULL)
        return false;
    item_add(set, slice_of(NULL, 0), value);
    return true;
}

static void add_array(struct mitems *set, struct slice array)
{
    struct item head;
    const uint8_t *p = roost__scan_item(array.data, &head);
    for (uint32_t i = 0; i < head.len; i++)
        add(set, scan_next(&p));
}

void set_fill(struct mitems *set, struct slice array)
{
    add_array(set, array);
}

/* Those of a that are (not) in b, behind what is in ret. */
static void filter(const struct mitems *a, struct mitems *b, bool in, struct mitems *ret)
{
    for (size_t i = 0; i < a->len; i++)
        if ((find(b, vslice(&a->at[i].value)) != NULL) == in)
            add(ret, vslice(&a->at[i].value));
}

static void combine(struct mcall *c, struct mitems *other, struct mitems *ret)
{
    struct mitems nothing = {.len = 0};
    switch (c->method) {
    case METHOD_set_update:
    case METHOD_set_union:
        filter(c->items, &nothing, false, ret);
        filter(other, c->items, false, ret);
        break;
    case METHOD_set_intersection:
    case METHOD_set_intersection_update:
        filter(c->items, other, true, ret);
        break;
    case METHOD_set_difference:
    case METHOD_set_difference_update:
        filter(c->items, other, false, ret);
        break;
    default:
        filter(c->items, other, false, ret);
        filter(other, c->items, false, ret);
    }
}

/* Reads the array or the set of argument 0; 0 or a code. */
static int read_other(struct model *m, const struct mcall *c, struct mitems *ret)
{
    struct item it = scan_value(c->arg[0]);
    const struct mobject *o = it.kind == ROOST_REF ? model_object(m, it.as.u) : NULL;
    if (it.kind != ROOST_REF)
        add_array(ret, c->arg[0]);
    else if (o == NULL || o->type != ROOST_TYPE_set)
        return o == NULL ? ROOST_ENOENT : ROOST_ETYPE;
    else
        *ret = o->items;
    return 0;
}

static void with_other(struct model *m, struct mcall *c)
{
    struct mitems other = {.len = 0}, result = {.len = 0};
    int code = read_other(m, c, &other);
    if (code != 0) {
        say_error(m, c, code);
        return;
    }
    size_t both = 0;
    for (size_t i = 0; i < c->items->len; i++)
        both += find(&other, vslice(&c->items->at[i].value)) != NULL;
    if (c->method == METHOD_set_issubset || c->method == METHOD_set_issuperset) {
        say_bool(m, c, both == (c->method == METHOD_set_issubset ? c->items->len : other.len));
    } else if (c->method == METHOD_set_isdisjoint) {
        say_bool(m, c, both == 0);
    } else {
        combine(c, &other, &result);
        if (roost__method_by_code(c->method)->flags & METHOD_WRITE) {
            *c->items = result;
            say_nil(m, c);
        } else {
            items_put(&result, false, say_begin(m, c));
            say_end(m, c, false);
        }
    }
}

static void take_out(struct model *m, struct mcall *c, const struct mitem *it)
{
    bool there = it != NULL;
    struct mvalue v = there ? it->value : (struct mvalue){.len = 0};
    if (there)
        REMOVE_AT(c->items->at, c->items->len, it - c->items->at);
    if (c->method == METHOD_set_discard)
        say_bool(m, c, there);
    else if (!there)
        say_error(m, c, ROOST_EKEY);
    else
        c->method == METHOD_set_pop ? say_value(m, c, vslice(&v), false) : say_nil(m, c);
}

void model_set_call(struct model *m, struct mcall *c)
{
    switch (c->method) {
    case METHOD_set_add:
        say_bool(m, c, add(c->items, c->arg[0]));
        break;
    case METHOD_set_discard:
    case METHOD_set_remove:
        take_out(m, c, find(c->items, c->arg[0]));
        break;
    case METHOD_set_pop:
        take_out(m, c, c->items->len > 0 ? &c->items->at[0] : NULL);
        break;
    case METHOD_set_contains:
        say_bool(m, c, find(c->items, c->arg[0]) != NULL);
        break;
    case METHOD_set_len:
        say_int(m, c, (int64_t)c->items->len);
        break;
    case METHOD_set_clear:
        c->items->len = 0;
        say_nil(m, c);
        break;
    case METHOD_set_copy:
        items_put(c->items, false, say_begin(m, c));
        say_end(m, c, false);
        break;
    default:
        with_other(m, c);
    }
}
