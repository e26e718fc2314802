/* test_async.c: pending calls, batches, the window and callbacks, against a real server. */
#include "tests/support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
    return roost_manager_start(NULL, &m);
}

static int stop(void **state)
{
    (void)state;
    return roost_manager_shutdown(m);
}

static int64_t int_result(roost_pending *p)
{
    roost_value v;
    OK(roost_pending_result(p, &v, -1));
    assert_int_equal(v.kind, ROOST_INT);
    return v.as.i;
}

/* ---- pending calls ---- */

static void a_pending_call_is_answered_later(void **state)
{
    (void)state;
    roost_dict *d;
    roost_pending *set, *get, *len, *named;
    roost_value v, key = roost_str("k");
    OK(roost_dict_new(m, &d));
    OK(roost_async(&set, -1, roost_dict_set(d, key, roost_list_of(roost_int(1), roost_str("two")))));
    OK(roost_async(&get, -1, roost_dict_get(d, key, NULL)));
    OK(roost_async(&len, -1, roost_dict_len(d, NULL)));
    OK(roost_call_async(m, roost_dict_ref(d), "dict.get", &key, 1, &named, -1));
    OK(roost_pending_result(named, &v, -1)); /* the last first */
    assert_true(roost_value_equal(v, roost_list_of(roost_int(1), roost_str("two"))));
    assert_true(roost_pending_done(set)); /* answers to one thread's calls come in order */
    OK(roost_pending_result(get, &v, 0));
    OK(roost_pending_result(get, &v, 0)); /* lent, as often as wanted */
    assert_true(roost_value_equal(v, roost_list_of(roost_int(1), roost_str("two"))));
    OK(roost_pending_result(set, NULL, -1));
    assert_int_equal(int_result(len), 1);
    roost_pending_free(set);
    roost_pending_free(get);
    roost_pending_free(len);
    roost_pending_free(named);
    roost_pending_free(NULL);
    roost_dict_close(d);
}

static void failures_name_the_object_and_the_method(void **state)
{
    (void)state;
    roost_dict *d;
    roost_pending *p;
    OK(roost_dict_open(m, "async.dict", &d));
    OK(roost_async(&p, -1, roost_dict_get(d, roost_str("absent"), NULL)));
    assert_int_equal(roost_pending_result(p, NULL, -1), ROOST_EKEY);
    assert_string_equal(roost_errmsg(), "dict \"async.dict\": get: no such key");
    roost_pending_free(p);
    assert_int_equal(roost_call_async(m, roost_nil(), "dict.nothing", NULL, 0, &p, -1), ROOST_ENOMETHOD);
    assert_int_equal(roost_async(&p, -1, roost_dict_get(NULL, roost_nil(), NULL)), ROOST_EINVAL);
    assert_int_equal(roost_async(&p, -1, ROOST_OK), ROOST_EINVAL);
    roost_dict *other;
    assert_int_equal(roost_async(&p, -1, roost_dict_new(m, &other)), ROOST_EINVAL);
    OK(roost_dict_len(d, NULL)); /* the next call is an ordinary one */
    roost_dict_close(d);
}

static void views_guards_and_grants_work_as_in_other_calls(void **state)
{
    (void)state;
    roost_dict *d;
    roost_list *inner;
    roost_lock *l;
    roost_grant grant;
    roost_value v;
    roost_pending *acquire, *append, *guarded;
    OK(roost_dict_new(m, &d));
    OK(roost_dict_set(d, roost_str("k"), roost_list_of(roost_int(1))));
    OK(roost_list_at(d, roost_list_of(roost_str("k")), &inner));
    OK(roost_lock_new(m, &l));
    OK(roost_async(&acquire, -1, roost_lock_acquire(l, NULL, -1)));
    OK(roost_async(&append, -1, roost_list_append(inner, roost_int(2))));
    OK(roost_pending_result(acquire, &v, -1));
    OK(roost_value_grant(v, &grant));
    assert_false(grant.owner_died);
    OK(roost_pending_result(append, NULL, -1));
    OK(roost_guard_begin((roost_guard){.lock = roost_lock_ref(l), .token = grant.token + 1}));
    OK(roost_async(&guarded, -1, roost_list_append(inner, roost_int(3))));
    roost_guard_end();
    assert_int_equal(roost_pending_result(guarded, NULL, -1), ROOST_ENOTOWNER);
    OK(roost_list_copy(inner, &v));
    assert_true(roost_value_equal(v, roost_list_of(roost_int(1), roost_int(2))));
    roost_value_free(&v);
    assert_int_equal(roost_value_grant(roost_int(1), &grant), ROOST_ETYPE);
    roost_pending_free(acquire);
    roost_pending_free(append);
    roost_pending_free(guarded);
    roost_list_close(inner);
    roost_lock_close(l);
    roost_dict_close(d);
}

