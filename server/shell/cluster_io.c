/*
 * cluster_io.c: libraft's disk and network, with four things of 0.22.1 put right; see cluster_node.h.
 *
 * Time: libraft is told the time of the beginning of the loop's round. A promise not to vote for another must
 * count from when the leader was heard, not from before: the leader's lease stands on it. So the loop's time
 * is brought up to date whenever it is asked for.
 *
 * Changes of the configuration: a follower notes for one the index of the first entry of the message that
 * brings it, and so, when it is not the first itself, never learns that it was committed: as leader it then
 * refuses every further change, and its snapshots have the configuration from before. So a message is cut in
 * front of each change.
 *
 * A log behind the snapshot: who is killed when a snapshot from the leader is on the disk, and the entries
 * from before are not yet gone, does not start again when some of them are in a segment that was still open.
 * All that they did is in the snapshot: they are removed.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "shell/cluster_node.h"
#include "shell/log.h"
#include "shell/peer.h"
#include "shell/raft_guard.h"

enum { CONNECT_RETRY_MS = 200, DISK_RETRY_MS = 200 };

static raft_time time_now(struct raft_io *io)
{
    struct cluster *c = container_of(io, struct cluster, io);
    uv_update_time(&c->loop);
    return c->io_time(io);
}

/* ---- messages ---- */

/* Entries from..end as a message of their own, in memory of their own. False: there is none. */
static bool copy_part(const struct raft_append_entries *whole, unsigned from, unsigned end,
                      struct raft_append_entries *ret)
{
    size_t size = 0;
    for (unsigned i = from; i < end; i++)
        size += whole->entries[i].buf.len;
    struct raft_entry *entries = raft_calloc(end - from, sizeof(*entries));
    uint8_t *batch = raft_malloc(size > 0 ? size : 1);
    if (entries == NULL || batch == NULL) {
        raft_free(entries);
        raft_free(batch);
        return false;
    }
    size_t at = 0;
    for (unsigned i = from; i < end; i++) {
        struct raft_entry *e = &entries[i - from];
        *e = whole->entries[i];
        e->buf.base = batch + at;
        e->batch = batch;
        memcpy(e->buf.base, whole->entries[i].buf.base, e->buf.len);
        at += e->buf.len;
    }
    *ret = *whole;
    ret->prev_log_index += from;
    if (from > 0)
        ret->prev_log_term = whole->entries[from - 1].term;
    ret->entries = entries;
    ret->n_entries = end - from;
    return true;
}

/* The first change behind `from`; n when there is none. */
static unsigned next_change(const struct raft_append_entries *m, unsigned from)
{
    unsigned i = from + 1;
    while (i < m->n_entries && m->entries[i].type != RAFT_CHANGE)
        i++;
    return i < m->n_entries ? i : m->n_entries;
}

static void free_snapshot(struct raft_install_snapshot *s)
{
    raft_configuration_close(&s->conf);
    raft_free(s->data.base);
}

static void receive(struct raft_io *io, struct raft_message *message);

/* The latest is kept; what it has is ours until it is received. */
static void put_off(struct cluster *c, const struct raft_message *message)
{
    cluster_io_forget(c);
    c->late = *message;
    c->late.server_address = strdup(message->server_address);
    c->is_late = c->late.server_address != NULL;
    if (!c->is_late)
        free_snapshot(&c->late.install_snapshot);
}

void cluster_io_forget(struct cluster *c)
{
    if (!c->is_late)
        return;
    c->is_late = false;
    free_snapshot(&c->late.install_snapshot);
    free((char *)(uintptr_t)c->late.server_address);
}

void cluster_io_look(struct cluster *c)
{
    if (!c->is_late || c->snapshot.parts != NULL)
        return;
    c->is_late = false;
    receive(&c->io, &c->late);
    free((char *)(uintptr_t)c->late.server_address);
}

