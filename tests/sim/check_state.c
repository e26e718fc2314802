/* check_state.c: what server.list, server.who and server.info say, held against the model; see world.h. */
#include <inttypes.h>

#include "tests/sim/world.h"

/* Calls that only the cores understand: the model is not asked, the cores must agree. */
struct slice observe(struct world *w, uint64_t target, unsigned method, struct slice args)
{
    struct buf b = w->scratch;
    buf_reset(&b);
    roost__put_array(&b, CALL_PARTS);
    roost__put_int(&b, FRAME_CALL);
    roost__put_uint(&b, ++w->observed);
    roost__put_uint(&b, 0);
    roost__put_uint(&b, target);
    roost__put_uint(&b, method);
    buf_append(&b, args.data, args.len);
    w->scratch = b;
    struct event event = {.kind = EVENT_CALL,
                          .now_us = w->model->now_us,
                          .session = w->observer,
                          .payload = buf_slice(&w->scratch)};
    for (int i = 0; i < 2; i++) {
        effects_reset(&w->effects[i]);
        core_step(w->core[i], &event, &w->effects[i]);
    }
    const struct effects *x = &w->effects[0], *y = &w->effects[1];
    if (x->len != 1 || x->bytes.len != y->bytes.len ||
        memcmp(x->bytes.data, y->bytes.data, x->bytes.len) != 0)
        fail_world(w, "equal histories, other states: %s", roost__method_by_code(method)->name);
    const uint8_t *p = x->bytes.data + FRAME_HEADER;
    struct item it;
    p = roost__scan_item(p, &it);
    if (it.len != 3)
        return slice_of(NULL, 0);
    p = roost__scan_skip(roost__scan_skip(p));
    return scan_next(&p);
}

static uint64_t number_in(struct slice map, const char *key)
{
    return roost__map_item(map, key).as.u;
}

/* The array behind a key of a map. */
static const uint8_t *array_in(struct slice map, const char *key, uint32_t *ret_len)
{
    struct item it;
    const uint8_t *p = roost__scan_item(map.data, &it);
    for (uint32_t i = it.len; i > 0; i--) {
        struct item name = scan_value(scan_next(&p));
        if (slice_equal(slice_of(name.as.bytes, name.len), slice_str(key))) {
            p = roost__scan_item(p, &it);
            *ret_len = it.len;
            return p;
        }
        p = roost__scan_skip(p);
    }
    *ret_len = 0;
    return p;
}

static void check_holders(struct world *w, uint64_t id, struct slice who)
{
    uint32_t n, i = 0;
    const uint8_t *p = array_in(who, "holders", &n);
    for (size_t k = 0; k < w->model->hold_count; k++) {
        const struct mhold *h = &w->model->holds[k];
        if (h->what.object != id)
            continue;
        struct slice said = i++ < n ? scan_next(&p) : slice_of("\x80", 1);
        if (number_in(said, "session") != h->session || number_in(said, "thread") != h->thread ||
            number_in(said, "token") != h->token || number_in(said, "depth") != h->depth)
            fail_world(w,
                       "object %" PRIu64 ": holder %u is session %" PRIu64 " token %" PRIu64
                       ", expected session %" PRIu64 " token %" PRIu64,
                       id, i, number_in(said, "session"), number_in(said, "token"), h->session, h->token);
    }
    if (i != n)
        fail_world(w, "object %" PRIu64 ": %u hold it, expected %u", id, n, i);
}

static void check_waiters(struct world *w, uint64_t id, struct slice who)
{
    uint32_t n, i = 0;
    const uint8_t *p = array_in(who, "waiters", &n);
    for (const char *line = "tgpjweb"; *line != '\0'; line++)
        for (size_t k = 0; k < w->model->waiter_count; k++) {
            const struct mwaiter *x = &w->model->waiters[k];
            bool here = x->line == *line && (*line != 't' ? x->object == id : false);
            for (unsigned v = 0; v < x->want_count && *line == 't' && x->line == 't'; v++)
                here = here || x->wants[v].object == id;
            if (!here)
                continue;
            struct slice said = i++ < n ? scan_next(&p) : slice_of("\x80", 1);
            if (number_in(said, "session") != x->session || number_in(said, "thread") != x->thread)
                fail_world(w, "object %" PRIu64 ": waiter %u is session %" PRIu64 ", expected %" PRIu64, id,
                           i, number_in(said, "session"), x->session);
        }
    if (i != n)
        fail_world(w, "object %" PRIu64 ": %u wait, expected %u", id, n, i);
}

