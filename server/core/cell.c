/* cell.c: storing and freeing values; see cell.h. */
#include "core/cell.h"

#include <assert.h>
#include <stdlib.h>

#include "core/internal.h"

void each_ref(struct slice value, void (*visit)(void *context, uint64_t id), void *context)
{
    struct item it;
    for (const uint8_t *p = value.data; p < value.data + value.len;) {
        p = roost__scan_item(p, &it);
        if (it.kind == ROOST_REF)
            visit(context, it.as.u);
    }
}

/* True when every reference leads to an object of the type it says. */
static bool refs_lead_somewhere(const struct core *core, struct slice value)
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
    object_stored_ref(object_find(context, id));
}

static void uncount_ref(void *context, uint64_t id)
{
    object_stored_unref(context, id);
}

int cell_store(struct core *core, struct object *owner, struct slice value, struct cell *ret)
{
    assert(value.len > 0 && value.len <= FRAME_MAX);
    bool refs = roost__scan_has_ref(value);
    if (refs && !refs_lead_somewhere(core, value))
        return ROOST_ENOENT;
    struct cell c = {.len = (uint32_t)value.len & 0x7fffffff, .refs = refs};
    if (value.len <= CELL_INLINE) {
        memcpy(c.bytes, value.data, value.len);
    } else {
        uint8_t *far = malloc(value.len);
        if (far == NULL)
            return ROOST_ENOMEM;
        memcpy(far, value.data, value.len);
        memcpy(c.bytes + 4, &far, sizeof(far));
    }
    if (refs) {
        owner->refers = true;
        each_ref(value, count_ref, core);
    }
    *ret = c;
    return ROOST_OK;
}

void cell_free(struct core *core, struct cell *c)
{
    struct slice value = cell_slice(c);
    if (c->refs)
        each_ref(value, uncount_ref, core);
    if (c->len > CELL_INLINE) {
        uint8_t *far;
        memcpy(&far, c->bytes + 4, sizeof(far));
        free(far);
    }
    *c = (struct cell){.len = 0};
}
