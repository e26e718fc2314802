/* model_transact.c: several calls or none: a copy of the model is kept, to go back to it; see model.h. */
#include "tests/sim/model.h"

static struct model before; /* one transaction runs at a time */

static void copy(struct model *to, const struct model *from)
{
    memcpy(to, from, offsetof(struct model, objects) + from->object_count * sizeof(from->objects[0]));
}

/* ---- conditions ---- */

static bool is_text(struct slice v, const char *text)
{
    struct item it = scan_value(v);
    return slice_equal(slice_of(it.as.bytes, it.len), slice_str(text));
}

static size_t length_at(struct mobject *o, struct slice path)
{
    struct mvalue v;
    if (path.len == 0)
        return o->items.len;
    if (model_at(o, path, &v) != 0)
        return 0;
    struct item it = scan_value(vslice(&v));
    return it.kind == ROOST_MAP || it.kind == ROOST_ARRAY ? it.len : 0;
}

static bool has_value(struct mobject *o, struct slice path, struct slice value)
{
    struct mvalue v;
    uint8_t bytes[16];
    struct buf b = {.data = bytes, .cap = sizeof(bytes), .max = sizeof(bytes)};
    if (o->type != ROOST_TYPE_value)
        return model_at(o, path, &v) == 0 && same(vslice(&v), value);
    roost__put_int(&b, o->value);
    return same(buf_slice(&b), value);
}

static bool is_present(struct mobject *o, struct slice path)
{
    struct mvalue v;
    if (o->type != ROOST_TYPE_set)
        return model_at(o, path, &v) == 0;
    struct item head;
    const uint8_t *p = roost__scan_item(path.data, &head);
    struct slice wanted = scan_next(&p);
    for (size_t i = 0; i < o->items.len; i++)
        if (same(vslice(&o->items.at[i].value), wanted))
            return true;
    return false;
}

/* Does a condition hold? A code when it never will. */
static int holds(struct model *m, struct slice condition, bool *ret)
{
    struct item head;
    struct slice part[4] = {{0}};
    const uint8_t *p = roost__scan_item(condition.data, &head);
    for (uint32_t i = 0; i < head.len; i++)
        part[i] = scan_next(&p);
    uint64_t id = model_said(m, part[1]);
    struct mobject *o = model_object(m, id);
    uint64_t n = part[2].len > 0 ? scan_value(part[2]).as.u : 1;
    if (o == NULL)
        return ROOST_ENOENT;
    if (is_text(part[0], "equals"))
        *ret = has_value(o, part[2], part[3]);
    else if (is_text(part[0], "present"))
        *ret = is_present(o, part[2]);
    else if (is_text(part[0], "absent"))
        *ret = !is_present(o, part[2]);
    else if (is_text(part[0], "token"))
        *ret = hold_by_token(m, id, n) != NULL;
    else if (is_text(part[0], "len"))
        *ret = length_at(o, part[3]) >= n;
    else if (is_text(part[0], "not_empty"))
        *ret = o->items.len > 0;
    else
        *ret = !o->flag && queue_fits(o, n) && line_len(m, id, 'p') == 0;
    bool of_queue = is_text(part[0], "not_empty") || is_text(part[0], "has_room");
    return of_queue && !*ret && o->flag ? ROOST_ESHUTDOWN : 0;
}

static int all_hold(struct model *m, struct slice conditions, bool *ret)
{
    struct item head;
    const uint8_t *p = roost__scan_item(conditions.data, &head);
    *ret = true;
    for (uint32_t i = 0; i < head.len; i++) {
        bool one = false;
        int code = holds(m, scan_next(&p), &one);
        if (code != 0)
            return code;
        *ret = *ret && one;
    }
    return 0;
}

/* ---- calls ---- */

static void run(struct model *m, const struct mcall *t, struct slice call)
{
    struct item head, it;
    const uint8_t *p = roost__scan_item(call.data, &head);
    struct mcall c = {.session = t->session, .number = t->number, .thread = t->thread};
    c.id = model_said(m, scan_next(&p));
    c.method = (unsigned)scan_value(scan_next(&p)).as.u;
    struct slice args = scan_next(&p);
    c.path = head.len > 3 ? scan_next(&p) : slice_of(NULL, 0);
    p = roost__scan_item(args.data, &it);
    for (c.argc = 0; c.argc < it.len; c.argc++)
        c.arg[c.argc] = scan_next(&p);
    model_serve(m, &c);
}

