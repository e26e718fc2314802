/* containers.c: dict, list, set, namespace: Python's semantics, and references stored inside. */
#include <stdlib.h>
#include <string.h>

#include "tests/suite/suite.h"

static void dict_keeps_insertion_order_and_python_keys(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t d = open_object(c, "dict", "[]");
    ok(c, d, "dict.set", "[1, 'one']", "null");
    ok(c, d, "dict.set", "['1', 'text']", "null");
    ok(c, d, "dict.set", "[0.25, null]", "null");
    ok(c, d, "dict.set", "[1.0, 'same key']", "null");
    ok(c, d, "dict.get", "[true]", "\"same key\"");
    ok(c, d, "dict.keys", "[]", "[1, \"1\", 0.25]"); /* the key first given is shown */
    ok(c, d, "dict.values", "[]", "[\"same key\", \"text\", null]");
    ok(c, d, "dict.items", "[]", "[[1, \"same key\"], [\"1\", \"text\"], [0.25, null]]");
    ok(c, d, "dict.len", "[]", "3");
    ok(c, d, "dict.delete", "[true]", "null");
    ok(c, d, "dict.set", "[true, 2]", "null");
    ok(c, d, "dict.keys", "[]", "[\"1\", 0.25, true]");
    ok(c, d, "dict.set", "[[1, [2.0]], 'tuple']", "null");
    ok(c, d, "dict.get", "[[1.0, [2]]]", "\"tuple\"");
    ok(c, d, "dict.set", "[-0.0, 'zero']", "null");
    ok(c, d, "dict.get", "[0]", "\"zero\"");
    fails(c, d, "dict.set", "[{'a': 1}, 1]", ROOST_ETYPE);
    fails(c, d, "dict.get", "[[{'a': 1}]]", ROOST_ETYPE);
    lose(c);
}

static void dict_answers_for_absent_keys(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t d = open_object(c, "dict", "[null, {'a': 1, 'b': 2, 'c': 3}]");
    fails(c, d, "dict.get", "['x']", ROOST_EKEY);
    ok(c, d, "dict.get", "['x', null]", "null");
    ok(c, d, "dict.get", "['x', [7]]", "[7]");
    ok(c, d, "dict.contains", "['x']", "false");
    ok(c, d, "dict.contains", "['a']", "true");
    fails(c, d, "dict.delete", "['x']", ROOST_EKEY);
    fails(c, d, "dict.pop", "['x']", ROOST_EKEY);
    ok(c, d, "dict.pop", "['x', 'none']", "\"none\"");
    ok(c, d, "dict.pop", "['a']", "1");
    ok(c, d, "dict.popitem", "[]", "[\"c\", 3]");
    ok(c, d, "dict.popitem", "[]", "[\"b\", 2]");
    fails(c, d, "dict.popitem", "[]", ROOST_EKEY);
    ok(c, d, "dict.setdefault", "['k', 1]", "1");
    ok(c, d, "dict.setdefault", "['k', 2]", "1");
    ok(c, d, "dict.setdefault", "['n']", "null");
    ok(c, d, "dict.copy", "[]", "{\"k\": 1, \"n\": null}");
    ok(c, d, "dict.clear", "[]", "null");
    ok(c, d, "dict.copy", "[]", "{}");
    lose(c);
}