static void check_object(struct world *w, uint64_t id, struct slice said)
{
    size_t refs = 0;
    const struct mobject *o = &w->model->objects[id - 1];
    for (size_t i = 0; i < w->model->session_count; i++)
        refs += w->model->sessions[i].live && w->model->sessions[i].refs[id - 1] > 0;
    if (number_in(said, "id") != id)
        fail_world(w, "object %" PRIu64 " is there, expected %" PRIu64, number_in(said, "id"), id);
    if (number_in(said, "session_refs") != refs ||
        number_in(said, "stored_refs") != stored_refs(w->model, id))
        fail_world(w,
                   "object %" PRIu64 ": %" PRIu64 " sessions and %" PRIu64
                   " stored references, expected %zu and %zu",
                   id, number_in(said, "session_refs"), number_in(said, "stored_refs"), refs,
                   stored_refs(w->model, id));
    if (o->type == ROOST_TYPE_queue && number_in(said, "unfinished") != (uint64_t)o->unfinished)
        fail_world(w, "queue %" PRIu64 ": %" PRIu64 " unfinished, expected %" PRId64, id,
                   number_in(said, "unfinished"), o->unfinished);
}

static void check_who(struct world *w, uint64_t id)
{
    uint8_t bytes[32];
    struct buf args = {.data = bytes, .cap = sizeof(bytes), .max = sizeof(bytes)};
    roost__put_array(&args, 1);
    roost__put_ref(&args, id, w->model->objects[id - 1].type);
    struct slice who = observe(w, 0, METHOD_server_who, buf_slice(&args));
    check_holders(w, id, who);
    check_waiters(w, id, who);
}

static void check_counts(struct world *w, struct slice info)
{
    size_t sessions = 0, kept = 0;
    for (size_t i = 0; i < w->model->session_count; i++) {
        sessions += w->model->sessions[i].live;
        kept += w->model->sessions[i].live ? w->model->sessions[i].kept_count : 0;
    }
    if (number_in(info, "sessions") != sessions || number_in(info, "kept") != kept ||
        number_in(info, "waiters") != w->model->waiter_count ||
        number_in(info, "holds") != w->model->hold_count ||
        number_in(info, "deliveries") != w->model->delivery_count)
        fail_world(w,
                   "the counts of server.info: kept %" PRIu64 "/%zu, deliveries %" PRIu64
                   "/%zu, holds %" PRIu64 "/%zu",
                   number_in(info, "kept"), kept, number_in(info, "deliveries"), w->model->delivery_count,
                   number_in(info, "holds"), w->model->hold_count);
}

void check_state(struct world *w)
{
    struct item it;
    struct slice list = observe(w, 0, METHOD_server_list, slice_of("\x90", 1));
    const uint8_t *p = roost__scan_item(list.data, &it);
    uint32_t n = 0;
    for (uint64_t id = 1; id <= w->model->object_count; id++)
        if (w->model->objects[id - 1].live) {
            if (n++ >= it.len)
                fail_world(w, "object %" PRIu64 " is gone", id);
            check_object(w, id, scan_next(&p));
        }
    if (n != it.len)
        fail_world(w, "%u objects, expected %u", it.len, n);
    for (uint64_t id = 1; id <= w->model->object_count; id++)
        if (w->model->objects[id - 1].live && line_len(w->model, id, 't') + w->model->hold_count > 0)
            check_who(w, id);
    check_counts(w, observe(w, 0, METHOD_server_info, slice_of("\x90", 1)));
}

void check_empty(struct world *w)
{
    struct slice info = observe(w, 0, METHOD_server_info, slice_of("\x90", 1));
    static const char *const nothing[] = {"objects",    "named", "waiters",    "holds",
                                          "deliveries", "kept",  "kept_bytes", "detached"};
    for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++)
        if (number_in(info, nothing[i]) != 0)
            fail_world(w, "left at the end: %" PRIu64 " %s", number_in(info, nothing[i]), nothing[i]);
    if (number_in(info, "sessions") != 1)
        fail_world(w, "left at the end: %" PRIu64 " sessions", number_in(info, "sessions") - 1);
}
