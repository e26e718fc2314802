/* waitables.c: locks, semaphores, conditions, events, barriers: order, time, and the death of holders and
 * waiters. */
#include <stdlib.h>
#include <string.h>

#include "tests/suite/suite.h"

#define TOKEN(t) ((unsigned long long)(t))

static void lock_is_held_by_one_and_passed_on_in_order(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open(), *c = client_open();
    uint64_t l = open_object(a, "lock", "[]");
    uint64_t first = granted(a, post(a, l, "lock.acquire", "[]"), false);
    ok(b, l, "lock.locked", "[]", "true");
    fails(b, l, "lock.acquire", "[0]", ROOST_ETIMEDOUT);
    fails(b, l, "lock.acquire", "[20]", ROOST_ETIMEDOUT);
    fails(a, l, "lock.acquire", "[0]", ROOST_ETIMEDOUT); /* a lock is not reentrant */
    uint64_t wait_b = post(b, l, "lock.acquire", "[]");
    waits(b, wait_b);
    uint64_t wait_c = post(c, l, "lock.acquire", "[]");
    waits(c, wait_c);
    ok(a, l, "lock.release", "[]", "null");
    uint64_t second = granted(b, wait_b, false);
    assert_true(second > first); /* tokens rise */
    waits(c, wait_c);
    fails(a, l, "lock.release", text("[%llu]", TOKEN(first)), ROOST_ENOTOWNER);
    ok(b, l, "lock.release", text("[%llu]", TOKEN(second)), "null");
    granted(c, wait_c, false);
    ok(a, l, "lock.release", "[]", "null"); /* as in Python, anybody may release a lock */
    fails(a, l, "lock.release", "[]", ROOST_EOVERRELEASE);
    lose(a), lose(b), lose(c);
}

static void lock_passes_to_next_waiter_when_owner_dies(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open(), *c = client_open();
    uint64_t l = open_object(b, "lock", "[]");
    granted(a, post(a, l, "lock.acquire", "[]"), false);
    uint64_t wait_b = post(b, l, "lock.acquire", "[]");
    waits(b, wait_b);
    lose(a);
    granted(b, wait_b, true);
    ok(b, l, "lock.release", "[]", "null");
    granted(c, post(c, l, "lock.acquire", "[]"), false); /* it was told once */
    lose(c);
    await_info(b, "holds", 0);
    granted(b, post(b, l, "lock.acquire", "[]"), true); /* nobody waited: the next who comes is told */
    lose(b);
}

static void rlock_belongs_to_session_and_thread(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t l = open_object(a, "rlock", "[]");
    uint64_t token = granted(a, post_as(a, 1, l, "rlock.acquire", "[]"), false);
    assert_int_equal(granted(a, post_as(a, 1, l, "rlock.acquire", "[]"), false), token);
    fails(a, l, "rlock.acquire", "[true]", ROOST_ETYPE);
    ok_as(a, 2, l, "rlock.acquire", "[0]", text("error %d", ROOST_ETIMEDOUT));
    ok_as(a, 2, l, "rlock.release", "[]", text("error %d", ROOST_ENOTOWNER));
    fails(b, l, "rlock.release", "[]", ROOST_ENOTOWNER);
    uint64_t wait_b = post(b, l, "rlock.acquire", "[]");
    ok_as(a, 1, l, "rlock.release", "[]", "null");
    waits(b, wait_b);
    ok(b, l, "rlock.locked", "[]", "true");
    ok_as(a, 1, l, "rlock.release", "[]", "null");
    granted(b, wait_b, false);
    ok(b, l, "rlock.release", "[]", "null");
    fails(b, l, "rlock.release", "[]", ROOST_EOVERRELEASE);
    lose(a), lose(b);
}

