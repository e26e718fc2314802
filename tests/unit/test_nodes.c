/* test_nodes.c: the table of a cluster's nodes: from a file, as a value and back, and what is refused. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "roost/error.h"
#include "shell/nodes.h"

static char path[64];

static int read_text(const char *text, struct nodes *ret)
{
    strcpy(path, "/tmp/roost-nodes-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (int)strlen(text));
    close(fd);
    int rc = nodes_read_file(path, ret);
    unlink(path);
    return rc;
}

#define ONE "node { id = 1 peer = \"a:7001\" client = \"tcp://a:7000\" }\n"
#define TWO "node { id = 2 peer = \"b:7001\" client = \"tcp://b:7000\" }\n"

static void a_file_says_name_and_nodes(void **state)
{
    struct nodes n;
    (void)state;
    assert_int_equal(read_text("# a comment\ncluster = \"prod\"\n" ONE TWO, &n), ROOST_OK);
    assert_string_equal(n.cluster, "prod");
    assert_int_equal(n.len, 2);
    assert_string_equal(nodes_find(&n, 2)->peer, "b:7001");
    assert_string_equal(nodes_find(&n, 1)->client, "tcp://a:7000");
    assert_null(nodes_find(&n, 3));
    assert_int_equal(read_text(ONE, &n), ROOST_OK);
    assert_string_equal(n.cluster, "roost");
}

static void what_is_wrong_is_said_with_the_line(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "there is no node in it"},
        {ONE "\nnode { id = 1 peer = \"b:1\" client = \"tcp://b:2\" }", "node 1 is there twice"},
        {"node { peer = \"b:1\" client = \"tcp://b:2\" }", "a node has an id"},
        {"node { id = 1 client = \"tcp://b:2\" }", ":1: a node has an id (from 1 on), peer and client"},
        {"node { id = 1 peer = \"b\" client = \"tcp://b:2\" }", "peer is host:port, not \"b\""},
        {"node { id = 1 peer = \"b:1\" client = \"b:2\" }", "client is a URL"},
        {ONE "node { id = 2 peer = \"a:7001\" client = \"tcp://b:2\" }", "have the same peer address"},
        {ONE "leader = 1", ":2:"},
        {"cluster = \"two words\"\n" ONE, "letters, digits"},
    };
    struct nodes n;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(read_text(cases[i].text, &n), ROOST_EINVAL);
        if (strstr(roost_errmsg(), cases[i].words) == NULL)
            fail_msg("%s: %s", cases[i].words, roost_errmsg());
    }
    assert_int_equal(nodes_read_file("/nowhere/nodes", &n), ROOST_ESYS);
}

static void a_table_goes_through_the_log_as_it_is(void **state)
{
    struct nodes n, back;
    struct buf b = buf_make(1 << 16);
    (void)state;
    assert_int_equal(read_text(ONE TWO, &n), ROOST_OK);
    assert_int_equal(nodes_set(&n, 7, "c:1", "ipc:///c"), ROOST_OK);
    assert_int_equal(nodes_set(&n, 1, "a:9", "tcp://a:8"), ROOST_OK);
    nodes_remove(&n, 2);
    nodes_put(&n, &b);
    assert_true(nodes_take(buf_slice(&b), &back));
    assert_int_equal(back.len, 2);
    assert_string_equal(back.cluster, "roost");
    assert_string_equal(nodes_find(&back, 1)->peer, "a:9");
    assert_string_equal(nodes_find(&back, 7)->client, "ipc:///c");
    assert_false(nodes_take(slice_str("\xc0"), &back));
    roost__buf_free(&b);
}

static void a_cluster_has_so_many_nodes_and_no_more(void **state)
{
    struct nodes n = {.len = 0};
    char peer[32];
    (void)state;
    for (uint64_t id = 1; id <= NODES_MAX; id++) {
        snprintf(peer, sizeof(peer), "h%d:1", (int)id);
        assert_int_equal(nodes_set(&n, id, peer, "tcp://h:1"), ROOST_OK);
    }
    assert_int_equal(nodes_set(&n, 100, "x:1", "tcp://h:1"), ROOST_ELIMIT);
    assert_int_equal(nodes_set(&n, 0, "x:1", "tcp://h:1"), ROOST_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_says_name_and_nodes),
        cmocka_unit_test(what_is_wrong_is_said_with_the_line),
        cmocka_unit_test(a_table_goes_through_the_log_as_it_is),
        cmocka_unit_test(a_cluster_has_so_many_nodes_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
