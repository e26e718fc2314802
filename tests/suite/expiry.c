/* expiry.c: times to live, of dict entries and of whole objects. */
#include <stdlib.h>
#include <string.h>

#include "tests/suite/suite.h"

enum { LONG = 3600000 };

static void an_entry_is_gone_when_its_time_is_over(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t d = open_object(c, "dict", "[null, {'a': 1, 'b': 2, 'c': 3}]");
    ok(c, d, "dict.set", "['b', 'brief', 30]", "null");
    ok(c, d, "dict.set", text("['long', 4, %d]", LONG), "null");
    ok(c, d, "dict.ttl", "['a']", "-1");
    await_answer(c, 30, d, "dict.contains", "['b']", "false");
    fails(c, d, "dict.get", "['b']", ROOST_EKEY);
    fails(c, d, "dict.ttl", "['b']", ROOST_EKEY);
    ok(c, d, "dict.len", "[]", "3");
    ok(c, d, "dict.items", "[]", "[[\"a\", 1], [\"c\", 3], [\"long\", 4]]"); /* the order is kept */
    ok(c, d, "dict.set", "['b', 'again']", "null");
    ok(c, d, "dict.keys", "[]", "[\"a\", \"c\", \"long\", \"b\"]");
    fails(c, d, "dict.set", "['x', 1, 0]", ROOST_EINVAL);
    fails(c, d, "dict.set", "['x', 1, -5]", ROOST_EINVAL);
    fails(c, d, "dict.set", "['x', 1, 9223372036854775807]", ROOST_EINVAL);
    ok(c, d, "dict.set", "['x', 1, null]", "null");
    ok(c, d, "dict.ttl", "['x']", "-1");
    lose(c);
}

