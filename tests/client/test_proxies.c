/*
 * test_proxies.c: every proxy function against a real roostd, once at least: what it sends is what the server
 * serves, and what it hands back is what the server answered. (The objects' own rules are tests/suite's
 * business.) The last test asks the server whether any row of the method table was left out.
 */
#include "tests/support/test.h"

#include <stdio.h>

#include "roost/roost.h"
#include "wire/methods.h"

static roost_manager *m;

#define OK(call) assert_ok(call, #call)

static void assert_ok(int rc, const char *what)
{
    if (rc != 0)
        fail_msg("%s: %s", what, roost_errmsg());
}

/* v equals what is expected; frees v. */
static void assert_value(roost_value v, roost_value expected)
{
    if (!roost_value_equal(v, expected)) {
        roost_value_print(stderr, v);
        fail_msg("is not the value expected");
    }
    roost_value_free(&v);
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

static void dict_proxies_do_what_they_say(void **state)
{
    (void)state;
    roost_dict *d, *named, *other;
    roost_value v;
    bool yes;
    int64_t n;
    roost_pair pairs[] = {{roost_str("a"), roost_int(1)}, {roost_str("b"), roost_int(2)}};
    roost_value ab = roost_map(pairs, 2);
    OK(roost_dict_new(m, &d));
    OK(roost_dict_open_with(m, "proxies.dict", ab, &named));
    OK(roost_dict_open(m, "proxies.dict", &other));
    OK(roost_dict_copy(other, &v));
    assert_value(v, ab);
    OK(roost_dict_set(d, roost_str("a"), roost_int(1)));
    OK(roost_dict_get(d, roost_str("a"), &v));
    assert_value(v, roost_int(1));
    assert_int_equal(roost_dict_get(d, roost_str("x"), &v), ROOST_EKEY);
    OK(roost_dict_get_or(d, roost_str("x"), roost_nil(), &v));
    assert_value(v, roost_nil());
    OK(roost_dict_contains(d, roost_str("a"), &yes));
    assert_true(yes);
    OK(roost_dict_set_many(d, ab, &n));
    assert_int_equal(n, 1);
    OK(roost_dict_len(d, &n));
    assert_int_equal(n, 2);
    OK(roost_dict_keys(d, &v));
    assert_value(v, roost_list_of(roost_str("a"), roost_str("b")));
    OK(roost_dict_values(d, &v));
    assert_value(v, roost_list_of(roost_int(1), roost_int(2)));
    OK(roost_dict_items(d, &v));
    assert_value(v, roost_list_of(roost_list_of(roost_str("a"), roost_int(1)),
                                  roost_list_of(roost_str("b"), roost_int(2))));
    OK(roost_dict_pop(d, roost_str("a"), &v));
    assert_value(v, roost_int(1));
    OK(roost_dict_pop_or(d, roost_str("a"), roost_int(9), &v));
    assert_value(v, roost_int(9));
    OK(roost_dict_popitem(d, &v));
    assert_value(v, roost_list_of(roost_str("b"), roost_int(2)));
    OK(roost_dict_setdefault(d, roost_str("c"), roost_int(3), &v));
    assert_value(v, roost_int(3));
    OK(roost_dict_update(d, ab));
    OK(roost_dict_delete(d, roost_str("c")));
    OK(roost_dict_get_many(d, roost_list_of(roost_str("a"), roost_str("x")), &v));
    assert_value(v, roost_map(pairs, 1));
    OK(roost_dict_incr(d, roost_str("a"), roost_int(4), &v));
    assert_value(v, roost_int(5));
    OK(roost_dict_compare_and_set(d, roost_str("a"), roost_int(1), roost_int(7), &yes));
    assert_false(yes);
    uint64_t cursor = 0;
    OK(roost_dict_page(d, "keys", &cursor, 1, &v));
    assert_value(v, roost_list_of(roost_str("a")));
    OK(roost_dict_clear(d));
    OK(roost_dict_len(d, &n));
    assert_int_equal(n, 0);
    roost_dict_close(d);
    roost_dict_close(named);
    roost_dict_close(other);
}

static void list_proxies_do_what_they_say(void **state)
{
    (void)state;
    roost_list *l, *with;
    roost_value v;
    bool yes;
    int64_t n;
    OK(roost_list_new(m, &l));
    OK(roost_list_open_with(m, NULL, roost_list_of(roost_int(8)), &with));
    OK(roost_list_copy(with, &v));
    assert_value(v, roost_list_of(roost_int(8)));
    OK(roost_list_append(l, roost_int(3)));
    OK(roost_list_extend(l, roost_list_of(roost_int(1), roost_int(2))));
    OK(roost_list_insert(l, 0, roost_int(0)));
    OK(roost_list_get(l, -1, &v));
    assert_value(v, roost_int(2));
    OK(roost_list_set(l, -1, roost_int(9)));
    OK(roost_list_slice(l, 1, ROOST_NONE, 2, &v));
    assert_value(v, roost_list_of(roost_int(3), roost_int(9)));
    OK(roost_list_set_slice(l, 0, 1, ROOST_NONE, roost_list_of(roost_int(5), roost_int(6))));
    OK(roost_list_copy(l, &v)); /* 5 6 3 1 9 */
    assert_value(v, roost_list_of(roost_int(5), roost_int(6), roost_int(3), roost_int(1), roost_int(9)));
    OK(roost_list_delete_slice(l, ROOST_NONE, 2, ROOST_NONE));
    OK(roost_list_sort(l, true));
    OK(roost_list_index(l, roost_int(3), ROOST_NONE, ROOST_NONE, &n)); /* 9 3 1 */
    assert_int_equal(n, 1);
    assert_int_equal(roost_list_index(l, roost_int(3), 2, ROOST_NONE, &n), ROOST_EKEY);
    OK(roost_list_count(l, roost_int(3), &n));
    assert_int_equal(n, 1);
    OK(roost_list_contains(l, roost_int(5), &yes));
    assert_false(yes);
    OK(roost_list_reverse(l));
    OK(roost_list_pop(l, 0, &v));
    assert_value(v, roost_int(1));
    OK(roost_list_remove(l, roost_int(3)));
    OK(roost_list_delete(l, 0));
    assert_int_equal(roost_list_delete(l, 0), ROOST_EINDEX);
    uint64_t cursor = 0;
    OK(roost_list_page(l, &cursor, 1, &v));
    roost_value_free(&v);
    OK(roost_list_clear(l));
    OK(roost_list_len(l, &n));
    assert_int_equal(n, 0);
    roost_list_close(l);
    roost_list_close(with);
    OK(roost_list_open(m, "proxies.list", &l));
    roost_list_close(l);
}

static void times_to_live_are_set_asked_and_taken_away(void **state)
{
    (void)state;
    roost_dict *d;
    bool yes;
    int64_t left;
    OK(roost_dict_open(m, "proxies.ttl", &d));
    OK(roost_dict_set_ttl(d, roost_str("k"), roost_int(1), 60000));
    OK(roost_dict_ttl(d, roost_str("k"), &left));
    assert_true(left > 50000 && left <= 60000);
    OK(roost_dict_expire(d, roost_str("k"), 120000));
    OK(roost_dict_ttl(d, roost_str("k"), &left));
    assert_true(left > 110000);
    OK(roost_dict_persist(d, roost_str("k"), &yes));
    assert_true(yes);
    OK(roost_dict_set_ttl(d, roost_str("k"), roost_int(1), ROOST_NONE));
    OK(roost_dict_ttl(d, roost_str("k"), &left));
    assert_int_equal(left, -1);
    assert_int_equal(roost_dict_expire(d, roost_str("k"), 0), ROOST_EINVAL);
    OK(roost_server_expire(m, roost_dict_ref(d), 60000));
    OK(roost_server_ttl(m, roost_str("proxies.ttl"), &left));
    assert_true(left > 50000 && left <= 60000);
    OK(roost_server_persist(m, roost_dict_ref(d), &yes));
    assert_true(yes);
    OK(roost_server_ttl(m, roost_dict_ref(d), &left));
    assert_int_equal(left, -1);
    OK(roost_server_delete(m, roost_dict_ref(d)));
    roost_dict_close(d);
}

static void transactions_are_built_and_committed(void **state)
{
    (void)state;
    roost_transaction *t;
    roost_dict *d;
    roost_queue *q;
    roost_lock *l;
    roost_shared_value *x;
    roost_set *s;
    roost_grant grant;
    roost_value v, key = roost_str("n"), path = roost_list_of(roost_str("l"));
    int64_t n;
    OK(roost_dict_open(m, "proxies.transaction", &d));
    OK(roost_dict_set(d, roost_str("l"), roost_list_of(roost_int(1))));
    OK(roost_dict_set(d, roost_str("nil"), roost_nil()));
    OK(roost_queue_new(m, 2, &q));
    OK(roost_queue_put(q, roost_str("item"), 0));
    OK(roost_lock_new(m, &l));
    OK(roost_lock_acquire(l, &grant, 0));
    OK(roost_shared_value_new(m, "i", roost_int(7), &x));
    OK(roost_set_open_with(m, NULL, roost_list_of(roost_int(3)), &s));
    OK(roost_transaction_new(m, &t));
    OK(roost_transaction_if_equals(t, roost_dict_ref(d), roost_list_of(roost_str("l"), roost_int(0)),
                                   roost_int(1)));
    OK(roost_transaction_if_equals(t, roost_dict_ref(d), roost_list_of(roost_str("nil")), roost_nil()));
    OK(roost_transaction_if_equals(t, roost_shared_value_ref(x), roost_nil(), roost_int(7)));
    OK(roost_transaction_if_present(t, roost_set_ref(s), roost_list_of(roost_int(3))));
    OK(roost_transaction_if_absent(t, roost_str("proxies.transaction"), roost_list_of(key)));
    OK(roost_transaction_if_token(t, roost_lock_ref(l), grant.token));
    OK(roost_transaction_if_len(t, roost_dict_ref(d), path, 1));
    OK(roost_transaction_if_len(t, roost_dict_ref(d), roost_nil(), 2));
    OK(roost_transaction_if_not_empty(t, roost_queue_ref(q)));
    OK(roost_transaction_if_room(t, roost_queue_ref(q), 1));
    OK(roost_transaction_call(t, roost_queue_ref(q), roost_nil(), "queue.get", NULL, 0));
    OK(roost_transaction_call(t, roost_dict_ref(d), path, "list.append", &key, 1));
    OK(roost_transaction_call(t, roost_dict_ref(d), roost_nil(), "dict.incr", &key, 1));
    OK(roost_transaction_commit(t, 0, &v));
    assert_value(v, roost_list_of(roost_str("item"), roost_nil(), roost_int(1)));
    assert_int_equal(roost_transaction_commit(t, 1, NULL), ROOST_ETIMEDOUT); /* once more */
    assert_string_equal(roost_errmsg(), "server: transact: timed out after 1 ms: condition 4 "
                                        "(dict \"proxies.transaction\"): does not hold");
    roost_transaction_free(t);
    OK(roost_transaction_new(m, &t));
    OK(roost_transaction_call(t, roost_dict_ref(d), roost_nil(), "dict.clear", NULL, 0));
    OK(roost_transaction_call(t, roost_queue_ref(q), roost_nil(), "queue.get", NULL, 0));
    assert_int_equal(roost_transaction_commit(t, -1, NULL), ROOST_EEMPTY);
    assert_non_null(strstr(roost_errmsg(), "server: transact: call 1 (queue #"));
    OK(roost_dict_len(d, &n));
    assert_int_equal(n, 3);
    roost_transaction_free(t);
    roost_transaction_free(NULL);
    assert_int_equal(roost_transaction_new(NULL, &t), ROOST_EINVAL);
    assert_int_equal(roost_transaction_if_token(NULL, roost_nil(), 1), ROOST_EINVAL);
    OK(roost_server_delete(m, roost_dict_ref(d)));
    roost_dict_close(d);
    roost_queue_close(q);
    roost_lock_close(l);
    roost_shared_value_close(x);
    roost_set_close(s);
}

static void views_work_on_what_is_nested(void **state)
{
    (void)state;
    roost_dict *d, *inner;
    roost_list *l, *deep, *of_list;
    roost_value v;
    OK(roost_dict_open(m, "proxies.nested", &d));
    OK(roost_dict_set(d, roost_str("k"), roost_list_of(roost_int(1), roost_list_of(roost_int(2)))));
    OK(roost_list_at(d, roost_list_of(roost_str("k")), &l));
    OK(roost_list_append(l, roost_int(3)));
    OK(roost_list_at(l, roost_list_of(roost_int(1)), &deep)); /* a view of a view */
    OK(roost_list_append(deep, roost_int(4)));
    OK(roost_dict_get(d, roost_str("k"), &v));
    assert_value(v, roost_list_of(roost_int(1), roost_list_of(roost_int(2), roost_int(4)), roost_int(3)));
    assert_int_equal(roost_list_ref(l).kind, ROOST_NIL);
    OK(roost_dict_set(d, roost_str("m"), roost_map(NULL, 0)));
    OK(roost_dict_at(d, roost_list_of(roost_str("m")), &inner));
    OK(roost_dict_set(inner, roost_str("x"), roost_int(1)));
    OK(roost_dict_incr(inner, roost_str("x"), roost_int(1), &v));
    assert_value(v, roost_int(2));
    OK(roost_list_at(inner, roost_list_of(roost_str("y")), &of_list));
    assert_int_equal(roost_list_append(of_list, roost_nil()), ROOST_EKEY);
    assert_string_equal(roost_errmsg(), "dict \"proxies.nested\" at [\"m\", \"y\"]: list.append: "
                                        "path step 1 (\"y\"): no such key");
    OK(roost_dict_set(d, roost_str("k"), roost_dict_ref(d)));
    assert_int_equal(roost_list_append(deep, roost_nil()), ROOST_ETYPE);
    assert_non_null(strstr(roost_errmsg(), "path step 1 (1): a step into a reference to dict #"));
    assert_int_equal(roost_dict_list_at(d, roost_nil(), &l), ROOST_EINVAL);
    roost_dict_close(d); /* a view outlives the handle it was made from */
    OK(roost_dict_clear(inner));
    roost_dict_close(inner);
    roost_list_close(l);
    roost_list_close(deep);
    roost_list_close(of_list);

    roost_namespace *n;
    OK(roost_list_open_with(m, NULL, roost_list_of(roost_map(NULL, 0)), &l));
    OK(roost_dict_at(l, roost_list_of(roost_int(0)), &inner));
    OK(roost_dict_set(inner, roost_int(1), roost_list_of(roost_nil())));
    roost_dict_close(inner);
    roost_list_close(l);
    OK(roost_namespace_new(m, &n));
    OK(roost_namespace_set(n, "a", roost_list_of(roost_map(NULL, 0))));
    OK(roost_list_at(n, roost_list_of(roost_str("a")), &l));
    OK(roost_dict_at(n, roost_list_of(roost_str("a"), roost_int(0)), &inner));
    OK(roost_dict_set(inner, roost_int(1), roost_int(2)));
    OK(roost_list_pop(l, 0, NULL));
    assert_int_equal(roost_dict_clear(inner), ROOST_EINDEX);
    roost_list_close(l);
    roost_dict_close(inner);
    roost_namespace_close(n);
    OK(roost_server_delete(m, roost_str("proxies.nested")));
}

static void set_proxies_do_what_they_say(void **state)
{
    (void)state;
    roost_set *s, *t;
    roost_value v;
    bool yes;
    int64_t n;
    OK(roost_set_new(m, &s));
    OK(roost_set_open_with(m, "proxies.set", roost_list_of(roost_int(2), roost_int(3)), &t));
    roost_set_close(t);
    OK(roost_set_open(m, "proxies.set", &t));
    roost_value other = roost_set_ref(t);
    OK(roost_set_add(s, roost_int(1), &yes));
    assert_true(yes);
    OK(roost_set_update(s, roost_list_of(roost_int(2), roost_int(2))));
    OK(roost_set_contains(s, roost_float(2.0), &yes));
    assert_true(yes);
    OK(roost_set_union(s, other, &v));
    assert_value(v, roost_list_of(roost_int(1), roost_int(2), roost_int(3)));
    OK(roost_set_intersection(s, other, &v));
    assert_value(v, roost_list_of(roost_int(2)));
    OK(roost_set_difference(s, other, &v));
    assert_value(v, roost_list_of(roost_int(1)));
    OK(roost_set_symmetric_difference(s, other, &v));
    assert_value(v, roost_list_of(roost_int(1), roost_int(3)));
    OK(roost_set_issubset(s, other, &yes));
    assert_false(yes);
    OK(roost_set_issuperset(s, roost_list_of(roost_int(1)), &yes));
    assert_true(yes);
    OK(roost_set_isdisjoint(s, other, &yes));
    assert_false(yes);
    OK(roost_set_symmetric_difference_update(s, other)); /* 1 3 */
    OK(roost_set_difference_update(s, roost_list_of(roost_int(3))));
    OK(roost_set_copy(s, &v));
    assert_value(v, roost_list_of(roost_int(1)));
    OK(roost_set_intersection_update(s, roost_list_of(roost_int(1))));
    OK(roost_set_discard(s, roost_int(7), &yes));
    assert_false(yes);
    OK(roost_set_pop(s, &v));
    assert_value(v, roost_int(1));
    assert_int_equal(roost_set_remove(s, roost_int(1)), ROOST_EKEY);
    uint64_t cursor = 0;
    OK(roost_set_page(s, &cursor, 1, &v));
    roost_value_free(&v);
    OK(roost_set_clear(s));
    OK(roost_set_len(s, &n));
    assert_int_equal(n, 0);
    roost_set_close(s);
    roost_set_close(t);
}

static void queue_proxies_do_what_they_say(void **state)
{
    (void)state;
    roost_queue *q, *least;
    roost_value v;
    bool yes;
    int64_t n;
    roost_queue_options priority = {.maxsize = 5, .kind = "priority"};
    OK(roost_queue_open(m, NULL, &priority, &least));
    OK(roost_queue_put_many(least, roost_list_of(roost_int(3), roost_int(1), roost_int(2)), 0));
    OK(roost_queue_get(least, &v, 0));
    assert_value(v, roost_int(1));
    roost_queue_close(least);
    OK(roost_queue_new(m, 2, &q));
    OK(roost_queue_put(q, roost_str("x"), -1));
    OK(roost_queue_put_nowait(q, roost_str("y")));
    assert_int_equal(roost_queue_put_nowait(q, roost_str("z")), ROOST_EFULL);
    OK(roost_queue_full(q, &yes));
    assert_true(yes);
    OK(roost_queue_qsize(q, &n));
    assert_int_equal(n, 2);
    OK(roost_queue_get_nowait(q, &v));
    assert_value(v, roost_str("x"));
    OK(roost_queue_get_many(q, 10, &v, -1));
    assert_value(v, roost_list_of(roost_str("y")));
    OK(roost_queue_empty(q, &yes));
    assert_true(yes);
    assert_int_equal(roost_queue_get(q, &v, 0), ROOST_EEMPTY);
    assert_int_equal(roost_queue_get(q, &v, 1), ROOST_ETIMEDOUT);
    assert_int_equal(roost_queue_join(q, 1), ROOST_ETIMEDOUT);
    OK(roost_queue_task_done(q, 2));
    OK(roost_queue_join(q, -1));
    OK(roost_queue_shutdown(q, false));
    assert_int_equal(roost_queue_put(q, roost_nil(), -1), ROOST_ESHUTDOWN);
    roost_queue_close(q);
    OK(roost_queue_open(m, "proxies.queue", NULL, &q));
    roost_queue_close(q);
}

static void namespace_proxies_do_what_they_say(void **state)
{
    (void)state;
    roost_namespace *n;
    roost_value v;
    roost_pair pair = {roost_str("a"), roost_int(1)};
    OK(roost_namespace_open(m, "proxies.namespace", &n));
    roost_namespace_close(n);
    OK(roost_namespace_new(m, &n));
    roost_namespace_close(n);
    OK(roost_namespace_open_with(m, NULL, roost_map(&pair, 1), &n));
    OK(roost_namespace_set(n, "b", roost_int(2)));
    OK(roost_namespace_get(n, "b", &v));
    assert_value(v, roost_int(2));
    OK(roost_namespace_names(n, &v));
    assert_value(v, roost_list_of(roost_str("a"), roost_str("b")));
    OK(roost_namespace_delete(n, "b"));
    OK(roost_namespace_all(n, &v));
    assert_value(v, roost_map(&pair, 1));
    roost_namespace_close(n);
}

static void shared_value_proxies_do_what_they_say(void **state)
{
    (void)state;
    roost_shared_value *x, *same;
    roost_value v;
    bool yes;
    OK(roost_shared_value_new(m, "b", roost_int(126), &x));
    OK(roost_shared_value_incr(x, roost_int(1), &v));
    assert_value(v, roost_int(127));
    assert_int_equal(roost_shared_value_incr(x, roost_int(1), NULL), ROOST_ERANGE);
    OK(roost_shared_value_compare_and_set(x, roost_int(127), roost_int(1), &yes));
    assert_true(yes);
    OK(roost_shared_value_set(x, roost_int(5)));
    OK(roost_shared_value_get(x, &v));
    assert_value(v, roost_int(5));
    roost_shared_value_close(x);
    assert_int_equal(roost_shared_value_open(m, "proxies.value", NULL, roost_nil(), &x), ROOST_EINVAL);
    OK(roost_shared_value_open(m, "proxies.value", "d", roost_float(0.5), &x));
    OK(roost_shared_value_open(m, "proxies.value", NULL, roost_nil(), &same));
    OK(roost_shared_value_get(same, &v));
    assert_value(v, roost_float(0.5));
    roost_shared_value_close(x);
    roost_shared_value_close(same);
}

static void shared_array_proxies_do_what_they_say(void **state)
{
    (void)state;
    roost_shared_array *a;
    roost_value v;
    int64_t n;
    OK(roost_shared_array_open(m, "proxies.array", "i", roost_int(2), &a));
    roost_shared_array_close(a);
    OK(roost_shared_array_new(m, "h", roost_list_of(roost_int(1), roost_int(2), roost_int(3)), &a));
    OK(roost_shared_array_len(a, &n));
    assert_int_equal(n, 3);
    OK(roost_shared_array_set(a, -1, roost_int(0x102)));
    OK(roost_shared_array_get(a, 2, &v));
    assert_value(v, roost_int(0x102));
    OK(roost_shared_array_read(a, 1, ROOST_NONE, &v));
    assert_value(v, roost_bytes("\2\0\2\1", 4));
    OK(roost_shared_array_write(a, 0, "\7\0", 2));
    OK(roost_shared_array_set_slice(a, 1, ROOST_NONE, ROOST_NONE, roost_list_of(roost_int(8), roost_int(9))));
    OK(roost_shared_array_slice(a, ROOST_NONE, ROOST_NONE, -1, &v));
    assert_value(v, roost_list_of(roost_int(9), roost_int(8), roost_int(7)));
    roost_shared_array_close(a);
}

static void lock_proxies_do_what_they_say(void **state)
{
    (void)state;
    roost_lock *l, *same;
    roost_rlock *r;
    roost_grant first, second;
    bool yes;
    OK(roost_lock_new(m, &l));
    OK(roost_lock_acquire(l, &first, -1));
    assert_false(first.owner_died);
    assert_int_equal(roost_lock_acquire(l, NULL, 0), ROOST_ETIMEDOUT);
    OK(roost_lock_locked(l, &yes));
    assert_true(yes);
    OK(roost_lock_release(l));
    OK(roost_lock_acquire(l, &second, 0));
    assert_true(second.token > first.token);
    assert_int_equal(roost_lock_release_token(l, first.token), ROOST_ENOTOWNER);
    OK(roost_lock_extend(l, second.token, 60000));
    OK(roost_lock_release_token(l, second.token));
    roost_lock_close(l);
    OK(roost_lock_open(m, "proxies.lock", &l));
    OK(roost_lock_from(m, roost_lock_ref(l), &same));
    roost_lock_close(l);
    roost_lock_close(same);

    OK(roost_rlock_open(m, "proxies.rlock", &r));
    roost_rlock_close(r);
    OK(roost_rlock_new(m, &r));
    OK(roost_rlock_acquire(r, &first, -1));
    OK(roost_rlock_acquire(r, NULL, 0));
    OK(roost_rlock_extend(r, first.token, 60000));
    OK(roost_rlock_release(r));
    OK(roost_rlock_release_token(r, first.token));
    OK(roost_rlock_locked(r, &yes));
    assert_false(yes);
    assert_int_equal(roost_rlock_release(r), ROOST_EOVERRELEASE);
    roost_rlock_close(r);
}

static void semaphore_proxies_do_what_they_say(void **state)
{
    (void)state;
    roost_semaphore *s;
    roost_bounded_semaphore *b;
    roost_grant grant = {0};
    int64_t n;
    OK(roost_semaphore_open(m, "proxies.semaphore", 3, &s));
    roost_semaphore_close(s);
    OK(roost_semaphore_open(m, "proxies.semaphore", ROOST_NONE, &s));
    roost_semaphore_close(s);
    OK(roost_semaphore_new(m, 1, &s));
    OK(roost_semaphore_acquire(s, &grant, -1));
    assert_true(grant.token > 0);
    assert_int_equal(roost_semaphore_acquire(s, &grant, 0), ROOST_ETIMEDOUT);
    OK(roost_semaphore_extend(s, grant.token, 0));
    OK(roost_semaphore_release(s, 3));
    OK(roost_semaphore_get_value(s, &n));
    assert_int_equal(n, 3);
    roost_semaphore_close(s);

    OK(roost_bounded_semaphore_open(m, "proxies.bounded", 2, &b));
    roost_bounded_semaphore_close(b);
    OK(roost_bounded_semaphore_new(m, 2, &b));
    OK(roost_bounded_semaphore_acquire(b, &grant, -1));
    OK(roost_bounded_semaphore_extend(b, grant.token, 60000));
    OK(roost_bounded_semaphore_release(b, 1));
    assert_int_equal(roost_bounded_semaphore_release(b, 1), ROOST_EOVERRELEASE);
    OK(roost_bounded_semaphore_get_value(b, &n));
    assert_int_equal(n, 2);
    roost_bounded_semaphore_close(b);
}

static void keyed_lock_proxies_do_what_they_say(void **state)
{
    (void)state;
    roost_keyed_lock *k, *same;
    roost_grant grant;
    roost_value v, keys = roost_list_of(roost_int(1), roost_str("two"));
    bool yes;
    OK(roost_keyed_lock_open(m, "proxies.keyed_lock", &k));
    roost_keyed_lock_close(k);
    OK(roost_keyed_lock_new(m, &k));
    OK(roost_keyed_lock_from(m, roost_keyed_lock_ref(k), &same));
    OK(roost_keyed_lock_acquire(same, keys, &grant, -1));
    OK(roost_keyed_lock_extend(k, grant.token, 60000));
    OK(roost_keyed_lock_locked(k, roost_str("two"), &yes));
    assert_true(yes);
    OK(roost_keyed_lock_held(k, &v));
    assert_int_equal(v.len, 2);
    roost_value_free(&v);
    OK(roost_keyed_lock_release(k, keys));
    roost_keyed_lock_close(k);
    roost_keyed_lock_close(same);
}

static bool counts_down(void *arg)
{
    return --*(int *)arg == 0;
}

static void condition_proxies_do_what_they_say(void **state)
{
    (void)state;
    roost_condition *c;
    roost_lock *l;
    roost_grant first, second;
    int64_t woken;
    int count = 2;
    OK(roost_lock_new(m, &l));
    OK(roost_condition_open(m, "proxies.condition", roost_nil(), &c));
    roost_condition_close(c);
    OK(roost_condition_new(m, roost_lock_ref(l), &c));
    assert_int_equal(roost_condition_notify(c, 1, NULL), ROOST_ENOTOWNER);
    OK(roost_condition_acquire(c, &first, -1));
    assert_int_equal(roost_condition_wait(c, &second, 1), ROOST_ETIMEDOUT);
    assert_non_null(strstr(roost_errmsg(), "wait: timed out after 1 ms"));
    assert_true(second.token > first.token);
    assert_int_equal(roost_condition_wait_for(c, counts_down, &count, &second, 1), 0);
    assert_int_equal(roost_condition_wait_for(c, counts_down, &count, &second, 1), ROOST_ETIMEDOUT);
    OK(roost_condition_notify(c, 1, &woken));
    assert_int_equal(woken, 0);
    OK(roost_condition_notify_all(c, &woken));
    assert_int_equal(woken, 0);
    assert_int_equal(roost_condition_release_token(c, first.token), ROOST_ENOTOWNER);
    OK(roost_condition_release(c));
    roost_condition_close(c);
    roost_lock_close(l);
}

static void event_proxies_do_what_they_say(void **state)
{
    (void)state;
    roost_event *e;
    bool yes;
    OK(roost_event_open(m, "proxies.event", &e));
    roost_event_close(e);
    OK(roost_event_new(m, &e));
    assert_int_equal(roost_event_wait(e, 1), ROOST_ETIMEDOUT);
    OK(roost_event_set(e));
    OK(roost_event_wait(e, -1));
    OK(roost_event_is_set(e, &yes));
    assert_true(yes);
    OK(roost_event_clear(e));
    OK(roost_event_is_set(e, &yes));
    assert_false(yes);
    roost_event_close(e);
}

static void barrier_proxies_do_what_they_say(void **state)
{
    (void)state;
    roost_barrier *b;
    bool yes;
    int64_t n;
    OK(roost_barrier_open(m, "proxies.barrier", 3, -1, &b));
    roost_barrier_close(b);
    OK(roost_barrier_open(m, "proxies.barrier", 0, 0, &b));
    OK(roost_barrier_parties(b, &n));
    assert_int_equal(n, 3);
    OK(roost_barrier_n_waiting(b, &n));
    assert_int_equal(n, 0);
    roost_barrier_close(b);
    OK(roost_barrier_new(m, 1, 100, &b));
    OK(roost_barrier_wait(b, &n, -1));
    assert_int_equal(n, 0);
    OK(roost_barrier_abort(b));
    assert_int_equal(roost_barrier_wait(b, &n, -1), ROOST_EBROKEN);
    OK(roost_barrier_broken(b, &yes));
    assert_true(yes);
    OK(roost_barrier_reset(b));
    OK(roost_barrier_wait(b, &n, 100));
    roost_barrier_close(b);
}

static void server_proxies_do_what_they_say(void **state)
{
    (void)state;
    roost_value v, ref, id;
    roost_event *e;
    OK(roost_event_open(m, "proxies.here", &e));
    OK(roost_server_ping(m, roost_str("x"), &v));
    assert_value(v, roost_str("x"));
    OK(roost_server_info(m, &v));
    assert_non_null(roost_map_get(v, roost_str("objects")));
    roost_value_free(&v);
    OK(roost_server_list(m, "event", &v));
    assert_true(v.kind == ROOST_ARRAY && v.len > 0);
    roost_value_free(&v);
    OK(roost_server_find(m, "proxies.here", &ref));
    assert_true(roost_value_equal(ref, roost_event_ref(e)));
    OK(roost_server_describe(m, ref, &v));
    assert_true(roost_value_equal(*roost_map_get(v, roost_str("name")), roost_str("proxies.here")));
    roost_value_free(&v);
    roost_value lock = roost_str("proxies.lock");
    roost_grant grant;
    OK(roost_server_acquire(m, roost_array(&lock, 1), &grant, -1));
    OK(roost_server_give_back(m, roost_array(&lock, 1), &grant.token));
    OK(roost_server_who(m, roost_str("proxies.here"), &v));
    assert_int_equal(v.kind, ROOST_MAP);
    roost_value_free(&v);
    id = roost_uint(ref.as.ref);
    OK(roost_server_retain(m, roost_array(&id, 1)));
    OK(roost_server_release(m, roost_list_of(id, roost_int(1))));
    OK(roost_server_objects(m, 0, 0, &v));
    assert_true(v.kind == ROOST_ARRAY && v.len == 2 && v.as.items[0].len > 0);
    roost_value_free(&v);
    OK(roost_server_sessions(m, 0, 1, &v));
    assert_true(v.kind == ROOST_ARRAY && v.len == 2 && v.as.items[0].len == 1);
    roost_value_free(&v);
    assert_int_equal(roost_server_kill(m, 1 << 30), ROOST_ENOENT);
    assert_int_equal(roost_server_cluster(m, &v), ROOST_EINVAL); /* it is of none */
    assert_int_equal(roost_server_cluster_add(m, 4, "host:1", "tcp://host:2"), ROOST_EINVAL);
    assert_int_equal(roost_server_cluster_remove(m, 4), ROOST_EINVAL);
    assert_int_equal(roost_server_cluster_transfer(m, 0), ROOST_EINVAL);
    OK(roost_server_delete(m, ref));
    assert_int_equal(roost_event_set(e), ROOST_ENOENT);
    assert_int_equal(roost_server_find(m, "proxies.here", NULL), ROOST_ENOENT);
    roost_value_free(&ref);
    roost_event_close(e);
}

static void any_method_can_be_called_by_its_name(void **state)
{
    (void)state;
    roost_value d, v;
    roost_value name = roost_str("proxies.call"), pair[] = {roost_str("k"), roost_int(1)};
    OK(roost_call(m, roost_nil(), "dict.open", &name, 1, &d));
    OK(roost_call(m, d, "dict.set", pair, 2, NULL));
    OK(roost_call_code(m, d, METHOD_dict_get, pair, 1, &v));
    assert_value(v, roost_int(1));
    assert_int_equal(roost_call(m, d, "list.get", pair, 1, &v), ROOST_ETYPE);
    assert_int_equal(roost_call(m, d, "dict.got", pair, 1, &v), ROOST_ENOMETHOD);
    assert_int_equal(roost_call(m, d, "dict", pair, 1, &v), ROOST_ENOMETHOD);
    assert_int_equal(roost_call_code(m, d, 0x7fff, pair, 1, &v), ROOST_ENOMETHOD);
    roost_value_free(&d);
}

/* Containers keep what they refer to; values and handles keep it too, and let go when they are freed. */
static void objects_live_as_long_as_somebody_refers_to_them(void **state)
{
    (void)state;
    roost_value info, v;
    roost_dict *outer;
    roost_list *inner;
    int64_t n;
    OK(roost_server_info(m, &info));
    int64_t objects = roost_map_get(info, roost_str("objects"))->as.i;
    roost_value_free(&info);

    OK(roost_dict_new(m, &outer));
    OK(roost_list_new(m, &inner));
    OK(roost_dict_set(outer, roost_str("inner"), roost_list_ref(inner)));
    roost_list_close(inner);
    OK(roost_dict_get(outer, roost_str("inner"), &v));
    OK(roost_list_from(m, v, &inner));
    roost_value_free(&v);
    OK(roost_list_append(inner, roost_int(1)));
    OK(roost_dict_clear(outer)); /* from here on the handle alone keeps the list */
    OK(roost_list_len(inner, &n));
    assert_int_equal(n, 1);
    roost_list_close(inner);
    roost_dict_close(outer);

    OK(roost_server_info(m, &info));
    assert_int_equal(roost_map_get(info, roost_str("objects"))->as.i, objects);
    roost_value_free(&info);
}

static void every_row_of_the_table_was_called(void **state)
{
    (void)state;
    roost_value calls;
    OK(roost_server_methods(m, &calls));
    unsigned missing = 0;
    for (unsigned i = 0; i < roost__method_count; i++) {
        const struct method *row = &roost__methods[i];
        char name[64];
        snprintf(name, sizeof(name), "%s.%s", roost_type_name(row->type), row->name);
        const roost_value *count = roost_map_get(calls, roost_str(name));
        if (count == NULL || count->kind != ROOST_INT || count->as.i == 0) {
            print_error("%s was never called\n", name);
            missing++;
        }
    }
    roost_value_free(&calls);
    assert_int_equal(missing, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dict_proxies_do_what_they_say),
        cmocka_unit_test(list_proxies_do_what_they_say),
        cmocka_unit_test(times_to_live_are_set_asked_and_taken_away),
        cmocka_unit_test(transactions_are_built_and_committed),
        cmocka_unit_test(views_work_on_what_is_nested),
        cmocka_unit_test(set_proxies_do_what_they_say),
        cmocka_unit_test(queue_proxies_do_what_they_say),
        cmocka_unit_test(namespace_proxies_do_what_they_say),
        cmocka_unit_test(shared_value_proxies_do_what_they_say),
        cmocka_unit_test(shared_array_proxies_do_what_they_say),
        cmocka_unit_test(lock_proxies_do_what_they_say),
        cmocka_unit_test(semaphore_proxies_do_what_they_say),
        cmocka_unit_test(keyed_lock_proxies_do_what_they_say),
        cmocka_unit_test(condition_proxies_do_what_they_say),
        cmocka_unit_test(event_proxies_do_what_they_say),
        cmocka_unit_test(barrier_proxies_do_what_they_say),
        cmocka_unit_test(server_proxies_do_what_they_say),
        cmocka_unit_test(any_method_can_be_called_by_its_name),
        cmocka_unit_test(objects_live_as_long_as_somebody_refers_to_them),
        cmocka_unit_test(every_row_of_the_table_was_called),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
