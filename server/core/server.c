/* server.c: the server's own methods: what there is, who holds it, who waits. */
#include "core/expiry.h"
#include "core/handlers.h"
#include "core/memory.h"
#include "core/rights.h"

void on_server_ping(struct call *c)
{
    arg_given(c, 0) ? reply_raw(c, c->arg[0]) : reply_nil(c);
}

void put_count(struct buf *out, const char *name, uint64_t n)
{
    roost__put_cstr(out, name);
    roost__put_uint(out, n);
}

void on_server_info(struct call *c)
{
    const struct core *core = c->core;
    struct buf *out = reply_begin(c->core, &c->caller);
    roost__put_map(out, 17);
    roost__put_cstr(out, "version");
    roost__put_cstr(out, ROOST_VERSION);
    put_count(out, "protocol", PROTOCOL_VERSION);
    put_count(out, "epoch", core->epoch);
    put_count(out, "uptime_ms", (uint64_t)(core->now_us - core->start_us) / 1000);
    put_count(out, "sessions", core->session_count);
    put_count(out, "detached", core->graces.len);
    put_count(out, "kept", core->kept_count);
    put_count(out, "kept_bytes", core->kept_bytes);
    put_count(out, "objects", core->object_count);
    put_count(out, "named", core->objects_by_name.len);
    put_count(out, "memory", memory_used(core));
    put_count(out, "waiters", core->waiter_count);
    put_count(out, "holds", core->hold_count);
    put_count(out, "deliveries", core->delivery_count);
    put_count(out, "calls", core->call_count);
    put_count(out, "rings", core->rings);
    roost__put_cstr(out, "limits");
    core_put_limits(core, out);
    reply_end(c->core, &c->caller);
    c->done = true;
}

static bool is_listed(const struct call *c, const struct object *o, int wanted)
{
    return (wanted < 0 || o->type->code == (roost_type)wanted) &&
           rights_allow(c->caller.session, o, RIGHT_READ);
}

void on_server_list(struct call *c)
{
    int wanted = -1;
    if (arg_given(c, 0)) {
        struct slice name = arg_bytes(c, 0);
        wanted = roost__type_by_name((const char *)name.data, name.len);
        if (wanted < 0) {
            fail(c, ROOST_EINVAL, "there is no type \"%.*s\"", name.len < 64 ? (int)name.len : 64,
                 (const char *)name.data);
            return;
        }
    }
    size_t n = 0;
    list_each (it, &c->core->objects)
        n += is_listed(c, container_of(it, struct object, in_core), wanted);
    struct buf *out = reply_begin(c->core, &c->caller);
    roost__put_array(out, n);
    list_each (it, &c->core->objects) {
        const struct object *o = container_of(it, struct object, in_core);
        if (is_listed(c, o, wanted))
            object_describe(c->core, o, out);
    }
    reply_end(c->core, &c->caller);
    c->done = true;
}

struct object *object_said(struct call *c, const struct item *it)
{
    bool by_name = it->kind == ROOST_STR;
    unsigned need = c->method->code == METHOD_server_find ? RIGHT_ANY : rights_of_method(c->method);
    if (by_name && !rights_check_name(c, slice_of(it->as.bytes, it->len), need))
        return NULL;
    struct object *o =
        by_name ? object_find_name(c->core, slice_of(it->as.bytes, it->len)) : object_find(c->core, it->as.u);
    if (o == NULL && by_name)
        fail(c, ROOST_ENOENT, "no object is named \"%.*s\"", it->len < 200 ? (int)it->len : 200,
             (const char *)it->as.bytes);
    else if (o == NULL)
        fail(c, ROOST_ENOENT, "no object has the id %llu", (unsigned long long)it->as.u);
    else if (!rights_check(c, o, need))
        return NULL;
    return o;
}

/* The object that argument 0 names or refers to. NULL: the call has failed. */
static struct object *object_arg(struct call *c)
{
    struct item it = scan_value(c->arg[0]);
    return object_said(c, &it);
}

void on_server_find(struct call *c)
{
    struct object *o = object_arg(c);
    if (o != NULL)
        reply_ref(c, o);
}

void on_server_describe(struct call *c)
{
    const struct object *o = object_arg(c);
    if (o == NULL)
        return;
    object_describe(c->core, o, reply_begin(c->core, &c->caller));
    reply_end(c->core, &c->caller);
    c->done = true;
}

void put_words(struct buf *out, const char *name, const char *text)
{
    roost__put_cstr(out, name);
    text != NULL ? roost__put_cstr(out, text) : roost__put_nil(out);
}

/* Five pairs that say who a session is. */
static void put_session(struct buf *out, const struct session *s, uint64_t thread)
{
    put_count(out, "session", s->id);
    put_count(out, "thread", thread);
    put_words(out, "host", s->host);
    put_count(out, "pid", s->pid);
    put_words(out, "label", s->label);
}

static void put_age(const struct core *core, struct buf *out, int64_t since_us, const struct deadline *d)
{
    put_count(out, "age_ms", (uint64_t)(core->now_us - since_us) / 1000);
    roost__put_cstr(out, "left_ms");
    roost__put_int(out, deadline_left_ms(core, d));
}

