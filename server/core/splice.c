/* splice.c: changes of a list's cells; see splice.h. */
#include "core/splice.h"

#include <stdlib.h>

#include "core/undo.h"

static void insert_back(struct core *core, struct step *s)
{
    struct cells *v = s->where;
    for (size_t k = 0; k < s->len; k++)
        cell_free(core, cells_get(v, s->at + k));
    cells_take(v, s->at, s->len);
}

bool splice_insert(struct core *core, struct cells *v, size_t at, const struct cell *cells, size_t n)
{
    if (core->undo != NULL &&
        !undo_log(core, (struct step){.back = insert_back, .where = v, .at = at, .len = n}))
        return false;
    cells_open(v, at, n);
    for (size_t k = 0; k < n; k++)
        *cells_get(v, at + k) = cells[k];
    return true;
}

static void replace_back(struct core *core, struct step *s)
{
    struct cell *place = cells_get(s->where, s->at);
    cell_free(core, place);
    *place = s->cell;
}

static void replace_keep(struct core *core, struct step *s)
{
    cell_free(core, &s->cell);
}

void splice_replace(struct core *core, struct cells *v, size_t i, struct cell cell)
{
    struct cell *place = cells_get(v, i);
    struct step s = {.back = replace_back, .keep = replace_keep, .where = v, .at = i, .cell = *place};
    if (core->undo != NULL && !undo_log(core, s)) {
        cell_free(core, &cell);
        return;
    }
    *place = cell;
    if (core->undo == NULL)
        cell_free(core, &s.cell);
}

static void remove_back(struct core *core, struct step *s)
{
    const struct cell *old = s->what;
    (void)core;
    cells_open(s->where, s->at, s->len);
    for (size_t k = 0; k < s->len; k++)
        *cells_get(s->where, s->at + k) = old[k];
    free(s->what);
}

static void remove_keep(struct core *core, struct step *s)
{
    struct cell *old = s->what;
    for (size_t k = 0; k < s->len; k++)
        cell_free(core, &old[k]);
    free(old);
}

/* A copy of n cells from index `at`, to be freed. NULL without memory: the transaction has failed. */
static struct cell *copy_cells(struct core *core, const struct cells *v, size_t at, size_t n)
{
    struct cell *copy = malloc((n + 1) * sizeof(*copy));
    for (size_t k = 0; copy != NULL && k < n; k++)
        copy[k] = *cells_get(v, at + k);
    if (copy == NULL)
        core->undo->failed = true;
    return copy;
}

static void remove_for_now(struct core *core, struct cells *v, size_t at, size_t n)
{
    struct step s = {.back = remove_back, .keep = remove_keep, .where = v, .at = at, .len = n};
    s.what = copy_cells(core, v, at, n);
    if (s.what != NULL && undo_log(core, s))
        cells_take(v, at, n);
    else
        free(s.what);
}

static void order_back(struct core *core, struct step *s)
{
    const struct cell *old = s->what;
    (void)core;
    for (size_t k = 0; k < s->len; k++)
        *cells_get(s->where, k) = old[k];
    free(s->what);
}

static void order_keep(struct core *core, struct step *s)
{
    (void)core;
    free(s->what);
}

bool splice_reorder(struct core *core, struct cells *v)
{
    struct step s = {.back = order_back, .keep = order_keep, .where = v, .len = v->len};
    if (core->undo == NULL)
        return true;
    s.what = copy_cells(core, v, 0, v->len);
    if (s.what != NULL && undo_log(core, s))
        return true;
    free(s.what);
    return false;
}

void splice_remove(struct core *core, struct cells *v, size_t at, size_t n)
{
    if (core->undo != NULL) {
        remove_for_now(core, v, at, n);
        return;
    }
    for (size_t k = 0; k < n; k++)
        cell_free(core, cells_get(v, at + k));
    if (n > 0)
        cells_close(v, at, n);
}
