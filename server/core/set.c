/*
 * set.c: the set: a keymap without values. Operations with another collection first read it into a keymap of
 * their own, so each costs the two sizes together.
 */
#include "core/handlers.h"
#include "core/keyed.h"
#include "core/rights.h"
#include "core/undo.h"

const struct type type_set = {.code = ROOST_TYPE_set,
                              .size = sizeof(struct keyed),
                              .destroy = keyed_destroy,
                              .describe = keyed_describe};

/* Adds a key that may be inside already. False: the call has failed. */
static bool add(struct call *c, struct keymap *m, struct slice value)
{
    struct key key;
    if (!key_of(c->core, value, &key)) {
        key_refused(c, value);
        return false;
    }
    bool is_new;
    if (keymap_put(c->core, c->object, m, &key, slice_of(NULL, 0), VALUE_NEW, &is_new) == ROOST_OK)
        return true;
    fail_memory(c);
    return false;
}

static bool contains(const struct core *core, const struct keymap *m, const struct entry *e)
{
    struct key key = key_of_entry(core, e);
    return keymap_find(m, &key) != NULL;
}

static bool add_array(struct call *c, struct keymap *m, struct slice array)
{
    struct item head;
    const uint8_t *p = roost__scan_item(array.data, &head);
    for (uint32_t i = 0; i < head.len; i++)
        if (!add(c, m, scan_next(&p)))
            return false;
    return true;
}

static bool add_set(struct call *c, struct keymap *m, uint64_t id)
{
    const struct object *o = object_find(c->core, id);
    if (o == NULL || o->type != &type_set) {
        fail(c, o == NULL ? ROOST_ENOENT : ROOST_ETYPE, "the reference leads to no set");
        return false;
    }
    if (!rights_check(c, o, RIGHT_READ))
        return false;
    const struct keymap *from = &((const struct keyed *)(const void *)o)->map;
    keymap_each (at, from)
        if (!add(c, m, entry_key(keymap_at(from, at))))
            return false;
    return true;
}

/* Reads the collection of argument 0 into other. False: the call has failed, other is empty again. */
static bool read_other(struct call *c, struct keymap *other)
{
    keymap_init(other);
    struct item it = scan_value(c->arg[0]);
    bool ok = it.kind == ROOST_ARRAY ? add_array(c, other, c->arg[0]) : add_set(c, other, it.as.u);
    if (!ok)
        keymap_clear(c->core, other);
    return ok;
}

void on_set_open(struct call *c)
{
    bool found;
    struct object *o = object_open(c, &type_set, &found);
    if (o == NULL)
        return;
    struct keymap *m = keyed_map(o);
    if (!found) {
        keymap_init(m);
        m->live = true;
        if (arg_given(c, 1) && !add_array(c, m, c->arg[1])) {
            object_discard(c->core, o);
            return;
        }
    }
    reply_ref(c, o);
}

void on_set_add(struct call *c)
{
    size_t before = keymap_len(map_of(c));
    if (add(c, map_of(c), c->arg[0]))
        reply_bool(c, keymap_len(map_of(c)) > before);
}

/* Removes argument 0. Returns whether it was there; *ret_failed: the call has failed. */
static bool take_out(struct call *c, bool *ret_failed)
{
    struct key key;
    *ret_failed = !key_arg(c, 0, &key);
    struct entry *e = *ret_failed ? NULL : keymap_find(map_of(c), &key);
    if (e != NULL)
        keymap_remove(c->core, map_of(c), e);
    return e != NULL;
}

void on_set_discard(struct call *c)
{
    bool failed;
    bool was_there = take_out(c, &failed);
    if (!failed)
        reply_bool(c, was_there);
}

void on_set_remove(struct call *c)
{
    bool failed;
    bool was_there = take_out(c, &failed);
    if (!failed)
        was_there ? reply_nil(c) : fail(c, ROOST_EKEY, "the value is not in the set");
}

void on_set_pop(struct call *c)
{
    struct keymap *m = map_of(c);
    if (keymap_len(m) == 0) {
        fail(c, ROOST_EKEY, "the set is empty");
        return;
    }
    struct entry *first = keymap_at(m, m->first);
    reply_raw(c, entry_key(first));
    keymap_remove(c->core, m, first);
}

