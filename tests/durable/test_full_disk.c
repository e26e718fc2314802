/*
 * test_full_disk.c: a real server whose disk fills: changes are refused with ROOST_EDISK, reads go on,
 * nothing that was answered is lost, and with room it goes on by itself; also when it fills during a
 * snapshot.
 *
 * The disk is a tmpfs of this process alone, in a mount namespace: where neither root nor user namespaces may
 * have one the tests are skipped.
 */
#include "tests/support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tests/durable/daemon.h"

enum { DISK_MIB = 48, VALUE = 100000 };

static struct daemon d;
static char data[80];

/* ---- the disk ---- */

static void put_line(const char *path, const char *line)
{
    int fd = open(path, O_WRONLY);
    if (fd >= 0 && write(fd, line, strlen(line)) < 0)
        print_message("%s: %s\n", path, strerror(errno));
    if (fd >= 0)
        close(fd);
}

/* Mounts of our own from now on; false: they are not permitted. */
static bool enter_namespace(void)
{
    char line[64];
    unsigned uid = getuid(), gid = getgid();
    if (unshare(CLONE_NEWNS) != 0) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
            return false;
        put_line("/proc/self/setgroups", "deny");
        snprintf(line, sizeof(line), "0 %u 1", uid);
        put_line("/proc/self/uid_map", line);
        snprintf(line, sizeof(line), "0 %u 1", gid);
        put_line("/proc/self/gid_map", line);
    }
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static bool mount_disk(void)
{
    char size[32];
    snprintf(size, sizeof(size), "size=%dm", DISK_MIB);
    return mkdir(data, 0700) == 0 && mount("tmpfs", data, "tmpfs", 0, size) == 0;
}

static size_t room(void)
{
    struct statvfs st;
    assert_int_equal(statvfs(data, &st), 0);
    return (size_t)st.f_bavail * st.f_frsize;
}

/* A file that takes all but so many bytes. */
static void fill(size_t but)
{
    char path[96];
    snprintf(path, sizeof(path), "%s/filler", data);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    int rc = 0;
    for (size_t free_now, at = 0; (free_now = room()) > but && (rc == 0 || rc == ENOSPC);) {
        rc = posix_fallocate(fd, (off_t)at, (off_t)(free_now - but)); /* a snapshot may take it meanwhile */
        at += rc == 0 ? free_now - but : 0;
    }
    assert_true(rc == 0 || rc == ENOSPC);
    close(fd);
}

static void make_room(void)
{
    assert_int_equal(daemon_shell(&d, "rm -f data/filler"), 0);
}

static bool permitted;

static int set_up(void **state)
{
    (void)state;
    daemon_init(&d);
    snprintf(data, sizeof(data), "%s/data", d.folder);
    permitted = enter_namespace() && mount_disk();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    daemon_end(&d, SIGKILL);
    umount2(data, MNT_DETACH);
    daemon_free(&d);
    return 0;
}

static void start_or_skip(const char *snapshot_bytes)
{
    const char *const options[] = {"--snapshot-bytes", snapshot_bytes, NULL};
    if (!permitted) {
        print_message("no mounts of one's own are permitted here\n");
        skip();
    }
    if (!daemon_start(&d, options))
        fail_msg("%s", d.said);
}

/* ---- what is written ---- */

static roost_dict *open_dict(roost_manager *m)
{
    roost_dict *dict;
    OK(roost_dict_open(m, "d", &dict));
    return dict;
}

static int write_value(roost_dict *dict, int64_t i)
{
    static char bytes[VALUE];
    memset(bytes, 'a' + (int)(i % 26), sizeof(bytes));
    return roost_dict_set(dict, roost_int(i), roost_bytes(bytes, sizeof(bytes)));
}

/* The first `n` are there as they were written. */
static void check_values(roost_dict *dict, int64_t n)
{
    roost_value v;
    for (int64_t i = 0; i < n; i++) {
        OK(roost_dict_get(dict, roost_int(i), &v));
        assert_true(v.len == VALUE && *(const char *)v.as.bytes == (char)('a' + (int)(i % 26)));
        roost_value_free(&v);
    }
}

/* Writes until the disk is full; returns how many are there. */
static int64_t write_all(roost_dict *dict)
{
    for (int64_t i = 0;; i++) {
        int rc = write_value(dict, i);
        if (rc == ROOST_EDISK)
            return i;
        OK(rc);
        assert_true(i < 10000);
    }
}

static void await_room(roost_dict *dict, int64_t i)
{
    int rc;
    while ((rc = write_value(dict, i)) == ROOST_EDISK)
        ;
    OK(rc);
}

static void reads_go_on_and_writes_do_when_there_is_room(void **state)
{
    (void)state;
    start_or_skip("1000000000");
    roost_manager *m = daemon_connect(&d);
    roost_dict *dict = open_dict(m);
    fill(4 << 20); /* less than another file of the log */
    int64_t n = write_all(dict);
    assert_true(n > 20);
    for (int i = 0; i < 20; i++) {
        check_values(dict, n);
        assert_int_equal(write_value(dict, n), ROOST_EDISK);
    }
    roost_value v;
    assert_int_equal(roost_dict_get(dict, roost_int(n), &v), ROOST_EKEY); /* what was refused was not done */
    make_room();
    await_room(dict, n);
    daemon_end(&d, SIGKILL);
    start_or_skip("1000000000");
    check_values(dict, n + 1);
    roost_dict_close(dict);
    roost_manager_close(m);
}

static void killed_on_a_full_disk_it_says_so_and_has_all_later(void **state)
{
    (void)state;
    start_or_skip("1000000000");
    roost_manager *m = daemon_connect(&d);
    roost_dict *dict = open_dict(m);
    fill(4 << 20);
    int64_t n = write_all(dict);
    daemon_end(&d, SIGKILL);
    assert_false(daemon_start(&d, NULL));
    assert_non_null(strstr(d.said, "no room for the log"));
    make_room();
    start_or_skip("1000000000");
    check_values(dict, n);
    await_room(dict, n);
    roost_dict_close(dict);
    roost_manager_close(m);
}

/* A snapshot is due all the time, and has no room: the log goes on while it has some, and there is one when
 * there is room again. */
static void a_snapshot_without_room_is_made_later(void **state)
{
    enum { STATE = 30 }; /* values: more than there is room for */
    int rc;
    (void)state;
    start_or_skip("300000");
    roost_manager *m = daemon_connect(&d);
    roost_dict *dict = open_dict(m);
    for (int64_t i = 0; i < STATE; i++)
        OK(write_value(dict, i));
    do { /* until one has met the full disk: it may have ended before, or begin later */
        fill(1 << 20);
        while ((rc = write_value(dict, 0)) == ROOST_OK)
            ;
        assert_int_equal(rc, ROOST_EDISK);
        check_values(dict, STATE);
        make_room();
        await_room(dict, 0);
    } while (strstr(daemon_log(&d), "no snapshot: the disk may be full") == NULL);
    /* One of now: the first of all logs goes. */
    while (daemon_shell(&d, "test -e data/log-0000000000000001") == 0)
        OK(write_value(dict, 0));
    daemon_end(&d, SIGKILL);
    start_or_skip("300000");
    check_values(dict, STATE);
    roost_dict_close(dict);
    roost_manager_close(m);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(reads_go_on_and_writes_do_when_there_is_room),
        CASE(killed_on_a_full_disk_it_says_so_and_has_all_later),
        CASE(a_snapshot_without_room_is_made_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
