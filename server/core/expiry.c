/* expiry.c: times to live; see expiry.h. */
#include "core/expiry.h"

#include <assert.h>
#include <stdlib.h>

#include "core/memory.h"
#include "core/undo.h"

static struct expiry *expiry_at(const struct heap_node *n)
{
    return container_of((struct heap_node *)(uintptr_t)n, struct expiry, in_heap);
}

static bool sooner(const struct heap_node *a, const struct heap_node *b)
{
    const struct expiry *x = expiry_at(a), *y = expiry_at(b);
    return x->at_us != y->at_us ? x->at_us < y->at_us : x->order < y->order;
}

void expiries_init(struct core *core)
{
    heap_init(&core->expiries, sooner);
}

int64_t expiries_next_us(const struct core *core)
{
    const struct heap_node *first = heap_first(&core->expiries);
    return first == NULL ? INT64_MAX : expiry_at(first)->at_us;
}

void expiries_take_first(struct core *core)
{
    struct expiry *x = expiry_at(heap_first(&core->expiries));
    if (x->map == NULL) {
        object_destroy(core, x->object);
        return;
    }
    object_changed(core, x->object);
    struct object *account = memory_account(core, x->object);
    keymap_remove(core, x->map, keymap_numbered(x->map, x->number));
    core->account = account;
}

bool expiry_arg(struct call *c, unsigned i, int64_t *ret)
{
    *ret = arg_int(c, i, 0);
    if (*ret >= 1 && *ret <= (INT64_MAX - c->core->now_us) / 1000)
        return true;
    fail(c, ROOST_EINVAL, "a time to live must be at least 1 ms%s", *ret < 1 ? "" : ", and not that long");
    return false;
}

struct expiry *expiry_new(struct call *c, struct keymap *m, int64_t ttl_ms)
{
    struct core *core = c->core;
    struct expiry *x = calloc(1, sizeof(*x));
    if (x == NULL || !roost__heap_reserve(&core->expiries, 1) ||
        (m != NULL && !roost__hmap_reserve(&m->expiries, 1))) {
        free(x);
        fail_memory(c);
        return NULL;
    }
    x->map = m;
    x->at_us = core->now_us + ttl_ms * 1000;
    x->order = ++core->last_order;
    heap_node_init(&x->in_heap);
    return x;
}

static bool has_number(const struct hnode *n, const void *number)
{
    return container_of((struct hnode *)(uintptr_t)n, struct expiry, by_number)->number ==
           *(const uint64_t *)number;
}

struct expiry *expiry_of(const struct keymap *m, uint64_t number)
{
    struct hnode *n = roost__hmap_find(&m->expiries, hash_u64(number), has_number, &number);
    return n == NULL ? NULL : container_of(n, struct expiry, by_number);
}

/* Both never fail: a new one has its room, an old one had it, and neither heaps nor, but for an empty one
 * (keymap_settle()), tables give it back. NULL is allowed. */
static void attach(struct core *core, struct expiry *x)
{
    if (x == NULL)
        return;
    bool done = roost__heap_push(&core->expiries, &x->in_heap);
    if (x->map != NULL)
        done = roost__hmap_add(&x->map->expiries, &x->by_number) && done;
    assert(done);
}

static void detach(struct core *core, struct expiry *x)
{
    if (x == NULL || !heap_has(&x->in_heap))
        return;
    roost__heap_remove(&core->expiries, &x->in_heap);
    if (x->map != NULL)
        roost__hmap_take(&x->map->expiries, &x->by_number);
}

void expiry_free(struct core *core, struct expiry *x)
{
    detach(core, x);
    free(x);
}

static void exchange_back(struct core *core, struct step *s)
{
    expiry_free(core, expiry_of(s->where, s->at));
    attach(core, s->what);
}

static void exchange_keep(struct core *core, struct step *s)
{
    expiry_free(core, s->what);
}

/* x, or none, in place of the one that an entry has. */
static void exchange(struct core *core, struct keymap *m, uint64_t number, struct expiry *x)
{
    struct expiry *old = expiry_of(m, number);
    struct step s = {.back = exchange_back, .keep = exchange_keep, .where = m, .what = old, .at = number};
    if (core->undo != NULL && !undo_log(core, s)) {
        free(x);
        return;
    }
    detach(core, old);
    if (core->undo == NULL)
        free(old);
    attach(core, x);
}

void expiry_of_entry(struct core *core, struct expiry *x, struct object *o, const struct entry *e)
{
    x->object = o;
    x->number = e->number;
    x->by_number.hash = hash_u64(e->number);
    exchange(core, x->map, e->number, x);
}

bool expiry_take_away(struct core *core, struct keymap *m, uint64_t number)
{
    bool had = expiry_of(m, number) != NULL;
    if (had)
        exchange(core, m, number, NULL);
    return had;
}

void expiry_of_object(struct core *core, struct expiry *x, struct object *o)
{
    x->object = o;
    expiry_free(core, o->expiry);
    o->expiry = x;
    attach(core, x);
}

int64_t expiry_left_ms(const struct core *core, const struct expiry *x)
{
    return x == NULL ? -1 : (x->at_us - core->now_us - 1) / 1000 + 1;
}
