/*
 * test_locks.c: locks that say who, through the library and between processes: deadlocks in words, holders
 * and waiters as structs, grants that lapse, guarded calls, several locks at once. Against a real roostd.
 */
#include "tests/support/test.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "roost/roost.h"

static roost_manager *m;

#define OK(call) assert_ok(call, #call)

static void assert_ok(int rc, const char *what)
{
    if (rc != 0)
        fail_msg("%s: %s", what, roost_errmsg());
}

static int start(void **state)
{
    (void)state;
    roost_options options = {.label = "tester"};
    return roost_manager_start(&options, &m);
}

static int stop(void **state)
{
    (void)state;
    return roost_manager_shutdown(m);
}

static roost_lock *named(const char *name)
{
    roost_lock *l;
    OK(roost_lock_open(m, name, &l));
    return l;
}

/* Waits until so many wait for the object of that name. */
static void await_waiters(const char *name, size_t n)
{
    roost_parties p;
    for (size_t now = n + 1; now != n;) {
        OK(roost_server_parties(m, roost_str(name), &p));
        now = p.waiter_count;
        roost_parties_free(&p);
    }
}

/* A child that takes b, then waits for a, and ends with what came of it. */
static pid_t child_takes_b_then_a(roost_lock *a, roost_lock *b)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int rc = roost_lock_acquire(b, NULL, -1);
        if (rc == 0)
            rc = roost_lock_acquire(a, NULL, -1);
        _exit(rc == 0 ? 0 : 1);
    }
    return pid;
}

static void a_deadlock_of_two_processes_is_told_in_words(void **state)
{
    (void)state;
    int status;
    char expected[512];
    roost_lock *a = named("a"), *b = named("b");
    OK(roost_lock_acquire(a, NULL, -1));
    pid_t child = child_takes_b_then_a(a, b), self = getpid();
    await_waiters("a", 1);
    assert_int_equal(roost_lock_acquire(b, NULL, 0), ROOST_ETIMEDOUT);
    assert_int_equal(roost_lock_acquire(b, NULL, -1), ROOST_EDEADLK);
    snprintf(
        expected, sizeof(expected),
        "lock \"b\": acquire: deadlock: pid %d thread 1 waits for lock \"b\" held by pid %d thread 1, which "
        "waits for lock \"a\" held by pid %d thread 1",
        (int)self, (int)child, (int)self);
    assert_string_equal(roost_errmsg(), expected);
    OK(roost_lock_release(a));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    roost_lock_close(a);
    roost_lock_close(b);
}

static void parties_say_who_holds_and_who_waits(void **state)
{
    (void)state;
    int status;
    roost_parties p;
    roost_grant grant;
    roost_acquire_options minute = {.ttl_ms = 60000};
    roost_lock *a = named("who-a"), *b = named("who-b");
    OK(roost_lock_acquire_with(a, &minute, &grant, -1));
    pid_t child = child_takes_b_then_a(a, b);
    await_waiters("who-a", 1);
    OK(roost_server_parties(m, roost_str("who-a"), &p));
    assert_int_equal(p.holder_count, 1);
    assert_int_equal(p.waiter_count, 1);
    assert_int_equal(p.holders[0].pid, getpid());
    assert_int_equal(p.holders[0].token, grant.token);
    assert_int_equal(p.holders[0].depth, 1);
    assert_string_equal(p.holders[0].label, "tester");
    assert_null(p.holders[0].method);
    assert_true(p.holders[0].left_ms > 0 && p.holders[0].left_ms <= 60000);
    assert_int_equal(p.waiters[0].pid, child);
    assert_int_equal(p.waiters[0].thread, 1);
    assert_string_equal(p.waiters[0].method, "acquire");
    assert_string_equal(p.waiters[0].host, p.holders[0].host);
    assert_int_equal(p.waiters[0].left_ms, -1);
    assert_true(p.waiters[0].age_ms >= 0 && p.waiters[0].keys.kind == ROOST_NIL);
    roost_parties_free(&p);
    roost_parties_free(&p);                   /* twice is harmless */
    OK(roost_lock_extend(a, grant.token, 1)); /* it lapses, and goes to the child */
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(roost_lock_release_token(a, grant.token), ROOST_ENOTOWNER);
    assert_int_equal(roost_server_parties(m, roost_str("nobody"), &p), ROOST_ENOENT);
    roost_lock_close(a);
    roost_lock_close(b);
}

