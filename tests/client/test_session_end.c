/*
 * test_session_end.c: how sessions with a real roostd end, behind a proxy that cuts and refuses: by their
 * grace, by a server or a client that stopped, by a restart, in order; what is lost, and who is told.
 */
#include "tests/support/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/client/line.h"

/* ---- what is lost, and who is told ---- */

static void when_the_grace_is_over_the_lock_passes_and_its_holder_is_told(void **state)
{
    (void)state;
    struct story story = new_story();
    roost_lock *mine, *theirs;
    roost_grant grant;
    roost_manager *m = connected((roost_options){.grace_ms = 50, .reconnect_ms = LONG_MS}, &story), *again;
    OK(roost_lock_open(m, "grace", &mine));
    OK(roost_lock_open(direct, "grace", &theirs));
    OK(roost_lock_acquire(mine, NULL, -1));
    proxy_set(&proxy, &proxy.refuses, true);
    proxy_cut(&proxy);
    OK(roost_lock_acquire(theirs, &grant, -1));
    assert_true(grant.owner_died);
    proxy_set(&proxy, &proxy.refuses, false);
    assert_int_equal(told(&story, 3), ROOST_SESSION_LOST);
    for (int i = 0; i < 2; i++)
        assert_int_equal(roost_lock_release(mine), ROOST_ESESSION);
    assert_non_null(strstr(roost_errmsg(), "what it held was released"));
    assert_int_equal(roost_manager_state(m), ROOST_SESSION_LOST);
    roost_lock_close(mine);
    OK(roost_connect(proxy.url, NULL, &again));
    OK(roost_lock_open(again, "grace", &mine));
    assert_int_equal(roost_lock_acquire(mine, NULL, 0), ROOST_ETIMEDOUT);
    OK(roost_lock_release_token(theirs, grant.token));
    OK(roost_server_delete(direct, roost_str("grace")));
    roost_lock_close(mine);
    roost_lock_close(theirs);
    roost_manager_close(again);
    roost_manager_close(m);
}

static void without_grace_a_break_is_the_end(void **state)
{
    (void)state;
    struct story story = new_story();
    roost_manager *m = connected((roost_options){.grace_ms = -1, .lease_ms = -1}, &story);
    proxy_cut(&proxy);
    assert_int_equal(roost_server_ping(m, roost_nil(), NULL), ROOST_ECONN);
    assert_int_equal(roost_server_ping(m, roost_nil(), NULL), ROOST_ECONN);
    assert_int_equal(told(&story, 3), ROOST_SESSION_LOST);
    roost_manager_close(m);
}

static void a_server_that_does_not_come_back_is_given_up_in_time(void **state)
{
    (void)state;
    struct story story = new_story();
    roost_manager *m =
        connected((roost_options){.grace_ms = 50, .lease_ms = -1, .reconnect_ms = 300}, &story);
    atomic_store(&proxy.refused, 0);
    proxy_set(&proxy, &proxy.refuses, true);
    proxy_cut(&proxy);
    int64_t begin = now_ms();
    assert_int_equal(roost_server_ping(m, roost_nil(), NULL), ROOST_ECONN);
    assert_in_range(now_ms() - begin, 300, 50000);
    assert_non_null(strstr(roost_errmsg(), "not back within 300 ms"));
    assert_int_equal(told(&story, 3), ROOST_SESSION_LOST);
    assert_in_range(atomic_load(&proxy.refused), 2, 30); /* with pauses */
    proxy_set(&proxy, &proxy.refuses, false);
    roost_manager_close(m);
}

static void a_stopped_server_is_noticed(void **state)
{
    (void)state;
    struct story story = new_story();
    roost_queue *q;
    roost_manager *m =
        connected((roost_options){.grace_ms = 5000, .lease_ms = 200, .reconnect_ms = 200}, &story);
    OK(roost_queue_new(m, 0, &q));
    kill(server, SIGSTOP);
    int64_t begin = now_ms();
    assert_int_equal(roost_queue_get(q, NULL, -1), ROOST_ECONN);
    assert_in_range(now_ms() - begin, 200, 100000);
    assert_int_equal(told(&story, 3), ROOST_SESSION_LOST);
    kill(server, SIGCONT);
    roost_queue_close(q);
    roost_manager_close(m);
}

static void a_server_that_was_stopped_for_a_while_goes_on(void **state)
{
    (void)state;
    struct taker t;
    begin_taking(&t, (roost_options){.grace_ms = LONG_MS, .lease_ms = 200});
    kill(server, SIGSTOP);
    assert_int_equal(told(&t.story, 2), ROOST_DISCONNECTED);
    kill(server, SIGCONT);
    assert_int_equal(told(&t.story, 3), ROOST_RESUMED);
    OK(roost_queue_put(t.q, roost_int(7), -1));
    assert_int_equal(join(t.thread), 7);
    end_taking(&t);
}

/* The child's part: holds the lock, says so, and tells what its release returned when it is woken. */
static int hold_until_told(int ready, int go)
{
    roost_lock *l;
    char byte = 'r';
    roost_manager *m;
    roost_options options = {.grace_ms = 50, .lease_ms = 1000, .reconnect_ms = LONG_MS};
    if (roost_connect(proxy.url, &options, &m) != 0 || roost_lock_open(m, "stopped", &l) != 0 ||
        roost_lock_acquire(l, NULL, -1) != 0 || write(ready, &byte, 1) != 1 || read(go, &byte, 1) != 1)
        return 1;
    return roost_lock_release(l) == ROOST_ESESSION ? 0 : 2;
}

