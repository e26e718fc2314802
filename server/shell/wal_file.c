/* wal_file.c: see wal_file.h. */
#include "shell/wal_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/error.h"
#include "shell/log.h"

/* A log file begins with it. */
static const uint8_t magic[] = {'r', 'o', 'o', 's', 't', 'l', 'o', 'g'};

void wal_path(char ret[PATH_MAX], const char *folder, const char *prefix, uint64_t position)
{
    snprintf(ret, PATH_MAX, "%s/%s%016" PRIx64, folder, prefix, position);
}

static int fail_at(const char *path, const char *what)
{
    return roost__fail(ROOST_ESYS, "%s: %s: %s", path, what, strerror(errno));
}

/* ---- folders ---- */

static bool names_add(struct names *n, uint64_t position)
{
    if (n->len == n->cap) {
        size_t cap = n->cap * 2 + 16;
        uint64_t *grown = reallocarray(n->positions, cap, sizeof(*grown));
        if (grown == NULL)
            return false;
        n->positions = grown;
        n->cap = cap;
    }
    n->positions[n->len++] = position;
    return true;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

void wal_clean(const char *folder)
{
    DIR *d = opendir(folder);
    for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
        if (strncmp(e->d_name, UNFINISHED, strlen(UNFINISHED)) == 0)
            unlinkat(dirfd(d), e->d_name, 0);
    if (d != NULL)
        closedir(d);
}

/* The position in a name of that prefix; false: it is another one. */
static bool read_name(const char *name, const char *prefix, uint64_t *ret)
{
    size_t n = strlen(prefix);
    char *end;
    if (strncmp(name, prefix, n) != 0 || strlen(name + n) != 16)
        return false;
    *ret = strtoull(name + n, &end, 16);
    return *end == '\0';
}

int wal_list(const char *folder, const char *prefix, struct names *ret)
{
    struct names names = {0};
    DIR *d = opendir(folder);
    if (d == NULL)
        return fail_at(folder, "cannot be read");
    bool good = true;
    uint64_t position;
    for (const struct dirent *e; good && (e = readdir(d)) != NULL;) {
        if (read_name(e->d_name, prefix, &position))
            good = names_add(&names, position);
    }
    closedir(d);
    if (!good) {
        free(names.positions);
        return roost__fail(ROOST_ENOMEM, "no memory for the names in %s", folder);
    }
    if (names.len > 0)
        qsort(names.positions, names.len, sizeof(*names.positions), compare);
    *ret = names;
    return ROOST_OK;
}

int wal_check_empty(const char *folder)
{
    DIR *d = opendir(folder);
    if (d == NULL)
        return fail_at(folder, "cannot be read");
    bool empty = true;
    for (const struct dirent *e; empty && (e = readdir(d)) != NULL;)
        empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
                strncmp(e->d_name, UNFINISHED, strlen(UNFINISHED)) == 0;
    closedir(d);
    return empty ? ROOST_OK : roost__fail(ROOST_EEXIST, "%s: the folder is not empty", folder);
}

int wal_sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd >= 0 && fsync(fd) == 0 ? ROOST_OK : fail_at(folder, "cannot be synced");
    if (fd >= 0)
        close(fd);
    return rc;
}

int wal_sync_parent(const char *path)
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof(copy), "%s", path);
    return wal_sync_folder(dirname(copy));
}

/* ---- files ---- */

int wal_read_file(const char *path, struct buf *ret)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = fd >= 0 && fstat(fd, &st) == 0 ? ROOST_OK : fail_at(path, "cannot be read");
    struct buf b = buf_make(SIZE_MAX / 2);
    if (rc == ROOST_OK && !roost__buf_reserve(&b, (size_t)st.st_size + 1))
        rc = roost__fail(ROOST_ENOMEM, "%s: no memory for it", path);
    while (rc == ROOST_OK && b.len < (size_t)st.st_size) {
        ssize_t n = read(fd, b.data + b.len, (size_t)st.st_size - b.len);
        if (n > 0)
            b.len += (size_t)n;
        else if (n == 0 || errno != EINTR)
            rc = fail_at(path, n == 0 ? "became shorter" : "cannot be read");
    }
    if (fd >= 0)
        close(fd);
    if (rc == ROOST_OK)
        *ret = b;
    else
        roost__buf_free(&b);
    return rc;
}

