/* sort.c: list.sort and list.reverse. */
#include <stdlib.h>

#include "core/list.h"
#include "core/order.h"
#include "core/splice.h"

void on_list_reverse(struct call *c)
{
    struct cells *v = list_cells_of(c);
    if (!splice_reorder(c->core, v)) {
        fail_memory(c);
        return;
    }
    for (size_t i = 0, j = v->len; i + 1 < j; i++) {
        j--;
        struct cell swap = *cells_get(v, i);
        *cells_get(v, i) = *cells_get(v, j);
        *cells_get(v, j) = swap;
    }
    reply_nil(c);
}

struct sortable {
    struct cell cell;
    struct slice encoded; /* of a tree */
    size_t place;         /* makes the sort stable */
};

struct sort_state {
    bool reverse;
    bool strict;
};

/* Borrowed from x, which the sort moves. */
static struct slice sort_value(const struct sortable *x)
{
    return x->cell.tree ? x->encoded : cell_slice(&x->cell);
}

static int sort_compare(const void *a, const void *b, void *data)
{
    const struct sortable *x = a, *y = b;
    struct sort_state *state = data;
    int c = order_compare(sort_value(x), sort_value(y), &state->strict);
    if (c != 0)
        return state->reverse ? -c : c;
    return x->place < y->place ? -1 : 1;
}

/* Encodes the trees among the items into a buffer. False without memory. */
static bool encode_trees(struct sortable *items, size_t n, struct buf *trees)
{
    for (size_t i = 0; i < n; i++)
        if (items[i].cell.tree)
            cell_put(&items[i].cell, trees);
    const uint8_t *p = trees->data;
    for (size_t i = 0; i < n && !trees->failed; i++)
        if (items[i].cell.tree)
            items[i].encoded = scan_next(&p);
    return !trees->failed;
}

/* Sorts items; *ret_strict: all could be compared. False without memory. */
static bool sort_items(struct sortable *items, size_t n, bool reverse, bool *ret_strict)
{
    struct sort_state state = {.reverse = reverse, .strict = true};
    struct buf trees = buf_make(SIZE_MAX / 2);
    bool ok = encode_trees(items, n, &trees);
    if (ok)
        qsort_r(items, n, sizeof(*items), sort_compare, &state);
    roost__buf_free(&trees);
    *ret_strict = state.strict;
    return ok;
}

void on_list_sort(struct call *c)
{
    struct cells *v = list_cells_of(c);
    bool strict = true;
    struct sortable *items = calloc(v->len + 1, sizeof(*items));
    for (size_t i = 0; items != NULL && i < v->len; i++)
        items[i] = (struct sortable){.cell = *cells_get(v, i), .place = i};
    if (items == NULL || !sort_items(items, v->len, arg_bool(c, 0, false), &strict)) {
        free(items);
        fail_memory(c);
        return;
    }
    if (strict && splice_reorder(c->core, v))
        for (size_t i = 0; i < v->len; i++)
            *cells_get(v, i) = items[i].cell;
    free(items);
    if (strict)
        reply_nil(c);
    else
        fail(c, ROOST_ETYPE, "the list holds values that have no order among each other");
}
