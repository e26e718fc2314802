/* test_returned.c: identities, keys, rights and limits of a server that keeps its data, killed and started
 * again. */
#include "tests/auth/daemon.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "roost/roost.h"

#define ALICE "0000000000000000000000000000000000000000000000000000000000000001"
#define BOB   "0000000000000000000000000000000000000000000000000000000000000002"

static roost_options alice, bob;

/* With these keys. What was there before is there again. */
static void start(const char *keys)
{
    char url[128];
    snprintf(url, sizeof(url), "ipc://%s", in_folder("sock"));
    const char *const args[] = {
        "--listen", url, "--data", in_folder("data"), "--keys", write_file("keys", 0600, keys), NULL};
    daemon_start(args);
}

static void kill_it(void)
{
    kill(daemon_.pid, SIGKILL);
    assert_int_equal(waitpid(daemon_.pid, NULL, 0), daemon_.pid);
}

static int set_up(void **state)
{
    if (folder_make(state) != 0)
        return -1;
    alice = (roost_options){.identity = "alice", .key_file = write_file("alice.key", 0600, ALICE)};
    bob = (roost_options){.identity = "bob", .key_file = write_file("bob.key", 0600, BOB)};
    start("key alice " ALICE "\nallow alice read,write,admin *\nkey bob " BOB
          "\nallow bob read,write pub.*\n");
    return 0;
}

static int tear_down(void **state)
{
    daemon_stop();
    return folder_remove(state);
}

static void same_keys(void)
{
    kill_it();
    start("key alice " ALICE "\nallow alice read,write,admin *\nkey bob " BOB
          "\nallow bob read,write pub.*\n");
}

static void session_goes_on_with_its_rights(void **state)
{
    (void)state;
    roost_manager *a, *b;
    roost_dict *secret, *shown, *own;
    OK(roost_connect(daemon_.url, &alice, &a));
    OK(roost_connect(daemon_.url, &bob, &b));
    OK(roost_dict_open(a, "secret", &secret));
    OK(roost_dict_open(b, "pub.d", &shown));
    OK(roost_dict_new(b, &own));
    same_keys();
    OK(roost_dict_set(shown, roost_int(1), roost_int(1)));
    OK(roost_dict_set(own, roost_int(1), roost_int(1))); /* he made it, and is still who he was */
    OK(roost_dict_set(secret, roost_int(1), roost_int(1)));
    roost_dict *d;
    fails_with(roost_dict_open(b, "secret", &d), ROOST_EPERM, "lacks any right");
    roost_dict_close(own);
    roost_dict_close(shown);
    roost_dict_close(secret);
    roost_manager_close(b);
    roost_manager_close(a);
}

static void rights_are_those_of_the_keys_file_of_now(void **state)
{
    (void)state;
    roost_manager *b;
    roost_dict *d;
    roost_value v;
    OK(roost_connect(daemon_.url, &bob, &b));
    OK(roost_dict_open(b, "pub.d", &d));
    OK(roost_dict_set(d, roost_int(1), roost_int(1)));
    kill_it();
    start("key bob " BOB "\nallow bob read pub.*\n");
    OK(roost_dict_get(d, roost_int(1), &v));
    roost_value_free(&v);
    fails_with(roost_dict_set(d, roost_int(1), roost_int(2)), ROOST_EPERM, "lacks the right to write");
    roost_dict_close(d);
    roost_manager_close(b);
    same_keys(); /* the rights of the second start are in the log, those of the third count */
    OK(roost_connect(daemon_.url, &bob, &b));
    OK(roost_dict_open(b, "pub.d", &d));
    OK(roost_dict_set(d, roost_int(1), roost_int(2)));
    roost_dict_close(d);
    roost_manager_close(b);
}

