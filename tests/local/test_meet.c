/* test_meet.c: local conditions, events and barriers: who is woken, and what a death does to the others. */
#include "tests/local/kids.h"

#include "roost/local/barrier.h"
#include "roost/local/condition.h"
#include "roost/local/event.h"

enum { PARTIES = 4, CYCLES = 200 };

struct world {
    roost_local_condition *condition;
    roost_local_event *event;
    roost_local_barrier *barrier;
    _Atomic int step;
    _Atomic int order[8];
    _Atomic int woken;
    _Atomic int actions;
    _Atomic int seen[PARTIES];
    _Atomic int ready; /* a predicate */
};

static struct world *w;

static int action(void *arg)
{
    (void)arg;
    w->actions++;
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    w = shared(sizeof(*w));
    ok(roost_local_condition_new(NULL, &w->condition));
    ok(roost_local_event_new(&w->event));
    ok(roost_local_barrier_new(PARTIES, &(roost_local_barrier_options){.action = action}, &w->barrier));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    roost_local_condition_close(w->condition);
    roost_local_event_close(w->event);
    roost_local_barrier_close(w->barrier);
    munmap(w, sizeof(*w));
    return 0;
}

/* ---- conditions ---- */

static int wait_condition(void *arg)
{
    roost_local_condition_acquire(w->condition, NULL, -1);
    roost_local_condition_acquire(w->condition, NULL, -1); /* two levels, to be given back and taken again */
    w->step++;
    if (roost_local_condition_wait(w->condition, NULL, 30000) != 0)
        return 1;
    w->order[w->woken++] = (int)(intptr_t)arg;
    return roost_local_condition_release(w->condition) != 0 ||
           roost_local_condition_release(w->condition) != 0;
}

/* Children 0, 1, 2 … wait, in this order. */
static void start_waiters(pid_t *pids, int n)
{
    for (int i = 0; i < n; i++) {
        pids[i] = kid(wait_condition, (void *)(intptr_t)i);
        until(&w->step, i + 1);
        ok(roost_local_condition_acquire(w->condition, NULL, 30000)); /* it gave the lock back: it waits */
        ok(roost_local_condition_release(w->condition));
    }
}

static void notify(uint32_t count, uint32_t woken)
{
    uint32_t n;
    ok(roost_local_condition_acquire(w->condition, NULL, -1));
    ok(roost_local_condition_notify(w->condition, count, &n));
    ok(roost_local_condition_release(w->condition));
    assert_int_equal(n, woken);
}

static void notify_wakes_the_first_and_no_more(void **state)
{
    (void)state;
    pid_t pids[3];
    start_waiters(pids, 3);
    notify(1, 1);
    assert_int_equal(reap(pids[0]), 0);
    assert_int_equal(w->woken, 1);
    notify(5, 2);
    assert_int_equal(reap(pids[1]), 0);
    assert_int_equal(reap(pids[2]), 0);
    notify(1, 0);
}

static void notification_does_not_go_to_the_dead(void **state)
{
    (void)state;
    pid_t pids[3];
    start_waiters(pids, 3);
    kill_kid(pids[0]);
    notify(1, 1);
    assert_int_equal(reap(pids[1]), 0);
    assert_int_equal(w->order[0], 1);
    notify(1, 1);
    assert_int_equal(reap(pids[2]), 0);
}

static void wait_that_times_out_holds_the_lock_again(void **state)
{
    (void)state;
    bool died = true;
    assert_int_equal(roost_local_condition_wait(w->condition, NULL, 0), ROOST_ENOTOWNER);
    assert_int_equal(roost_local_condition_notify(w->condition, 1, NULL), ROOST_ENOTOWNER);
    ok(roost_local_condition_acquire(w->condition, NULL, -1));
    assert_int_equal(roost_local_condition_wait(w->condition, &died, 5), ROOST_ETIMEDOUT);
    assert_false(died);
    assert_int_equal(roost_local_condition_wait(w->condition, NULL, 0), ROOST_ETIMEDOUT);
    uint32_t n;
    ok(roost_local_condition_notify_all(w->condition, &n));
    assert_int_equal(n, 0); /* who left is not counted */
    ok(roost_local_condition_release(w->condition));
    assert_int_equal(roost_local_condition_release(w->condition), ROOST_ENOTOWNER);
}

