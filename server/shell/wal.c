/* wal.c: the log and its writer; see wal.h. */
#include "shell/wal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "shell/folder.h"
#include "shell/log.h"
#include "shell/wal_file.h"

enum { RETRY_MS = 100, FULL_LOOK_MS = 200, PENDING_KEEP = 4 << 20 };

struct segment {
    int fd; /* -1: there is none */
    size_t size, used;
};

/* A batch: room for its header, then entries. */
struct pending {
    struct buf bytes;
    uint32_t count;
};

struct wal {
    struct wal_options options;
    char *folder;
    int lock;
    pthread_t writer;
    pthread_mutex_t mutex;
    pthread_cond_t work;
    /* all under the mutex, but what the writer alone touches */
    struct pending pending;
    uint64_t appended, committed;
    uint64_t size;
    struct segment now;    /* written to */
    struct segment next;   /* its room is taken, its name is not made yet */
    int64_t full_until_ms; /* the disk was full: not asked again before */
    bool ends;
    struct pending writing; /* the writer's alone, as the next two */
    uint64_t written, synced, marked;
    int64_t unsynced_ms; /* when the first of what is not synced was written */
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* ---- room ---- */

static size_t room_in(const struct segment *s)
{
    return s->fd < 0 ? 0 : s->size - s->used;
}

static void pending_reset(struct pending *p)
{
    static const uint8_t header[BATCH_HEADER];
    if (p->bytes.cap > PENDING_KEEP)
        roost__buf_free(&p->bytes);
    buf_reset(&p->bytes);
    buf_append(&p->bytes, header, sizeof(header));
    p->count = 0;
}

static size_t pending_len(const struct wal *w)
{
    return w->pending.bytes.len;
}

/* Takes room for `need` bytes behind a file's header, in a file to come. False: the disk is full. */
static bool make_next(struct wal *w, size_t need)
{
    if (now_ms() < w->full_until_ms)
        return false;
    if (w->next.fd >= 0)
        close(w->next.fd);
    size_t size = FILE_HEADER + need > SEGMENT_BYTES ? FILE_HEADER + 2 * need : SEGMENT_BYTES;
    int fd = wal_make_room(w->folder, size);
    w->next = (struct segment){.fd = fd, .size = size, .used = FILE_HEADER};
    if (fd >= 0) {
        w->full_until_ms = 0;
        return true;
    }
    if (w->full_until_ms == 0)
        log_error("%s: no room for the log: %s: changes are refused", w->folder, strerror(errno));
    w->full_until_ms = now_ms() + FULL_LOOK_MS;
    return false;
}

static bool has_room(struct wal *w, size_t need)
{
    return need <= room_in(&w->now) || need <= room_in(&w->next) || make_next(w, need);
}

bool wal_has_room(struct wal *w, size_t n)
{
    pthread_mutex_lock(&w->mutex);
    bool room = has_room(w, pending_len(w) + ENTRY_HEADER + n);
    pthread_mutex_unlock(&w->mutex);
    return room;
}

uint64_t wal_append(struct wal *w, struct slice entry)
{
    uint8_t header[ENTRY_HEADER];
    put_u32be(header, (uint32_t)entry.len);
    pthread_mutex_lock(&w->mutex);
    struct buf *b = &w->pending.bytes;
    uint64_t position = 0;
    if (roost__buf_reserve(b, sizeof(header) + entry.len)) {
        buf_append(b, header, sizeof(header));
        buf_append(b, entry.data, entry.len);
        position = ++w->appended;
        w->size += sizeof(header) + entry.len;
        if (w->pending.count++ == 0)
            pthread_cond_signal(&w->work);
    } else {
        b->failed = false;
    }
    pthread_mutex_unlock(&w->mutex);
    return position;
}

uint64_t wal_committed(struct wal *w)
{
    pthread_mutex_lock(&w->mutex);
    uint64_t committed = w->committed;
    pthread_mutex_unlock(&w->mutex);
    return committed;
}

uint64_t wal_size(struct wal *w)
{
    pthread_mutex_lock(&w->mutex);
    uint64_t size = w->size;
    pthread_mutex_unlock(&w->mutex);
    return size;
}

/* ---- the writer ---- */

static void broken(struct wal *w, const char *what)
{
    char why[256];
    snprintf(why, sizeof(why), "%s: %s: %s", w->folder, what, strerror(errno));
    w->options.broken(w->options.context, why);
}

static void sync_log(struct wal *w)
{
    if (w->synced == w->written)
        return;
    if (fdatasync(w->now.fd) != 0)
        broken(w, "the log cannot be synced");
    w->synced = w->written;
}

/* Sees to it that the pending batch has a place. False: the disk is full. The mutex is held. */
static bool find_place(struct wal *w)
{
    if (pending_len(w) <= room_in(&w->now))
        return true;
    if (!has_room(w, pending_len(w)))
        return false;
    sync_log(w);
    if (wal_name_log(w->next.fd, w->folder, w->appended - w->pending.count + 1, w->next.size) != ROOST_OK) {
        if (errno != ENOSPC && errno != EDQUOT)
            broken(w, "a new log file cannot be made");
        return false;
    }
    if (w->now.fd >= 0)
        close(w->now.fd);
    w->now = w->next;
    w->next = (struct segment){.fd = -1};
    return true;
}

/* What was written has room: a disk that is full all the same may have some later. */
static void write_batch(struct wal *w, uint64_t first, off_t at)
{
    struct pending *p = &w->writing;
    wal_seal(p->bytes.data, p->bytes.len - BATCH_HEADER, first, p->count, w->synced);
    while (!wal_write_at(w->now.fd, p->bytes.data, p->bytes.len, at)) {
        if (errno != ENOSPC && errno != EDQUOT)
            broken(w, "the log cannot be written");
        pthread_mutex_lock(&w->mutex);
        w->full_until_ms = now_ms() + FULL_LOOK_MS;
        pthread_mutex_unlock(&w->mutex);
        nanosleep(&(struct timespec){.tv_nsec = RETRY_MS * 1000000}, NULL);
    }
    if (w->synced == w->written)
        w->unsynced_ms = now_ms();
    w->written = first + p->count - 1;
    if (w->options.sync == WAL_SYNC_ALWAYS)
        sync_log(w);
}

static void wait_ms(struct wal *w, int ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000L;
    if (t.tv_nsec >= 1000000000)
        t.tv_sec++, t.tv_nsec -= 1000000000;
    pthread_cond_timedwait(&w->work, &w->mutex, &t);
}

/* The batch before was committed: said by an empty one, which the next overwrites. Then damage to it cannot
 * pass for the torn end of the log. Nobody waits for it, nor depends on it. */
static void mark_committed(struct wal *w)
{
    uint8_t empty[BATCH_HEADER];
    if (w->marked == w->synced || room_in(&w->now) < sizeof(empty))
        return;
    w->marked = w->synced;
    wal_seal(empty, 0, w->synced + 1, 0, w->synced);
    (void)wal_write_at(w->now.fd, empty, sizeof(empty), (off_t)w->now.used);
}

/* Batches: what was written batch_ms ago goes to the disk. */
static void sync_if_due(struct wal *w)
{
    if (w->options.sync == WAL_SYNC_BATCH && w->synced != w->written &&
        now_ms() - w->unsynced_ms >= w->options.batch_ms)
        sync_log(w);
}

/* Nothing is pending: sleeps, or syncs what was written long enough ago. */
static void rest(struct wal *w)
{
    mark_committed(w);
    if (w->options.sync != WAL_SYNC_BATCH || w->synced == w->written) {
        pthread_cond_wait(&w->work, &w->mutex);
        return;
    }
    int64_t left_ms = w->unsynced_ms + w->options.batch_ms - now_ms();
    if (left_ms > 0 && !w->ends)
        wait_ms(w, (int)left_ms);
    if (w->pending.count > 0)
        return;
    pthread_mutex_unlock(&w->mutex);
    sync_if_due(w);
    pthread_mutex_lock(&w->mutex);
}

static void *writer_main(void *arg)
{
    struct wal *w = arg;
    pthread_mutex_lock(&w->mutex);
    while (w->pending.count > 0 || !w->ends) {
        if (w->pending.count == 0) {
            rest(w);
            continue;
        }
        if (!find_place(w)) {
            if (w->ends)
                break;
            sync_if_due(w);
            wait_ms(w, RETRY_MS);
            continue;
        }
        struct pending taken = w->pending;
        w->pending = w->writing;
        w->writing = taken;
        uint64_t first = w->appended - taken.count + 1;
        off_t at = (off_t)w->now.used;
        w->now.used += taken.bytes.len;
        pthread_mutex_unlock(&w->mutex);
        write_batch(w, first, at);
        sync_if_due(w);
        pending_reset(&w->writing);
        pthread_mutex_lock(&w->mutex);
        uint64_t committed = w->committed = w->written;
        pthread_mutex_unlock(&w->mutex);
        w->options.committed(w->options.context, committed);
        pthread_mutex_lock(&w->mutex);
    }
    if (w->now.fd >= 0)
        sync_log(w), mark_committed(w);
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

/* ---- begin ---- */

static int read_snapshot(struct reading *r)
{
    char path[PATH_MAX];
    struct names names;
    struct buf state;
    int rc = wal_list(r->options->folder, "snapshot-", &names);
    if (rc != ROOST_OK || names.len == 0)
        return rc;
    r->applied = names.positions[names.len - 1];
    r->has_snapshot = true;
    free(names.positions);
    wal_path(path, r->options->folder, "snapshot-", r->applied);
    rc = wal_read_file(path, &state);
    if (rc != ROOST_OK)
        return rc;
    if (r->options->restore(r->options->context, buf_slice(&state)) != ROOST_OK)
        rc = roost__fail_at("%s", path);
    roost__buf_free(&state);
    return rc;
}

static int read_logs(struct reading *r)
{
    struct names names;
    int rc = wal_list(r->options->folder, "log-", &names);
    if (rc != ROOST_OK)
        return rc;
    if (names.len == 0 && r->has_snapshot)
        return roost__fail(ROOST_EDAMAGED, "%s: the log behind the snapshot is missing", r->options->folder);
    for (size_t i = 0; i < names.len && rc == ROOST_OK; i++) {
        uint64_t next = i + 1 < names.len ? names.positions[i + 1] : 0;
        if (next == 0 || next > r->applied + 1)
            rc = wal_read_log(r, names.positions[i], next);
    }
    free(names.positions);
    return rc;
}

static int begin_log(struct wal *w)
{
    if (!make_next(w, 0))
        return roost__fail(ROOST_EDISK, "%s: no room for the log: %s", w->folder, strerror(errno));
    int rc = wal_name_log(w->next.fd, w->folder, w->appended + 1, w->next.size);
    w->now = w->next;
    w->next = (struct segment){.fd = -1};
    return rc;
}

static int begin_writing(struct wal *w)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->work, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&w->writer, NULL, writer_main, w) == 0)
        return ROOST_OK;
    return roost__fail(ROOST_ESYS, "no thread to write the log");
}

