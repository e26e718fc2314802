/*
 * test_cluster.c: three and more real roostd processes whose leader is killed and stopped while clients work:
 * nothing that was answered is lost or happens twice, nobody reads what is no more true, all nodes are alike
 * in the end. ROOST_ROUNDS=n kills n leaders instead of 6. With ROOST_KEEP the folders, with the
 * nodes' logs, stay.
 */
#include "tests/support/test.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/cluster/nodes.h"
#include "tests/support/numbers.h"

enum { WORKERS = 4 };

/* ---- the cluster of a case ---- */

static void start_nodes(int n, const char *const *options)
{
    cluster_make(n, options);
    for (int id = 1; id <= n; id++)
        node_start(id);
}

static int three_nodes(void **state)
{
    (void)state;
    start_nodes(3, NULL);
    return 0;
}

/* Whose log is cut often. */
static int three_nodes_with_snapshots(void **state)
{
    static const char *const options[] = {"--snapshot-bytes", "40000", NULL};
    (void)state;
    start_nodes(3, options);
    return 0;
}

static int three_nodes_over_tls(void **state)
{
    (void)state;
    cluster_make(3, NULL);
    cluster_use_tls(3);
    for (int id = 1; id <= 3; id++)
        node_start(id);
    return 0;
}

static int five_nodes(void **state)
{
    (void)state;
    start_nodes(5, NULL);
    return 0;
}

static int end_nodes(void **state)
{
    (void)state;
    cluster_end();
    return 0;
}

static roost_manager *connect_with(const char *url, int lease_ms)
{
    roost_manager *m;
    const roost_options options = {.lease_ms = lease_ms, .grace_ms = 120000, .no_ring = lease_ms < 0};
    if (roost_connect(url, &options, &m) != 0)
        fail_msg("%s", roost_errmsg());
    return m;
}

/* A server that sleeps is given up after a while. */
static roost_manager *connect_to(const char *url)
{
    return connect_with(url, 2000);
}

static roost_manager *connect_to_all(void)
{
    return connect_to(cluster_urls);
}

/* ---- workers ---- */

struct worker {
    roost_manager *m;
    pthread_t thread;
    atomic_bool *stop;
    int64_t sum; /* what it was told */
    char why[256];
};

static void *count_up(void *arg)
{
    struct worker *w = arg;
    roost_dict *d = NULL;
    roost_value v;
    int rc = roost_dict_open(w->m, "d", &d);
    while (rc == 0 && !atomic_load(w->stop)) {
        rc = roost_dict_incr(d, roost_str("sum"), roost_int(1), NULL);
        w->sum += rc == 0;
        if (rc == 0 && (rc = roost_dict_get(d, roost_str("sum"), &v)) == 0 && v.as.i < w->sum)
            rc = ROOST_EINTERNAL; /* its own write is not there */
    }
    if (rc != 0)
        snprintf(w->why, sizeof(w->why), "%d: %s", rc, roost_errmsg());
    roost_dict_close(d);
    return NULL;
}

static void start_workers(struct worker workers[WORKERS], atomic_bool *stop)
{
    atomic_init(stop, false);
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){.m = connect_to_all(), .stop = stop};
        pthread_create(&workers[i].thread, NULL, count_up, &workers[i]);
    }
}

/* Returns how often they were told that they counted. */
static int64_t stop_workers(struct worker workers[WORKERS], atomic_bool *stop)
{
    int64_t told = 0;
    atomic_store(stop, true);
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(workers[i].thread, NULL);
        if (workers[i].why[0] != '\0')
            fail_msg("worker %d: %s", i, workers[i].why);
        told += workers[i].sum;
        roost_manager_close(workers[i].m);
    }
    return told;
}

static void await_progress(roost_manager *m)
{
    for (int64_t from = int_in(m, "sum"); int_in(m, "sum") < from + 20 + rand() % 200;)
        ;
}

/* ---- who leads ---- */

static void a_client_finds_the_leader_from_any_node(void **state)
{
    (void)state;
    await_leader();
    for (int id = 1; id <= 3; id++) {
        roost_manager *m = connect_to(nodes[id].url);
        set_int(m, "a", id);
        assert_int_equal(int_in(m, "a"), id);
        roost_manager_close(m);
    }
    await_agreement();
}

static void ready_is_who_leads_or_knows_who_does(void **state)
{
    char text[1024];
    (void)state;
    int leader = await_leader();
    await_agreement();
    for (int id = 1; id <= 3; id++)
        assert_true(node_ask(id, "/ready", text, sizeof(text)));
    assert_true(node_ask(leader, "/metrics", text, sizeof(text)));
    for (int id = 1; id <= 3; id++)
        if (id != leader)
            node_kill(id, SIGKILL);
    while (node_ask(leader, "/ready", text, sizeof(text)))
        ;
}