static void dict_does_compounds_in_one_call(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t d = open_object(c, "dict", "[]");
    ok(c, d, "dict.update", "[{'a': 1, 'b': 2}]", "null");
    ok(c, d, "dict.set_many", "[{'b': 3, 'c': 4, 'd': 5}]", "2");
    ok(c, d, "dict.get_many", "[['d', 'x', 'a']]", "{\"d\": 5, \"a\": 1}");
    ok(c, d, "dict.incr", "['a', 41]", "42");
    ok(c, d, "dict.incr", "['new']", "1");
    ok(c, d, "dict.incr", "['a', 0.5]", "42.5");
    ok(c, d, "dict.set", "['max', 9223372036854775807]", "null");
    ok(c, d, "dict.incr", "['max', 1]", "9223372036854775808");
    ok(c, d, "dict.set", "['text', 'x']", "null");
    fails(c, d, "dict.incr", "['text']", ROOST_ETYPE);
    ok(c, d, "dict.compare_and_set", "['b', 3.0, 'new']", "true");
    ok(c, d, "dict.compare_and_set", "['b', 3, 'newer']", "false");
    ok(c, d, "dict.compare_and_set", "['absent', null, 1]", "false");
    ok(c, d, "dict.get", "['b']", "\"new\"");
    ok(c, d, "dict.set", "['m', {'x': 1, 'y': [2, {'z': 3}]}]", "null");
    ok(c, d, "dict.compare_and_set", "['m', {'y': [2.0, {'z': 3}], 'x': true}, 'equal']", "true");
    fails(c, d, "dict.update", "[{'$map': [[1, 2], [{'a': 1}, 3]]}]", ROOST_ETYPE); /* and changes nothing */
    ok(c, d, "dict.contains", "[1]", "false");
    lose(c);
}

static void list_follows_python_indices(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t l = open_object(c, "list", "[null, [0, 1, 2, 3, 4]]");
    ok(c, l, "list.append", "[5]", "null");
    ok(c, l, "list.get", "[-1]", "5");
    ok(c, l, "list.get", "[0]", "0");
    fails(c, l, "list.get", "[6]", ROOST_EINDEX);
    fails(c, l, "list.get", "[-7]", ROOST_EINDEX);
    ok(c, l, "list.set", "[-6, 'zero']", "null");
    fails(c, l, "list.set", "[6, 1]", ROOST_EINDEX);
    ok(c, l, "list.insert", "[-100, 'first']", "null");
    ok(c, l, "list.insert", "[100, 'last']", "null");
    ok(c, l, "list.insert", "[-1, 'before last']", "null");
    ok(c, l, "list.copy", "[]", "[\"first\", \"zero\", 1, 2, 3, 4, 5, \"before last\", \"last\"]");
    ok(c, l, "list.pop", "[]", "\"last\"");
    ok(c, l, "list.pop", "[0]", "\"first\"");
    ok(c, l, "list.pop", "[-1]", "\"before last\"");
    ok(c, l, "list.delete", "[0]", "null");
    ok(c, l, "list.extend", "[[9, 8]]", "null");
    ok(c, l, "list.copy", "[]", "[1, 2, 3, 4, 5, 9, 8]");
    ok(c, l, "list.len", "[]", "7");
    ok(c, l, "list.clear", "[]", "null");
    fails(c, l, "list.pop", "[]", ROOST_EINDEX);
    lose(c);
}

static void list_follows_python_slices(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t l = open_object(c, "list", "[null, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]]");
    ok(c, l, "list.slice", "[2, 5]", "[2, 3, 4]");
    ok(c, l, "list.slice", "[]", "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]");
    ok(c, l, "list.slice", "[-3]", "[7, 8, 9]");
    ok(c, l, "list.slice", "[null, null, -3]", "[9, 6, 3, 0]");
    ok(c, l, "list.slice", "[8, 2, -2]", "[8, 6, 4]");
    ok(c, l, "list.slice", "[5, 2]", "[]");
    ok(c, l, "list.slice", "[-100, 100, 4]", "[0, 4, 8]");
    ok(c, l, "list.slice", "[9223372036854775807, null, -9223372036854775807]", "[9]");
    fails(c, l, "list.slice", "[0, 1, 0]", ROOST_EINVAL);
    ok(c, l, "list.set_slice", "[1, 4, null, ['a']]", "null");
    ok(c, l, "list.copy", "[]", "[0, \"a\", 4, 5, 6, 7, 8, 9]");
    ok(c, l, "list.set_slice", "[1, 1, 1, [1, 2, 3]]", "null");
    ok(c, l, "list.copy", "[]", "[0, 1, 2, 3, \"a\", 4, 5, 6, 7, 8, 9]");
    ok(c, l, "list.set_slice", "[null, null, 5, ['x', 'y', 'z']]", "null");
    fails(c, l, "list.set_slice", "[null, null, 5, [1]]", ROOST_EINVAL);
    ok(c, l, "list.copy", "[]", "[\"x\", 1, 2, 3, \"a\", \"y\", 5, 6, 7, 8, \"z\"]");
    ok(c, l, "list.delete_slice", "[null, null, -5]", "null");
    ok(c, l, "list.copy", "[]", "[1, 2, 3, \"a\", 5, 6, 7, 8]");
    ok(c, l, "list.delete_slice", "[2, -2]", "null");
    ok(c, l, "list.copy", "[]", "[1, 2, 7, 8]");
    lose(c);
}

