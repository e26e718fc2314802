/*
 * test_lost_cache.c: the machine loses power: of what was written and not synced, each write is on the disk
 * or not, as it comes. With --sync always all that was committed is there; with --sync batch:N all that was
 * committed N ms before; and what is there is a whole beginning of what was written.
 *
 * Every write of a process notes what it overwrites, until a sync of its file; the process is killed, and a
 * random part of the writes noted is taken back. Names are not: a file gets its name when it was synced, and
 * the folder is synced then.
 */
#include "tests/support/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "shell/log.h"
#include "shell/wal.h"

ssize_t __real_pwrite(int fd, const void *data, size_t n, off_t at);
int __real_fdatasync(int fd);
int __real_fsync(int fd);
ssize_t __wrap_pwrite(int fd, const void *data, size_t n, off_t at);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);

enum { WRITES_MAX = 20000, NOTED_BYTES = 64 << 20, ENTRIES_MAX = 3000, ENTRY_MAX = 2000, BATCH_MS = 40 };

struct noted {
    ino_t file;
    off_t at;
    size_t len, kept; /* what was there is at `kept` in the bytes */
};

/* Shared with the process that writes. */
static struct shared {
    pthread_mutex_t mutex; /* around the notes: writes and syncs are of two threads */
    size_t count, used;
    _Atomic int64_t sync_began_us; /* 0: none is under way */
    _Atomic int64_t late_us;       /* the longest sync, or sleep beyond its time */
    _Atomic uint64_t committed;
    _Atomic int64_t committed_us[ENTRIES_MAX + 1];
    struct noted notes[WRITES_MAX];
    uint8_t bytes[NOTED_BYTES];
} * shared;

static char folder[64];

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void note_late(int64_t us)
{
    for (int64_t seen = atomic_load(&shared->late_us);
         us > seen && !atomic_compare_exchange_weak(&shared->late_us, &seen, us);)
        ;
}

/* ---- the disk ---- */

static ino_t file_of(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

ssize_t __wrap_pwrite(int fd, const void *data, size_t n, off_t at)
{
    pthread_mutex_lock(&shared->mutex);
    assert_true(shared->count < WRITES_MAX && shared->used + n <= NOTED_BYTES);
    struct noted *note = &shared->notes[shared->count];
    *note = (struct noted){.file = file_of(fd), .at = at, .len = n, .kept = shared->used};
    memset(shared->bytes + note->kept, 0, n);
    ssize_t was = pread(fd, shared->bytes + note->kept, n, at);
    assert_true(was >= 0 || errno == EBADF); /* opened for writing alone: it is new */
    shared->used += n;
    shared->count++;
    ssize_t written = __real_pwrite(fd, data, n, at);
    pthread_mutex_unlock(&shared->mutex);
    return written;
}

/* What the file had is on the disk. */
static void forget(ino_t file)
{
    pthread_mutex_lock(&shared->mutex);
    size_t kept = 0;
    for (size_t i = 0; i < shared->count; i++)
        if (shared->notes[i].file != file)
            shared->notes[kept++] = shared->notes[i];
    shared->count = kept;
    if (kept == 0)
        shared->used = 0;
    pthread_mutex_unlock(&shared->mutex);
}

static int sync_file(int fd, int (*sync)(int fd))
{
    int64_t began_us = now_us();
    atomic_store(&shared->sync_began_us, began_us);
    int rc = sync(fd);
    if (rc == 0)
        forget(file_of(fd));
    note_late(now_us() - began_us);
    atomic_store(&shared->sync_began_us, 0);
    return rc;
}

int __wrap_fdatasync(int fd)
{
    return sync_file(fd, __real_fdatasync);
}

int __wrap_fsync(int fd)
{
    return sync_file(fd, __real_fsync);
}

static void take_back(const struct noted *note)
{
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        int fd = e->d_ino == note->file ? openat(dirfd(dir), e->d_name, O_WRONLY) : -1;
        if (fd < 0)
            continue;
        assert_int_equal(__real_pwrite(fd, shared->bytes + note->kept, note->len, note->at),
                         (ssize_t)note->len);
        close(fd);
    }
    closedir(dir);
}

/* Of each of the writes that were not synced, by chance, or of all. */
static void lose_power(bool all)
{
    for (size_t i = shared->count; i-- > 0;)
        if (all || rand() % 2 == 0)
            take_back(&shared->notes[i]);
}

/* ---- who writes ---- */

static int no_snapshot(void *context, struct slice state)
{
    (void)context;
    (void)state;
    return ROOST_EDAMAGED;
}

static size_t make_entry(uint8_t *entry, uint64_t position)
{
    size_t len = 8 + (size_t)(position * 7919 % (ENTRY_MAX - 8));
    memset(entry, (int)(position * 7), len);
    memcpy(entry, &position, sizeof(position));
    return len;
}

