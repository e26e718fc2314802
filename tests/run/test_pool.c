/* test_pool.c: pools of processes and of threads do the same: every test here runs on both. */
#include "tests/run/tasks.h"

#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>

static void apply_returns_the_result_or_the_tasks_error(void **state)
{
    (void)state;
    roost_pool *p = pool_of(2);
    roost_value v;
    ok(roost_pool_apply(p, square, roost_list_of(roost_int(9)), &v, -1));
    assert_int_equal(v.as.i, 81);
    assert_int_equal(roost_pool_apply(p, square, roost_list_of(roost_str("x")), &v, -1), ROOST_ETASK);
    assert_string_equal(roost_errmsg(), "task square: expected a number, got str");
    assert_int_equal(roost_pool_apply(p, fail_if_even, roost_list_of(roost_int(4)), &v, -1), ROOST_ETASK);
    assert_string_equal(roost_errmsg(), "task fail_if_even: 4 is even");
    assert_int_equal(roost_pool_apply(p, square, roost_int(4), &v, -1), ROOST_EINVAL);
    end_pool(p);
}

static int echo(const roost_value *args, roost_value *result)
{
    *result = *args;
    return 0;
}

static int own_copy(const roost_value *args, roost_value *result)
{
    char text[64];
    snprintf(text, sizeof(text), "<%s>", args->as.items[0].as.s);
    return roost_value_copy(roost_list_of(roost_str(text), args->as.items[1]), result);
}

static void arguments_and_results_may_be_any_value(void **state)
{
    (void)state;
    roost_pool *p = pool_of(2);
    roost_value v, all[20];
    roost_pair pairs[] = {{roost_str("k"), roost_list_of(roost_int(1), roost_nil())}};
    for (int i = 0; i < 20; i++)
        all[i] = i % 2 ? roost_map(pairs, 1) : roost_str("h\xc3\xa9");
    ok(roost_pool_apply(p, echo, roost_array(all, 20), &v, -1));
    assert_true(roost_value_equal(v, roost_array(all, 20)));
    roost_value_free(&v);
    ok(roost_pool_apply(p, echo, roost_array(NULL, 0), &v, -1));
    assert_int_equal(v.len, 0);
    roost_value_free(&v);
    ok(roost_pool_apply(p, own_copy, roost_list_of(roost_str("a"), roost_bytes("\0\1", 2)), &v, -1));
    assert_true(roost_value_equal(v, roost_list_of(roost_str("<a>"), roost_bytes("\0\1", 2))));
    roost_value_free(&v);
    assert_int_equal(roost_pool_apply(p, echo, roost_list_of(roost_str("\xff")), &v, -1), ROOST_EINVAL);
    end_pool(p);
}

static void payloads_of_megabytes_travel_whole(void **state)
{
    (void)state;
    enum { LEN = 3 << 20, N = 6 };
    char *data = malloc(LEN);
    roost_value items[N], v;
    roost_pool *p = pool_of(2);
    for (int i = 0; i < LEN; i++)
        data[i] = (char)(i * 31 + i / 4096);
    for (int i = 0; i < N; i++)
        items[i] = i % 3 == 2 ? roost_int(i) : roost_bytes(data, (uint32_t)(LEN - i));
    ok(roost_pool_map(p, echo, roost_array(items, N), 1, &v, -1));
    for (uint32_t i = 0; i < N; i++)
        assert_true(roost_value_equal(v.as.items[i].as.items[0], items[i]));
    roost_value_free(&v);
    end_pool(p);
    free(data);
}

static void map_keeps_order_for_any_chunk(void **state)
{
    (void)state;
    enum { N = 5000 };
    roost_value *in = numbers(N), v;
    roost_pool *p = pool_of(3);
    const uint32_t chunks[] = {0, 1, 7, N, 3 * N};
    for (int k = 0; k < 5; k++) {
        ok(roost_pool_map(p, square, roost_array(in, N), chunks[k], &v, -1));
        assert_int_equal(v.len, N);
        for (uint32_t i = 0; i < N; i++)
            assert_int_equal(v.as.items[i].as.i, (int64_t)i * i);
        roost_value_free(&v);
    }
    ok(roost_pool_map(p, square, roost_array(in, 0), 0, &v, -1));
    assert_int_equal(v.len, 0);
    roost_value_free(&v);
    assert_int_equal(roost_pool_map(p, square, roost_int(1), 0, &v, -1), ROOST_EINVAL);
    roost_pool_stats stats;
    roost_pool_stat(p, &stats);
    assert_int_equal(stats.submitted, 5 * N);
    assert_int_equal(stats.finished, 5 * N);
    end_pool(p);
    free(in);
}

