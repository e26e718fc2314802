/* server.c: names, errors of calls, what the server says of itself, and that nothing is left behind. */
#include <stdlib.h>
#include <string.h>

#include "tests/suite/suite.h"

static void opening_a_name_twice_gives_the_same_object(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t d = open_object(a, "dict", "['shared', {'k': 1}]");
    assert_int_equal(open_object(b, "dict", "['shared', {'ignored': 2}]"), d);
    ok(b, d, "dict.copy", "[]", "{\"k\": 1}");
    fails(b, 0, "list.open", "['shared']", ROOST_EEXIST);
    ok(b, 0, "server.find", "['shared']", text("\"<dict #%llu>\"", (unsigned long long)d));
    fails(b, 0, "server.find", "['nobody']", ROOST_ENOENT);
    lose(a);
    await_info(b, "sessions", 1);
    ok(b, d, "dict.copy", "[]", "{\"k\": 1}"); /* a named object outlives its sessions */
    ok(b, 0, "server.delete", "['shared']", "null");
    fails(b, d, "dict.copy", "[]", ROOST_ENOENT);
    fails(b, 0, "server.delete", "['shared']", ROOST_ENOENT);
    assert_true(open_object(b, "dict", "['shared']") > d); /* ids are never reused */
    ok(b, 0, "server.delete", "['shared']", "null");
    lose(b);
}

static void parameters_given_must_agree(void **state)
{
    (void)state;
    static const struct {
        const char *type, *create, *agree, *disagree;
    } rows[] = {
        {"queue", "['p', 5, 'lifo']", "['p', 5]", "['p', 6]"},
        {"semaphore", "['p', 3]", "['p']", "['p', 4]"},
        {"bounded_semaphore", "['p', 3]", "['p', 3]", "['p', 4]"},
        {"barrier", "['p', 2, 100]", "['p', 2]", "['p', 3]"},
        {"value", "['p', 'i', 7]", "['p', 'i', 8]", "['p', 'd']"},
        {"array", "['p', 'i', [1, 2]]", "['p', 'i', 2]", "['p', 'i', 3]"},
    };
    struct client *c = client_open();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t id = open_object(c, rows[i].type, rows[i].create);
        assert_int_equal(open_object(c, rows[i].type, rows[i].agree), id);
        assert_int_equal(open_object(c, rows[i].type, "['p']"), id);
        fails(c, 0, text("%s.open", rows[i].type), rows[i].disagree, ROOST_EEXIST);
        ok(c, 0, "server.delete", "['p']", "null");
    }
    uint64_t cond = open_object(c, "condition", "['p']"), l = open_object(c, "lock", "['q']");
    assert_int_equal(open_object(c, "condition", "['p']"), cond);
    fails(c, 0, "condition.open", text("['p', {'$ref': [%llu, 8]}]", (unsigned long long)l), ROOST_EEXIST);
    assert_int_equal(open_object(c, "event", "['r']"), open_object(c, "event", "['r']"));
    assert_int_equal(open_object(c, "set", "['s']"), open_object(c, "set", "['s', [1]]"));
    assert_int_equal(open_object(c, "rlock", "['t']"), open_object(c, "rlock", "['t']"));
    assert_int_equal(open_object(c, "namespace", "['u']"), open_object(c, "namespace", "['u']"));
    for (const char *name = "pqrstu"; *name != '\0'; name++)
        ok(c, 0, "server.delete", text("['%c']", *name), "null");
    lose(c);
}

static void names_have_limits(void **state)
{
    (void)state;
    struct client *c = client_open();
    char name[300];
    memset(name, 'n', sizeof(name));
    name[255] = '\0';
    uint64_t d = open_object(c, "dict", text("['%s']", name));
    ok(c, 0, "server.delete", text("[{'$ref': [%llu, 1]}]", (unsigned long long)d), "null");
    name[255] = 'n';
    name[256] = '\0';
    fails(c, 0, "dict.open", text("['%s']", name), ROOST_ELIMIT);
    fails(c, 0, "dict.open", "['']", ROOST_EINVAL);
    lose(c);
}

