/* save_session.c: sessions, deadlines and times to live as bytes; see save.h. */
#include <stdlib.h>

#include "core/expiry.h"
#include "core/save.h"

/* ---- time ---- */

void save_deadline(struct buf *out, const struct deadline *d)
{
    save_uint(out, heap_has(&d->in_deadlines));
    if (!heap_has(&d->in_deadlines))
        return;
    save_int(out, d->at_us);
    save_uint(out, d->order);
}

void load_deadline(struct loader *l, struct deadline *d)
{
    if (!load_bool(l))
        return;
    d->at_us = load_future(l);
    d->order = load_uint(l);
    if (!roost__heap_push(&l->core->deadlines, &d->in_deadlines))
        load_no_memory(l);
}

void save_expiry(struct buf *out, const struct expiry *x)
{
    save_uint(out, x != NULL);
    if (x == NULL)
        return;
    save_int(out, x->at_us);
    save_uint(out, x->order);
}

struct expiry *load_expiry(struct loader *l, struct object *o, struct keymap *m, const struct entry *e)
{
    if (!load_bool(l))
        return NULL;
    struct expiry *x = calloc(1, sizeof(*x));
    if (x == NULL || !roost__heap_reserve(&l->core->expiries, 1) ||
        (m != NULL && !roost__hmap_reserve(&m->expiries, 1))) {
        free(x);
        load_no_memory(l);
        return NULL;
    }
    *x = (struct expiry){.at_us = load_future(l), .object = o, .map = m};
    x->order = load_uint(l);
    heap_node_init(&x->in_heap);
    roost__heap_push(&l->core->expiries, &x->in_heap);
    if (m == NULL)
        return x;
    x->number = e->number;
    x->by_number.hash = hash_u64(e->number);
    roost__hmap_add(&m->expiries, &x->by_number);
    return x;
}

/* ---- sessions ---- */

static void save_text(struct buf *out, const char *text)
{
    save_uint(out, text != NULL);
    if (text != NULL)
        save_bytes(out, slice_str(text));
}

static char *load_text(struct loader *l)
{
    if (!load_bool(l))
        return NULL;
    struct slice s = load_bytes(l, INFO_BYTES_MAX);
    if (!roost__utf8_ok(s) || (s.len > 0 && memchr(s.data, '\0', s.len) != NULL)) {
        load_bad(l, "a session's text is none");
        return NULL;
    }
    char *text = strndup((const char *)s.data, s.len);
    if (text == NULL)
        load_no_memory(l);
    return text;
}

static void save_threads(struct buf *out, const struct threads *t)
{
    save_uint(out, t->len);
    for (unsigned i = 0; i < t->len; i++)
        save_uint(out, t->known[i]);
    save_uint(out, t->more);
}

static void load_threads(struct loader *l, struct threads *t)
{
    size_t n = load_count(l);
    if (n > THREADS_KNOWN_MAX)
        load_bad(l, "too many threads of a session");
    for (; n > 0 && load_good(l); n--)
        t->known[t->len++] = load_uint(l);
    t->more = load_bool(l);
}

static void save_session(struct buf *out, const struct session *s)
{
    save_uint(out, s->id);
    save_uint(out, s->pid);
    save_text(out, s->host);
    save_text(out, s->label);
    save_text(out, s->peer);
    save_int(out, s->since_us);
    save_int(out, s->grace_us);
    save_uint(out, heap_has(&s->in_graces));
    if (heap_has(&s->in_graces))
        save_int(out, s->grace_end_us);
    save_bytes(out, slice_of(s->secret, SECRET_LEN));
    save_rights(s, out);
    save_uint(out, s->connection);
    save_uint(out, s->last_number);
    save_uint(out, s->confirmed);
    save_threads(out, &s->threads);
    save_kept(s, out);
}

/* Everything of a session that is in the core already. */
static void load_parts(struct loader *l, struct session *s)
{
    s->pid = load_uint(l);
    s->host = load_text(l);
    s->label = load_text(l);
    s->peer = load_text(l);
    s->since_us = load_past(l);
    s->grace_us = load_past(l);
    if (s->grace_us > core_limits_widest.grace_ms_max * 1000)
        load_bad(l, "a grace that nobody can have");
    if (load_bool(l)) {
        s->grace_end_us = load_future(l);
        roost__heap_push(&l->core->graces, &s->in_graces); /* there is room for every session */
    }
    struct slice secret = load_bytes(l, SECRET_LEN);
    if (secret.len == SECRET_LEN)
        memcpy(s->secret, secret.data, SECRET_LEN);
    else
        load_bad(l, "a secret is too short");
    load_rights(l, s);
    s->connection = load_uint(l);
    s->last_number = load_uint(l);
    s->confirmed = s->seen = load_uint(l);
    if (l->version < 2)
        (void)load_uint(l); /* was of use once */
    load_threads(l, &s->threads);
    load_kept(l, s);
}

void save_sessions(const struct core *core, struct buf *out)
{
    save_uint(out, core->session_count);
    list_each (it, &core->sessions)
        save_session(out, container_of(it, struct session, in_core));
}

void load_sessions(struct loader *l)
{
    uint64_t before = 0;
    size_t n = load_count(l);
    for (; n > 0 && load_good(l); n--) {
        uint64_t id = load_uint(l);
        if (id <= before || id > l->core->last_session)
            load_bad(l, "a session's id is out of its order");
        struct session *s = load_good(l) ? session_new(l->core) : NULL;
        if (s == NULL) {
            load_no_memory(l);
            return;
        }
        before = s->id = id;
        session_add(l->core, s);
        load_parts(l, s);
    }
}
