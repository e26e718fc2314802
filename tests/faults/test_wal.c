/*
 * test_wal.c: the log with the first, second, third … of its system calls failing: the process that writes it
 * ends or goes on, as the fault wants it, and everything that was said to be committed is there afterwards,
 * in order and unchanged.
 */
#include "tests/support/test.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "shell/log.h"
#include "shell/wal.h"

ssize_t __real_pwrite(int fd, const void *data, size_t n, off_t at);
int __real_fdatasync(int fd);
int __real_fsync(int fd);
int __real_rename(const char *from, const char *to);
int __real_posix_fallocate(int fd, off_t at, off_t n);
ssize_t __wrap_pwrite(int fd, const void *data, size_t n, off_t at);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);
int __wrap_rename(const char *from, const char *to);
int __wrap_posix_fallocate(int fd, off_t at, off_t n);

enum { ENTRIES = 120, ENTRY_BYTES = 100000, CALLS_MAX = 400 };

/* The n-th call fails with a code, and each one after it while there are `more`. */
static struct {
    atomic_long left;
    atomic_int more;
    int code;
} fault;

static bool fails(void)
{
    long left = atomic_load(&fault.left);
    if (left == 0)
        return false;
    if (left > 1) {
        atomic_fetch_sub(&fault.left, 1);
        return false;
    }
    if (atomic_fetch_sub(&fault.more, 1) <= 0)
        atomic_store(&fault.left, 0);
    errno = fault.code;
    return true;
}

ssize_t __wrap_pwrite(int fd, const void *data, size_t n, off_t at)
{
    if (!fails())
        return __real_pwrite(fd, data, n, at);
    int why = errno;
    (void)!__real_pwrite(fd, data, n / 2, at); /* half of it is there */
    errno = why;
    return -1;
}

int __wrap_fdatasync(int fd)
{
    return fails() ? -1 : __real_fdatasync(fd);
}

int __wrap_fsync(int fd)
{
    return fails() ? -1 : __real_fsync(fd);
}

int __wrap_rename(const char *from, const char *to)
{
    return fails() ? -1 : __real_rename(from, to);
}

int __wrap_posix_fallocate(int fd, off_t at, off_t n)
{
    return fails() ? errno : __real_posix_fallocate(fd, at, n);
}

/* ---- a process that writes, and what it has said ---- */

static struct said {
    _Atomic uint64_t committed;
} * said;

static char folder[64];

static void make_entry(uint8_t *entry, uint64_t position)
{
    memset(entry, (int)(position * 7), ENTRY_BYTES);
    memcpy(entry, &position, sizeof(position));
}

static int no_snapshot(void *context, struct slice state)
{
    (void)context;
    (void)state;
    return ROOST_EDAMAGED;
}

/* Entries come back in order and as they were; *context counts them. */
static int check_entry(void *context, struct slice entry)
{
    static uint8_t expected[ENTRY_BYTES];
    uint64_t *n = context;
    make_entry(expected, ++*n);
    assert_true(slice_equal(entry, slice_of(expected, ENTRY_BYTES)));
    return ROOST_OK;
}

static void note_committed(void *context, uint64_t position)
{
    (void)context;
    atomic_store(&said->committed, position);
}

static void end_process(void *context, const char *why)
{
    (void)context;
    (void)why;
    _exit(3);
}

static int open_wal(uint64_t *entries, struct wal **ret)
{
    struct wal_options options = {.folder = folder,
                                  .context = entries,
                                  .restore = no_snapshot,
                                  .replay = check_entry,
                                  .committed = note_committed,
                                  .broken = end_process};
    *entries = 0;
    return wal_open(&options, ret);
}

/* In a process of its own: appends all entries. Exit 0: all went well in the end; 2: it could not start. */
static void write_all(unsigned long n, int code, int more)
{
    static uint8_t entry[ENTRY_BYTES];
    uint64_t entries, position = 0;
    struct wal *w;
    fault.code = code;
    atomic_store(&fault.more, more);
    atomic_store(&fault.left, (long)n);
    if (open_wal(&entries, &w) != ROOST_OK)
        _exit(2);
    for (uint64_t i = 1; i <= ENTRIES; i++) {
        make_entry(entry, i);
        while (!wal_has_room(w, ENTRY_BYTES))
            usleep(20000);
        position = wal_append(w, slice_of(entry, ENTRY_BYTES));
        while (i % 3 == 0 && wal_committed(w) < position)
            usleep(100);
    }
    wal_close(w);
    _exit(atomic_load(&said->committed) == ENTRIES ? 0 : 1);
}

/* Runs it with the n-th call failing. Returns its exit status. */
static int run(unsigned long n, int code, int more)
{
    int status;
    atomic_store(&said->committed, 0);
    pid_t pid = fork();
    if (pid == 0)
        write_all(n, code, more);
    waitpid(pid, &status, 0);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* All that was committed is there, and can be written on. */
static void check(void)
{
    struct wal *w;
    uint64_t entries;
    if (open_wal(&entries, &w) != ROOST_OK)
        fail_msg("%s", roost_errmsg());
    assert_true(entries >= atomic_load(&said->committed));
    wal_close(w);
    char command[100];
    snprintf(command, sizeof(command), "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

static void nothing_committed_is_lost_whichever_call_fails(void **state)
{
    unsigned ended = 0;
    (void)state;
    /* The first calls make room with zeros, until about the 130th: these are all alike. */
    for (unsigned long n = 1; n < CALLS_MAX; n += n < 4 || (n > 125 && n < 145) ? 1 : 11) {
        int status = run(n, EIO, 0);
        assert_true(status == 0 || status == 2 || status == 3);
        ended += status == 3;
        check();
    }
    assert_true(ended > 5);
}

/* A sync that fails ends the server in any case: what it has left of the pages nobody knows. */
static void a_disk_that_was_full_is_written_on(void **state)
{
    unsigned went_on = 0;
    (void)state;
    for (unsigned long n = 150; n < CALLS_MAX; n += 13) {
        int status = run(n, ENOSPC, 4);
        assert_true(status == 0 || status == 3);
        assert_true(status == 3 || atomic_load(&said->committed) == ENTRIES);
        went_on += status == 0;
        check();
    }
    assert_true(went_on > 0);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/roost-wal-%d", (int)getpid());
    log_set_level(LOG_LEVEL_ERROR);
    said = mmap(NULL, sizeof(*said), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return said == MAP_FAILED;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_committed_is_lost_whichever_call_fails),
        cmocka_unit_test(a_disk_that_was_full_is_written_on),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