static void a_minority_serves_nothing(void **state)
{
    roost_value v;
    roost_dict *d;
    (void)state;
    roost_manager *m = connect_to_all();
    set_int(m, "a", 1);
    OK(roost_dict_open(m, "d", &d));
    int leader = await_leader(), other = leader % 3 + 1, last = other % 3 + 1;
    node_kill(other, SIGKILL);
    assert_int_equal(int_in(m, "a"), 1);
    node_kill(last, SIGKILL);
    struct look l;
    while (node_look(leader, &l) && strcmp(l.role, "leader") == 0)
        ;
    roost_pending *p;
    roost_async(&p, -1, roost_dict_get(d, roost_str("a"), NULL));
    assert_int_equal(roost_pending_wait(p, 2000), ROOST_ETIMEDOUT);
    node_start(other);
    OK(roost_pending_result(p, &v, -1));
    assert_int_equal(v.as.i, 1);
    roost_pending_free(p);
    set_int(m, "a", 2);
    node_start(last);
    await_agreement();
    roost_dict_close(d);
    roost_manager_close(m);
}

/* ---- the leader dies ---- */

/* Clients count while there is trouble, so many times: what they were told adds up, and the nodes end alike.
 */
static void count_through(int rounds, void (*trouble)(roost_manager *m))
{
    atomic_bool stop;
    struct worker workers[WORKERS];
    roost_manager *m = connect_to_all();
    set_int(m, "sum", 0);
    start_workers(workers, &stop);
    for (int i = 0; i < rounds; i++) {
        await_progress(m);
        trouble(m);
    }
    int64_t told = stop_workers(workers, &stop);
    assert_int_equal(int_in(m, "sum"), told);
    await_agreement();
    roost_manager_close(m);
}

static void end_leader(roost_manager *m, int signal)
{
    int leader = await_leader();
    node_kill(leader, signal);
    await_progress(m);
    node_start(leader);
}

static void kill_leader(roost_manager *m)
{
    end_leader(m, SIGKILL);
}

static void every_call_happens_once_however_often_the_leader_is_killed(void **state)
{
    const char *wish = getenv("ROOST_ROUNDS");
    (void)state;
    count_through(wish != NULL ? atoi(wish) : 6, kill_leader);
}

struct getter {
    roost_queue *queue;
    roost_value item;
    int rc;
};

static void *get_item(void *arg)
{
    struct getter *g = arg;
    g->rc = roost_queue_get(g->queue, &g->item, -1);
    return NULL;
}

static void await_waiters(roost_manager *m, const char *name, int64_t n)
{
    roost_value v;
    for (int64_t seen = -1; seen != n; roost_value_free(&v)) {
        OK(roost_server_describe(m, roost_str(name), &v));
        seen = roost_map_get(v, roost_str("waiters"))->as.i;
    }
}

static void a_blocked_get_outlives_its_leader(void **state)
{
    (void)state;
    roost_manager *m = connect_to_all(), *other = connect_to_all();
    struct getter g = {.rc = -1};
    roost_queue *q;
    pthread_t thread;
    OK(roost_queue_open(m, "q", NULL, &g.queue));
    OK(roost_queue_open(other, "q", NULL, &q));
    pthread_create(&thread, NULL, get_item, &g);
    await_waiters(other, "q", 1);
    node_kill(await_leader(), SIGKILL);
    await_waiters(other, "q", 1);
    OK(roost_queue_put(q, roost_int(7), -1));
    pthread_join(thread, NULL);
    assert_int_equal(g.rc, 0);
    assert_int_equal(g.item.as.i, 7);
    roost_queue_close(g.queue);
    roost_queue_close(q);
    roost_manager_close(m);
    roost_manager_close(other);
}

static void a_held_lock_is_held_under_the_next_leader(void **state)
{
    (void)state;
    roost_manager *m = connect_to_all(), *other = connect_to_all();
    roost_lock *mine, *theirs;
    roost_grant grant;
    OK(roost_lock_open(m, "l", &mine));
    OK(roost_lock_open(other, "l", &theirs));
    OK(roost_lock_acquire(mine, &grant, -1));
    node_kill(await_leader(), SIGKILL);
    assert_int_equal(roost_lock_acquire(theirs, NULL, 0), ROOST_ETIMEDOUT);
    OK(roost_lock_release_token(mine, grant.token));
    OK(roost_lock_acquire(theirs, NULL, 0));
    roost_lock_close(mine);
    roost_lock_close(theirs);
    roost_manager_close(m);
    roost_manager_close(other);
}

static void five_nodes_go_on_without_two(void **state)
{
    (void)state;
    roost_manager *m = connect_to_all();
    set_int(m, "a", 1);
    for (int i = 0; i < 2; i++) {
        node_kill(await_leader(), SIGKILL);
        assert_int_equal(int_in(m, "a"), 1 + i);
        set_int(m, "a", 2 + i);
    }
    await_agreement();
    roost_manager_close(m);
}