static int check_entry(void *context, struct slice entry)
{
    uint8_t expected[ENTRY_MAX];
    uint64_t *n = context;
    size_t len = make_entry(expected, ++*n);
    assert_true(slice_equal(entry, slice_of(expected, len)));
    return ROOST_OK;
}

static void note_committed(void *context, uint64_t position)
{
    (void)context;
    int64_t now = now_us();
    for (uint64_t p = atomic_load(&shared->committed) + 1; p <= position; p++)
        atomic_store(&shared->committed_us[p], now);
    atomic_store(&shared->committed, position);
}

static void end_process(void *context, const char *why)
{
    (void)context;
    (void)why;
    _exit(3);
}

static int open_wal(enum wal_sync sync, uint64_t *entries, struct wal **ret)
{
    struct wal_options options = {.folder = folder,
                                  .sync = sync,
                                  .batch_ms = BATCH_MS,
                                  .context = entries,
                                  .restore = no_snapshot,
                                  .replay = check_entry,
                                  .committed = note_committed,
                                  .broken = end_process};
    *entries = 0;
    return wal_open(&options, ret);
}

/* How much later than it should a thread goes on here: a sync may be so late too. */
static void *watch_sleeps(void *arg)
{
    (void)arg;
    for (;;) {
        int64_t before_us = now_us();
        usleep(1000);
        note_late(now_us() - before_us);
    }
    return NULL;
}

/* Entries now and then, single and in bursts, until it is killed. */
static void write_on(enum wal_sync sync, unsigned seed)
{
    uint8_t entry[ENTRY_MAX];
    uint64_t entries;
    struct wal *w;
    pthread_t watcher;
    if (open_wal(sync, &entries, &w) != ROOST_OK || pthread_create(&watcher, NULL, watch_sleeps, NULL) != 0)
        _exit(2);
    srand(seed);
    for (uint64_t position = 1; position <= ENTRIES_MAX; position++) {
        if (rand() % 4 == 0)
            usleep((unsigned)(rand() % 30) * 1000);
        (void)wal_append(w, slice_of(entry, make_entry(entry, position)));
    }
    pause();
}

/* It writes for some time, then the power goes. Returns how many entries are to be there. */
static uint64_t run(enum wal_sync sync, unsigned seed)
{
    atomic_store(&shared->committed, 0);
    atomic_store(&shared->late_us, 0);
    atomic_store(&shared->sync_began_us, 0);
    shared->count = shared->used = 0;
    pid_t pid = fork();
    if (pid == 0)
        write_on(sync, seed);
    while (atomic_load(&shared->committed) == 0)
        usleep(100);
    usleep((unsigned)(rand() % 300) * 1000);
    pthread_mutex_lock(&shared->mutex); /* not in the middle of a note */
    uint64_t safe = atomic_load(&shared->committed);
    int64_t end_us = now_us(), began_us = atomic_load(&shared->sync_began_us);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    pthread_mutex_unlock(&shared->mutex);
    int64_t late_us = 2 * atomic_load(&shared->late_us) + (began_us != 0 ? end_us - began_us : 0);
    while (sync == WAL_SYNC_BATCH && safe > 0 &&
           atomic_load(&shared->committed_us[safe]) > end_us - BATCH_MS * 1000 - late_us)
        safe--;
    return safe;
}

static uint64_t power_fails(enum wal_sync sync, unsigned seed)
{
    struct wal *w;
    uint64_t entries, safe = run(sync, seed);
    lose_power(seed % 3 == 0);
    shared->count = shared->used = 0;
    if (open_wal(WAL_SYNC_ALWAYS, &entries, &w) != ROOST_OK)
        fail_msg("seed %u: %s", seed, roost_errmsg());
    if (entries < safe)
        fail_msg("seed %u: %lu entries are there of %lu", seed, (unsigned long)entries, (unsigned long)safe);
    wal_close(w);
    char command[100];
    snprintf(command, sizeof(command), "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    return safe;
}

static void what_was_committed_outlives_the_power(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 12; seed++)
        assert_true(power_fails(WAL_SYNC_ALWAYS, seed) > 0);
}

static void what_was_committed_some_ms_before_outlives_the_power(void **state)
{
    uint64_t safe = 0;
    (void)state;
    for (unsigned seed = 1; seed <= 24; seed++)
        safe += power_fails(WAL_SYNC_BATCH, seed);
    assert_true(safe > 0);
}

static int set_up(void **state)
{
    pthread_mutexattr_t between;
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/roost-power-%d", (int)getpid());
    log_set_level(LOG_LEVEL_ERROR);
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return -1;
    pthread_mutexattr_init(&between);
    pthread_mutexattr_setpshared(&between, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&shared->mutex, &between);
    pthread_mutexattr_destroy(&between);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_committed_outlives_the_power),
        cmocka_unit_test(what_was_committed_some_ms_before_outlives_the_power),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