static void semaphore_counts_permits(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t s = open_object(a, "semaphore", "[null, 2]");
    ok(a, s, "semaphore.get_value", "[]", "2");
    granted(a, post(a, s, "semaphore.acquire", "[]"), false);
    granted(b, post(b, s, "semaphore.acquire", "[]"), false);
    fails(a, s, "semaphore.acquire", "[0]", ROOST_ETIMEDOUT);
    fails(a, s, "semaphore.acquire", "[20]", ROOST_ETIMEDOUT);
    uint64_t wait = post(a, s, "semaphore.acquire", "[]");
    waits(a, wait);
    ok(b, s, "semaphore.release", "[]", "null");
    granted(a, wait, false);
    ok(b, s, "semaphore.release", "[3]", "null"); /* beyond the initial value: a plain semaphore may */
    ok(a, s, "semaphore.get_value", "[]", "3");
    fails(a, s, "semaphore.release", "[0]", ROOST_EINVAL);
    lose(a), lose(b);
}

static void bounded_semaphore_refuses_one_release_too_many(void **state)
{
    (void)state;
    struct client *a = client_open();
    uint64_t s = open_object(a, "bounded_semaphore", "[null, 2]");
    fails(a, s, "bounded_semaphore.release", "[]", ROOST_EOVERRELEASE);
    granted(a, post(a, s, "bounded_semaphore.acquire", "[]"), false);
    fails(a, s, "bounded_semaphore.release", "[2]", ROOST_EOVERRELEASE);
    ok(a, s, "bounded_semaphore.release", "[]", "null");
    ok(a, s, "bounded_semaphore.get_value", "[]", "2");
    lose(a);
}

static void permits_of_a_dead_session_return(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t s = open_object(b, "semaphore", "[null, 3]");
    for (int i = 0; i < 3; i++)
        granted(a, post_as(a, (uint64_t)i % 2, s, "semaphore.acquire", "[]"), false);
    uint64_t wait = post(b, s, "semaphore.acquire", "[]");
    waits(b, wait);
    ok(b, s, "semaphore.release", "[]", "null"); /* gives one of a's back for it */
    granted(b, wait, false);
    lose(a);
    await_info(b, "holds", 1);
    ok(b, s, "semaphore.get_value", "[]", "2");
    granted(b, post(b, s, "semaphore.acquire", "[]"), true);
    lose(b);
}

static void condition_needs_its_lock(void **state)
{
    (void)state;
    struct client *a = client_open();
    uint64_t v = open_object(a, "condition", "[]");
    fails(a, v, "condition.wait", "[0]", ROOST_ENOTOWNER);
    fails(a, v, "condition.notify", "[]", ROOST_ENOTOWNER);
    fails(a, v, "condition.notify_all", "[]", ROOST_ENOTOWNER);
    granted(a, post(a, v, "condition.acquire", "[]"), false);
    ok(a, v, "condition.notify", "[]", "0");
    ok(a, v, "condition.release", "[]", "null");
    fails(a, v, "condition.release", "[]", ROOST_EOVERRELEASE);
    lose(a);
}

/* Takes the condition's lock and waits; the wait's number. */
static uint64_t wait_on(struct client *c, uint64_t thread, uint64_t condition, const char *args)
{
    granted(c, post_as(c, thread, condition, "condition.acquire", "[]"), false);
    uint64_t n = post_as(c, thread, condition, "condition.wait", args);
    waits(c, n);
    return n;
}

static void assert_woken(struct client *c, uint64_t number, bool notified)
{
    const char *answer = answer_text(c, number);
    if (strncmp(answer, notified ? "[true, " : "[false, ", notified ? 7 : 8) != 0)
        fail_msg("condition.wait answered %s", answer);
}

static void notify_wakes_as_many_as_asked_in_order(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t v = open_object(a, "condition", "[]");
    uint64_t w[4];
    for (uint64_t i = 0; i < 4; i++)
        w[i] = wait_on(a, i, v, "[]");
    granted(b, post(b, v, "condition.acquire", "[]"), false);
    ok(b, v, "condition.notify", "[2]", "2");
    waits(a, w[0]); /* notified, but the lock is still held */
    ok(b, v, "condition.release", "[]", "null");
    assert_woken(a, w[0], true);
    waits(a, w[1]); /* it wants the lock too */
    ok_as(a, 0, v, "condition.release", "[]", "null");
    assert_woken(a, w[1], true);
    ok_as(a, 1, v, "condition.notify_all", "[]", "2");
    ok_as(a, 1, v, "condition.release", "[]", "null");
    assert_woken(a, w[2], true);
    ok_as(a, 2, v, "condition.release", "[]", "null");
    assert_woken(a, w[3], true);
    lose(a), lose(b);
}