static void list_searches_and_sorts(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t l = open_object(c, "list", "[null, [3, 1.0, 2, true, [1], 'a']]");
    ok(c, l, "list.index", "[1]", "1");
    ok(c, l, "list.index", "[1, 2]", "3");
    fails(c, l, "list.index", "[1, 2, 3]", ROOST_EKEY);
    ok(c, l, "list.index", "[[true]]", "4");
    ok(c, l, "list.count", "[1]", "2");
    ok(c, l, "list.contains", "['a']", "true");
    ok(c, l, "list.contains", "[{'$bytes': '61'}]", "false");
    fails(c, l, "list.remove", "['b']", ROOST_EKEY);
    fails(c, l, "list.sort", "[]", ROOST_ETYPE);
    ok(c, l, "list.copy", "[]", "[3, 1.0, 2, true, [1], \"a\"]"); /* a failed sort changes nothing */
    ok(c, l, "list.remove", "['a']", "null");
    ok(c, l, "list.remove", "[[1]]", "null");
    ok(c, l, "list.sort", "[]", "null");
    ok(c, l, "list.copy", "[]", "[1.0, true, 2, 3]"); /* stable */
    ok(c, l, "list.sort", "[true]", "null");
    ok(c, l, "list.copy", "[]", "[3, 2, 1.0, true]");
    ok(c, l, "list.reverse", "[]", "null");
    ok(c, l, "list.copy", "[]", "[true, 1.0, 2, 3]");
    uint64_t s = open_object(c, "list", "[null, ['b', 'a', 'ab', '']]");
    ok(c, s, "list.sort", "[]", "null");
    ok(c, s, "list.copy", "[]", "[\"\", \"a\", \"ab\", \"b\"]");
    lose(c);
}

static void list_survives_many_moves_in_the_middle(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t l = open_object(c, "list", "[]");
    int model[400], len = 0;
    unsigned seed = 3;
    for (int i = 0; i < 600; i++) {
        if (len == 0 || (rand_r(&seed) % 3 != 0 && len < 400)) {
            int at = rand_r(&seed) % (len + 1);
            memmove(model + at + 1, model + at, (size_t)(len++ - at) * sizeof(int));
            model[at] = i;
            ok(c, l, "list.insert", text("[%d, %d]", at, i), "null");
        } else {
            int at = rand_r(&seed) % len;
            ok(c, l, "list.pop", text("[%d]", at), text("%d", model[at]));
            memmove(model + at, model + at + 1, (size_t)(--len - at) * sizeof(int));
        }
    }
    for (int i = 0; i < len; i++)
        ok(c, l, "list.get", text("[%d]", i), text("%d", model[i]));
    ok(c, l, "list.len", "[]", text("%d", len));
    lose(c);
}

static void set_holds_each_value_once(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t s = open_object(c, "set", "[null, [3, 1, 3.0, true]]");
    ok(c, s, "set.len", "[]", "2");
    ok(c, s, "set.add", "[2]", "true");
    ok(c, s, "set.add", "[2.0]", "false");
    ok(c, s, "set.copy", "[]", "[3, 1, 2]");
    ok(c, s, "set.contains", "[true]", "true");
    ok(c, s, "set.discard", "[9]", "false");
    ok(c, s, "set.discard", "[3]", "true");
    fails(c, s, "set.remove", "[3]", ROOST_EKEY);
    ok(c, s, "set.remove", "[2]", "null");
    ok(c, s, "set.pop", "[]", "1");
    fails(c, s, "set.pop", "[]", ROOST_EKEY);
    fails(c, s, "set.add", "[{}]", ROOST_ETYPE);
    ok(c, s, "set.add", "['x']", "true");
    ok(c, s, "set.clear", "[]", "null");
    ok(c, s, "set.len", "[]", "0");
    lose(c);
}

