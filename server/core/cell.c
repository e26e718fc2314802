/* cell.c: storing and freeing values; see cell.h. */
#include "core/cell.h"

#include <assert.h>
#include <stdlib.h>

#include "core/memory.h"
#include "core/order.h"
#include "core/tree.h"

void each_ref(struct slice value, void (*visit)(void *context, uint64_t id), void *context)
{
    struct item it;
    for (const uint8_t *p = value.data; p < value.data + value.len;) {
        p = roost__scan_item(p, &it);
        if (it.kind == ROOST_REF)
            visit(context, it.as.u);
    }
}

bool cell_refs_lead(const struct core *core, struct slice value)
{
    struct item it;
    for (const uint8_t *p = value.data; p < value.data + value.len;) {
        p = roost__scan_item(p, &it);
        if (it.kind != ROOST_REF)
            continue;
        const struct object *o = object_find(core, it.as.u);
        if (o == NULL || o->type->code != (roost_type)it.len)
            return false;
    }
    return true;
}

static void count_ref(void *context, uint64_t id)
{
    struct object *o = object_find(context, id);
    if (o != NULL)
        object_stored_ref(o);
}

void cell_count_refs(struct core *core, struct object *owner, struct slice value)
{
    owner->refers = true;
    each_ref(value, count_ref, core);
}

static void uncount_ref(void *context, uint64_t id)
{
    object_stored_unref(context, id);
}

static void set_far(struct cell *c, const void *far)
{
    memcpy(c->bytes + 4, &far, sizeof(far));
}

static void *far_of(const struct cell *c)
{
    void *far;
    memcpy(&far, c->bytes + 4, sizeof(far));
    return far;
}

static struct cell cell_head(struct slice value, bool refs)
{
    assert(value.len <= FRAME_MAX);
    return (struct cell){.len = (uint32_t)value.len & 0x3fffffff, .refs = refs};
}

static int store(struct core *core, struct object *owner, struct slice value, bool refs, struct cell *ret)
{
    struct cell c = cell_head(value, refs);
    memory_charge(core, COST_CELL + value.len);
    if (value.len <= CELL_INLINE) {
        memcpy(c.bytes, value.data, value.len);
    } else {
        uint8_t *far = malloc(value.len);
        if (far == NULL) {
            memory_release(core, COST_CELL + value.len);
            return ROOST_ENOMEM;
        }
        memcpy(far, value.data, value.len);
        set_far(&c, far);
    }
    if (refs)
        cell_count_refs(core, owner, value);
    *ret = c;
    return ROOST_OK;
}

int cell_store(struct core *core, struct object *owner, struct slice value, struct cell *ret)
{
    bool refs = roost__scan_has_ref(value);
    if ((int64_t)value.len > core->limits.value_max) {
        core->over = "value_max";
        return ROOST_ENOMEM;
    }
    if (!memory_allows(core, COST_CELL + value.len))
        return ROOST_ENOMEM;
    return refs && !cell_refs_lead(core, value) ? ROOST_ENOENT : store(core, owner, value, refs, ret);
}

int cell_store_again(struct core *core, struct object *owner, struct slice value, struct cell *ret)
{
    return store(core, owner, value, roost__scan_has_ref(value), ret);
}

struct cell cell_borrow(struct slice value, bool refs)
{
    struct cell c = cell_head(value, refs);
    if (value.len == 0)
        return c;
    if (value.len <= CELL_INLINE)
        memcpy(c.bytes, value.data, value.len);
    else
        set_far(&c, value.data);
    return c;
}

struct tree *cell_tree(const struct cell *c)
{
    return c->tree ? far_of(c) : NULL;
}

struct cell cell_of_tree(struct tree *t)
{
    struct cell c = {.len = 1, .tree = 1};
    set_far(&c, t);
    return c;
}

void cell_put(const struct cell *c, struct buf *out)
{
    if (c->tree) {
        tree_put(cell_tree(c), out);
        return;
    }
    struct slice value = cell_slice(c);
    buf_append(out, value.data, value.len);
}

struct slice cell_bytes(struct core *core, const struct cell *c)
{
    if (!c->tree)
        return cell_slice(c);
    buf_reset(&core->encoded);
    tree_put(cell_tree(c), &core->encoded);
    core->starved |= core->encoded.failed;
    return core->encoded.failed ? slice_of(NULL, 0) : buf_slice(&core->encoded);
}

bool value_equal(struct core *core, struct slice a, struct slice b)
{
    buf_reset(&core->scratch);
    bool equal = order_equal(a, b, &core->scratch);
    core->starved |= core->scratch.failed;
    return equal;
}

bool cell_equal(struct core *core, const struct cell *c, struct slice value)
{
    if (c->tree) {
        struct item it = scan_value(value);
        if (it.kind != cell_tree(c)->kind || it.len != tree_len(cell_tree(c)))
            return false;
    }
    struct slice bytes = cell_bytes(core, c);
    return bytes.len > 0 && value_equal(core, bytes, value);
}

void cell_each_ref(const struct cell *c, void (*visit)(void *context, uint64_t id), void *context)
{
    if (c->tree)
        tree_each_ref(cell_tree(c), visit, context);
    else if (c->refs)
        each_ref(cell_slice(c), visit, context);
}

void cell_drop_refs(struct core *core, const struct cell *c)
{
    if (c->refs)
        each_ref(cell_slice(c), uncount_ref, core);
}

static void free_bytes(struct core *core, const struct cell *c)
{
    cell_drop_refs(core, c);
    memory_release(core, COST_CELL + c->len);
    if (c->len > CELL_INLINE)
        free(far_of(c));
}

void cell_free(struct core *core, struct cell *c)
{
    if (c->tree)
        tree_free(core, cell_tree(c));
    else if (c->len > 0)
        free_bytes(core, c);
    *c = (struct cell){.len = 0};
}
