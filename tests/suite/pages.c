/* pages.c: dict.page, list.page, set.page: bounded, and stable while others change the container. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite/suite.h"

enum { ENTRIES = 1500, KEYS = 4 * ENTRIES };

/* A string of n letters as an argument list with something before it; freed by the caller. */
static char *long_argument(const char *before, size_t n)
{
    size_t at = strlen(before);
    char *args = malloc(at + n + 5);
    assert_non_null(args);
    memcpy(args, before, at);
    args[at++] = '\'';
    memset(args + at, 'x', n);
    strcpy(args + at + n, "']");
    return args;
}

/* The page that a method answers; the cursor, -1 at the end, in *ret_next. */
static json_t *page_of(struct client *c, uint64_t o, const char *method, const char *args, int64_t *ret_next)
{
    json_t *answer = json_loads(answer_text(c, post(c, o, method, args)), 0, NULL);
    assert_non_null(answer);
    assert_int_equal(json_array_size(answer), 2);
    json_t *next = json_array_get(answer, 1), *page = json_incref(json_array_get(answer, 0));
    *ret_next = json_is_null(next) ? -1 : json_integer_value(next);
    json_decref(answer);
    return page;
}

static void pages_come_in_order_and_end_with_nil(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t d = open_object(c, "dict", "[null, {'a': 1, 'b': 2, 'c': 3}]");
    ok(c, d, "dict.page", "[]", "[[[\"a\", 1], [\"b\", 2], [\"c\", 3]], null]");
    ok(c, d, "dict.page", "[0, 2]", "[[[\"a\", 1], [\"b\", 2]], 2]");
    ok(c, d, "dict.page", "[2, 2]", "[[[\"c\", 3]], null]");
    ok(c, d, "dict.page", "[0, 1, 'keys']", "[[\"a\"], 1]");
    ok(c, d, "dict.page", "[1, 0, 'values']", "[[2, 3], null]");
    ok(c, d, "dict.page", "[0, 3]", "[[[\"a\", 1], [\"b\", 2], [\"c\", 3]], null]");
    ok(c, d, "dict.page", "[9223372036854775807]", "[[], null]");
    fails(c, d, "dict.page", "[0, 1, 'everything']", ROOST_EINVAL);
    fails(c, d, "dict.page", "[-1]", ROOST_EINVAL);
    ok(c, d, "dict.delete", "['a']", "null");
    ok(c, d, "dict.set", "['a', 4]", "null"); /* last now */
    ok(c, d, "dict.set", "['b', 5]", "null"); /* keeps its place */
    ok(c, d, "dict.page", "[]", "[[[\"b\", 5], [\"c\", 3], [\"a\", 4]], null]");
    ok(c, d, "dict.clear", "[]", "null");
    ok(c, d, "dict.set", "['z', 1]", "null");
    ok(c, d, "dict.page", "[4]", "[[[\"z\", 1]], null]"); /* numbers go on */
    uint64_t s = open_object(c, "set", "[null, [3, 1, 2]]");
    ok(c, s, "set.page", "[0, 2]", "[[3, 1], 2]");
    ok(c, s, "set.page", "[2, 2]", "[[2], null]");
    uint64_t l = open_object(c, "list", "[null, [5, 6, 7]]");
    ok(c, l, "list.page", "[]", "[[5, 6, 7], null]");
    ok(c, l, "list.page", "[0, 2]", "[[5, 6], 2]");
    ok(c, l, "list.page", "[2, 2]", "[[7], null]");
    ok(c, l, "list.page", "[3]", "[[], null]");
    lose(c);
}

/* What a walk through a dict has seen. */
struct walk {
    int seen[KEYS];
    bool there[KEYS];
    bool stays[KEYS]; /* from the first page to the last */
};

static void change(struct client *c, uint64_t d, struct walk *w, int key)
{
    ok(c, d, w->there[key] ? "dict.delete" : "dict.set",
       w->there[key] ? text("[%d]", key) : text("[%d, 0]", key), "null");
    w->there[key] = !w->there[key];
    w->stays[key] = false;
}

/* Deletes what came last on a page, the next one, and others; adds new ones. */
static void disturb(struct client *c, uint64_t d, struct walk *w, unsigned *seed, int last)
{
    if (last % 3 == 0)
        change(c, d, w, last);
    if (w->there[(last + 1) % KEYS] && last % 5 == 0)
        change(c, d, w, (last + 1) % KEYS);
    for (int i = 0; i < 9; i++)
        change(c, d, w, rand_r(seed) % KEYS);
}

