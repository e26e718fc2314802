/* stream.c: what the cluster has agreed on, held against the model and against what clients were told; see
 * cluster.h. */
#include <inttypes.h>
#include <stdlib.h>

#include "shell/logged.h"
#include "tests/sim/cluster/cluster.h"

enum { ENTRY_HEADER = 28, FIRST = 2, HASH_EVERY = 3 };

static struct stream *stream_of(const struct node *n)
{
    return &n->world->cluster->stream;
}

void stream_begin(struct world *w)
{
    w->cluster->stream.commands = calloc(COMMANDS_MAX, sizeof(struct command));
    assert(w->cluster->stream.commands != NULL);
}

static void free_looked(struct looked *l)
{
    roost__buf_free(&l->payload);
    roost__buf_free(&l->secret);
    effects_free(&l->effects);
    free(l);
}

void stream_end(struct world *w)
{
    struct stream *s = &w->cluster->stream;
    for (size_t i = 0; i < s->spoken_len; i++)
        effects_free(&s->spoken[i].effects);
    for (size_t i = 0; i < s->looked_len; i++)
        free_looked(s->looked[i]);
    free(s->commands);
    free(s->spoken);
    free(s->looked);
}

static void copy_effects(struct effects *to, const struct effects *from)
{
    effects_init(to);
    to->opened = from->opened;
    to->broken_len = from->broken_len;
    buf_append(&to->bytes, from->bytes.data, from->bytes.len);
    to->items = calloc(from->len + 1, sizeof(to->items[0]));
    assert(to->items != NULL && !to->bytes.failed);
    memcpy(to->items, from->items, from->len * sizeof(to->items[0]));
    to->len = to->cap = from->len;
}

/* ---- what servers say ahead of it ---- */

static bool same_mark(struct replica_mark a, struct replica_mark b)
{
    return a.origin == b.origin && a.number == b.number;
}

void stream_speak(struct node *n, int rc, const struct effects *e)
{
    struct stream *s = stream_of(n);
    if (s->spoken_len == s->spoken_cap) {
        s->spoken_cap = 2 * s->spoken_cap + 64;
        s->spoken = realloc(s->spoken, s->spoken_cap * sizeof(s->spoken[0]));
        assert(s->spoken != NULL);
    }
    struct spoken *x = &s->spoken[s->spoken_len++];
    x->mark = (struct replica_mark){.origin = n->replica.origin, .number = n->replica.number};
    x->rc = rc;
    copy_effects(&x->effects, e);
}

/* The model takes a read: its time does not count. */
static void check_looked(struct world *w, struct looked *l)
{
    int64_t before_us = w->model->now_us;
    predict(w, &l->event, l->rc, &l->effects);
    w->model->now_us = before_us;
    l->checked = true;
}

struct looked *stream_look(struct node *n, const struct event *event, int rc, const struct effects *e)
{
    static const struct effects nothing;
    struct stream *s = stream_of(n);
    struct looked *l = calloc(1, sizeof(*l));
    assert(l != NULL);
    if (s->looked_len == s->looked_cap) {
        s->looked_cap = 2 * s->looked_cap + 64;
        s->looked = realloc(s->looked, s->looked_cap * sizeof(s->looked[0]));
        assert(s->looked != NULL);
    }
    s->looked[s->looked_len++] = l;
    *l = (struct looked){.event = *event, .rc = rc, .payload = buf_make(1 << 24), .secret = buf_make(256)};
    l->after = n->replica.number == n->base_number
                   ? n->base
                   : (struct replica_mark){.origin = n->replica.origin, .number = n->replica.number};
    buf_append(&l->payload, event->payload.data, event->payload.len);
    buf_append(&l->secret, event->secret.data, event->secret.len);
    l->event.payload = buf_slice(&l->payload);
    l->event.secret = buf_slice(&l->secret);
    copy_effects(&l->effects, e != NULL ? e : &nothing);
    if (same_mark(l->after, s->last))
        check_looked(n->world, l);
    return l;
}

/* ---- what all say ---- */

static void check_reads(struct world *w)
{
    struct stream *s = &w->cluster->stream;
    for (size_t i = 0; i < s->looked_len; i++)
        if (!s->looked[i]->checked && same_mark(s->looked[i]->after, s->last))
            check_looked(w, s->looked[i]);
}

