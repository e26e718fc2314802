/* replica.c: see replica.h, and FORMAT.md for the bytes of entries and snapshots. */
#include "shell/replica.h"

#include <assert.h>
#include <inttypes.h>

#include "base/crc32c.h"
#include "base/error.h"
#include "shell/logged.h"

enum kind { ENTRY_EVENTS = 1, ENTRY_FIRST = 2 };

enum {
    ENTRY_HEADER = 28, /* length without padding, kind, origin, number of the first event, count */
    EVENT_LENGTH = 4,
    PAD = 8,
    ENTRY_MAX = INT32_MAX,
    SNAPSHOT_HEADER = 32, /* magic, version, origin, number, checksum of these */
    SNAPSHOT_VERSION = 1
};

static const uint8_t magic[8] = {'r', 'o', 'o', 's', 't', 'r', 'e', 'p'};

void replica_init(struct replica *r, const struct core_options *options, uint64_t origin)
{
    *r = (struct replica){.options = *options, .origin = origin};
    r->options.logged = true;
    r->entry = buf_make(ENTRY_MAX);
    r->event = buf_make(LOGGED_MAX);
    effects_init(&r->unread);
    r->unread.unread = true;
}

void replica_free(struct replica *r)
{
    core_destroy(r->core);
    roost__buf_free(&r->entry);
    roost__buf_free(&r->event);
    effects_free(&r->unread);
    *r = (struct replica){.core = NULL};
}

/* Another life begins: of its own events there is none. */
static void begin_anew(struct replica *r, struct core *core, struct replica_mark others)
{
    core_destroy(r->core);
    r->core = core;
    r->others = others;
    r->origin++;
    r->number = r->applied = 0;
    r->count = 0;
    r->broken = false;
    buf_reset(&r->entry);
}

void replica_reset(struct replica *r)
{
    begin_anew(r, NULL, (struct replica_mark){.origin = 0});
}

bool replica_broken(const struct replica *r)
{
    return r->broken;
}

uint64_t replica_applied(const struct replica *r)
{
    return r->applied;
}

bool replica_is_ahead(const struct replica *r)
{
    return r->applied < r->number;
}

/* ---- entries out ---- */

static void put_header(uint8_t *p, size_t len, enum kind kind, struct replica_mark first, uint32_t count)
{
    put_u32be(p, (uint32_t)len);
    put_u32be(p + 4, kind);
    put_u64be(p + 8, first.origin);
    put_u64be(p + 16, first.number);
    put_u32be(p + 24, count);
}

static bool pad(struct buf *b)
{
    static const uint8_t zeros[PAD];
    return buf_append(b, zeros, (PAD - b->len % PAD) % PAD);
}

int replica_first_entry(const struct core_options *options, struct buf *out)
{
    static const uint8_t room[ENTRY_HEADER];
    struct core_options logged = *options;
    logged.logged = true;
    struct core *core = core_create(&logged);
    if (core == NULL)
        return ROOST_ENOMEM;
    buf_append(out, room, sizeof(room));
    int rc = core_save(core, out);
    core_destroy(core);
    size_t len = out->len;
    if (rc == ROOST_OK && !out->failed && pad(out))
        put_header(out->data, len, ENTRY_FIRST, (struct replica_mark){.origin = 0}, 0);
    return out->failed ? ROOST_ENOMEM : rc;
}

/* The event is told as of the time at which the core took it. */
static bool add(struct replica *r, const struct event *event)
{
    static const uint8_t room[ENTRY_HEADER];
    struct event told = *event;
    uint8_t length[EVENT_LENGTH];
    told.now_us = core_now_us(r->core);
    if (!logged_encode(&r->event, &told, core_confirmed(r->core)))
        return false;
    if (r->count == 0)
        buf_append(&r->entry, room, sizeof(room));
    put_u32be(length, (uint32_t)r->event.len);
    buf_append(&r->entry, length, sizeof(length));
    buf_append(&r->entry, r->event.data, r->event.len);
    r->count++;
    r->number++;
    return roost__buf_reserve(&r->entry, PAD) && !r->entry.failed;
}

/* Another core may have had the memory, and gone on otherwise. */
static bool lacked_memory(int rc, const struct effects *effects)
{
    return rc == ROOST_ENOMEM || effects->code == ROOST_ENOMEM || effects->broken_len > 0;
}

