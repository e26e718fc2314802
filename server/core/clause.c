/* clause.c: reading a transaction's clauses, and what each kind of condition asks; see clause.h. */
#include "core/clause.h"

#include "core/cells.h"
#include "core/keyed.h"
#include "core/order.h"
#include "core/path.h"
#include "core/rights.h"

/* ---- reading ---- */

void fail_part(struct call *c, const struct part *p, int code, const char *why)
{
    char words[OBJECT_WORDS_MAX] = "";
    if (p->object != NULL)
        object_words(p->object, words, sizeof(words));
    fail(c, code, "%s %u%s%s%s: %s", p->what, p->index, *words != '\0' ? " (" : "", words,
         *words != '\0' ? ")" : "", why);
}

struct object *find_target(struct core *core, struct slice target)
{
    struct item it = scan_value(target);
    if (it.kind == ROOST_STR)
        return object_find_name(core, slice_of(it.as.bytes, it.len));
    return it.kind == ROOST_REF ? object_find(core, it.as.u) : NULL;
}

bool read_part(struct call *c, struct slice value, uint32_t target, struct part *p)
{
    struct item head;
    const uint8_t *at = roost__scan_item(value.data, &head);
    p->object = NULL;
    p->len = head.len;
    if (head.kind != ROOST_ARRAY || head.len < 2 || head.len > 4) {
        fail_part(c, p, ROOST_EINVAL, "must be an array of 2 to 4 elements");
        return false;
    }
    for (uint32_t i = 0; i < 4; i++)
        p->item[i] = i < head.len ? scan_next(&at) : slice_of(NULL, 0);
    roost_kind kind = scan_value(p->item[target]).kind;
    p->object = find_target(c->core, p->item[target]);
    if (kind != ROOST_STR && kind != ROOST_REF)
        fail_part(c, p, ROOST_ETYPE, "the target must be an object's name or a reference");
    else if (p->object == NULL)
        fail_part(c, p, ROOST_ENOENT, "no such object, or it was deleted");
    return p->object != NULL;
}

/* ---- conditions ---- */

/* Says in *ret whether the condition holds. Returns 0, or the code of what is wrong with it, and why. */
typedef int condition_holds(struct core *core, const struct condition *q, bool *ret, const char **why);

struct condition_kind {
    const char *name;
    const char *params; /* p path, v value, n number; capitals may be left out */
    condition_holds *holds;
};

static roost_type type_of(const struct condition *q)
{
    return q->part.object->type->code;
}

static bool is_keyed(roost_type type)
{
    return type == ROOST_TYPE_dict || type == ROOST_TYPE_set || type == ROOST_TYPE_namespace;
}

static int wrong_type(const char **why, const char *text)
{
    *why = text;
    return ROOST_ETYPE;
}

static int equals(struct core *core, const struct condition *q, bool *ret, const char **why)
{
    uint8_t bytes[16];
    struct slice value;
    bool inside = scan_value(q->path).len > 0;
    if (type_of(q) == ROOST_TYPE_value && !inside) {
        *ret = value_equal(core, value_bytes(q->part.object, bytes), q->value);
        return ROOST_OK;
    }
    if (!path_root(q->part.object) || !inside)
        return wrong_type(why, "equals is for a value, or a path into a dict, a list or a namespace");
    *ret = path_value(core, q->part.object, q->path, &value) && value_equal(core, value, q->value);
    return ROOST_OK;
}

static bool in_set(struct core *core, struct object *set, struct slice path)
{
    struct key key;
    const uint8_t *p = path.data;
    struct item head;
    p = roost__scan_item(p, &head);
    return key_of(core, scan_next(&p), &key) &&
           keymap_find(&container_of(set, struct keyed, object)->map, &key) != NULL;
}

static int present(struct core *core, const struct condition *q, bool *ret, const char **why)
{
    uint32_t steps = scan_value(q->path).len;
    if (type_of(q) == ROOST_TYPE_set && steps == 1)
        *ret = in_set(core, q->part.object, q->path);
    else if (path_root(q->part.object) && steps > 0)
        *ret = path_leads(core, q->part.object, q->path);
    else
        return wrong_type(
            why,
            "present and absent are for a path into a dict, a list or a namespace, or one value of a set");
    return ROOST_OK;
}

static int absent(struct core *core, const struct condition *q, bool *ret, const char **why)
{
    int rc = present(core, q, ret, why);
    *ret = !*ret;
    return rc;
}

static int token(struct core *core, const struct condition *q, bool *ret, const char **why)
{
    (void)core;
    roost_type type = type_of(q);
    if (type != ROOST_TYPE_lock && type != ROOST_TYPE_rlock && type != ROOST_TYPE_semaphore &&
        type != ROOST_TYPE_bounded_semaphore)
        return wrong_type(why, "token is for locks and semaphores");
    *ret = false;
    list_each (it, &q->part.object->holds)
        *ret = *ret || container_of(it, struct hold, in_object)->token == q->n;
    return ROOST_OK;
}

