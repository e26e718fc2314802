/*
 * test_cluster_chaos.c: histories of clients of a cluster, whose nodes are killed, stopped, cut off, and
 * their disks filled at random: what was answered is what one server could have answered that executes every
 * call once, nothing is lost, and all nodes are alike in the end. Each node has a host of its own (hosts.h);
 * where that is not permitted all are on the loopback, and only killed and stopped.
 *
 * `test_cluster_chaos MINUTES [SEED]` goes on for so long, a history every 20 s, with three nodes and five by
 * turns; tools/soak --cluster calls it. With ROOST_KEEP the nodes' logs stay.
 */
#include "tests/support/test.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "tests/proof/havoc.h"
#include "tests/proof/hosts.h"
#include "tests/proof/scene.h"

enum { ROUND_S = 20, CASE_S = 12, ROUNDS_OF_ONE_CLUSTER = 6 };

static bool apart;

static struct {
    int histories, did[MISHAPS], kills, stops;
    size_t answered, unknown, refused;
} sum;

static struct havoc havoc;

static void look(void *arg, int64_t now)
{
    (void)arg;
    havoc_look(&havoc, now);
}

static void add_up(const struct scene *s, const struct chaos *c)
{
    sum.histories++;
    sum.answered += history_count(s->h, OP_DONE);
    sum.unknown += history_count(s->h, OP_UNKNOWN);
    sum.refused += history_count(s->h, OP_REFUSED);
    sum.kills += c->did.kills;
    sum.stops += c->did.stops;
    for (int i = 0; i < MISHAPS; i++)
        sum.did[i] += havoc.did[i];
}

static void play_history(struct scene *s)
{
    char words[256];
    struct chaos c = {.look = look, .stop_ms_max = 700, .pause_us_max = 200000};
    havoc = (struct havoc){.nodes = havoc.nodes, .hosts = apart, .random = s->seed};
    scene_run(s, &c);
    havoc_tell(&havoc, words, sizeof(words));
    print_message("%s\n", words);
    add_up(s, &c);
    assert_string_equal(scene_verdict(s), "");
    assert_true(history_count(s->h, OP_DONE) > 100);
    await_agreement();
}

static void play(int n, int histories, int64_t seconds, uint64_t seed)
{
    static const char *const options[] = {"--election-ms", "300", "--snapshot-bytes", "300000", "--log-level",
                                          "info",          NULL};
    struct scene s = {.kinds = ALL_KINDS,
                      .seconds = seconds,
                      .tcp = {.grace_ms = 8000, .lease_ms = 300},
                      .ipc = {.grace_ms = 400, .lease_ms = 200, .reconnect_ms = 1500}};
    cluster_make(n, options);
    if (apart)
        hosts_mount(n);
    havoc.nodes = n;
    scene_start_cluster(&s);
    if (seed != 0)
        s.seed = seed;
    for (int i = 0; i < histories; i++) {
        if (i > 0)
            scene_again(&s);
        play_history(&s);
    }
    if (apart)
        hosts_unmount(n);
    scene_stop(&s);
}

/* A history that failed leaves no nodes to the next. */
static int sweep(void **state)
{
    (void)state;
    int n = 0;
    for (int id = 1; id <= NODES; id++)
        n += nodes[id].url[0] != '\0';
    if (n > 0 && apart)
        hosts_unmount(n);
    if (n > 0)
        cluster_end();
    return 0;
}

static void histories_of_three_nodes_are_linearizable_whatever_befalls_them(void **state)
{
    (void)state;
    play(3, 1, CASE_S, 0);
}

static void histories_of_five_nodes_are_linearizable_whatever_befalls_them(void **state)
{
    (void)state;
    play(5, 1, CASE_S, 0);
}

static int64_t minutes;
static uint64_t seed;

static void it_goes_on(void **state)
{
    (void)state;
    for (int64_t end = world_now() + minutes * 60000000000; world_now() < end; seed += 1000)
        play(seed / 1000 % 2 == 0 ? 3 : 5, ROUNDS_OF_ONE_CLUSTER, ROUND_S, seed);
    printf("soak: %lld min, %d histories: %zu calls answered, %zu unknown, %zu refused; clients: %d kills, "
           "%d stops; "
           "nodes: %d killed, %d stopped, %d cut from peers, %d from clients, %d from both, %d disks filled: "
           "all well\n",
           (long long)minutes, sum.histories, sum.answered, sum.unknown, sum.refused, sum.kills, sum.stops,
           sum.did[KILLED], sum.did[STOPPED], sum.did[CUT_FROM_PEERS], sum.did[CUT_FROM_CLIENTS],
           sum.did[CUT_OFF], sum.did[DISK_FULL]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(histories_of_three_nodes_are_linearizable_whatever_befalls_them, sweep),
        cmocka_unit_test_teardown(histories_of_five_nodes_are_linearizable_whatever_befalls_them, sweep)};
    const struct CMUnitTest soak[] = {cmocka_unit_test_teardown(it_goes_on, sweep)};
    signal(SIGPIPE, SIG_IGN);
    apart = hosts_make(NODES);
    if (!apart)
        printf("namespaces are not permitted here, or there is no ip program: nodes are killed and stopped "
               "on the loopback only, not cut off, and no disk is filled\n");
    minutes = argc > 1 ? atoll(argv[1]) : 0;
    seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL) / 1000 * 1000;
    int failed =
        minutes > 0 ? cmocka_run_group_tests(soak, NULL, NULL) : cmocka_run_group_tests(tests, NULL, NULL);
    hosts_end();
    return failed;
}
