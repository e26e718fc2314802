/* keymap.c: the insertion-ordered map; see keymap.h. */
#include "core/keymap.h"

#include <assert.h>
#include <stdlib.h>

#include "core/expiry.h"
#include "core/memory.h"
#include "core/undo.h"

enum { CAP_MIN = 4, CAP_MAX = 1 << 30 };

_Static_assert(sizeof(uintptr_t) == 8, "a place has room for a number");

void keymap_init(struct keymap *m)
{
    *m = (struct keymap){0};
}

/* ---- slots ---- */

static size_t slot_count(size_t cap)
{
    return cap == 0 ? 0 : cap + cap / 3 + 1; /* a quarter at least stays free */
}

static struct keymap_slot *slots_of(const struct keymap *m)
{
    return (struct keymap_slot *)(void *)(m->places + m->cap);
}

static uint32_t upper(uint64_t hash)
{
    return (uint32_t)(hash >> 32);
}

/* Where a search for a hash begins: as far in the table as the hash is among all hashes. */
static size_t home_of(uint32_t hash, size_t slots)
{
    return (size_t)((uint64_t)hash * slots >> 32);
}

static size_t next_slot(size_t i, size_t slots)
{
    return i + 1 < slots ? i + 1 : 0;
}

static void slot_add(struct keymap *m, uint32_t hash, size_t at)
{
    struct keymap_slot *slots = slots_of(m);
    size_t n = slot_count(m->cap), i = home_of(hash, n);
    while (slots[i].at != 0)
        i = next_slot(i, n);
    slots[i] = (struct keymap_slot){.hash = hash, .at = (uint32_t)at + 1};
}

/* The slot of an entry that is inside. */
static size_t slot_of(const struct keymap *m, uint32_t hash, const struct entry *e)
{
    const struct keymap_slot *slots = slots_of(m);
    size_t n = slot_count(m->cap), i = home_of(hash, n);
    while (slots[i].hash != hash || slots[i].at == 0 || keymap_at(m, slots[i].at - 1) != e) {
        assert(slots[i].at != 0);
        i = next_slot(i, n);
    }
    return i;
}

/* How many steps lead from a slot to another. */
static size_t way(size_t from, size_t to, size_t slots)
{
    return to >= from ? to - from : to + slots - from;
}

/* Frees a slot; what follows moves up where a search would not reach it any more. */
static void slot_remove(struct keymap *m, size_t i)
{
    struct keymap_slot *slots = slots_of(m);
    size_t n = slot_count(m->cap);
    for (size_t j = next_slot(i, n); slots[j].at != 0; j = next_slot(j, n)) {
        size_t home = home_of(slots[j].hash, n);
        if (way(home, j, n) >= way(i, j, n)) {
            slots[i] = slots[j];
            i = j;
        }
    }
    slots[i] = (struct keymap_slot){0};
}

struct entry *keymap_find(const struct keymap *m, const struct key *key)
{
    if (m->len == 0)
        return NULL;
    const struct keymap_slot *slots = slots_of(m);
    size_t n = slot_count(m->cap);
    uint32_t hash = upper(key->hash);
    for (size_t i = home_of(hash, n); slots[i].at != 0; i = next_slot(i, n)) {
        if (slots[i].hash != hash)
            continue;
        struct entry *e = keymap_at(m, slots[i].at - 1);
        if (slice_equal(entry_canonical(e), key->canonical))
            return e;
    }
    return NULL;
}

/* ---- places ---- */

static uintptr_t empty_place(uint64_t number)
{
    return (uintptr_t)number << 1 | 1;
}

static uint64_t number_at(const struct keymap *m, size_t at)
{
    const struct entry *e = keymap_at(m, at);
    return e != NULL ? e->number : m->places[at] >> 1;
}

/* The first and the last place in use hold an entry. */
static void trim(struct keymap *m)
{
    while (m->first < m->end && keymap_at(m, m->first) == NULL)
        m->first++;
    while (m->end > m->first && keymap_at(m, m->end - 1) == NULL)
        m->end--;
}

/* Moves all into a block for `cap` places, without the empty ones unless they are to stay. False without
 * memory.
 */
static bool rebuild(struct keymap *m, size_t cap, bool stay)
{
    if (cap > CAP_MAX)
        return false;
    struct keymap to = *m;
    to.places = calloc(cap + slot_count(cap), sizeof(*to.places));
    if (to.places == NULL)
        return false;
    to.cap = (uint32_t)cap;
    to.first = to.end = stay ? m->first : 0;
    for (size_t at = m->first; at < m->end; at++) {
        if (!stay && keymap_at(m, at) == NULL)
            continue;
        to.places[to.end] = m->places[at];
        m->places[at] = to.end++; /* from now on: where it went */
    }
    const struct keymap_slot *slots = m->cap > 0 ? slots_of(m) : NULL;
    for (size_t i = 0; i < slot_count(m->cap); i++)
        if (slots[i].at != 0)
            slot_add(&to, slots[i].hash, m->places[slots[i].at - 1]);
    free(m->places);
    *m = to;
    return true;
}