static void commit(struct model *m, const struct mcall *t, size_t at)
{
    m->in_transaction = false;
    m->begun_at = at;
    say_end(m, t, true);
    model_refuse_guarded(m);
    for (size_t i = 0; i < m->wake_count; i++)
        model_wake_now(m, m->wakes[i].object, m->wakes[i].what);
    m->wake_count = 0;
}

/* A call that names what is not there is wrong from the start. */
static bool names_all(struct model *m, struct slice calls)
{
    struct item head;
    const uint8_t *p = roost__scan_item(calls.data, &head);
    for (uint32_t i = 0; i < head.len; i++) {
        const uint8_t *target = roost__scan_item(p, &(struct item){0});
        if (model_said(m, scan_next(&target)) == 0)
            return false;
        p = roost__scan_skip(p);
    }
    return true;
}

/* All calls, or none. */
static void apply(struct model *m, const struct mcall *t, struct slice calls)
{
    struct item head;
    const uint8_t *p = roost__scan_item(calls.data, &head);
    size_t at = m->out.len;
    copy(&before, m);
    m->in_transaction = true;
    m->code = 0;
    roost__put_array(&m->out, head.len);
    for (uint32_t i = 0; i < head.len && m->code == 0; i++)
        run(m, t, scan_next(&p));
    if (m->code == 0) {
        commit(m, t, at);
        return;
    }
    int code = m->code;
    struct buf out = m->out; /* it may have grown */
    copy(m, &before);
    m->out = out;
    m->out.len = at;
    say_error(m, t, code);
}

/* ---- waiting ---- */

void model_transact(struct model *m, struct mcall *c)
{
    bool hold = false;
    int code = names_all(m, c->arg[1]) ? all_hold(m, c->arg[0], &hold) : ROOST_ENOENT;
    if (code != 0) {
        say_error(m, c, code);
    } else if (hold) {
        apply(m, c, c->arg[1]);
    } else if (int_arg(c, 2, -1) == 0) {
        say_error(m, c, ROOST_ETIMEDOUT);
    } else {
        struct mwaiter *w = model_park(m, c, 'x', int_arg(c, 2, -1));
        assert(c->arg[0].len + c->arg[1].len <= M_CLAUSES);
        memcpy(w->clauses, c->arg[0].data, c->arg[0].len);
        memcpy(w->clauses + c->arg[0].len, c->arg[1].data, c->arg[1].len);
    }
}

bool model_retry(struct model *m)
{
    bool any = false;
    for (size_t i = 0; i < m->waiter_count; i++) {
        struct mwaiter w = m->waiters[i];
        if (w.line != 'x')
            continue;
        bool hold = false;
        struct mcall c = mcall_of_waiter(&w);
        const uint8_t *p = w.clauses;
        struct slice conditions = scan_next(&p), calls = scan_next(&p);
        int code = all_hold(m, conditions, &hold);
        if (code == 0 && !hold)
            continue;
        waiter_drop(m, i);
        code != 0 ? say_error(m, &c, code) : apply(m, &c, calls);
        any = true;
        i = (size_t)-1; /* first come, first served: look at all again */
    }
    return any;
}

void model_transact_deleted(struct model *m, uint64_t object)
{
    for (size_t i = 0; i < m->waiter_count; i++) {
        struct mwaiter w = m->waiters[i];
        struct item head;
        const uint8_t *p = w.clauses;
        bool named = false;
        if (w.line != 'x')
            continue;
        p = roost__scan_item(p, &head);
        for (uint32_t k = 0; k < head.len; k++) {
            const uint8_t *target = roost__scan_skip(roost__scan_item(p, &(struct item){0}));
            named = named || scan_value(scan_next(&target)).as.u == object;
            p = roost__scan_skip(p);
        }
        if (!named)
            continue;
        struct mcall c = mcall_of_waiter(&w);
        waiter_drop(m, i--);
        say_error(m, &c, ROOST_EDELETED);
    }
}