static void a_wait_that_times_out_has_the_lock_again(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t v = open_object(a, "condition", "[]");
    uint64_t w = wait_on(a, 1, v, "[400]");
    granted(b, post(b, v, "condition.acquire", "[]"), false);
    pass_time(410);
    waits(a, w);
    ok(b, v, "condition.release", "[]", "null");
    assert_woken(a, w, false);
    ok(a, v, "condition.notify", "[]", "0"); /* so it holds the lock */
    ok(a, v, "condition.release", "[]", "null");
    granted(a, post(a, v, "condition.acquire", "[]"), false);
    assert_woken(a, post(a, v, "condition.wait", "[0]"), false);
    ok(a, v, "condition.release", "[]", "null");
    lose(a), lose(b);
}

static void a_wait_gives_back_all_levels_and_takes_them_again(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t l = open_object(a, "rlock", "[]");
    uint64_t v = open_object(a, "condition", text("[null, {'$ref': [%llu, 9]}]", (unsigned long long)l));
    granted(a, post(a, l, "rlock.acquire", "[]"), false);
    granted(a, post(a, v, "condition.acquire", "[]"), false);
    uint64_t w = post(a, v, "condition.wait", "[]");
    waits(a, w);
    granted(b, post(b, l, "rlock.acquire", "[0]"), false);
    ok(b, v, "condition.notify", "[]", "1");
    ok(b, l, "rlock.release", "[]", "null");
    assert_woken(a, w, true);
    ok(a, l, "rlock.release", "[]", "null");
    ok(a, l, "rlock.locked", "[]", "true");
    ok(a, l, "rlock.release", "[]", "null");
    ok(a, l, "rlock.locked", "[]", "false");
    lose(a), lose(b);
}

static void condition_survives_dead_waiters_and_a_deleted_lock(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open(), *c = client_open();
    uint64_t l = open_object(b, "lock", "['lock-of-a-condition']");
    uint64_t v = open_object(b, "condition", text("[null, {'$ref': [%llu, 8]}]", (unsigned long long)l));
    wait_on(a, 1, v, "[]");
    lose(a);
    await_info(b, "waiters", 0);
    uint64_t w = wait_on(c, 1, v, "[]");
    granted(b, post(b, v, "condition.acquire", "[]"), false);
    ok(b, v, "condition.notify", "[1]", "1"); /* the dead one is not counted */
    ok(b, v, "condition.release", "[]", "null");
    assert_woken(c, w, true);
    ok(c, v, "condition.release", "[]", "null");
    w = wait_on(c, 1, v, "[400]");
    ok(b, 0, "server.delete", "['lock-of-a-condition']", "null");
    answered(c, w, text("error %d", ROOST_EDELETED));
    fails(c, v, "condition.acquire", "[]", ROOST_ENOENT);
    uint64_t e = open_object(b, "event", "[]");
    fails(b, 0, "condition.open", text("[null, {'$ref': [%llu, 13]}]", (unsigned long long)e), ROOST_ETYPE);
    lose(b), lose(c);
}

static void event_wakes_all_who_wait(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t e = open_object(a, "event", "[]");
    ok(a, e, "event.is_set", "[]", "false");
    fails(a, e, "event.wait", "[0]", ROOST_ETIMEDOUT);
    fails(a, e, "event.wait", "[20]", ROOST_ETIMEDOUT);
    uint64_t x = post(a, e, "event.wait", "[]"), y = post(b, e, "event.wait", "[]");
    waits(a, x);
    waits(b, y);
    ok(b, e, "event.set", "[]", "null");
    ok(b, e, "event.clear", "[]", "null"); /* set and clear in quick succession are not missed */
    answered(a, x, "null");
    answered(b, y, "null");
    ok(a, e, "event.set", "[]", "null");
    ok(a, e, "event.is_set", "[]", "true");
    ok(a, e, "event.wait", "[0]", "null");
    lose(a), lose(b);
}

