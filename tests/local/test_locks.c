/* test_locks.c: local locks, rlocks, semaphores: exclusion, owners that die, waiting. */
#include "tests/local/kids.h"

#include <pthread.h>

#include "local/self.h"
#include "roost/local/lock.h"
#include "roost/local/semaphore.h"

enum { KIDS = 4, ROUNDS = 20000 };

/* What children and the test share. */
struct world {
    roost_local_lock *lock;
    roost_local_rlock *rlock;
    roost_local_semaphore *semaphore;
    _Atomic int step;
    _Atomic int died;
    volatile int64_t counter; /* guarded by a lock */
    _Atomic int inside, most_inside;
};

static struct world *w;

static int set_up(void **state)
{
    (void)state;
    w = shared(sizeof(*w));
    ok(roost_local_lock_new(&w->lock));
    ok(roost_local_rlock_new(&w->rlock));
    ok(roost_local_semaphore_new(0, &w->semaphore));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    roost_local_lock_close(w->lock);
    roost_local_rlock_close(w->rlock);
    roost_local_semaphore_close(w->semaphore);
    munmap(w, sizeof(*w));
    return 0;
}

/* ---- locks ---- */

static int count_under_lock(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        if (roost_local_lock_acquire(w->lock, NULL, -1) != 0)
            return 1;
        w->counter = w->counter + 1;
        roost_local_lock_release(w->lock);
    }
    return 0;
}

static int count_under_rlock(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        roost_local_rlock_acquire(w->rlock, NULL, -1);
        roost_local_rlock_acquire(w->rlock, NULL, -1);
        w->counter = w->counter + 1;
        roost_local_rlock_release(w->rlock);
        roost_local_rlock_release(w->rlock);
    }
    return 0;
}

static void run_kids(int (*fn)(void *))
{
    pid_t pids[KIDS];
    for (int i = 0; i < KIDS; i++)
        pids[i] = kid(fn, NULL);
    for (int i = 0; i < KIDS; i++)
        assert_int_equal(reap(pids[i]), 0);
}

static void locks_keep_processes_apart(void **state)
{
    (void)state;
    run_kids(count_under_lock);
    assert_int_equal(w->counter, KIDS * ROUNDS);
    run_kids(count_under_rlock);
    assert_int_equal(w->counter, 2 * KIDS * ROUNDS);
    assert_false(roost_local_lock_locked(w->lock));
    assert_false(roost_local_rlock_locked(w->rlock));
}

static void *thread_counts(void *unused)
{
    (void)unused;
    return (void *)(intptr_t)count_under_rlock(NULL);
}

static void rlock_keeps_threads_apart(void **state)
{
    (void)state;
    pthread_t t[KIDS];
    for (int i = 0; i < KIDS; i++)
        pthread_create(&t[i], NULL, thread_counts, NULL);
    for (int i = 0; i < KIDS; i++)
        pthread_join(t[i], NULL);
    assert_int_equal(w->counter, KIDS * ROUNDS);
}

static int hold_lock(void *unused)
{
    (void)unused;
    roost_local_lock_acquire(w->lock, NULL, -1);
    w->step++;
    pause();
    return 0;
}

static int wait_for_lock(void *unused)
{
    (void)unused;
    bool died = false;
    w->step++;
    if (roost_local_lock_acquire(w->lock, &died, 20000) != 0)
        return 1;
    w->died += died;
    roost_local_lock_release(w->lock);
    return 0;
}

static void waiter_gets_the_lock_of_one_that_was_killed_and_is_told(void **state)
{
    (void)state;
    pid_t holder = kid(hold_lock, NULL);
    until(&w->step, 1);
    assert_int_equal(roost_local_lock_holder(w->lock), holder);
    pid_t waiters[2] = {kid(wait_for_lock, NULL), kid(wait_for_lock, NULL)};
    until(&w->step, 3);
    until_asleep(waiters[0]);
    until_asleep(waiters[1]);
    kill_kid(holder);
    assert_int_equal(reap(waiters[0]), 0);
    assert_int_equal(reap(waiters[1]), 0);
    assert_int_equal(w->died, 1); /* the first of them only */
}