static bool is_ready(void *arg)
{
    (void)arg;
    return w->ready;
}

static int wait_for_ready(void *unused)
{
    (void)unused;
    roost_local_condition_acquire(w->condition, NULL, -1);
    w->step++;
    int rc = roost_local_condition_wait_for(w->condition, is_ready, NULL, NULL, 30000);
    roost_local_condition_release(w->condition);
    return rc == 0 && w->ready ? 0 : 1;
}

static void wait_for_returns_when_the_predicate_holds(void **state)
{
    (void)state;
    pid_t pid = kid(wait_for_ready, NULL);
    until(&w->step, 1);
    notify(1, 1);
    until_asleep(pid);
    ok(roost_local_condition_acquire(w->condition, NULL, -1));
    w->ready = 1;
    ok(roost_local_condition_notify_all(w->condition, NULL));
    ok(roost_local_condition_release(w->condition));
    assert_int_equal(reap(pid), 0);
    w->ready = 0;
    ok(roost_local_condition_acquire(w->condition, NULL, -1));
    assert_int_equal(roost_local_condition_wait_for(w->condition, is_ready, NULL, NULL, 5), ROOST_ETIMEDOUT);
    ok(roost_local_condition_release(w->condition));
}

static void condition_stands_on_a_lock_of_the_callers(void **state)
{
    (void)state;
    roost_local_lock *lock;
    roost_local_condition *own = w->condition;
    ok(roost_local_lock_new(&lock));
    ok(roost_local_condition_new(&(roost_local_condition_options){.lock = lock}, &w->condition));
    ok(roost_local_condition_acquire(w->condition, NULL, -1));
    assert_int_equal(roost_local_lock_acquire(lock, NULL, 0), ROOST_ETIMEDOUT);
    assert_int_equal(roost_local_condition_wait(w->condition, NULL, 1), ROOST_ETIMEDOUT);
    assert_true(roost_local_lock_locked(lock));
    ok(roost_local_lock_release(lock));
    roost_local_condition_close(w->condition);
    roost_local_lock_close(lock);
    w->condition = own;
}

/* ---- events ---- */

static int wait_event(void *unused)
{
    (void)unused;
    w->step++;
    return roost_local_event_wait(w->event, 30000) == 0 ? 0 : 1;
}

static void event_wakes_all_even_when_cleared_at_once(void **state)
{
    (void)state;
    pid_t pids[3];
    for (int i = 0; i < 3; i++)
        pids[i] = kid(wait_event, NULL);
    until(&w->step, 3);
    for (int i = 0; i < 3; i++)
        until_asleep(pids[i]);
    roost_local_event_set(w->event);
    roost_local_event_clear(w->event);
    for (int i = 0; i < 3; i++)
        assert_int_equal(reap(pids[i]), 0);
    assert_false(roost_local_event_is_set(w->event));
    assert_int_equal(roost_local_event_wait(w->event, 0), ROOST_ETIMEDOUT);
    assert_int_equal(roost_local_event_wait(w->event, 5), ROOST_ETIMEDOUT);
    roost_local_event_set(w->event);
    ok(roost_local_event_wait(w->event, 0));
}

/* ---- barriers ---- */

static int go_round(void *unused)
{
    (void)unused;
    for (int i = 0; i < CYCLES; i++) {
        uint32_t index;
        if (roost_local_barrier_wait(w->barrier, &index, 30000) != 0)
            return 1;
        w->seen[index]++;
    }
    return 0;
}

static void every_index_comes_once_a_cycle_and_the_action_too(void **state)
{
    (void)state;
    pid_t pids[PARTIES];
    for (int i = 0; i < PARTIES; i++)
        pids[i] = kid(go_round, NULL);
    for (int i = 0; i < PARTIES; i++)
        assert_int_equal(reap(pids[i]), 0);
    for (int i = 0; i < PARTIES; i++)
        assert_int_equal(w->seen[i], CYCLES);
    assert_int_equal(w->actions, CYCLES);
    assert_int_equal(roost_local_barrier_n_waiting(w->barrier), 0);
    assert_int_equal(roost_local_barrier_parties(w->barrier), PARTIES);
}

