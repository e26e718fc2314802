/*
 * list.c: the list: a ring of cells (cells.h). get, set, append and pop at either end are O(1); insert,
 * delete and pop elsewhere move the shorter side, 16 bytes an element.
 */
#include <assert.h>
#include <stdlib.h>

#include "core/list.h"
#include "core/range.h"
#include "core/splice.h"

struct cells *list_cells(struct object *o)
{
    return &container_of(o, struct list_object, object)->cells;
}

static void list_destroy(struct core *core, struct object *o)
{
    cells_clear(core, list_cells(o));
}

static unsigned list_describe(const struct object *o, struct buf *out)
{
    roost__put_cstr(out, "len");
    roost__put_uint(out, ((const struct list_object *)(const void *)o)->cells.len);
    return 1;
}

static void list_each_stored(const struct object *o, void (*visit)(void *context, uint64_t id), void *context)
{
    cells_each_stored(&((const struct list_object *)(const void *)o)->cells, visit, context);
}

const struct type type_list = {.code = ROOST_TYPE_list,
                               .size = sizeof(struct list_object),
                               .destroy = list_destroy,
                               .describe = list_describe,
                               .each_stored = list_each_stored};

/* Stores the array argument i into the places at..at+n that are to be opened. False: the call has failed. */
static bool insert_values(struct call *c, struct object *o, struct cells *v, size_t at, unsigned i)
{
    size_t n = scan_value(c->arg[i]).len;
    struct cell *fresh = calloc(n + 1, sizeof(*fresh));
    int rc = fresh != NULL && cells_reserve(v, n) ? cells_store(c->core, o, c->arg[i], fresh) : ROOST_ENOMEM;
    if (rc == ROOST_OK && !splice_insert(c->core, v, at, fresh, n)) {
        rc = ROOST_ENOMEM;
        for (size_t k = 0; k < n; k++)
            cell_free(c->core, &fresh[k]);
    }
    free(fresh);
    if (rc != ROOST_OK)
        fail_store(c, rc);
    return rc == ROOST_OK;
}

void on_list_open(struct call *c)
{
    bool found;
    struct object *o = object_open(c, &type_list, &found);
    if (o == NULL)
        return;
    struct cells *v = list_cells(o);
    if (!found && arg_given(c, 1) && !insert_values(c, o, v, 0, 1)) {
        object_discard(c->core, o);
        return;
    }
    reply_ref(c, o);
}

static void insert_one(struct call *c, size_t at, unsigned i)
{
    struct cells *v = list_cells_of(c);
    struct cell cell;
    int rc = cells_reserve(v, 1) ? cell_store(c->core, c->object, c->arg[i], &cell) : ROOST_ENOMEM;
    if (rc == ROOST_OK && !splice_insert(c->core, v, at, &cell, 1)) {
        cell_free(c->core, &cell);
        rc = ROOST_ENOMEM;
    }
    rc == ROOST_OK ? reply_nil(c) : fail_store(c, rc);
}

void on_list_append(struct call *c)
{
    insert_one(c, list_cells_of(c)->len, 0);
}

void on_list_extend(struct call *c)
{
    if (insert_values(c, c->object, list_cells_of(c), list_cells_of(c)->len, 0))
        reply_nil(c);
}

void on_list_insert(struct call *c)
{
    insert_one(c, index_clamp(arg_int(c, 0, 0), list_cells_of(c)->len), 1);
}

void on_list_pop(struct call *c)
{
    struct cells *v = list_cells_of(c);
    size_t i;
    if (index_arg(c, 0, v->len, &i) && reply_cell(c, cells_get(v, i)))
        splice_remove(c->core, v, i, 1);
}

void on_list_get(struct call *c)
{
    size_t i;
    if (index_arg(c, 0, list_cells_of(c)->len, &i))
        reply_cell(c, cells_get(list_cells_of(c), i));
}

void on_list_set(struct call *c)
{
    size_t i;
    if (!index_arg(c, 0, list_cells_of(c)->len, &i))
        return;
    struct cell cell;
    int rc = cell_store(c->core, c->object, c->arg[1], &cell);
    if (rc != ROOST_OK) {
        fail_store(c, rc);
        return;
    }
    splice_replace(c->core, list_cells_of(c), i, cell);
    reply_nil(c);
}

void on_list_delete(struct call *c)
{
    size_t i;
    if (!index_arg(c, 0, list_cells_of(c)->len, &i))
        return;
    splice_remove(c->core, list_cells_of(c), i, 1);
    reply_nil(c);
}

static void reply_range(struct call *c, const struct range *r)
{
    struct buf *out = reply_begin(c->core, &c->caller);
    roost__put_array(out, r->count);
    for (size_t k = 0; k < r->count; k++)
        put_cell(c->core, &c->caller, out, cells_get(list_cells_of(c), range_at(r, k)));
    reply_end(c->core, &c->caller);
    c->done = true;
}

void on_list_slice(struct call *c)
{
    struct range r;
    if (range_arg(c, 0, list_cells_of(c)->len, &r))
        reply_range(c, &r);
}

