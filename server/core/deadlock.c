/*
 * deadlock.c: finds a cycle of waits in the step in which it closes; the waiter that closes it is refused.
 *
 * A party is a thread of a session. It is stuck when its only waiting call, which has no time limit and no
 * guard, and during which the thread does not go on, wants something that can never come: something whose
 * holders are all stuck, or that is reserved for a stuck waiter ahead in line. A lock, a permit or a key may
 * be given back by any thread of its holder's session: so such a holder is stuck only if all threads that the
 * session was ever seen to call from are; an rlock's holder is one thread. A grant with a time to live ends
 * by itself, and a thing that was once given back by a session that did not hold it is used as a signal:
 * neither makes anybody stuck. What is stuck is the greatest set that this definition allows: all are assumed
 * stuck, and who is not by this assumption is taken out, until nobody is. Only a cycle that the new waiter is
 * part of is reported.
 *
 * Called when a waiter parks, never when something is free. The work is bounded: past WORK_MAX nothing is
 * reported, as with every other doubt: there are no false reports.
 */
#include <stdio.h>

#include "core/internal.h"

enum { PARTIES_MAX = 256, WORK_MAX = 100000, HOPS_SHOWN = 4, NAME_SHOWN = 64 };

/* How a party comes after another on the way along a cycle. */
struct hop {
    size_t from;
    const struct place *wanted; /* by the one before */
    const struct hold *hold;    /* NULL: the party is ahead in line */
};

struct party {
    struct session *session;
    uint64_t thread;
    const struct waiter *wait; /* NULL: it may go on */
    bool stuck;
    bool reached;
    struct hop hop;
};

struct search {
    struct party items[PARTIES_MAX];
    size_t len;
    size_t work;
};

bool threads_know(const struct threads *t, uint64_t thread)
{
    for (unsigned i = 0; i < t->len; i++)
        if (t->known[i] == thread)
            return true;
    return t->more;
}

void threads_note(struct threads *t, uint64_t thread)
{
    if (threads_know(t, thread))
        return;
    if (t->len < THREADS_KNOWN_MAX)
        t->known[t->len++] = thread;
    else
        t->more = true;
}

/* ---- who waits for whom ---- */

/* The call because of which a party cannot go on, or NULL: two waiting calls are no thread that blocks. */
static const struct waiter *wait_of(struct search *s, const struct session *session, uint64_t thread)
{
    const struct waiter *found = NULL;
    list_each (it, &session->waiters) {
        const struct waiter *w = container_of(it, struct waiter, in_session);
        if (++s->work > WORK_MAX)
            return NULL;
        if (w->caller.thread != thread || w->caller.goes_on)
            continue;
        if (found != NULL)
            return NULL;
        found = w;
    }
    if (found == NULL || found->deadline.at_us != INT64_MAX || !list_empty(&found->in_guard))
        return NULL;
    return found->object->type->takeable != NULL ? found : NULL;
}

/* The party, added when it is new; NULL when there are too many. */
static struct party *party_of(struct search *s, struct session *session, uint64_t thread)
{
    for (size_t i = 0; i < s->len; i++)
        if (s->items[i].session == session && s->items[i].thread == thread) {
            s->work += i;
            return &s->items[i];
        }
    s->work += s->len;
    if (s->len == PARTIES_MAX || s->work > WORK_MAX) {
        s->work = WORK_MAX + 1;
        return NULL;
    }
    struct party *p = &s->items[s->len++];
    *p = (struct party){.session = session, .thread = thread, .wait = wait_of(s, session, thread)};
    p->stuck = p->wait != NULL;
    return p;
}

/* Visits a party that a wait depends on; false ends the visits. */
typedef bool visitor(void *context, struct search *s, struct party *party, const struct hop *hop);

static bool visit(struct search *s, struct session *session, uint64_t thread, const struct hop *hop,
                  visitor *each, void *context)
{
    struct party *p = party_of(s, session, thread);
    return p != NULL && each(context, s, p, hop);
}

/* Visits all who may give a hold back, its own thread first; true when all were visited. */
static bool each_giver(struct search *s, const struct hold *h, struct hop hop, visitor *each, void *context)
{
    hop.hold = h;
    if (h->deadline.at_us != INT64_MAX || h->object->signalled)
        return false;
    if (!visit(s, h->session, h->thread, &hop, each, context))
        return false;
    if (h->object->type->takeable->by_thread)
        return true;
    const struct threads *t = &h->session->threads;
    for (unsigned i = 0; i < t->len; i++)
        if (t->known[i] != h->thread && !visit(s, h->session, t->known[i], &hop, each, context))
            return false;
    return !t->more;
}

