/* model_object.c: objects: names, references, what is reachable; the server's own methods; see model.h. */
#include "tests/sim/model.h"

struct mobject *model_object(struct model *m, uint64_t id)
{
    return id > 0 && id <= m->object_count && m->objects[id - 1].live ? &m->objects[id - 1] : NULL;
}

struct mobject *model_named(struct model *m, struct slice name, uint64_t *ret_id)
{
    for (uint64_t id = 1; id <= m->object_count; id++) {
        struct mobject *o = &m->objects[id - 1];
        if (o->live && o->name[0] != '\0' && slice_equal(slice_str(o->name), name)) {
            *ret_id = id;
            return o;
        }
    }
    return NULL;
}

uint64_t model_said(struct model *m, struct slice value)
{
    struct item it = scan_value(value);
    uint64_t id = 0;
    if (it.kind == ROOST_STR)
        return model_named(m, slice_of(it.as.bytes, it.len), &id) != NULL ? id : 0;
    return model_object(m, it.as.u) != NULL ? it.as.u : 0;
}

/* ---- what is reachable ---- */

struct marks {
    bool on[M_OBJECTS];
    bool changed;
};

static void mark(void *context, uint64_t id)
{
    struct marks *k = context;
    if (id <= M_OBJECTS && !k->on[id - 1])
        k->on[id - 1] = k->changed = true;
}

static void each_stored(const struct model *m, uint64_t id, void (*visit)(void *context, uint64_t id),
                        void *context)
{
    const struct mobject *o = &m->objects[id - 1];
    if (o->type == ROOST_TYPE_condition)
        visit(context, o->lock);
    for (size_t i = 0; i < o->items.len; i++)
        if (o->items.at[i].value.ref)
            each_ref_in(vslice(&o->items.at[i].value), visit, context);
    for (size_t i = 0; i < m->waiter_count && o->type == ROOST_TYPE_queue; i++)
        for (unsigned k = 0; k < m->waiters[i].put_count && m->waiters[i].object == id; k++)
            each_ref_in(vslice(&m->waiters[i].put[k]), visit, context);
}

static void each_delivered(const struct model *m, void (*visit)(void *context, uint64_t id), void *context)
{
    for (size_t i = 0; i < m->delivery_count; i++)
        for (size_t k = 0; k < m->deliveries[i].len; k++)
            each_ref_in(vslice(&m->deliveries[i].items[k]), visit, context);
}

static bool has_session(const struct model *m, uint64_t id)
{
    for (size_t i = 0; i < m->session_count; i++)
        if (m->sessions[i].live && m->sessions[i].refs[id - 1] > 0)
            return true;
    return false;
}

bool model_sweep(struct model *m)
{
    bool any = false;
    while (m->dropped) {
        struct marks k = {0};
        m->dropped = false;
        for (uint64_t id = 1; id <= m->object_count; id++)
            k.on[id - 1] = m->objects[id - 1].name[0] != '\0' || has_session(m, id);
        each_delivered(m, mark, &k);
        do {
            k.changed = false;
            for (uint64_t id = 1; id <= m->object_count; id++)
                if (k.on[id - 1] && m->objects[id - 1].live)
                    each_stored(m, id, mark, &k);
        } while (k.changed);
        for (uint64_t id = 1; id <= m->object_count; id++)
            if (!k.on[id - 1] && m->objects[id - 1].live)
                model_destroy(m, id), any = true;
    }
    return any;
}

static void count(void *context, uint64_t id)
{
    uint64_t *counts = context;
    counts[id - 1]++;
}

size_t stored_refs(const struct model *m, uint64_t id)
{
    uint64_t counts[M_OBJECTS] = {0};
    for (uint64_t i = 1; i <= m->object_count; i++)
        if (m->objects[i - 1].live)
            each_stored(m, i, count, counts);
    each_delivered(m, count, counts);
    return counts[id - 1];
}

/* ---- birth and death ---- */

