/*
 * keyed_lock.c: a lock for each key.
 *
 * Invariant: a slot exists for a key that somebody holds or waits for, and for one whose last holder died
 * until somebody takes it again (at most DIED_MAX of these); for other keys nothing is stored. The keys of
 * one call are one grant: they share a token. A key is given back by its holder's session only.
 */
#include <stdlib.h>

#include "core/handlers.h"
#include "core/keymap.h"
#include "core/memory.h"
#include "core/order.h"
#include "core/save.h"

enum { DIED_MAX = 65536 };

struct keyed_lock {
    struct object object;
    struct hmap slots;
    size_t died; /* slots of which owner_died is set */
};

struct slot {
    struct hnode node;
    struct line line;
    struct hold *hold; /* NULL: free */
    bool owner_died;   /* said to the next holder */
    uint64_t stamp;    /* the last call that named it, to find keys named twice */
    uint32_t key_len;  /* the canonical key */
    uint32_t shown_len;
    uint8_t bytes[]; /* the canonical key, then the key as it was given */
};

static struct keyed_lock *keyed_lock_of(const struct object *o)
{
    return (struct keyed_lock *)(uintptr_t)o;
}

static struct slot *slot_of(const struct hnode *n)
{
    return container_of((struct hnode *)(uintptr_t)n, struct slot, node);
}

struct slice slot_key(const struct slot *slot)
{
    return slice_of(slot->bytes + slot->key_len, slot->shown_len);
}

struct hold *slot_hold(const struct slot *slot)
{
    return slot->hold;
}

/* ---- slots ---- */

static bool slot_has_key(const struct hnode *n, const void *key)
{
    const struct slot *slot = slot_of(n);
    return slice_equal(slice_of(slot->bytes, slot->key_len), ((const struct key *)key)->canonical);
}

static struct slot *slot_find(const struct object *o, const struct key *key)
{
    struct hnode *n = roost__hmap_find(&keyed_lock_of(o)->slots, key->hash, slot_has_key, key);
    return n == NULL ? NULL : slot_of(n);
}

/* Charges the object for a slot, or gives it back. */
static void slot_charge(struct core *core, struct object *o, const struct slot *slot, bool there)
{
    struct object *account = memory_account(core, o);
    uint64_t n = COST_SLOT + slot->key_len + slot->shown_len;
    there ? memory_charge(core, n) : memory_release(core, n);
    core->account = account;
}

static struct slot *slot_create(struct core *core, struct object *o, const struct key *key)
{
    struct keyed_lock *k = keyed_lock_of(o);
    if (!memory_allows(core, COST_SLOT + key->canonical.len + key->shown.len))
        return NULL;
    struct slot *slot = calloc(1, sizeof(*slot) + key->canonical.len + key->shown.len);
    if (slot == NULL || !roost__hmap_reserve(&k->slots, 1)) {
        free(slot);
        return NULL;
    }
    line_init(&slot->line);
    slot->node.hash = key->hash;
    slot->key_len = (uint32_t)key->canonical.len;
    slot->shown_len = (uint32_t)key->shown.len;
    memcpy(slot->bytes, key->canonical.data, key->canonical.len);
    memcpy(slot->bytes + slot->key_len, key->shown.data, key->shown.len);
    roost__hmap_add(&k->slots, &slot->node);
    slot_charge(core, o, slot, true);
    return slot;
}

static void slot_free(struct core *core, struct object *o, struct slot *slot)
{
    slot_charge(core, o, slot, false);
    roost__hmap_remove(&keyed_lock_of(o)->slots, &slot->node);
    list_remove(&slot->line.in_due);
    free(slot);
}

void slot_tidy(struct core *core, struct object *o, struct slot *slot)
{
    if (slot->hold == NULL && slot->line.len == 0 && !slot->owner_died)
        slot_free(core, o, slot);
}

/* ---- taking and giving back ---- */

static enum turn keyed_lock_turn(const struct place *p, const struct caller *who)
{
    (void)who;
    return p->slot->hold == NULL ? TURN_FIRST : TURN_NO;
}

static bool keyed_lock_take(struct core *core, struct place *p, const struct caller *to)
{
    struct slot *slot = p->slot;
    bool died = slot->owner_died;
    slot->owner_died = false;
    keyed_lock_of(p->object)->died -= died;
    hold_grant(core, p->object, p->hold, to);
    p->hold->slot = slot;
    slot->hold = p->hold;
    return died;
}

static const struct takeable keyed_lock_takeable = {.turn = keyed_lock_turn, .take = keyed_lock_take};

/* The key is free; who waits for it is next. */
static void slot_freed(struct core *core, struct object *o, struct slot *slot)
{
    slot->hold = NULL;
    line_due(core, &slot->line);
    slot_tidy(core, o, slot);
}

static void keyed_lock_abandoned(struct core *core, struct hold *h)
{
    struct keyed_lock *k = keyed_lock_of(h->object);
    struct slot *slot = h->slot;
    slot->owner_died = slot->line.len > 0 || k->died < DIED_MAX;
    k->died += slot->owner_died;
    slot_freed(core, h->object, slot);
}

