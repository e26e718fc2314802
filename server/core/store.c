/* store.c: a queue's items in a ring or a heap; see store.h. */
#include "core/store.h"

#include <assert.h>
#include <stdlib.h>

#include "core/order.h"
#include "core/save.h"
#include "core/undo.h"

struct ranked {
    struct heap_node node;
    struct cell cell;
    int64_t order;
    struct ranked *next; /* of those put by one call, then of spare ones */
};

static struct ranked *ranked_at(const struct heap_node *n)
{
    return container_of((struct heap_node *)(uintptr_t)n, struct ranked, node);
}

static bool ranked_before(const struct heap_node *a, const struct heap_node *b)
{
    const struct ranked *x = ranked_at(a), *y = ranked_at(b);
    int c = order_compare(cell_slice(&x->cell), cell_slice(&y->cell), NULL);
    return c != 0 ? c < 0 : x->order < y->order;
}

void store_init(struct store *s, enum store_kind kind)
{
    s->kind = kind;
    heap_init(&s->heap, ranked_before);
}

void store_free(struct core *core, struct store *s)
{
    store_drain(core, s);
    cells_clear(core, &s->cells);
    roost__heap_free(&s->heap);
}

static bool reserve(struct store *s, size_t n)
{
    n += s->out;
    return s->kind == STORE_PRIORITY ? roost__heap_reserve(&s->heap, n) : cells_reserve(&s->cells, n);
}

/* Takes the items of a chain out and frees their nodes; the items too, unless core is NULL. */
static void unpush_ranked(struct core *core, struct store *s, struct ranked *chain)
{
    while (chain != NULL) {
        struct ranked *r = chain;
        chain = r->next;
        roost__heap_remove(&s->heap, &r->node);
        s->bytes -= r->cell.len;
        if (core != NULL)
            cell_free(core, &r->cell);
        free(r);
    }
}

/* Gives the heap, which has room, new items, which it chains. False without memory, and none is in. */
static bool push_ranked(struct store *s, const struct cell *cells, size_t n, struct ranked **ret_chain)
{
    struct ranked *chain = NULL;
    for (size_t i = 0; i < n; i++) {
        struct ranked *r = malloc(sizeof(*r));
        if (r == NULL) {
            unpush_ranked(NULL, s, chain);
            return false;
        }
        *r = (struct ranked){.cell = cells[i], .order = ++s->last_order, .next = chain};
        s->bytes += cells[i].len;
        heap_node_init(&r->node);
        bool pushed = roost__heap_push(&s->heap, &r->node);
        assert(pushed);
        chain = r;
    }
    *ret_chain = chain;
    return true;
}

/* Where the next item is in the ring. */
static size_t next_at(const struct store *s)
{
    return s->kind == STORE_LIFO ? s->cells.len - 1 : 0;
}

const struct cell *store_peek(const struct store *s)
{
    assert(store_size(s) > 0);
    return s->kind == STORE_PRIORITY ? &ranked_at(heap_first(&s->heap))->cell
                                     : cells_get(&s->cells, next_at(s));
}

static struct cell pop(struct store *s, struct ranked **spare)
{
    struct cell cell = *store_peek(s);
    s->bytes -= cell.len;
    if (s->kind != STORE_PRIORITY) {
        cells_take(&s->cells, next_at(s), 1);
        return cell;
    }
    struct ranked *r = ranked_at(heap_first(&s->heap));
    roost__heap_remove(&s->heap, &r->node);
    r->next = *spare;
    *spare = r;
    return cell;
}

struct cell store_take_out(struct store *s, struct ranked **spare)
{
    s->out++;
    return pop(s, spare);
}

void store_put_back(struct store *s, struct cell cell, struct ranked **spare)
{
    assert(s->out > 0);
    s->out--;
    s->bytes += cell.len;
    if (s->kind == STORE_LIFO) {
        cells_push_back(&s->cells, cell);
    } else if (s->kind == STORE_FIFO) {
        cells_push_front(&s->cells, cell);
    } else {
        struct ranked *r = *spare;
        *spare = r->next;
        *r = (struct ranked){.cell = cell, .order = --s->first_order};
        heap_node_init(&r->node);
        bool pushed = roost__heap_push(&s->heap, &r->node);
        assert(pushed);
    }
}

static void free_spare(struct ranked *spare)
{
    while (spare != NULL) {
        struct ranked *next = spare->next;
        free(spare);
        spare = next;
    }
}

void store_let_go(struct store *s, size_t n, struct ranked *spare)
{
    if (s != NULL) {
        assert(s->out >= n);
        s->out -= n;
        store_trim(s);
    }
    free_spare(spare);
}

void store_trim(struct store *s)
{
    cells_trim(&s->cells, s->out);
}

void store_drain(struct core *core, struct store *s)
{
    struct ranked *spare = NULL;
    while (store_size(s) > 0) {
        struct cell cell = pop(s, &spare);
        cell_free(core, &cell);
    }
    free_spare(spare);
    store_trim(s);
}

void store_each_stored(const struct store *s, void (*visit)(void *context, uint64_t id), void *context)
{
    cells_each_stored(&s->cells, visit, context);
    for (size_t i = 0; i < s->heap.len; i++)
        each_ref(cell_slice(&ranked_at(s->heap.items[i])->cell), visit, context);
}