/* *ret: the lock's descriptor, or -1. */
static int take_folder(const char *folder, int how, int *ret)
{
    int rc = folder_lock(folder, how, ret);
    return rc == ROOST_OK ? folder_check_kind(folder, FOLDER_OF_SERVER) : rc;
}

static int start(struct wal *w)
{
    struct reading r = {.options = &w->options};
    int rc = folder_create(w->folder);
    if (rc == ROOST_OK)
        rc = take_folder(w->folder, O_CREAT | O_RDWR, &w->lock);
    if (rc == ROOST_OK) {
        wal_clean(w->folder);
        rc = read_snapshot(&r);
    }
    if (rc == ROOST_OK)
        rc = read_logs(&r);
    w->appended = w->committed = w->written = w->synced = w->marked = r.applied;
    w->size = r.bytes;
    if (rc == ROOST_OK)
        rc = begin_log(w);
    return rc == ROOST_OK ? begin_writing(w) : rc;
}

static void discard(struct wal *w)
{
    int fds[] = {w->lock, w->now.fd, w->next.fd};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    roost__buf_free(&w->pending.bytes);
    roost__buf_free(&w->writing.bytes);
    free(w->folder);
    free(w);
}

int wal_open(const struct wal_options *options, struct wal **ret)
{
    struct wal *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for the log");
    w->lock = w->now.fd = w->next.fd = -1;
    w->folder = strdup(options->folder);
    w->options = *options;
    w->options.folder = w->folder;
    w->pending.bytes = w->writing.bytes = buf_make(UINT32_MAX);
    pending_reset(&w->pending);
    pending_reset(&w->writing);
    bool memory = w->folder != NULL && !w->pending.bytes.failed && !w->writing.bytes.failed;
    int rc = memory ? start(w) : roost__fail(ROOST_ENOMEM, "no memory for the log");
    if (rc != ROOST_OK)
        discard(w);
    else
        *ret = w;
    return rc;
}

