/* namespace.c: the namespace: a keymap whose keys are attribute names. Every method is O(1) but those that
 * answer with everything. */
#include "core/handlers.h"
#include "core/keymap.h"

struct namespace
{
    struct object object;
    struct keymap map;
};

static struct keymap *map_of(const struct call *c)
{
    return &container_of(c->object, struct namespace, object)->map;
}

static void namespace_destroy(struct core *core, struct object *o)
{
    keymap_clear(core, &container_of(o, struct namespace, object)->map);
}

static unsigned namespace_describe(const struct object *o, struct buf *out)
{
    roost__put_cstr(out, "len");
    roost__put_uint(out, keymap_len(&((const struct namespace *)(const void *)o)->map));
    return 1;
}

static void namespace_each_stored(const struct object *o, void (*visit)(void *context, uint64_t id),
                                  void *context)
{
    keymap_each_stored(&((const struct namespace *)(const void *)o)->map, visit, context);
}

const struct type type_namespace = {.code = ROOST_TYPE_namespace,
                                    .size = sizeof(struct namespace),
                                    .destroy = namespace_destroy,
                                    .describe = namespace_describe,
                                    .each_stored = namespace_each_stored};

/* Every key of the map argument is a string; else the call has failed. */
static bool check_names(struct call *c, unsigned i)
{
    struct item head;
    const uint8_t *p = roost__scan_item(c->arg[i].data, &head);
    for (uint32_t k = 0; k < head.len; k++) {
        struct item name = scan_value(scan_next(&p));
        scan_next(&p);
        if (name.kind != ROOST_STR) {
            fail(c, ROOST_ETYPE, "an attribute's name must be a string, not %s", roost_kind_name(name.kind));
            return false;
        }
    }
    return true;
}

void on_namespace_open(struct call *c)
{
    bool found;
    if (arg_given(c, 1) && !check_names(c, 1))
        return;
    struct object *o = object_open(c, &type_namespace, &found);
    if (o == NULL)
        return;
    struct namespace *n = container_of(o, struct namespace, object);
    if (!found) {
        keymap_init(&n->map);
        if (arg_given(c, 1) && keymap_set_all(c, o, &n->map, 1) < 0) {
            object_destroy(c->core, o);
            return;
        }
    }
    reply_ref(c, o);
}

/* The entry of the attribute in argument 0. NULL: the call has failed. */
static struct entry *find_attribute(struct call *c)
{
    struct key key;
    if (!key_arg(c, 0, &key))
        return NULL;
    struct entry *e = keymap_find(map_of(c), &key);
    if (e == NULL) {
        struct slice name = arg_bytes(c, 0);
        fail(c, ROOST_EKEY, "no attribute \"%.*s\"", name.len < 64 ? (int)name.len : 64,
             (const char *)name.data);
    }
    return e;
}

void on_namespace_get(struct call *c)
{
    struct entry *e = find_attribute(c);
    if (e != NULL)
        reply_cell(c, &e->value);
}

void on_namespace_set(struct call *c)
{
    struct key key;
    bool is_new;
    if (!key_arg(c, 0, &key))
        return;
    int rc = keymap_set(c->core, c->object, map_of(c), &key, c->arg[1], &is_new);
    rc == ROOST_OK ? reply_nil(c) : fail_store(c, rc);
}

void on_namespace_delete(struct call *c)
{
    struct entry *e = find_attribute(c);
    if (e == NULL)
        return;
    keymap_remove(c->core, map_of(c), e);
    reply_nil(c);
}

void on_namespace_names(struct call *c)
{
    keymap_reply_keys(c, map_of(c));
}

void on_namespace_all(struct call *c)
{
    keymap_reply_map(c, map_of(c));
}
