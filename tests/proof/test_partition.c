/*
 * test_partition.c: histories of clients on the other side of a network that is cut and joined again, past
 * their lease and grace and within. Needs root (or CAP_SYS_ADMIN and CAP_NET_ADMIN) and the `ip` program;
 * else it is skipped.
 */
#include "tests/support/test.h"

#include <stdlib.h>
#include <unistd.h>

#include "tests/proof/partition.h"
#include "tests/proof/scene.h"

static bool made;

static void cut(void *arg, uint64_t random)
{
    (void)arg;
    partition_cut(true);
    usleep((useconds_t)(random % 800000));
    partition_cut(false);
}

static void histories_are_linearizable_across_partitions(void **state)
{
    (void)state;
    if (!made) {
        print_message(
            "skipped: making a network namespace is not permitted here, or there is no ip program\n");
        skip();
    }
    struct scene s = {.kinds = ALL_KINDS,
                      .cross = partition_cross,
                      .tcp = {.grace_ms = 300, .lease_ms = 200, .timeout_ms = 300},
                      .ipc = {.grace_ms = 100, .lease_ms = 150}};
    struct chaos c = {.cut = cut, .stop_ms_max = 300};
    scene_start(&s, getenv("ROOSTD"), PARTITION_HERE);
    scene_run(&s, &c);
    assert_string_equal(scene_verdict(&s), "");
    assert_true(c.did.cuts > 0);
    assert_true(history_count(s.h, OP_DONE) > 1000);
    scene_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(histories_are_linearizable_across_partitions)};
    made = partition_make();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    partition_end();
    return failed;
}