/* The same for all holders of a thing wanted; false also when there are none. */
static bool each_holder(struct search *s, const struct place *p, struct hop hop, visitor *each, void *context)
{
    if (p->object->type->takeable->turn(p, &p->waiter->caller) != TURN_NO)
        return false;
    if (p->slot != NULL)
        return each_giver(s, slot_hold(p->slot), hop, each, context);
    list_each (it, &p->object->holds)
        if (!each_giver(s, container_of(it, struct hold, in_object), hop, each, context))
            return false;
    return !list_empty(&p->object->holds);
}

/* Visits those ahead in line for whom the thing may be reserved: who want several things at once. */
static void each_ahead(struct search *s, const struct place *p, struct hop hop, visitor *each, void *context)
{
    if (p->line->joint == 0 || p->object->type->takeable->turn(p, &p->waiter->caller) == TURN_ANY)
        return;
    list_each (it, &p->line->places) {
        const struct waiter *w = place_of(it)->waiter;
        if (w == p->waiter || ++s->work > WORK_MAX)
            return;
        if (w->place_count > 1 && !w->caller.goes_on &&
            !visit(s, w->caller.session, w->caller.thread, &hop, each, context))
            return;
    }
}

/* ---- who is stuck ---- */

static bool is_stuck(void *context, struct search *s, struct party *party, const struct hop *hop)
{
    (void)context, (void)s, (void)hop;
    return party->stuck;
}

static bool no_stuck_one(void *context, struct search *s, struct party *party, const struct hop *hop)
{
    (void)s, (void)hop;
    *(bool *)context = *(bool *)context || party->stuck;
    return !party->stuck;
}

/* Can the thing never come, if those are stuck who are assumed so? */
static bool never_comes(struct search *s, const struct place *p)
{
    struct hop hop = {.wanted = p};
    bool ahead = false;
    if (each_holder(s, p, hop, is_stuck, NULL))
        return true;
    each_ahead(s, p, hop, no_stuck_one, &ahead);
    return ahead;
}

static bool waits_for_ever(struct search *s, const struct waiter *w)
{
    for (size_t i = 0; i < w->place_count; i++)
        if (never_comes(s, &w->places[i]))
            return true;
    return false;
}

/* Visits everybody because of whom a stuck party is stuck. */
static void each_dependence(struct search *s, size_t of, visitor *each, void *context)
{
    const struct waiter *w = s->items[of].wait;
    for (size_t i = 0; w != NULL && i < w->place_count; i++) {
        struct hop hop = {.from = of, .wanted = &w->places[i]};
        if (!never_comes(s, &w->places[i]))
            continue;
        each_holder(s, &w->places[i], hop, each, context);
        each_ahead(s, &w->places[i], hop, each, context);
    }
}

/* Takes out who is not stuck, until nobody is. Whom a wait depends on joins when it is first asked for. */
static void settle(struct search *s)
{
    for (bool changed = true; changed && s->work <= WORK_MAX;) {
        changed = false;
        for (size_t i = 0; i < s->len && s->work <= WORK_MAX; i++) {
            struct party *p = &s->items[i];
            if (p->stuck && !waits_for_ever(s, p->wait)) {
                p->stuck = false;
                changed = true;
            }
        }
    }
}

/* ---- the cycle ---- */

/* The way back to the first party, breadth first. */
struct way {
    size_t queue[PARTIES_MAX];
    size_t len;
    bool own_threads; /* holders' own threads only, not others that might give back in their place */
    bool closed;
    struct hop last; /* back to the first */
};

static bool walk(void *context, struct search *s, struct party *party, const struct hop *hop)
{
    struct way *way = context;
    size_t i = (size_t)(party - s->items);
    bool other = hop->hold != NULL && hop->hold->thread != party->thread;
    if (way->closed || !party->stuck || (other && way->own_threads))
        return true;
    if (i == 0) {
        way->closed = true;
        way->last = *hop;
    } else if (!party->reached) {
        party->reached = true;
        party->hop = *hop;
        way->queue[way->len++] = i;
    }
    return true;
}

static bool find_way(struct search *s, struct way *way, bool own_threads)
{
    *way = (struct way){.len = 1, .own_threads = own_threads};
    for (size_t i = 0; i < s->len; i++)
        s->items[i].reached = false;
    for (size_t i = 0; i < way->len && !way->closed; i++)
        each_dependence(s, way->queue[i], walk, way);
    return way->closed;
}

/* ---- words ---- */

static void put_text(struct buf *out, const char *text)
{
    buf_append(out, text, strlen(text));
}