static void who_stays_is_seen_once_whatever_comes_and_goes(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t d = open_object(c, "dict", "[]");
    struct walk *w = calloc(1, sizeof(*w));
    unsigned seed = 11;
    int64_t next = 0;
    for (int i = 0; i < ENTRIES; i++) {
        ok(c, d, "dict.set", text("[%d, 0]", i), "null");
        w->there[i] = w->stays[i] = true;
    }
    while (next >= 0) {
        int last = 0;
        json_t *page = page_of(c, d, "dict.page", text("[%lld, 13, 'keys']", (long long)next), &next);
        for (size_t i = 0; i < json_array_size(page); i++) {
            last = (int)json_integer_value(json_array_get(page, i));
            w->seen[last]++;
        }
        json_decref(page);
        if (last < ENTRIES) /* else there is no end to new ones */
            disturb(c, d, w, &seed, last);
    }
    int stayed = 0;
    for (int i = 0; i < KEYS; i++) {
        assert_true(!w->stays[i] || w->seen[i] == 1);
        stayed += w->stays[i];
    }
    assert_in_range(stayed, 100, ENTRIES - 100);
    free(w);
    lose(c);
}

/* A transaction that deletes everything but fails in the end. */
static void pages_are_whole_after_a_transaction_was_taken_back(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t d = open_object(c, "dict", "[]");
    size_t size = 0;
    char *args;
    FILE *out = open_memstream(&args, &size);
    fputs("[[], [", out);
    for (int i = 0; i < 600; i++) {
        ok(c, d, "dict.set", text("[%d, 0]", i), "null");
        fprintf(out, "[{'$ref': [%llu, 1]}, 'delete', [%d]], ", (unsigned long long)d, i);
    }
    fprintf(out, "[{'$ref': [%llu, 1]}, 'set', ['new', 1]], ", (unsigned long long)d);
    fprintf(out, "[{'$ref': [%llu, 1]}, 'delete', ['absent']]]]", (unsigned long long)d);
    fclose(out);
    fails(c, 0, "server.transact", args, ROOST_EKEY);
    free(args);
    int64_t next = 0;
    int expected = 0;
    while (next >= 0) {
        json_t *page = page_of(c, d, "dict.page", text("[%lld, 50, 'keys']", (long long)next), &next);
        for (size_t i = 0; i < json_array_size(page); i++)
            assert_int_equal(json_integer_value(json_array_get(page, i)), expected++);
        json_decref(page);
    }
    assert_int_equal(expected, 600);
    lose(c);
}

static void a_page_holds_a_mebibyte_and_one_element_at_least(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t l = open_object(c, "list", "[]");
    char *small = long_argument("[", 400000), *large = long_argument("[", 3000000);
    int64_t next;
    for (int i = 0; i < 5; i++)
        ok(c, l, "list.append", i == 2 ? large : small, "null");
    static const struct {
        const char *args;
        size_t len;
        int64_t next;
    } pages[] = {{"[]", 2, 2}, {"[2]", 1, 3}, {"[3]", 2, -1}, {"[1, 1]", 1, 2}};
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        json_t *page = page_of(c, l, "list.page", pages[i].args, &next);
        assert_int_equal(json_array_size(page), pages[i].len);
        assert_int_equal(next, pages[i].next);
        json_decref(page);
    }
    free(small);
    free(large);
    lose(c);
}

static void pages_reach_what_is_nested(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t d = open_object(c, "dict", "[null, {'k': {'a': 1, 'b': 2}, 'l': [1, 2, 3]}]");
    ok_at(c, d, "['k']", "dict.page", "[0, 1]", "[[[\"a\", 1]], 1]");
    ok_at(c, d, "['k']", "dict.set", "['c', 3]", "null");
    ok_at(c, d, "['k']", "dict.page", "[1]", "[[[\"b\", 2], [\"c\", 3]], null]");
    ok_at(c, d, "['l']", "list.page", "[1]", "[[2, 3], null]");
    lose(c);
}

static void a_reference_on_a_page_is_counted(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t l = open_object(a, "list", "['pages.outer']"), inner = open_object(a, "list", "[null, [1]]");
    ok(a, l, "list.append", text("[{'$ref': [%llu, 2]}]", (unsigned long long)inner), "null");
    ok(b, l, "list.page", "[]", text("[[\"<list #%llu>\"], null]", (unsigned long long)inner));
    lose(a);
    ok(b, 0, "server.delete", "['pages.outer']", "null");
    ok(b, inner, "list.copy", "[]", "[1]");
    ok(b, 0, "server.release", text("[[%llu, 1]]", (unsigned long long)inner), "null");
    fails(b, inner, "list.copy", "[]", ROOST_ENOENT);
    lose(b);
}

void suite_pages(const struct CMUnitTest **ret, size_t *ret_len)
{
    static const struct CMUnitTest cases[] = {
        cmocka_unit_test(pages_come_in_order_and_end_with_nil),
        cmocka_unit_test(who_stays_is_seen_once_whatever_comes_and_goes),
        cmocka_unit_test(pages_are_whole_after_a_transaction_was_taken_back),
        cmocka_unit_test(a_page_holds_a_mebibyte_and_one_element_at_least),
        cmocka_unit_test(pages_reach_what_is_nested),
        cmocka_unit_test(a_reference_on_a_page_is_counted),
    };
    *ret = cases;
    *ret_len = sizeof(cases) / sizeof(cases[0]);
}
