/*
 * cluster_fsm.c: what libraft keeps alike on all nodes: the core and the table of nodes; see cluster_node.h.
 *
 * A snapshot is an image (image.h) of the core as it was at some moment, and behind it the entries applied
 * since: together they are the state as of the last of these. Its core may be ahead of the log, so libraft
 * gets it only when all that the core had then has been applied.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/error.h"
#include "shell/cluster_node.h"
#include "shell/log.h"
#include "shell/raft_guard.h"
#include "shell/server.h"
#include "wire/frame.h"
#include "wire/scan.h"

enum {
    HEADER = 48, /* magic, version, lengths of nodes, state and entries, checksums of these and of this */
    VERSION = 1,
    ENTRIES_MAX = 1 << 16, /* until a snapshot, however short they are */
    TRAILING_MIN = 64,
    LOOK_US = 10 * 1000,
    SNAPSHOT_MAX = INT32_MAX - (1 << 17)
};

static const uint8_t magic[8] = {'r', 'o', 'o', 's', 't', 'c', 'l', 'u'};

void cluster_die(const char *what)
{
    log_error("%s: the server stops", what);
    _exit(1);
}

void cluster_set_core(struct cluster *c)
{
    struct core *core = c->replica.core != NULL ? c->replica.core : c->empty;
    struct server *s = c->store.server;
    if (core == s->core)
        return;
    s->core = core;
    core_set_in_cluster(core, true);
    core_set_rings(core, s->rings_used);
    core_tell_limits(core, &s->limits); /* the shell's are each server's own */
    if (core != c->empty && memcmp(core_limits(core), &s->limits, sizeof(s->limits)) != 0)
        log_warn("the limits given here differ from those that the cluster began with, which count");
}

/* ---- entries ---- */

static int take_nodes(struct cluster *c, struct slice entry)
{
    uint32_t len = get_u32be(entry.data);
    struct nodes nodes;
    if (len < 8 || len > entry.len)
        return roost__fail(ROOST_EDAMAGED, "a table of nodes in the log is none");
    struct slice value = slice_of(entry.data + 8, len - 8);
    if (!roost__scan_check(value, FRAME_DEPTH_MAX) || !nodes_take(value, &nodes))
        return roost__fail(ROOST_EDAMAGED, "a table of nodes in the log is none");
    c->nodes = nodes;
    c->nodes_changed = true;
    return ROOST_OK;
}

/* Under the mutex. */
static int apply(struct cluster *c, struct slice entry)
{
    uint32_t kind = entry.len >= 8 ? get_u32be(entry.data + 4) : 0;
    if (kind == KIND_NOTHING)
        return ROOST_OK;
    if (kind == KIND_NODES)
        return take_nodes(c, entry);
    int rc = replica_apply(&c->replica, entry);
    c->lost = c->lost || replica_broken(&c->replica);
    return rc;
}

static void keep_behind(struct snapshot *s, struct slice entry)
{
    uint8_t length[8];
    put_u64be(length, entry.len);
    buf_append(&s->behind, length, sizeof(length));
    buf_append(&s->behind, entry.data, entry.len);
}

static int on_apply(struct raft_fsm *fsm, const struct raft_buffer *bytes, void **result)
{
    struct cluster *c = fsm->data;
    struct slice entry = slice_of(bytes->base, bytes->len);
    int rc = ROOST_OK;
    *result = NULL;
    pthread_mutex_lock(&c->store.server->mutex);
    if (replica_is_ahead(&c->replica) && !cluster_leads(c))
        c->lost = true; /* what comes now may be another's */
    if (!c->lost) {
        rc = apply(c, entry);
        cluster_set_core(c);
    }
    pthread_mutex_unlock(&c->store.server->mutex);
    if (rc != ROOST_OK)
        cluster_die(roost_errmsg());
    c->log_bytes += entry.len;
    c->log_entries++;
    if (image_exists(&c->snapshot.image) && c->snapshot.parts == NULL)
        keep_behind(&c->snapshot, entry);
    return 0;
}

/* ---- snapshots out ---- */

static int save(const void *replica, struct buf *out)
{
    return replica_save(replica, out);
}