/* ---- the leader stops, and goes on ---- */

/* Clients that know of the old leader only ask it while it sleeps, behind the set: when it wakes the
 * questions are there before it can know that another leads. */
enum { ASKERS = 8 };

struct asker {
    roost_manager *m;
    roost_dict *d;
    roost_pending *answer;
};

static void begin_asking(struct asker *a, const char *url)
{
    a->m = connect_with(url, -1);
    OK(roost_dict_open(a->m, "d", &a->d));
    OK(roost_dict_get(a->d, roost_str("a"), NULL));
}

static int64_t end_asking(struct asker *a)
{
    roost_value v;
    OK(roost_pending_result(a->answer, &v, -1));
    roost_pending_free(a->answer);
    roost_dict_close(a->d);
    roost_manager_close(a->m);
    return v.as.i;
}

static void a_leader_that_slept_tells_nothing_old(void **state)
{
    struct asker askers[ASKERS];
    (void)state;
    roost_manager *m = connect_to_all();
    set_int(m, "a", 1);
    for (int64_t round = 0; round < 5; round++) {
        int leader = await_leader();
        for (int i = 0; i < ASKERS; i++)
            begin_asking(&askers[i], nodes[leader].url);
        node_kill(leader, SIGSTOP);
        await_other_leader(leader);
        set_int(m, "a", 100 + round);
        for (int i = 0; i < ASKERS; i++)
            roost_async(&askers[i].answer, -1, roost_dict_get(askers[i].d, roost_str("a"), NULL));
        node_kill(leader, SIGCONT);
        for (int i = 0; i < ASKERS; i++)
            assert_int_equal(end_asking(&askers[i]), 100 + round);
    }
    await_agreement();
    roost_manager_close(m);
}

static void stop_leader_for_a_while(roost_manager *m)
{
    int leader = await_leader();
    node_kill(leader, SIGSTOP);
    await_other_leader(leader);
    await_progress(m);
    node_kill(leader, SIGCONT);
}

static void a_leader_that_slept_in_the_middle_of_work_comes_back_alike(void **state)
{
    (void)state;
    count_through(4, stop_leader_for_a_while);
}

/* ---- the log ---- */

static void work_until_snapshots(roost_manager *m)
{
    roost_dict *d;
    char text[512];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    OK(roost_dict_open(m, "d", &d));
    for (int i = 0; i < 1500; i++)
        OK(roost_dict_set(d, roost_int(i % 50), roost_str(text)));
    roost_dict_close(d);
}

static bool has_snapshot(int id)
{
    char command[256];
    snprintf(command, sizeof(command), "ls %s/%d/raft/snapshot-*-*-* >/dev/null 2>&1", cluster_folder, id);
    return system(command) == 0;
}

static void all_are_killed_and_come_back_with_everything(void **state)
{
    (void)state;
    roost_manager *m = connect_to_all();
    for (int round = 1; round <= 3; round++) {
        set_int(m, "a", round);
        work_until_snapshots(m);
        for (int id = 1; id <= 3; id++)
            node_kill(id, SIGKILL);
        for (int id = 1; id <= 3; id++)
            node_start(id);
        assert_int_equal(int_in(m, "a"), round);
        await_agreement();
    }
    for (int id = 1; id <= 3; id++)
        assert_true(has_snapshot(id));
    roost_manager_close(m);
}

static void a_node_that_was_away_for_long_catches_up(void **state)
{
    (void)state;
    roost_manager *m = connect_to_all();
    set_int(m, "a", 1);
    int away = await_leader() % 3 + 1;
    node_kill(away, SIGKILL);
    for (int i = 0; i < 3; i++)
        work_until_snapshots(m);
    set_int(m, "a", 2);
    node_start(away);
    await_agreement();
    roost_manager_close(m);
}

static void in_folder_of(int id, const char *commands)
{
    char command[512];
    snprintf(command, sizeof(command), "cd %s/%d && %s", cluster_folder, id, commands);
    assert_int_equal(system(command), 0);
}

/* As if it had been killed between the two: the snapshot is there, and the segments from before are, too.
 * What it acknowledged behind the snapshot is gone with the others: so the leader, who counts on that, starts
 * over. */
static void a_node_killed_while_it_installs_a_snapshot_starts_again(void **state)
{
    (void)state;
    roost_manager *m = connect_to_all();
    set_int(m, "a", 1);
    int away = await_leader() % 3 + 1;
    node_kill(away, SIGKILL);
    in_folder_of(away, "mkdir ../before && cp raft/open-* raft/0* ../before");
    for (int i = 0; i < 3; i++)
        work_until_snapshots(m);
    node_start(away);
    await_agreement();
    assert_true(has_snapshot(away));
    node_kill(away, SIGKILL);
    in_folder_of(away, "rm -f raft/open-* raft/0* && cp ../before/* raft");
    set_int(m, "a", 2);
    int leader = await_leader();
    node_kill(leader, SIGKILL);
    node_start(leader);
    node_start(away);
    await_agreement();
    roost_manager_close(m);
}