_Static_assert(sizeof(struct keymap_slot) == sizeof(uintptr_t), "rebuild() counts both as one");

/* Room for one more place at the end. */
static bool reserve(struct core *core, struct keymap *m)
{
    if (m->end < m->cap)
        return true;
    bool stay = core->undo != NULL;
    if (!stay && m->len < m->cap - m->cap / 4)
        return rebuild(m, m->cap, false);
    return rebuild(m, m->cap < CAP_MIN ? CAP_MIN : (size_t)m->cap + m->cap / 2, stay);
}

void keymap_settle(struct core *core, struct keymap *m)
{
    if (core->undo != NULL)
        return;
    if (m->len == 0) {
        free(m->places);
        *m = (struct keymap){.last_number = m->last_number, .expiries = m->expiries, .live = m->live};
    } else if (m->cap > CAP_MIN && m->len < m->cap / 4) {
        (void)rebuild(m, m->cap / 2, false); /* without memory it just stays large */
    }
    if (m->expiries.len == 0)
        roost__hmap_free(&m->expiries);
}

size_t keymap_after(const struct keymap *m, uint64_t number)
{
    size_t low = m->first, high = m->end;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (number_at(m, mid) <= number)
            low = mid + 1;
        else
            high = mid;
    }
    return keymap_from(m, low);
}

struct entry *keymap_numbered(const struct keymap *m, uint64_t number)
{
    size_t at = number > 0 ? keymap_after(m, number - 1) : m->end;
    struct entry *e = at < m->end ? keymap_at(m, at) : NULL;
    return e != NULL && e->number == number ? e : NULL;
}

/* ---- changes, and how a transaction takes them back ---- */

static void place_entry(struct core *core, struct keymap *m, struct entry *e, size_t at)
{
    m->places[at] = (uintptr_t)e;
    slot_add(m, upper(key_of_entry(core, e).hash), at);
    m->len++;
}

/* Empties the place of an entry that is inside; returns which it was. */
static size_t displace_entry(struct core *core, struct keymap *m, const struct entry *e)
{
    size_t slot = slot_of(m, upper(key_of_entry(core, e).hash), e);
    size_t at = slots_of(m)[slot].at - 1;
    slot_remove(m, slot);
    m->places[at] = empty_place(e->number);
    m->len--;
    trim(m);
    return at;
}

static void add_back(struct core *core, struct step *s)
{
    struct entry *e = keymap_at(s->where, s->at);
    displace_entry(core, s->where, e);
    entry_free(core, e);
}

static void remove_back(struct core *core, struct step *s)
{
    struct keymap *m = s->where;
    const struct entry *e = s->what;
    while (m->end <= s->at)
        m->places[m->end++] = empty_place(e->number); /* what stands there was of somebody who came later */
    if (s->at < m->first)
        m->first = (uint32_t)s->at;
    place_entry(core, m, s->what, s->at);
    trim(m);
}

static void remove_keep(struct core *core, struct step *s)
{
    struct entry *e = s->what;
    expiry_free(core, expiry_of(s->where, e->number));
    entry_free(core, e);
}

static void replace_back(struct core *core, struct step *s)
{
    struct keymap *m = s->where;
    entry_free(core, keymap_at(m, s->at));
    m->places[s->at] = (uintptr_t)s->what;
}

static void replace_keep(struct core *core, struct step *s)
{
    entry_free(core, s->what);
}

static bool log_step(struct core *core, const struct keymap *m, struct step s)
{
    return core->undo == NULL || !m->live || undo_log(core, s);
}

static size_t where_is(struct core *core, const struct keymap *m, const struct entry *e)
{
    return slots_of(m)[slot_of(m, upper(key_of_entry(core, e).hash), e)].at - 1;
}

/* Adds a block at the end. */
static bool add(struct core *core, struct keymap *m, struct entry *e, uint64_t hash)
{
    if (!reserve(core, m) || !log_step(core, m, (struct step){.back = add_back, .where = m, .at = m->end}))
        return false;
    m->last_number = e->number;
    m->places[m->end] = (uintptr_t)e;
    slot_add(m, upper(hash), m->end++);
    m->len++;
    return true;
}

/* Puts a block in the place of another, which is freed now or when a transaction is through. */
static bool swap(struct core *core, struct keymap *m, struct entry *old, struct entry *e)
{
    size_t at = where_is(core, m, old);
    struct step s = {.back = replace_back, .keep = replace_keep, .where = m, .what = old, .at = at};
    if (!log_step(core, m, s))
        return false;
    m->places[at] = (uintptr_t)e;
    return true;
}