static void bad_calls_get_clear_errors(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t d = open_object(c, "dict", "[]");
    fails(c, d, "dict.set", "['k']", ROOST_EINVAL);
    fails(c, d, "dict.len", "[1]", ROOST_EINVAL);
    fails(c, d, "list.len", "[]", ROOST_ETYPE);
    fails(c, 999999, "dict.len", "[]", ROOST_ENOENT);
    fails(c, d, "dict.update", "[[1]]", ROOST_ETYPE);
    uint64_t q = open_object(c, "queue", "[]");
    fails(c, q, "queue.get", "[-2]", ROOST_EINVAL);
    fails(c, q, "queue.get", "['soon']", ROOST_ETYPE);
    fails(c, q, "queue.get_many", "[-1]", ROOST_EINVAL);
    lose(c);
}

static void deleting_wakes_the_waiters(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t q = open_object(a, "queue", "['doomed']");
    uint64_t get = post(b, q, "queue.get", "[]"), join_needs_no_wait = post(b, q, "queue.join", "[]");
    waits(b, get);
    answered(b, join_needs_no_wait, "null");
    ok(a, 0, "server.delete", "['doomed']", "null");
    answered(b, get, text("error %d", ROOST_EDELETED));
    lose(a), lose(b);
}

static void who_shows_holders_and_waiters_in_order(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t l = open_object(a, "lock", "['who-lock']");
    uint64_t token = granted(a, post_as(a, 11, l, "lock.acquire", "[]"), false);
    uint64_t x = post_as(b, 22, l, "lock.acquire", "[]"), y = post_as(b, 33, l, "lock.acquire", "[60000]");
    waits(b, x);
    waits(b, y);
    const char *who = answer_text(a, post(a, 0, "server.who", "['who-lock']"));
    assert_non_null(strstr(who, text("\"token\": %llu", (unsigned long long)token)));
    const char *first = strstr(who, "\"thread\": 11"), *second = strstr(who, "\"thread\": 22");
    const char *third = strstr(who, "\"thread\": 33");
    assert_true(first != NULL && second != NULL && third != NULL && first < second && second < third);
    assert_non_null(strstr(second, "\"left_ms\": -1"));
    const char *described = answer_text(a, post(a, 0, "server.describe", "['who-lock']"));
    assert_non_null(strstr(described, "\"waiters\": 2"));
    assert_non_null(strstr(described, "\"locked\": true"));
    ok(a, 0, "server.delete", "['who-lock']", "null");
    lose(a), lose(b);
}

static void list_describes_every_object(void **state)
{
    (void)state;
    struct client *c = client_open();
    ok(c, 0, "server.list", "['barrier']", "[]");
    open_object(c, "barrier", "['b1', 4]");
    const char *all = answer_text(c, post(c, 0, "server.list", "[]"));
    assert_non_null(strstr(all, "\"name\": \"b1\""));
    const char *barriers = answer_text(c, post(c, 0, "server.list", "['barrier']"));
    assert_non_null(strstr(barriers, "\"parties\": 4"));
    fails(c, 0, "server.list", "['nothing']", ROOST_EINVAL);
    ok(c, 0, "server.ping", "[[1, 'two']]", "[1, \"two\"]");
    assert_non_null(strstr(answer_text(c, post(c, 0, "server.methods", "[]")), "\"server.methods\": "));
    ok(c, 0, "server.delete", "['b1']", "null");
    lose(c);
}

static void retain_and_release_refuse_nonsense(void **state)
{
    (void)state;
    struct client *c = client_open();
    fails(c, 0, "server.retain", "[['x']]", ROOST_EINVAL);
    ok(c, 0, "server.retain", "[[123456789]]",
       "null"); /* gone is no error: the caller learns when it calls */
    fails(c, 0, "server.release", "[[1, -1]]", ROOST_EINVAL);
    ok(c, 0, "server.release", "[[123456789, 5]]", "null");
    lose(c);
}

static int64_t number_behind(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    assert_non_null(at);
    return strtoll(at + strlen(name), NULL, 10);
}