static void lock_of_one_that_was_killed_can_be_tried(void **state)
{
    (void)state;
    bool died = false;
    pid_t holder = kid(hold_lock, NULL);
    until(&w->step, 1);
    assert_int_equal(roost_local_lock_acquire(w->lock, &died, 0), ROOST_ETIMEDOUT);
    kill(holder, SIGKILL);
    siginfo_t info;
    waitid(P_PID, (id_t)holder, &info, WEXITED | WNOWAIT); /* it stays a zombie */
    ok(roost_local_lock_acquire(w->lock, &died, 0));
    assert_true(died);
    ok(roost_local_lock_release(w->lock));
    ok(roost_local_lock_acquire(w->lock, &died, 0));
    assert_false(died);
    ok(roost_local_lock_release(w->lock));
    reap(holder);
}

static void waiter_killed_in_its_sleep_does_not_keep_others_out(void **state)
{
    (void)state;
    ok(roost_local_lock_acquire(w->lock, NULL, -1));
    pid_t a = kid(wait_for_lock, NULL), b = kid(wait_for_lock, NULL);
    until(&w->step, 2);
    until_asleep(a);
    until_asleep(b);
    kill_kid(a);
    ok(roost_local_lock_release(w->lock)); /* the wake-up may have gone to the dead */
    assert_int_equal(reap(b), 0);
    assert_int_equal(w->died, 0);
}

static int release_lock(void *unused)
{
    (void)unused;
    return roost_local_lock_release(w->lock) == 0 ? 0 : 1;
}

static void any_process_may_release_a_lock_but_not_twice(void **state)
{
    (void)state;
    ok(roost_local_lock_acquire(w->lock, NULL, -1));
    assert_int_equal(roost_local_lock_acquire(w->lock, NULL, 1), ROOST_ETIMEDOUT);
    assert_string_equal(roost_errmsg(), "local lock: acquire: timed out after 1 ms");
    assert_int_equal(reap(kid(release_lock, NULL)), 0);
    assert_int_equal(roost_local_lock_release(w->lock), ROOST_EOVERRELEASE);
}

static void number_given_to_another_is_not_taken_for_the_dead(void **state)
{
    (void)state;
    uint32_t me = self()->process,
             other = me ^ 1u << SELF_PID_BITS; /* the same pid, started at another time */
    assert_true(roost__alive(me));
    assert_true(roost__alive(self()->thread));
    assert_false(roost__alive(other));
    assert_int_equal(self_pid(other), getpid());
}

/* ---- rlocks ---- */

static int steal_rlock(void *unused)
{
    (void)unused;
    bool died;
    return roost_local_rlock_release(w->rlock) == ROOST_ENOTOWNER &&
                   roost_local_rlock_acquire(w->rlock, &died, 0) == ROOST_ETIMEDOUT
               ? 0
               : 1;
}

static void rlock_belongs_to_its_thread_until_as_many_releases(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        ok(roost_local_rlock_acquire(w->rlock, NULL, -1));
    assert_int_equal(reap(kid(steal_rlock, NULL)), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(roost_local_rlock_holder(w->rlock), gettid());
        ok(roost_local_rlock_release(w->rlock));
    }
    assert_int_equal(roost_local_rlock_release(w->rlock), ROOST_ENOTOWNER);
    assert_false(roost_local_rlock_locked(w->rlock));
}

static void *take_rlock_and_end(void *unused)
{
    (void)unused;
    roost_local_rlock_acquire(w->rlock, NULL, -1);
    roost_local_rlock_acquire(w->rlock, NULL, -1);
    return NULL;
}

static void rlock_of_a_thread_that_ended_passes_on(void **state)
{
    (void)state;
    pthread_t t;
    bool died = false;
    pthread_create(&t, NULL, take_rlock_and_end, NULL);
    pthread_join(t, NULL);
    ok(roost_local_rlock_acquire(w->rlock, &died, 20000));
    assert_true(died);
    ok(roost_local_rlock_release(w->rlock)); /* the two levels of the dead are gone */
    assert_false(roost_local_rlock_locked(w->rlock));
}

/* ---- killed at random ---- */