static void take_snapshots_and_kill_leader(roost_manager *m)
{
    work_until_snapshots(m);
    kill_leader(m);
}

static void snapshots_of_a_busy_leader_lose_nothing(void **state)
{
    (void)state;
    count_through(4, take_snapshots_and_kill_leader);
}

/* ---- members ---- */

static int64_t nodes_with_a_vote(roost_manager *m)
{
    roost_value v;
    int64_t n = 0;
    OK(roost_server_cluster(m, &v));
    const roost_value *all = roost_map_get(v, roost_str("nodes"));
    for (uint32_t i = 0; i < all->len; i++)
        n += roost_value_equal(*roost_map_get(all->as.items[i], roost_str("role")), roost_str("voter"));
    roost_value_free(&v);
    return n;
}

static void nodes_come_and_go_while_clients_work(void **state)
{
    atomic_bool stop;
    struct worker workers[WORKERS];
    char peer[64];
    (void)state;
    roost_manager *m = connect_to_all();
    set_int(m, "sum", 0);
    start_workers(workers, &stop);
    await_progress(m);
    for (int id = 4; id <= 5; id++) {
        cluster_add_to_file(id);
        node_start_joining(id);
        snprintf(peer, sizeof(peer), "127.0.0.1:%d", nodes[id].peer);
        OK(roost_server_cluster_add(m, (uint64_t)id, peer, nodes[id].url));
    }
    assert_int_equal(nodes_with_a_vote(m), 5);
    OK(roost_server_cluster_transfer(m, 5));
    for (int id = 1; id <= 2; id++) {
        OK(roost_server_cluster_remove(m, (uint64_t)id));
        node_kill(id, SIGTERM);
    }
    assert_int_equal(nodes_with_a_vote(m), 3);
    await_progress(m);
    node_kill(await_leader(), SIGKILL);
    await_progress(m);
    int64_t told = stop_workers(workers, &stop);
    assert_int_equal(int_in(m, "sum"), told);
    await_agreement();
    roost_manager_close(m);
}

static void a_node_that_leads_is_not_removed(void **state)
{
    (void)state;
    roost_manager *m = connect_to_all();
    set_int(m, "a", 1);
    assert_int_equal(roost_server_cluster_remove(m, (uint64_t)await_leader()), ROOST_EINVAL);
    assert_int_equal(roost_server_cluster_remove(m, 9), ROOST_ENOENT);
    assert_int_equal(roost_server_cluster_transfer(m, 9), ROOST_ENOENT);
    assert_int_equal(roost_server_cluster_add(m, 9, "nowhere", "tcp://host:1"), ROOST_EINVAL);
    assert_int_equal(int_in(m, "a"), 1);
    roost_manager_close(m);
}

static void end_leader_in_order(roost_manager *m)
{
    end_leader(m, SIGTERM);
}

static void whoever_ends_in_order_hands_over_first(void **state)
{
    (void)state;
    count_through(3, end_leader_in_order);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
#define CASE(name, set_up) cmocka_unit_test_setup_teardown(name, set_up, end_nodes)
    const struct CMUnitTest tests[] = {
        CASE(a_client_finds_the_leader_from_any_node, three_nodes),
        CASE(ready_is_who_leads_or_knows_who_does, three_nodes),
        CASE(a_minority_serves_nothing, three_nodes),
        CASE(every_call_happens_once_however_often_the_leader_is_killed, three_nodes),
        CASE(a_blocked_get_outlives_its_leader, three_nodes),
        CASE(a_held_lock_is_held_under_the_next_leader, three_nodes),
        CASE(a_blocked_get_outlives_its_leader, three_nodes_over_tls),
        CASE(five_nodes_go_on_without_two, five_nodes),
        CASE(a_leader_that_slept_tells_nothing_old, three_nodes),
        CASE(a_leader_that_slept_in_the_middle_of_work_comes_back_alike, three_nodes),
        CASE(all_are_killed_and_come_back_with_everything, three_nodes_with_snapshots),
        CASE(a_node_that_was_away_for_long_catches_up, three_nodes_with_snapshots),
        CASE(a_node_killed_while_it_installs_a_snapshot_starts_again, three_nodes_with_snapshots),
        CASE(snapshots_of_a_busy_leader_lose_nothing, three_nodes_with_snapshots),
        CASE(nodes_come_and_go_while_clients_work, three_nodes),
        CASE(a_node_that_leads_is_not_removed, three_nodes),
        CASE(whoever_ends_in_order_hands_over_first, three_nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
