/* nested.c: dict and list methods on plain values nested inside others, through a path. */
#include <stdlib.h>
#include <string.h>

#include "tests/suite/suite.h"

static void a_write_through_a_path_changes_the_value_in_place(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t d = open_object(c, "dict", "[null, {'k': [1], 'm': {'in': {'deep': [[0], [1]]}}, 'x': 1}]");
    ok_at(c, d, "['k']", "list.append", "[2]", "null");
    ok_at(c, d, "['k']", "list.extend", "[[3, 4]]", "null");
    ok(c, d, "dict.get", "['k']", "[1, 2, 3, 4]");
    ok_at(c, d, "['m', 'in', 'deep', -1]", "list.insert", "[0, 'first']", "null");
    ok_at(c, d, "['m', 'in']", "dict.set", "['new', {'a': 1}]", "null");
    ok_at(c, d, "['m', 'in', 'new']", "dict.incr", "['a', 41]", "42");
    ok(c, d, "dict.copy", "[]",
       "{\"k\": [1, 2, 3, 4], \"m\": {\"in\": {\"deep\": [[0], [\"first\", 1]], \"new\": {\"a\": 42}}}, "
       "\"x\": 1}");
    ok_at(c, d, "[]", "dict.len", "[]", "3"); /* no step: the object itself */
    uint64_t l = open_object(c, "list", "[null, [[0, 1], {'k': []}]]");
    ok_at(c, l, "[1, 'k']", "list.append", "['x']", "null");
    ok_at(c, l, "[0]", "list.pop", "[0]", "0");
    ok(c, l, "list.copy", "[]", "[[1], {\"k\": [\"x\"]}]");
    uint64_t n = open_object(c, "namespace", "[null, {'list': []}]");
    ok_at(c, n, "['list']", "list.append", "[7]", "null");
    ok(c, n, "namespace.all", "[]", "{\"list\": [7]}");
    lose(c);
}

/* Every method of dicts, on a map in bytes first, then on the tree it became. */
static void every_dict_method_works_at_a_path(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t d = open_object(c, "dict", "[null, {'m': {'a': 1, 'b': [2]}}]");
    for (int round = 0; round < 2; round++) {
        ok_at(c, d, "['m']", "dict.get", "['b']", "[2]");
        ok_at(c, d, "['m']", "dict.get", "['x', 9]", "9");
        fails_at(c, d, "['m']", "dict.get", "['x']", ROOST_EKEY);
        ok_at(c, d, "['m']", "dict.contains", "['a']", "true");
        ok_at(c, d, "['m']", "dict.len", "[]", "2");
        ok_at(c, d, "['m']", "dict.keys", "[]", "[\"a\", \"b\"]");
        ok_at(c, d, "['m']", "dict.values", "[]", "[1, [2]]");
        ok_at(c, d, "['m']", "dict.items", "[]", "[[\"a\", 1], [\"b\", [2]]]");
        ok_at(c, d, "['m']", "dict.copy", "[]", "{\"a\": 1, \"b\": [2]}");
        ok_at(c, d, "['m']", "dict.get_many", "[['b', 'x']]", "{\"b\": [2]}");
        if (round == 0)
            ok_at(c, d, "['m', 'b']", "list.append", "[3]", "null"), /* from here on a tree */
                ok_at(c, d, "['m', 'b']", "list.pop", "[]", "3");
    }
    ok_at(c, d, "['m']", "dict.set", "['c', 3]", "null");
    ok_at(c, d, "['m']", "dict.setdefault", "['c', 4]", "3");
    ok_at(c, d, "['m']", "dict.update", "[{'c': 5, 'd': 6}]", "null");
    ok_at(c, d, "['m']", "dict.set_many", "[{'d': 7, 'e': 8}]", "1");
    ok_at(c, d, "['m']", "dict.compare_and_set", "['b', [2.0], 'equal']", "true");
    ok_at(c, d, "['m']", "dict.incr", "['a']", "2");
    ok_at(c, d, "['m']", "dict.pop", "['e']", "8");
    ok_at(c, d, "['m']", "dict.popitem", "[]", "[\"d\", 7]");
    ok_at(c, d, "['m']", "dict.delete", "['c']", "null");
    ok(c, d, "dict.get", "['m']", "{\"a\": 2, \"b\": \"equal\"}");
    ok_at(c, d, "['m']", "dict.clear", "[]", "null");
    ok(c, d, "dict.copy", "[]", "{\"m\": {}}");
    lose(c);
}