static void a_wait_ends_when_its_time_is_up(void **state)
{
    (void)state;
    roost_queue *q;
    roost_pending *p;
    roost_value v;
    OK(roost_queue_new(m, 0, &q));
    OK(roost_async(&p, -1, roost_queue_get(q, NULL, -1)));
    assert_false(roost_pending_done(p));
    assert_int_equal(roost_pending_wait(p, 0), ROOST_ETIMEDOUT);
    assert_int_equal(roost_pending_result(p, &v, 20), ROOST_ETIMEDOUT);
    OK(roost_queue_put(q, roost_int(7), -1)); /* the connection is none the worse */
    assert_int_equal(int_result(p), 7);
    roost_pending_free(p);
    roost_queue_close(q);
}

static void a_cancelled_call_leaves_its_line(void **state)
{
    (void)state;
    roost_queue *q;
    roost_pending *p;
    roost_value v;
    OK(roost_queue_new(m, 0, &q));
    OK(roost_async(&p, -1, roost_queue_get(q, NULL, -1)));
    assert_true(roost_pending_cancel(p));
    assert_int_equal(roost_pending_result(p, &v, -1), ROOST_ECANCELED);
    assert_false(roost_pending_cancel(p));
    OK(roost_queue_put(q, roost_int(1), -1));
    OK(roost_queue_get(q, &v, 0)); /* nobody took it */
    roost_pending_free(p);
    roost_queue_close(q);
}

/* ---- deliveries ---- */

static void an_item_is_taken_when_its_result_is_asked_for(void **state)
{
    (void)state;
    roost_manager *other;
    roost_queue *q, *theirs;
    roost_pending *taken, *left;
    roost_value v;
    OK(roost_queue_open(m, "async.items", NULL, &q));
    OK(roost_queue_put_many(q, roost_list_of(roost_int(1), roost_int(2)), -1));
    OK(roost_connect(roost_manager_url(m), NULL, &other));
    OK(roost_queue_open(other, "async.items", NULL, &theirs));
    OK(roost_async(&taken, -1, roost_queue_get(theirs, NULL, -1)));
    OK(roost_async(&left, -1, roost_queue_get(theirs, NULL, -1)));
    OK(roost_pending_wait(left, -1));
    assert_int_equal(int_result(taken), 1);
    roost_manager_close(other);
    OK(roost_queue_get(q, &v, -1)); /* what nobody asked for is back */
    assert_int_equal(v.as.i, 2);
    assert_int_equal(roost_queue_get(q, &v, 0), ROOST_EEMPTY);
    assert_true(roost_pending_result(left, &v, -1) < 0); /* and is not to be had twice */
    roost_pending_free(taken);
    roost_pending_free(left);
    roost_queue_close(theirs);
    roost_queue_close(q);
}

/* ---- the window ---- */