static void barrier_lets_all_through_together(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t r = open_object(a, "barrier", "[null, 3]");
    for (int round = 0; round < 3; round++) {
        uint64_t x = post(a, r, "barrier.wait", "[]");
        waits(a, x);
        uint64_t y = post(b, r, "barrier.wait", "[]");
        waits(b, y);
        ok(a, r, "barrier.n_waiting", "[]", "2");
        ok_as(a, 2, r, "barrier.wait", "[]", "2");
        answered(a, x, "0");
        answered(b, y, "1");
        ok(a, r, "barrier.n_waiting", "[]", "0");
    }
    ok(a, r, "barrier.parties", "[]", "3");
    ok(a, r, "barrier.broken", "[]", "false");
    uint64_t one = open_object(a, "barrier", "[null, 1]");
    ok(a, one, "barrier.wait", "[0]", "0");
    fails(a, 0, "barrier.open", "[null, 0]", ROOST_EINVAL);
    fails(a, 0, "barrier.open", "[]", ROOST_EINVAL);
    lose(a), lose(b);
}

static void barrier_breaks_by_time_abort_and_death(void **state)
{
    (void)state;
    const char *broken = "error -14";
    struct client *a = client_open(), *b = client_open();
    uint64_t r = open_object(b, "barrier", "[null, 3, 30]"); /* waits of 30 ms unless they say otherwise */
    uint64_t x = post(b, r, "barrier.wait", "[]"), y = post_as(b, 2, r, "barrier.wait", "[-1]");
    answered(b, x, broken);
    answered(b, y, broken);
    ok(b, r, "barrier.broken", "[]", "true");
    fails(b, r, "barrier.wait", "[]", ROOST_EBROKEN);
    ok(b, r, "barrier.reset", "[]", "null");
    ok(b, r, "barrier.broken", "[]", "false");

    x = post(b, r, "barrier.wait", "[-1]");
    waits(b, x);
    ok(b, r, "barrier.abort", "[]", "null");
    answered(b, x, broken);
    ok(b, r, "barrier.reset", "[]", "null");

    x = post(b, r, "barrier.wait", "[-1]");
    waits(b, x);
    ok(b, r, "barrier.reset", "[]", "null"); /* who waits goes, the barrier is as new */
    answered(b, x, broken);
    ok(b, r, "barrier.broken", "[]", "false");

    x = post(b, r, "barrier.wait", "[-1]");
    fails(b, r, "barrier.wait", "[0]", ROOST_EBROKEN); /* a poll that is not the last breaks it for all */
    answered(b, x, broken);
    ok(b, r, "barrier.reset", "[]", "null");

    post(a, r, "barrier.wait", "[-1]");
    x = post(b, r, "barrier.wait", "[-1]");
    waits(b, x);
    lose(a);
    answered(b, x, broken);
    lose(b);
}

void suite_waitables(const struct CMUnitTest **ret, size_t *ret_len)
{
    static const struct CMUnitTest cases[] = {
        cmocka_unit_test(lock_is_held_by_one_and_passed_on_in_order),
        cmocka_unit_test(lock_passes_to_next_waiter_when_owner_dies),
        cmocka_unit_test(rlock_belongs_to_session_and_thread),
        cmocka_unit_test(semaphore_counts_permits),
        cmocka_unit_test(bounded_semaphore_refuses_one_release_too_many),
        cmocka_unit_test(permits_of_a_dead_session_return),
        cmocka_unit_test(condition_needs_its_lock),
        cmocka_unit_test(notify_wakes_as_many_as_asked_in_order),
        cmocka_unit_test(a_wait_that_times_out_has_the_lock_again),
        cmocka_unit_test(a_wait_gives_back_all_levels_and_takes_them_again),
        cmocka_unit_test(condition_survives_dead_waiters_and_a_deleted_lock),
        cmocka_unit_test(event_wakes_all_who_wait),
        cmocka_unit_test(barrier_lets_all_through_together),
        cmocka_unit_test(barrier_breaks_by_time_abort_and_death),
    };
    *ret = cases;
    *ret_len = sizeof(cases) / sizeof(cases[0]);
}
