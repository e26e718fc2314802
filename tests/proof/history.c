/* history.c: see history.h. */
#include "tests/support/test.h"

#include "tests/proof/history.h"
#include "tests/proof/world.h"

#include <stdlib.h>
#include <sys/mman.h>

struct history *history_new(void)
{
    struct history *h =
        mmap(NULL, sizeof(*h), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(h != MAP_FAILED);
    return h;
}

void history_free(struct history *h)
{
    munmap(h, sizeof(*h));
}

struct op *history_begin(struct history *h, int lane, struct op op)
{
    struct lane *l = &h->lanes[lane];
    int at = atomic_load(&l->len);
    if (at == LANE_OPS)
        return NULL;
    op.invoked = world_now();
    l->ops[at] = op;
    atomic_store(&l->ops[at].state, OP_UNKNOWN);
    atomic_store(&l->len, at + 1);
    return &l->ops[at];
}

void history_end(struct op *op, enum op_state state, int64_t result)
{
    if (state == OP_UNKNOWN)
        return;
    op->returned = world_now();
    op->result = result;
    atomic_store(&op->state, state);
}

bool op_known(const struct op *op)
{
    return atomic_load(&op->state) == OP_DONE;
}

bool history_confirmed(const struct history *h, const struct op *op)
{
    for (int lane = 0; lane < LANES_MAX; lane++)
        for (int i = 0; i < atomic_load(&h->lanes[lane].len); i++) {
            const struct op *later = &h->lanes[lane].ops[i];
            if (later->process == op->process && later->invoked >= op->returned &&
                atomic_load(&later->state) != OP_UNKNOWN)
                return true;
        }
    return false;
}

static int by_invocation(const void *a, const void *b)
{
    const struct op *const *x = a, *const *y = b;
    return ((*x)->invoked > (*y)->invoked) - ((*x)->invoked < (*y)->invoked);
}

const struct op **history_select(const struct history *h, unsigned kinds, int object, size_t *len)
{
    const struct op **all = NULL;
    size_t n = 0, room = 0;
    for (int lane = 0; lane < LANES_MAX; lane++)
        for (int i = 0; i < atomic_load(&h->lanes[lane].len); i++) {
            const struct op *op = &h->lanes[lane].ops[i];
            if (op->object != object || !(kinds >> op->kind & 1) || atomic_load(&op->state) == OP_REFUSED)
                continue;
            if (n == room) {
                room = 2 * room + 64;
                all = realloc(all, room * sizeof(const struct op *));
                assert_non_null(all);
            }
            all[n++] = op;
        }
    if (n > 0)
        qsort(all, n, sizeof(const struct op *), by_invocation);
    *len = n;
    return all;
}

size_t history_count(const struct history *h, enum op_state state)
{
    size_t n = 0;
    for (int lane = 0; lane < LANES_MAX; lane++)
        for (int i = 0; i < atomic_load(&h->lanes[lane].len); i++)
            n += atomic_load(&h->lanes[lane].ops[i].state) == state;
    return n;
}