int wal_read(const struct wal_options *options)
{
    struct reading r = {.options = options, .keeps_all = true};
    int lock, rc = take_folder(options->folder, O_RDONLY, &lock);
    if (rc == ROOST_OK)
        rc = read_snapshot(&r);
    if (rc == ROOST_OK)
        rc = read_logs(&r);
    if (lock >= 0)
        close(lock);
    return rc;
}

static int make_first_log(const char *folder)
{
    int lock, rc = take_folder(folder, O_CREAT | O_RDWR, &lock);
    int fd = rc == ROOST_OK ? wal_make_room(folder, SEGMENT_BYTES) : -1;
    if (rc == ROOST_OK)
        rc = fd < 0 ? roost__fail(ROOST_ESYS, "%s: no room for the log: %s", folder, strerror(errno))
                    : wal_name_log(fd, folder, 1, SEGMENT_BYTES);
    if (fd >= 0)
        close(fd);
    if (lock >= 0)
        close(lock);
    return rc;
}

int wal_found(const char *folder, struct slice state)
{
    int rc = folder_create(folder);
    if (rc == ROOST_OK)
        rc = wal_check_empty(folder);
    if (rc != ROOST_OK)
        return rc;
    wal_clean(folder);
    rc = wal_write_file(folder, "snapshot-", 0, state);
    if (rc == ROOST_OK) /* last: without it the folder is damaged, not another server's */
        rc = make_first_log(folder);
    return rc == ROOST_OK ? wal_sync_parent(folder) : rc;
}