static void begin_snapshot(struct cluster *c)
{
    struct snapshot *s = &c->snapshot;
    pthread_mutex_lock(&c->store.server->mutex);
    bool can = c->replica.core != NULL && !c->lost, begun = can && image_begin(&s->image, save, &c->replica);
    int why = errno;
    s->number = c->replica.number;
    pthread_mutex_unlock(&c->store.server->mutex);
    if (can && !begun)
        log_error("no snapshot: %s", strerror(why));
    if (!begun)
        return;
    s->behind = buf_make(SIZE_MAX / 2);
    c->log_bytes = c->log_entries = 0;
}

static void forget(struct snapshot *s)
{
    image_free(&s->image);
    roost__buf_free(&s->behind);
    *s = (struct snapshot){.number = 0};
}

void cluster_snapshot_drop(struct cluster *c)
{
    if (c->snapshot.parts == NULL) /* else libraft writes it, and gives it back */
        forget(&c->snapshot);
}

static void look_at_child(struct cluster *c)
{
    struct snapshot *s = &c->snapshot;
    int64_t now_us = boot_us();
    if (now_us - s->looked_us < LOOK_US)
        return;
    s->looked_us = now_us;
    if (image_look(&s->image) != IMAGE_NONE)
        return;
    log_error("no snapshot: there may be no memory for it; the log grows");
    forget(s);
}

void cluster_snapshot_look(struct cluster *c)
{
    struct snapshot *s = &c->snapshot;
    if (s->parts != NULL)
        return;
    if (s->image.child != 0)
        look_at_child(c);
    if (s->image.bytes != NULL)
        raft_set_snapshot_threshold(&c->raft, 1); /* it will ask for it */
    else if (!image_exists(&s->image) && (c->log_bytes >= c->snapshot_bytes || c->log_entries >= ENTRIES_MAX))
        begin_snapshot(c);
}

static void put_header(struct cluster *c, struct buf *out, const struct buf *nodes)
{
    uint8_t h[HEADER] = {0};
    struct snapshot *s = &c->snapshot;
    memcpy(h, magic, 8);
    put_u32be(h + 8, VERSION);
    put_u32be(h + 12, (uint32_t)nodes->len);
    put_u64be(h + 16, s->image.len);
    put_u64be(h + 24, s->behind.len);
    put_u32be(h + 32, roost__crc32c(0, nodes->data, nodes->len));
    put_u32be(h + 36, roost__crc32c(0, s->image.bytes, s->image.len));
    put_u32be(h + 40, roost__crc32c(0, s->behind.data, s->behind.len));
    put_u32be(h + 44, roost__crc32c(0, h, 44));
    buf_append(out, h, sizeof(h));
    buf_append(out, nodes->data, nodes->len);
}

/* About a quarter of the log that made the snapshot due stays behind it. */
static void set_trailing(struct cluster *c)
{
    uint64_t n =
        c->log_entries > 0 ? c->snapshot_bytes / 4 / (c->log_bytes / c->log_entries + 1) : TRAILING_MAX;
    n = n < TRAILING_MIN ? TRAILING_MIN : n > TRAILING_MAX ? TRAILING_MAX : n;
    raft_set_snapshot_trailing(&c->raft, (unsigned)n);
}

/* All parts are libraft's to read until on_written(). */
static int on_snapshot(struct raft_fsm *fsm, struct raft_buffer *bufs[], unsigned *n_bufs)
{
    struct cluster *c = fsm->data;
    struct snapshot *s = &c->snapshot;
    struct buf nodes = buf_make(1 << 16), head = buf_make(1 << 17);
    pthread_mutex_lock(&c->store.server->mutex);
    bool ready = s->image.bytes != NULL && !c->lost && raft_guard_snapshot(&c->raft) &&
                 replica_applied(&c->replica) >= s->number;
    nodes_put(&c->nodes, &nodes);
    pthread_mutex_unlock(&c->store.server->mutex);
    if (ready)
        put_header(c, &head, &nodes);
    roost__buf_free(&nodes);
    bool too_large = s->behind.failed || s->image.len + s->behind.len > SNAPSHOT_MAX;
    s->parts = ready && !head.failed && !too_large ? raft_calloc(3, sizeof(*s->parts)) : NULL;
    if (s->parts == NULL) {
        roost__buf_free(&head);
        if (s->image.bytes != NULL && too_large) {
            log_error("no snapshot: libraft writes no more than 2 GiB at once; the log grows");
            forget(s);
            raft_set_snapshot_threshold(&c->raft, SNAPSHOT_NEVER);
        }
        return RAFT_BUSY; /* it asks again with the next entry */
    }
    s->parts[0] = (struct raft_buffer){.base = head.data, .len = head.len};
    s->parts[1] = (struct raft_buffer){.base = s->image.bytes, .len = s->image.len};
    s->parts[2] = (struct raft_buffer){.base = s->behind.data, .len = s->behind.len};
    *bufs = s->parts;
    *n_bufs = s->behind.len > 0 ? 3 : 2;
    set_trailing(c);
    raft_set_snapshot_threshold(&c->raft, SNAPSHOT_NEVER);
    return 0;
}

