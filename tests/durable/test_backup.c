/*
 * test_backup.c: roost backup and roost restore as they are typed, against real servers: a backup is of one
 * moment, service goes on, and what is restored is another server with the same objects.
 */
#include "tests/support/test.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/durable/daemon.h"

static struct daemon d;

static int set_up(void **state)
{
    (void)state;
    daemon_init(&d);
    assert_true(daemon_start(&d, NULL));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    daemon_free(&d);
    return 0;
}

#define ROOST(words) daemon_shell(&d, ROOST_CLI " --connect %s " words " >said 2>&1", d.url)

static void says(const char *words)
{
    assert_int_equal(daemon_shell(&d, "grep -q '%s' said", words), 0);
}

/* The restored folder takes the data folder's place, and a server begins on it. */
static void start_restored(const char *file)
{
    daemon_end(&d, SIGKILL);
    assert_int_equal(
        daemon_shell(&d, ROOST_CLI " restore %s restored >said && rm -r data && mv restored data", file), 0);
    assert_true(daemon_start(&d, NULL));
}

/* ---- of a running server ---- */

struct mover {
    roost_manager *m;
    atomic_bool *stop;
    int64_t moved;
};

static void add(roost_transaction *t, roost_dict *dict, const char *key, int64_t n)
{
    const roost_value args[] = {roost_str(key), roost_int(n)};
    OK(roost_transaction_call(t, roost_dict_ref(dict), roost_nil(), "dict.incr", args, 2));
}

/* Moves ones from a to b, each in one step. */
static void *move(void *arg)
{
    struct mover *w = arg;
    roost_dict *dict;
    roost_transaction *t;
    OK(roost_dict_open(w->m, "d", &dict));
    while (!atomic_load(w->stop)) {
        OK(roost_transaction_new(w->m, &t));
        add(t, dict, "a", -1);
        add(t, dict, "b", 1);
        OK(roost_transaction_commit(t, -1, NULL));
        roost_transaction_free(t);
        w->moved++;
    }
    roost_dict_close(dict);
    return NULL;
}

static void a_backup_is_of_one_moment_while_service_goes_on(void **state)
{
    (void)state;
    atomic_bool stop = false;
    pthread_t thread;
    roost_manager *m = daemon_connect(&d);
    set_int(m, "a", 0);
    set_int(m, "b", 0);
    struct mover w = {.m = daemon_connect(&d), .stop = &stop};
    pthread_create(&thread, NULL, move, &w);
    while (int_in(m, "b") < 50)
        ;
    int64_t before = int_in(m, "b");
    assert_int_equal(ROOST("backup file"), 0);
    for (int64_t seen = int_in(m, "b"); int_in(m, "b") < seen + 10;) /* it goes on */
        ;
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    int64_t after = int_in(m, "b");
    roost_manager_close(w.m);
    roost_manager_close(m);
    start_restored("file");
    m = daemon_connect(&d);
    int64_t b = int_in(m, "b");
    assert_int_equal(int_in(m, "a"), -b);
    assert_true(b >= before && b < after);
    set_int(m, "b", 0); /* it is a server as any */
    roost_manager_close(m);
}

static void a_restored_server_is_another_one_and_holds_nothing(void **state)
{
    (void)state;
    roost_manager *m = daemon_connect(&d);
    roost_lock *mine, *theirs;
    OK(roost_lock_open(m, "l", &mine));
    OK(roost_lock_acquire(mine, NULL, -1));
    set_int(m, "one", 1);
    assert_int_equal(ROOST("backup file"), 0);
    start_restored("file");
    assert_int_equal(roost_lock_release(mine), ROOST_EEPOCH);
    roost_manager *other = daemon_connect(&d);
    OK(roost_lock_open(other, "l", &theirs));
    OK(roost_lock_acquire(theirs, NULL, 0));
    assert_int_equal(int_in(other, "one"), 1);
    roost_lock_close(mine);
    roost_lock_close(theirs);
    roost_manager_close(m);
    roost_manager_close(other);
}