/* Appends the keys of m that are (not) in other; returns how many. */
static size_t put_keys(const struct call *c, struct buf *out, const struct keymap *m,
                       const struct keymap *other, bool in)
{
    size_t n = 0;
    keymap_each (at, m) {
        const struct entry *e = keymap_at(m, at);
        if (other != NULL && contains(c->core, other, e) != in)
            continue;
        struct slice key = entry_key(e);
        if (out != NULL)
            buf_append(out, key.data, key.len);
        n++;
    }
    return n;
}

/* Replies with the keys of ours that are (not) in other and, with theirs, the keys of other that are not in
 * ours. */
static void reply_combined(struct call *c, bool all_ours, bool in, bool theirs)
{
    struct keymap other, *ours = map_of(c);
    if (!read_other(c, &other))
        return;
    const struct keymap *filter = all_ours ? NULL : &other;
    size_t n = put_keys(c, NULL, ours, filter, in);
    if (theirs)
        n += put_keys(c, NULL, &other, ours, false);
    struct buf *out = reply_begin(c->core, &c->caller);
    roost__put_array(out, n);
    put_keys(c, out, ours, filter, in);
    if (theirs)
        put_keys(c, out, &other, ours, false);
    reply_end(c->core, &c->caller);
    c->done = true;
    keymap_clear(c->core, &other);
}

void on_set_union(struct call *c)
{
    reply_combined(c, true, false, true);
}

void on_set_intersection(struct call *c)
{
    reply_combined(c, false, true, false);
}

void on_set_difference(struct call *c)
{
    reply_combined(c, false, false, false);
}

void on_set_symmetric_difference(struct call *c)
{
    reply_combined(c, false, false, true);
}

/* Removes from ours what is (not) in other. */
static void remove_where(struct call *c, struct keymap *ours, const struct keymap *other, bool in)
{
    keymap_each (at, ours) {
        struct entry *e = keymap_at(ours, at);
        if (contains(c->core, other, e) == in)
            keymap_take(c->core, ours, e);
    }
    keymap_settle(c->core, ours);
}

/* Adds other's keys to ours. False: the call has failed; the caller takes back what was added before. */
static bool add_keys(struct call *c, struct keymap *ours, const struct keymap *other)
{
    keymap_each (at, other)
        if (!add(c, ours, entry_key(keymap_at(other, at))))
            return false;
    return true;
}

void on_set_update(struct call *c)
{
    struct keymap other;
    if (!read_other(c, &other))
        return;
    struct undo undo;
    undo_begin(c->core, &undo);
    bool ok = add_keys(c, map_of(c), &other);
    undo_end(c->core, &undo, ok);
    if (ok)
        reply_nil(c);
    keymap_clear(c->core, &other);
}

static void keep_where(struct call *c, bool in_other)
{
    struct keymap other;
    if (!read_other(c, &other))
        return;
    remove_where(c, map_of(c), &other, !in_other);
    keymap_clear(c->core, &other);
    reply_nil(c);
}

void on_set_intersection_update(struct call *c)
{
    keep_where(c, true);
}

void on_set_difference_update(struct call *c)
{
    keep_where(c, false);
}

void on_set_symmetric_difference_update(struct call *c)
{
    struct keymap other, *ours = map_of(c);
    if (!read_other(c, &other))
        return;
    struct undo undo;
    undo_begin(c->core, &undo);
    keymap_each (at, &other) {
        struct entry *e = keymap_at(&other, at);
        struct key key = key_of_entry(c->core, e);
        struct entry *both = keymap_find(ours, &key);
        if (both == NULL)
            continue;
        keymap_take(c->core, ours, both);
        keymap_take(c->core, &other, e);
    }
    bool ok = add_keys(c, ours, &other);
    if (ok && c->core->undo->failed) {
        fail_memory(c);
        ok = false;
    }
    undo_end(c->core, &undo, ok);
    if (ok)
        reply_nil(c);
    keymap_clear(c->core, &other);
}

enum relation { SUBSET, SUPERSET, DISJOINT };

static void reply_relation(struct call *c, enum relation relation)
{
    struct keymap other, *ours = map_of(c);
    if (!read_other(c, &other))
        return;
    size_t both = put_keys(c, NULL, ours, &other, true);
    size_t want = relation == SUBSET ? keymap_len(ours) : relation == SUPERSET ? keymap_len(&other) : 0;
    keymap_clear(c->core, &other);
    reply_bool(c, both == want);
}

void on_set_issubset(struct call *c)
{
    reply_relation(c, SUBSET);
}

void on_set_issuperset(struct call *c)
{
    reply_relation(c, SUPERSET);
}

void on_set_isdisjoint(struct call *c)
{
    reply_relation(c, DISJOINT);
}