static int len(struct core *core, const struct condition *q, bool *ret, const char **why)
{
    struct object *o = q->part.object;
    size_t n = 0;
    if (q->path.len > 0 && scan_value(q->path).len > 0) {
        if (!path_root(o))
            return wrong_type(why, "a path begins in a dict, a list or a namespace");
        *ret = path_len(core, o, q->path, &n) && n >= q->n;
        return ROOST_OK;
    }
    if (is_keyed(type_of(q)))
        n = keymap_len(&container_of(o, struct keyed, object)->map);
    else if (type_of(q) == ROOST_TYPE_list)
        n = list_cells(o)->len;
    else if (type_of(q) == ROOST_TYPE_queue)
        n = queue_size(o);
    else
        return wrong_type(why, "len is for dicts, lists, sets, queues and namespaces");
    *ret = n >= q->n;
    return ROOST_OK;
}

/* What a queue that was shut down will never have again is an error, not a reason to wait. */
static int queue_answer(const struct condition *q, bool holds, bool *ret, const char **why)
{
    *ret = holds;
    *why = "the queue was shut down";
    return !holds && queue_is_shut(q->part.object) ? ROOST_ESHUTDOWN : ROOST_OK;
}

static int not_empty(struct core *core, const struct condition *q, bool *ret, const char **why)
{
    (void)core;
    if (type_of(q) != ROOST_TYPE_queue)
        return wrong_type(why, "not_empty is for queues");
    return queue_answer(q, queue_size(q->part.object) > 0, ret, why);
}

static int has_room(struct core *core, const struct condition *q, bool *ret, const char **why)
{
    (void)core;
    if (type_of(q) != ROOST_TYPE_queue)
        return wrong_type(why, "has_room is for queues");
    return queue_answer(q, queue_has_room(q->part.object, q->n), ret, why);
}

static const struct condition_kind kinds[] = {
    {"equals", "pv", equals},    {"present", "p", present}, {"absent", "p", absent},
    {"token", "n", token},       {"len", "nP", len},        {"not_empty", "", not_empty},
    {"has_room", "N", has_room},
};

static const struct condition_kind *kind_of(struct slice name)
{
    struct item it = scan_value(name);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && it.kind == ROOST_STR; i++)
        if (slice_equal(slice_of(it.as.bytes, it.len), slice_str(kinds[i].name)))
            return &kinds[i];
    return NULL;
}

/* Gives the elements behind the target to the kind's parameters. Returns what is wrong, or NULL. */
static const char *take_params(struct condition *q)
{
    const char *params = q->kind->params;
    q->n = 1;
    for (uint32_t i = 2; i < q->part.len; i++, params++) {
        struct item it = scan_value(q->part.item[i]);
        if (*params == '\0')
            return "too many elements";
        if (*params == 'v')
            q->value = q->part.item[i];
        else if ((*params == 'p' || *params == 'P') && it.kind == ROOST_ARRAY)
            q->path = q->part.item[i];
        else if ((*params == 'n' || *params == 'N') && it.kind == ROOST_INT && it.as.i >= 0)
            q->n = it.as.u;
        else
            return *params == 'p' || *params == 'P' ? "the path must be an array"
                                                    : "the number must be an integer >= 0";
    }
    return *params >= 'a' ? "an element is missing" : NULL;
}

static bool read_condition(struct call *c, unsigned index, struct slice value, struct condition *q)
{
    *q = (struct condition){.part = {.what = "condition", .index = index}};
    if (!read_part(c, value, 1, &q->part) || !rights_check(c, q->part.object, RIGHT_READ))
        return false;
    q->kind = kind_of(q->part.item[0]);
    const char *wrong = q->kind == NULL ? "no kind of condition is called that" : take_params(q);
    if (wrong != NULL)
        fail_part(c, &q->part, ROOST_EINVAL, wrong);
    return wrong == NULL;
}

bool conditions_hold(struct call *c, struct slice conditions, bool *ret, struct condition *ret_unmet)
{
    struct item head;
    const uint8_t *p = roost__scan_item(conditions.data, &head);
    *ret = true;
    c->core->starved = false;
    for (uint32_t i = 0; i < head.len; i++) {
        struct condition q;
        bool holds = false;
        const char *why = "";
        if (!read_condition(c, i, scan_next(&p), &q))
            return false;
        int rc = q.kind->holds(c->core, &q, &holds, &why);
        if (rc != ROOST_OK || c->core->starved) {
            rc != ROOST_OK ? fail_part(c, &q.part, rc, why) : fail_memory(c);
            return false;
        }
        if (!holds && *ret)
            *ret_unmet = q;
        *ret = *ret && holds;
    }
    return true;
}