static void much_comes_in_many_pieces(void **state)
{
    (void)state;
    enum { BIG = 1 << 20, PIECES = 5 };
    static char bytes[BIG];
    roost_dict *dict;
    roost_value v;
    roost_manager *m = daemon_connect(&d);
    OK(roost_dict_open(m, "big", &dict));
    for (int i = 0; i < PIECES; i++) {
        memset(bytes, 'a' + i, BIG);
        OK(roost_dict_set(dict, roost_int(i), roost_bytes(bytes, BIG)));
    }
    roost_dict_close(dict);
    roost_manager_close(m);
    assert_int_equal(ROOST("backup file"), 0);
    start_restored("file");
    m = daemon_connect(&d);
    OK(roost_dict_open(m, "big", &dict));
    for (int i = 0; i < PIECES; i++) {
        memset(bytes, 'a' + i, BIG);
        OK(roost_dict_get(dict, roost_int(i), &v));
        assert_true(v.len == BIG && memcmp(v.as.bytes, bytes, BIG) == 0);
        roost_value_free(&v);
    }
    roost_dict_close(dict);
    roost_manager_close(m);
}

static void a_copy_ends_with_its_connection(void **state)
{
    (void)state;
    uint64_t id;
    roost_value v;
    roost_manager *m = daemon_connect(&d), *other = daemon_connect(&d);
    OK(roost_server_backup(m, &id));
    assert_int_equal(roost_server_backup_read(other, id, 0, &v), ROOST_ENOENT);
    roost_manager_close(m);
    assert_int_equal(roost_server_backup_read(other, id, 0, &v), ROOST_ENOENT);
    roost_manager_close(other);
}

/* ---- of a folder at rest ---- */

static void a_folder_at_rest_is_backed_up_and_stays_as_it_is(void **state)
{
    (void)state;
    roost_manager *m = daemon_connect(&d);
    set_int(m, "one", 1);
    assert_int_equal(ROOST("backup data file"), 4);
    says("another server uses this folder");
    roost_manager_close(m);
    daemon_end(&d, SIGKILL);
    /* A torn end, which a start would cut. */
    assert_int_equal(daemon_shell(&d, "log=$(ls data/log-*) && used=$(sed 's/\\x00*$//' $log | wc -c) && "
                                      "printf RLOG | dd of=$log bs=1 seek=$used conv=notrunc 2>/dev/null && "
                                      "sha1sum data/* >before"),
                     0);
    assert_int_equal(ROOST("backup data file"), 0);
    assert_int_equal(daemon_shell(&d, "sha1sum --quiet -c before"), 0);
    start_restored("file");
    m = daemon_connect(&d);
    assert_int_equal(int_in(m, "one"), 1);
    roost_manager_close(m);
}

static void what_cannot_be_done_is_said(void **state)
{
    (void)state;
    assert_int_equal(ROOST("backup file"), 0);
    assert_int_equal(ROOST("restore file data"), 4);
    says("data: the folder is not empty");
    assert_int_equal(ROOST("restore log restored"), 4);
    says("no saved state of roost");
    assert_int_equal(ROOST("restore nothing restored"), 4);
    says("nothing: cannot be read: No such file");
    assert_int_equal(ROOST("backup nothing file"), 1);
    says("nothing: no server has kept data there");
    assert_int_equal(ROOST("backup nothing/file"), 4);
    says("nothing/file: cannot be written");
    assert_int_equal(ROOST("backup"), 2);
    assert_int_equal(ROOST("restore file"), 2);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_backup_is_of_one_moment_while_service_goes_on),
        CASE(a_restored_server_is_another_one_and_holds_nothing),
        CASE(much_comes_in_many_pieces),
        CASE(a_copy_ends_with_its_connection),
        CASE(a_folder_at_rest_is_backed_up_and_stays_as_it_is),
        CASE(what_cannot_be_done_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