static void put_number(struct buf *out, const char *before, uint64_t n)
{
    char text[64];
    snprintf(text, sizeof(text), "%s%llu", before, (unsigned long long)n);
    put_text(out, text);
}

void put_party(struct buf *out, const struct session *s, uint64_t thread)
{
    put_number(out, s->pid != 0 ? "pid " : "session ", s->pid != 0 ? s->pid : s->id);
    put_number(out, " thread ", thread);
}

static void put_quoted(struct buf *out, const char *bytes, size_t len)
{
    put_text(out, "\"");
    buf_append(out, bytes, len < NAME_SHOWN ? len : NAME_SHOWN);
    put_text(out, len < NAME_SHOWN ? "\"" : "…\"");
}

static void put_key(struct buf *out, const struct slot *slot)
{
    struct item it = scan_value(slot_key(slot));
    if (it.kind == ROOST_STR)
        put_quoted(out, (const char *)it.as.bytes, it.len);
    else if (it.kind == ROOST_INT && it.as.i < 0)
        put_number(out, "-", 0 - it.as.u);
    else if (it.kind == ROOST_INT || it.kind == ROOST_UINT)
        put_number(out, "", it.as.u);
    else
        put_text(out, roost_kind_name(it.kind));
}

void put_what(struct buf *out, const struct object *o, const struct slot *slot)
{
    if (slot != NULL) {
        put_text(out, "key ");
        put_key(out, slot);
        put_text(out, " of ");
    }
    put_text(out, roost_type_name(o->type->code));
    put_text(out, " ");
    o->name != NULL ? put_quoted(out, o->name, o->name_len) : put_number(out, "#", o->id);
}

/* lock "b" held by pid 72 thread 1 */
static void put_hop(struct buf *out, const struct hop *hop, const struct party *to)
{
    const struct place *p = hop->wanted;
    put_what(out, p->object, p->slot);
    if (hop->hold == NULL) {
        put_text(out, " behind ");
        put_party(out, to->session, to->thread);
        return;
    }
    put_text(out, " held by ");
    put_party(out, hop->hold->session, hop->hold->thread);
    size_t holders = p->slot != NULL ? 1 : list_count(&p->object->holds);
    if (holders > 1)
        put_number(out, " (all who hold it wait: ", holders), put_text(out, ")");
    if (hop->hold->thread != to->thread)
        put_number(out, ", in whose place its thread ", to->thread);
}

/* What leads from a party to the thing it waits for. */
static void put_link(struct buf *out, const struct hop *to_it, uint64_t thread, size_t left_out)
{
    if (left_out > 0)
        put_number(out, ", which waits, through ", left_out), put_text(out, " others, for ");
    else if (to_it == NULL)
        put_text(out, " waits for ");
    else if (to_it->hold != NULL && to_it->hold->thread != thread)
        put_text(out, " could give it back but waits for ");
    else
        put_text(out, ", which waits for ");
}

/* The way from the first party along the cycle and back to it; of a long one the first hops and the last. */
static void put_cycle(struct buf *out, const struct search *s, const struct way *way)
{
    size_t on_way[PARTIES_MAX + 1], n = 0; /* backwards: the first party twice */
    on_way[n++] = 0;
    for (size_t i = way->last.from; i != 0; i = s->items[i].hop.from)
        on_way[n++] = i;
    on_way[n] = 0;
    put_text(out, "deadlock: ");
    put_party(out, s->items[0].session, s->items[0].thread);
    for (size_t hop = 1; hop <= n; hop++) {
        if (hop >= HOPS_SHOWN && hop < n)
            continue;
        const struct party *from = &s->items[on_way[n - hop + 1]], *to = &s->items[on_way[n - hop]];
        put_link(out, hop > 1 ? &from->hop : NULL, from->thread,
                 hop == n && n > HOPS_SHOWN ? n - HOPS_SHOWN : 0);
        put_hop(out, hop == n ? &way->last : &to->hop, to);
    }
}

void deadlock_check(struct core *core, struct waiter *w)
{
    struct search s;
    s.len = s.work = 0;
    if (w->deadline.at_us != INT64_MAX)
        return;
    party_of(&s, w->caller.session, w->caller.thread);
    settle(&s);
    struct way way;
    if (s.work > WORK_MAX || !s.items[0].stuck || s.items[0].wait != w)
        return;
    if (!find_way(&s, &way, true) && !find_way(&s, &way, false))
        return;
    struct buf words = buf_make(8192);
    put_cycle(&words, &s, &way);
    answer_error(core, &w->caller, ROOST_EDEADLK, "%.*s", (int)words.len, (const char *)words.data);
    roost__buf_free(&words);
    waiter_free(core, w);
}
