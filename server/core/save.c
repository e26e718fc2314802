/* save.c: the whole core as bytes; see save.h for the parts and FORMAT.md for the format. */
#include <sodium.h>

#include "base/crc32c.h"
#include "core/expiry.h"
#include "core/save.h"

static void save_counters(const struct core *core, struct buf *out)
{
    save_uint(out, core->epoch);
    save_int(out, core->start_us);
    save_int(out, core->now_us);
    save_uint(out, core->last_session);
    save_uint(out, core->last_object);
    save_uint(out, core->last_token);
    save_uint(out, core->last_order);
    save_limits(core, out);
}

/* What references lead to is there before any reference is. */
static void save_objects(const struct core *core, struct buf *out)
{
    save_uint(out, core->object_count);
    list_each (it, &core->objects) {
        const struct object *o = container_of(it, struct object, in_core);
        save_uint(out, o->id);
        save_uint(out, o->type->code);
        save_bytes(out, slice_of(o->name, o->name_len));
        save_uint(out, o->owner);
        save_int(out, o->since_us);
        save_uint(out, o->refers);
        save_uint(out, o->signalled);
        save_expiry(out, o->expiry);
    }
    list_each (it, &core->objects) {
        const struct object *o = container_of(it, struct object, in_core);
        o->type->save(o, out);
    }
    list_each (it, &core->sessions)
        save_session_refs(container_of(it, struct session, in_core), out);
}

static void save_state(const struct core *core, struct buf *out)
{
    save_counters(core, out);
    save_sessions(core, out);
    save_objects(core, out);
    save_holds(core, out);
    save_waits(core, out);
    save_deliveries(core, out);
}

static bool was_called(const struct core *core, unsigned row)
{
    return core->calls_by_row[row] > 0 || core->errors_by_row[row] > 0;
}

/* How often each method was called: by its code, so that the table may grow; and who called, and what. */
static void save_statistics(const struct core *core, struct buf *out)
{
    size_t called = 0;
    for (unsigned i = 0; i < roost__method_count; i++)
        called += was_called(core, i);
    save_uint(out, core->call_count);
    save_uint(out, called);
    for (unsigned i = 0; i < roost__method_count; i++) {
        if (!was_called(core, i))
            continue;
        save_uint(out, roost__methods[i].code);
        save_uint(out, core->calls_by_row[i]);
        save_uint(out, core->errors_by_row[i]);
    }
    list_each (it, &core->sessions)
        save_uint(out, container_of(it, struct session, in_core)->calls);
    list_each (it, &core->objects)
        save_uint(out, container_of(it, struct object, in_core)->calls);
}

/* Between two steps nothing is under way. */
static void check_rest(const struct core *core)
{
    assert(core->effects == NULL && core->undo == NULL);
    assert(list_empty(&core->doomed) && list_empty(&core->suspects));
    assert(list_empty(&core->due_lines) && list_empty(&core->woken));
}

uint32_t save_sum(const uint8_t *header, size_t n)
{
    uint32_t sum = get_u32be(header + 8) == 1 ? 0 : roost__crc32c(0, header, SAVE_HEADER - 4);
    return roost__crc32c(sum, header + SAVE_HEADER, n);
}

int core_save(const struct core *core, struct buf *out)
{
    static const uint8_t room[SAVE_HEADER];
    size_t at = out->len;
    check_rest(core);
    buf_append(out, room, sizeof(room));
    save_state(core, out);
    save_statistics(core, out);
    if (out->failed) {
        out->len = at;
        return ROOST_ENOMEM;
    }
    uint8_t *header = out->data + at;
    size_t len = out->len - at - SAVE_HEADER;
    memcpy(header, SAVE_MAGIC, SAVE_MAGIC_LEN);
    put_u32be(header + 8, SAVE_VERSION);
    put_u64be(header + 12, len);
    put_u32be(header + 20, save_sum(header, len));
    return ROOST_OK;
}

int core_hash(const struct core *core, uint8_t ret[CORE_HASH_LEN])
{
    struct buf state = buf_make(SIZE_MAX / 2);
    check_rest(core);
    save_state(core, &state);
    bool failed = state.failed;
    if (!failed)
        crypto_generichash(ret, CORE_HASH_LEN, state.data, state.len, NULL, 0);
    roost__buf_free(&state);
    return failed ? ROOST_ENOMEM : ROOST_OK;
}
