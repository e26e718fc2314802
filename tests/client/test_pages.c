/* test_pages.c: pages and iterators of libroost against a real server. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "roost/roost.h"

static roost_manager *m;

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

static int64_t calls_of(const char *method)
{
    roost_value v;
    assert_int_equal(roost_server_methods(m, &v), 0);
    const roost_value *n = roost_map_get(v, roost_str(method));
    int64_t count = n != NULL ? n->as.i : 0;
    roost_value_free(&v);
    return count;
}

static void pages_are_taken_by_cursor(void **state)
{
    (void)state;
    roost_dict *d;
    roost_list *l;
    roost_set *s;
    roost_value page;
    roost_pair pairs[] = {{roost_str("a"), roost_int(1)}, {roost_str("b"), roost_int(2)}};
    uint64_t cursor = 0;
    assert_int_equal(roost_dict_open_with(m, NULL, roost_map(pairs, 2), &d), 0);
    assert_int_equal(roost_dict_page(d, "keys", &cursor, 1, &page), 0);
    assert_true(roost_value_equal(page, roost_list_of(roost_str("a"))));
    roost_value_free(&page);
    assert_int_equal(cursor, 1);
    assert_int_equal(roost_dict_page(d, "all", &cursor, 1, &page), ROOST_EINVAL);
    assert_int_equal(cursor, 1);
    assert_int_equal(roost_dict_page(d, "items", &cursor, 1, NULL), 0);
    assert_true(cursor == ROOST_PAGE_END);
    assert_int_equal(roost_dict_page(d, "items", &cursor, 1, &page), 0);
    assert_int_equal(page.len, 0);
    assert_true(cursor == ROOST_PAGE_END);
    assert_int_equal(roost_list_open_with(m, NULL, roost_list_of(roost_int(7), roost_int(8)), &l), 0);
    cursor = 1;
    assert_int_equal(roost_list_page(l, &cursor, 0, &page), 0);
    assert_true(roost_value_equal(page, roost_list_of(roost_int(8))));
    roost_value_free(&page);
    assert_int_equal(roost_set_open_with(m, NULL, roost_list_of(roost_int(3), roost_int(4)), &s), 0);
    cursor = 0;
    assert_int_equal(roost_set_page(s, &cursor, 1, &page), 0);
    assert_true(roost_value_equal(page, roost_list_of(roost_int(3))));
    roost_value_free(&page);
    assert_int_equal(roost_set_page(s, NULL, 1, &page), ROOST_EINVAL);
    roost_dict_close(d);
    roost_list_close(l);
    roost_set_close(s);
}

static void iterating_costs_pages_not_calls(void **state)
{
    (void)state;
    enum { N = 200000 };
    roost_list *l;
    roost_list_iter *it;
    roost_value *items = malloc(N * sizeof(*items)), v;
    int64_t before = calls_of("list.page");
    for (int i = 0; i < N; i++)
        items[i] = roost_int(1000000 + i);
    assert_int_equal(roost_list_open_with(m, NULL, roost_array(items, N), &l), 0);
    assert_int_equal(roost_list_iter_new(l, &it), 0);
    for (int i = 0; i < N; i++) {
        assert_int_equal(roost_list_iter_next(it, &v), 0);
        assert_int_equal(v.as.i, 1000000 + i);
    }
    assert_int_equal(roost_list_iter_next(it, &v), ROOST_EEMPTY);
    assert_int_equal(roost_list_iter_next(it, &v), ROOST_EEMPTY);
    assert_int_equal(calls_of("list.page") - before, 1); /* 5 bytes each: just under 1 MiB */
    roost_list_iter_free(it);
    roost_list_close(l);
    free(items);
}

static void a_container_larger_than_a_frame_can_be_read(void **state)
{
    (void)state;
    enum { N = 70, SIZE = 1 << 20 };
    roost_dict *d;
    roost_dict_iter *it;
    roost_value key, value, all;
    char *bytes = calloc(1, SIZE);
    assert_int_equal(roost_dict_new(m, &d), 0);
    for (int i = 0; i < N; i++) {
        bytes[0] = (char)i;
        assert_int_equal(roost_dict_set(d, roost_int(i), roost_bytes(bytes, SIZE)), 0);
    }
    assert_int_equal(roost_dict_items(d, &all), ROOST_ELIMIT);
    assert_int_equal(roost_dict_iter_new(d, &it), 0);
    for (int i = 0; i < N; i++) {
        assert_int_equal(roost_dict_iter_next(it, &key, &value), 0);
        assert_int_equal(key.as.i, i);
        assert_int_equal(value.len, SIZE);
        assert_int_equal(((const char *)value.as.bytes)[0], i);
    }
    assert_int_equal(roost_dict_iter_next(it, NULL, NULL), ROOST_EEMPTY);
    roost_dict_iter_free(it);
    roost_dict_iter_free(NULL);
    roost_dict_close(d);
    free(bytes);
}

static void an_iterator_sees_once_what_stays(void **state)
{
    (void)state;
    roost_set *s;
    roost_set_iter *it;
    roost_value v;
    int seen = 0;
    assert_int_equal(roost_set_new(m, &s), 0);
    assert_int_equal(roost_set_add(s, roost_int(1), NULL), 0);
    assert_int_equal(roost_set_iter_new(s, &it), 0);
    assert_int_equal(roost_set_add(s, roost_int(2), NULL), 0); /* before the first page: is on it */
    while (roost_set_iter_next(it, &v) == 0) {
        assert_int_equal(v.as.i, ++seen);
        assert_int_equal(roost_set_remove(s, v), 0);
    }
    assert_int_equal(roost_errcode(), ROOST_EEMPTY);
    assert_int_equal(seen, 2);
    roost_set_iter_free(it);
    roost_set_close(s);
    assert_int_equal(roost_set_iter_new(NULL, &it), ROOST_EINVAL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_taken_by_cursor),
        cmocka_unit_test(iterating_costs_pages_not_calls),
        cmocka_unit_test(a_container_larger_than_a_frame_can_be_read),
        cmocka_unit_test(an_iterator_sees_once_what_stays),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
