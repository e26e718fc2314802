/*
 * test_libraft.c: what the cluster relies on in libraft, so that another version of it, or another library,
 * can be tried without faith. What it must be kept from is in tests/sim/README.md.
 */
#include "tests/support/test.h"

#include "base/list.h"
#include <ftw.h>
#include <raft.h>
#include <raft/fixture.h>
#include <raft/uv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SERVERS = 3, ENTRY_BYTES = 16, ELECTION_MS = 1000 };

struct machine {
    struct raft_fsm fsm;
    uint64_t applied[64];
    unsigned len;
};

static struct raft_fixture cluster;
static struct machine machines[SERVERS];

static int apply(struct raft_fsm *fsm, const struct raft_buffer *buf, void **result)
{
    struct machine *m = fsm->data;
    assert_true(m->len < 64);
    memcpy(&m->applied[m->len++], buf->base, sizeof(m->applied[0]));
    *result = NULL;
    return 0;
}

static int no_snapshot(struct raft_fsm *fsm, struct raft_buffer *bufs[], unsigned *n)
{
    (void)fsm;
    (void)bufs;
    (void)n;
    return RAFT_BUSY;
}

static int no_restore(struct raft_fsm *fsm, struct raft_buffer *buf)
{
    (void)fsm;
    (void)buf;
    return RAFT_INVALID;
}

static void machine_init(struct machine *m)
{
    *m = (struct machine){
        .fsm = {.version = 1, .data = m, .apply = apply, .snapshot = no_snapshot, .restore = no_restore}};
}

static struct raft_buffer entry_of(uint64_t value, size_t len)
{
    struct raft_buffer b = {.base = raft_calloc(1, len), .len = len};
    assert_non_null(b.base);
    memcpy(b.base, &value, sizeof(value));
    return b;
}

/* ---- a cluster in virtual time ---- */

static int set_up(void **state)
{
    (void)state;
    struct raft_configuration configuration;
    memset(&cluster, 0, sizeof(cluster));
    assert_int_equal(raft_fixture_initialize(&cluster), 0);
    for (unsigned i = 0; i < SERVERS; i++) {
        machine_init(&machines[i]);
        assert_int_equal(raft_fixture_grow(&cluster, &machines[i].fsm), 0);
        raft_set_pre_vote(raft_fixture_get(&cluster, i), true);
    }
    assert_int_equal(raft_fixture_configuration(&cluster, SERVERS, &configuration), 0);
    assert_int_equal(raft_fixture_bootstrap(&cluster, &configuration), 0);
    raft_configuration_close(&configuration);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    raft_fixture_close(&cluster);
    return 0;
}

static void start(void)
{
    assert_int_equal(raft_fixture_start(&cluster), 0);
}

static void elect_first(void)
{
    assert_true(raft_fixture_step_until_has_leader(&cluster, 10000));
    assert_int_equal(raft_fixture_leader_index(&cluster), 0);
}

static int status;

static void on_applied(struct raft_apply *req, int s, void *result)
{
    (void)req;
    (void)result;
    status = s;
}

static void submit(struct raft_apply *req, uint64_t value)
{
    struct raft_buffer b = entry_of(value, ENTRY_BYTES);
    status = -1;
    assert_int_equal(raft_apply(raft_fixture_get(&cluster, 0), req, &b, 1, on_applied), 0);
}

static bool is_answered(struct raft_fixture *f, void *arg)
{
    (void)f;
    (void)arg;
    return status != -1;
}

static void an_entry_is_applied_everywhere_once(void **state)
{
    (void)state;
    struct raft_apply req = {.data = NULL};
    start();
    elect_first();
    submit(&req, 7);
    assert_true(raft_fixture_step_until(&cluster, is_answered, NULL, 10000));
    assert_int_equal(status, 0);
    raft_fixture_step_until_elapsed(&cluster, 1000);
    for (unsigned i = 0; i < SERVERS; i++) {
        assert_int_equal(machines[i].len, 1);
        assert_int_equal(machines[i].applied[0], 7);
    }
}

/* Raft, 5.4.2: that it stands on a majority of servers makes an entry of an older term not yet committed. */
static void an_entry_of_an_old_term_is_committed_only_with_one_of_the_new(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct raft_entry old = {.term = 2, .type = RAFT_COMMAND, .buf = entry_of(1, ENTRY_BYTES)};
        raft_fixture_add_entry(&cluster, i, &old);
        raft_fixture_set_term(&cluster, i, 2);
    }
    start();
    struct raft *leader = raft_fixture_get(&cluster, 0);
    assert_true(raft_fixture_step_until_state_is(&cluster, 0, RAFT_LEADER, 10000));
    unsigned steps = 0;
    while (raft_commit_index(leader) < 2 && steps++ < 100000)
        raft_fixture_step(&cluster);
    assert_true(raft_current_term(leader) > 2);
    assert_true(raft_commit_index(leader) >= 3);
}

static void leadership_lost_means_unknown(void **state)
{
    (void)state;
    struct raft_apply req = {.data = NULL};
    start();
    elect_first();
    raft_fixture_step_until_elapsed(&cluster, 500);
    for (unsigned i = 1; i < SERVERS; i++) /* they hear it, it does not hear them */
        raft_fixture_saturate(&cluster, i, 0);
    submit(&req, 9);
    assert_true(raft_fixture_step_until(&cluster, is_answered, NULL, 10000));
    assert_int_equal(status, RAFT_LEADERSHIPLOST);
    for (unsigned i = 1; i < SERVERS; i++)
        raft_fixture_desaturate(&cluster, i, 0);
    assert_true(raft_fixture_step_until_has_leader(&cluster, 20000));
    raft_fixture_step_until_elapsed(&cluster, 3000);
    for (unsigned i = 0; i < SERVERS; i++)
        assert_true(machines[i].len == 1 && machines[i].applied[0] == 9);
}

