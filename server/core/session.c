/*
 * session.c: sessions and what they own.
 *
 * Invariant: a session that ends leaves nothing behind: no waiter, no hold, no delivery, no reference.
 */
#include <assert.h>
#include <stdlib.h>

#include "core/save.h"

/* Counts what a session was sent of one object. */
struct session_ref {
    struct hnode by_id;
    struct list in_session;
    struct list in_object;
    struct session *session;
    struct object *object;
    uint64_t count;
};

static bool session_has_id(const struct hnode *n, const void *id)
{
    return container_of((struct hnode *)(uintptr_t)n, struct session, by_id)->id == *(const uint64_t *)id;
}

struct session *session_find(const struct core *core, uint64_t id)
{
    struct hnode *n = roost__hmap_find(&core->sessions_by_id, hash_u64(id), session_has_id, &id);
    return n == NULL ? NULL : container_of(n, struct session, by_id);
}

/* A text of the info in *ret; NULL: it says none. False without memory. */
static bool info_text(struct slice info, const char *key, char **ret)
{
    struct item it = roost__map_item(info, key);
    if (it.kind != ROOST_STR || it.len > INFO_BYTES_MAX)
        return true;
    *ret = strndup((const char *)it.as.bytes, it.len);
    return *ret != NULL;
}

/* Frees a session that nobody knows, or none any more; NULL is allowed. */
static void discard(struct session *s)
{
    if (s == NULL)
        return;
    free(s->host);
    free(s->label);
    free(s->peer);
    free(s->rights);
    free(s);
}

struct session *session_new(struct core *core)
{
    struct session *s = calloc(1, sizeof(*s));
    if (s == NULL || !roost__hmap_reserve(&core->sessions_by_id, 1) ||
        !roost__heap_reserve(&core->graces, core->session_count + 1 - core->graces.len)) {
        free(s);
        return NULL;
    }
    heap_node_init(&s->in_graces);
    list_init(&s->kept);
    list_init(&s->waiters);
    list_init(&s->holds);
    list_init(&s->deliveries);
    list_init(&s->refs);
    return s;
}

void session_add(struct core *core, struct session *s)
{
    s->by_id.hash = hash_u64(s->id);
    roost__hmap_add(&core->sessions_by_id, &s->by_id);
    list_push_back(&core->sessions, &s->in_core);
    core->session_count++;
}

/* A copy of what the shell says of the peer in *ret; NULL: nothing. False without memory. */
static bool peer_text(struct slice peer, char **ret)
{
    if (peer.len == 0 || peer.len > INFO_BYTES_MAX || !roost__utf8_ok(peer))
        return true;
    *ret = strndup((const char *)peer.data, peer.len);
    return *ret != NULL;
}

int session_open(struct core *core, const struct event *event, uint64_t *ret)
{
    struct slice info = event->payload;
    if (core->session_count >= (uint64_t)core->limits.sessions_max)
        return ROOST_ELIMIT;
    struct session *s = session_new(core);
    if (s == NULL || !info_text(info, "host", &s->host) || !info_text(info, "label", &s->label) ||
        !peer_text(event->peer, &s->peer)) {
        discard(s);
        return ROOST_ENOMEM;
    }
    struct item pid = roost__map_item(info, "pid");
    s->id = ++core->last_session;
    s->pid = pid.kind == ROOST_INT && pid.as.i > 0 ? pid.as.u : 0;
    s->since_us = core->now_us;
    grace_init(core, s, info, event->secret);
    session_add(core, s);
    *ret = s->id;
    return ROOST_OK;
}

uint64_t core_session_after(const struct core *core, uint64_t id)
{
    const struct session *s = session_find(core, id);
    struct list *next = s != NULL ? s->in_core.next : core->sessions.next;
    return next == &core->sessions ? 0 : container_of(next, struct session, in_core)->id;
}

uint64_t core_identity_after(const struct core *core, uint64_t identity)
{
    uint64_t least = 0;
    list_each (it, &core->sessions) {
        uint64_t of = container_of(it, struct session, in_core)->identity;
        if (of > identity && (least == 0 || of < least))
            least = of;
    }
    return least;
}

uint64_t core_confirmed(const struct core *core)
{
    return core->confirmed;
}

static void leave_lines(struct core *core, struct session *s)
{
    for (struct list *first; (first = list_first(&s->waiters)) != NULL;)
        waiter_leave(core, container_of(first, struct waiter, in_session));
}

