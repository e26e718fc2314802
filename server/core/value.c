/* value.c: one typed value: an element of a typecode. Every method is O(1). */
#include "core/cell.h"
#include "core/handlers.h"
#include "core/number.h"
#include "core/save.h"
#include "core/undo.h"

struct value_object {
    struct object object;
    const struct typecode *typecode;
    uint8_t element[8];
};

static struct value_object *value_of(const struct object *o)
{
    return (struct value_object *)(uintptr_t)o;
}

static unsigned value_describe(const struct object *o, struct buf *out)
{
    const struct value_object *v = value_of(o);
    roost__put_cstr(out, "typecode");
    roost__put_str(out, slice_of(&v->typecode->code, 1));
    roost__put_cstr(out, "value");
    number_put(v->typecode, v->element, out);
    return 2;
}

static void value_save(const struct object *o, struct buf *out)
{
    const struct value_object *v = value_of(o);
    save_bytes(out, slice_of(&v->typecode->code, 1));
    save_bytes(out, slice_of(v->element, v->typecode->size));
}

static void value_load(struct loader *l, struct object *o)
{
    struct value_object *v = value_of(o);
    v->typecode = roost__typecode_find(load_bytes(l, 1));
    struct slice element = load_bytes(l, sizeof(v->element));
    if (v->typecode == NULL || element.len != v->typecode->size || !number_elements(v->typecode, element))
        load_bad(l, "a value is no number of its typecode");
    else
        memcpy(v->element, element.data, element.len);
}

const struct type type_value = {.code = ROOST_TYPE_value,
                                .size = sizeof(struct value_object),
                                .describe = value_describe,
                                .save = value_save,
                                .load = value_load};

static void open_found(struct call *c, struct value_object *v)
{
    if (arg_given(c, 1) && roost__typecode_find(arg_bytes(c, 1)) != v->typecode)
        fail(c, ROOST_EEXIST, "it exists with typecode '%c'", v->typecode->code);
    else
        reply_ref(c, &v->object);
}

void on_value_open(struct call *c)
{
    bool found;
    const struct typecode *t = arg_given(c, 1) ? roost__typecode_find(arg_bytes(c, 1)) : NULL;
    if (arg_given(c, 1) && t == NULL) {
        fail(c, ROOST_EINVAL, "a typecode is one of " TYPECODES);
        return;
    }
    struct object *o = object_open(c, &type_value, &found);
    if (o == NULL)
        return;
    struct value_object *v = value_of(o);
    if (found) {
        open_found(c, v);
        return;
    }
    v->typecode = t;
    if (t == NULL)
        fail(c, ROOST_EINVAL, "it does not exist, and creating a value needs a typecode");
    else if (!arg_given(c, 2) || number_store(c, t, c->arg[2], v->element)) {
        reply_ref(c, o);
        return;
    }
    object_discard(c->core, o);
}

static void reply_element(struct call *c)
{
    const struct value_object *v = value_of(c->object);
    number_put(v->typecode, v->element, reply_begin(c->core, &c->caller));
    reply_end(c->core, &c->caller);
    c->done = true;
}

void on_value_get(struct call *c)
{
    reply_element(c);
}

/* Sets the element. False: the call has failed. */
static bool replace(struct call *c, struct value_object *v, struct slice value)
{
    if (undo_bytes(c->core, v->element, sizeof(v->element)))
        return number_store(c, v->typecode, value, v->element);
    fail_memory(c);
    return false;
}

void on_value_set(struct call *c)
{
    struct value_object *v = value_of(c->object);
    if (replace(c, v, c->arg[0]))
        reply_nil(c);
}

struct slice value_bytes(const struct object *o, uint8_t *bytes)
{
    const struct value_object *v = value_of(o);
    struct buf b = {.data = bytes, .cap = NUMBER_BYTES_MAX, .max = NUMBER_BYTES_MAX};
    number_put(v->typecode, v->element, &b);
    return buf_slice(&b);
}

void on_value_incr(struct call *c)
{
    struct value_object *v = value_of(c->object);
    uint8_t old[NUMBER_BYTES_MAX], sum[NUMBER_BYTES_MAX];
    size_t len = number_add(c, value_bytes(c->object, old), 0, sum);
    if (len > 0 && replace(c, v, slice_of(sum, len)))
        reply_element(c);
}

void on_value_compare_and_set(struct call *c)
{
    struct value_object *v = value_of(c->object);
    uint8_t now[NUMBER_BYTES_MAX], wanted[8];
    if (!number_store(c, v->typecode, c->arg[1],
                      wanted)) /* a bad value is refused whether it would be set or not */
        return;
    bool equal = value_equal(c->core, value_bytes(c->object, now), c->arg[0]);
    if (c->core->starved || !undo_bytes(c->core, v->element, sizeof(v->element))) {
        fail_memory(c);
        return;
    }
    if (equal)
        memcpy(v->element, wanted, v->typecode->size);
    reply_bool(c, equal);
}