/* What is left out for want of memory its leader sends again. */
static void receive(struct raft_io *io, struct raft_message *message)
{
    struct cluster *c = container_of(io, struct cluster, io);
    if (message->type == RAFT_INSTALL_SNAPSHOT && c->snapshot.parts != NULL && !c->closing) {
        put_off(c, message);
        return;
    }
    if (!raft_guard(&c->raft, message)) {
        free_snapshot(&message->install_snapshot); /* nothing else is refused */
        return;
    }
    struct raft_append_entries whole = message->append_entries;
    if (message->type != RAFT_APPEND_ENTRIES || whole.n_entries < 2 ||
        next_change(&whole, 0) == whole.n_entries) {
        c->io_receive(io, message);
        return;
    }
    for (unsigned from = 0, end; from < whole.n_entries; from = end) {
        struct raft_message part = *message;
        end = next_change(&whole, from);
        if (!copy_part(&whole, from, end, &part.append_entries))
            break;
        c->io_receive(io, &part);
    }
    raft_free(whole.entries[0].batch);
    raft_free(whole.entries);
}

static int start(struct raft_io *io, unsigned ms, raft_io_tick_cb tick, raft_io_recv_cb recv)
{
    struct cluster *c = container_of(io, struct cluster, io);
    c->io_receive = recv;
    return c->io_start(io, ms, tick, receive);
}

/* ---- a log behind the snapshot ---- */

/* open-N, and FIRST-LAST. */
static bool is_segment(const char *name)
{
    return strncmp(name, "open-", 5) == 0 || (isdigit((unsigned char)name[0]) && strchr(name, '-') != NULL);
}

static int remove_segments(const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL)
        return RAFT_IOERR;
    int rc = 0;
    for (struct dirent *e; rc == 0 && (e = readdir(folder)) != NULL;)
        if (is_segment(e->d_name) && unlinkat(dirfd(folder), e->d_name, 0) != 0)
            rc = RAFT_IOERR;
    if (rc == 0 && fsync(dirfd(folder)) != 0)
        rc = RAFT_IOERR;
    closedir(folder);
    return rc;
}

static int load(struct raft_io *io, raft_term *term, raft_id *vote, struct raft_snapshot **snapshot,
                raft_index *first, struct raft_entry **entries, size_t *n)
{
    struct cluster *c = container_of(io, struct cluster, io);
    int rc = c->io_load(io, term, vote, snapshot, first, entries, n);
    if (rc != RAFT_CORRUPT || strstr(io->errmsg, "behind last snapshot's index") == NULL)
        return rc;
    log_info("%s: %s: those entries are removed, the snapshot has them", c->log_folder, io->errmsg);
    rc = remove_segments(c->log_folder);
    return rc == 0 ? c->io_load(io, term, vote, snapshot, first, entries, n) : rc;
}

/* ---- up and down ---- */

int cluster_io_init(struct cluster *c)
{
    const struct peer_settings peer = {
        .cluster = c->file.cluster, .listen = c->options.listen, .tls = c->options.tls};
    int rc = peer_init(&c->transport, &c->loop, &peer);
    if (rc != ROOST_OK)
        return rc;
    rc = raft_uv_init(&c->io, &c->loop, c->log_folder, &c->transport);
    if (rc != 0) {
        peer_fini(&c->transport);
        return roost__fail(ROOST_ESYS, "%s: %s", c->log_folder, raft_strerror(rc));
    }
    raft_uv_set_auto_recovery(&c->io, false);
    raft_uv_set_connect_retry_delay(&c->io, CONNECT_RETRY_MS);
    raft_uv_set_disk_retry(&c->io, DISK_RETRY_MS);
    c->io_time = c->io.time;
    c->io.time = time_now;
    c->io_load = c->io.load;
    c->io.load = load;
    c->io_start = c->io.start;
    c->io.start = start;
    return ROOST_OK;
}

void cluster_io_free(struct cluster *c)
{
    raft_uv_close(&c->io);
    peer_fini(&c->transport);
}
