/*
 * object.c: objects: ids, names, references, their end.
 *
 * Invariant: an object is reachable by id while it is in core->objects; ids are never reused.
 */
#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

#include "core/expiry.h"
#include "core/memory.h"
#include "core/rights.h"
#include "core/transact.h"

static struct object *of_id(const struct hnode *n)
{
    return container_of((struct hnode *)(uintptr_t)n, struct object, by_id);
}

static bool object_has_id(const struct hnode *n, const void *id)
{
    return of_id(n)->id == *(const uint64_t *)id;
}

struct object *object_find(const struct core *core, uint64_t id)
{
    struct hnode *n = roost__hmap_find(&core->objects_by_id, hash_u64(id), object_has_id, &id);
    return n == NULL ? NULL : of_id(n);
}

static bool object_has_name(const struct hnode *n, const void *key)
{
    const struct object *o = container_of((struct hnode *)(uintptr_t)n, struct object, by_name);
    const struct slice *name = key;
    return slice_equal(slice_of(o->name, o->name_len), *name);
}

static uint64_t hash_name(const struct core *core, struct slice name)
{
    uint64_t hash;
    _Static_assert(crypto_shorthash_BYTES == sizeof(hash), "a hash fills a word");
    crypto_shorthash((unsigned char *)&hash, name.data, name.len, core->hash_key);
    return hash;
}

struct object *object_find_name(const struct core *core, struct slice name)
{
    struct hnode *n = roost__hmap_find(&core->objects_by_name, hash_name(core, name), object_has_name, &name);
    return n == NULL ? NULL : container_of(n, struct object, by_name);
}

static bool object_set_name(struct core *core, struct object *o, struct slice name)
{
    o->name = malloc(name.len + 1);
    if (o->name == NULL)
        return false;
    memcpy(o->name, name.data, name.len);
    o->name[name.len] = '\0';
    o->name_len = name.len;
    o->by_name.hash = hash_name(core, name);
    return true;
}

void object_init(struct object *o, const struct type *type)
{
    o->type = type;
    list_init(&o->in_core);
    list_init(&o->in_doomed);
    list_init(&o->in_suspects);
    list_init(&o->session_refs);
    list_init(&o->holds);
    list_init(&o->lapsed);
    list_init(&o->watches);
    for (unsigned i = 0; i < LINES_MAX; i++)
        line_init(&o->lines[i]);
}

struct object *object_new(struct core *core, const struct type *type, struct slice name)
{
    struct object *o = calloc(1, type->size);
    if (o == NULL)
        return NULL;
    if (!roost__hmap_reserve(&core->objects_by_id, 1) || !roost__hmap_reserve(&core->objects_by_name, 1) ||
        (name.len > 0 && !object_set_name(core, o, name))) {
        free(o);
        return NULL;
    }
    object_init(o, type);
    return o;
}

void object_add(struct core *core, struct object *o)
{
    o->by_id.hash = hash_u64(o->id);
    roost__hmap_add(&core->objects_by_id, &o->by_id);
    if (o->name != NULL)
        roost__hmap_add(&core->objects_by_name, &o->by_name);
    list_push_back(&core->objects, &o->in_core);
    core->object_count++;
    core->objects_by_type[o->type->code]++;
    struct object *account = memory_account(core, o);
    memory_charge(core, COST_OBJECT + o->name_len);
    core->account = account;
}

struct object *object_create(struct core *core, const struct type *type, struct slice name,
                             struct session *owner)
{
    struct object *o = object_new(core, type, name);
    if (o == NULL)
        return NULL;
    o->id = core->last_object + 1;
    o->fresh = owner != NULL;
    o->owner = owner != NULL ? owner->identity : 0;
    if (owner != NULL && !session_retain(core, owner, o)) {
        free(o->name);
        free(o);
        return NULL;
    }
    core->last_object++;
    o->since_us = core->now_us;
    object_add(core, o);
    core->account = o;
    return o;
}

static void wake_as_deleted(struct core *core, struct object *o)
{
    bool expired = o->expiry != NULL && o->expiry->at_us <= core->now_us;
    const char *why = expired ? "the object's time to live is over" : "the object was deleted";
    for (unsigned i = 0; i < LINES_MAX; i++) {
        for (struct waiter *w; (w = line_first(o, i)) != NULL;) {
            answer_error(core, &w->caller, ROOST_EDELETED, "%s", why);
            waiter_free(core, w);
        }
    }
}

void object_destroy(struct core *core, struct object *o)
{
    roost__hmap_remove(&core->objects_by_id, &o->by_id);
    if (o->name != NULL)
        roost__hmap_remove(&core->objects_by_name, &o->by_name);
    list_remove(&o->in_core);
    list_remove(&o->in_doomed);
    list_remove(&o->in_suspects);
    core->object_count--;
    core->objects_by_type[o->type->code]--;
    struct object *account = memory_account(core, o);
    wake_as_deleted(core, o);
    transactions_deleted(core, o);
    for (struct hold *h; (h = hold_first(o)) != NULL;)
        hold_free(core, h);
    for (struct list *first; (first = list_first(&o->lapsed)) != NULL;)
        hold_free(core, container_of(first, struct hold, in_object));
    for (unsigned i = 0; i < LINES_MAX; i++)
        list_remove(&o->lines[i].in_due);
    session_refs_forget(core, o);
    expiry_free(core, o->expiry);
    if (o->type->destroy != NULL)
        o->type->destroy(core, o);
    memory_release(core, COST_OBJECT + o->name_len);
    assert(o->bytes == 0 || o->type->code == ROOST_TYPE_queue); /* items on their way are charged on */
    core->bytes_by_type[o->type->code] -= o->bytes;
    core->account = account == o ? NULL : account;
    free(o->name);
    free(o);
}

