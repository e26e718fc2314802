/*
 * test_folder.c: data folders of older versions, of newer ones, and damaged ones. The folder v1 beside this
 * file was written by the last build of that version (make_folder). In process: what a start reads.
 */
#include "tests/support/test.h"

#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "shell/archive.h"
#include "tests/durable/daemon.h"

static struct daemon d;
static char data[80];

/* The data folder is that of the tests. */
static void take_folder(const char *version)
{
    assert_int_equal(
        daemon_shell(&d, "rm -rf data && cp -r " ROOST_FOLDERS "/%s data && touch data/lock", version), 0);
}

static int set_up(void **state)
{
    (void)state;
    daemon_init(&d);
    snprintf(data, sizeof(data), "%s/data", d.folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    daemon_free(&d);
    return 0;
}

/* ---- versions ---- */

static void an_older_version_goes_on_where_it_was(void **state)
{
    (void)state;
    roost_value v;
    roost_queue *q;
    roost_lock *held;
    roost_shared_value *value;
    take_folder("v1");
    assert_true(daemon_start(&d, NULL));
    roost_manager *m = daemon_connect(&d);
    assert_int_equal(int_in(m, "one"), 1); /* from the snapshot */
    assert_int_equal(int_in(m, "two"), 2); /* from the log behind it */
    assert_int_equal(int_in(m, "counted"), 8);
    OK(roost_queue_open(m, "q", NULL, &q));
    OK(roost_queue_get(q, &v, 0));
    assert_string_equal(v.as.s, "item");
    roost_value_free(&v);
    OK(roost_shared_value_open(m, "v", "i", roost_nil(), &value));
    OK(roost_shared_value_get(value, &v));
    assert_int_equal(v.as.i, 42);
    OK(roost_lock_open(m, "held", &held));
    assert_int_equal(roost_lock_acquire(held, NULL, 0), ROOST_ETIMEDOUT);
    roost_lock_close(held);
    roost_shared_value_close(value);
    roost_queue_close(q);
    roost_manager_close(m);
    daemon_end(&d, SIGKILL);
    assert_true(daemon_start(&d, NULL)); /* it has written on in an older file's folder */
    m = daemon_connect(&d);
    assert_int_equal(int_in(m, "two"), 2);
    roost_manager_close(m);
}

/* The first file of a pattern in the data folder. */
static void find_file(const char *pattern, char ret[256])
{
    char path[128];
    glob_t g = {0};
    snprintf(path, sizeof(path), "%s/%s", data, pattern);
    assert_int_equal(glob(path, 0, NULL, &g), 0);
    snprintf(ret, 256, "%s", g.gl_pathv[0]);
    globfree(&g);
}

static void put_version(const char *pattern, uint8_t version)
{
    char path[256];
    find_file(pattern, path);
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, &version, 1, 11), 1);
    close(fd);
}

static void a_newer_version_is_refused_with_both_numbers(void **state)
{
    (void)state;
    take_folder("v1");
    put_version("snapshot-*", 3);
    assert_false(daemon_start(&d, NULL));
    assert_non_null(strstr(d.said, "/snapshot-"));
    assert_non_null(strstr(d.said, "of version 3, this roost reads 1 to 2"));
    take_folder("v1");
    put_version("log-*", 2);
    assert_false(daemon_start(&d, NULL));
    assert_non_null(strstr(d.said, "/log-"));
    assert_non_null(strstr(d.said, "of version 2, this roost reads version 1"));
}

/* ---- damage ---- */

struct mapped {
    uint8_t *bytes;
    size_t len;
    int fd;
};

static struct mapped map_file(const char *path)
{
    struct stat st;
    struct mapped m = {.fd = open(path, O_RDWR)};
    assert_true(m.fd >= 0 && fstat(m.fd, &st) == 0);
    m.len = (size_t)st.st_size;
    m.bytes = mmap(NULL, m.len, PROT_READ | PROT_WRITE, MAP_SHARED, m.fd, 0);
    assert_true(m.bytes != MAP_FAILED);
    return m;
}

/* What a start would make of the folder: the sound state, or an error that names a file in it. */
static bool is_noticed(const struct buf *sound, const char *what, size_t at)
{
    struct buf now;
    if (archive_of_folder(data, &now) != ROOST_OK) {
        if (strstr(roost_errmsg(), data) == NULL)
            fail_msg("%s at %zu: \"%s\" names no file", what, at, roost_errmsg());
        return true;
    }
    if (!slice_equal(buf_slice(&now), buf_slice(sound)))
        fail_msg("%s at %zu is not noticed, and the state is another", what, at);
    roost__buf_free(&now);
    return false;
}

