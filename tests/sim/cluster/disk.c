/* disk.c: a machine's disk: one write after the other, each takes its time; a kill loses what was not written
 * yet, from some write on. See cluster.h. */
#include <stdlib.h>

#include "tests/sim/cluster/cluster.h"

enum { FIRST_INDEX = 1, BACKLOG_US = 150000 };

void disk_init(struct disk *d)
{
    *d = (struct disk){.first = FIRST_INDEX, .write_us = 1000};
    d->configuration = buf_make(1 << 16);
    d->snapshot = buf_make(1 << 24);
}

static void cut_entries(struct disk *d, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        roost__buf_free(&d->entries[i].bytes);
    memmove(&d->entries[from], &d->entries[to], (d->len - to) * sizeof(d->entries[0]));
    d->len -= to - from;
}

void disk_free(struct disk *d)
{
    cut_entries(d, 0, d->len);
    free(d->entries);
    roost__buf_free(&d->configuration);
    roost__buf_free(&d->snapshot);
}

static void put_bytes(struct buf *b, const void *bytes, size_t len)
{
    buf_reset(b);
    bool put = buf_append(b, bytes, len);
    assert(put);
}

static void add_entry(struct disk *d, const struct raft_entry *e)
{
    if (d->len == d->cap) {
        d->cap = 2 * d->cap + 16;
        d->entries = realloc(d->entries, d->cap * sizeof(d->entries[0]));
        assert(d->entries != NULL);
    }
    struct stored *s = &d->entries[d->len++];
    *s = (struct stored){.term = e->term, .type = e->type, .bytes = buf_make(1 << 24)};
    put_bytes(&s->bytes, e->buf.base, e->buf.len);
}

/* ---- writes ---- */

struct write {
    struct task task;
    void (*store)(struct node *n, struct write *x);
    struct raft_io_append *append;
    const struct raft_entry *entries;
    unsigned n;
    struct raft_io_snapshot_put *put;
    const struct raft_snapshot *snapshot;
    unsigned trailing;
    raft_index from; /* of a truncation */
};

static void finish_write(struct write *x, int status)
{
    if (x->append != NULL)
        x->append->cb(x->append, status);
    if (x->put != NULL)
        x->put->cb(x->put, status);
    free(x);
}

static void run_write(struct world *w, struct task *t, bool cancelled)
{
    struct write *x = container_of(t, struct write, task);
    struct node *n = &w->cluster->nodes[t->node];
    n->disk.torn = n->disk.torn || (cancelled && chance(&w->dice, 50));
    if (!n->disk.torn)
        x->store(n, x);
    finish_write(x, cancelled ? RAFT_CANCELED : 0);
}

static struct write *new_write(struct raft_io *io, void (*store)(struct node *n, struct write *x))
{
    struct node *n = node_of(io);
    struct world *w = n->world;
    struct write *x = calloc(1, sizeof(*x));
    assert(x != NULL);
    x->task.run = run_write;
    x->store = store;
    int64_t begin_us = n->disk.busy_until_us > w->now_us ? n->disk.busy_until_us : w->now_us;
    if (begin_us < w->now_us + BACKLOG_US) /* else it joins the last one */
        begin_us += 1 + roll(&w->dice, (unsigned)n->disk.write_us);
    n->disk.busy_until_us = begin_us;
    task_add(w, &x->task, n->index, n->disk.busy_until_us - w->now_us);
    return x;
}

static void store_entries(struct node *n, struct write *x)
{
    for (unsigned i = 0; i < x->n; i++)
        add_entry(&n->disk, &x->entries[i]);
}

static int disk_append(struct raft_io *io, struct raft_io_append *req, const struct raft_entry entries[],
                       unsigned n, raft_io_append_cb cb)
{
    struct write *x = new_write(io, store_entries);
    req->cb = cb;
    x->append = req;
    x->entries = entries;
    x->n = n;
    return 0;
}