void wal_close(struct wal *w)
{
    if (w == NULL)
        return;
    pthread_mutex_lock(&w->mutex);
    w->ends = true;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->writer, NULL);
    pthread_cond_destroy(&w->work);
    pthread_mutex_destroy(&w->mutex);
    discard(w);
}

/* ---- snapshots ---- */

int wal_write_snapshot(const struct wal *w, uint64_t position, struct slice state)
{
    return wal_write_file(w->folder, "snapshot-", position, state);
}

static void remove_file(const struct wal *w, const char *prefix, uint64_t position)
{
    char path[PATH_MAX];
    wal_path(path, w->folder, prefix, position);
    if (unlink(path) != 0)
        log_warn("%s: cannot be removed: %s", path, strerror(errno));
}

void wal_forget(struct wal *w, uint64_t position)
{
    struct names names;
    if (wal_list(w->folder, "snapshot-", &names) == ROOST_OK) {
        for (size_t i = 0; i < names.len && names.positions[i] < position; i++)
            remove_file(w, "snapshot-", names.positions[i]);
        free(names.positions);
    }
    if (wal_list(w->folder, "log-", &names) == ROOST_OK) {
        for (size_t i = 0; i + 1 < names.len && names.positions[i + 1] <= position + 1; i++)
            remove_file(w, "log-", names.positions[i]);
        free(names.positions);
    }
}

void wal_forked(struct wal *w)
{
    close(w->lock);
}