static void a_stopped_client_loses_its_lock_and_hears_of_it(void **state)
{
    (void)state;
    int ready[2], go[2], status;
    char byte;
    roost_lock *l;
    roost_grant grant;
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(go), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(hold_until_told(ready[1], go[0]));
    assert_int_equal(read(ready[0], &byte, 1), 1);
    OK(roost_lock_open(direct, "stopped", &l));
    assert_int_equal(roost_lock_acquire(l, NULL, 0), ROOST_ETIMEDOUT);
    kill(pid, SIGSTOP);
    int64_t begin = now_ms();
    OK(roost_lock_acquire(l, &grant, 100000));
    assert_in_range(now_ms() - begin, 50, 100000);
    assert_true(grant.owner_died);
    assert_int_equal(write(go[1], "g", 1), 1);
    kill(pid, SIGCONT);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    OK(roost_server_delete(direct, roost_str("stopped")));
    roost_lock_close(l);
    for (int i = 0; i < 2; i++)
        close(ready[i]), close(go[i]);
}

static void a_restarted_server_is_told_from_the_old_one(void **state)
{
    (void)state;
    restart_server();
    struct story story = new_story();
    roost_dict *old, *new;
    roost_manager *m = connected((roost_options){.grace_ms = LONG_MS, .lease_ms = -1}, &story), *again;
    OK(roost_dict_new(m, &old));
    restart_server();
    OK(roost_dict_open(direct, "other", &new)); /* the first object here, too */
    assert_int_equal(roost_dict_ref(new).as.ref, roost_dict_ref(old).as.ref);
    for (int i = 0; i < 2; i++)
        assert_int_equal(roost_dict_set(old, roost_str("k"), roost_int(1)), ROOST_EEPOCH);
    assert_int_equal(told(&story, 3), ROOST_RESTARTED);
    pid_t pid = fork();
    if (pid == 0) /* the child would open a session of its own, to which the ids mean nothing */
        _exit(roost_dict_set(old, roost_str("k"), roost_int(1)) != ROOST_EEPOCH);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    int64_t len;
    OK(roost_dict_len(new, &len));
    assert_int_equal(len, 0);
    OK(roost_connect(proxy.url, NULL, &again));
    OK(roost_server_ping(again, roost_nil(), NULL));
    roost_manager_close(again);
    OK(roost_server_delete(direct, roost_str("other")));
    roost_dict_close(old);
    roost_dict_close(new);
    roost_manager_close(m);
}

/* ---- ending ---- */

static void closing_ends_the_session_at_once(void **state)
{
    (void)state;
    roost_lock *mine, *theirs;
    roost_manager *m = connected((roost_options){.grace_ms = LONG_MS}, NULL);
    OK(roost_lock_open(m, "closing", &mine));
    OK(roost_lock_open(direct, "closing", &theirs));
    OK(roost_lock_acquire(mine, NULL, -1));
    roost_lock_close(mine);
    roost_manager_close(m);
    OK(roost_lock_acquire(theirs, NULL, 100000));
    OK(roost_server_delete(direct, roost_str("closing")));
    roost_lock_close(theirs);
}

static void leave_by_exit(void)
{
    roost_lock *l;
    roost_manager *m = connected((roost_options){.grace_ms = LONG_MS}, NULL);
    exit(roost_lock_open(m, "exit", &l) != 0 || roost_lock_acquire(l, NULL, -1) != 0);
}

static void a_process_that_ends_in_order_needs_no_grace(void **state)
{
    (void)state;
    roost_lock *l;
    int status;
    pid_t pid = fork();
    if (pid == 0)
        leave_by_exit();
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    OK(roost_lock_open(direct, "exit", &l));
    OK(roost_lock_acquire(l, NULL, 100000));
    OK(roost_server_delete(direct, roost_str("exit")));
    roost_lock_close(l);
}

static void closing_interrupts_the_attempts_to_reconnect(void **state)
{
    (void)state;
    struct taker t;
    begin_taking(&t, (roost_options){.grace_ms = 50, .reconnect_ms = -1});
    break_the_line_of(&t);
    roost_manager_close(t.m);
    assert_int_equal(join(t.thread), ROOST_ECLOSED);
    proxy_set(&proxy, &proxy.refuses, false);
    await_info("waiters", 0);
    t.m = NULL;
    end_taking(&t);
}

#define LINE(test) cmocka_unit_test_setup(test, await_quiet)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LINE(when_the_grace_is_over_the_lock_passes_and_its_holder_is_told),
        LINE(without_grace_a_break_is_the_end),
        LINE(a_server_that_does_not_come_back_is_given_up_in_time),
        LINE(a_stopped_server_is_noticed),
        LINE(a_server_that_was_stopped_for_a_while_goes_on),
        LINE(a_stopped_client_loses_its_lock_and_hears_of_it),
        LINE(closing_ends_the_session_at_once),
        LINE(a_process_that_ends_in_order_needs_no_grace),
        LINE(closing_interrupts_the_attempts_to_reconnect),
        LINE(a_restarted_server_is_told_from_the_old_one),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
