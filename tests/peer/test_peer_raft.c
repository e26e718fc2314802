/*
 * test_peer_raft.c: three nodes of libraft that reach each other through peer.h, with their disks, on one
 * loop: they elect, agree on entries of all sizes, and a node that was away catches up.
 */
#include "tests/peer/peer_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/crc32c.h"

enum { ENTRIES = 10000, MORE = 2000, AT_ONCE = 64, BIG_ENTRY = 400000 };

struct member {
    struct raft raft;
    struct raft_io io;
    struct raft_fsm fsm;
    struct raft_uv_transport transport;
    struct peer_settings settings;
    struct credential_files files;
    bool tls;
    const char *dir;
    uint64_t applied, bytes;
    uint32_t sum;
    bool runs, closed;
};

static struct member members[NODES_MAX];

/* ---- the state machine: a sum over all it was given ---- */

static int fsm_apply(struct raft_fsm *fsm, const struct raft_buffer *buf, void **result)
{
    struct member *m = fsm->data;
    m->sum = roost__crc32c(m->sum, buf->base, buf->len);
    m->bytes += buf->len;
    m->applied++;
    *result = NULL;
    return 0;
}

static int fsm_snapshot(struct raft_fsm *fsm, struct raft_buffer **bufs, unsigned *n)
{
    (void)fsm;
    (void)bufs;
    (void)n;
    return RAFT_BUSY;
}

static int fsm_restore(struct raft_fsm *fsm, struct raft_buffer *buf)
{
    (void)fsm;
    (void)buf;
    return RAFT_INVALID;
}

/* ---- members ---- */

static void bootstrap(struct raft *r)
{
    struct raft_configuration all;
    raft_configuration_init(&all);
    for (int i = 0; i < NODES_MAX; i++)
        assert_int_equal(raft_configuration_add(&all, (raft_id)i + 1, address_of(i), RAFT_VOTER), 0);
    assert_int_equal(raft_bootstrap(r, &all), 0);
    raft_configuration_close(&all);
}

static void member_start(int i, bool is_new)
{
    struct member *m = &members[i];
    *m = (struct member){.tls = m->tls, .dir = m->dir, .files = m->files};
    m->settings = (struct peer_settings){.cluster = "prod", .tls = m->tls ? &m->files : NULL};
    m->fsm = (struct raft_fsm){
        .version = 1, .data = m, .apply = fsm_apply, .snapshot = fsm_snapshot, .restore = fsm_restore};
    OK(peer_init(&m->transport, &loop_, &m->settings));
    assert_int_equal(raft_uv_init(&m->io, &loop_, m->dir, &m->transport), 0);
    assert_int_equal(raft_init(&m->raft, &m->io, &m->fsm, (raft_id)i + 1, address_of(i)), 0);
    m->raft.data = m;
    raft_uv_set_connect_retry_delay(&m->io, 100);
    raft_set_pre_vote(&m->raft, true);
    raft_set_snapshot_threshold(&m->raft, 1 << 20);
    if (is_new)
        bootstrap(&m->raft);
    int rc = raft_start(&m->raft);
    if (rc != 0)
        fail_msg("raft_start: %s", raft_errmsg(&m->raft));
    m->runs = true;
}

static void on_raft_closed(struct raft *r)
{
    ((struct member *)r->data)->closed = true;
}

static void member_stop(int i)
{
    struct member *m = &members[i];
    raft_close(&m->raft, on_raft_closed);
    run_until(m->closed);
    raft_uv_close(&m->io);
    peer_fini(&m->transport);
    m->runs = false;
}

static struct member *find_leader(void)
{
    for (int i = 0; i < NODES_MAX; i++)
        if (members[i].runs && raft_state(&members[i].raft) == RAFT_LEADER)
            return &members[i];
    return NULL;
}

/* ---- entries ---- */

/* A leader may lose its office when the machine stands still: what it answers then means nothing. */
static unsigned submitted, answered, agreed;

static void on_applied(struct raft_apply *request, int status, void *result)
{
    (void)result;
    answered++;
    agreed += status == 0;
    free(request);
}

static void submit_one(struct raft *r)
{
    size_t len = submitted % 1000 == 7 ? BIG_ENTRY : 8 + (submitted * 37 % 4096 & ~7u);
    struct raft_buffer buf = {.base = raft_malloc(len), .len = len};
    struct raft_apply *request = malloc(sizeof(*request));
    assert_true(buf.base != NULL && request != NULL);
    memset(buf.base, (int)(submitted % 251), len);
    submitted++;
    if (raft_apply(r, request, &buf, 1, on_applied) == 0)
        return;
    answered++;
    raft_free(buf.base);
    free(request);
}

static void submit(unsigned n)
{
    unsigned goal = agreed + n;
    while (agreed < goal || answered < submitted) {
        struct member *leader;
        run_until((leader = find_leader()) != NULL);
        while (agreed + (submitted - answered) < goal && submitted - answered < AT_ONCE)
            submit_one(&leader->raft);
        unsigned before = answered;
        run_until(answered > before || answered == submitted);
    }
}

/* Those that run have applied equally many, and all that was agreed. */
static bool are_equal(void)
{
    const struct member *first = NULL;
    for (int i = 0; i < NODES_MAX; i++) {
        const struct member *m = &members[i];
        if (!m->runs)
            continue;
        if (m->applied < agreed || (first != NULL && m->applied != first->applied))
            return false;
        first = m;
    }
    return true;
}

static void assert_all_agree(void)
{
    run_until(are_equal());
    for (int i = 1; i < NODES_MAX; i++) {
        assert_int_equal(members[i].sum, members[0].sum);
        assert_int_equal(members[i].bytes, members[0].bytes);
    }
}

static void three_agree(bool tls)
{
    static char dirs[NODES_MAX][128];
    loop_begin();
    submitted = answered = agreed = 0;
    for (int i = 0; i < NODES_MAX; i++) {
        char name[LINK_NAME];
        snprintf(name, sizeof(name), "node-%d.prod", i + 1);
        snprintf(dirs[i], sizeof(dirs[i]), "%s", in_folder(tls ? "tls-0" : "plain-0"));
        dirs[i][strlen(dirs[i]) - 1] = (char)('1' + i);
        assert_int_equal(mkdir(dirs[i], 0700), 0);
        members[i] = (struct member){.tls = tls, .dir = dirs[i], .files = files_of("ours", "ours", name)};
        member_start(i, true);
    }
    uint64_t begin = uv_hrtime();
    submit(ENTRIES);
    print_message("%s: %d entries, %llu MiB, in %.2f s\n", tls ? "TLS" : "plain", ENTRIES,
                  (unsigned long long)members[0].bytes >> 20, (double)(uv_hrtime() - begin) / 1e9);
    assert_all_agree();
    struct member *leader;
    int away = find_leader() == &members[2] ? 1 : 2;
    member_stop(away);
    submit(MORE);
    member_start(away, false);
    assert_all_agree();
    run_until((leader = find_leader()) != NULL);
    member_stop((int)(leader - members)); /* and another leads */
    submit(MORE);
    for (int i = 0; i < NODES_MAX; i++)
        if (members[i].runs)
            member_stop(i);
    loop_finish();
}

static void three_nodes_agree_over_tls(void **state)
{
    (void)state;
    three_agree(true);
}

static void three_nodes_agree_over_plain_tcp(void **state)
{
    (void)state;
    three_agree(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_nodes_agree_over_tls),
        cmocka_unit_test(three_nodes_agree_over_plain_tcp),
    };
    return cmocka_run_group_tests(tests, peers_set_up, folder_remove);
}
