/* test_rights.c: what an identity may do, and that no way leads round it. */
#include "tests/auth/daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "roost/roost.h"

#define KEY_OF(digit) "000000000000000000000000000000000000000000000000000000000000000" digit

static const char rules[] = "key root " KEY_OF(
    "1") "\nallow root read,write,admin *\n"
         "key reader " KEY_OF("2") "\nallow reader read pub.*\n"
                                   "key writer " KEY_OF(
                                       "3") "\nallow writer write pub.*\n"
                                            "key both " KEY_OF(
                                                "4") "\nallow both read pub.*\nallow both write pub.[ab]\n"
                                                     "key none " KEY_OF("5") "\n";

static roost_manager *root, *reader, *writer, *both, *none;

static roost_manager *enter(const char *who, const char *digits)
{
    roost_manager *m;
    char file[32];
    snprintf(file, sizeof(file), "%s.key", who);
    roost_options o = {.identity = who, .key_file = write_file(file, 0600, digits)};
    OK(roost_connect(daemon_.url, &o, &m));
    return m;
}

static int set_up(void **state)
{
    if (folder_make(state) != 0)
        return -1;
    const char *const args[] = {"--listen", "tcp://127.0.0.1:0", "--keys", write_file("keys", 0600, rules),
                                NULL};
    daemon_start(args);
    root = enter("root", KEY_OF("1"));
    reader = enter("reader", KEY_OF("2"));
    writer = enter("writer", KEY_OF("3"));
    both = enter("both", KEY_OF("4"));
    none = enter("none", KEY_OF("5"));
    return 0;
}

static int tear_down(void **state)
{
    roost_manager *const all[] = {root, reader, writer, both, none};
    for (int i = 0; i < 5; i++)
        roost_manager_close(all[i]);
    daemon_stop();
    return folder_remove(state);
}

/* ---- each identity, each kind of act ---- */

/* The codes of opening, reading and writing a dict that is there. */
static void may(roost_manager *m, const char *name, int open, int read, int write)
{
    roost_dict *d;
    roost_value v;
    int rc = roost_dict_open(m, name, &d);
    assert_int_equal(rc, open);
    if (rc != 0)
        return;
    rc = roost_dict_get(d, roost_str("k"), &v);
    assert_int_equal(rc, read);
    if (rc == 0)
        roost_value_free(&v);
    assert_int_equal(roost_dict_set(d, roost_str("k"), roost_int(2)), write);
    roost_dict_close(d);
}

static void make(const char *name)
{
    roost_dict *d;
    OK(roost_dict_open(root, name, &d));
    OK(roost_dict_set(d, roost_str("k"), roost_int(1)));
    roost_dict_close(d);
}

static void rules_say_who_may_do_what(void **state)
{
    (void)state;
    const int no = ROOST_EPERM;
    make("pub.a");
    make("pub.c");
    make("secret");
    may(root, "secret", 0, 0, 0);
    may(reader, "pub.a", 0, 0, no);
    may(reader, "secret", no, no, no);
    may(writer, "pub.a", 0, no, 0);
    may(writer, "secret", no, no, no);
    may(both, "pub.a", 0, 0, 0);
    may(both, "pub.c", 0, 0, no);
    may(none, "pub.a", no, no, no);
}

static void refusal_says_right_and_object(void **state)
{
    (void)state;
    roost_dict *d;
    make("pub.a");
    OK(roost_dict_open(reader, "pub.a", &d));
    fails_with(roost_dict_set(d, roost_int(1), roost_int(1)), ROOST_EPERM,
               "lacks the right to write dict \"pub.a\"");
    roost_dict_close(d);
    OK(roost_dict_open(writer, "pub.a", &d));
    fails_with(roost_dict_len(d, &(int64_t){0}), ROOST_EPERM, "lacks the right to read dict \"pub.a\"");
    roost_dict_close(d);
    assert_true(log_says("refused what=\"dict.set lacks the right to write dict \\\"pub.a\\\"\""));
    assert_true(log_says(" identity=reader "));
}

static void new_names_take_the_right_to_write(void **state)
{
    (void)state;
    roost_queue *q;
    assert_int_equal(roost_queue_open(reader, "pub.new", NULL, &q), ROOST_EPERM);
    assert_int_equal(roost_queue_open(writer, "other", NULL, &q), ROOST_EPERM);
    assert_int_equal(roost_queue_new(reader, 0, &q), ROOST_EPERM);
    OK(roost_queue_open(writer, "pub.new", NULL, &q));
    OK(roost_queue_put(q, roost_int(1), -1));
    roost_queue_close(q);
    OK(roost_server_delete(root, roost_str("pub.new")));
}

/* ---- the server's own methods ---- */