static void set_combines_with_arrays_and_sets(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t s = open_object(c, "set", "[null, [1, 2, 3]]");
    uint64_t other = open_object(c, "set", "[null, [3, 4]]");
    const char *ref = text("[{'$ref': [%llu, 3]}]", (unsigned long long)other);
    ok(c, s, "set.union", ref, "[1, 2, 3, 4]");
    ok(c, s, "set.intersection", ref, "[3]");
    ok(c, s, "set.difference", ref, "[1, 2]");
    ok(c, s, "set.symmetric_difference", ref, "[1, 2, 4]");
    ok(c, s, "set.issubset", "[[3, 2, 1, 0, 1]]", "true");
    ok(c, s, "set.issubset", ref, "false");
    ok(c, s, "set.issuperset", "[[3, 3.0, 1]]", "true");
    ok(c, s, "set.issuperset", ref, "false");
    ok(c, s, "set.isdisjoint", "[[7, 8]]", "true");
    ok(c, s, "set.isdisjoint", ref, "false");
    ok(c, s, "set.update", ref, "null");
    ok(c, s, "set.copy", "[]", "[1, 2, 3, 4]");
    ok(c, s, "set.symmetric_difference_update", "[[1, 9]]", "null");
    ok(c, s, "set.copy", "[]", "[2, 3, 4, 9]");
    ok(c, s, "set.intersection_update", "[[9, 2, 3, 5]]", "null");
    ok(c, s, "set.difference_update", "[[2]]", "null");
    ok(c, s, "set.copy", "[]", "[3, 9]");
    ok(c, s, "set.difference_update", text("[{'$ref': [%llu, 3]}]", (unsigned long long)s),
       "null"); /* itself */
    ok(c, s, "set.len", "[]", "0");
    fails(c, s, "set.union", "[[{}]]", ROOST_ETYPE);
    fails(c, s, "set.union", "[{'$ref': [999999, 3]}]", ROOST_ENOENT);
    uint64_t d = open_object(c, "dict", "[]");
    fails(c, s, "set.union", text("[{'$ref': [%llu, 1]}]", (unsigned long long)d), ROOST_ETYPE);
    lose(c);
}

static void namespace_has_attributes(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t n = open_object(c, "namespace", "[null, {'name': 'Bob'}]");
    ok(c, n, "namespace.get", "['name']", "\"Bob\"");
    ok(c, n, "namespace.set", "['job', 'builder']", "null");
    ok(c, n, "namespace.names", "[]", "[\"name\", \"job\"]");
    ok(c, n, "namespace.all", "[]", "{\"name\": \"Bob\", \"job\": \"builder\"}");
    ok(c, n, "namespace.delete", "['name']", "null");
    fails(c, n, "namespace.get", "['name']", ROOST_EKEY);
    fails(c, n, "namespace.delete", "['name']", ROOST_EKEY);
    fails(c, n, "namespace.get", "[1]", ROOST_EINVAL);
    fails(c, 0, "namespace.open", "[null, {'$map': [[1, 2]]}]", ROOST_ETYPE);
    lose(c);
}

