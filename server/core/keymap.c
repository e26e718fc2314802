/* keymap.c: the insertion-ordered map; see keymap.h. */
#include "core/keymap.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

#include "core/expiry.h"
#include "core/handlers.h"
#include "core/memory.h"
#include "core/order.h"
#include "core/tree.h"
#include "core/undo.h"

void keymap_init(struct keymap *m)
{
    *m = (struct keymap){0};
    list_init(&m->order);
}

static void entry_free(struct core *core, struct entry *e)
{
    cell_free(core, &e->value);
    expiry_free(core, e->expiry);
    memory_release(core, COST_ENTRY + e->key_len + e->shown_len);
    free(e);
}

void keymap_clear(struct core *core, struct keymap *m)
{
    list_each_safe (it, &m->order)
        entry_free(core, entry_of(it));
    roost__hmap_free(&m->table);
    sequence_clear(&m->sequence);
    list_init(&m->order);
}

bool key_of(struct core *core, struct slice v, struct key *ret)
{
    if (order_no_key(v))
        return false;
    if ((int64_t)v.len > core->limits.key_max) {
        core->over = "key_max";
        return false;
    }
    struct slice canonical = order_canonical(v, &core->scratch);
    if (canonical.len == 0) {
        core->starved = true;
        return false;
    }
    *ret = (struct key){.canonical = canonical, .shown = v};
    _Static_assert(crypto_shorthash_BYTES == sizeof(ret->hash), "a hash fills a word");
    crypto_shorthash((unsigned char *)&ret->hash, canonical.data, canonical.len, core->hash_key);
    return true;
}

void key_refused(struct call *c, struct slice v)
{
    if (order_no_key(v))
        fail(c, ROOST_ETYPE, "a map or a reference cannot be (in) a key");
    else
        fail_memory(c);
}

bool key_arg(struct call *c, unsigned i, struct key *ret)
{
    if (key_of(c->core, c->arg[i], ret))
        return true;
    key_refused(c, c->arg[i]);
    return false;
}

static struct entry *entry_at(const struct hnode *n)
{
    return container_of((struct hnode *)(uintptr_t)n, struct entry, node);
}

static bool entry_has_key(const struct hnode *n, const void *key)
{
    const struct entry *e = entry_at(n);
    return slice_equal(slice_of(e->bytes, e->key_len), ((const struct key *)key)->canonical);
}

struct entry *keymap_find(const struct keymap *m, const struct key *key)
{
    struct hnode *n = roost__hmap_find(&m->table, key->hash, entry_has_key, key);
    return n == NULL ? NULL : entry_at(n);
}

/* ---- changes, and how a transaction takes them back ---- */

static void unlink_entry(struct core *core, struct keymap *m, struct entry *e)
{
    sequence_remove(m, e, core->undo == NULL);
    if (core->undo != NULL)
        roost__hmap_take(&m->table, &e->node);
    else
        roost__hmap_remove(&m->table, &e->node);
    list_remove(&e->in_order);
}

static void add_back(struct core *core, struct step *s)
{
    struct keymap *m = s->where;
    struct entry *e = s->what;
    sequence_remove(m, e, false);
    roost__hmap_take(&m->table, &e->node);
    list_remove(&e->in_order);
    entry_free(core, e);
}

static void remove_back(struct core *core, struct step *s)
{
    struct entry *e = s->what;
    (void)core;
    roost__hmap_add(&((struct keymap *)s->where)->table, &e->node);
    list_insert_before(s->next, &e->in_order);
    sequence_put_back(s->where, e);
}

static void remove_keep(struct core *core, struct step *s)
{
    entry_free(core, s->what);
}

static void replace_back(struct core *core, struct step *s)
{
    struct entry *e = s->what;
    cell_free(core, &e->value);
    e->value = s->cell;
}

static void replace_keep(struct core *core, struct step *s)
{
    cell_free(core, &s->cell);
}

static void expiry_back(struct core *core, struct step *s)
{
    struct entry *e = s->where;
    expiry_free(core, e->expiry);
    e->expiry = s->what;
    expiry_attach(core, e->expiry);
}

static void expiry_keep(struct core *core, struct step *s)
{
    expiry_free(core, s->what);
}

