/*
 * fuzz_log.c: a data folder whose log somebody has written: a server starts from it, or says what is wrong;
 * see README.md. What it starts from once, it starts from again, as the same state.
 *
 * The input: flags; then what stands behind the header of the log file, or of two. Checksums are made to fit
 * unless a flag says otherwise, so that what is behind them is reached.
 */
#include <assert.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "core/core.h"
#include "shell/log.h"
#include "shell/server.h"
#include "shell/store.h"
#include "shell/wal_file.h"
#include "wire/methods.h"
#include "world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WRONG_SUMS = 1, TWO_FILES = 2, NO_SNAPSHOT = 4 };

/* ---- the folder ---- */

static char folder[64];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st, (void)type, (void)where;
    return remove(path);
}

static void remove_folder(void)
{
    nftw(folder, remove_one, 4, FTW_DEPTH | FTW_PHYS);
}

static void make_folder(void)
{
    snprintf(folder, sizeof(folder), "%s/roost-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert(mkdtemp(folder) != NULL);
    atexit(remove_folder);
}

static void write_file(const char *prefix, uint64_t position, struct slice bytes)
{
    char path[PATH_MAX];
    wal_path(path, folder, prefix, position);
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    assert(fd >= 0 && wal_write_at(fd, bytes.data, bytes.len, 0));
    close(fd);
}

static void clear(void)
{
    static const char *const prefixes[] = {"log-", "snapshot-"};
    struct names names;
    char path[PATH_MAX];
    for (int i = 0; i < 2; i++) {
        assert(wal_list(folder, prefixes[i], &names) == ROOST_OK);
        for (size_t k = 0; k < names.len; k++) {
            wal_path(path, folder, prefixes[i], names.positions[k]);
            unlink(path);
        }
        free(names.positions);
    }
}

/* ---- the files that the server makes are small: nothing is written to them ---- */

enum { ROOM = FILE_HEADER + 64 };

int __real_wal_make_room(const char *where, size_t size);
int __wrap_wal_make_room(const char *where, size_t size);
int __real_wal_name_log(int fd, const char *where, uint64_t first, size_t size);
int __wrap_wal_name_log(int fd, const char *where, uint64_t first, size_t size);

int __wrap_wal_make_room(const char *where, size_t size)
{
    assert(size >= SEGMENT_BYTES);
    return __real_wal_make_room(where, ROOM);
}

int __wrap_wal_name_log(int fd, const char *where, uint64_t first, size_t size)
{
    assert(size >= SEGMENT_BYTES);
    return __real_wal_name_log(fd, where, first, ROOM);
}

/* ---- what is in it ---- */

static const struct core_options options = {.now_us = 1000000, .epoch = 7, .logged = true};

static void write_snapshot(void)
{
    static struct buf state;
    if (state.len == 0) {
        struct core *core = core_create(&options);
        state = buf_make(SIZE_MAX / 2);
        assert(core != NULL && core_save(core, &state) == ROOST_OK);
        core_destroy(core);
    }
    write_file("snapshot-", 0, buf_slice(&state));
}

/* Makes the sums of all batches fit, as far as there are batches. */
static void seal(uint8_t *file, size_t len)
{
    for (size_t at = FILE_HEADER; len - at >= BATCH_HEADER && get_u32be(file + at) == BATCH_MAGIC;) {
        uint8_t *p = file + at;
        uint32_t n = get_u32be(p + 4);
        if (n > len - at - BATCH_HEADER)
            return;
        wal_seal(p, n, get_u64be(p + 12), get_u32be(p + 8), get_u64be(p + 20));
        at += BATCH_HEADER + n;
    }
}

static void write_log(uint64_t first, struct slice batches, bool sums)
{
    size_t len = FILE_HEADER + batches.len;
    uint8_t *file = calloc(1, len);
    assert(file != NULL);
    memcpy(file, "roostlog", 8);
    put_u32be(file + 8, LOG_VERSION);
    put_u64be(file + 16, len);
    put_u64be(file + 24, first);
    put_u32be(file + 12, roost__crc32c(0, file + 16, 16));
    if (batches.len > 0)
        memcpy(file + FILE_HEADER, batches.data, batches.len);
    if (sums)
        seal(file, len);
    write_file("log-", first, slice_of(file, len));
    free(file);
}

static void write_logs(unsigned flags, struct slice rest)
{
    size_t cut = rest.len;
    uint64_t second = 2;
    if ((flags & TWO_FILES) && rest.len > 3) {
        second = rest.data[0];
        cut = ((size_t)rest.data[1] << 8 | rest.data[2]) % (rest.len - 2);
        rest = slice_of(rest.data + 3, rest.len - 3);
        write_log(second, slice_of(rest.data + cut, rest.len - cut), (flags & WRONG_SUMS) == 0);
    }
    if (second != 1)
        write_log(1, slice_of(rest.data, cut), (flags & WRONG_SUMS) == 0);
}

/* ---- the server ---- */

/* It works. */
static void use(struct server *s)
{
    static const uint8_t no_info = 0x80, list[] = {0x96, 1, 1, 1, 0, METHOD_server_list, 0x90};
    struct batch batch;
    server_enter(s, &batch);
    (void)server_step(s, &batch, (struct event){.kind = EVENT_TIME});
    if (server_step(s, &batch, (struct event){.kind = EVENT_OPEN, .payload = slice_of(&no_info, 1)}) ==
        ROOST_OK)
        (void)server_step(s, &batch,
                          (struct event){.kind = EVENT_CALL,
                                         .session = s->effects.opened,
                                         .payload = slice_of(list, sizeof(list))});
    server_leave(s, &batch);
}

/* False: it does not start, and says why. */
static bool start(struct buf *ret)
{
    static struct server s;
    const struct store_options store = {
        .folder = folder, .sync = WAL_SYNC_ALWAYS, .snapshot_bytes = INT64_MAX};
    int rc = server_start(&s, NULL, &store);
    if (rc != ROOST_OK) {
        assert(rc < 0 && *roost_errmsg() != '\0');
        return false;
    }
    assert(core_save(s.core, ret) == ROOST_OK);
    use(&s);
    server_stop(&s);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf once = buf_make(SIZE_MAX / 2), again = buf_make(SIZE_MAX / 2);
    if (size == 0)
        return 0;
    if (*folder == '\0')
        make_folder();
    clear();
    world_begin();
    if ((data[0] & NO_SNAPSHOT) == 0)
        write_snapshot();
    write_logs(data[0], slice_of(data + 1, size - 1));
    if (start(&once)) {
        assert(start(&again));
        if ((data[0] & NO_SNAPSHOT) == 0)
            assert(slice_equal(buf_slice(&once), buf_slice(&again)));
    }
    world_end();
    roost__buf_free(&once);
    roost__buf_free(&again);
    return 0;
}
