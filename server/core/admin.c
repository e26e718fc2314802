/*
 * admin.c: what administrators ask and do: sessions and objects in pages, the end of a session, the counts;
 * and core_look(), which asks without being a session.
 *
 * Both lists are in the order of ids, so a page's cursor is the last id on it, and nothing is kept between
 * pages.
 */
#include "core/admin.h"

#include "base/error.h"
#include "core/effects.h"
#include "core/handlers.h"
#include "core/memory.h"
#include "core/rights.h"

enum { PAGE_LEN = 1000 };

/* How many on this page: argument 1, or as many as a page has. */
static uint32_t page_len(const struct call *c)
{
    int64_t max = arg_int(c, 1, PAGE_LEN);
    return max > 0 && max < PAGE_LEN ? (uint32_t)max : PAGE_LEN;
}

/* Where a page begins: behind the element `at`, or, when that is gone, at the first with a higher id. */
static struct list *page_start(struct list *head, struct list *at, uint64_t cursor,
                               uint64_t (*id_of)(const struct list *))
{
    if (cursor == 0)
        return head->next;
    if (at != NULL)
        return at->next;
    struct list *it = head->next;
    while (it != head && id_of(it) <= cursor)
        it = it->next;
    return it;
}

/* [[element, …], cursor] from `it` on. */
static void put_page(struct call *c, const struct list *head, const struct list *it,
                     bool (*shows)(const struct call *c, const struct list *it),
                     void (*put)(struct core *core, const struct list *it, struct buf *out),
                     uint64_t (*id_of)(const struct list *))
{
    uint32_t n = 0, max = page_len(c);
    for (const struct list *p = it; p != head && n < max; p = p->next)
        n += shows(c, p);
    struct buf *out = reply_begin(c->core, &c->caller);
    roost__put_array(out, 2);
    roost__put_array(out, n);
    uint64_t last = 0;
    for (; n > 0; it = it->next) {
        last = id_of(it);
        if (!shows(c, it))
            continue;
        put(c->core, it, out);
        n--;
    }
    while (it != head && !shows(c, it)) /* so that the last page says that it is */
        it = it->next;
    it != head ? roost__put_uint(out, last) : roost__put_nil(out);
    reply_end(c->core, &c->caller);
    c->done = true;
}

/* ---- sessions ---- */

static const struct session *session_at(const struct list *it)
{
    return container_of((struct list *)(uintptr_t)it, struct session, in_core);
}

static uint64_t session_id(const struct list *it)
{
    return session_at(it)->id;
}

static void put_session_row(struct core *core, const struct list *it, struct buf *out)
{
    const struct session *s = session_at(it);
    roost__put_map(out, 12);
    put_count(out, "id", s->id);
    put_words(out, "peer", s->peer);
    put_words(out, "label", s->label);
    put_words(out, "host", s->host);
    put_count(out, "pid", s->pid);
    put_count(out, "age_ms", (uint64_t)(core->now_us - s->since_us) / 1000);
    roost__put_cstr(out, "connected");
    roost__put_bool(out, !heap_has(&s->in_graces));
    put_count(out, "calls", s->calls);
    put_count(out, "held", list_count(&s->holds));
    put_count(out, "waiting", s->parked);
    put_count(out, "refs", s->refs_by_id.len);
    put_count(out, "kept_bytes", s->kept_bytes);
}

static bool shows_all(const struct call *c, const struct list *it)
{
    (void)c;
    (void)it;
    return true;
}

void on_server_sessions(struct call *c)
{
    uint64_t cursor = (uint64_t)arg_int(c, 0, 0);
    struct session *at = session_find(c->core, cursor);
    struct list *head = &c->core->sessions;
    put_page(c, head, page_start(head, at != NULL ? &at->in_core : NULL, cursor, session_id), shows_all,
             put_session_row, session_id);
}

void on_server_kill(struct call *c)
{
    uint64_t id = (uint64_t)arg_int(c, 0, 0);
    struct session *s = session_find(c->core, id);
    if (s == NULL) {
        fail(c, ROOST_ENOENT, "no session has the id %llu", (unsigned long long)id);
        return;
    }
    if (s == c->caller.session) {
        fail(c, ROOST_EINVAL, "a session does not kill itself: it closes");
        return;
    }
    reply_nil(c);
    c->core->effects->killed = id;
    session_lost(c->core, s);
}

/* ---- copies of the whole state ---- */

/* The shell makes it behind the step. Numbers are not given twice, though they are not saved: time is. */
void on_server_backup(struct call *c)
{
    struct core *core = c->core;
    uint64_t now = (uint64_t)core->now_us;
    core->last_copy = now > core->last_copy ? now : core->last_copy + 1;
    core->effects->backup = core->last_copy;
    reply_int(c, (int64_t)core->last_copy);
}