struct entry *keymap_add(struct core *core, struct keymap *m, const struct key *key)
{
    assert(key->canonical.len > 0);
    bool same = slice_equal(key->canonical, key->shown);
    size_t shown_len = same ? 0 : key->shown.len;
    if (m->live && !memory_allows(core, COST_ENTRY + key->canonical.len + shown_len))
        return NULL;
    struct entry *e = malloc(sizeof(*e) + key->canonical.len + shown_len);
    if (e == NULL || !roost__hmap_reserve(&m->table, 1) || !sequence_add(&m->sequence, e)) {
        free(e);
        return NULL;
    }
    e->node.hash = key->hash;
    e->value = (struct cell){.len = 0};
    e->expiry = NULL;
    e->key_len = (uint32_t)key->canonical.len;
    e->shown_len = (uint32_t)shown_len;
    memcpy(e->bytes, key->canonical.data, key->canonical.len);
    if (!same)
        memcpy(e->bytes + e->key_len, key->shown.data, shown_len);
    roost__hmap_add(&m->table, &e->node);
    list_push_back(&m->order, &e->in_order);
    memory_charge(core, COST_ENTRY + key->canonical.len + shown_len);
    struct step s = {.back = add_back, .where = m, .what = e};
    if (core->undo != NULL && m->live && !undo_log(core, s)) {
        add_back(core, &s);
        return NULL;
    }
    return e;
}

void keymap_remove(struct core *core, struct keymap *m, struct entry *e)
{
    struct step s = {
        .back = remove_back, .keep = remove_keep, .where = m, .what = e, .next = e->in_order.next};
    bool logged = core->undo != NULL && m->live;
    if (logged && !undo_log(core, s))
        return;
    unlink_entry(core, m, e);
    if (!logged)
        entry_free(core, e);
}

int entry_replace(struct core *core, struct object *owner, struct entry *e, struct slice value)
{
    struct cell cell;
    int rc = cell_store(core, owner, value, &cell);
    if (rc != ROOST_OK)
        return rc;
    struct step s = {.back = replace_back, .keep = replace_keep, .what = e, .cell = e->value};
    if (core->undo != NULL && !undo_log(core, s)) {
        cell_free(core, &cell);
        return ROOST_ENOMEM;
    }
    e->value = cell;
    if (core->undo == NULL)
        cell_free(core, &s.cell);
    return ROOST_OK;
}

void entry_set_expiry(struct core *core, struct entry *e, struct expiry *x)
{
    struct step s = {.back = expiry_back, .keep = expiry_keep, .where = e, .what = e->expiry};
    if (core->undo == NULL) {
        expiry_free(core, e->expiry);
        e->expiry = x;
    } else if (undo_log(core, s)) {
        expiry_detach(core, e->expiry);
        e->expiry = x;
    } else {
        expiry_free(core, x);
    }
}

bool entry_persist(struct core *core, struct entry *e)
{
    bool had = e->expiry != NULL;
    if (had)
        entry_set_expiry(core, e, NULL);
    return had;
}

int keymap_set(struct core *core, struct object *owner, struct keymap *m, const struct key *key,
               struct slice value, bool *ret_new)
{
    struct entry *e = keymap_find(m, key);
    bool is_new = e == NULL;
    if (is_new)
        e = keymap_add(core, m, key);
    int rc = e != NULL ? entry_replace(core, owner, e, value) : ROOST_ENOMEM;
    if (rc == ROOST_OK) {
        entry_persist(core, e);
        *ret_new = is_new;
    } else if (is_new && e != NULL) {
        keymap_remove(core, m, e);
    }
    return rc;
}

void keymap_each_stored(const struct keymap *m, void (*visit)(void *context, uint64_t id), void *context)
{
    list_each (it, &m->order)
        cell_each_ref(&entry_of(it)->value, visit, context);
}

/* Fails the call when a pair of the map could not be stored. */
static bool check_pairs(struct call *c, struct slice map)
{
    struct item head;
    const uint8_t *p = roost__scan_item(map.data, &head);
    for (uint32_t i = 0; i < head.len; i++) {
        struct slice key = scan_next(&p);
        scan_next(&p);
        if (order_no_key(key)) {
            key_refused(c, key);
            return false;
        }
    }
    return true;
}

static int set_pairs(struct core *core, struct object *owner, struct keymap *m, struct slice map,
                     int64_t *ret_added)
{
    struct item head;
    const uint8_t *p = roost__scan_item(map.data, &head);
    int rc = ROOST_OK;
    for (uint32_t i = 0; i < head.len && rc == ROOST_OK; i++) {
        struct slice key_bytes = scan_next(&p), value = scan_next(&p);
        struct key key;
        bool is_new = false;
        rc = key_of(core, key_bytes, &key) ? keymap_set(core, owner, m, &key, value, &is_new) : ROOST_ENOMEM;
        *ret_added += is_new;
    }
    return rc == ROOST_OK && core->undo->failed ? ROOST_ENOMEM : rc;
}