static void store_truncation(struct node *n, struct write *x)
{
    struct disk *d = &n->disk;
    bool inside = x->from >= d->first && x->from <= d->first + d->len;
    cut_entries(d, inside ? (size_t)(x->from - d->first) : 0, d->len);
    if (!inside) /* behind a snapshot */
        d->first = x->from;
}

static int disk_truncate(struct raft_io *io, raft_index index)
{
    new_write(io, store_truncation)->from = index;
    return 0;
}

/* ---- snapshots ---- */

static void store_snapshot(struct node *n, struct write *x)
{
    struct disk *d = &n->disk;
    const struct raft_snapshot *s = x->snapshot;
    struct raft_buffer configuration;
    int rc = raft_configuration_encode(&s->configuration, &configuration);
    assert(rc == 0);
    put_bytes(&d->configuration, configuration.base, configuration.len);
    raft_free(configuration.base);
    buf_reset(&d->snapshot);
    for (unsigned i = 0; i < s->n_bufs; i++)
        buf_append(&d->snapshot, s->bufs[i].base, s->bufs[i].len);
    d->snapshot_index = s->index;
    d->snapshot_term = s->term;
    d->configuration_index = s->configuration_index;
    raft_index end = d->first + d->len, keep = s->index > x->trailing ? s->index - x->trailing + 1 : 1;
    if (x->trailing == 0) {
        cut_entries(d, 0, d->len);
        d->first = s->index + 1;
    } else if (keep > d->first && keep < end) {
        cut_entries(d, 0, (size_t)(keep - d->first));
        d->first = keep;
    }
}

/* A snapshot of who was ahead of the log waits until the log is where it is. */
static void run_local_snapshot(struct world *w, struct task *t, bool cancelled)
{
    struct write *x = container_of(t, struct write, task);
    struct node *n = &w->cluster->nodes[t->node];
    bool early = n->snapshot_number > replica_applied(&n->replica);
    if (early && !cancelled) {
        task_add(w, t, t->node, 500);
        return;
    }
    if (!cancelled || (!early && chance(&w->dice, 50)))
        store_snapshot(n, x);
    finish_write(x, cancelled ? RAFT_CANCELED : 0);
}

static int disk_snapshot_put(struct raft_io *io, unsigned trailing, struct raft_io_snapshot_put *req,
                             const struct raft_snapshot *snapshot, raft_io_snapshot_put_cb cb)
{
    struct write *x = new_write(io, store_snapshot);
    req->cb = cb;
    x->put = req;
    x->snapshot = snapshot;
    x->trailing = trailing;
    if (trailing > 0)
        x->task.run = run_local_snapshot;
    return 0;
}

static void *raft_copy(const void *bytes, size_t len)
{
    void *p = raft_malloc(len > 0 ? len : 1);
    assert(p != NULL);
    if (len > 0)
        memcpy(p, bytes, len);
    return p;
}

static struct raft_snapshot *load_snapshot(const struct disk *d)
{
    if (d->snapshot_index == 0)
        return NULL;
    struct raft_snapshot *s = raft_calloc(1, sizeof(*s));
    struct raft_buffer configuration = {.base = d->configuration.data, .len = d->configuration.len};
    assert(s != NULL);
    *s = (struct raft_snapshot){.index = d->snapshot_index,
                                .term = d->snapshot_term,
                                .configuration_index = d->configuration_index,
                                .n_bufs = 1};
    raft_configuration_init(&s->configuration);
    int rc = raft_configuration_decode(&configuration, &s->configuration);
    assert(rc == 0);
    s->bufs = raft_malloc(sizeof(s->bufs[0]));
    assert(s->bufs != NULL);
    s->bufs[0] =
        (struct raft_buffer){.base = raft_copy(d->snapshot.data, d->snapshot.len), .len = d->snapshot.len};
    return s;
}