void on_list_copy(struct call *c)
{
    reply_range(c, &(struct range){.start = 0, .step = 1, .count = list_cells_of(c)->len});
}

/* l[a:b] = values: the new ones go in before the old ones come out, so that a failure changes nothing. */
static void replace_run(struct call *c, const struct range *r)
{
    struct cells *v = list_cells_of(c);
    size_t at = (size_t)r->start;
    if (!insert_values(c, c->object, v, at, 3))
        return;
    splice_remove(c->core, v, at + scan_value(c->arg[3]).len, r->count);
    reply_nil(c);
}

static void replace_steps(struct call *c, const struct range *r)
{
    size_t n = scan_value(c->arg[3]).len;
    if (n != r->count) {
        fail(c, ROOST_EINVAL, "%zu values for an extended slice of %zu", n, r->count);
        return;
    }
    struct cell *fresh = calloc(n + 1, sizeof(*fresh));
    int rc = fresh != NULL ? cells_store(c->core, c->object, c->arg[3], fresh) : ROOST_ENOMEM;
    for (size_t k = 0; k < n && rc == ROOST_OK; k++)
        splice_replace(c->core, list_cells_of(c), range_at(r, k), fresh[k]);
    free(fresh);
    rc == ROOST_OK ? reply_nil(c) : fail_store(c, rc);
}

void on_list_set_slice(struct call *c)
{
    struct range r;
    if (!range_arg(c, 0, list_cells_of(c)->len, &r))
        return;
    r.step == 1 ? replace_run(c, &r) : replace_steps(c, &r);
}

/* Moves the cells of a range to the end, in one pass, the others keeping their order. False without memory.
 */
static bool gather(struct call *c, struct cells *v, const struct range *r)
{
    struct cell *gone = calloc(r->count + 1, sizeof(*gone));
    if (gone == NULL || !splice_reorder(c->core, v)) {
        free(gone);
        fail_memory(c);
        return false;
    }
    for (size_t k = 0; k < r->count; k++) {
        gone[k] = *cells_get(v, range_at(r, k));
        *cells_get(v, range_at(r, k)) = (struct cell){.len = 0};
    }
    size_t kept = 0;
    for (size_t i = 0; i < v->len; i++)
        if (cells_get(v, i)->len > 0)
            *cells_get(v, kept++) = *cells_get(v, i);
    assert(kept == v->len - r->count);
    for (size_t k = 0; k < r->count; k++)
        *cells_get(v, kept + k) = gone[k];
    free(gone);
    return true;
}

void on_list_delete_slice(struct call *c)
{
    struct cells *v = list_cells_of(c);
    struct range r;
    if (!range_arg(c, 0, v->len, &r))
        return;
    if (r.step == 1) {
        splice_remove(c->core, v, (size_t)r.start, r.count);
        reply_nil(c);
        return;
    }
    if (!gather(c, v, &r))
        return;
    splice_remove(c->core, v, v->len - r.count, r.count);
    reply_nil(c);
}

/* Where the value of argument 0 is first in [from, to), or SIZE_MAX. Good unless the core is starved. */
static size_t find_value(struct call *c, size_t from, size_t to)
{
    struct cells *v = list_cells_of(c);
    for (size_t i = from; i < to && i < v->len; i++)
        if (cell_equal(c->core, cells_get(v, i), c->arg[0]))
            return i;
    return SIZE_MAX;
}

static void fail_value(struct call *c)
{
    fail(c, ROOST_EKEY, "the value is not in the list");
}

void on_list_index(struct call *c)
{
    size_t len = list_cells_of(c)->len;
    size_t i = find_value(c, index_clamp(arg_int(c, 1, 0), len), index_clamp(arg_int(c, 2, INT64_MAX), len));
    if (c->core->starved)
        fail_memory(c);
    else
        i == SIZE_MAX ? fail_value(c) : reply_int(c, (int64_t)i);
}

void on_list_count(struct call *c)
{
    struct cells *v = list_cells_of(c);
    int64_t n = 0;
    for (size_t i = 0; i < v->len; i++)
        n += cell_equal(c->core, cells_get(v, i), c->arg[0]);
    c->core->starved ? fail_memory(c) : reply_int(c, n);
}

void on_list_contains(struct call *c)
{
    bool there = find_value(c, 0, SIZE_MAX) != SIZE_MAX;
    c->core->starved ? fail_memory(c) : reply_bool(c, there);
}

void on_list_remove(struct call *c)
{
    size_t i = find_value(c, 0, SIZE_MAX);
    if (c->core->starved || i == SIZE_MAX) {
        c->core->starved ? fail_memory(c) : fail_value(c);
        return;
    }
    splice_remove(c->core, list_cells_of(c), i, 1);
    reply_nil(c);
}

void on_list_clear(struct call *c)
{
    splice_remove(c->core, list_cells_of(c), 0, list_cells_of(c)->len);
    reply_nil(c);
}

void on_list_len(struct call *c)
{
    reply_int(c, (int64_t)list_cells_of(c)->len);
}