static void every_list_method_works_at_a_path(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t d = open_object(c, "dict", "[null, {'l': [3, [1], 2]}]");
    for (int round = 0; round < 2; round++) {
        ok_at(c, d, "['l']", "list.get", "[-1]", "2");
        fails_at(c, d, "['l']", "list.get", "[3]", ROOST_EINDEX);
        ok_at(c, d, "['l']", "list.slice", "[null, null, -1]", "[2, [1], 3]");
        ok_at(c, d, "['l']", "list.index", "[[1]]", "1");
        ok_at(c, d, "['l']", "list.count", "[3]", "1");
        ok_at(c, d, "['l']", "list.contains", "[[true]]", "true");
        ok_at(c, d, "['l']", "list.copy", "[]", "[3, [1], 2]");
        ok_at(c, d, "['l']", "list.len", "[]", "3");
        if (round == 0)
            ok_at(c, d, "['l', 1]", "list.set", "[0, true]", "null");
        if (round == 0)
            ok_at(c, d, "['l', 1]", "list.set", "[0, 1]", "null");
    }
    fails_at(c, d, "['l']", "list.sort", "[]", ROOST_ETYPE);
    ok_at(c, d, "['l']", "list.remove", "[[1]]", "null");
    ok_at(c, d, "['l']", "list.extend", "[[9, 8]]", "null");
    ok_at(c, d, "['l']", "list.sort", "[true]", "null");
    ok_at(c, d, "['l']", "list.reverse", "[]", "null");
    ok_at(c, d, "['l']", "list.copy", "[]", "[2, 3, 8, 9]");
    ok_at(c, d, "['l']", "list.set", "[0, 1]", "null");
    ok_at(c, d, "['l']", "list.insert", "[1, 'i']", "null");
    ok_at(c, d, "['l']", "list.set_slice", "[-2, null, null, [5, 6, 7]]", "null");
    ok_at(c, d, "['l']", "list.delete_slice", "[null, null, 3]", "null");
    ok_at(c, d, "['l']", "list.delete", "[0]", "null");
    ok(c, d, "dict.get", "['l']", "[3, 6, 7]");
    ok_at(c, d, "['l']", "list.pop", "[0]", "3");
    ok_at(c, d, "['l']", "list.clear", "[]", "null");
    ok(c, d, "dict.copy", "[]", "{\"l\": []}");
    lose(c);
}

static void a_path_that_leads_nowhere_says_why(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t inner = open_object(c, "list", "[null, [1]]"), q = open_object(c, "queue", "[]");
    uint64_t d = open_object(c, "dict", "[null, {'l': [1, {'s': 'text'}], 'm': {'k': 1}}]");
    ok(c, d, "dict.set", text("['ref', {'$ref': [%llu, 2]}]", (unsigned long long)inner), "null");
    for (int round = 0; round < 2; round++) { /* in bytes, then in trees */
        fails_at(c, d, "['x']", "list.len", "[]", ROOST_EKEY);
        fails_at(c, d, "['m', 'x']", "list.len", "[]", ROOST_EKEY);
        fails_at(c, d, "['m', {'a': 1}]", "list.len", "[]", ROOST_ETYPE);
        fails_at(c, d, "['l', 2]", "list.len", "[]", ROOST_EINDEX);
        fails_at(c, d, "['l', -3]", "list.len", "[]", ROOST_EINDEX);
        fails_at(c, d, "['l', 'k']", "list.len", "[]", ROOST_ETYPE);
        fails_at(c, d, "['l', 0, 0]", "list.append", "[1]", ROOST_ETYPE);
        fails_at(c, d, "['l', 1, 's', 0]", "list.append", "[1]", ROOST_ETYPE);
        fails_at(c, d, "['ref', 0]", "list.append", "[1]", ROOST_ETYPE);
        fails_at(c, d, "['ref']", "list.append", "[1]", ROOST_ETYPE);
        fails_at(c, d, "['m']", "list.append", "[1]", ROOST_ETYPE);
        fails_at(c, d, "['l']", "dict.set", "['a', 1]", ROOST_ETYPE);
        fails_at(c, d, "['l', 0]", "list.append", "[1]", ROOST_ETYPE);
    }
    fails_at(c, d, "['l']", "queue.qsize", "[]", ROOST_EINVAL);
    fails_at(c, 0, "['l']", "server.info", "[]", ROOST_EINVAL);
    fails_at(c, 0, "['l']", "list.open", "[]", ROOST_EINVAL);
    fails_at(c, q, "['l']", "list.append", "[1]", ROOST_ETYPE);
    fails_at(c, 999999, "['l']", "list.append", "[1]", ROOST_ENOENT);
    ok(c, d, "dict.get", "['l']", "[1, {\"s\": \"text\"}]");
    lose(c);
}