static void one_call_more_than_the_window_holds_waits_for_room(void **state)
{
    (void)state;
    enum { WINDOW = 4 };
    roost_manager *small;
    roost_queue *q, *ours;
    roost_pending *p[WINDOW + 1];
    roost_options options = {.window_calls = WINDOW};
    OK(roost_connect(roost_manager_url(m), &options, &small));
    OK(roost_queue_open(small, "async.window", NULL, &q));
    OK(roost_queue_open(m, "async.window", NULL, &ours));
    for (int i = 0; i < WINDOW; i++)
        OK(roost_async(&p[i], 0, roost_queue_get(q, NULL, -1)));
    assert_int_equal(roost_async(&p[WINDOW], 0, roost_queue_get(q, NULL, -1)), ROOST_EFULL);
    assert_int_equal(roost_async(&p[WINDOW], 20, roost_queue_get(q, NULL, -1)), ROOST_ETIMEDOUT);
    OK(roost_queue_put(ours, roost_int(1), -1));
    OK(roost_async(&p[WINDOW], -1, roost_queue_get(q, NULL, -1)));
    assert_true(roost_pending_done(p[0]));
    for (int i = 0; i < WINDOW; i++)
        OK(roost_queue_put(ours, roost_int(2 + i), -1));
    for (int i = 0; i <= WINDOW; i++) {
        assert_int_equal(int_result(p[i]), 1 + i);
        roost_pending_free(p[i]);
    }
    roost_queue_close(q);
    roost_queue_close(ours);
    roost_manager_close(small);
}

static void a_window_of_bytes_lets_a_larger_call_in_alone(void **state)
{
    (void)state;
    roost_manager *small;
    roost_list *l;
    roost_pending *p, *large;
    roost_options options = {.window_bytes = 1000};
    char *bytes = calloc(1, 5000);
    OK(roost_connect(roost_manager_url(m), &options, &small));
    OK(roost_list_new(small, &l));
    OK(roost_async(&p, -1, roost_list_append(l, roost_bytes(bytes, 900))));
    OK(roost_async(&large, -1, roost_list_append(l, roost_bytes(bytes, 5000))));
    assert_true(roost_pending_done(p)); /* it had to be, before the other was sent */
    OK(roost_pending_result(large, NULL, -1));
    roost_pending_free(p);
    roost_pending_free(large);
    roost_list_close(l);
    roost_manager_close(small);
    free(bytes);
}

static void thousands_of_calls_nobody_waits_for_are_all_made(void **state)
{
    (void)state;
    enum { N = 20000 };
    roost_list *l;
    roost_pending *p;
    int64_t n;
    OK(roost_list_new(m, &l));
    for (int i = 0; i < N; i++) {
        OK(roost_async(&p, -1, roost_list_append(l, roost_int(i))));
        roost_pending_free(p);
    }
    OK(roost_list_len(l, &n));
    assert_int_equal(n, N);
    roost_list_close(l);
}

/* ---- threads ---- */

struct waiter {
    roost_pending *p;
    int64_t result;
};

static void *wait_for_result(void *arg)
{
    struct waiter *w = arg;
    roost_value v;
    w->result = roost_pending_result(w->p, &v, -1) == 0 ? v.as.i : -1;
    return NULL;
}

static void many_threads_wait_for_one_call_and_for_others(void **state)
{
    (void)state;
    enum { THREADS = 8 };
    roost_queue *q, *other;
    roost_pending *one;
    struct waiter w[THREADS];
    pthread_t threads[THREADS];
    OK(roost_queue_new(m, 0, &q));
    OK(roost_queue_new(m, 0, &other));
    OK(roost_async(&one, -1, roost_queue_get(q, NULL, -1)));
    for (int i = 0; i < THREADS; i++) {
        w[i].p = one;
        if (i % 2 == 1)
            OK(roost_async(&w[i].p, -1, roost_queue_get(other, NULL, -1)));
        pthread_create(&threads[i], NULL, wait_for_result, &w[i]);
    }
    for (int i = 1; i < THREADS; i += 2)
        OK(roost_queue_put(other, roost_int(i), -1)); /* a blocking call among them */
    for (int i = 1; i < THREADS; i += 2) {
        pthread_join(threads[i], NULL);
        assert_int_equal(w[i].result, i);
        roost_pending_free(w[i].p);
    }
    OK(roost_queue_put(q, roost_int(99), -1));
    for (int i = 0; i < THREADS; i += 2) {
        pthread_join(threads[i], NULL);
        assert_int_equal(w[i].result, 99);
    }
    roost_pending_free(one);
    roost_queue_close(q);
    roost_queue_close(other);
}

