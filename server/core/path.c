/* path.c: walking nested values; see path.h. */
#include "core/path.h"

#include <assert.h>
#include <stdio.h>

#include "core/keyed.h"
#include "core/order.h"
#include "core/range.h"
#include "core/tree.h"

/* Where a walk is: at a live container (map or cells), else at an encoded value. */
struct spot {
    struct keymap *map;
    struct cells *cells;
    struct slice value;
    struct tree *tree;   /* the live container, where it is not the root */
    struct cell *cell;   /* the list's cell that holds it or the value; NULL: none does */
    struct keymap *in;   /* likewise the map … */
    struct entry *entry; /* … and its entry */
};

enum fault { FINE, NO_KEY, NO_INDEX, BAD_KEY, BAD_INDEX, SCALAR, REFERENCE, NO_MEMORY };

bool path_root(const struct object *o)
{
    return o->type->code == ROOST_TYPE_dict || o->type->code == ROOST_TYPE_list ||
           o->type->code == ROOST_TYPE_namespace;
}

static struct spot spot_root(struct object *o)
{
    if (o->type->code == ROOST_TYPE_list)
        return (struct spot){.cells = list_cells(o)};
    return (struct spot){.map = keyed_map(o)};
}

static struct spot spot_tree(struct tree *t)
{
    if (t->kind == ROOST_MAP)
        return (struct spot){.map = &t->map, .tree = t};
    return (struct spot){.cells = &t->cells, .tree = t};
}

static struct spot spot_cell(struct cell *cell)
{
    struct tree *t = cell_tree(cell);
    if (t != NULL)
        return spot_tree(t);
    return (struct spot){.value = cell_slice(cell), .cell = cell};
}

static struct spot spot_entry(struct keymap *in, struct entry *e)
{
    struct tree *t = entry_tree(e);
    if (t != NULL)
        return spot_tree(t);
    return (struct spot){.value = entry_bytes(e), .in = in, .entry = e};
}

static roost_kind spot_kind(const struct spot *s)
{
    if (s->map != NULL)
        return ROOST_MAP;
    return s->cells != NULL ? ROOST_ARRAY : scan_value(s->value).kind;
}

/* ---- one step ---- */

static enum fault to_index(struct slice step, size_t len, size_t *ret)
{
    struct item it = scan_value(step);
    if (it.kind != ROOST_INT)
        return BAD_INDEX;
    int64_t i = it.as.i < 0 ? it.as.i + (int64_t)len : it.as.i;
    if (i < 0 || i >= (int64_t)len)
        return NO_INDEX;
    *ret = (size_t)i;
    return FINE;
}

static enum fault step_map(struct core *core, struct spot *s, struct slice step)
{
    struct key key;
    if (!key_of(core, step, &key))
        return NO_MEMORY;
    struct entry *e = keymap_find(s->map, &key);
    if (e == NULL)
        return NO_KEY;
    *s = spot_entry(s->map, e);
    return FINE;
}

static enum fault step_cells(struct spot *s, struct slice step)
{
    size_t i;
    enum fault fault = to_index(step, s->cells->len, &i);
    if (fault == FINE)
        *s = spot_cell(cells_get(s->cells, i));
    return fault;
}

static enum fault step_pairs(struct core *core, struct spot *s, struct slice step)
{
    struct item head;
    const uint8_t *p = roost__scan_item(s->value.data, &head);
    struct slice found = slice_of(NULL, 0);
    for (uint32_t i = 0; i < head.len; i++) {
        struct slice key = scan_next(&p), value = scan_next(&p);
        if (value_equal(core, key, step))
            found = value; /* of a key that stands there twice the last value counts, as in a tree */
    }
    if (core->starved)
        return NO_MEMORY;
    if (found.len == 0)
        return NO_KEY;
    *s = (struct spot){.value = found};
    return FINE;
}

static enum fault step_elements(struct spot *s, struct slice step)
{
    struct item head;
    const uint8_t *p = roost__scan_item(s->value.data, &head);
    size_t i;
    enum fault fault = to_index(step, head.len, &i);
    if (fault != FINE)
        return fault;
    while (i-- > 0)
        p = roost__scan_skip(p);
    *s = (struct spot){.value = scan_next(&p)};
    return FINE;
}

