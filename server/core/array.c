/* array.c: the array: elements of a typecode, side by side, fixed in number. get and set are O(1). */
#include <stdlib.h>

#include "core/handlers.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/range.h"
#include "core/save.h"
#include "core/undo.h"

enum { ARRAY_BYTES_MAX = 1 << 30 };

struct array {
    struct object object;
    const struct typecode *typecode;
    size_t len;
    uint8_t *elements;
};

static struct array *array_of(const struct object *o)
{
    return (struct array *)(uintptr_t)o;
}

static void array_destroy(struct core *core, struct object *o)
{
    const struct array *a = array_of(o);
    if (a->elements != NULL)
        memory_release(core, (a->len + 1) * a->typecode->size);
    free(a->elements);
}

static unsigned array_describe(const struct object *o, struct buf *out)
{
    const struct array *a = array_of(o);
    roost__put_cstr(out, "typecode");
    roost__put_str(out, slice_of(&a->typecode->code, 1));
    roost__put_cstr(out, "len");
    roost__put_uint(out, a->len);
    return 2;
}

static void array_save(const struct object *o, struct buf *out)
{
    const struct array *a = array_of(o);
    save_bytes(out, slice_of(&a->typecode->code, 1));
    save_bytes(out, slice_of(a->elements, a->len * a->typecode->size));
}

static void array_load(struct loader *l, struct object *o)
{
    struct array *a = array_of(o);
    a->typecode = roost__typecode_find(load_bytes(l, 1));
    struct slice elements = load_bytes(l, ARRAY_BYTES_MAX);
    if (a->typecode == NULL || elements.len % a->typecode->size != 0 ||
        !number_elements(a->typecode, elements)) {
        load_bad(l, "an array is not of its typecode");
        return;
    }
    a->len = elements.len / a->typecode->size;
    a->elements = malloc(elements.len + a->typecode->size);
    if (a->elements == NULL) {
        load_no_memory(l);
        return;
    }
    memory_charge(l->core, elements.len + a->typecode->size);
    if (elements.len > 0)
        memcpy(a->elements, elements.data, elements.len);
}

const struct type type_array = {.code = ROOST_TYPE_array,
                                .size = sizeof(struct array),
                                .destroy = array_destroy,
                                .describe = array_describe,
                                .save = array_save,
                                .load = array_load};

static void *element(const struct array *a, size_t i)
{
    return a->elements + i * a->typecode->size;
}

/* The length that argument 2 asks for. False: the call has failed. */
static bool init_len(struct call *c, size_t size, size_t *ret)
{
    struct item it = {.kind = ROOST_NIL};
    if (arg_given(c, 2))
        it = scan_value(c->arg[2]);
    if (it.kind == ROOST_ARRAY)
        *ret = it.len;
    else if (it.kind == ROOST_INT && it.as.i >= 0)
        *ret = (size_t)it.as.i;
    else {
        fail(c, ROOST_EINVAL, "an array needs a length or its values to be created");
        return false;
    }
    if (*ret > ARRAY_BYTES_MAX / size) {
        fail(c, ROOST_ELIMIT, "%zu elements are more than %d bytes", *ret, ARRAY_BYTES_MAX);
        return false;
    }
    return true;
}

/* Stores every element of a checked array of values at p. False: the call has failed. */
static bool store_values(struct call *c, const struct typecode *t, struct slice values, uint8_t *p)
{
    struct item head;
    const uint8_t *at = roost__scan_item(values.data, &head);
    for (uint32_t i = 0; i < head.len; i++)
        if (!number_store(c, t, scan_next(&at), p + (size_t)i * t->size))
            return false;
    return true;
}

static bool init(struct call *c, struct array *a, const struct typecode *t)
{
    a->typecode = t;
    if (!init_len(c, t->size, &a->len))
        return false;
    size_t bytes = (a->len + 1) * t->size;
    a->elements = memory_allows(c->core, bytes) ? calloc(a->len + 1, t->size) : NULL;
    if (a->elements == NULL) {
        fail_memory(c);
        return false;
    }
    memory_charge(c->core, bytes);
    return scan_value(c->arg[2]).kind != ROOST_ARRAY || store_values(c, t, c->arg[2], a->elements);
}

static void open_found(struct call *c, struct array *a, const struct typecode *t)
{
    size_t len = a->len;
    if (arg_given(c, 2) && !init_len(c, a->typecode->size, &len))
        return;
    if ((t != NULL && t != a->typecode) || len != a->len)
        fail(c, ROOST_EEXIST, "it exists with typecode '%c' and %zu elements", a->typecode->code, a->len);
    else
        reply_ref(c, &a->object);
}