/* One event that is to be in the log if it happens. */
static int take(struct replica *r, const struct event *event, bool due, struct effects *effects)
{
    int rc = core_step(r->core, event, effects);
    struct event time = {.kind = EVENT_TIME};
    bool tells = rc == ROOST_OK || due; /* what was due has happened, whatever became of the event */
    if (lacked_memory(rc, effects) || (tells && !add(r, rc == ROOST_OK ? event : &time)))
        r->broken = true;
    return r->broken ? ROOST_ENOMEM : rc;
}

int replica_step(struct replica *r, const struct event *event, struct effects *effects)
{
    assert(r->core != NULL);
    if (r->broken)
        return ROOST_ENOMEM;
    bool due = core_next_deadline_us(r->core) <= event->now_us;
    if (event->kind == EVENT_TIME && !due)
        return ROOST_OK;
    if (!core_only_reads(r->core, event))
        return take(r, event, due, effects);
    struct event time = {.kind = EVENT_TIME, .now_us = event->now_us};
    int rc = due ? take(r, &time, due, effects) : ROOST_OK;
    return rc == ROOST_OK ? core_step(r->core, event, effects) : rc;
}

size_t replica_entry_len(const struct replica *r)
{
    return r->count > 0 ? r->entry.len : 0;
}

void replica_take_entry(struct replica *r, struct buf *out)
{
    assert(r->count > 0 && !r->broken && out->cap == 0);
    struct replica_mark first = {.origin = r->origin, .number = r->number - r->count + 1};
    put_header(r->entry.data, r->entry.len, ENTRY_EVENTS, first, r->count);
    pad(&r->entry);
    *out = r->entry;
    r->entry = buf_make(ENTRY_MAX);
    r->count = 0;
}

/* ---- entries in ---- */

struct entry {
    enum kind kind;
    struct replica_mark first;
    uint32_t count;
    struct slice rest;
};

static bool read_entry(struct slice bytes, struct entry *ret)
{
    const uint8_t *p = bytes.data;
    if (bytes.len < ENTRY_HEADER || bytes.len % PAD != 0)
        return false;
    uint32_t len = get_u32be(p), kind = get_u32be(p + 4);
    if (len < ENTRY_HEADER || len > bytes.len || bytes.len - len >= PAD || kind < ENTRY_EVENTS ||
        kind > ENTRY_FIRST)
        return false;
    *ret = (struct entry){.kind = (enum kind)kind,
                          .first = {.origin = get_u64be(p + 8), .number = get_u64be(p + 16)},
                          .count = get_u32be(p + 24),
                          .rest = slice_of(p + ENTRY_HEADER, len - ENTRY_HEADER)};
    return kind == ENTRY_FIRST ||
           (ret->count > 0 && ret->first.number > 0 && ret->first.number <= UINT64_MAX - ret->count);
}

static int apply_first(struct replica *r, const struct entry *e)
{
    return r->core != NULL ? ROOST_OK : core_load(&r->options, e->rest, &r->core);
}

/* The core has them: now it is known that everybody will. */
static int apply_own(struct replica *r, const struct entry *e)
{
    if (e->first.number != r->applied + 1 || e->count > r->number - r->applied)
        return roost__fail(ROOST_EDAMAGED,
                           "an entry of the log has %" PRIu32 " events of this server from %" PRIu64
                           " on, but it has proposed %" PRIu64 " and %" PRIu64 " came back",
                           e->count, e->first.number, r->number, r->applied);
    r->applied += e->count;
    return ROOST_OK;
}

static int step_other(struct replica *r, struct slice bytes)
{
    struct event event;
    if (!logged_decode(bytes, &event))
        return roost__fail(ROOST_EDAMAGED, "an event of the log is none");
    effects_reset(&r->unread);
    int rc = core_step(r->core, &event, &r->unread);
    if (lacked_memory(rc, &r->unread))
        return roost__fail(ROOST_ENOMEM, "no memory for an event of the log");
    return rc == ROOST_OK
               ? rc
               : roost__fail(ROOST_EDAMAGED, "an event of the log cannot happen: %s", roost_strerror(rc));
}

/* The next event's bytes from the front; false: it is not there. */
static bool next_event(struct slice *rest, struct slice *ret)
{
    if (rest->len < EVENT_LENGTH || get_u32be(rest->data) > rest->len - EVENT_LENGTH)
        return false;
    *ret = slice_of(rest->data + EVENT_LENGTH, get_u32be(rest->data));
    size_t len = EVENT_LENGTH + ret->len;
    *rest = slice_of(rest->data + len, rest->len - len);
    return true;
}