/*
 * What is read is as of the call, and a read is never cancelled. libraft 0.22.1 would send a newer snapshot
 * under its index, but with the term of the older one (and its receiver gives up, for good), and frees what
 * it has not got when a read is cancelled.
 */
struct read {
    struct task task;
    struct raft_io_snapshot_get *get;
    struct raft_snapshot *snapshot;
};

static void run_read(struct world *w, struct task *t, bool cancelled)
{
    struct read *x = container_of(t, struct read, task);
    (void)w;
    (void)cancelled;
    x->get->cb(x->get, x->snapshot, 0);
    free(x);
}

static int disk_snapshot_get(struct raft_io *io, struct raft_io_snapshot_get *req, raft_io_snapshot_get_cb cb)
{
    struct node *n = node_of(io);
    struct read *x = calloc(1, sizeof(*x));
    assert(x != NULL);
    req->cb = cb;
    *x = (struct read){.task.run = run_read, .get = req, .snapshot = load_snapshot(&n->disk)};
    task_add(n->world, &x->task, n->index, 1 + roll(&n->world->dice, (unsigned)n->disk.write_us));
    return 0;
}

/* ---- at the start ---- */

static int disk_load(struct raft_io *io, raft_term *term, raft_id *voted_for, struct raft_snapshot **snapshot,
                     raft_index *start_index, struct raft_entry *entries[], size_t *n_entries)
{
    struct disk *d = &node_of(io)->disk;
    size_t bytes = 0;
    if (d->first + d->len <= d->snapshot_index) { /* it was committed without this disk */
        cut_entries(d, 0, d->len);
        d->first = d->snapshot_index + 1;
    }
    *term = d->term;
    *voted_for = d->vote;
    *snapshot = load_snapshot(d);
    *start_index = d->first;
    *n_entries = d->len;
    *entries = NULL;
    if (d->len == 0)
        return 0;
    for (size_t i = 0; i < d->len; i++)
        bytes += d->entries[i].bytes.len;
    *entries = raft_calloc(d->len, sizeof(**entries));
    uint8_t *batch = raft_malloc(bytes), *at = batch;
    assert(*entries != NULL && batch != NULL);
    for (size_t i = 0; i < d->len; i++) {
        const struct stored *s = &d->entries[i];
        if (s->bytes.len > 0)
            memcpy(at, s->bytes.data, s->bytes.len);
        (*entries)[i] = (struct raft_entry){
            .term = s->term, .type = s->type, .buf = {.base = at, .len = s->bytes.len}, .batch = batch};
        at += s->bytes.len;
    }
    return 0;
}

static int disk_bootstrap(struct raft_io *io, const struct raft_configuration *configuration)
{
    struct disk *d = &node_of(io)->disk;
    struct raft_entry e = {.term = 1, .type = RAFT_CHANGE};
    int rc = raft_configuration_encode(configuration, &e.buf);
    assert(rc == 0 && d->term == 0);
    d->term = 1;
    add_entry(d, &e);
    raft_free(e.buf.base);
    return 0;
}

static int disk_recover(struct raft_io *io, const struct raft_configuration *configuration)
{
    (void)io;
    (void)configuration;
    return RAFT_IOERR;
}

static int disk_set_term(struct raft_io *io, raft_term term)
{
    node_of(io)->disk.term = term;
    node_of(io)->disk.vote = 0;
    return 0;
}

static int disk_set_vote(struct raft_io *io, raft_id id)
{
    node_of(io)->disk.vote = id;
    return 0;
}

void disk_methods(struct raft_io *io)
{
    io->load = disk_load;
    io->bootstrap = disk_bootstrap;
    io->recover = disk_recover;
    io->set_term = disk_set_term;
    io->set_vote = disk_set_vote;
    io->append = disk_append;
    io->truncate = disk_truncate;
    io->snapshot_put = disk_snapshot_put;
    io->snapshot_get = disk_snapshot_get;
}
