/* expiry.c: times to live; see expiry.h. */
#include "core/expiry.h"

#include <assert.h>
#include <stdlib.h>

#include "core/memory.h"

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
    if (x->entry == NULL) {
        object_destroy(core, x->object);
        return;
    }
    object_changed(core, x->object);
    struct object *account = memory_account(core, x->object);
    keymap_remove(core, x->map, x->entry);
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

struct expiry *expiry_new(struct call *c, int64_t ttl_ms)
{
    struct core *core = c->core;
    struct expiry *x = calloc(1, sizeof(*x));
    if (x == NULL || !roost__heap_reserve(&core->expiries, 1)) {
        free(x);
        fail_memory(c);
        return NULL;
    }
    x->at_us = core->now_us + ttl_ms * 1000;
    x->order = ++core->last_order;
    heap_node_init(&x->in_heap);
    roost__heap_push(&core->expiries, &x->in_heap);
    return x;
}

void expiry_of_entry(struct core *core, struct expiry *x, struct object *o, struct keymap *m, struct entry *e)
{
    x->object = o;
    x->map = m;
    x->entry = e;
    entry_set_expiry(core, e, x);
}

void expiry_of_object(struct core *core, struct expiry *x, struct object *o)
{
    x->object = o;
    expiry_free(core, o->expiry);
    o->expiry = x;
}

void expiry_detach(struct core *core, struct expiry *x)
{
    if (x != NULL)
        roost__heap_remove(&core->expiries, &x->in_heap);
}

void expiry_attach(struct core *core, struct expiry *x)
{
    if (x != NULL)
        roost__heap_push(&core->expiries,
                         &x->in_heap); /* never fails: it has been inside, and a heap keeps its room */
}

void expiry_free(struct core *core, struct expiry *x)
{
    expiry_detach(core, x);
    free(x);
}

int64_t expiry_left_ms(const struct core *core, const struct expiry *x)
{
    return x == NULL ? -1 : (x->at_us - core->now_us + 999) / 1000;
}
