/* model_path.c: what stands inside of plain values: read out, changed, written back; see model.h. */
#include "tests/sim/model.h"

static struct mitems items_in(const struct mvalue *v)
{
    struct mitems items = {.len = 0};
    items_fill(&items, vslice(v));
    return items;
}

/* One step from a container; 0 or the code of what is wrong. */
static int step(struct mitems *in, bool is_map, struct slice step, struct mitem **ret)
{
    struct item it = scan_value(step);
    size_t i;
    if (is_map) {
        *ret = item_find(in, step);
        return *ret == NULL ? ROOST_EKEY : 0;
    }
    if (it.kind != ROOST_INT)
        return ROOST_ETYPE;
    if (!index_in(it.as.i, in->len, &i))
        return ROOST_EINDEX;
    *ret = &in->at[i];
    return 0;
}

/* Calls on what the last of n steps leads to, and writes all back that it stands in. */
static void descend(struct model *m, struct mcall *c, struct mitems *in, bool is_map, const uint8_t *path,
                    uint32_t n)
{
    struct mitem *it;
    int code = step(in, is_map, scan_next(&path), &it);
    roost_kind kind = code == 0 ? scan_value(vslice(&it->value)).kind : ROOST_NIL;
    roost_kind wanted = c->method >> 8 == ROOST_TYPE_dict ? ROOST_MAP : ROOST_ARRAY;
    if (code == 0 && kind != ROOST_MAP && kind != ROOST_ARRAY)
        code = ROOST_ETYPE;
    if (code == 0 && n == 1 && kind != wanted)
        code = ROOST_ETYPE;
    if (code != 0) {
        say_error(m, c, code);
        return;
    }
    struct mitems inside = items_in(&it->value);
    if (n > 1) {
        descend(m, c, &inside, kind == ROOST_MAP, path, n - 1);
    } else {
        c->items = &inside;
        kind == ROOST_MAP ? model_dict_call(m, c) : model_list_call(m, c);
    }
    uint8_t bytes[M_VALUE];
    struct buf b = {.data = bytes, .cap = M_VALUE, .max = M_VALUE};
    items_put(&inside, kind == ROOST_MAP, &b);
    assert(!b.failed);
    it->value = mvalue_of(buf_slice(&b));
}

void model_path_call(struct model *m, struct mcall *c)
{
    struct item head;
    const uint8_t *p = roost__scan_item(c->path.data, &head);
    descend(m, c, &c->o->items, c->o->type != ROOST_TYPE_list, p, head.len);
}

int model_at(struct mobject *o, struct slice path, struct mvalue *ret)
{
    struct item head;
    struct mitems in = o->items;
    bool is_map = o->type != ROOST_TYPE_list;
    const uint8_t *p = roost__scan_item(path.data, &head);
    for (uint32_t i = 0; i < head.len; i++) {
        struct mitem *it;
        int code = step(&in, is_map, scan_next(&p), &it);
        if (code != 0)
            return code;
        *ret = it->value;
        roost_kind kind = scan_value(vslice(ret)).kind;
        if (i + 1 < head.len && kind != ROOST_MAP && kind != ROOST_ARRAY)
            return ROOST_ETYPE;
        if (kind == ROOST_MAP || kind == ROOST_ARRAY)
            in = items_in(ret);
        is_map = kind == ROOST_MAP;
    }
    return 0;
}