static size_t damage_file(const char *path, const struct buf *sound)
{
    static const uint8_t changes[] = {0x01, 0x80, 0xff};
    size_t noticed = 0;
    struct mapped m = map_file(path);
    for (size_t at = 0; at < m.len; at++)
        for (size_t i = 0; i < sizeof(changes); i++) {
            m.bytes[at] ^= changes[i];
            noticed += is_noticed(sound, path, at);
            m.bytes[at] ^= changes[i];
        }
    munmap(m.bytes, m.len);
    close(m.fd);
    return noticed;
}

/* Each length the file could have been cut to; then it is as it was. */
static void cut_file(const char *path, const struct buf *sound)
{
    struct mapped m = map_file(path);
    uint8_t *kept = malloc(m.len);
    assert_non_null(kept);
    memcpy(kept, m.bytes, m.len);
    munmap(m.bytes, m.len);
    for (size_t len = m.len; len-- > 0;) {
        assert_int_equal(ftruncate(m.fd, (off_t)len), 0);
        assert_true(is_noticed(sound, path, len));
    }
    assert_int_equal(pwrite(m.fd, kept, m.len, 0), (ssize_t)m.len);
    close(m.fd);
    free(kept);
}

/* The server that wrote it was stopped in order: all was said to be on the disk. */
static void damage_all(const char *version)
{
    char pattern[128];
    glob_t g = {0};
    struct buf sound;
    take_folder(version);
    OK(archive_of_folder(data, &sound));
    snprintf(pattern, sizeof(pattern), "%s/*-*", data);
    assert_int_equal(glob(pattern, 0, NULL, &g), 0);
    for (size_t i = 0; i < g.gl_pathc; i++) {
        assert_true(damage_file(g.gl_pathv[i], &sound) > 100);
        cut_file(g.gl_pathv[i], &sound);
    }
    assert_false(is_noticed(&sound, "nothing", 0));
    globfree(&g);
    roost__buf_free(&sound);
}

static void every_byte_that_changes_or_is_cut_is_noticed_or_does_not_matter(void **state)
{
    (void)state;
    damage_all("v1");
    damage_all("v2");
}

/* The power went, or the disk was full, while the empty batch behind the last one was written. */
static void a_torn_mark_in_a_file_that_was_left_does_not_matter(void **state)
{
    (void)state;
    struct buf sound;
    take_folder("v2");
    OK(archive_of_folder(data, &sound));
    assert_int_equal(daemon_shell(&d, "log=$(ls data/log-* | head -n 1) && at=$(($(wc -c <$log) - 40)) && "
                                      "printf RLOG | dd of=$log bs=1 seek=$at conv=notrunc 2>/dev/null"),
                     0);
    assert_false(is_noticed(&sound, "torn mark", 0));
    roost__buf_free(&sound);
}

static void a_log_that_is_gone_is_missed(void **state)
{
    (void)state;
    struct buf none;
    take_folder("v1");
    assert_int_equal(daemon_shell(&d, "rm data/log-*"), 0);
    assert_int_equal(archive_of_folder(data, &none), ROOST_EDAMAGED);
    take_folder("v1");
    assert_int_equal(daemon_shell(&d, "rm data/snapshot-*"), 0);
    assert_int_equal(archive_of_folder(data, &none), ROOST_EDAMAGED);
}

/* ---- files of backups ---- */

static void a_backup_that_was_damaged_is_not_restored(void **state)
{
    (void)state;
    char file[80], folder[80];
    struct buf bytes;
    snprintf(file, sizeof(file), "%s/backup", d.folder);
    snprintf(folder, sizeof(folder), "%s/restored", d.folder);
    take_folder("v2");
    OK(archive_of_folder(data, &bytes));
    OK(archive_write(file, buf_slice(&bytes)));
    roost__buf_free(&bytes);
    struct mapped m = map_file(file);
    for (size_t at = 0; at < m.len; at++) {
        m.bytes[at] ^= 0x10;
        assert_int_equal(archive_restore(file, folder), ROOST_EDAMAGED);
        assert_non_null(strstr(roost_errmsg(), file));
        m.bytes[at] ^= 0x10;
    }
    assert_int_equal(access(folder, F_OK), -1); /* nothing was made of it */
    munmap(m.bytes, m.len);
    close(m.fd);
    OK(archive_restore(file, folder));
    assert_int_equal(archive_restore(file, folder), ROOST_EEXIST);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(an_older_version_goes_on_where_it_was),
        CASE(a_newer_version_is_refused_with_both_numbers),
        CASE(every_byte_that_changes_or_is_cut_is_noticed_or_does_not_matter),
        CASE(a_torn_mark_in_a_file_that_was_left_does_not_matter),
        CASE(a_log_that_is_gone_is_missed),
        CASE(a_backup_that_was_damaged_is_not_restored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