static int add(const roost_value *args, roost_value *result)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < args->len; i++)
        sum += args->as.items[i].as.i;
    *result = roost_int(sum);
    return 0;
}

static void starmap_spreads_each_item(void **state)
{
    (void)state;
    roost_value items[] = {roost_list_of(roost_int(1), roost_int(2)), roost_list_of(roost_int(5)),
                           roost_array(NULL, 0)};
    roost_pool *p = pool_of(2);
    roost_value v;
    roost_future *f;
    ok(roost_pool_starmap(p, add, roost_array(items, 3), 2, &v, -1));
    assert_true(roost_value_equal(v, roost_list_of(roost_int(3), roost_int(5), roost_int(0))));
    roost_value_free(&v);
    ok(roost_pool_starmap_async(p, add, roost_array(items, 3), 1, NULL, &f));
    ok(roost_future_result(f, &v, -1));
    assert_int_equal(v.as.items[0].as.i, 3);
    roost_future_free(f);
    assert_int_equal(roost_pool_starmap(p, add, roost_list_of(roost_int(1)), 1, &v, -1), ROOST_EINVAL);
    end_pool(p);
}

static void map_tells_the_first_failure_and_keeps_the_other_results(void **state)
{
    (void)state;
    roost_value *in = numbers(10), v;
    roost_pool *p = pool_of(2);
    roost_future *f;
    roost_failure failure;
    bool good = true;
    ok(roost_pool_map_async(p, fail_if_even, roost_array(in, 10), 5, NULL, &f));
    assert_int_equal(roost_future_result(f, &v, -1), ROOST_ETASK);
    assert_string_equal(roost_errmsg(), "task fail_if_even: 0 is even");
    ok(roost_future_successful(f, &good));
    assert_false(good);
    for (uint32_t i = 0; i < 10; i++)
        assert_int_equal(roost_future_item(f, i, &v), i % 2 == 0 ? ROOST_ETASK : ROOST_OK);
    assert_int_equal(v.as.i, 9);
    assert_int_equal(roost_future_item(f, 10, &v), ROOST_EINDEX);
    ok(roost_future_exception(f, &failure, 0));
    assert_int_equal(failure.item, 0);
    assert_int_equal(failure.status, ROOST_ETASK);
    roost_future_free(f);
    end_pool(p);
    free(in);
}

/* ---- imap ---- */

struct source {
    int64_t next;
    int64_t end;
    int error;
};

static int next_number(void *arg, roost_value *ret)
{
    struct source *s = arg;
    if (s->next == s->end)
        return s->error != 0 ? s->error : ROOST_EEMPTY;
    *ret = roost_int(s->next++);
    return 0;
}

static void imap_reads_no_further_ahead_than_its_window(void **state)
{
    (void)state;
    roost_pool *p = pool_of(2);
    const roost_imap_options options[] = {
        {.window = 16}, {.window = 16, .chunk = 4}, {.window = 16, .unordered = true}};
    for (int k = 0; k < 3; k++) {
        struct source s = {.end = 3000};
        roost_iter *it;
        roost_value v;
        int64_t got = 0, sum = 0;
        ok(roost_pool_imap(p, square, next_number, &s, &options[k], &it));
        for (; roost_iter_next(it, &v, -1) == 0; got++) {
            assert_true(s.next <= got + 1 + 16);
            if (!options[k].unordered)
                assert_int_equal(v.as.i, got * got);
            sum += v.as.i;
        }
        assert_int_equal(roost_errcode(), ROOST_EEMPTY);
        assert_int_equal(got, 3000);
        assert_int_equal(sum, 2999LL * 3000 * 5999 / 6);
        roost_iter_free(it);
    }
    end_pool(p);
}