static struct spoken *find_spoken(struct stream *s, struct replica_mark mark)
{
    for (size_t i = 0; i < s->spoken_len; i++)
        if (same_mark(s->spoken[i].mark, mark))
            return &s->spoken[i];
    return NULL;
}

bool stream_has(const struct stream *s, struct replica_mark mark)
{
    for (size_t i = 0; i < s->spoken_len; i++)
        if (same_mark(s->spoken[i].mark, mark))
            return false;
    return true;
}

static void agree(struct world *w, struct replica_mark mark, struct slice bytes)
{
    struct stream *s = &w->cluster->stream;
    struct spoken *x = find_spoken(s, mark);
    struct event event;
    if (x == NULL || !logged_decode(bytes, &event))
        fail_world(w, "event %" PRIu64 " was in the log before, or is none", mark.number);
    struct spoken now = *x;
    *x = s->spoken[--s->spoken_len];
    say_world(w, "  agreed: event %" PRIu64 ", kind %d, session %" PRIu64, mark.number, (int)event.kind,
              event.session);
    predict(w, &event, event.kind == EVENT_TIME ? ROOST_OK : now.rc, &now.effects);
    effects_free(&now.effects);
    s->last = mark;
    check_reads(w);
}

/* The first server to apply a command: now it counts. */
static void agree_all(struct node *n, struct slice entry)
{
    struct world *w = n->world;
    const uint8_t *p = entry.data + ENTRY_HEADER;
    struct replica_mark mark = {.origin = get_u64be(entry.data + 8), .number = get_u64be(entry.data + 16)};
    if (get_u32be(entry.data + 4) == FIRST) {
        if (stream_of(n)->len == 0)
            model_init(w->model, core_now_us(n->replica.core));
        return;
    }
    for (uint32_t i = get_u32be(entry.data + 24); i > 0; i--, mark.number++) {
        uint32_t len = get_u32be(p);
        agree(w, mark, slice_of(p + 4, len));
        p += 4 + len;
    }
}

static uint64_t hash_of(struct slice s)
{
    uint64_t h = 1469598103934665603u;
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ s.data[i]) * 1099511628211u;
    return h;
}

/* Servers that have applied the same, and nothing ahead of it, are in the same state. */
void stream_hash(struct node *n)
{
    struct command *c = &stream_of(n)->commands[n->commands - 1];
    uint8_t state[CORE_HASH_LEN];
    if (replica_is_ahead(&n->replica) || core_hash(n->replica.core, state) != ROOST_OK)
        return;
    if (c->hashed && memcmp(c->state, state, sizeof(state)) != 0)
        fail_world(n->world, "server %u is in another state behind command %" PRIu64, n->index + 1,
                   n->commands);
    memcpy(c->state, state, sizeof(state));
    c->hashed = true;
}

/* Is the core just behind the entry, not further, as a snapshot of who was ahead is? */
static bool is_behind(const struct node *n, struct slice entry)
{
    struct replica_mark last = {.origin = get_u64be(entry.data + 8),
                                .number = get_u64be(entry.data + 16) + get_u32be(entry.data + 24) - 1};
    return get_u32be(entry.data + 4) == FIRST || last.origin == n->replica.origin ||
           same_mark(last, n->replica.others);
}

void stream_apply(struct node *n, struct slice entry)
{
    struct stream *s = stream_of(n);
    uint64_t hash = hash_of(entry);
    assert(n->commands < COMMANDS_MAX);
    if (n->commands == s->len) {
        s->commands[s->len].hash = hash;
        agree_all(n, entry);
        s->len++;
    } else if (s->commands[n->commands].hash != hash) {
        fail_world(n->world, "server %u: command %" PRIu64 " is another one than it was", n->index + 1,
                   n->commands + 1);
    }
    n->commands++;
    if (n->commands % HASH_EVERY == 0 && is_behind(n, entry))
        stream_hash(n);
}

void stream_release(struct node *n, const struct held *h)
{
    struct replica_mark mark = {.origin = n->replica.origin, .number = h->number};
    if (h->looked != NULL && !h->looked->checked)
        fail_world(n->world, "server %u answers what the log does not bear out", n->index + 1);
    if (!stream_has(stream_of(n), mark))
        fail_world(n->world, "server %u answers before the others know", n->index + 1);
}