static void objects_and_sessions_come_in_pages(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    for (int i = 0; i < 3; i++)
        open_object(a, "dict", text("['page-%d']", i));
    const char *page = answer_text(a, post(a, 0, "server.objects", "[0, 2]"));
    assert_non_null(strstr(page, "\"page-0\""));
    assert_non_null(strstr(page, "\"page-1\""));
    assert_null(strstr(page, "\"page-2\""));
    long long cursor = strtoll(strrchr(page, ' '), NULL, 10);
    ok(a, 0, "server.delete", "['page-1']", "null"); /* the cursor's own object goes */
    page = answer_text(a, post(a, 0, "server.objects", text("[%lld]", cursor)));
    assert_non_null(strstr(page, "\"page-2\""));
    assert_null(strstr(page, "\"page-0\""));
    assert_non_null(strstr(page, "null]"));
    page = answer_text(a, post(a, 0, "server.sessions", "[0, 1]"));
    assert_true(number_behind(page, "\"calls\": ") > 0);
    cursor = strtoll(strrchr(page, ' '), NULL, 10);
    assert_int_equal(cursor, number_behind(page, "\"id\": "));
    page = answer_text(a, post(a, 0, "server.sessions", text("[%lld]", cursor)));
    assert_non_null(strstr(page, "\"held\": 0"));
    assert_null(strstr(page, text("\"id\": %lld,", cursor)));
    ok(a, 0, "server.delete", "['page-0']", "null");
    ok(a, 0, "server.delete", "['page-2']", "null");
    lose(a), lose(b);
}

/* The session that holds an object. */
static long long holder_of(struct client *c, const char *name)
{
    return number_behind(answer_text(c, post(c, 0, "server.who", text("['%s']", name))), "\"session\": ");
}

static void a_killed_session_gives_up_what_it_held(void **state)
{
    (void)state;
    struct client *victim = client_open(), *next = client_open(), *admin = client_open();
    uint64_t l = open_object(victim, "lock", "['kill-lock']");
    take(victim, l, "lock.acquire");
    uint64_t waiting = wait_as(next, 1, l, "lock.acquire", "[]");
    long long id = holder_of(admin, "kill-lock");
    ok(admin, 0, "server.kill", text("[%lld]", id), "null");
    granted(next, waiting, true);
    fails(admin, 0, "server.kill", text("[%lld]", id), ROOST_ENOENT);
    fails(next, 0, "server.kill", text("[%lld]", holder_of(admin, "kill-lock")), ROOST_EINVAL); /* itself */
    ok(admin, 0, "server.delete", "['kill-lock']", "null");
    lose(victim), lose(next), lose(admin);
}

static void a_server_of_no_cluster_says_so(void **state)
{
    (void)state;
    struct client *c = client_open();
    fails(c, 0, "server.cluster", "[]", ROOST_EINVAL);
    fails(c, 0, "server.cluster_add", "[4, 'host:1', 'tcp://host:2']", ROOST_EINVAL);
    fails(c, 0, "server.cluster_remove", "[4]", ROOST_EINVAL);
    fails(c, 0, "server.cluster_transfer", "[]", ROOST_EINVAL);
    lose(c);
}

static void nothing_is_left_when_all_sessions_are_gone(void **state)
{
    (void)state;
    struct client *c = client_open();
    await_info(c, "sessions", 1);
    assert_int_equal(info(c, "objects"), 0);
    assert_int_equal(info(c, "named"), 0);
    assert_int_equal(info(c, "waiters"), 0);
    assert_int_equal(info(c, "holds"), 0);
    assert_int_equal(info(c, "deliveries"), 0);
    lose(c);
}

static void every_row_of_the_table_was_called(void **state)
{
    (void)state;
    const char *missing = first_row_not_called();
    if (missing != NULL)
        fail_msg("no case calls %s", missing);
}

void suite_server(const struct CMUnitTest **ret, size_t *ret_len)
{
    static const struct CMUnitTest cases[] = {
        cmocka_unit_test(opening_a_name_twice_gives_the_same_object),
        cmocka_unit_test(parameters_given_must_agree),
        cmocka_unit_test(names_have_limits),
        cmocka_unit_test(bad_calls_get_clear_errors),
        cmocka_unit_test(deleting_wakes_the_waiters),
        cmocka_unit_test(who_shows_holders_and_waiters_in_order),
        cmocka_unit_test(list_describes_every_object),
        cmocka_unit_test(retain_and_release_refuse_nonsense),
        cmocka_unit_test(objects_and_sessions_come_in_pages),
        cmocka_unit_test(a_killed_session_gives_up_what_it_held),
        cmocka_unit_test(a_server_of_no_cluster_says_so),
        cmocka_unit_test(nothing_is_left_when_all_sessions_are_gone),
        cmocka_unit_test(every_row_of_the_table_was_called),
    };
    *ret = cases;
    *ret_len = sizeof(cases) / sizeof(cases[0]);
}
