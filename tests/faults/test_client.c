/*
 * test_client.c: the client library with its first, second, third … allocation failing.
 *
 * A script of calls runs against a real roostd, which has all the memory it wants. Each call either succeeds
 * or returns ROOST_ENOMEM; then it is made again, with the same handles and the same connection.
 */
#include "tests/faults/attempts.h"

#include <stdio.h>
#include <stdlib.h>

static roost_manager *server; /* keeps the server alive */
static roost_manager *m;      /* the script's */

static void use_dicts(void)
{
    roost_dict *d, *inner;
    roost_list *view;
    roost_value v = roost_nil(), path = roost_str("nested");
    roost_pair pairs[] = {{text(), roost_int(1)}, {roost_str("b"), text()}};
    TRY(roost_dict_new(m, &d));
    TRY(roost_dict_open_with(m, "faults.dict", roost_map(pairs, 2), &inner));
    TRY(roost_dict_update(d, roost_map(pairs, 2)));
    TRY(roost_dict_set(d, roost_str("inner"), roost_dict_ref(inner)));
    roost_dict_close(inner);
    TRY(roost_dict_get(d, roost_str("inner"), &v));
    TRY(roost_dict_from(m, v, &inner));
    free_value(&v);
    TRY(roost_dict_items(d, &v));
    assert_int_equal(v.len, 3);
    free_value(&v);
    TRY(roost_dict_get_many(d, roost_list_of(text()), &v));
    free_value(&v);
    TRY_OR(ROOST_EKEY, roost_dict_pop(d, roost_str("b"), &v));
    free_value(&v);
    TRY_OR(ROOST_EKEY, roost_dict_get(d, roost_str("absent"), &v));
    TRY(roost_dict_set(d, path, roost_list_of(roost_int(1))));
    TRY(roost_dict_list_at(d, roost_array(&path, 1), &view));
    TRY(roost_list_append(view, text()));
    TRY(roost_list_copy(view, &v));
    free_value(&v);
    roost_list_close(view);
    roost_dict_close(inner);
    roost_dict_close(d);
    TRY_OR(ROOST_ENOENT, roost_server_delete(m, roost_str("faults.dict")));
}

static void use_queues(void)
{
    roost_queue *q;
    roost_value v = roost_nil();
    int64_t n;
    TRY(roost_queue_new(m, 0, &q));
    TRY(roost_queue_put(q, text(), -1));
    TRY(roost_queue_put_many(q, roost_list_of(roost_int(1), roost_int(2), text()), -1));
    TRY(roost_queue_get(q, &v, 0));
    free_value(&v);
    TRY(roost_queue_get_many(q, 2, &v, 0));
    free_value(&v);
    TRY(roost_queue_qsize(q, &n));
    roost_queue_close(q);
}

static void use_locks(void)
{
    roost_lock *l;
    roost_keyed_lock *k;
    roost_grant grant;
    roost_parties parties;
    roost_value v = roost_nil(), both[2];
    TRY(roost_lock_open(m, "faults.lock", &l));
    TRY_OR(ROOST_EDEADLK, roost_lock_acquire(l, &grant, -1));
    TRY(roost_server_parties(m, roost_lock_ref(l), &parties));
    assert_int_equal(parties.holder_count, 1);
    roost_parties_free(&parties);
    TRY(roost_server_who(m, roost_lock_ref(l), &v));
    free_value(&v);
    TRY_OR(ROOST_ENOTOWNER, roost_lock_release(l));
    TRY(roost_keyed_lock_new(m, &k));
    TRY_OR(ROOST_EDEADLK, roost_keyed_lock_acquire(k, roost_list_of(text(), roost_int(1)), &grant, -1));
    TRY(roost_keyed_lock_held(k, &v));
    free_value(&v);
    TRY_OR(ROOST_ENOTOWNER, roost_keyed_lock_release_token(k, grant.token));
    both[0] = roost_lock_ref(l);
    both[1] = roost_str("faults.lock2");
    roost_lock *other;
    roost_grant grants[2];
    TRY(roost_lock_open(m, "faults.lock2", &other));
    TRY_OR(ROOST_EDEADLK, roost_server_acquire(m, roost_array(both, 2), grants, -1));
    TRY_OR(ROOST_ENOTOWNER, roost_server_give_back(m, roost_array(both, 2), NULL));
    roost_lock_close(other);
    roost_lock_close(l);
    roost_keyed_lock_close(k);
}

static void use_transactions(void)
{
    roost_transaction *t;
    roost_list *l;
    roost_value v = roost_nil(), one = text();
    TRY(roost_list_new(m, &l));
    TRY(roost_transaction_new(m, &t));
    TRY(roost_transaction_if_len(t, roost_list_ref(l), roost_nil(), 0));
    for (int i = 0; i < 20; i++)
        TRY(roost_transaction_call(t, roost_list_ref(l), roost_nil(), "append", &one, 1));
    TRY(roost_transaction_commit(t, -1, &v));
    free_value(&v);
    roost_transaction_free(t);
    roost_list_close(l);
}

static void use_values(void)
{
    void *encoded;
    size_t len;
    roost_value v = roost_nil(), w = roost_nil();
    TRY(roost_value_copy(roost_list_of(text(), roost_list_of(text())), &v));
    TRY(roost_value_encode(v, &encoded, &len));
    TRY(roost_value_decode(encoded, len, &w));
    assert_true(roost_value_equal(v, w));
    free(encoded);
    free_value(&v);
    free_value(&w);
}

static void talk(void)
{
    roost_options options = {.label = "faults", .grace_ms = 5000, .lease_ms = -1};
    roost_value v = roost_nil();
    TRY(roost_connect(roost_manager_url(server), &options, &m));
    use_values();
    use_dicts();
    use_queues();
    use_locks();
    use_transactions();
    TRY(roost_server_info(m, &v));
    free_value(&v);
    roost_manager_close(m);
}

static void every_call_is_refused_or_done(void **state)
{
    (void)state;
    talk(); /* what is made once stays */
    unsigned long failures = fail_each(talk, 1, STRIDE);
    print_message("%lu failures\n", failures);
    assert_true(failures > 50 / STRIDE);
}

static void start_and_end(void)
{
    roost_manager *own;
    TRY(roost_manager_start(NULL, &own));
    assert_int_equal(roost_manager_shutdown(own), ROOST_OK);
}

static void a_server_is_started_or_not(void **state)
{
    (void)state;
    assert_true(fail_each(start_and_end, 1, STRIDE) > 0);
}

static int start(void **state)
{
    (void)state;
    return roost_manager_start(NULL, &server);
}

static int stop(void **state)
{
    (void)state;
    return roost_manager_shutdown(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_is_refused_or_done),
        cmocka_unit_test(a_server_is_started_or_not),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