static int step_others(struct replica *r, const struct entry *e)
{
    struct slice rest = e->rest, bytes;
    uint64_t number = e->first.number;
    for (uint32_t i = 0; i < e->count; i++, number++) {
        if (!next_event(&rest, &bytes))
            return roost__fail(ROOST_EDAMAGED, "an entry of the log ends before its events do");
        if (number <= r->others.number)
            continue;
        int rc = step_other(r, bytes);
        if (rc != ROOST_OK)
            return rc;
        r->others.number = number;
    }
    return rest.len == 0 ? ROOST_OK
                         : roost__fail(ROOST_EDAMAGED, "an entry of the log goes on behind its events");
}

static int apply_others(struct replica *r, const struct entry *e)
{
    if (replica_is_ahead(r)) {
        r->broken = true; /* what it took early did not come next */
        return ROOST_OK;
    }
    if (r->others.origin != e->first.origin)
        r->others = (struct replica_mark){.origin = e->first.origin, .number = e->first.number - 1};
    if (e->first.number > r->others.number + 1)
        return roost__fail(ROOST_EDAMAGED,
                           "the log lacks the events %" PRIu64 " to %" PRIu64 " of another server",
                           r->others.number + 1, e->first.number - 1);
    return step_others(r, e);
}

int replica_apply(struct replica *r, struct slice entry)
{
    struct entry e;
    if (r->broken)
        return ROOST_OK; /* it will be told again */
    if (!read_entry(entry, &e))
        return roost__fail(ROOST_EDAMAGED, "an entry of the log is none of roost: %zu bytes", entry.len);
    if (e.kind == ENTRY_FIRST)
        return apply_first(r, &e);
    if (r->core == NULL)
        return roost__fail(ROOST_EDAMAGED, "there are events in the log, but no core before them");
    return e.first.origin == r->origin ? apply_own(r, &e) : apply_others(r, &e);
}

/* ---- snapshots ---- */

int replica_save(const struct replica *r, struct buf *out)
{
    assert(r->core != NULL && !r->broken);
    uint8_t header[SNAPSHOT_HEADER];
    size_t at = out->len;
    struct replica_mark own = {.origin = r->origin, .number = r->number};
    struct replica_mark to = replica_is_ahead(r) ? own : r->others;
    memcpy(header, magic, 8);
    put_u32be(header + 8, SNAPSHOT_VERSION);
    put_u64be(header + 12, to.origin);
    put_u64be(header + 20, to.number);
    put_u32be(header + 28, roost__crc32c(0, header, 28));
    buf_append(out, header, sizeof(header));
    int rc = out->failed ? ROOST_ENOMEM : core_save(r->core, out);
    if (rc != ROOST_OK)
        out->len = at;
    return rc;
}

static int check_snapshot(struct slice s)
{
    const uint8_t *p = s.data;
    if (s.len < SNAPSHOT_HEADER || memcmp(p, magic, 8) != 0)
        return roost__fail(ROOST_EDAMAGED, "these %zu bytes are no snapshot of a replica", s.len);
    if (get_u32be(p + 8) != SNAPSHOT_VERSION)
        return roost__fail(ROOST_EDAMAGED,
                           "the snapshot is of version %" PRIu32 ", this roost reads version %d",
                           get_u32be(p + 8), SNAPSHOT_VERSION);
    if (get_u32be(p + 28) != roost__crc32c(0, p, 28))
        return roost__fail(ROOST_EDAMAGED, "the snapshot's checksum is wrong: bytes have changed");
    return ROOST_OK;
}

int replica_restore(struct replica *r, struct slice snapshot)
{
    struct core *core;
    int rc = check_snapshot(snapshot);
    if (rc == ROOST_OK)
        rc = core_load(&r->options, slice_of(snapshot.data + SNAPSHOT_HEADER, snapshot.len - SNAPSHOT_HEADER),
                       &core);
    if (rc != ROOST_OK)
        return rc;
    begin_anew(r, core,
               (struct replica_mark){.origin = get_u64be(snapshot.data + 12),
                                     .number = get_u64be(snapshot.data + 20)});
    return ROOST_OK;
}
