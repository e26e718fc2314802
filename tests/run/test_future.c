/* test_future.c: futures: cancel, callbacks, wait, as completed; the executor's face. */
#include "tests/run/tasks.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

/* Shared with the workers: the first task runs until the test lets it go, however slow the machine is. */
static atomic_int *gate;

static int pass_gate(const roost_value *args, roost_value *result)
{
    (void)result;
    while (args->as.items[0].as.i == 0 && atomic_load(gate) == 0)
        usleep(100);
    return 0;
}

static void pending_future_can_be_cancelled_once(void **state)
{
    (void)state;
    enum { N = 50 };
    gate = mmap(NULL, sizeof(*gate), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(gate, MAP_FAILED);
    roost_pool *p = pool_of(1);
    roost_future *f[N];
    for (int i = 0; i < N; i++)
        ok(roost_pool_apply_async(p, pass_gate, roost_list_of(roost_int(i)), NULL, &f[i]));
    while (!roost_future_running(f[0]))
        usleep(100);
    assert_false(roost_future_cancel(f[0]));
    assert_true(roost_future_cancel(f[N - 1]));
    assert_true(roost_future_cancel(f[N - 1]));
    assert_true(roost_future_cancelled(f[N - 1]) && roost_future_done(f[N - 1]));
    assert_int_equal(roost_future_result(f[N - 1], NULL, -1), ROOST_ECANCELED);
    atomic_store(gate, 1);
    for (int i = 0; i < N - 1; i++)
        ok(roost_future_result(f[i], NULL, -1));
    assert_false(roost_future_cancel(f[0]));
    for (int i = 0; i < N; i++)
        roost_future_free(f[i]);
    end_pool(p);
    munmap(gate, sizeof(*gate));
}

static void timeout_of_the_wait_leaves_the_future_alone(void **state)
{
    (void)state;
    roost_pool *p = pool_of(1);
    roost_future *f;
    roost_value v;
    bool good;
    ok(roost_pool_apply_async(p, nap, roost_list_of(roost_int(200)), NULL, &f));
    assert_int_equal(roost_future_result(f, &v, 1), ROOST_ETIMEDOUT);
    assert_int_equal(roost_future_wait(f, 0), ROOST_ETIMEDOUT);
    assert_int_equal(roost_future_successful(f, &good), ROOST_EBUSY);
    assert_int_equal(roost_future_item(f, 0, &v), ROOST_EBUSY);
    ok(roost_future_result(f, &v, -1));
    ok(roost_future_result(f, &v, -1)); /* as often as you like */
    assert_int_equal(v.as.i, 200);
    ok(roost_future_successful(f, &good));
    assert_true(good);
    roost_future_free(f);
    end_pool(p);
}

static atomic_int good_calls, bad_calls;

static void count_good(roost_future *f, void *arg)
{
    roost_value v;
    assert_ptr_equal(arg, &good_calls);
    ok(roost_future_result(f, &v, 0));
    good_calls++;
}

static void count_bad(roost_future *f, void *arg)
{
    (void)arg;
    assert_int_equal(roost_future_result(f, NULL, 0), ROOST_ETASK);
    bad_calls++;
}

static void exactly_one_callback_is_called_before_join_returns(void **state)
{
    (void)state;
    roost_pool *p = pool_of(2);
    roost_value *in = numbers(10);
    const roost_callbacks callbacks = {count_good, count_bad, &good_calls};
    good_calls = bad_calls = 0;
    for (int i = 0; i < 200; i++)
        ok(roost_pool_apply_async(p, fail_if_even, roost_list_of(roost_int(i)), &callbacks, NULL));
    ok(roost_pool_map_async(p, square, roost_array(in, 10), 3, &callbacks, NULL));
    end_pool(p);
    free(in);
    assert_int_equal(good_calls, 101);
    assert_int_equal(bad_calls, 100);
}

static atomic_int order[3], called;

static void note(roost_future *f, void *arg)
{
    (void)f;
    order[called++] = *(int *)arg;
}

static void done_callbacks_come_in_order_and_late_ones_at_once(void **state)
{
    (void)state;
    int names[] = {1, 2, 3};
    roost_pool *p = pool_of(1);
    roost_future *f;
    called = 0;
    ok(roost_pool_apply_async(p, nap, roost_list_of(roost_int(50)), NULL, &f));
    ok(roost_future_add_done_callback(f, note, &names[0]));
    ok(roost_future_add_done_callback(f, note, &names[1]));
    ok(roost_future_wait(f, -1));
    while (called < 2)
        usleep(100);
    ok(roost_future_add_done_callback(f, note, &names[2]));
    for (int i = 0; i < 3; i++)
        assert_int_equal(order[i], i + 1);
    roost_future_free(f);
    end_pool(p);
}

static roost_pool *callback_pool;
static atomic_int join_code;

static void misbehave(roost_future *f, void *arg)
{
    roost_value v;
    (void)f;
    (void)arg;
    join_code = roost_pool_close(callback_pool) != 0 ? 1 : roost_pool_join(callback_pool, -1);
    if (roost_pool_apply(callback_pool, square, roost_list_of(roost_int(2)), &v, -1) != ROOST_ECLOSED)
        join_code = 2;
    pthread_exit(NULL);
}

static void misbehaving_callback_does_not_stop_the_pool(void **state)
{
    (void)state;
    enum { N = 100 };
    roost_future *f[N], *bad;
    roost_pool *p = callback_pool = pool_of(2);
    const roost_callbacks callbacks = {.on_result = count_good, .arg = &good_calls};
    good_calls = 0;
    ok(roost_pool_apply_async(p, nap, roost_list_of(roost_int(100)), NULL, &bad));
    ok(roost_future_add_done_callback(bad, misbehave, NULL));
    for (int i = 0; i < N; i++)
        ok(roost_pool_apply_async(p, nap, roost_list_of(roost_int(1)), &callbacks, &f[i]));
    ok(roost_wait(f, N, ROOST_ALL_COMPLETED, NULL, 60000));
    ok(roost_future_wait(bad, -1));
    while (!roost_future_done(bad) || roost_pool_join(p, 60000) == ROOST_EINVAL)
        usleep(100);
    assert_int_equal(join_code, ROOST_EDEADLK);
    assert_int_equal(good_calls, N);
    roost_pool_free(p);
    for (int i = 0; i < N; i++)
        roost_future_free(f[i]);
    roost_future_free(bad);
    roost_future_free(bad); /* the hold that the callback took with it */
}

static void wait_stops_at_what_was_asked_for(void **state)
{
    (void)state;
    roost_pool *p = pool_of(3);
    roost_future *f[3];
    size_t done;
    ok(roost_pool_apply_async(p, nap, roost_list_of(roost_int(1500)), NULL, &f[0]));
    ok(roost_pool_apply_async(p, nap, roost_list_of(roost_int(50)), NULL, &f[1]));
    assert_int_equal(roost_wait(f, 2, ROOST_ALL_COMPLETED, &done, 0), ROOST_ETIMEDOUT);
    ok(roost_wait(f, 2, ROOST_FIRST_COMPLETED, &done, -1));
    assert_int_equal(done, 1);
    assert_true(roost_future_done(f[1]));
    ok(roost_pool_apply_async(p, fail_if_even, roost_list_of(roost_int(2)), NULL, &f[2]));
    ok(roost_wait(f, 3, ROOST_FIRST_EXCEPTION, &done, -1));
    assert_true(roost_future_done(f[2]));
    assert_false(roost_future_done(f[0]));
    assert_int_equal(roost_wait(f, 3, ROOST_ALL_COMPLETED, &done, 1), ROOST_ETIMEDOUT);
    assert_int_equal(done, 2);
    ok(roost_wait(f, 3, ROOST_ALL_COMPLETED, &done, -1));
    assert_int_equal(done, 3);
    ok(roost_wait(NULL, 0, ROOST_ALL_COMPLETED, NULL, -1));
    for (int i = 0; i < 3; i++)
        roost_future_free(f[i]);
    end_pool(p);
}

static void as_completed_gives_each_future_once_the_quick_ones_first(void **state)
{
    (void)state;
    enum { N = 40 };
    roost_executor *e = pool_of(2);
    roost_future *f[N + 1], *next;
    roost_completion *c;
    roost_value v;
    int64_t sum = 0;
    ok(roost_executor_submit(e, nap, roost_list_of(roost_int(300)), &f[0]));
    for (int i = 1; i < N; i++)
        ok(roost_executor_submit(e, square, roost_list_of(roost_int(i)), &f[i]));
    f[N] = f[1];
    ok(roost_as_completed(f, N + 1, NULL, &c));
    for (int i = 0; i < N; i++) {
        ok(roost_completion_next(c, &next, -1));
        ok(roost_future_result(next, &v, 0));
        assert_int_equal(next == f[0], i == N - 1);
        sum += v.as.i;
    }
    assert_int_equal(sum, 300 + 39 * 40 * 79 / 6);
    assert_int_equal(roost_completion_next(c, &next, -1), ROOST_EEMPTY);
    roost_completion_free(c);
    ok(roost_executor_submit(e, nap, roost_list_of(roost_int(100)), &f[N]));
    ok(roost_as_completed(&f[N], 1, NULL, &c)); /* given up before it is done */
    assert_int_equal(roost_completion_next(c, &next, 1), ROOST_ETIMEDOUT);
    roost_completion_free(c);
    for (int i = 0; i <= N; i++)
        roost_future_free(f[i]);
    ok(roost_executor_shutdown(e, true, false));
    roost_executor_free(e);
}

static void executor_maps_lazily_with_one_deadline(void **state)
{
    (void)state;
    roost_executor *e;
    roost_value *in = numbers(500), naps[3] = {roost_int(1), roost_int(2000), roost_int(1)}, v;
    roost_iter *it;
    ok(roost_executor_new(&(roost_pool_options){.size = 2, .threads = threads}, &e));
    ok(roost_executor_map(e, square, roost_array(in, 500), 7, 50, -1, &it));
    for (int64_t i = 0; i < 500; i++) {
        ok(roost_iter_next(it, &v, -1));
        assert_int_equal(v.as.i, i * i);
    }
    assert_int_equal(roost_iter_next(it, &v, -1), ROOST_EEMPTY);
    roost_iter_free(it);
    ok(roost_executor_map(e, nap, roost_array(naps, 3), 1, 0, 100, &it));
    ok(roost_iter_next(it, &v, -1));
    assert_int_equal(roost_iter_next(it, &v, -1), ROOST_ETIMEDOUT);
    roost_iter_free(it);
    roost_executor_free(e);
    free(in);
}

static void shutdown_can_cancel_what_is_pending(void **state)
{
    (void)state;
    enum { N = 1000 };
    static roost_future *f[N];
    roost_executor *e = pool_of(2);
    int cancelled = 0;
    for (int i = 0; i < N; i++)
        ok(roost_executor_submit(e, nap, roost_list_of(roost_int(5)), &f[i]));
    ok(roost_executor_shutdown(e, true, true));
    assert_int_equal(roost_executor_submit(e, square, roost_list_of(roost_int(1)), NULL), ROOST_ECLOSED);
    for (int i = 0; i < N; i++) {
        assert_true(roost_future_done(f[i]));
        cancelled += roost_future_cancelled(f[i]);
        roost_future_free(f[i]);
    }
    assert_true(cancelled > 0);
    roost_executor_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pending_future_can_be_cancelled_once),
        cmocka_unit_test(timeout_of_the_wait_leaves_the_future_alone),
        cmocka_unit_test(exactly_one_callback_is_called_before_join_returns),
        cmocka_unit_test(done_callbacks_come_in_order_and_late_ones_at_once),
        cmocka_unit_test(misbehaving_callback_does_not_stop_the_pool),
        cmocka_unit_test(wait_stops_at_what_was_asked_for),
        cmocka_unit_test(as_completed_gives_each_future_once_the_quick_ones_first),
        cmocka_unit_test(executor_maps_lazily_with_one_deadline),
        cmocka_unit_test(shutdown_can_cancel_what_is_pending),
    };
    return RUN_ON_BOTH(tests);
}
