/*
 * test_local.c: lib/local and lib/run with their first, second, third … allocation failing: each call either
 * succeeds or returns ROOST_ENOMEM, and succeeds when it is made again.
 *
 * The countdown is the parent's: worker processes have all the memory they want, worker threads have not.
 */
#include "tests/faults/attempts.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *name_of(const char *what)
{
    static char name[64];
    snprintf(name, sizeof(name), "faults-%s-%d", what, (int)getpid());
    return name;
}

static void use_local_objects(void)
{
    roost_local_lock *lock;
    roost_local_condition *condition;
    roost_local_barrier *barrier;
    roost_local_event *event;
    roost_local_semaphore *semaphore;
    roost_local_value *value;
    roost_local_array *array;
    roost_value v = roost_nil();
    TRY(roost_local_lock_open(name_of("lock"), &lock));
    TRY(roost_local_condition_new(NULL, &condition));
    TRY(roost_local_barrier_new(2, NULL, &barrier));
    TRY(roost_local_event_new(&event));
    TRY(roost_local_semaphore_new(1, &semaphore));
    TRY(roost_local_value_new("i", roost_int(1), true, &value));
    TRY(roost_local_array_open(name_of("array"), "d", roost_int(9), false, &array));
    TRY(roost_local_lock_acquire(lock, NULL, -1));
    TRY(roost_local_lock_release(lock));
    TRY(roost_local_value_add(value, roost_int(1), NULL));
    TRY(roost_local_array_slice(array, 0, 9, 2, &v));
    assert_int_equal(v.len, 5);
    TRY(roost_local_array_set_slice(array, 0, 9, 2, v));
    free_value(&v);
    roost_local_array_close(array);
    roost_local_value_close(value);
    roost_local_semaphore_close(semaphore);
    roost_local_event_close(event);
    roost_local_barrier_close(barrier);
    roost_local_condition_close(condition);
    roost_local_lock_close(lock);
}

static void use_local_queues(void)
{
    static char large[8000];
    roost_local_queue *q;
    roost_value v = roost_nil(), big = roost_bytes(large, sizeof(large));
    TRY(roost_local_queue_new(NULL, &q));
    TRY(roost_local_queue_put(q, text(), 0));
    TRY(roost_local_queue_put(q, big, 0));
    TRY(roost_local_queue_get(q, &v, 0));
    assert_true(roost_value_equal(v, text()));
    free_value(&v);
    TRY(roost_local_queue_get(q, &v, 0)); /* an item that finds no room stays */
    assert_true(roost_value_equal(v, big));
    free_value(&v);
    roost_local_queue_close(q);
}

static void use_pipes(void)
{
    static char large[8000];
    roost_pipe *a, *b;
    roost_value v = roost_nil(), big = roost_bytes(large, sizeof(large));
    TRY(roost_pipe_new(true, &a, &b));
    TRY(roost_pipe_send(a, text(), -1));
    TRY(roost_pipe_send(a, big, -1));
    TRY(roost_pipe_recv(b, &v, -1));
    assert_true(roost_value_equal(v, text()));
    free_value(&v);
    TRY(roost_pipe_recv(b, &v, -1));
    assert_true(roost_value_equal(v, big));
    free_value(&v);
    roost_pipe_close(a);
    roost_pipe_close(b);
}

static void share(void)
{
    use_local_objects();
    use_local_queues();
    use_pipes();
}

static int say(const roost_value *args, roost_value *result)
{
    TRY(roost_value_copy(args->as.items[0], result)); /* a task's own failure is no concern of ours */
    return 0;
}

static int work(void *arg)
{
    return *(int *)arg;
}

static void use_processes(void)
{
    roost_process *p;
    roost_thread *t;
    int code, seven = 7;
    TRY(roost_process_start(&p, work, &seven, NULL));
    TRY(roost_process_join(p, -1));
    TRY(roost_process_exitcode(p, &code));
    assert_int_equal(code, 7);
    TRY(roost_process_close(p));
    TRY(roost_thread_start(&t, work, &seven, NULL));
    TRY(roost_thread_join(t, -1));
    TRY(roost_thread_exitcode(t, &code));
    assert_int_equal(code, 7);
    TRY(roost_thread_close(t));
}

static void use_pool(bool threads)
{
    roost_pool *p;
    roost_future *futures[2];
    roost_iter *it;
    roost_value v = roost_nil(), items = roost_list_of(text(), roost_int(2), text());
    size_t done;
    TRY(roost_pool_new(&(roost_pool_options){.size = 2, .threads = threads}, &p));
    TRY(roost_pool_apply(p, say, roost_list_of(text()), &v, -1));
    assert_true(roost_value_equal(v, text()));
    free_value(&v);
    TRY(roost_pool_map(p, say, items, 1, &v, -1));
    assert_true(roost_value_equal(v, items));
    free_value(&v);
    TRY(roost_pool_apply_async(p, say, roost_list_of(roost_int(1)), NULL, &futures[0]));
    TRY(roost_pool_map_async(p, say, items, 2, NULL, &futures[1]));
    TRY(roost_wait(futures, 2, ROOST_ALL_COMPLETED, &done, -1));
    assert_int_equal(done, 2);
    roost_future_free(futures[0]);
    roost_future_free(futures[1]);
    TRY(roost_pool_imap_array(p, say, items, NULL, &it));
    int rc;
    while ((rc = roost_iter_next(it, &v, -1)) != ROOST_EEMPTY) {
        if (rc == ROOST_OK)
            free_value(&v);
        else if (rc != ROOST_ENOMEM || !countdown_hit())
            fail_msg("iter_next: %s", roost_errmsg());
    }
    roost_iter_free(it);
    roost_pool_free(p);
}

static void run(void)
{
    roost_progress *progress;
    use_processes();
    use_pool(true);
    use_pool(false);
    TRY(roost_progress_new(&(roost_progress_options){.total = 2, .label = "faults"}, &progress));
    TRY(roost_progress_label(progress, "again"));
    roost_progress_close(progress);
}

static void what_processes_share_is_made_or_refused(void **state)
{
    (void)state;
    share();
    unsigned long failures = fail_each(share, 1, STRIDE);
    print_message("%lu failures\n", failures);
    assert_true(failures > 20 / STRIDE);
}

static void what_runs_is_started_or_refused(void **state)
{
    (void)state;
    run();
    unsigned long failures = fail_each(run, 1, STRIDE);
    print_message("%lu failures\n", failures);
    assert_true(failures > 20 / STRIDE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_processes_share_is_made_or_refused),
        cmocka_unit_test(what_runs_is_started_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
