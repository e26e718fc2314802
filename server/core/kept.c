/*
 * kept.c: the answers a session's client has not confirmed, so that a call sent again takes effect once.
 *
 * Invariants: a session without grace keeps nothing; s->kept is in the order in which the answers were sent,
 * and those sent on the present connection are its tail. So confirming one confirms all before it. An answer
 * without bytes is that of a call that may as well be executed again. Called by dispatch.c (a call comes in),
 * reply.c (an answer goes out) and session.c.
 *
 * Where there is a log, the answer to a read that it does not have (core->reads) is only a note: it is no
 * part of the state, and what a read confirms is dropped by the next call that is logged, with which the log
 * tells it. So who steps the log and who serves the reads too keep the same answers, whatever a client sends.
 */
#include <assert.h>
#include <stdlib.h>

#include "core/save.h"

struct kept {
    struct list in_session;
    uint64_t number;
    uint64_t connection; /* of the session, on which it was sent last */
    bool note;           /* of a read that is not logged */
    size_t len;
    uint8_t frame[];
};

static struct kept *as_kept(struct list *l)
{
    return container_of(l, struct kept, in_session);
}

static bool is_small(size_t len)
{
    return sizeof(struct kept) + len <= KEPT_SMALL;
}

static void count(struct core *core, struct session *s, int sign, size_t len, bool note)
{
    s->kept_len += note ? 0 : (size_t)sign;
    s->notes += note ? (size_t)sign : 0;
    s->stubs += len == 0 && !note ? (size_t)sign : 0;
    core->kept_count += (uint64_t)(int64_t)sign;
    s->kept_bytes = sign > 0 ? s->kept_bytes + len : s->kept_bytes - len;
    core->kept_bytes = sign > 0 ? core->kept_bytes + len : core->kept_bytes - len;
}

static void drop(struct core *core, struct session *s, struct kept *k)
{
    list_remove(&k->in_session);
    count(core, s, -1, k->len, k->note);
    if (is_small(k->len))
        spares_give(&core->kept_spares, k);
    else
        free(k);
}

static struct kept *find(const struct session *s, uint64_t number, bool note)
{
    list_each (it, &s->kept)
        if (as_kept(it)->number == number && as_kept(it)->note == note)
            return as_kept(it);
    return NULL;
}

static bool is_parked(const struct session *s, uint64_t number)
{
    list_each (it, &s->waiters)
        if (container_of(it, struct waiter, in_session)->caller.number == number)
            return true;
    return false;
}

/* Answers without bytes refuse no call: when there are too many the oldest goes, which did no more than say
 * where it was. */
static void make_room_for_stub(struct core *core, struct session *s, bool note)
{
    const size_t *n = note ? &s->notes : &s->stubs;
    for (struct list *it = s->kept.next; *n >= (size_t)core->limits.kept_max; it = s->kept.next) {
        while (as_kept(it)->len > 0 || as_kept(it)->note != note)
            it = it->next;
        drop(core, s, as_kept(it));
    }
}

bool kept_add(struct core *core, const struct caller *to, struct slice frame)
{
    struct session *s = to->session;
    struct kept *k = is_small(frame.len) ? spares_take(&core->kept_spares) : malloc(sizeof(*k) + frame.len);
    if (k == NULL)
        return false;
    assert(!core->reads || frame.len == 0);
    *k = (struct kept){
        .number = to->number, .connection = s->connection, .note = core->reads, .len = frame.len};
    if (frame.len > 0)
        memcpy(k->frame, frame.data, frame.len);
    if (frame.len == 0)
        make_room_for_stub(core, s, k->note);
    list_push_back(&s->kept, &k->in_session);
    count(core, s, 1, frame.len, k->note);
    return true;
}

/* The last answer that is no note, up to one that the client says it has seen; 0: none, or it said so before.
 * The notes up to there have served. */
static uint64_t last_seen(struct core *core, struct session *s, uint64_t seen)
{
    struct kept *end = NULL;
    uint64_t last = 0;
    list_each (it, &s->kept) {
        last = as_kept(it)->note ? last : as_kept(it)->number;
        if (as_kept(it)->number == seen) {
            end = as_kept(it);
            break;
        }
    }
    if (end == NULL)
        return 0;
    s->seen = seen;
    bool more = s->notes > 0;
    for (struct list *it = s->kept.next, *next; more; it = next) {
        next = it->next;
        more = as_kept(it) != end;
        if (as_kept(it)->note)
            drop(core, s, as_kept(it));
    }
    return last;
}

