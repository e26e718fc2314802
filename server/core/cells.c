/* cells.c: the ring of cells; see cells.h. */
#include "core/cells.h"

#include <assert.h>
#include <stdlib.h>

#include "core/internal.h"

enum { CAP_MIN = 4 };

static bool resize(struct cells *v, size_t cap)
{
    assert(cap >= v->len);
    struct cell *at = malloc(cap * sizeof(*at));
    if (at == NULL)
        return false;
    for (size_t i = 0; i < v->len; i++)
        at[i] = *cells_get(v, i);
    free(v->at);
    *v = (struct cells){.at = at, .cap = cap, .len = v->len};
    return true;
}

bool cells_reserve(struct cells *v, size_t n)
{
    if (v->cap - v->len >= n)
        return true;
    size_t cap = v->cap < CAP_MIN ? CAP_MIN : v->cap;
    while (cap - v->len < n)
        cap *= 2;
    return resize(v, cap);
}

void cells_trim(struct cells *v, size_t room)
{
    if (v->len + room == 0) {
        free(v->at);
        *v = (struct cells){0};
    } else if (v->cap > 16 && v->len + room < v->cap / 8) {
        (void)resize(v, v->cap / 2); /* without memory it just stays large */
    }
}

void cells_open(struct cells *v, size_t i, size_t n)
{
    assert(i <= v->len && v->cap - v->len >= n);
    size_t behind = v->len - i;
    v->len += n;
    if (i < behind) {
        v->head = (v->head - n) & (v->cap - 1);
        for (size_t k = 0; k < i; k++)
            *cells_get(v, k) = *cells_get(v, k + n);
    } else {
        for (size_t k = 0; k < behind; k++)
            *cells_get(v, v->len - 1 - k) = *cells_get(v, v->len - 1 - k - n);
    }
    for (size_t k = 0; k < n; k++)
        *cells_get(v, i + k) = (struct cell){.len = 0};
}

void cells_take(struct cells *v, size_t i, size_t n)
{
    assert(i + n <= v->len);
    size_t behind = v->len - i - n;
    if (i < behind) {
        for (size_t k = i; k > 0; k--)
            *cells_get(v, k - 1 + n) = *cells_get(v, k - 1);
        v->head = (v->head + n) & (v->cap - 1);
    } else {
        for (size_t k = 0; k < behind; k++)
            *cells_get(v, i + k) = *cells_get(v, i + n + k);
    }
    v->len -= n;
}

void cells_close(struct cells *v, size_t i, size_t n)
{
    cells_take(v, i, n);
    cells_trim(v, 0);
}

void cells_clear(struct core *core, struct cells *v)
{
    for (size_t i = 0; i < v->len; i++)
        cell_free(core, cells_get(v, i));
    free(v->at);
    *v = (struct cells){0};
}

void cells_each_stored(const struct cells *v, void (*visit)(void *context, uint64_t id), void *context)
{
    for (size_t i = 0; i < v->len; i++)
        cell_each_ref(cells_get(v, i), visit, context);
}

int cells_store(struct core *core, struct object *owner, struct slice array, struct cell *ret)
{
    struct item head;
    const uint8_t *p = roost__scan_item(array.data, &head);
    for (uint32_t i = 0; i < head.len; i++) {
        int rc = cell_store(core, owner, scan_next(&p), &ret[i]);
        if (rc != ROOST_OK) {
            while (i > 0)
                cell_free(core, &ret[--i]);
            return rc;
        }
    }
    return ROOST_OK;
}