static void keys_are_locks_of_their_own(void **state)
{
    (void)state;
    roost_keyed_lock *k;
    roost_grant grant;
    roost_parties p;
    roost_value held;
    bool yes;
    roost_value keys = roost_list_of(roost_str("x"), roost_int(5));
    OK(roost_keyed_lock_open(m, "keys", &k));
    OK(roost_keyed_lock_acquire(k, keys, &grant, -1));
    assert_int_equal(roost_keyed_lock_acquire(k, keys, NULL, 0), ROOST_ETIMEDOUT);
    OK(roost_server_parties(m, roost_keyed_lock_ref(k), &p));
    assert_int_equal(p.holder_count, 2);
    assert_true(roost_value_equal(p.holders[1].keys, roost_list_of(roost_int(5))));
    roost_parties_free(&p);
    OK(roost_keyed_lock_held(k, &held));
    assert_int_equal(held.len, 2);
    roost_value_free(&held);
    OK(roost_keyed_lock_release(k, roost_list_of(roost_str("x"))));
    OK(roost_keyed_lock_locked(k, roost_int(5), &yes));
    assert_true(yes);
    OK(roost_keyed_lock_extend(k, grant.token, 60000));
    OK(roost_keyed_lock_release_token(k, grant.token));
    assert_int_equal(roost_keyed_lock_release(k, roost_nil()), ROOST_ENOTOWNER);
    roost_acquire_options brief = {.ttl_ms = 1};
    OK(roost_keyed_lock_acquire_with(k, keys, &brief, &grant, -1));
    OK(roost_keyed_lock_acquire(k, keys, &grant, -1));
    assert_true(grant.owner_died);
    OK(roost_keyed_lock_release(k, roost_nil()));
    assert_int_equal(roost_keyed_lock_acquire(k, keys, NULL, -2), ROOST_EINVAL);
    roost_keyed_lock_close(k);
}

static void several_are_taken_in_one_call(void **state)
{
    (void)state;
    roost_lock *l = named("several");
    roost_rlock *r;
    roost_bounded_semaphore *s;
    roost_grant grants[3];
    bool yes;
    OK(roost_rlock_new(m, &r));
    OK(roost_bounded_semaphore_new(m, 1, &s));
    roost_value all = roost_list_of(roost_str("several"), roost_rlock_ref(r), roost_bounded_semaphore_ref(s));
    OK(roost_server_acquire(m, all, grants, -1));
    assert_true(grants[0].token != 0 && grants[1].token > grants[0].token &&
                grants[2].token > grants[1].token);
    assert_int_equal(roost_server_acquire(m, all, NULL, 0), ROOST_ETIMEDOUT);
    uint64_t tokens[] = {grants[0].token, grants[1].token, grants[2].token + 1};
    assert_int_equal(roost_server_give_back(m, all, tokens), ROOST_ENOTOWNER);
    OK(roost_lock_locked(l, &yes));
    assert_true(yes);
    tokens[2]--;
    OK(roost_server_give_back(m, all, tokens));
    roost_acquire_options brief = {.ttl_ms = 1};
    OK(roost_server_acquire_with(m, all, &brief, NULL, -1));
    OK(roost_server_acquire(m, all, grants, -1));
    assert_true(grants[0].owner_died && grants[1].owner_died && grants[2].owner_died);
    OK(roost_server_give_back(m, all, NULL));
    assert_int_equal(roost_server_give_back(m, all, NULL), ROOST_EOVERRELEASE);
    assert_non_null(strstr(roost_errmsg(), "lock \"several\""));
    roost_lock_close(l);
    roost_rlock_close(r);
    roost_bounded_semaphore_close(s);
}