static int wait_barrier(void *timeout)
{
    int rc = roost_local_barrier_wait(w->barrier, NULL, (int)(intptr_t)timeout);
    return rc == 0 ? 0 : rc == ROOST_EBROKEN ? 2 : 1;
}

static void start_parties(pid_t *pids, int n)
{
    for (int i = 0; i < n; i++)
        pids[i] = kid(wait_barrier, (void *)-1);
    for (int i = 0; i < 30000 && roost_local_barrier_n_waiting(w->barrier) < (uint32_t)n; i++)
        usleep(1000);
    assert_int_equal(roost_local_barrier_n_waiting(w->barrier), n);
}

static void expect_broken(const pid_t *pids, int n)
{
    for (int i = 0; i < n; i++)
        assert_int_equal(reap(pids[i]), 2);
}

static void time_that_is_up_breaks_the_barrier_for_all(void **state)
{
    (void)state;
    pid_t pids[2];
    start_parties(pids, 2);
    assert_int_equal(roost_local_barrier_wait(w->barrier, NULL, 5), ROOST_EBROKEN);
    expect_broken(pids, 2);
    assert_true(roost_local_barrier_broken(w->barrier));
    assert_int_equal(roost_local_barrier_wait(w->barrier, NULL, -1), ROOST_EBROKEN);
    roost_local_barrier_reset(w->barrier);
    assert_false(roost_local_barrier_broken(w->barrier));
}

static void abort_and_reset_wake_who_waits(void **state)
{
    (void)state;
    pid_t pids[3];
    start_parties(pids, 3);
    roost_local_barrier_reset(w->barrier);
    expect_broken(pids, 3);
    assert_false(roost_local_barrier_broken(w->barrier));
    start_parties(pids, 3);
    roost_local_barrier_abort(w->barrier);
    expect_broken(pids, 3);
    assert_true(roost_local_barrier_broken(w->barrier));
}

static void party_that_dies_breaks_the_barrier(void **state)
{
    (void)state;
    pid_t pids[3];
    start_parties(pids, 3);
    kill_kid(pids[1]);
    assert_int_equal(reap(pids[0]), 2);
    assert_int_equal(reap(pids[2]), 2);
    assert_true(roost_local_barrier_broken(w->barrier));
}

static void the_dead_do_not_make_the_number_full(void **state)
{
    (void)state;
    pid_t pid;
    roost_local_barrier *four = w->barrier;
    ok(roost_local_barrier_new(2, NULL, &w->barrier));
    start_parties(&pid, 1);
    kill_kid(pid);
    assert_int_equal(roost_local_barrier_wait(w->barrier, NULL, 30000), ROOST_EBROKEN);
    roost_local_barrier_close(w->barrier);
    w->barrier = four;
}

static int fail_action(void *arg)
{
    return *(int *)arg;
}

static void action_that_fails_breaks_the_barrier(void **state)
{
    (void)state;
    int code = 3;
    roost_local_barrier *four = w->barrier;
    ok(roost_local_barrier_new(2, &(roost_local_barrier_options){.action = fail_action, .arg = &code},
                               &w->barrier));
    pid_t pid;
    start_parties(&pid, 1);
    assert_int_equal(roost_local_barrier_wait(w->barrier, NULL, -1), ROOST_ETASK);
    assert_string_equal(roost_errmsg(), "local barrier: wait: the action returned 3");
    expect_broken(&pid, 1);
    roost_local_barrier_close(w->barrier);
    w->barrier = four;
}

#define IN_A_WORLD(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(notify_wakes_the_first_and_no_more),
        IN_A_WORLD(notification_does_not_go_to_the_dead),
        IN_A_WORLD(wait_that_times_out_holds_the_lock_again),
        IN_A_WORLD(wait_for_returns_when_the_predicate_holds),
        IN_A_WORLD(condition_stands_on_a_lock_of_the_callers),
        IN_A_WORLD(event_wakes_all_even_when_cleared_at_once),
        IN_A_WORLD(every_index_comes_once_a_cycle_and_the_action_too),
        IN_A_WORLD(time_that_is_up_breaks_the_barrier_for_all),
        IN_A_WORLD(abort_and_reset_wake_who_waits),
        IN_A_WORLD(party_that_dies_breaks_the_barrier),
        IN_A_WORLD(the_dead_do_not_make_the_number_full),
        IN_A_WORLD(action_that_fails_breaks_the_barrier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