/* Most values that are replaced are as long as what replaces them. */
static bool overwrite(const struct core *core, struct entry *e, struct slice value, bool refs)
{
    if (core->undo != NULL || e->tree || e->refs || refs || e->value_len != value.len)
        return false;
    if (value.len > 0)
        memcpy(e->bytes + entry_value_at(e), value.data, value.len);
    return true;
}

/* Do the limits allow a new value, with its key? Else core->over says which does not. */
static bool limits_allow(struct core *core, const struct key *key, struct slice value)
{
    if ((int64_t)value.len > core->limits.value_max) {
        core->over = "value_max";
        return false;
    }
    size_t shown = slice_equal(key->canonical, key->shown) ? 0 : key->shown.len;
    return memory_allows(core, COST_ENTRY + key->canonical.len + shown + value.len);
}

static int put(struct core *core, struct object *owner, struct keymap *m, const struct key *key,
               struct entry *old, struct slice value, enum storing how)
{
    bool refs = how != VALUE_BORROWED && value.len > 0 && roost__scan_has_ref(value);
    if (refs && how == VALUE_NEW && !cell_refs_lead(core, value))
        return ROOST_ENOENT;
    if (old != NULL && overwrite(core, old, value, refs))
        return ROOST_OK;
    if (how == VALUE_NEW && !limits_allow(core, key, value))
        return ROOST_ENOMEM;
    struct entry *e =
        entry_make(&(struct entry_content){.number = old != NULL ? old->number : m->last_number + 1,
                                           .canonical = key->canonical,
                                           .shown = old != NULL ? entry_key(old) : key->shown,
                                           .value = value,
                                           .refs = refs});
    if (e == NULL || !(old != NULL ? swap(core, m, old, e) : add(core, m, e, key->hash))) {
        free(e);
        return ROOST_ENOMEM;
    }
    entry_charge(core, e);
    if (refs)
        cell_count_refs(core, owner, value);
    if (old != NULL && (core->undo == NULL || !m->live))
        entry_free(core, old);
    return ROOST_OK;
}

int keymap_put(struct core *core, struct object *owner, struct keymap *m, const struct key *key,
               struct slice value, enum storing how, bool *ret_new)
{
    struct entry *old = keymap_find(m, key);
    int rc = put(core, owner, m, key, old, value, how);
    if (rc == ROOST_OK)
        *ret_new = old == NULL;
    return rc;
}

int keymap_set(struct core *core, struct object *owner, struct keymap *m, const struct key *key,
               struct slice value, bool *ret_new)
{
    int rc = keymap_put(core, owner, m, key, value, VALUE_NEW, ret_new);
    if (rc == ROOST_OK && m->expiries.len > 0)
        expiry_take_away(core, m, keymap_find(m, key)->number);
    return rc;
}

int keymap_replace(struct core *core, struct object *owner, struct keymap *m, struct entry *e,
                   struct slice value)
{
    struct key key = key_of_entry(core, e);
    return put(core, owner, m, &key, e, value, VALUE_NEW);
}

struct entry *keymap_set_tree(struct core *core, struct keymap *m, struct entry *e, struct tree *t)
{
    struct entry *fresh = entry_make(&(struct entry_content){
        .number = e->number, .canonical = entry_canonical(e), .shown = entry_key(e), .tree = t});
    if (fresh == NULL)
        return NULL;
    entry_charge(core, fresh);
    m->places[where_is(core, m, e)] = (uintptr_t)fresh;
    entry_free(core, e);
    return fresh;
}

void keymap_take(struct core *core, struct keymap *m, struct entry *e)
{
    bool logged = core->undo != NULL && m->live;
    struct step s = {.back = remove_back, .keep = remove_keep, .where = m, .what = e};
    if (logged) {
        s.at = where_is(core, m, e);
        if (!undo_log(core, s))
            return;
    }
    displace_entry(core, m, e);
    if (!logged) {
        expiry_free(core, expiry_of(m, e->number));
        entry_free(core, e);
    }
}

void keymap_remove(struct core *core, struct keymap *m, struct entry *e)
{
    keymap_take(core, m, e);
    keymap_settle(core, m);
}

void keymap_clear(struct core *core, struct keymap *m)
{
    keymap_each (at, m) {
        struct entry *e = keymap_at(m, at);
        expiry_free(core, expiry_of(m, e->number));
        entry_free(core, e);
    }
    free(m->places);
    roost__hmap_free(&m->expiries);
    *m = (struct keymap){.last_number = m->last_number, .live = m->live};
}

void keymap_each_stored(const struct keymap *m, void (*visit)(void *context, uint64_t id), void *context)
{
    keymap_each (at, m) {
        struct cell value = entry_value(keymap_at(m, at));
        cell_each_ref(&value, visit, context);
    }
}