static void *append_often(void *l)
{
    for (int i = 0; i < 500; i++)
        if (roost_list_append(l, roost_int(i)) != 0)
            return l;
    return NULL;
}

static void calls_of_many_threads_that_share_writes_all_arrive(void **state)
{
    (void)state;
    enum { THREADS = 8 };
    roost_list *l;
    pthread_t threads[THREADS];
    int64_t n;
    OK(roost_list_new(m, &l));
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, append_often, l);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    OK(roost_list_len(l, &n));
    assert_int_equal(n, 500 * THREADS);
    roost_list_close(l);
}

/* ---- callbacks ---- */

struct called {
    roost_queue *tell;
    atomic_int times;
    int order[8];
};

static void note(roost_pending *p, void *arg)
{
    struct called *c = arg;
    roost_value v;
    int n = atomic_load(&c->times);
    c->order[n] = roost_pending_result(p, &v, 0) == 0 ? (int)v.as.i : -1;
    atomic_store(&c->times, n + 1);
    if (c->tell != NULL) /* a callback may make calls */
        roost_queue_put(c->tell, roost_int(n), -1);
}

static void callbacks_come_in_order_though_nobody_waits(void **state)
{
    (void)state;
    struct called called = {0};
    roost_queue *q, *tell;
    roost_manager *other;
    roost_pending *p[3];
    roost_value v;
    OK(roost_connect(roost_manager_url(m), NULL, &other));
    OK(roost_queue_open(m, "async.callbacks", NULL, &q));
    OK(roost_queue_open(m, "async.tell", NULL, &called.tell));
    OK(roost_queue_open(other, "async.tell", NULL, &tell));
    for (int i = 0; i < 3; i++) {
        OK(roost_async(&p[i], -1, roost_queue_get(q, NULL, -1)));
        OK(roost_pending_add_done_callback(p[i], note, &called));
        roost_pending_free(p[i]); /* it is called all the same */
    }
    roost_queue *theirs;
    OK(roost_queue_open(other, "async.callbacks", NULL, &theirs));
    for (int i = 0; i < 3; i++)
        OK(roost_queue_put(theirs, roost_int(10 + i), -1));
    for (int i = 0; i < 3; i++)
        OK(roost_queue_get(tell, &v, 10000)); /* m is left alone: its callbacks' thread reads */
    assert_int_equal(atomic_load(&called.times), 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(called.order[i], 10 + i);
    OK(roost_async(&p[0], -1, roost_queue_qsize(q, NULL)));
    assert_int_equal(int_result(p[0]), 0);
    struct called late = {0};
    OK(roost_pending_add_done_callback(p[0], note, &late)); /* done already: at once */
    assert_int_equal(atomic_load(&late.times), 1);
    roost_pending_free(p[0]);
    roost_queue_close(theirs);
    roost_queue_close(tell);
    roost_queue_close(called.tell);
    roost_queue_close(q);
    roost_manager_close(other);
}

static void closing_the_manager_ends_every_pending_call(void **state)
{
    (void)state;
    roost_manager *other;
    roost_queue *q;
    roost_pending *p, *silent;
    struct called called = {0};
    OK(roost_connect(roost_manager_url(m), NULL, &other));
    OK(roost_queue_new(other, 0, &q));
    OK(roost_async(&p, -1, roost_queue_get(q, NULL, -1)));
    OK(roost_async(&silent, -1, roost_queue_get(q, NULL, -1)));
    OK(roost_pending_add_done_callback(p, note, &called));
    roost_manager_close(other);
    assert_int_equal(atomic_load(&called.times), 1); /* closing waits for it */
    assert_int_equal(called.order[0], -1);
    assert_int_equal(roost_pending_result(p, NULL, -1), ROOST_ECLOSED);
    assert_int_equal(roost_pending_result(silent, NULL, -1), ROOST_ECLOSED);
    assert_int_equal(roost_async(&p, -1, roost_queue_get(q, NULL, -1)), ROOST_ECLOSED);
    roost_pending_free(p);
    roost_pending_free(silent);
    roost_queue_close(q);
}

/* ---- many ---- */

static void one_waits_for_the_first_for_a_failure_or_for_all(void **state)
{
    (void)state;
    roost_queue *q, *never;
    roost_pending *p[3];
    size_t done = 9;
    OK(roost_queue_new(m, 0, &q));
    OK(roost_queue_new(m, 0, &never));
    OK(roost_async(&p[0], -1, roost_queue_get(never, NULL, -1)));
    OK(roost_async(&p[1], -1, roost_queue_get(q, NULL, -1)));
    OK(roost_async(&p[2], -1, roost_queue_get(q, NULL, -1)));
    assert_int_equal(roost_pending_wait_many(p, 3, ROOST_FIRST_COMPLETED, &done, 20), ROOST_ETIMEDOUT);
    assert_int_equal(done, 0);
    OK(roost_queue_put(q, roost_int(1), -1));
    OK(roost_pending_wait_many(p, 3, ROOST_FIRST_COMPLETED, &done, -1));
    assert_int_equal(done, 1);
    assert_true(roost_pending_done(p[1]));
    assert_int_equal(roost_pending_wait_many(p, 3, ROOST_FIRST_EXCEPTION, &done, 20), ROOST_ETIMEDOUT);
    OK(roost_queue_shutdown(q, true));
    OK(roost_pending_wait_many(p, 3, ROOST_FIRST_EXCEPTION, &done, -1));
    assert_int_equal(done, 2);
    assert_int_equal(roost_pending_wait_many(p, 3, ROOST_ALL_COMPLETED, &done, 20), ROOST_ETIMEDOUT);
    OK(roost_queue_put(never, roost_int(1), -1));
    OK(roost_pending_wait_many(p, 3, ROOST_ALL_COMPLETED, &done, -1));
    assert_int_equal(done, 3);
    OK(roost_pending_wait_many(NULL, 0, ROOST_ALL_COMPLETED, NULL, 0));
    for (int i = 0; i < 3; i++)
        roost_pending_free(p[i]);
    roost_queue_close(q);
    roost_queue_close(never);
}

/* ---- batches ---- */

static void a_batch_gathers_answers_and_failures(void **state)
{
    (void)state;
    enum { N = 3000 }; /* several windows */
    roost_batch *b;
    roost_dict *d;
    roost_value v, key = roost_str("k");
    uint32_t failed = 9;
    OK(roost_batch_new(m, &b));
    OK(roost_batch_send(b, &failed, -1));
    assert_int_equal(failed, 0);
    OK(roost_dict_new(m, &d));
    for (int i = 0; i < N; i++)
        OK(roost_batch_add(b, roost_dict_incr(d, key, roost_int(1), NULL)));
    OK(roost_batch_add(b, roost_dict_get(d, roost_str("absent"), NULL)));
    OK(roost_batch_call(b, roost_dict_ref(d), "dict.get", &key, 1));
    assert_int_equal(roost_batch_len(b), N + 2);
    assert_int_equal(roost_batch_result(b, 0, &v), ROOST_EBUSY);
    assert_int_equal(roost_dict_get(d, key, &v), ROOST_EKEY); /* nothing was sent yet */
    OK(roost_batch_send(b, &failed, -1));
    assert_int_equal(failed, 1);
    for (uint32_t i = 0; i < N; i++) {
        OK(roost_batch_result(b, i, &v));
        assert_int_equal(v.as.i, i + 1);
    }
    assert_int_equal(roost_batch_result(b, N, &v), ROOST_EKEY);
    OK(roost_batch_result(b, N + 1, &v));
    assert_int_equal(v.as.i, N);
    assert_int_equal(roost_batch_result(b, N + 2, &v), ROOST_EINDEX);
    roost_batch_clear(b);
    assert_int_equal(roost_batch_len(b), 0);
    OK(roost_batch_add(b, roost_dict_len(d, NULL)));
    OK(roost_batch_send(b, NULL, -1));
    OK(roost_batch_result(b, 0, &v));
    assert_int_equal(v.as.i, 1);
    roost_batch_free(b);
    roost_dict_close(d);
}

static void a_batch_takes_items_and_waits_in_two_goes(void **state)
{
    (void)state;
    roost_batch *b;
    roost_queue *q;
    roost_value v;
    int64_t n;
    uint32_t failed;
    OK(roost_queue_new(m, 0, &q));
    OK(roost_batch_new(m, &b));
    for (int i = 0; i < 3; i++)
        OK(roost_batch_add(b, roost_queue_get(q, NULL, -1)));
    OK(roost_queue_put_many(q, roost_list_of(roost_int(0), roost_int(1)), -1));
    assert_int_equal(roost_batch_send(b, &failed, 20), ROOST_ETIMEDOUT);
    OK(roost_batch_result(b, 0, &v));
    assert_int_equal(roost_batch_result(b, 2, &v), ROOST_EBUSY);
    OK(roost_queue_put(q, roost_int(2), -1));
    OK(roost_batch_send(b, &failed, -1));
    for (uint32_t i = 0; i < 3; i++) {
        OK(roost_batch_result(b, i, &v));
        assert_int_equal(v.as.i, i);
    }
    OK(roost_queue_task_done(q, 3));
    OK(roost_queue_qsize(q, &n));
    assert_int_equal(n, 0);
    roost_batch_free(b);
    roost_queue_close(q);
}

/* ---- fork ---- */

static void a_child_has_no_part_in_its_parents_calls(void **state)
{
    (void)state;
    roost_queue *q;
    roost_pending *p;
    int status;
    OK(roost_queue_new(m, 0, &q));
    OK(roost_async(&p, -1, roost_queue_get(q, NULL, -1)));
    pid_t pid = fork();
    if (pid == 0) {
        roost_pending *own;
        roost_value v;
        bool good = roost_pending_result(p, &v, -1) == ROOST_ECONN && !roost_pending_done(p) &&
                    roost_async(&own, -1, roost_queue_put(q, roost_int(5), -1)) == 0 &&
                    roost_pending_result(own, NULL, -1) == 0;
        _exit(good ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(int_result(p), 5);
    roost_pending_free(p);
    roost_queue_close(q);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pending_call_is_answered_later),
        cmocka_unit_test(failures_name_the_object_and_the_method),
        cmocka_unit_test(views_guards_and_grants_work_as_in_other_calls),
        cmocka_unit_test(a_wait_ends_when_its_time_is_up),
        cmocka_unit_test(a_cancelled_call_leaves_its_line),
        cmocka_unit_test(an_item_is_taken_when_its_result_is_asked_for),
        cmocka_unit_test(one_call_more_than_the_window_holds_waits_for_room),
        cmocka_unit_test(a_window_of_bytes_lets_a_larger_call_in_alone),
        cmocka_unit_test(thousands_of_calls_nobody_waits_for_are_all_made),
        cmocka_unit_test(many_threads_wait_for_one_call_and_for_others),
        cmocka_unit_test(calls_of_many_threads_that_share_writes_all_arrive),
        cmocka_unit_test(callbacks_come_in_order_though_nobody_waits),
        cmocka_unit_test(closing_the_manager_ends_every_pending_call),
        cmocka_unit_test(one_waits_for_the_first_for_a_failure_or_for_all),
        cmocka_unit_test(a_batch_gathers_answers_and_failures),
        cmocka_unit_test(a_batch_takes_items_and_waits_in_two_goes),
        cmocka_unit_test(a_child_has_no_part_in_its_parents_calls),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