static void a_stored_reference_keeps_its_object_alive(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    int64_t objects = info(b, "objects");
    uint64_t outer = open_object(a, "dict", "['outer-of-references']");
    uint64_t inner = open_object(a, "list", "[null, [1]]");
    ok(a, outer, "dict.set", text("['inner', {'$ref': [%llu, 2]}]", (unsigned long long)inner), "null");
    lose(a);
    await_info(b, "objects", objects + 2);
    ok(b, outer, "dict.get", "['inner']", text("\"<list #%llu>\"", (unsigned long long)inner));
    ok(b, inner, "list.append", "[2]", "null");
    ok(b, outer, "dict.delete", "['inner']", "null"); /* b holds a reference now: it was sent one */
    ok(b, inner, "list.copy", "[]", "[1, 2]");
    ok(b, 0, "server.release", text("[[%llu, 1]]", (unsigned long long)inner), "null");
    fails(b, inner, "list.copy", "[]", ROOST_ENOENT);
    ok(b, 0, "server.delete", "['outer-of-references']", "null");
    await_info(b, "objects", objects);
    lose(b);
}

static void objects_that_only_refer_to_each_other_are_collected(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    int64_t objects = info(b, "objects");
    uint64_t x = open_object(a, "list", "[]"), y = open_object(a, "dict", "[]");
    uint64_t self = open_object(a, "list", "[]"), leaf = open_object(a, "event", "[]");
    ok(a, x, "list.append", text("[{'$ref': [%llu, 1]}]", (unsigned long long)y), "null");
    ok(a, y, "dict.set", text("['back', [{'$ref': [%llu, 2]}]]", (unsigned long long)x), "null");
    ok(a, y, "dict.set", text("['leaf', {'$ref': [%llu, 13]}]", (unsigned long long)leaf), "null");
    ok(a, self, "list.append", text("[{'$ref': [%llu, 2]}]", (unsigned long long)self), "null");
    assert_int_equal(info(b, "objects"), objects + 4);
    ok(b, 0, "server.retain", text("[[%llu]]", (unsigned long long)x), "null");
    lose(a);
    await_info(b, "objects", objects + 3); /* only the one that refers to itself is garbage */
    ok(b, y, "dict.len", "[]", "2");
    ok(b, 0, "server.release", text("[[%llu, 1]]", (unsigned long long)x), "null");
    await_info(b, "objects", objects);
    lose(b);
}

static void a_reference_to_nothing_is_refused_and_nothing_changes(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t l = open_object(c, "list", "[]"), d = open_object(c, "dict", "[]");
    fails(c, l, "list.append", "[{'$ref': [987654321, 2]}]", ROOST_ENOENT);
    fails(c, l, "list.extend", "[[1, [2, {'$ref': [987654321, 2]}]]]", ROOST_ENOENT);
    fails(c, l, "list.append", text("[{'$ref': [%llu, 1]}]", (unsigned long long)l),
          ROOST_ENOENT); /* no dict */
    fails(c, d, "dict.update", "[{'a': 1, 'b': {'$ref': [987654321, 2]}}]", ROOST_ENOENT);
    fails(c, d, "dict.set", text("[{'$ref': [%llu, 2]}, 1]", (unsigned long long)l), ROOST_ETYPE);
    ok(c, l, "list.len", "[]", "0");
    ok(c, d, "dict.len", "[]", "0");
    lose(c);
}

void suite_containers(const struct CMUnitTest **ret, size_t *ret_len)
{
    static const struct CMUnitTest cases[] = {
        cmocka_unit_test(dict_keeps_insertion_order_and_python_keys),
        cmocka_unit_test(dict_answers_for_absent_keys),
        cmocka_unit_test(dict_does_compounds_in_one_call),
        cmocka_unit_test(list_follows_python_indices),
        cmocka_unit_test(list_follows_python_slices),
        cmocka_unit_test(list_searches_and_sorts),
        cmocka_unit_test(list_survives_many_moves_in_the_middle),
        cmocka_unit_test(set_holds_each_value_once),
        cmocka_unit_test(set_combines_with_arrays_and_sets),
        cmocka_unit_test(namespace_has_attributes),
        cmocka_unit_test(a_stored_reference_keeps_its_object_alive),
        cmocka_unit_test(objects_that_only_refer_to_each_other_are_collected),
        cmocka_unit_test(a_reference_to_nothing_is_refused_and_nothing_changes),
    };
    *ret = cases;
    *ret_len = sizeof(cases) / sizeof(cases[0]);
}