static void who_is_gone_from_the_keys_holds_nothing(void **state)
{
    (void)state;
    roost_manager *a, *b;
    roost_lock *mine, *his;
    roost_grant grant;
    OK(roost_connect(daemon_.url, &bob, &b));
    OK(roost_lock_open(b, "pub.lock", &his));
    OK(roost_lock_acquire(his, &grant, 0));
    kill_it();
    start("key alice " ALICE "\nallow alice read,write,admin *\n");
    OK(roost_connect(daemon_.url, &alice, &a));
    OK(roost_lock_open(a, "pub.lock", &mine));
    OK(roost_lock_acquire(mine, &grant, 0)); /* at once: his grace does not keep it */
    assert_true(grant.owner_died);
    assert_int_not_equal(roost_lock_release(his), 0);
    OK(roost_lock_release(mine));
    roost_lock_close(his);
    roost_lock_close(mine);
    roost_manager_close(b);
    roost_manager_close(a);
}

static void killed_session_stays_dead(void **state)
{
    (void)state;
    roost_manager *a, *b;
    roost_lock *mine, *his;
    roost_grant grant;
    roost_value v;
    OK(roost_connect(daemon_.url, &alice, &a));
    OK(roost_connect(daemon_.url, &bob, &b));
    OK(roost_lock_open(b, "pub.lock", &his));
    OK(roost_lock_acquire(his, &grant, 0));
    OK(roost_lock_open(a, "pub.lock", &mine));
    OK(roost_server_who(a, roost_str("pub.lock"), &v));
    const roost_value *holders = roost_map_get(v, roost_str("holders"));
    OK(roost_server_kill(a, (uint64_t)roost_map_get(holders->as.items[0], roost_str("session"))->as.i));
    roost_value_free(&v);
    same_keys();
    OK(roost_lock_acquire(mine, &grant, 0));
    assert_true(grant.owner_died);
    roost_lock_close(his);
    roost_lock_close(mine);
    roost_manager_close(b);
    roost_manager_close(a);
}

/* ---- limits ---- */

static void start_limited(const char *name_max)
{
    char url[128];
    snprintf(url, sizeof(url), "ipc://%s", in_folder("sock"));
    const char *const args[] = {"--listen", url, "--data", in_folder("data"), "--name-max", name_max, NULL};
    daemon_start(args);
}

static int open_named(const char *name)
{
    roost_manager *m;
    roost_dict *d;
    OK(roost_connect(daemon_.url, NULL, &m));
    int rc = roost_dict_open(m, name, &d);
    if (rc == 0)
        roost_dict_close(d);
    roost_manager_close(m);
    return rc;
}

/* What was done under one limit happens again under it, and what is done later under the next. */
static void limits_of_a_start_hold_from_it_on(void **state)
{
    (void)state;
    kill_it();
    start_limited("20");
    OK(open_named("twelve bytes"));
    kill_it();
    start_limited("6");
    assert_int_equal(open_named("other words"), ROOST_ELIMIT);
    OK(open_named("short"));
    kill_it();
    start_limited("20");
    kill_it();
    start_limited("6");
    roost_manager *m;
    roost_value v;
    OK(roost_connect(daemon_.url, NULL, &m));
    OK(roost_server_list(m, NULL, &v));
    assert_int_equal(v.len, 2); /* both, and not the one that was refused */
    roost_value_free(&v);
    roost_manager_close(m);
}

static void words_that_are_no_sync_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",         "sometimes", "batch:", "batch:0", "batch:60001",
                                        "batch:1x", "nones"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        const char *const args[] = {"--sync", wrong[i], "--data", in_folder("other"), NULL};
        daemon_refuses(args, "sync is always, batch:MS (1 to 60000) or none");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(session_goes_on_with_its_rights),         TEST(rights_are_those_of_the_keys_file_of_now),
        TEST(who_is_gone_from_the_keys_holds_nothing), TEST(killed_session_stays_dead),
        TEST(limits_of_a_start_hold_from_it_on),       TEST(words_that_are_no_sync_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