/* ---- in a transaction: nothing is forgotten before it is through ---- */

static void take_back(struct core *core, struct step *step)
{
    struct store *s = step->where;
    (void)core;
    s->bytes += step->cell.len;
    if (s->kind == STORE_PRIORITY) {
        roost__heap_push(&s->heap, &((struct ranked *)step->what)->node);
        return;
    }
    size_t at = s->kind == STORE_LIFO ? s->cells.len : 0;
    cells_open(&s->cells, at, 1);
    *cells_get(&s->cells, at) = step->cell;
}

static void take_keep(struct core *core, struct step *step)
{
    cell_free(core, &step->cell);
    free(step->what);
}

bool store_take(struct core *core, struct store *s, struct cell *ret)
{
    struct step step = {.back = take_back, .keep = take_keep, .where = s, .cell = *store_peek(s)};
    struct ranked *r = s->kind == STORE_PRIORITY ? ranked_at(heap_first(&s->heap)) : NULL;
    step.what = r;
    if (!undo_log(core, step))
        return false;
    s->bytes -= step.cell.len;
    if (r != NULL)
        roost__heap_remove(&s->heap, &r->node);
    else
        cells_take(&s->cells, next_at(s), 1);
    *ret = step.cell;
    return true;
}

static void put_back(struct core *core, struct step *step)
{
    struct store *s = step->where;
    if (s->kind == STORE_PRIORITY) {
        unpush_ranked(core, s, step->what);
        return;
    }
    for (size_t i = s->cells.len - step->len; i < s->cells.len; i++) {
        s->bytes -= cells_get(&s->cells, i)->len;
        cell_free(core, cells_get(&s->cells, i));
    }
    cells_take(&s->cells, s->cells.len - step->len, step->len);
}

bool store_push_all(struct core *core, struct store *s, const struct cell *cells, size_t n)
{
    bool ranked = s->kind == STORE_PRIORITY;
    struct ranked *chain = NULL;
    if (!reserve(s, n) || (ranked && !push_ranked(s, cells, n, &chain)))
        return false;
    struct step step = {.back = put_back, .where = s, .what = chain, .len = n};
    if (core->undo != NULL && !undo_log(core, step)) {
        unpush_ranked(NULL, s, chain);
        return false;
    }
    for (size_t i = 0; i < n && !ranked; i++) {
        cells_push_back(&s->cells, cells[i]);
        s->bytes += cells[i].len;
    }
    return true;
}

/* ---- saving: the items of a heap as they lie in it, so that they lie there again ---- */

void save_store(struct buf *out, const struct store *s)
{
    save_uint(out, s->kind);
    save_uint(out, store_size(s));
    if (s->kind != STORE_PRIORITY) {
        for (size_t i = 0; i < s->cells.len; i++)
            save_cell(out, cells_get(&s->cells, i));
        return;
    }
    for (size_t i = 0; i < s->heap.len; i++) {
        const struct ranked *r = ranked_at(s->heap.items[i]);
        save_int(out, r->order);
        save_cell(out, &r->cell);
    }
    save_int(out, s->last_order);
    save_int(out, s->first_order);
}

/* Gives the heap, which has room, an item with the order that it had. False without memory. */
static bool push_at(struct store *s, struct cell cell, int64_t order)
{
    struct ranked *chain;
    s->last_order = order - 1;
    return push_ranked(s, &cell, 1, &chain);
}

static void load_item(struct loader *l, struct object *owner, struct store *s)
{
    bool ranked = s->kind == STORE_PRIORITY;
    int64_t order = ranked ? load_int(l) : 0;
    struct cell cell;
    if (order == INT64_MIN)
        load_bad(l, "an item has no order");
    if (!load_cell(l, owner, &cell))
        return;
    if (cell.tree) {
        load_bad(l, "an item of a queue is no plain value");
        cell_free(l->core, &cell);
    } else if (!ranked) {
        cells_push_back(&s->cells, cell);
        s->bytes += cell.len;
    } else if (!push_at(s, cell, order)) {
        load_no_memory(l);
        cell_free(l->core, &cell);
    } else if (ranked_at(s->heap.items[s->heap.len - 1])->order != order) {
        load_bad(l, "the items of a queue are out of their order");
    }
}

void load_store(struct loader *l, struct object *owner, struct store *s)
{
    uint64_t kind = load_uint(l);
    if (kind > STORE_PRIORITY) {
        load_bad(l, "there is no such kind of queue");
        return;
    }
    store_init(s, (enum store_kind)kind);
    size_t n = load_count(l);
    if (!reserve(s, n))
        load_no_memory(l);
    for (; n > 0 && load_good(l); n--)
        load_item(l, owner, s);
    if (s->kind == STORE_PRIORITY) {
        s->last_order = load_int(l);
        s->first_order = load_int(l);
    }
}

bool store_expect(struct store *s, struct ranked **spare)
{
    if (!reserve(s, 1))
        return false;
    if (s->kind == STORE_PRIORITY) {
        struct ranked *r = malloc(sizeof(*r));
        if (r == NULL)
            return false;
        r->next = *spare;
        *spare = r;
    }
    s->out++;
    return true;
}