static void imap_goes_on_behind_failures_timeouts_and_a_close(void **state)
{
    (void)state;
    roost_pool *p = pool_of(1);
    roost_value in[] = {roost_int(300), roost_int(0)}, v;
    roost_iter *it, *odd;
    ok(roost_pool_imap_array(p, nap, roost_array(in, 2), NULL, &it));
    assert_int_equal(roost_iter_next(it, &v, 0), ROOST_ETIMEDOUT);
    ok(roost_iter_next(it, &v, -1));
    assert_int_equal(v.as.i, 300);
    ok(roost_iter_next(it, &v, -1));
    assert_int_equal(roost_iter_next(it, &v, -1), ROOST_EEMPTY);
    roost_iter_free(it);
    struct source s = {.end = 6, .error = ROOST_EKEY};
    ok(roost_pool_imap(p, fail_if_even, next_number, &s, &(roost_imap_options){.window = 2}, &odd));
    ok(roost_pool_close(p));
    assert_int_equal(roost_pool_join(p, -1), ROOST_EDEADLK); /* its input is this thread's to give */
    for (int i = 0; i < 6; i++)
        assert_int_equal(roost_iter_next(odd, &v, -1), i % 2 == 0 ? ROOST_ETASK : 0);
    assert_int_equal(roost_iter_next(odd, &v, -1), ROOST_EKEY);
    assert_int_equal(roost_iter_next(odd, &v, -1), ROOST_EEMPTY);
    roost_iter_free(odd);
    ok(roost_pool_join(p, 60000));
    roost_pool_free(p);
}

/* ---- the end ---- */

static void closed_pool_finishes_what_it_has(void **state)
{
    (void)state;
    enum { N = 300 };
    roost_pool *p = pool_of(2);
    roost_future *f[N];
    roost_value v;
    assert_int_equal(roost_pool_join(p, 0), ROOST_EINVAL);
    for (int i = 0; i < N; i++)
        ok(roost_pool_apply_async(p, square, roost_list_of(roost_int(i)), NULL, &f[i]));
    ok(roost_pool_close(p));
    ok(roost_pool_close(p));
    assert_int_equal(roost_pool_apply_async(p, square, roost_list_of(roost_int(1)), NULL, NULL),
                     ROOST_ECLOSED);
    ok(roost_pool_join(p, 60000));
    roost_pool_free(p);
    for (int i = 0; i < N; i++) {
        ok(roost_future_result(f[i], &v, 0));
        assert_int_equal(v.as.i, i * i);
        roost_future_free(f[i]);
    }
}

static void terminate_cancels_ten_thousand_jobs(void **state)
{
    (void)state;
    enum { N = 10000 };
    static roost_future *f[N];
    roost_pool *p = pool_of(2);
    for (int i = 0; i < N; i++)
        ok(roost_pool_apply_async(p, nap, roost_list_of(roost_int(20)), NULL, &f[i]));
    ok(roost_pool_terminate(p));
    ok(roost_pool_terminate(p));
    ok(roost_pool_join(p, 60000));
    roost_pool_free(p);
    int done = 0;
    for (int i = 0; i < N; i++) {
        int rc = roost_future_result(f[i], NULL, 0);
        assert_true(rc == 0 || rc == ROOST_ECANCELED);
        done += rc == 0;
        roost_future_free(f[i]);
    }
    assert_true(done < N);
}

static int bad_start(void *arg)
{
    return arg != NULL ? roost_task_fail("no %s", (const char *)arg) : 3;
}

static void failing_initializer_breaks_the_pool_with_its_reason(void **state)
{
    (void)state;
    char what[] = "camera";
    roost_pool *p = pool_with((roost_pool_options){
        .size = 2, .threads = threads, .initializer = bad_start, .initializer_arg = what});
    roost_future *f;
    roost_value v;
    int rc = roost_pool_apply_async(p, square, roost_list_of(roost_int(1)), NULL, &f);
    if (rc == ROOST_OK) {
        assert_int_equal(roost_future_result(f, &v, 60000), ROOST_EDIED);
        roost_future_free(f);
    } else {
        assert_int_equal(rc, ROOST_EDIED);
    }
    assert_non_null(strstr(roost_errmsg(), "the initializer failed: no camera"));
    roost_pool_free(p);
}