static uint32_t listed(roost_manager *m)
{
    roost_value v;
    OK(roost_server_list(m, NULL, &v));
    uint32_t n = v.len;
    roost_value_free(&v);
    return n;
}

static void list_shows_what_may_be_read(void **state)
{
    (void)state;
    make("pub.a");
    make("pub.c");
    make("secret");
    assert_true(listed(root) >= 3);
    assert_int_equal(listed(reader), 2);
    assert_int_equal(listed(writer), 0);
    assert_int_equal(listed(none), 0);
}

/* One element of a page of all objects, if there is one; whether another page follows. */
static size_t on_page(roost_manager *m, uint64_t *cursor, bool *more)
{
    roost_value v;
    OK(roost_server_objects(m, *cursor, 1, &v));
    size_t n = v.as.items[0].len;
    *more = v.as.items[1].kind != ROOST_NIL;
    *cursor = *more ? (uint64_t)v.as.items[1].as.i : 0;
    roost_value_free(&v);
    return n;
}

static void pages_of_objects_show_what_may_be_read(void **state)
{
    (void)state;
    uint64_t cursor = 0;
    bool more;
    make("pub.a");
    make("secret");
    make("pub.c");
    make("secret too");
    assert_int_equal(on_page(reader, &cursor, &more), 1);
    assert_true(more);
    assert_int_equal(on_page(reader, &cursor, &more), 1);
    assert_false(more); /* not even that there are others */
    assert_int_equal(on_page(none, &cursor, &more), 0);
    assert_false(more);
}

static void sessions_are_an_administrators(void **state)
{
    (void)state;
    roost_value v;
    roost_manager *const others[] = {reader, writer, none};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(roost_server_sessions(others[i], 0, 0, &v), ROOST_EPERM);
        assert_int_equal(roost_server_kill(others[i], 1), ROOST_EPERM);
    }
    OK(roost_server_sessions(root, 0, 0, &v));
    assert_true(v.as.items[0].len >= 4);
    roost_value_free(&v);
    assert_int_equal(roost_server_kill(root, 1 << 30), ROOST_ENOENT);
}

static void server_methods_ask_for_rights(void **state)
{
    (void)state;
    roost_value v;
    make("pub.a");
    make("secret");
    OK(roost_server_describe(reader, roost_str("pub.a"), &v));
    roost_value_free(&v);
    assert_int_equal(roost_server_describe(reader, roost_str("secret"), &v), ROOST_EPERM);
    assert_int_equal(roost_server_who(reader, roost_str("secret"), &v), ROOST_EPERM);
    assert_int_equal(roost_server_describe(writer, roost_str("pub.a"), &v), ROOST_EPERM);
    assert_int_equal(roost_server_delete(reader, roost_str("pub.a")), ROOST_EPERM);
    assert_int_equal(roost_server_delete(none, roost_str("pub.a")), ROOST_EPERM);
    assert_int_equal(roost_server_expire(reader, roost_str("pub.a"), 1), ROOST_EPERM);
    assert_int_equal(roost_server_delete(reader, roost_str("no such name")), ROOST_EPERM);
    OK(roost_server_info(none, &v));
    roost_value_free(&v);
    OK(roost_server_delete(root, roost_str("secret")));
    assert_true(log_says("audit method=server.delete object=0 of=\"dict \\\"secret\\\"\""));
    assert_true(log_says(" identity=root "));
}

/* ---- ways round ---- */

/* The object behind a handle, for those who have not opened it. */
static roost_value ref_in(roost_manager *m, const char *list)
{
    roost_list *l;
    roost_value v;
    OK(roost_list_open(m, list, &l));
    OK(roost_list_get(l, 0, &v));
    roost_list_close(l);
    return v;
}

static void references_open_nothing(void **state)
{
    (void)state;
    roost_list *l;
    roost_dict *secret, *d, *hidden;
    roost_value v;
    make("secret");
    OK(roost_dict_open(root, "secret", &secret));
    OK(roost_list_open(root, "pub.b", &l));
    OK(roost_list_append(l, roost_dict_ref(secret)));
    v = ref_in(reader, "pub.b"); /* it may be seen, and gives no right */
    assert_int_equal(v.kind, ROOST_REF);
    OK(roost_dict_from(reader, v, &d));
    assert_int_equal(roost_dict_get(d, roost_str("k"), &(roost_value){0}), ROOST_EPERM);
    fails_with(roost_dict_set(d, roost_int(1), roost_int(1)), ROOST_EPERM, "object #");
    roost_dict_close(d);
    roost_value_free(&v);
    OK(roost_dict_new(root, &hidden)); /* anonymous: its maker's */
    OK(roost_list_set(l, 0, roost_dict_ref(hidden)));
    v = ref_in(both, "pub.b");
    OK(roost_dict_from(both, v, &d));
    assert_int_equal(roost_dict_set(d, roost_int(1), roost_int(1)), ROOST_EPERM);
    roost_dict_close(d);
    roost_value_free(&v);
    roost_dict_close(hidden);
    roost_dict_close(secret);
    roost_list_close(l);
    OK(roost_server_delete(root, roost_str("pub.b")));
}