/* The lease of a leader rests on this: who hears a leader helps nobody else to be elected. */
static void who_hears_a_leader_votes_for_nobody(void **state)
{
    (void)state;
    start();
    elect_first();
    raft_term term = raft_current_term(raft_fixture_get(&cluster, 0));
    raft_fixture_saturate(&cluster, 0, 2);
    raft_fixture_saturate(&cluster, 2, 0);
    raft_fixture_step_until_elapsed(&cluster, 20 * ELECTION_MS);
    assert_int_equal(raft_fixture_leader_index(&cluster), 0);
    assert_int_equal(raft_current_term(raft_fixture_get(&cluster, 0)), term);
    assert_int_equal(raft_current_term(raft_fixture_get(&cluster, 1)), term);
    raft_fixture_desaturate(&cluster, 0, 2);
    raft_fixture_desaturate(&cluster, 2, 0);
    raft_fixture_step_until_elapsed(&cluster, 5 * ELECTION_MS);
    assert_int_equal(raft_fixture_leader_index(&cluster), 0);
}

/* … and on this: nobody is elected before an election timeout is over since the others heard of the last. */
static void nobody_is_elected_within_an_election_timeout(void **state)
{
    (void)state;
    start();
    elect_first();
    raft_fixture_step_until_elapsed(&cluster, 1000);
    raft_time cut = raft_fixture_time(&cluster);
    for (unsigned i = 1; i < SERVERS; i++) {
        raft_fixture_saturate(&cluster, 0, i);
        raft_fixture_saturate(&cluster, i, 0);
    }
    while (raft_state(raft_fixture_get(&cluster, 1)) != RAFT_LEADER &&
           raft_state(raft_fixture_get(&cluster, 2)) != RAFT_LEADER)
        raft_fixture_step(&cluster);
    assert_true(raft_fixture_time(&cluster) - cut >= ELECTION_MS * 8 / 10);
}

/* ---- one server on a disk ---- */

struct server {
    uv_loop_t loop;
    struct raft_uv_transport transport;
    struct raft_io io;
    struct raft raft;
    struct machine machine;
    bool closed;
};

static char folder[] = "/tmp/roost-libraft-XXXXXX";

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static void server_start(struct server *s, bool first)
{
    memset(s, 0, sizeof(*s));
    machine_init(&s->machine);
    assert_int_equal(uv_loop_init(&s->loop), 0);
    s->transport.version = 1;
    assert_int_equal(raft_uv_tcp_init(&s->transport, &s->loop), 0);
    assert_int_equal(raft_uv_init(&s->io, &s->loop, folder, &s->transport), 0);
    raft_uv_set_auto_recovery(&s->io, false);
    assert_int_equal(raft_init(&s->raft, &s->io, &s->machine.fsm, 1, "127.0.0.1:0"), 0);
    if (first) {
        struct raft_configuration configuration;
        raft_configuration_init(&configuration);
        assert_int_equal(raft_configuration_add(&configuration, 1, "127.0.0.1:0", RAFT_VOTER), 0);
        assert_int_equal(raft_bootstrap(&s->raft, &configuration), 0);
        raft_configuration_close(&configuration);
    }
    assert_int_equal(raft_start(&s->raft), 0);
    while (raft_state(&s->raft) != RAFT_LEADER)
        uv_run(&s->loop, UV_RUN_ONCE);
}

static void on_closed(struct raft *raft)
{
    struct server *s = container_of(raft, struct server, raft);
    raft_uv_close(&s->io);
    raft_uv_tcp_close(&s->transport);
    s->closed = true;
}

static void server_stop(struct server *s)
{
    raft_close(&s->raft, on_closed);
    while (!s->closed)
        uv_run(&s->loop, UV_RUN_ONCE);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&s->loop), 0);
}

/* The status of an entry of so many bytes, or of the attempt. */
static int write_entry(struct server *s, uint64_t value, size_t len)
{
    struct raft_apply req = {.data = NULL};
    struct raft_buffer b = entry_of(value, len);
    status = -1;
    int rc = raft_apply(&s->raft, &req, &b, 1, on_applied);
    if (rc != 0) {
        raft_free(b.base);
        return rc;
    }
    while (status == -1)
        uv_run(&s->loop, UV_RUN_ONCE);
    return status;
}

static void what_was_acknowledged_is_there_after_a_restart(void **state)
{
    (void)state;
    static struct server s;
    assert_non_null(mkdtemp(folder));
    server_start(&s, true);
    for (uint64_t i = 1; i <= 20; i++)
        assert_int_equal(write_entry(&s, i, 8 * (size_t)i), 0);
    server_stop(&s);
    server_start(&s, false);
    while (s.machine.len < 20)
        uv_run(&s.loop, UV_RUN_ONCE);
    for (uint64_t i = 1; i <= 20; i++)
        assert_int_equal(s.machine.applied[i - 1], i);
    server_stop(&s);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_entry_is_applied_everywhere_once),
        TEST(an_entry_of_an_old_term_is_committed_only_with_one_of_the_new),
        TEST(leadership_lost_means_unknown),
        TEST(who_hears_a_leader_votes_for_nobody),
        TEST(nobody_is_elected_within_an_election_timeout),
        cmocka_unit_test(what_was_acknowledged_is_there_after_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