static enum fault take_step(struct core *core, struct spot *s, struct slice step)
{
    roost_kind kind = spot_kind(s);
    if (kind == ROOST_MAP && order_no_key(step))
        return BAD_KEY;
    if (s->map != NULL)
        return step_map(core, s, step);
    if (s->cells != NULL)
        return step_cells(s, step);
    if (kind == ROOST_MAP)
        return step_pairs(core, s, step);
    if (kind == ROOST_ARRAY)
        return step_elements(s, step);
    return kind == ROOST_REF ? REFERENCE : SCALAR;
}

/* Puts a tree in the place of the encoded value it was made of. False without memory. */
static bool hold_tree(struct core *core, struct spot *s, struct tree *t)
{
    if (s->entry != NULL)
        return keymap_set_tree(core, s->in, s->entry, t) != NULL;
    assert(s->cell != NULL);
    cell_free(core, s->cell);
    *s->cell = cell_of_tree(t);
    return true;
}

/* An encoded container becomes a tree. A value that is none stays what it is. */
static enum fault make_tree(struct core *core, struct object *owner, struct spot *s)
{
    roost_kind kind = spot_kind(s);
    struct tree *t;
    if (s->map != NULL || s->cells != NULL || (kind != ROOST_MAP && kind != ROOST_ARRAY))
        return FINE;
    int rc = tree_make(core, owner, s->value, &t);
    if (rc != ROOST_OK)
        return rc == ROOST_ETYPE ? BAD_KEY : NO_MEMORY;
    if (!hold_tree(core, s, t)) {
        tree_free(core, t);
        return NO_MEMORY;
    }
    *s = spot_tree(t);
    return FINE;
}

/* Walks all steps; with `writes` all containers on the way become trees. *ret_step: where it ended. */
static enum fault walk(struct core *core, struct object *o, struct slice path, bool writes, struct spot *s,
                       uint32_t *ret_step)
{
    struct item head;
    const uint8_t *p = roost__scan_item(path.data, &head);
    enum fault fault = FINE;
    *s = spot_root(o);
    for (*ret_step = 0; *ret_step < head.len; ++*ret_step) {
        fault = take_step(core, s, scan_next(&p));
        if (fault == FINE && writes)
            fault = make_tree(core, o, s);
        if (fault != FINE)
            break;
    }
    return fault;
}

/* ---- words ---- */

/* A step as people write it: "k", 7, or what kind of value it is. */
static void step_words(struct slice path, uint32_t step, char *ret, size_t size)
{
    struct item it;
    const uint8_t *p = roost__scan_item(path.data, &it);
    for (uint32_t i = 0; i < step; i++)
        p = roost__scan_skip(p);
    roost__scan_item(p, &it);
    if (it.kind == ROOST_STR)
        snprintf(ret, size, "\"%.*s\"", it.len < 64 ? (int)it.len : 64, (const char *)it.as.bytes);
    else if (it.kind == ROOST_INT)
        snprintf(ret, size, "%lld", (long long)it.as.i);
    else
        snprintf(ret, size, "%s", roost_kind_name(it.kind));
}

static size_t spot_len(const struct spot *s)
{
    if (s->map != NULL)
        return keymap_len(s->map);
    return s->cells != NULL ? s->cells->len : scan_value(s->value).len;
}

static void fail_step(struct call *c, enum fault fault, uint32_t step, const struct spot *s)
{
    char words[80];
    step_words(c->path, step, words, sizeof(words));
    switch (fault) {
    case NO_KEY:
        fail(c, ROOST_EKEY, "path step %u (%s): no such key", step, words);
        break;
    case NO_INDEX:
        fail(c, ROOST_EINDEX, "path step %u (%s): the index is out of range: the length is %zu", step, words,
             spot_len(s));
        break;
    case BAD_KEY:
        fail(c, ROOST_ETYPE, "path step %u (%s): a map or a reference cannot be (in) a key", step, words);
        break;
    case BAD_INDEX:
        fail(c, ROOST_ETYPE, "path step %u (%s): an array's index must be an integer", step, words);
        break;
    case SCALAR:
        fail(c, ROOST_ETYPE, "path step %u (%s): a step into a %s: only maps and arrays have an inside", step,
             words, roost_kind_name(spot_kind(s)));
        break;
    case REFERENCE: {
        struct item it = scan_value(s->value);
        fail(c, ROOST_ETYPE,
             "path step %u (%s): a step into a reference to %s #%llu: call that object instead", step, words,
             roost_type_name((roost_type)it.len), (unsigned long long)it.as.u);
        break;
    }
    case FINE:
    case NO_MEMORY:
        fail_memory(c);
    }
}