static void python_keys_are_one_key_at_every_level(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t d = open_object(c, "dict", "[null, {'m': {'$map': [[1, [1]], [[2, 3], {'t': []}]]}}]");
    ok_at(c, d, "['m', true]", "list.len", "[]", "1");
    ok_at(c, d, "['m', 1.0]", "list.append", "[2]", "null");
    ok_at(c, d, "['m', [2.0, 3], 't']", "list.append", "[3]", "null");
    ok_at(c, d, "['m', 1]", "list.copy", "[]", "[1, 2]");
    ok_at(c, d, "['m']", "dict.keys", "[]", "[1, [2, 3]]");
    ok(c, d, "dict.set", "['twice', {'$map': [['a', [1]], ['a', [2]]]}]", "null");
    ok_at(c, d, "['twice', 'a']", "list.copy", "[]", "[2]"); /* the last one counts, read or written */
    ok_at(c, d, "['twice', 'a']", "list.append", "[3]", "null");
    ok(c, d, "dict.get", "['twice']", "{\"a\": [2, 3]}");
    ok(c, d, "dict.set", "['bad', {'$map': [[{'x': 1}, [1]]]}]", "null");
    fails_at(c, d, "['bad']", "dict.set", "['k', 1]", ROOST_ETYPE);
    fails_at(c, d, "['bad']", "dict.get", "['k']", ROOST_ETYPE);
    ok(c, d, "dict.contains", "['bad']", "true");
    lose(c);
}

static void trees_equal_what_they_hold(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t d = open_object(c, "dict", "[null, {'m': {'a': 1}, 'l': [[2], [1], {'z': 0}]}]");
    ok_at(c, d, "['m']", "dict.set", "['b', [2]]", "null");
    ok(c, d, "dict.compare_and_set", "['m', {'a': 1, 'b': [3]}, 0]", "false");
    ok(c, d, "dict.compare_and_set", "['m', {'b': [2.0], 'a': true}, 'equal']", "true");
    ok_at(c, d, "['l', 0]", "list.append", "[9]", "null");
    ok_at(c, d, "['l', 1]", "list.append", "[8]", "null");
    ok_at(c, d, "['l', 2]", "dict.set", "['y', 1]", "null");
    ok_at(c, d, "['l']", "list.index", "[[1, 8]]", "1");
    ok_at(c, d, "['l']", "list.contains", "[[1]]", "false");
    ok_at(c, d, "['l']", "list.count", "[{'y': 1, 'z': 0}]", "1");
    fails_at(c, d, "['l']", "list.sort", "[]", ROOST_ETYPE);
    ok_at(c, d, "['l']", "list.remove", "[{'y': 1, 'z': 0}]", "null");
    ok_at(c, d, "['l']", "list.sort", "[]", "null");
    ok_at(c, d, "['l']", "list.append", "[[1, 7]]", "null");
    ok_at(c, d, "['l']", "list.sort", "[]", "null");
    ok(c, d, "dict.get", "['l']", "[[1, 7], [1, 8], [2, 9]]");
    ok_at(c, d, "['l', 1]", "list.append", "['still in place']", "null");
    ok(c, d, "dict.pop", "['l']", "[[1, 7], [1, 8, \"still in place\"], [2, 9]]");
    ok(c, d, "dict.set", "['n', {'tree': {'x': 1}}]", "null");
    ok_at(c, d, "['n', 'tree']", "dict.set", "['y', 2]", "null");
    fails_at(c, d, "['n']", "dict.incr", "['tree']", ROOST_ETYPE);
    lose(c);
}