static void put_key(struct buf *out, const struct slot *slot)
{
    struct slice key = slot_key(slot);
    buf_append(out, key.data, key.len);
}

void put_holder(const struct core *core, struct buf *out, const struct hold *h)
{
    roost__put_map(out, h->slot != NULL ? 10 : 9);
    put_session(out, h->session, h->thread);
    put_count(out, "token", h->token);
    put_count(out, "depth", h->depth);
    put_age(core, out, h->since_us, &h->deadline);
    if (h->slot != NULL) {
        roost__put_cstr(out, "key");
        put_key(out, h->slot);
    }
}

/* Which keys a waiter of a keyed_lock wants. */
static void put_wanted_keys(struct buf *out, const struct waiter *w)
{
    roost__put_cstr(out, "keys");
    roost__put_array(out, w->place_count);
    for (size_t i = 0; i < w->place_count; i++)
        put_key(out, w->places[i].slot);
}

static void put_waiter(const struct core *core, struct buf *out, const struct waiter *w)
{
    bool keys = w->places[0].slot != NULL;
    roost__put_map(out, keys ? 9 : 8);
    put_session(out, w->caller.session, w->caller.thread);
    put_words(out, "method", w->method->name);
    put_age(core, out, w->since_us, &w->deadline);
    if (keys)
        put_wanted_keys(out, w);
}

void on_server_who(struct call *c)
{
    const struct object *o = object_arg(c);
    if (o == NULL)
        return;
    struct buf *out = reply_begin(c->core, &c->caller);
    roost__put_map(out, 5);
    put_count(out, "id", o->id);
    put_words(out, "type", roost_type_name(o->type->code));
    put_words(out, "name", o->name);
    roost__put_cstr(out, "holders");
    roost__put_array(out, list_count(&o->holds));
    list_each (it, &o->holds)
        put_holder(c->core, out, container_of(it, struct hold, in_object));
    roost__put_cstr(out, "waiters");
    size_t waiting = 0;
    for (unsigned i = 0; i < LINES_MAX; i++)
        waiting += line_len(o, i);
    roost__put_array(out, waiting);
    for (unsigned i = 0; i < LINES_MAX; i++)
        list_each (it, &o->lines[i].places)
            put_waiter(c->core, out, place_of(it)->waiter);
    reply_end(c->core, &c->caller);
    c->done = true;
}

void on_server_delete(struct call *c)
{
    struct object *o = object_arg(c);
    if (o == NULL)
        return;
    rights_note_act(c, o);
    reply_nil(c);
    object_destroy(c->core, o);
}

/* Reads the next non-negative integer of an array argument; else the call has failed. */
static bool next_id(struct call *c, const uint8_t **p, uint64_t *ret)
{
    struct item it;
    roost__scan_item(*p, &it);
    *p = roost__scan_skip(*p);
    if (it.kind != ROOST_INT || it.as.i < 0) {
        fail(c, ROOST_EINVAL, "ids and counts must be integers >= 0");
        return false;
    }
    *ret = it.as.u;
    return true;
}

void on_server_retain(struct call *c)
{
    struct item head;
    const uint8_t *p = roost__scan_item(c->arg[0].data, &head);
    for (uint32_t i = 0; i < head.len; i++) {
        uint64_t id;
        if (!next_id(c, &p, &id))
            return;
        struct object *o = object_find(c->core, id);
        if (o != NULL && !rights_check(c, o, RIGHT_ANY))
            return;
        if (o != NULL && !session_retain(c->core, c->caller.session, o)) {
            fail_memory(c);
            return;
        }
    }
    reply_nil(c);
}

void on_server_release(struct call *c)
{
    struct item head;
    const uint8_t *p = roost__scan_item(c->arg[0].data, &head);
    for (uint32_t i = 0; i + 1 < head.len; i += 2) {
        uint64_t id, count;
        if (!next_id(c, &p, &id) || !next_id(c, &p, &count))
            return;
        session_release(c->core, c->caller.session, id, count);
    }
    reply_nil(c);
}

void on_server_methods(struct call *c)
{
    struct buf *out = reply_begin(c->core, &c->caller);
    roost__put_map(out, roost__method_count);
    for (unsigned i = 0; i < roost__method_count; i++) {
        char name[64];
        snprintf(name, sizeof(name), "%s.%s", roost_type_name(roost__methods[i].type),
                 roost__methods[i].name);
        put_count(out, name, c->core->calls_by_row[i]);
    }
    reply_end(c->core, &c->caller);
    c->done = true;
}

void on_server_expire(struct call *c)
{
    int64_t ttl_ms;
    struct object *o = expiry_arg(c, 1, &ttl_ms) ? object_arg(c) : NULL;
    struct expiry *x = o != NULL ? expiry_new(c, NULL, ttl_ms) : NULL;
    if (x == NULL)
        return;
    expiry_of_object(c->core, x, o);
    reply_nil(c);
}

void on_server_ttl(struct call *c)
{
    const struct object *o = object_arg(c);
    if (o != NULL)
        reply_int(c, expiry_left_ms(c->core, o->expiry));
}

void on_server_persist(struct call *c)
{
    struct object *o = object_arg(c);
    if (o == NULL)
        return;
    reply_bool(c, o->expiry != NULL);
    expiry_free(c->core, o->expiry);
    o->expiry = NULL;
}