static void pool_refuses_impossible_options(void **state)
{
    (void)state;
    roost_pool *p;
    assert_int_equal(roost_pool_new(&(roost_pool_options){.size = -1}, &p), ROOST_EINVAL);
    assert_int_equal(roost_pool_new(&(roost_pool_options){.size = 1 << 20}, &p), ROOST_EINVAL);
    assert_int_equal(roost_pool_new(&(roost_pool_options){.threads = true, .time_limit_ms = 5}, &p),
                     ROOST_EINVAL);
    assert_int_equal(roost_pool_new(&(roost_pool_options){.threads = true, .max_tasks = 5}, &p),
                     ROOST_EINVAL);
    assert_int_equal(roost_pool_new(&(roost_pool_options){.retries = -1}, &p), ROOST_EINVAL);
}

/* ---- spreading: tasks that wait for each other end only when each has a worker ---- */

enum { WORKERS = 4 };

/* In memory that the workers share. */
static struct {
    atomic_int count;
} * begun;

static int await_the_others(const roost_value *args, roost_value *result)
{
    (void)args, (void)result;
    atomic_fetch_add(&begun->count, 1);
    while (atomic_load(&begun->count) < WORKERS)
        sched_yield();
    return 0;
}

static void begin_spreading(void)
{
    begun = mmap(NULL, sizeof(*begun), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(begun, MAP_FAILED);
}

static void tasks_spread_over_all_workers(void **state)
{
    (void)state;
    begin_spreading();
    roost_pool *p = pool_of(WORKERS);
    roost_value in[WORKERS], v;
    for (int i = 0; i < WORKERS; i++)
        in[i] = roost_nil();
    ok(roost_pool_map(p, await_the_others, roost_array(in, WORKERS), 1, &v, 60000));
    roost_value_free(&v);
    end_pool(p);
    munmap(begun, sizeof(*begun));
}

/* Fast tasks deepen the queues; then slow ones must not pile up at one worker. */
static void slow_tasks_behind_fast_ones_are_shared_out(void **state)
{
    (void)state;
    enum { FAST = 4000, SLOW = 2 * WORKERS };
    static roost_future *f[FAST + SLOW];
    begin_spreading();
    roost_pool *p = pool_of(WORKERS);
    for (int i = 0; i < FAST; i++)
        ok(roost_pool_apply_async(p, square, roost_list_of(roost_int(i)), NULL, &f[i]));
    for (int i = 0; i < SLOW; i++)
        ok(roost_pool_apply_async(p, await_the_others, roost_array(NULL, 0), NULL, &f[FAST + i]));
    assert_int_equal(roost_wait(f, FAST + SLOW, ROOST_ALL_COMPLETED, NULL, 60000), 0);
    for (int i = 0; i < FAST + SLOW; i++)
        roost_future_free(f[i]);
    end_pool(p);
    munmap(begun, sizeof(*begun));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(apply_returns_the_result_or_the_tasks_error),
        cmocka_unit_test(arguments_and_results_may_be_any_value),
        cmocka_unit_test(payloads_of_megabytes_travel_whole),
        cmocka_unit_test(map_keeps_order_for_any_chunk),
        cmocka_unit_test(starmap_spreads_each_item),
        cmocka_unit_test(map_tells_the_first_failure_and_keeps_the_other_results),
        cmocka_unit_test(imap_reads_no_further_ahead_than_its_window),
        cmocka_unit_test(imap_goes_on_behind_failures_timeouts_and_a_close),
        cmocka_unit_test(closed_pool_finishes_what_it_has),
        cmocka_unit_test(terminate_cancels_ten_thousand_jobs),
        cmocka_unit_test(failing_initializer_breaks_the_pool_with_its_reason),
        cmocka_unit_test(pool_refuses_impossible_options),
        cmocka_unit_test(tasks_spread_over_all_workers),
        cmocka_unit_test(slow_tasks_behind_fast_ones_are_shared_out),
    };
    return RUN_ON_BOTH(tests);
}