static void a_guard_refuses_what_comes_too_late(void **state)
{
    (void)state;
    roost_lock *l = named("guard");
    roost_dict *d;
    roost_grant first, second;
    roost_value v, pair[] = {roost_str("k"), roost_int(3)};
    OK(roost_dict_new(m, &d));
    OK(roost_lock_acquire(l, &first, -1));
    OK(roost_guard_begin((roost_guard){roost_lock_ref(l), first.token}));
    OK(roost_dict_set(d, roost_str("k"), roost_int(1)));
    OK(roost_lock_release(l)); /* itself a guarded call */
    assert_int_equal(roost_dict_set(d, roost_str("k"), roost_int(2)), ROOST_ENOTOWNER);
    assert_non_null(strstr(roost_errmsg(), "of lock \"guard\" is over"));
    roost_guard_end();
    roost_guard_end();
    OK(roost_lock_acquire(l, &second, -1));
    roost_guard old = {roost_lock_ref(l), first.token}, now = {roost_lock_ref(l), second.token};
    assert_int_equal(roost_call_guarded(m, old, roost_dict_ref(d), "dict.set", pair, 2, NULL),
                     ROOST_ENOTOWNER);
    OK(roost_dict_get(d, roost_str("k"), &v));
    assert_int_equal(v.as.i, 1);
    OK(roost_call_guarded(m, now, roost_dict_ref(d), "dict.set", pair, 2, NULL));
    OK(roost_dict_get(d, roost_str("k"), &v)); /* unguarded again */
    assert_int_equal(v.as.i, 3);
    assert_int_equal(roost_guard_begin((roost_guard){roost_nil(), 1}), ROOST_ETYPE);
    assert_int_equal(roost_guard_begin((roost_guard){roost_lock_ref(l), 0}), ROOST_EINVAL);
    OK(roost_lock_release(l));
    roost_dict_close(d);
    roost_lock_close(l);
}

static void grants_of_every_type_lapse_and_are_extended(void **state)
{
    (void)state;
    roost_rlock *r;
    roost_semaphore *s;
    roost_bounded_semaphore *b;
    roost_condition *c;
    roost_grant grant;
    roost_acquire_options brief = {.ttl_ms = 1}, none = {0}, bad = {.ttl_ms = -1};
    OK(roost_rlock_new(m, &r));
    OK(roost_semaphore_new(m, 1, &s));
    OK(roost_bounded_semaphore_new(m, 1, &b));
    OK(roost_condition_new(m, roost_nil(), &c));
    assert_int_equal(roost_rlock_acquire_with(r, &bad, NULL, -1), ROOST_EINVAL);
    OK(roost_rlock_acquire_with(r, &none, &grant, -1));
    OK(roost_rlock_extend(r, grant.token, 60000));
    OK(roost_rlock_extend(r, grant.token, 0));
    OK(roost_rlock_release(r));
    OK(roost_semaphore_acquire_with(s, &brief, NULL, -1));
    OK(roost_semaphore_acquire(s, &grant, -1)); /* the first has lapsed, else it waited for ever */
    assert_true(grant.owner_died);
    OK(roost_semaphore_extend(s, grant.token, 1));
    OK(roost_semaphore_acquire_with(s, NULL, &grant, -1));
    assert_true(grant.owner_died);
    OK(roost_bounded_semaphore_acquire_with(b, &brief, NULL, -1));
    OK(roost_bounded_semaphore_acquire(b, &grant, -1));
    assert_true(grant.owner_died);
    OK(roost_bounded_semaphore_extend(b, grant.token, 60000));
    OK(roost_condition_acquire_with(c, &none, &grant, -1));
    OK(roost_condition_release(c));
    roost_rlock_close(r);
    roost_semaphore_close(s);
    roost_bounded_semaphore_close(b);
    roost_condition_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deadlock_of_two_processes_is_told_in_words),
        cmocka_unit_test(parties_say_who_holds_and_who_waits),
        cmocka_unit_test(keys_are_locks_of_their_own),
        cmocka_unit_test(several_are_taken_in_one_call),
        cmocka_unit_test(a_guard_refuses_what_comes_too_late),
        cmocka_unit_test(grants_of_every_type_lapse_and_are_extended),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