static int work_for_ever(void *unused)
{
    bool died;
    (void)unused;
    for (;;) {
        roost_local_lock_acquire(w->lock, &died, -1);
        if (atomic_fetch_add(&w->inside, 1) != 0 && !died)
            w->most_inside = 2;
        w->inside = 0;
        w->step++;
        roost_local_lock_release(w->lock);
    }
    return 0;
}

static void random_kills_never_block_or_share_the_lock(void **state)
{
    (void)state;
    pid_t pids[KIDS];
    const char *rounds = getenv("ROOST_ROUNDS");
    int n = rounds != NULL ? atoi(rounds) : 300;
    srand((unsigned)getpid());
    for (int i = 0; i < KIDS; i++)
        pids[i] = kid(work_for_ever, NULL);
    for (int i = 0; i < n; i++) {
        int victim = rand() % KIDS;
        usleep((useconds_t)(rand() % 2000)); /* at any moment: this is no waiting */
        kill_kid(pids[victim]);
        pids[victim] = kid(work_for_ever, NULL);
        int before = w->step;
        until(&w->step, before + 1); /* somebody goes on */
    }
    for (int i = 0; i < KIDS; i++)
        kill_kid(pids[i]);
    assert_int_equal(w->most_inside, 0);
    ok(roost_local_lock_acquire(w->lock, NULL, 20000));
}

/* ---- semaphores ---- */

static int take_permit(void *unused)
{
    (void)unused;
    w->step++;
    return roost_local_semaphore_acquire(w->semaphore, 20000) == 0 ? 0 : 1;
}

static void semaphore_gives_each_permit_once(void **state)
{
    (void)state;
    pid_t pids[3];
    for (int i = 0; i < 3; i++)
        pids[i] = kid(take_permit, NULL);
    until(&w->step, 3);
    for (int i = 0; i < 3; i++)
        until_asleep(pids[i]);
    kill_kid(pids[0]);
    ok(roost_local_semaphore_release(w->semaphore, 2));
    assert_int_equal(reap(pids[1]), 0);
    assert_int_equal(reap(pids[2]), 0);
    assert_int_equal(roost_local_semaphore_value(w->semaphore), 0);
    assert_int_equal(roost_local_semaphore_acquire(w->semaphore, 0), ROOST_ETIMEDOUT);
    assert_int_equal(roost_local_semaphore_acquire(w->semaphore, 5), ROOST_ETIMEDOUT);
}

static void bounded_semaphore_refuses_one_too_many(void **state)
{
    (void)state;
    roost_local_semaphore *s;
    ok(roost_local_bounded_semaphore_new(2, &s));
    assert_int_equal(roost_local_semaphore_release(s, 1), ROOST_EOVERRELEASE);
    ok(roost_local_semaphore_acquire(s, 0));
    assert_int_equal(roost_local_semaphore_release(s, 2), ROOST_EOVERRELEASE);
    ok(roost_local_semaphore_release(s, 1));
    assert_int_equal(roost_local_semaphore_value(s), 2);
    roost_local_semaphore_close(s);
    ok(roost_local_semaphore_new(ROOST_LOCAL_PERMITS_MAX, &s));
    assert_int_equal(roost_local_semaphore_release(s, 1), ROOST_ERANGE);
    roost_local_semaphore_close(s);
    assert_int_equal(roost_local_semaphore_new(-1, &s), ROOST_EINVAL);
}

#define IN_A_WORLD(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(locks_keep_processes_apart),
        IN_A_WORLD(rlock_keeps_threads_apart),
        IN_A_WORLD(waiter_gets_the_lock_of_one_that_was_killed_and_is_told),
        IN_A_WORLD(lock_of_one_that_was_killed_can_be_tried),
        IN_A_WORLD(waiter_killed_in_its_sleep_does_not_keep_others_out),
        IN_A_WORLD(any_process_may_release_a_lock_but_not_twice),
        IN_A_WORLD(number_given_to_another_is_not_taken_for_the_dead),
        IN_A_WORLD(rlock_belongs_to_its_thread_until_as_many_releases),
        IN_A_WORLD(rlock_of_a_thread_that_ended_passes_on),
        IN_A_WORLD(random_kills_never_block_or_share_the_lock),
        IN_A_WORLD(semaphore_gives_each_permit_once),
        IN_A_WORLD(bounded_semaphore_refuses_one_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