int64_t keymap_set_all(struct call *c, struct object *owner, struct keymap *m, unsigned arg)
{
    struct slice map = c->arg[arg];
    if (!check_pairs(c, map))
        return -1;
    struct cell probe = {.len = 0}; /* storing the whole map once proves that every reference in it is good */
    int rc = roost__scan_has_ref(map) ? cell_store(c->core, owner, map, &probe) : ROOST_OK;
    if (rc != ROOST_OK) {
        fail_store(c, rc);
        return -1;
    }
    struct undo undo;
    int64_t added = 0;
    undo_begin(c->core, &undo);
    rc = set_pairs(c->core, owner, m, map, &added);
    undo_end(c->core, &undo, rc == ROOST_OK);
    cell_free(c->core, &probe);
    if (rc == ROOST_OK)
        return added;
    fail_store(c, rc);
    return -1;
}

struct keymap *map_of(const struct call *c)
{
    return c->tree != NULL ? &c->tree->map : &container_of(c->object, struct keyed, object)->map;
}

void keyed_destroy(struct core *core, struct object *o)
{
    keymap_clear(core, &container_of(o, struct keyed, object)->map);
}

unsigned keyed_describe(const struct object *o, struct buf *out)
{
    roost__put_cstr(out, "len");
    roost__put_uint(out, keymap_len(&((const struct keyed *)(const void *)o)->map));
    return 1;
}

void keyed_each_stored(const struct object *o, void (*visit)(void *context, uint64_t id), void *context)
{
    keymap_each_stored(&((const struct keyed *)(const void *)o)->map, visit, context);
}

void keyed_open(struct call *c, const struct type *type)
{
    bool found;
    struct object *o = object_open(c, type, &found);
    if (o == NULL)
        return;
    struct keymap *m = &container_of(o, struct keyed, object)->map;
    if (!found) {
        keymap_init(m);
        m->live = true;
        if (arg_given(c, 1) && keymap_set_all(c, o, m, 1) < 0) {
            object_discard(c->core, o);
            return;
        }
    }
    reply_ref(c, o);
}

/* ---- handlers that dict, namespace and set share ---- */

/* dict.set has a time to live as its third argument. */
void on_keyed_set(struct call *c)
{
    struct key key;
    struct expiry *x = NULL;
    int64_t ttl_ms;
    bool is_new;
    if (!key_arg(c, 0, &key))
        return;
    if (arg_given(c, 2) && (!expiry_arg(c, 2, &ttl_ms) || (x = expiry_new(c, ttl_ms)) == NULL))
        return;
    int rc = keymap_set(c->core, c->object, map_of(c), &key, c->arg[1], &is_new);
    if (rc != ROOST_OK) {
        expiry_free(c->core, x);
        fail_store(c, rc);
        return;
    }
    if (x != NULL)
        expiry_of_entry(c->core, x, c->object, map_of(c), keymap_find(map_of(c), &key));
    reply_nil(c);
}

void on_keyed_contains(struct call *c)
{
    struct key key;
    if (key_arg(c, 0, &key))
        reply_bool(c, keymap_find(map_of(c), &key) != NULL);
}

void on_keyed_len(struct call *c)
{
    reply_int(c, (int64_t)keymap_len(map_of(c)));
}

void on_keyed_clear(struct call *c)
{
    struct keymap *m = map_of(c);
    if (c->core->undo == NULL)
        keymap_clear(c->core, m);
    else
        list_each_safe (it, &m->order)
            keymap_remove(c->core, m, entry_of(it));
    reply_nil(c);
}

void on_keyed_keys(struct call *c)
{
    const struct keymap *m = map_of(c);
    struct buf *out = reply_begin(c->core, &c->caller);
    roost__put_array(out, keymap_len(m));
    list_each (it, &m->order) {
        struct slice key = entry_key(entry_of(it));
        buf_append(out, key.data, key.len);
    }
    reply_end(c->core, &c->caller);
    c->done = true;
}

void on_keyed_map(struct call *c)
{
    const struct keymap *m = map_of(c);
    struct buf *out = reply_begin(c->core, &c->caller);
    roost__put_map(out, keymap_len(m));
    list_each (it, &m->order) {
        struct entry *e = entry_of(it);
        struct slice key = entry_key(e);
        buf_append(out, key.data, key.len);
        put_cell(c->core, &c->caller, out, &e->value);
    }
    reply_end(c->core, &c->caller);
    c->done = true;
}