static void anonymous_objects_are_their_makers(void **state)
{
    (void)state;
    roost_dict *d;
    roost_value v;
    OK(roost_dict_new(writer, &d)); /* who may only write other things may read his own */
    OK(roost_dict_set(d, roost_int(1), roost_int(2)));
    OK(roost_dict_get(d, roost_int(1), &v));
    roost_value_free(&v);
    pid_t child = fork(); /* so may his children */
    if (child == 0)
        _exit(roost_dict_set(d, roost_int(1), roost_int(3)) != 0);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    roost_dict_close(d);
}

static void collections_ask_for_each(void **state)
{
    (void)state;
    roost_set *secret, *own;
    roost_value v;
    OK(roost_set_open(root, "secret.set", &secret));
    OK(roost_set_add(secret, roost_int(42), &(bool){0}));
    assert_int_equal(roost_set_open(both, "pub.a.set", &own), ROOST_EPERM);
    OK(roost_set_new(both, &own));
    assert_int_equal(roost_set_union(own, roost_set_ref(secret), &v), ROOST_EPERM);
    assert_int_equal(roost_set_update(own, roost_set_ref(secret)), ROOST_EPERM);
    roost_set_close(own);
    roost_set_close(secret);
}

static void several_locks_are_each_asked_for(void **state)
{
    (void)state;
    roost_lock *a, *secret, *mine;
    roost_grant grants[2];
    roost_condition *c;
    OK(roost_lock_open(root, "pub.lock", &a));
    OK(roost_lock_open(root, "secret.lock", &secret));
    OK(roost_lock_open(writer, "pub.lock", &mine));
    roost_value two[] = {roost_lock_ref(mine), roost_lock_ref(secret)};
    assert_int_equal(roost_server_acquire(writer, roost_array(two, 2), grants, 0), ROOST_EPERM);
    assert_int_equal(roost_condition_new(writer, roost_lock_ref(secret), &c), ROOST_EPERM);
    OK(roost_server_acquire(writer, roost_array(two, 1), grants, 0));
    OK(roost_lock_release(mine));
    roost_lock_close(mine);
    roost_lock_close(secret);
    roost_lock_close(a);
}

static int commit(roost_manager *m, const char *condition, const char *target, const char *method)
{
    roost_transaction *t;
    roost_value args[] = {roost_str("k"), roost_int(5)};
    OK(roost_transaction_new(m, &t));
    if (condition != NULL)
        OK(roost_transaction_if_present(t, roost_str(condition), roost_list_of(roost_str("k"))));
    uint32_t argc = strcmp(method, "dict.set") == 0 ? 2 : 1;
    OK(roost_transaction_call(t, roost_str(target), roost_nil(), method, args, argc));
    int rc = roost_transaction_commit(t, 0, NULL);
    roost_transaction_free(t);
    return rc;
}

static void transactions_go_round_nothing(void **state)
{
    (void)state;
    make("pub.a");
    make("pub.c");
    make("secret");
    assert_int_equal(commit(both, "pub.c", "pub.a", "dict.set"), 0);
    assert_int_equal(commit(both, "secret", "pub.a", "dict.set"), ROOST_EPERM);
    assert_int_equal(commit(both, NULL, "secret", "dict.get"), ROOST_EPERM);
    assert_int_equal(commit(both, NULL, "pub.c", "dict.set"), ROOST_EPERM);
    assert_int_equal(commit(reader, "pub.c", "pub.a", "dict.get"), 0);
    assert_int_equal(commit(reader, "pub.c", "pub.a", "dict.set"), ROOST_EPERM);
    assert_int_equal(commit(writer, "pub.c", "pub.a", "dict.set"), ROOST_EPERM); /* a condition reads */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_say_who_may_do_what),
        cmocka_unit_test(refusal_says_right_and_object),
        cmocka_unit_test(new_names_take_the_right_to_write),
        cmocka_unit_test(list_shows_what_may_be_read),
        cmocka_unit_test(pages_of_objects_show_what_may_be_read),
        cmocka_unit_test(sessions_are_an_administrators),
        cmocka_unit_test(server_methods_ask_for_rights),
        cmocka_unit_test(references_open_nothing),
        cmocka_unit_test(anonymous_objects_are_their_makers),
        cmocka_unit_test(collections_ask_for_each),
        cmocka_unit_test(several_locks_are_each_asked_for),
        cmocka_unit_test(transactions_go_round_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