static void what_sets_a_key_anew_ends_its_time_to_live(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t d = open_object(c, "dict", "[]");
    static const struct {
        const char *method, *args, *answer;
        bool ends;
    } rows[] = {
        {"dict.set", "['k', 1]", "null", true},
        {"dict.update", "[{'k': 1}]", "null", true},
        {"dict.set_many", "[{'k': 1}]", "0", true},
        {"dict.compare_and_set", "['k', 1, 1]", "true", true},
        {"dict.compare_and_set", "['k', 2, 1]", "false", false},
        {"dict.incr", "['k', 0]", "1", false},
        {"dict.setdefault", "['k', 1]", "1", false},
        {"dict.persist", "['k']", "true", true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ok(c, d, "dict.set", text("['k', 1, %d]", LONG), "null");
        ok(c, d, rows[i].method, rows[i].args, rows[i].answer);
        int64_t left = strtoll(answer_text(c, post(c, d, "dict.ttl", "['k']")), NULL, 10);
        assert_true(rows[i].ends ? left == -1 : left > 0 && left <= LONG);
    }
    ok(c, d, "dict.persist", "['k']", "false");
    ok(c, d, "dict.set", text("['k', 1, %d]", LONG), "null");
    ok(c, d, "dict.pop", "['k']", "1");
    ok(c, d, "dict.setdefault", "['k', 1]", "1");
    ok(c, d, "dict.ttl", "['k']", "-1"); /* it went with the key */
    lose(c);
}

static void expire_gives_and_moves_a_time_to_live(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t d = open_object(c, "dict", "[null, {'k': 1, 'm': {'in': 2, 'out': 3}}]");
    fails(c, d, "dict.expire", "['x', 10]", ROOST_EKEY);
    fails(c, d, "dict.expire", "['k', 0]", ROOST_EINVAL);
    fails(c, d, "dict.persist", "['x']", ROOST_EKEY);
    ok(c, d, "dict.expire", text("['k', %d]", LONG), "null");
    ok(c, d, "dict.expire", "['k', 20]", "null");
    await_answer(c, 20, d, "dict.contains", "['k']", "false");
    ok_at(c, d, "['m']", "dict.ttl", "['in']", "-1"); /* nested entries have times to live too */
    ok_at(c, d, "['m']", "dict.expire", "['in', 20]", "null");
    await_answer(c, 20, d, "dict.get", "['m']", "{\"out\": 3}");
    ok_at(c, d, "['m']", "dict.set", "['in', 4, 20]", "null");
    ok(c, d, "dict.delete", "['m']", "null"); /* and go with what is around them */
    pass_time(30);
    ok(c, d, "dict.copy", "[]", "{}");
    lose(c);
}

static void a_deadline_is_exact(void **state)
{
    (void)state;
    if (!time_stands_still())
        return;
    struct client *c = client_open();
    uint64_t d = open_object(c, "dict", "[null, {'k': 1}]");
    ok(c, d, "dict.expire", "['k', 100]", "null");
    pass_time(99);
    ok(c, d, "dict.ttl", "['k']", "1");
    ok(c, d, "dict.contains", "['k']", "true");
    pass_time(1);
    ok(c, d, "dict.contains", "['k']", "false");
    uint64_t l = open_object(c, "list", "[]");
    ok(c, 0, "server.expire", text("[{'$ref': [%llu, 2]}, 50]", (unsigned long long)l), "null");
    pass_time(49);
    ok(c, 0, "server.ttl", text("[{'$ref': [%llu, 2]}]", (unsigned long long)l), "1");
    pass_time(1);
    fails(c, l, "list.len", "[]", ROOST_ENOENT);
    lose(c);
}

static void an_object_is_deleted_when_its_time_is_over(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t q = open_object(c, "queue", "['brief']");
    fails(c, 0, "server.expire", "['nobody', 10]", ROOST_ENOENT);
    fails(c, 0, "server.expire", "['brief', 0]", ROOST_EINVAL);
    ok(c, 0, "server.ttl", "['brief']", "-1");
    ok(c, 0, "server.persist", "['brief']", "false");
    ok(c, 0, "server.expire", text("['brief', %d]", LONG), "null");
    assert_non_null(strstr(answer_text(c, post(c, 0, "server.describe", "['brief']")), "\"ttl_ms\": 3"));
    ok(c, 0, "server.persist", "['brief']", "true");
    ok(c, 0, "server.ttl", "['brief']", "-1");
    uint64_t get = post(c, q, "queue.get", "[]");
    waits(c, get);
    ok(c, 0, "server.expire", "['brief', 20]", "null");
    pass_time(20);
    answered(c, get, text("error %d", ROOST_EDELETED));
    fails(c, q, "queue.qsize", "[]", ROOST_ENOENT);
    fails(c, 0, "server.find", "['brief']", ROOST_ENOENT);
    assert_true(open_object(c, "queue", "['brief']") > q);
    ok(c, 0, "server.ttl", "['brief']", "-1");
    ok(c, 0, "server.expire", text("['brief', %d]", LONG), "null");
    ok(c, 0, "server.delete", "['brief']", "null");
    lose(c);
}

static void what_expires_lets_go_of_what_it_refers_to(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    int64_t objects = info(b, "objects");
    uint64_t d = open_object(a, "dict", "['expiring-outer']"), inner = open_object(a, "list", "[]");
    ok(a, d, "dict.set", text("['k', {'$ref': [%llu, 2]}]", (unsigned long long)inner), "null");
    lose(a);
    await_info(b, "objects", objects + 2);
    open_object(b, "dict", "['expiring-outer']");
    ok(b, d, "dict.expire", "['k', 20]", "null");
    pass_time(20);
    await_info(b, "objects", objects + 1);
    ok(b, 0, "server.expire", "['expiring-outer', 20]", "null");
    pass_time(20);
    await_info(b, "objects", objects);
    lose(b);
}

static void many_entries_expire_in_any_order(void **state)
{
    (void)state;
    if (!time_stands_still())
        return;
    enum { KEYS = 200 };
    struct client *c = client_open();
    uint64_t d = open_object(c, "dict", "[]");
    int ends[KEYS];
    unsigned seed = 5;
    for (int i = 0; i < KEYS; i++) {
        ends[i] = 1 + rand_r(&seed) % 100;
        ok(c, d, "dict.set", text("[%d, %d, %d]", i, i, ends[i]), "null");
    }
    for (int now = 1; now <= 100; now++) {
        pass_time(1);
        int alive = 0;
        for (int i = 0; i < KEYS; i++)
            alive += ends[i] > now;
        ok(c, d, "dict.len", "[]", text("%d", alive));
        int i = rand_r(&seed) % KEYS;
        ok(c, d, "dict.contains", text("[%d]", i), ends[i] > now ? "true" : "false");
    }
    lose(c);
}

void suite_expiry(const struct CMUnitTest **ret, size_t *ret_len)
{
    static const struct CMUnitTest cases[] = {
        cmocka_unit_test(an_entry_is_gone_when_its_time_is_over),
        cmocka_unit_test(what_sets_a_key_anew_ends_its_time_to_live),
        cmocka_unit_test(expire_gives_and_moves_a_time_to_live),
        cmocka_unit_test(a_deadline_is_exact),
        cmocka_unit_test(an_object_is_deleted_when_its_time_is_over),
        cmocka_unit_test(what_expires_lets_go_of_what_it_refers_to),
        cmocka_unit_test(many_entries_expire_in_any_order),
    };
    *ret = cases;
    *ret_len = sizeof(cases) / sizeof(cases[0]);
}