void on_array_open(struct call *c)
{
    bool found;
    const struct typecode *t = arg_given(c, 1) ? roost__typecode_find(arg_bytes(c, 1)) : NULL;
    if (arg_given(c, 1) && t == NULL) {
        fail(c, ROOST_EINVAL, "a typecode is one of " TYPECODES);
        return;
    }
    struct object *o = object_open(c, &type_array, &found);
    if (o == NULL)
        return;
    if (found) {
        open_found(c, array_of(o), t);
        return;
    }
    if (t == NULL)
        fail(c, ROOST_EINVAL, "it does not exist, and creating an array needs a typecode");
    else if (init(c, array_of(o), t)) {
        reply_ref(c, o);
        return;
    }
    object_discard(c->core, o);
}

void on_array_get(struct call *c)
{
    const struct array *a = array_of(c->object);
    size_t i;
    if (!index_arg(c, 0, a->len, &i))
        return;
    number_put(a->typecode, element(a, i), reply_begin(c->core, &c->caller));
    reply_end(c->core, &c->caller);
    c->done = true;
}

void on_array_set(struct call *c)
{
    const struct array *a = array_of(c->object);
    size_t i;
    if (!index_arg(c, 0, a->len, &i))
        return;
    if (!undo_bytes(c->core, element(a, i), a->typecode->size))
        fail_memory(c);
    else if (number_store(c, a->typecode, c->arg[1], element(a, i)))
        reply_nil(c);
}

void on_array_slice(struct call *c)
{
    const struct array *a = array_of(c->object);
    struct range r;
    if (!range_arg(c, 0, a->len, &r))
        return;
    struct buf *out = reply_begin(c->core, &c->caller);
    roost__put_array(out, r.count);
    for (size_t k = 0; k < r.count; k++)
        number_put(a->typecode, element(a, range_at(&r, k)), out);
    reply_end(c->core, &c->caller);
    c->done = true;
}

void on_array_set_slice(struct call *c)
{
    const struct array *a = array_of(c->object);
    struct range r;
    if (!range_arg(c, 0, a->len, &r))
        return;
    size_t n = scan_value(c->arg[3]).len, size = a->typecode->size;
    if (n != r.count) {
        fail(c, ROOST_EINVAL, "%zu values for a slice of %zu: an array keeps its length", n, r.count);
        return;
    }
    uint8_t *fresh = calloc(n + 1, size); /* all values are checked before one is replaced */
    if (fresh == NULL) {
        fail_memory(c);
        return;
    }
    bool ok = store_values(c, a->typecode, c->arg[3], fresh);
    for (size_t k = 0; ok && k < n; k++)
        if (undo_bytes(c->core, element(a, range_at(&r, k)), size))
            memcpy(element(a, range_at(&r, k)), fresh + k * size, size);
    free(fresh);
    if (ok)
        reply_nil(c);
}

/* start and count lie inside; else the call has failed. */
static bool inside(struct call *c, const struct array *a, size_t start, size_t count)
{
    if (start <= a->len && count <= a->len - start)
        return true;
    fail(c, ROOST_EINDEX, "%zu elements from %zu are out of range: the length is %zu", count, start, a->len);
    return false;
}

void on_array_read(struct call *c)
{
    const struct array *a = array_of(c->object);
    size_t start = (size_t)arg_int(c, 0, 0);
    size_t count = (size_t)arg_int(c, 1, start <= a->len ? (int64_t)(a->len - start) : 0);
    if (!inside(c, a, start, count))
        return;
    roost__put_bytes(reply_begin(c->core, &c->caller),
                     slice_of(element(a, start), count * a->typecode->size));
    reply_end(c->core, &c->caller);
    c->done = true;
}

void on_array_write(struct call *c)
{
    const struct array *a = array_of(c->object);
    struct slice data = arg_bytes(c, 1);
    size_t start = (size_t)arg_int(c, 0, 0);
    if (data.len % a->typecode->size != 0)
        fail(c, ROOST_EINVAL, "%zu bytes are no whole number of elements of %u", data.len, a->typecode->size);
    else if (!number_elements(a->typecode, data))
        fail(c, ROOST_ERANGE, "the bytes hold a number that is no character");
    else if (inside(c, a, start, data.len / a->typecode->size)) {
        if (undo_bytes(c->core, element(a, start), data.len))
            memcpy(element(a, start), data.data, data.len);
        reply_nil(c);
    }
}

void on_array_len(struct call *c)
{
    reply_int(c, (int64_t)array_of(c->object)->len);
}