static int on_written(struct raft_fsm *fsm, struct raft_buffer *bufs[], unsigned *n_bufs)
{
    struct cluster *c = fsm->data;
    struct snapshot *s = &c->snapshot;
    (void)bufs;
    (void)n_bufs;
    if (s->parts == NULL)
        return 0;
    free(s->parts[0].base);
    raft_free(s->parts);
    forget(s);
    log_debug("a snapshot is written");
    return 0;
}

/* ---- snapshots in ---- */

struct parts {
    struct slice nodes, state, behind;
};

static bool read_parts(struct slice bytes, struct parts *ret)
{
    const uint8_t *h = bytes.data;
    if (bytes.len < HEADER || memcmp(h, magic, 8) != 0 || get_u32be(h + 44) != roost__crc32c(0, h, 44))
        return false;
    uint64_t n = get_u32be(h + 12), state = get_u64be(h + 16), behind = get_u64be(h + 24),
             left = bytes.len - HEADER;
    if (get_u32be(h + 8) != VERSION || n > left || state > left - n || behind != left - n - state)
        return false;
    ret->nodes = slice_of(h + HEADER, n);
    ret->state = slice_of(ret->nodes.data + n, state);
    ret->behind = slice_of(ret->state.data + state, behind);
    return get_u32be(h + 32) == roost__crc32c(0, ret->nodes.data, n) &&
           get_u32be(h + 36) == roost__crc32c(0, ret->state.data, state) &&
           get_u32be(h + 40) == roost__crc32c(0, ret->behind.data, behind);
}

static int apply_behind(struct cluster *c, struct slice rest)
{
    int rc = ROOST_OK;
    while (rest.len > 0 && rc == ROOST_OK) {
        uint64_t len = rest.len >= 8 ? get_u64be(rest.data) : UINT64_MAX;
        if (len > rest.len - 8)
            return roost__fail(ROOST_EDAMAGED, "a snapshot ends before its entries do");
        rc = apply(c, slice_of(rest.data + 8, len));
        rest = slice_of(rest.data + 8 + len, rest.len - 8 - len);
    }
    return rc;
}

static int restore(struct cluster *c, struct slice bytes)
{
    struct parts parts;
    struct nodes nodes;
    if (!read_parts(bytes, &parts))
        return roost__fail(ROOST_EDAMAGED,
                           "a snapshot of the cluster's log is damaged, or of another version");
    if (!roost__scan_check(parts.nodes, FRAME_DEPTH_MAX) || !nodes_take(parts.nodes, &nodes))
        return roost__fail(ROOST_EDAMAGED, "the table of nodes of a snapshot is none");
    int rc = replica_restore(&c->replica, parts.state);
    cluster_set_core(c); /* before anything is applied */
    if (rc != ROOST_OK)
        return rc;
    c->nodes = nodes;
    c->nodes_changed = true;
    return apply_behind(c, parts.behind);
}

static int on_restore(struct raft_fsm *fsm, struct raft_buffer *bytes)
{
    struct cluster *c = fsm->data;
    int rc = ROOST_OK;
    cluster_snapshot_drop(c);
    pthread_mutex_lock(&c->store.server->mutex);
    c->lost = c->lost || replica_is_ahead(&c->replica);
    if (!c->lost)
        rc = restore(c, slice_of(bytes->base, bytes->len));
    pthread_mutex_unlock(&c->store.server->mutex);
    if (rc != ROOST_OK)
        cluster_die(roost_errmsg());
    c->log_bytes = c->log_entries = 0;
    raft_free(bytes->base);
    return 0;
}

void cluster_fsm_init(struct cluster *c)
{
    c->fsm = (struct raft_fsm){.version = 2,
                               .data = c,
                               .apply = on_apply,
                               .snapshot = on_snapshot,
                               .restore = on_restore,
                               .snapshot_finalize = on_written};
}
