/*
 * load.c: a core from its bytes; see save.h.
 *
 * Nothing in the bytes is trusted: whatever they are, the answer is a core that is whole, or an error and no
 * core.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/error.h"
#include "core/effects.h"
#include "core/expiry.h"
#include "core/memory.h"
#include "core/save.h"

/* ---- the types ---- */

extern const struct type type_dict, type_list, type_set, type_queue, type_namespace, type_value, type_array,
    type_semaphore, type_bounded_semaphore, type_event, type_barrier, type_keyed_lock;

static const struct type *const types[TYPE_COUNT] = {
    [ROOST_TYPE_dict] = &type_dict,
    [ROOST_TYPE_list] = &type_list,
    [ROOST_TYPE_set] = &type_set,
    [ROOST_TYPE_queue] = &type_queue,
    [ROOST_TYPE_namespace] = &type_namespace,
    [ROOST_TYPE_value] = &type_value,
    [ROOST_TYPE_array] = &type_array,
    [ROOST_TYPE_lock] = &type_lock,
    [ROOST_TYPE_rlock] = &type_rlock,
    [ROOST_TYPE_semaphore] = &type_semaphore,
    [ROOST_TYPE_bounded_semaphore] = &type_bounded_semaphore,
    [ROOST_TYPE_condition] = &type_condition,
    [ROOST_TYPE_event] = &type_event,
    [ROOST_TYPE_barrier] = &type_barrier,
    [ROOST_TYPE_keyed_lock] = &type_keyed_lock,
};

/* ---- the parts ---- */

static void load_counters(struct loader *l)
{
    struct core *core = l->core;
    core->epoch = load_uint(l);
    core->start_us = load_past(l);
    core->now_us = load_past(l);
    core->last_session = load_uint(l);
    core->last_object = load_uint(l);
    core->last_token = load_uint(l);
    core->last_order = load_uint(l);
    load_limits(l);
    if (core->now_us < core->start_us)
        load_bad(l, "it was before it began");
}

static void load_object_head(struct loader *l, uint64_t *before)
{
    uint64_t id = load_uint(l), code = load_uint(l);
    struct slice name = load_bytes(l, NAME_BYTES_MAX);
    const struct type *type = code < TYPE_COUNT ? types[code] : NULL;
    if (id <= *before || id > l->core->last_object || type == NULL)
        load_bad(l, "an object's id is out of its order, or it is of no type");
    else if (!roost__utf8_ok(name) || (name.len > 0 && object_find_name(l->core, name) != NULL))
        load_bad(l, "an object's name is none, or another's");
    struct object *o = load_good(l) ? object_new(l->core, type, name) : NULL;
    if (o == NULL) {
        load_no_memory(l);
        return;
    }
    *before = o->id = id;
    object_add(l->core, o);
    o->owner = load_uint(l);
    o->since_us = load_past(l);
    o->refers = load_bool(l);
    o->signalled = load_bool(l);
    o->expiry = load_expiry(l, o, NULL, NULL);
}

static void load_objects(struct loader *l)
{
    uint64_t before = 0;
    for (size_t n = load_count(l); n > 0 && load_good(l); n--)
        load_object_head(l, &before);
    list_each (it, &l->core->objects) {
        struct object *o = container_of(it, struct object, in_core);
        bool referred = o->refers;
        struct object *account = memory_account(l->core, o);
        if (load_good(l))
            o->type->load(l, o);
        l->core->account = account;
        if (o->refers && !referred)
            load_bad(l, "an object refers to others, and does not know it");
    }
    list_each (it, &l->core->sessions)
        load_session_refs(l, container_of(it, struct session, in_core));
}

static void load_statistics(struct loader *l)
{
    l->core->call_count = load_uint(l);
    uint64_t before = 0;
    for (size_t n = load_count(l); n > 0 && load_good(l); n--) {
        uint64_t code = load_uint(l), calls = load_uint(l), errors = load_uint(l);
        const struct method *m = roost__method_by_code(code);
        if (m == NULL || code <= before || (calls == 0 && errors == 0)) {
            load_bad(l, "calls of no method, or out of order");
            return;
        }
        l->core->calls_by_row[m - roost__methods] = calls;
        l->core->errors_by_row[m - roost__methods] = errors;
        before = code;
    }
    list_each (it, &l->core->sessions)
        container_of(it, struct session, in_core)->calls = load_uint(l);
    list_each (it, &l->core->objects)
        container_of(it, struct object, in_core)->calls = load_uint(l);
}

static void load_all(struct loader *l)
{
    load_counters(l);
    load_sessions(l);
    load_objects(l);
    load_holds(l);
    load_waits(l);
    load_deliveries(l);
    load_statistics(l);
    if (load_good(l) && l->at != l->end)
        load_bad(l, "there is more behind the end");
}

/* ---- the frame around it ---- */

/* ROOST_OK, or why it cannot be what it should be. */
static int check_header(struct slice bytes)
{
    const uint8_t *p = bytes.data;
    if (bytes.len < SAVE_HEADER || memcmp(p, SAVE_MAGIC, SAVE_MAGIC_LEN) != 0)
        return roost__fail(ROOST_EDAMAGED, "these %zu bytes are no saved state of roost", bytes.len);
    uint32_t version = get_u32be(p + 8);
    if (version < SAVE_OLDEST || version > SAVE_VERSION)
        return roost__fail(ROOST_EDAMAGED, "the state is of version %" PRIu32 ", this roost reads %d to %d",
                           version, SAVE_OLDEST, SAVE_VERSION);
    uint64_t len = get_u64be(p + 12);
    if (len != bytes.len - SAVE_HEADER)
        return roost__fail(ROOST_EDAMAGED, "the state has %zu bytes, but should have %" PRIu64,
                           bytes.len - SAVE_HEADER, len);
    if (get_u32be(p + 20) != save_sum(p, (size_t)len))
        return roost__fail(ROOST_EDAMAGED, "the state's checksum is wrong: bytes have changed");
    return ROOST_OK;
}

/* Takes apart what was loaded until the fault: holds go with their objects, so that nobody is told. */
static void take_apart(struct loader *l)
{
    size_t holds = l->hold_len;
    for (size_t i = 0; i < holds; i++)
        list_remove(&l->holds[i]->in_session);
    loader_discard(l);
    core_destroy(l->core);
}

int core_load(const struct core_options *options, struct slice bytes, struct core **ret)
{
    int rc = check_header(bytes);
    if (rc != ROOST_OK)
        return rc;
    struct loader l = {.begin = bytes.data, .at = bytes.data + SAVE_HEADER, .end = bytes.data + bytes.len};
    l.version = get_u32be(bytes.data + 8);
    struct core_options widest = *options;
    widest.limits = &core_limits_widest;
    l.core = core_create(&widest);
    if (l.core == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for a core");
    load_all(&l);
    if (load_good(&l)) {
        loader_discard(&l);
        l.core->limits = l.limits;
        *ret = l.core;
        return ROOST_OK;
    }
    take_apart(&l);
    if (l.code == ROOST_ENOMEM)
        return roost__fail(ROOST_ENOMEM, "no memory for the state");
    return roost__fail(l.code, "the state is damaged at byte %td: %s", l.where - l.begin, l.why);
}
