/* namespace.c: the namespace: a keymap whose keys are attribute names. Every method is O(1) but those that
 * answer with everything. */
#include "core/handlers.h"
#include "core/keyed.h"

const struct type type_namespace = {.code = ROOST_TYPE_namespace,
                                    .size = sizeof(struct keyed),
                                    .destroy = keyed_destroy,
                                    .describe = keyed_describe,
                                    .each_stored = keyed_each_stored};

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
    if (!arg_given(c, 1) || check_names(c, 1))
        keyed_open(c, &type_namespace);
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
        reply_entry_value(c, e);
}

void on_namespace_delete(struct call *c)
{
    struct entry *e = find_attribute(c);
    if (e == NULL)
        return;
    keymap_remove(c->core, map_of(c), e);
    reply_nil(c);
}
