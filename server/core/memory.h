/*
 * memory.h: what the objects take, counted, so that memory_max can refuse what would pass it.
 *
 * Counted are the bytes of values, keys, names and elements, and a constant for each thing around them: not
 * what the allocator makes of it, so that the same events come to the same sum everywhere. What is refused
 * looks to its caller like memory that is not there: the way back is the one that every allocation has, and
 * only the words differ (fail_memory()). Only what a client adds is refused; moves of what is there, answers
 * and removals are charged without asking.
 *
 * Invariants: what was charged is released once; core->account is the object that bytes belong to which are
 * charged or released now, and object->bytes the sum of them. Called by whoever allocates or frees for
 * objects.
 */
#ifndef ROOST_CORE_MEMORY_H
#define ROOST_CORE_MEMORY_H

#include "core/internal.h"

/* About what each takes with its place in tables, lists and heaps. */
enum {
    COST_CELL = 32,  /* and its bytes */
    COST_ENTRY = 64, /* and its key and value; its place in a keymap with it, not the room kept free there */
    COST_SLOT = 160, /* of a keyed lock, and its key */
    COST_OBJECT = 512, /* and its name */
    COST_TREE = 128,
    COST_REF = 128, /* of a session to an object */
    COST_WAITER = 320,
    COST_HOLD = 192,
    COST_DELIVERY = 96, /* and its items, as cells */
    COST_SESSION = 640,
    COST_KEPT = 64
};

/* All of it. */
static inline uint64_t memory_used(const struct core *core)
{
    return core->stored + core->kept_bytes + core->kept_count * COST_KEPT + core->waiter_count * COST_WAITER +
           core->hold_count * COST_HOLD + core->delivery_count * COST_DELIVERY +
           core->session_count * COST_SESSION + core->ref_count * COST_REF;
}

static inline void memory_charge(struct core *core, uint64_t n)
{
    core->stored += n;
    if (core->account != NULL) {
        core->account->bytes += n;
        core->bytes_by_type[core->account->type->code] += n;
    }
}

static inline void memory_release(struct core *core, uint64_t n)
{
    assert(core->stored >= n);
    core->stored -= n;
    if (core->account != NULL) {
        assert(core->account->bytes >= n);
        core->account->bytes -= n;
        core->bytes_by_type[core->account->type->code] -= n;
    }
}

/* Is there room for n more? False: core->over says which limit is in the way. */
static inline bool memory_allows(struct core *core, uint64_t n)
{
    uint64_t max = (uint64_t)core->limits.memory_max;
    if (max == 0 || memory_used(core) + n <= max)
        return true;
    core->over = "memory_max";
    return false;
}

/* Whose bytes come next; returns who had the account, to be given it back. */
static inline struct object *memory_account(struct core *core, struct object *o)
{
    struct object *was = core->account;
    core->account = o;
    return was;
}

/* The limit of that name, as a number for messages. */
int64_t limit_named(const struct core *core, const char *name);

#endif