static uint64_t create(struct model *m, roost_type type, struct slice name)
{
    assert(m->object_count < M_OBJECTS);
    struct mobject *o = &m->objects[m->object_count++];
    memset(o, 0, offsetof(struct mobject, items) + sizeof(o->items.len));
    o->live = true;
    o->type = type;
    o->expires_us = NEVER;
    memcpy(o->name, name.data, name.len);
    return m->object_count;
}

void model_destroy(struct model *m, uint64_t id)
{
    struct mobject *o = model_object(m, id);
    o->live = false;
    o->name[0] = '\0';
    m->dropped = true;
    for (const char *line = "tgpjweb"; *line != '\0'; line++)
        send_away(m, id, *line, ROOST_EDELETED);
    model_transact_deleted(m, id);
    for (size_t i = m->hold_count; i-- > 0;)
        if (i < m->hold_count && m->holds[i].what.object == id) {
            hold_drop(m, i);
            i = m->hold_count; /* its guard may have taken others away */
        }
    for (size_t i = m->lapsed_count; i-- > 0;)
        if (m->lapsed[i].object == id)
            REMOVE_AT(m->lapsed, m->lapsed_count, i);
    for (size_t i = m->died_count; i-- > 0;)
        if (m->died[i].object == id)
            REMOVE_AT(m->died, m->died_count, i);
    for (size_t i = 0; i < m->session_count; i++)
        m->sessions[i].refs[id - 1] = 0;
}

/* Parameters given when it exists already; true when they agree. */
static bool agrees(struct model *m, const struct mcall *c, const struct mobject *o)
{
    switch ((int)o->type) {
    case ROOST_TYPE_queue:
        return int_arg(c, 1, o->max) == o->max &&
               (!given(c, 2) || *scan_value(c->arg[2]).as.bytes == o->kind);
    case ROOST_TYPE_semaphore:
    case ROOST_TYPE_bounded_semaphore:
        return int_arg(c, 1, o->initial) == o->initial;
    case ROOST_TYPE_barrier:
        return int_arg(c, 1, o->initial) == o->initial && int_arg(c, 2, o->value) == o->value;
    case ROOST_TYPE_value:
    case ROOST_TYPE_array:
        return !given(c, 1) || *scan_value(c->arg[1]).as.bytes == o->kind;
    case ROOST_TYPE_condition:
        (void)m;
        return !given(c, 1) || scan_value(c->arg[1]).as.u == o->lock;
    default:
        return true;
    }
}

/* A new object's parameters; 0 or a code. */
static int set_up(struct model *m, const struct mcall *c, uint64_t id)
{
    struct mobject *o = model_object(m, id);
    struct slice items = given(c, 1) ? c->arg[1] : slice_of("\x90", 1);
    static const uint8_t zero = 0;
    switch ((int)o->type) {
    case ROOST_TYPE_dict:
    case ROOST_TYPE_list:
    case ROOST_TYPE_set:
    case ROOST_TYPE_namespace:
        if (!storable(m, items))
            return ROOST_ENOENT;
        o->type == ROOST_TYPE_set ? set_fill(&o->items, items) : items_fill(&o->items, items);
        return 0;
    case ROOST_TYPE_queue:
        o->max = int_arg(c, 1, 0);
        o->kind = given(c, 2) ? (char)*scan_value(c->arg[2]).as.bytes : 'f';
        return 0;
    case ROOST_TYPE_semaphore:
    case ROOST_TYPE_bounded_semaphore:
        o->value = o->initial = int_arg(c, 1, 1);
        return 0;
    case ROOST_TYPE_barrier:
        o->initial = int_arg(c, 1, 0);
        o->value = int_arg(c, 2, -1);
        return o->initial == 0 ? ROOST_EINVAL : 0;
    case ROOST_TYPE_value:
        if (!given(c, 1))
            return ROOST_EINVAL;
        o->kind = (char)*scan_value(c->arg[1]).as.bytes;
        o->value = int_arg(c, 2, 0);
        return 0;
    case ROOST_TYPE_array:
        if (!given(c, 1) || !given(c, 2))
            return ROOST_EINVAL;
        o->kind = (char)*scan_value(c->arg[1]).as.bytes;
        for (int64_t i = 0; i < int_arg(c, 2, 0); i++)
            item_add(&o->items, slice_of(NULL, 0), slice_of(&zero, 1));
        return 0;
    case ROOST_TYPE_condition:
        o->lock = given(c, 1) ? scan_value(c->arg[1]).as.u : create(m, ROOST_TYPE_rlock, slice_of("", 0));
        if (model_object(m, o->lock) == NULL)
            return ROOST_ENOENT;
        return model_object(m, o->lock)->type == ROOST_TYPE_lock ||
                       model_object(m, o->lock)->type == ROOST_TYPE_rlock
                   ? 0
                   : ROOST_ETYPE;
    default:
        return 0;
    }
}