static void key_give_back(struct core *core, struct hold *h)
{
    struct object *o = h->object;
    struct slot *slot = h->slot;
    hold_free(core, h);
    slot_freed(core, o, slot);
}

static void keyed_lock_destroy(struct core *core, struct object *o)
{
    struct hmap *slots = &keyed_lock_of(o)->slots;
    for (size_t i = 0; i < slots->cap; i++) {
        if (slots->slots[i].node != NULL) {
            slot_charge(core, o, slot_of(slots->slots[i].node), false);
            list_remove(&slot_of(slots->slots[i].node)->line.in_due);
            free(slot_of(slots->slots[i].node));
        }
    }
    roost__hmap_free(slots);
}

static unsigned keyed_lock_describe(const struct object *o, struct buf *out)
{
    roost__put_cstr(out, "keys");
    roost__put_uint(out, keyed_lock_of(o)->slots.len);
    return 1;
}

/* ---- saving ---- */

static int by_key(const void *a, const void *b)
{
    const struct slot *x = *(const struct slot *const *)a, *y = *(const struct slot *const *)b;
    size_t n = x->key_len < y->key_len ? x->key_len : y->key_len;
    int c = memcmp(x->bytes, y->bytes, n);
    return c != 0 ? c : (x->key_len > y->key_len) - (x->key_len < y->key_len);
}

/* The keys have no order of their own: they go by their bytes. */
static void keyed_lock_save(const struct object *o, struct buf *out)
{
    const struct hmap *slots = &keyed_lock_of(o)->slots;
    const struct slot **sorted = calloc(slots->len + 1, sizeof(*sorted));
    if (sorted == NULL) {
        out->failed = out->no_memory = true;
        return;
    }
    size_t n = 0;
    for (size_t i = 0; i < slots->cap; i++)
        if (slots->slots[i].node != NULL)
            sorted[n++] = slot_of(slots->slots[i].node);
    qsort(sorted, n, sizeof(*sorted), by_key);
    save_uint(out, n);
    for (size_t i = 0; i < n; i++) {
        save_bytes(out, slot_key(sorted[i]));
        save_uint(out, sorted[i]->owner_died);
    }
    free(sorted);
}

/* Reads a key. False: a fault. */
static bool load_key(struct loader *l, struct key *ret)
{
    struct slice shown = load_value(l, false);
    if (load_good(l) && order_no_key(shown))
        load_bad(l, "a key is none");
    if (!load_good(l))
        return false;
    if (key_of(l->core, shown, ret))
        return true;
    load_no_memory(l);
    return false;
}

static struct slot *load_slot_after(struct loader *l, struct object *o, const struct slot *before)
{
    struct key key;
    if (!load_key(l, &key))
        return NULL;
    if (slot_find(o, &key) != NULL) {
        load_bad(l, "a key stands there twice");
        return NULL;
    }
    struct slot *slot = slot_create(l->core, o, &key);
    if (slot == NULL)
        load_no_memory(l);
    else if (before != NULL && by_key(&before, &(const struct slot *){slot}) > 0)
        load_bad(l, "a key is out of its order");
    return slot;
}

static void keyed_lock_load(struct loader *l, struct object *o)
{
    const struct slot *before = NULL;
    for (size_t n = load_count(l); n > 0 && load_good(l); n--) {
        struct slot *slot = load_slot_after(l, o, before);
        if (slot == NULL)
            return;
        slot->owner_died = load_bool(l);
        keyed_lock_of(o)->died += slot->owner_died;
        before = slot;
    }
}

struct slot *load_slot(struct loader *l, struct object *o)
{
    struct key key;
    struct slot *slot = load_key(l, &key) ? slot_find(o, &key) : NULL;
    if (slot != NULL && slice_equal(slot_key(slot), key.shown))
        return slot;
    load_bad(l, "there is no such key");
    return NULL;
}

struct line *slot_line(struct slot *slot)
{
    return &slot->line;
}

bool slot_give(struct slot *slot, struct hold *h)
{
    bool free_ = slot->hold == NULL;
    if (free_)
        slot->hold = h;
    return free_;
}

const struct type type_keyed_lock = {.code = ROOST_TYPE_keyed_lock,
                                     .size = sizeof(struct keyed_lock),
                                     .destroy = keyed_lock_destroy,
                                     .abandoned = keyed_lock_abandoned,
                                     .describe = keyed_lock_describe,
                                     .takeable = &keyed_lock_takeable,
                                     .save = keyed_lock_save,
                                     .load = keyed_lock_load};

/* ---- handlers ---- */

void on_keyed_lock_open(struct call *c)
{
    bool found;
    struct object *o = object_open(c, &type_keyed_lock, &found);
    if (o != NULL)
        reply_ref(c, o);
}

/* How many keys argument 0 names. 0: the call has failed. */
static uint32_t count_keys(struct call *c)
{
    uint32_t n = scan_value(c->arg[0]).len;
    if (n > 0 && n <= WANTED_MAX)
        return n;
    fail(c, n == 0 ? ROOST_EINVAL : ROOST_ELIMIT, "keys must be 1 to %d, not %u", WANTED_MAX, n);
    return 0;
}