void object_stored_ref(struct object *o)
{
    o->stored_refs++;
}

void object_stored_unref(struct core *core, uint64_t id)
{
    struct object *o = object_find(core, id);
    if (o == NULL)
        return; /* it was deleted while a reference to it was stored */
    assert(o->stored_refs > 0);
    o->stored_refs--;
    object_check(core, o);
}

void object_check(struct core *core, struct object *o)
{
    if (o->name != NULL || !list_empty(&o->session_refs))
        return;
    if (o->stored_refs == 0 && list_empty(&o->in_doomed))
        list_push_back(&core->doomed, &o->in_doomed);
    else if (o->stored_refs > 0 && o->refers && list_empty(&o->in_suspects))
        list_push_back(&core->suspects, &o->in_suspects);
}

static bool unreferenced(const struct object *o)
{
    return o->name == NULL && o->stored_refs == 0 && list_empty(&o->session_refs);
}

static void destroy_doomed(struct core *core)
{
    for (struct list *first; (first = list_first(&core->doomed)) != NULL;) {
        struct object *o = container_of(first, struct object, in_doomed);
        list_remove(&o->in_doomed);
        if (unreferenced(o)) /* else somebody took a reference after it was doomed */
            object_destroy(core, o);
    }
}

void object_sweep(struct core *core)
{
    destroy_doomed(core);
    for (struct list *first; (first = list_first(&core->suspects)) != NULL; destroy_doomed(core)) {
        struct object *o = container_of(first, struct object, in_suspects);
        list_remove(&o->in_suspects);
        cycle_check(core, o);
    }
}

void object_discard(struct core *core, struct object *o)
{
    assert(o->fresh);
    if (o->id == core->last_object)
        core->last_object--;
    object_destroy(core, o);
}

static bool may_create(struct core *core, struct slice name)
{
    if (core->object_count < (uint64_t)core->limits.objects_max)
        return memory_allows(core, COST_OBJECT + name.len);
    core->over = "objects_max";
    return false;
}

struct object *object_open(struct call *c, const struct type *type, bool *ret_found)
{
    struct slice name = arg_given(c, 0) ? arg_bytes(c, 0) : slice_of(NULL, 0);
    if ((int64_t)name.len > c->core->limits.name_max) {
        fail(c, ROOST_ELIMIT, "the name has %zu bytes: at most %lld (name_max)", name.len,
             (long long)c->core->limits.name_max);
        return NULL;
    }
    if (name.len == 0 && arg_given(c, 0)) {
        fail(c, ROOST_EINVAL, "the name is empty");
        return NULL;
    }
    struct object *o = name.len > 0 ? object_find_name(c->core, name) : NULL;
    if (name.len > 0 ? !rights_check_name(c, name, o != NULL ? RIGHT_ANY : RIGHT_WRITE)
                     : !rights_check_create(c))
        return NULL;
    *ret_found = o != NULL;
    if (o == NULL) {
        o = may_create(c->core, name) ? object_create(c->core, type, name, c->caller.session) : NULL;
        if (o == NULL)
            fail_memory(c);
        return o;
    }
    if (o->type != type) {
        fail(c, ROOST_EEXIST, "\"%s\" is a %s, not a %s", o->name, roost_type_name(o->type->code),
             roost_type_name(type->code));
        return NULL;
    }
    return o;
}

void object_words(const struct object *o, char *ret, size_t size)
{
    if (o->name != NULL)
        snprintf(ret, size, "%s \"%s\"", roost_type_name(o->type->code), o->name);
    else
        snprintf(ret, size, "%s #%llu", roost_type_name(o->type->code), (unsigned long long)o->id);
}

size_t object_waiters(const struct object *o)
{
    size_t n = 0;
    for (unsigned i = 0; i < LINES_MAX; i++)
        n += line_len(o, i);
    return n;
}

void object_describe(struct core *core, const struct object *o, struct buf *out)
{
    struct buf own = buf_make(64 << 10);
    unsigned n = o->type->describe != NULL ? o->type->describe(o, &own) : 0;
    buf_fail_with(out, &own);
    roost__put_map(out, 10 + n + (o->expiry != NULL));
    roost__put_cstr(out, "id");
    roost__put_uint(out, o->id);
    roost__put_cstr(out, "type");
    roost__put_cstr(out, roost_type_name(o->type->code));
    roost__put_cstr(out, "name");
    o->name != NULL ? roost__put_cstr(out, o->name) : roost__put_nil(out);
    roost__put_cstr(out, "age_ms");
    roost__put_int(out, (core->now_us - o->since_us) / 1000);
    roost__put_cstr(out, "session_refs");
    roost__put_uint(out, list_count(&o->session_refs));
    roost__put_cstr(out, "stored_refs");
    roost__put_uint(out, o->stored_refs);
    roost__put_cstr(out, "waiters");
    roost__put_uint(out, object_waiters(o));
    roost__put_cstr(out, "holders");
    roost__put_uint(out, list_count(&o->holds));
    roost__put_cstr(out, "bytes");
    roost__put_uint(out, o->bytes);
    roost__put_cstr(out, "calls");
    roost__put_uint(out, o->calls);
    buf_append(out, own.data, own.len);
    roost__buf_free(&own);
    if (o->expiry == NULL)
        return;
    roost__put_cstr(out, "ttl_ms");
    roost__put_int(out, expiry_left_ms(core, o->expiry));
}