void model_open(struct model *m, struct mcall *c)
{
    struct item name = given(c, 0) ? scan_value(c->arg[0]) : (struct item){.as.bytes = (const uint8_t *)""};
    uint64_t id = 0;
    struct mobject *o = given(c, 0) ? model_named(m, slice_of(name.as.bytes, name.len), &id) : NULL;
    int code = 0;
    if (o != NULL) {
        code = o->type != c->method >> 8 || !agrees(m, c, o) ? ROOST_EEXIST : 0;
    } else {
        id = create(m, (roost_type)(c->method >> 8), slice_of(name.as.bytes, name.len));
        code = set_up(m, c, id);
        if (code != 0) {
            model_destroy(m, id);
            m->object_count--; /* nobody has seen its id */
        }
    }
    c->id = id;
    code == 0 ? say_ref(m, c, id) : say_error(m, c, code);
}

/* ---- the server's methods ---- */

static void retain(struct model *m, struct mcall *c, bool give)
{
    struct item it;
    struct msession *s = model_session(m, c->session);
    const uint8_t *p = roost__scan_item(c->arg[0].data, &it);
    for (uint32_t n = it.len; n > 0; n -= give ? 2 : 1) {
        uint64_t id = scan_value(scan_next(&p)).as.u, k = give ? scan_value(scan_next(&p)).as.u : 0;
        if (id == 0 || id > m->object_count)
            continue;
        unsigned *refs = &s->refs[id - 1];
        if (!give && m->objects[id - 1].live)
            ++*refs;
        else if (give)
            *refs -= k < *refs ? (unsigned)k : *refs;
    }
    m->dropped = m->dropped || give;
    say_nil(m, c);
}

static void expire(struct model *m, const struct mcall *c, struct mobject *o)
{
    if (int_arg(c, 1, 0) == 0) {
        say_error(m, c, ROOST_EINVAL);
        return;
    }
    if (o == NULL) {
        say_error(m, c, ROOST_ENOENT);
        return;
    }
    o->expires_us = m->now_us + int_arg(c, 1, 0) * 1000;
    o->order = ++m->last_order;
    say_nil(m, c);
}

static void object_call(struct model *m, struct mcall *c)
{
    c->id = model_said(m, c->arg[0]);
    struct mobject *o = model_object(m, c->id);
    if (c->method == METHOD_server_expire) {
        expire(m, c, o);
    } else if (o == NULL) {
        say_error(m, c, ROOST_ENOENT);
    } else if (c->method == METHOD_server_find) {
        say_ref(m, c, c->id);
    } else if (c->method == METHOD_server_ttl) {
        say_int(m, c, o->expires_us == NEVER ? -1 : (o->expires_us - m->now_us + 999) / 1000);
    } else if (c->method == METHOD_server_persist) {
        say_bool(m, c, o->expires_us != NEVER);
        o->expires_us = NEVER;
    } else {
        say_nil(m, c);
        model_destroy(m, c->id);
    }
}

void model_server_call(struct model *m, struct mcall *c)
{
    switch (c->method) {
    case METHOD_server_ping:
        given(c, 0) ? say_value(m, c, c->arg[0], false) : say_nil(m, c);
        break;
    case METHOD_server_retain:
    case METHOD_server_release:
        retain(m, c, c->method == METHOD_server_release);
        break;
    case METHOD_server_acquire:
    case METHOD_server_give_back:
        model_take_server(m, c);
        break;
    case METHOD_server_transact:
        model_transact(m, c);
        break;
    default:
        object_call(m, c);
    }
}