static void tidy_all(struct call *c, const struct place *places, size_t n)
{
    for (size_t i = 0; i < n; i++)
        slot_tidy(c->core, c->object, places[i].slot);
}

/* The slot of the next key, made when there is none. NULL: the call has failed. */
static struct slot *next_slot(struct call *c, const uint8_t **p)
{
    struct slice shown = scan_next(p);
    struct key key;
    if (!key_of(c->core, shown, &key)) {
        key_refused(c, shown);
        return NULL;
    }
    struct slot *slot = slot_find(c->object, &key);
    if (slot == NULL)
        slot = slot_create(c->core, c->object, &key);
    if (slot == NULL)
        fail_memory(c);
    return slot;
}

/* The places of the keys of argument 0, each once, malloc'ed. NULL: the call has failed. */
static struct place *wanted_keys(struct call *c, size_t *ret_n)
{
    uint32_t named = count_keys(c);
    struct place *places = named > 0 ? calloc(named, sizeof(*places)) : NULL;
    if (places == NULL) {
        if (named > 0)
            fail_memory(c);
        return NULL;
    }
    struct item head;
    const uint8_t *p = roost__scan_item(c->arg[0].data, &head);
    uint64_t stamp = ++c->core->last_order;
    size_t n = 0;
    for (uint32_t i = 0; i < named; i++) {
        struct slot *slot = next_slot(c, &p);
        if (slot == NULL) {
            tidy_all(c, places, n);
            free(places);
            return NULL;
        }
        if (slot->stamp != stamp)
            places[n++] = (struct place){.object = c->object, .slot = slot, .line = &slot->line};
        slot->stamp = stamp;
    }
    *ret_n = n;
    return places;
}

void on_keyed_lock_acquire(struct call *c)
{
    struct wish wish = {.timeout_ms = arg_int(c, 1, -1)};
    if (!ttl_arg(c, 2, &wish.ttl_us))
        return;
    wish.wanted = wanted_keys(c, &wish.n);
    if (wish.wanted != NULL)
        acquire_all(c, &wish);
}

static bool held_by(const struct hold *h, const struct caller *who, uint64_t token)
{
    return h != NULL && h->session == who->session && (token == 0 || h->token == token);
}

/* Gives back what the caller's thread holds, or the keys of one grant. Returns how many. */
static size_t release_all(struct call *c, uint64_t token)
{
    size_t n = 0;
    list_each_safe (it, &c->caller.session->holds) {
        struct hold *h = container_of(it, struct hold, in_session);
        if (h->object != c->object || (token != 0 ? h->token != token : h->thread != c->caller.thread))
            continue;
        key_give_back(c->core, h);
        n++;
    }
    return n;
}

/* The holds of the keys of argument 0 into held. False: the call has failed. */
static bool held_keys(struct call *c, uint64_t token, struct hold **held, uint32_t n)
{
    struct item head;
    const uint8_t *p = roost__scan_item(c->arg[0].data, &head);
    for (uint32_t i = 0; i < n; i++) {
        struct slice shown = scan_next(&p);
        struct key key;
        if (!key_of(c->core, shown, &key)) {
            key_refused(c, shown);
            return false;
        }
        const struct slot *slot = slot_find(c->object, &key);
        held[i] = slot != NULL ? slot->hold : NULL;
        if (!held_by(held[i], &c->caller, token)) {
            fail(c, ROOST_ENOTOWNER,
                 "key %u of the array is not held by this session%s: nothing was released", i + 1,
                 token != 0 ? " with this token" : "");
            return false;
        }
    }
    return true;
}

static void release_keys(struct call *c, uint64_t token)
{
    struct hold *held[WANTED_MAX];
    uint32_t n = count_keys(c);
    if (n == 0 || !held_keys(c, token, held, n))
        return;
    reply_nil(c);
    for (uint32_t i = 0; i < n; i++) {
        bool again = false;
        for (uint32_t j = 0; j < i; j++)
            again = again || held[j] == held[i];
        if (!again)
            key_give_back(c->core, held[i]);
    }
}

void on_keyed_lock_release(struct call *c)
{
    uint64_t token = (uint64_t)arg_int(c, 1, 0);
    if (arg_given(c, 0))
        release_keys(c, token);
    else if (release_all(c, token) > 0)
        reply_nil(c);
    else
        fail(c, ROOST_ENOTOWNER,
             token != 0 ? "the grant with this token is over" : "this thread holds no key of it");
}

void on_keyed_lock_locked(struct call *c)
{
    struct key key;
    if (!key_arg(c, 0, &key))
        return;
    const struct slot *slot = slot_find(c->object, &key);
    reply_bool(c, slot != NULL && slot->hold != NULL);
}

void on_keyed_lock_held(struct call *c)
{
    struct buf *out = reply_begin(c->core, &c->caller);
    roost__put_array(out, list_count(&c->object->holds));
    list_each (it, &c->object->holds)
        put_holder(c->core, out, container_of(it, struct hold, in_object));
    reply_end(c->core, &c->caller);
    c->done = true;
}