static void references_inside_trees_keep_their_objects_alive(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    int64_t objects = info(b, "objects");
    uint64_t d = open_object(a, "dict", "['tree-of-references', {'l': [1], 'm': {}}]");
    uint64_t x = open_object(a, "list", "[null, ['x']]"), y = open_object(a, "list", "[null, ['y']]");
    ok_at(a, d, "['l']", "list.append", text("[{'$ref': [%llu, 2]}]", (unsigned long long)x), "null");
    ok(a, d, "dict.set", text("['n', [[{'$ref': [%llu, 2]}]]]", (unsigned long long)y), "null");
    ok_at(a, d, "['n', 0]", "list.append", "['a tree now']", "null");
    ok_at(a, d, "['m']", "dict.set", text("['again', {'$ref': [%llu, 2]}]", (unsigned long long)x), "null");
    fails_at(a, d, "['l']", "list.append", "[{'$ref': [987654321, 2]}]", ROOST_ENOENT);
    lose(a);
    await_info(b, "objects", objects + 3);
    d = open_object(b, "dict", "['tree-of-references']");
    ok(b, d, "dict.get", "['l']", text("[1, \"<list #%llu>\"]", (unsigned long long)x)); /* b refers to x */
    ok_at(b, d, "['l']", "list.pop", "[]", text("\"<list #%llu>\"", (unsigned long long)x));
    ok(b, 0, "server.release", text("[[%llu, 2]]", (unsigned long long)x), "null");
    ok(b, x, "list.copy", "[]", "[\"x\"]"); /* the map refers to it still */
    ok_at(b, d, "['m']", "dict.clear", "[]", "null");
    fails(b, x, "list.copy", "[]", ROOST_ENOENT);
    ok(b, y, "list.copy", "[]", "[\"y\"]");
    ok(b, d, "dict.set",
       text("['twice', {'$map': [['a', {'$ref': [%llu, 2]}], ['a', []]]}]", (unsigned long long)y), "null");
    ok_at(b, d, "['twice']", "dict.set", "['b', 1]", "null"); /* the first of the two is dropped */
    ok(b, d, "dict.delete", "['n']", "null");
    fails(b, y, "list.copy", "[]", ROOST_ENOENT);
    ok(b, 0, "server.delete", "['tree-of-references']", "null");
    await_info(b, "objects", objects);
    lose(b);
}

static void a_deleted_object_s_reference_does_not_hinder_writes_beside_it(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t gone = open_object(c, "list", "['gone']");
    uint64_t d = open_object(c, "dict", "[]");
    ok(c, d, "dict.set", text("['k', [1, {'$ref': [%llu, 2]}]]", (unsigned long long)gone), "null");
    ok(c, 0, "server.delete", "['gone']", "null");
    ok_at(c, d, "['k']", "list.append", "[2]", "null");
    ok_at(c, d, "['k']", "list.len", "[]", "3");
    fails_at(c, d, "['k']", "list.append", text("[{'$ref': [%llu, 2]}]", (unsigned long long)gone),
             ROOST_ENOENT);
    ok(c, d, "dict.clear", "[]", "null");
    lose(c);
}

static void cycles_through_trees_are_collected(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    int64_t objects = info(b, "objects");
    uint64_t x = open_object(a, "dict", "[null, {'in': {'list': []}}]"),
             y = open_object(a, "list", "[null, [[]]]");
    ok_at(a, x, "['in', 'list']", "list.append", text("[{'$ref': [%llu, 2]}]", (unsigned long long)y),
          "null");
    ok_at(a, y, "[0]", "list.append", text("[{'$ref': [%llu, 1]}]", (unsigned long long)x), "null");
    ok(b, 0, "server.retain", text("[[%llu]]", (unsigned long long)x), "null");
    lose(a);
    await_info(b, "sessions", 1);
    ok_at(b, y, "[0]", "list.len", "[]", "1");
    ok(b, 0, "server.release", text("[[%llu, 1]]", (unsigned long long)x), "null");
    await_info(b, "objects", objects);
    lose(b);
}