static uint64_t newly_seen(struct core *core, struct session *s, uint64_t seen)
{
    return seen == 0 || seen == s->seen ? 0 : last_seen(core, s, seen);
}

uint64_t kept_seen(struct core *core, struct session *s, uint64_t seen)
{
    uint64_t last = newly_seen(core, s, seen);
    last = last != 0 ? last : s->seen_by_reads;
    s->seen_by_reads = 0;
    return last;
}

void kept_confirm(struct core *core, struct session *s, uint64_t number)
{
    const struct kept *last = number != 0 ? find(s, number, false) : NULL;
    if (last == NULL)
        return;
    s->confirmed = number;
    for (bool more = true; more;) {
        struct kept *first = as_kept(list_first(&s->kept));
        more = first != last;
        drop(core, s, first);
    }
}

/* A client sends all it has no answer to again before it calls anew: what it left out it has. */
static void confirm_what_was_left_out(struct core *core, struct session *s)
{
    struct list *first;
    while ((first = list_first(&s->kept)) != NULL && as_kept(first)->connection != s->connection)
        drop(core, s, as_kept(first));
}

bool kept_again(struct core *core, struct session *s, uint64_t number)
{
    if (number > s->last_number) {
        s->last_number = number;
        confirm_what_was_left_out(core, s);
        return false;
    }
    if (is_parked(s, number))
        return true;
    struct kept *k = find(s, number, false);
    if (k == NULL || k->connection == s->connection)
        return k != NULL; /* its answer is on the way */
    if (k->len == 0) {
        drop(core, s, k);
        return false;
    }
    list_remove(&k->in_session);
    list_push_back(&s->kept, &k->in_session);
    k->connection = s->connection;
    answer_again(core, s, slice_of(k->frame, k->len));
    return true;
}

bool kept_knows(const struct session *s, uint64_t number)
{
    return number <= s->last_number && (is_parked(s, number) || find(s, number, false) != NULL);
}

bool kept_notes(const struct session *s, uint64_t number)
{
    const struct kept *k = number <= s->last_read ? find(s, number, true) : NULL;
    return k != NULL && k->connection == s->connection;
}

bool kept_read_again(struct core *core, struct session *s, uint64_t seen, uint64_t number)
{
    uint64_t last = newly_seen(core, s, seen);
    s->seen_by_reads = last != 0 ? last : s->seen_by_reads;
    bool new = number > s->last_read;
    s->last_read = new ? number : s->last_read;
    struct kept *k = new ? NULL : find(s, number, true);
    if (k == NULL || k->connection == s->connection)
        return k != NULL;
    drop(core, s, k);
    return false;
}

bool kept_full(const struct core *core, const struct session *s)
{
    return s->kept_len - s->stubs + s->parked >= (size_t)core->limits.kept_max ||
           s->kept_bytes >= (size_t)core->limits.kept_bytes_max;
}

void kept_free(struct core *core, struct session *s)
{
    for (struct list *first; (first = list_first(&s->kept)) != NULL;)
        drop(core, s, as_kept(first));
}

/* ---- saving ---- */

void save_kept(const struct session *s, struct buf *out)
{
    save_uint(out, s->kept_len);
    list_each (it, &s->kept) {
        const struct kept *k = as_kept(it);
        if (k->note)
            continue;
        save_uint(out, k->number);
        save_uint(out, k->connection);
        save_bytes(out, slice_of(k->frame, k->len));
    }
}

/* Is it one whole frame, or none? */
static bool is_frame(struct slice s)
{
    if (s.len <= FRAME_HEADER || get_u32be(s.data) != s.len - FRAME_HEADER)
        return s.len == 0;
    return roost__scan_check(slice_of(s.data + FRAME_HEADER, s.len - FRAME_HEADER), FRAME_DEPTH_MAX);
}

void load_kept(struct loader *l, struct session *s)
{
    for (size_t n = load_count(l); n > 0 && load_good(l); n--) {
        struct caller to = {.session = s, .number = load_uint(l)};
        uint64_t connection = load_uint(l);
        struct slice frame = load_bytes(l, FRAME_HEADER + FRAME_MAX);
        if (!is_frame(frame))
            load_bad(l, "an answer is no frame");
        if (!load_good(l))
            return;
        if (!kept_add(l->core, &to, frame))
            load_no_memory(l);
        else
            as_kept(s->kept.prev)->connection = connection;
    }
}