void on_server_backup_read(struct call *c)
{
    struct core *core = c->core;
    uint64_t id = (uint64_t)arg_int(c, 0, 0);
    struct slice bytes = {0};
    int rc =
        core->read_copy == NULL
            ? roost__fail(ROOST_ENOENT, "there is no backup %llu", (unsigned long long)id)
            : core->read_copy(core->copies, c->caller.session->id, id, (uint64_t)arg_int(c, 1, 0), &bytes);
    if (rc != ROOST_OK) {
        fail(c, rc, "%s", roost_errmsg());
        return;
    }
    struct buf *out = reply_begin(core, &c->caller);
    bytes.data != NULL ? roost__put_bytes(out, bytes) : roost__put_nil(out);
    reply_end(core, &c->caller);
    c->done = true;
}

/* ---- objects ---- */

static const struct object *object_at(const struct list *it)
{
    return container_of((struct list *)(uintptr_t)it, struct object, in_core);
}

static uint64_t object_id(const struct list *it)
{
    return object_at(it)->id;
}

static void put_object_row(struct core *core, const struct list *it, struct buf *out)
{
    object_describe(core, object_at(it), out);
}

static bool shows_object(const struct call *c, const struct list *it)
{
    return rights_allow(c->caller.session, object_at(it), RIGHT_READ);
}

void on_server_objects(struct call *c)
{
    uint64_t cursor = (uint64_t)arg_int(c, 0, 0);
    struct object *at = object_find(c->core, cursor);
    struct list *head = &c->core->objects;
    put_page(c, head, page_start(head, at != NULL ? &at->in_core : NULL, cursor, object_id), shows_object,
             put_object_row, object_id);
}

/* ---- the cluster ---- */

/* Who is in the cluster is no state of the core: the shell knows, does and answers it. */
void on_server_cluster(struct call *c)
{
    if (!c->core->in_cluster) {
        fail(c, ROOST_EINVAL, "this server is of no cluster (roostd --cluster)");
        return;
    }
    c->core->effects->asks_shell = true;
    c->done = true;
}

/* ---- for the shell ---- */

bool core_look(struct core *core, uint64_t code, struct slice args, struct effects *effects,
               struct slice *ret)
{
    struct session nobody = {.id = 0};
    struct call c = {.core = core, .caller = {.session = &nobody}, .method = roost__method_by_code(code)};
    struct call_frame frame = {.target = 0};
    struct item head;
    assert(c.method != NULL && c.method->type == ROOST_TYPE_server && core->effects == NULL);
    assert((c.method->flags & (METHOD_READ | METHOD_IDEMPOTENT)) == (METHOD_READ | METHOD_IDEMPOTENT));
    frame.args = roost__scan_item(args.data, &head);
    frame.argc = head.len;
    effects_reset(effects);
    if (!effects_ready(effects, 1))
        return false;
    core->effects = effects;
    core__look(&c, &frame);
    core->effects = NULL;
    if (effects->len != 1 || effects->code != 0)
        return false;
    const uint8_t *p = effects->bytes.data + effects->items[0].at + FRAME_HEADER;
    p = roost__scan_skip(roost__scan_skip(roost__scan_item(p, &head)));
    *ret = scan_next(&p);
    return true;
}

size_t core_objects(const struct core *core, uint64_t *cursor, struct core_object *ret, size_t max)
{
    struct list *head = (struct list *)(uintptr_t)&core->objects;
    struct object *at = object_find(core, *cursor);
    size_t n = 0;
    for (const struct list *it = page_start(head, at != NULL ? &at->in_core : NULL, *cursor, object_id);
         it != head && n < max; it = it->next) {
        const struct object *o = object_at(it);
        ret[n++] = (struct core_object){o->id, o->calls, list_count(&o->holds), object_waiters(o)};
        *cursor = o->id;
    }
    return n;
}

bool core_describe(struct core *core, uint64_t id, struct buf *out)
{
    const struct object *o = object_find(core, id);
    if (o != NULL)
        object_describe(core, o, out);
    return o != NULL;
}

void core_counts(const struct core *core, struct core_counts *ret)
{
    *ret = (struct core_counts){.calls_by_row = core->calls_by_row,
                                .errors_by_row = core->errors_by_row,
                                .objects_by_type = core->objects_by_type,
                                .bytes_by_type = core->bytes_by_type,
                                .memory = memory_used(core),
                                .sessions = core->session_count,
                                .detached = core->graces.len,
                                .waiters = core->waiter_count,
                                .holds = core->hold_count,
                                .deliveries = core->delivery_count,
                                .uptime_us = core->now_us - core->start_us};
}