/* What is at the path does not suit the method. */
static void fail_end(struct call *c, const struct spot *s)
{
    bool wants_map = c->method->type == ROOST_TYPE_dict;
    roost_kind kind = spot_kind(s);
    if (kind == ROOST_REF) {
        struct item it = scan_value(s->value);
        fail(c, ROOST_ETYPE, "at the path is a reference to %s #%llu: call that object instead",
             roost_type_name((roost_type)it.len), (unsigned long long)it.as.u);
    } else {
        fail(c, ROOST_ETYPE, "at the path is %s %s, not %s",
             kind == ROOST_INT || kind == ROOST_ARRAY ? "an" : "a", roost_kind_name(kind),
             wants_map ? "a map" : "an array");
    }
}

/* ---- calls ---- */

/* What a write puts into the container at the path does not nest deeper than values may. */
static bool check_depth(struct call *c, uint32_t steps)
{
    struct param params[METHOD_PARAMS_MAX];
    roost__method_params(c->method, params);
    bool fits = steps <= WIRE_DEPTH_MAX;
    for (unsigned i = 0; i < c->argc && fits; i++) {
        unsigned around = params[i].kind == 'm' || params[i].kind == 'a'; /* stands for what is inside */
        fits = !arg_given(c, i) || roost__scan_check(c->arg[i], WIRE_DEPTH_MAX - steps + around);
    }
    if (!fits)
        fail(c, ROOST_ELIMIT, "the value at the path would be nested deeper than %d levels", WIRE_DEPTH_MAX);
    return fits;
}

bool path_enter(struct call *c)
{
    struct spot s;
    uint32_t step;
    bool writes = (c->method->flags & METHOD_WRITE) != 0;
    if (writes && !check_depth(c, scan_value(c->path).len))
        return false;
    enum fault fault = walk(c->core, c->object, c->path, writes, &s, &step);
    if (fault != FINE) {
        fail_step(c, fault, step, &s);
        return false;
    }
    if (spot_kind(&s) != (c->method->type == ROOST_TYPE_dict ? ROOST_MAP : ROOST_ARRAY)) {
        fail_end(c, &s);
        return false;
    }
    c->tree = s.tree;
    if (c->tree != NULL)
        return true;
    int rc = tree_borrow(c->core, s.value, &c->tree);
    c->borrowed = rc == ROOST_OK;
    if (rc == ROOST_ETYPE)
        fail(c, rc, "at the path is a map with a map or a reference (in) a key: it cannot be used as a dict");
    else if (rc != ROOST_OK)
        fail_memory(c);
    return rc == ROOST_OK;
}

void path_leave(struct call *c)
{
    if (c->borrowed)
        tree_return(c->core, c->tree);
    c->tree = NULL;
    c->borrowed = false;
}

bool path_value(struct core *core, struct object *o, struct slice path, struct slice *ret)
{
    struct spot s;
    uint32_t step;
    if (walk(core, o, path, false, &s, &step) != FINE)
        return false;
    struct cell tree = s.tree != NULL ? cell_of_tree(s.tree) : (struct cell){.len = 0};
    *ret = s.tree != NULL ? cell_bytes(core, &tree) : s.value;
    return ret->len > 0;
}

bool path_len(struct core *core, struct object *o, struct slice path, size_t *ret)
{
    struct spot s;
    uint32_t step;
    if (walk(core, o, path, false, &s, &step) != FINE ||
        (spot_kind(&s) != ROOST_MAP && spot_kind(&s) != ROOST_ARRAY))
        return false;
    *ret = spot_len(&s);
    return true;
}

bool path_leads(struct core *core, struct object *o, struct slice path)
{
    struct spot s;
    uint32_t step;
    return walk(core, o, path, false, &s, &step) == FINE;
}