bool wal_write_at(int fd, const void *data, size_t n, off_t at)
{
    const uint8_t *p = data;
    while (n > 0) {
        ssize_t written = pwrite(fd, p, n, at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        p += written;
        at += written;
        n -= (size_t)written;
    }
    return true;
}

/* ---- new files: whole, or not there ---- */

/* Where a file is while it is not finished. */
static void unfinished_path(char ret[PATH_MAX], const char *folder, const char *prefix, uint64_t position)
{
    snprintf(ret, PATH_MAX, "%s/" UNFINISHED "%s%016" PRIx64 "-%d", folder, prefix, position, (int)getpid());
}

/* The file is written: it gets its name. False: errno says why. */
static bool finish(int fd, const char *unfinished, const char *path)
{
    return fsync(fd) == 0 && rename(unfinished, path) == 0 && wal_sync_parent(path) == ROOST_OK;
}

/* Removes what did not get its name, errno as it is. */
static int give_up(int fd, const char *unfinished)
{
    int why = errno;
    if (fd >= 0)
        close(fd);
    unlink(unfinished);
    errno = why;
    return -1;
}

static bool write_zeros(int fd, size_t at, size_t end)
{
    static const uint8_t zeros[1 << 16];
    for (size_t n; at < end; at += n) {
        n = end - at < sizeof(zeros) ? end - at : sizeof(zeros);
        if (!wal_write_at(fd, zeros, n, (off_t)at))
            return false;
    }
    return true;
}

static void room_path(char ret[PATH_MAX], const char *folder)
{
    snprintf(ret, PATH_MAX, "%s/" UNFINISHED "log", folder);
}

int wal_make_room(const char *folder, size_t size)
{
    char path[PATH_MAX];
    room_path(path, folder);
    int fd = open(path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    int rc = posix_fallocate(fd, 0, (off_t)size); /* the blocks lie together … */
    if (rc != 0)
        errno = rc;
    else if (write_zeros(fd, 0, size)) /* … and are written: a sync of data then needs no sync of extents */
        return fd;
    return give_up(fd, path);
}

int wal_name_log(int fd, const char *folder, uint64_t first, size_t size)
{
    char path[PATH_MAX], room[PATH_MAX];
    uint8_t header[FILE_HEADER];
    wal_path(path, folder, "log-", first);
    room_path(room, folder);
    memcpy(header, magic, sizeof(magic));
    put_u32be(header + 8, LOG_VERSION);
    put_u64be(header + 16, size);
    put_u64be(header + 24, first);
    put_u32be(header + 12, roost__crc32c(0, header + 16, 16));
    if (wal_write_at(fd, header, sizeof(header), 0) && finish(fd, room, path))
        return ROOST_OK;
    return fail_at(path, "cannot be made");
}

int wal_write_file(const char *folder, const char *prefix, uint64_t position, struct slice bytes)
{
    char path[PATH_MAX], unfinished[PATH_MAX];
    wal_path(path, folder, prefix, position);
    unfinished_path(unfinished, folder, prefix, position);
    return wal_write_whole(path, unfinished, bytes);
}

int wal_write_whole(const char *path, const char *unfinished, struct slice bytes)
{
    int fd = open(unfinished, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    if (fd >= 0 && wal_write_at(fd, bytes.data, bytes.len, 0) && finish(fd, unfinished, path)) {
        close(fd);
        return ROOST_OK;
    }
    give_up(fd, unfinished);
    return fail_at(path, "cannot be written");
}

/* ---- batches ---- */

/* A batch's header: magic, bytes behind the header, entries, first position, what was committed when it was
 * written, checksum of all but itself. */
enum { AT_MAGIC = 0, AT_LEN = 4, AT_COUNT = 8, AT_FIRST = 12, AT_COMMITTED = 20, AT_SUM = 28, AT_SPARE = 32 };

static uint32_t sum_of(const uint8_t *header, size_t len)
{
    return roost__crc32c(roost__crc32c(0, header, AT_SUM), header + BATCH_HEADER, len);
}

void wal_seal(uint8_t *header, size_t len, uint64_t first, uint32_t count, uint64_t committed)
{
    put_u32be(header + AT_MAGIC, BATCH_MAGIC);
    put_u32be(header + AT_LEN, (uint32_t)len);
    put_u32be(header + AT_COUNT, count);
    put_u64be(header + AT_FIRST, first);
    put_u64be(header + AT_COMMITTED, committed);
    put_u32be(header + AT_SPARE, 0);
    put_u32be(header + AT_SUM, sum_of(header, len));
}

struct batch_head {
    uint64_t first, committed;
    uint32_t len, count;
};

/* Is there a whole and sound batch at an offset? */
static bool read_head(struct slice file, size_t at, struct batch_head *ret)
{
    const uint8_t *p = file.data + at;
    if (file.len - at < BATCH_HEADER || get_u32be(p) != BATCH_MAGIC)
        return false;
    *ret = (struct batch_head){.first = get_u64be(p + AT_FIRST),
                               .committed = get_u64be(p + AT_COMMITTED),
                               .len = get_u32be(p + AT_LEN),
                               .count = get_u32be(p + AT_COUNT)};
    return ret->len <= file.len - at - BATCH_HEADER && get_u32be(p + AT_SUM) == sum_of(p, ret->len);
}

static bool all_zero(struct slice file, size_t at)
{
    while (at < file.len && file.data[at] == 0)
        at++;
    return at == file.len;
}

/*
 * What is at an offset is no batch. Was it torn, as the last may be? Not if a sound one comes later that was
 * written when this one was committed.
 */
static bool was_committed(struct slice file, size_t at, uint64_t position)
{
    struct batch_head head;
    for (size_t i = at + 1; i + BATCH_HEADER <= file.len; i++)
        if (file.data[i] == BATCH_MAGIC >> 24 && read_head(file, i, &head) && head.committed >= position)
            return true;
    return false;
}

static int damaged(const char *path, size_t at, const char *why)
{
    return roost__fail(ROOST_EDAMAGED, "%s is damaged at byte %zu: %s", path, at, why);
}

/* Takes the entries of a sound batch at an offset. */
static int take_entries(struct reading *r, const char *path, struct slice file, size_t at,
                        const struct batch_head *head)
{
    size_t end = at + BATCH_HEADER + head->len, p = at + BATCH_HEADER;
    if (head->first > r->applied + 1)
        return damaged(path, at, "entries before this one are missing");
    for (uint32_t i = 0; i < head->count; i++) {
        size_t n = end - p >= ENTRY_HEADER ? get_u32be(file.data + p) : SIZE_MAX;
        if (n > end - p || n + ENTRY_HEADER > end - p)
            return damaged(path, p, "an entry is longer than its batch");
        if (head->first + i > r->applied) {
            int rc = r->options->replay(r->options->context, slice_of(file.data + p + ENTRY_HEADER, n));
            if (rc != ROOST_OK)
                return roost__fail_at("%s, entry at byte %zu", path, p);
            r->applied = head->first + i;
            r->bytes += ENTRY_HEADER + n;
        }
        p += ENTRY_HEADER + n;
    }
    return ROOST_OK;
}

/* Nothing is in a file from an offset on. */
static int cut(const char *path, size_t at, size_t end)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool good = fd >= 0 && write_zeros(fd, at, end) && fsync(fd) == 0;
    int rc = good ? ROOST_OK : fail_at(path, "its torn end cannot be cut");
    if (fd >= 0)
        close(fd);
    return rc;
}

static int check_file_header(const char *path, struct slice file, uint64_t first, uint64_t applied)
{
    const uint8_t *p = file.data;
    if (file.len < FILE_HEADER || memcmp(p, magic, sizeof(magic)) != 0 ||
        get_u32be(p + 12) != roost__crc32c(0, p + 16, 16) || get_u64be(p + 24) != first)
        return damaged(path, 0, "it does not begin as a log");
    if (get_u32be(p + 8) != LOG_VERSION)
        return roost__fail(ROOST_EDAMAGED, "%s is of version %" PRIu32 ", this roost reads version %d", path,
                           get_u32be(p + 8), LOG_VERSION);
    if (first > applied + 1)
        return damaged(path, 0, "entries before its first are missing");
    if (get_u64be(p + 16) != file.len)
        return damaged(path, file.len, "the file was cut here");
    return ROOST_OK;
}

static int read_batches(struct reading *r, const char *path, struct slice file, uint64_t next)
{
    struct batch_head head;
    size_t at = FILE_HEADER;
    while (at < file.len && read_head(file, at, &head)) {
        int rc = take_entries(r, path, file, at, &head);
        if (rc != ROOST_OK)
            return rc;
        at += BATCH_HEADER + head.len;
    }
    if (all_zero(file, at))
        return ROOST_OK;
    if (next != 0 && r->applied + 1 >= next) /* nothing is missing: it was no more than an empty batch */
        return ROOST_OK;
    if (next != 0 || was_committed(file, at, r->applied + 1))
        return damaged(path, at, "bytes have changed");
    if (r->keeps_all)
        return ROOST_OK;
    log_warn("%s: cut at byte %zu: what was being written when the server ended", path, at);
    return cut(path, at, file.len);
}

int wal_read_log(struct reading *r, uint64_t first, uint64_t next)
{
    char path[PATH_MAX];
    struct buf file;
    wal_path(path, r->options->folder, "log-", first);
    int rc = wal_read_file(path, &file);
    if (rc != ROOST_OK)
        return rc;
    rc = check_file_header(path, buf_slice(&file), first, r->applied);
    if (rc == ROOST_OK)
        rc = read_batches(r, path, buf_slice(&file), next);
    roost__buf_free(&file);
    return rc;
}