static void nesting_has_its_limit_through_paths_too(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t d = open_object(c, "dict", "[null, {'k': []}]");
    char path[256] = "['k'";
    for (int i = 0; i < 23; i++) {
        char whole[300];
        snprintf(whole, sizeof(whole), "%s]", path);
        ok_at(c, d, whole, "list.append", "[[]]", "null");
        strcat(path, ", 0");
    }
    strcat(path, "]");
    ok_at(c, d, path, "list.append", "[1]", "null");
    fails_at(c, d, path, "list.append", "[[]]", ROOST_ELIMIT);
    ok_at(c, d, path, "list.extend", "[[1]]", "null");
    fails_at(c, d, path, "list.extend", "[[[1]]]", ROOST_ELIMIT);
    ok_at(c, d, path, "list.copy", "[]", "[1, 1]");
    lose(c);
}

/* A dict of lists of dicts against a model, so that bytes and trees are mixed in every way. */
static void many_nested_changes_agree_with_a_model(void **state)
{
    (void)state;
    enum { KEYS = 5, STEPS = 1500 };
    struct client *c = client_open();
    uint64_t d = open_object(c, "dict", "[null, {'0': [], '1': [], '2': [], '3': [], '4': []}]");
    int model[KEYS][STEPS], len[KEYS] = {0};
    unsigned seed = 11;
    for (int i = 0; i < STEPS; i++) {
        int k = rand_r(&seed) % KEYS, *v = model[k], *n = &len[k];
        const char *path = text("['%d']", k);
        int what = rand_r(&seed) % 4, at = *n > 0 ? rand_r(&seed) % *n : 0;
        if (what == 0 || *n == 0) {
            ok_at(c, d, path, "list.append", text("[{'v': %d}]", i), "null");
            v[(*n)++] = i;
        } else if (what == 1) {
            ok_at(c, d, text("['%d', %d]", k, at), "dict.incr", "['v', 1000]", text("%d", v[at] + 1000));
            v[at] += 1000;
        } else if (what == 2) {
            ok_at(c, d, path, "list.pop", text("[%d]", at), text("{\"v\": %d}", v[at]));
            memmove(v + at, v + at + 1, (size_t)(--*n - at) * sizeof(int));
        } else {
            ok_at(c, d, text("['%d', %d]", k, at), "dict.get", "['v']", text("%d", v[at]));
        }
    }
    for (int k = 0; k < KEYS; k++)
        for (int i = 0; i < len[k]; i++)
            ok_at(c, d, text("['%d', %d]", k, i), "dict.get", "['v']", text("%d", model[k][i]));
    lose(c);
}

void suite_nested(const struct CMUnitTest **ret, size_t *ret_len)
{
    static const struct CMUnitTest cases[] = {
        cmocka_unit_test(a_write_through_a_path_changes_the_value_in_place),
        cmocka_unit_test(every_dict_method_works_at_a_path),
        cmocka_unit_test(every_list_method_works_at_a_path),
        cmocka_unit_test(a_path_that_leads_nowhere_says_why),
        cmocka_unit_test(python_keys_are_one_key_at_every_level),
        cmocka_unit_test(trees_equal_what_they_hold),
        cmocka_unit_test(references_inside_trees_keep_their_objects_alive),
        cmocka_unit_test(a_deleted_object_s_reference_does_not_hinder_writes_beside_it),
        cmocka_unit_test(cycles_through_trees_are_collected),
        cmocka_unit_test(nesting_has_its_limit_through_paths_too),
        cmocka_unit_test(many_nested_changes_agree_with_a_model),
    };
    *ret = cases;
    *ret_len = sizeof(cases) / sizeof(cases[0]);
}