static void abandon_holds(struct core *core, struct session *s)
{
    for (struct list *first; (first = list_first(&s->holds)) != NULL;) {
        struct hold *h = container_of(first, struct hold, in_session);
        list_remove(&h->in_object);
        list_remove(&h->in_session);
        if (!h->lapsed)
            h->object->type->abandoned(core, h);
        hold_free(core, h);
    }
}

/* The newest delivery goes back first, so that the oldest ends up in front. */
static void return_deliveries(struct core *core, struct session *s)
{
    while (!list_empty(&s->deliveries))
        queue_return(core, container_of(s->deliveries.prev, struct delivery, in_session));
}

static void ref_free(struct core *core, struct session_ref *r)
{
    core->ref_count--;
    roost__hmap_remove(&r->session->refs_by_id, &r->by_id);
    list_remove(&r->in_session);
    list_remove(&r->in_object);
    free(r);
}

void session_lost(struct core *core, struct session *s)
{
    roost__heap_remove(&core->graces, &s->in_graces);
    leave_lines(core, s);
    abandon_holds(core, s);
    return_deliveries(core, s);
    for (struct list *first; (first = list_first(&s->refs)) != NULL;) {
        struct session_ref *r = container_of(first, struct session_ref, in_session);
        struct object *o = r->object;
        ref_free(core, r);
        object_check(core, o);
    }
    kept_free(core, s);
    session_free(core, s);
}

void session_free(struct core *core, struct session *s)
{
    assert(list_empty(&s->waiters) && list_empty(&s->holds));
    assert(list_empty(&s->deliveries) && list_empty(&s->refs));
    roost__hmap_remove(&core->sessions_by_id, &s->by_id);
    list_remove(&s->in_core);
    core->session_count--;
    roost__hmap_free(&s->refs_by_id);
    discard(s);
}

static bool ref_has_id(const struct hnode *n, const void *id)
{
    return container_of((struct hnode *)(uintptr_t)n, struct session_ref, by_id)->object->id ==
           *(const uint64_t *)id;
}

static struct session_ref *ref_find(const struct session *s, uint64_t id)
{
    struct hnode *n = roost__hmap_find(&s->refs_by_id, hash_u64(id), ref_has_id, &id);
    return n == NULL ? NULL : container_of(n, struct session_ref, by_id);
}

bool session_retain(struct core *core, struct session *s, struct object *o)
{
    struct session_ref *r = ref_find(s, o->id);
    if (r == NULL) {
        r = calloc(1, sizeof(*r));
        if (r == NULL || !roost__hmap_reserve(&s->refs_by_id, 1)) {
            free(r);
            return false;
        }
        r->session = s;
        r->object = o;
        r->by_id.hash = hash_u64(o->id);
        roost__hmap_add(&s->refs_by_id, &r->by_id);
        list_push_back(&s->refs, &r->in_session);
        list_push_back(&o->session_refs, &r->in_object);
        core->ref_count++;
    }
    r->count++;
    return true;
}

void session_release(struct core *core, struct session *s, uint64_t id, uint64_t count)
{
    struct session_ref *r = ref_find(s, id);
    if (r == NULL)
        return; /* the object was deleted meanwhile */
    r->count -= count < r->count ? count : r->count;
    if (r->count > 0)
        return;
    struct object *o = r->object;
    ref_free(core, r);
    object_check(core, o);
}

void session_refs_forget(struct core *core, struct object *o)
{
    for (struct list *first; (first = list_first(&o->session_refs)) != NULL;)
        ref_free(core, container_of(first, struct session_ref, in_object));
}

/* ---- saving: references in the order in which they were sent first ---- */

void save_session_refs(const struct session *s, struct buf *out)
{
    save_uint(out, s->refs_by_id.len);
    list_each (it, &s->refs) {
        const struct session_ref *r = container_of(it, struct session_ref, in_session);
        save_uint(out, r->object->id);
        save_uint(out, r->count);
    }
}

void load_session_refs(struct loader *l, struct session *s)
{
    for (size_t n = load_count(l); n > 0 && load_good(l); n--) {
        struct object *o = load_object(l);
        uint64_t count = load_uint(l);
        if (load_good(l) && (count == 0 || ref_find(s, o->id) != NULL))
            load_bad(l, "a session's reference counts nothing, or twice");
        if (!load_good(l))
            return;
        if (!session_retain(l->core, s, o))
            load_no_memory(l);
        else
            ref_find(s, o->id)->count = count;
    }
}
