/* cluster_log.c: the thread of the loop: libraft, who leads, entries proposed and committed; see
 * cluster_node.h. */
#include <assert.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "shell/cluster_node.h"
#include "shell/log.h"
#include "shell/server.h"

enum {
    DISK_LOOK_US = 500 * 1000,
    DISK_ROOM = 48 << 20 /* libraft takes room for segments of 8 MiB in advance */
};

static struct server *server_of(struct cluster *c)
{
    return c->store.server;
}

static void lock(struct cluster *c)
{
    pthread_mutex_lock(&server_of(c)->mutex);
}

static void unlock(struct cluster *c)
{
    pthread_mutex_unlock(&server_of(c)->mutex);
}

bool cluster_leads(struct cluster *c)
{
    return c->leads && raft_state(&c->raft) == RAFT_LEADER && raft_current_term(&c->raft) == c->term;
}

/* ---- entries out ---- */

static struct proposal *add_full(struct cluster *c)
{
    struct proposal *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        c->lost = true; /* the core has what the log will never bring */
        return NULL;
    }
    p->cluster = c;
    p->position = ++c->position;
    list_push_back(&c->full, &p->in_full);
    return p;
}

bool cluster_propose(struct cluster *c, enum cluster_kind kind, struct slice body)
{
    uint8_t header[8] = {0};
    static const uint8_t zeros[8];
    struct proposal *p = add_full(c);
    if (p == NULL)
        return false;
    p->bytes = buf_make(1 << 20);
    put_u32be(header, (uint32_t)(sizeof(header) + body.len));
    put_u32be(header + 4, (uint32_t)kind);
    buf_append(&p->bytes, header, sizeof(header));
    buf_append(&p->bytes, body.data, body.len);
    buf_append(&p->bytes, zeros, (8 - p->bytes.len % 8) % 8);
    c->lost = c->lost || p->bytes.failed;
    return !c->lost;
}

bool cluster_fill(struct cluster *c)
{
    bool events = replica_entry_len(&c->replica) > 0;
    struct proposal *p;
    c->wants_entry = c->wants_lease = false;
    if (!events)
        return cluster_propose(c, KIND_NOTHING, slice_of(NULL, 0));
    if ((p = add_full(c)) == NULL)
        return false;
    replica_take_entry(&c->replica, &p->bytes);
    c->seen = p->position;
    c->lost = c->lost || p->bytes.failed;
    return !c->lost;
}

static void proposal_free(struct proposal *p)
{
    list_remove(&p->in_full);
    roost__buf_free(&p->bytes);
    free(p);
}

static void begin_serving(struct cluster *c);

/* Everybody has it, or will: what waited for it goes out, and nobody else can lead before the lease is over.
 */
static void applied(struct cluster *c, const struct proposal *p)
{
    struct batch batch;
    int64_t lease_us = p->since_us + c->options.election_ms * INT64_C(800);
    server_enter(server_of(c), &batch);
    if (c->serving) {
        c->applied = p->position;
        c->lease_us = lease_us > c->lease_us ? lease_us : c->lease_us;
        held_release(&c->store.held, c->applied, &batch);
    }
    bool begins = !c->serving && !c->lost && c->replica.core != NULL;
    server_leave(server_of(c), &batch);
    if (begins && cluster_leads(c) && c->in_flight == 0)
        begin_serving(c);
}

/* Any other status says nothing about what becomes of it. */
static void on_applied(struct raft_apply *request, int status, void *result)
{
    struct proposal *p = request->data;
    struct cluster *c = p->cluster;
    (void)result;
    c->in_flight--;
    if (status == 0 && cluster_leads(c)) {
        applied(c, p);
    } else {
        lock(c);
        c->lost = c->lost || c->serving;
        unlock(c);
    }
    proposal_free(p);
}

/* The next entry to propose; NULL: there is none, or enough are under way. */
static struct proposal *next_proposal(struct cluster *c)
{
    lock(c);
    bool wants = c->wants_entry || c->wants_lease || replica_entry_len(&c->replica) > 0;
    if (list_empty(&c->full) && wants && c->serving && !c->lost)
        cluster_fill(c);
    struct proposal *p =
        c->lost || list_empty(&c->full) ? NULL : container_of(c->full.next, struct proposal, in_full);
    if (p != NULL)
        list_remove(&p->in_full);
    unlock(c);
    return p;
}

static void propose(struct cluster *c)
{
    struct proposal *p;
    while (cluster_leads(c) && c->in_flight < IN_FLIGHT_MAX && (p = next_proposal(c)) != NULL) {
        struct raft_buffer bytes = {.base = p->bytes.data, .len = p->bytes.len};
        assert(bytes.len % 8 == 0); /* others are lost at a restart */
        p->request.data = p;
        p->since_us = boot_us();
        int rc = raft_apply(&c->raft, &p->request, &bytes, 1, on_applied);
        if (rc == 0) {
            p->bytes = buf_make(0); /* libraft's now */
            c->in_flight++;
            continue;
        }
        log_warn("the cluster's log takes no entry: %s", raft_errmsg(&c->raft));
        proposal_free(p);
        lock(c);
        c->lost = true;
        unlock(c);
        return;
    }
}

/* ---- who leads ---- */

static void begin_serving(struct cluster *c)
{
    struct batch batch;
    struct server *s = server_of(c);
    server_enter(s, &batch);
    assert(!replica_is_ahead(&c->replica) && list_empty(&c->full));
    held_drop(&c->store.held);
    c->serving = true;
    c->applied = c->position;
    c->seen = 0;
    c->lease_us = 0;
    c->no_lease = c->offered_term == c->term; /* the heir may still be elected at any moment */
    c->wants_entry = c->wants_lease = true;
    c->store.has_work = true;
    server_lead(s, &batch);
    server_leave(s, &batch);
    log_info("this node leads cluster %s, in term %llu", c->file.cluster, (unsigned long long)c->term);
}

/* What was under way is unknown, and nobody hears of it. */
static void stop_serving(struct cluster *c)
{
    struct batch batch;
    struct server *s = server_of(c);
    server_enter(s, &batch);
    bool served = c->serving;
    if (served) {
        server_follow(s);
        held_drop(&c->store.held);
    }
    c->serving = c->handing_over = false;
    c->wants_entry = c->wants_lease = false;
    c->lost = c->lost || replica_is_ahead(&c->replica);
    while (!list_empty(&c->full))
        proposal_free(container_of(c->full.next, struct proposal, in_full));
    server_leave(s, &batch);
    cluster_drop_asked(c);
    if (served)
        log_info("this node leads no more");
}

/* The log has nothing in it: it begins with the nodes of the file and a new core. */
static void begin_log(struct cluster *c)
{
    struct buf nodes = buf_make(1 << 16);
    struct core_options options = c->core_options;
    nodes_put(&c->file, &nodes);
    lock(c);
    options.now_us = server_now_us();
    struct proposal *p;
    if (cluster_propose(c, KIND_NODES, buf_slice(&nodes)) && (p = add_full(c)) != NULL) {
        p->bytes = buf_make(1 << 24);
        c->lost = replica_first_entry(&options, &p->bytes) != ROOST_OK;
    }
    unlock(c);
    roost__buf_free(&nodes);
}

/* Nothing that others led is left to apply. */
static void on_barrier(struct raft_barrier *request, int status)
{
    struct cluster *c = request->data;
    c->waiting--;
    if (status != 0 || !cluster_leads(c) || c->lost)
        return;
    if (c->replica.core != NULL)
        begin_serving(c);
    else
        begin_log(c);
}

static void begin_to_lead(struct cluster *c)
{
    c->leads = true;
    c->term = raft_current_term(&c->raft);
    c->barrier.data = c;
    if (raft_barrier(&c->raft, &c->barrier, on_barrier) == 0)
        c->waiting++;
    else
        c->leads = false; /* we look again */
}

/* ---- handing over ---- */

/* The voter that has come farthest; 0: there is none but this node. */
static uint64_t best_heir(struct cluster *c)
{
    const struct raft_configuration *conf = &c->raft.configuration;
    raft_index best = 0, match;
    uint64_t id = 0;
    for (unsigned i = 0; i < conf->n; i++) {
        const struct raft_server *n = &conf->servers[i];
        if (n->id == c->options.node || n->role != RAFT_VOTER ||
            raft_match_index(&c->raft, n->id, &match) != 0)
            continue;
        if (id == 0 || match > best)
            id = n->id;
        best = match > best ? match : best;
    }
    return id;
}

bool cluster_hand_over(struct cluster *c, uint64_t id)
{
    id = id != 0 ? id : best_heir(c);
    if (c->heir != 0 || id == 0 || !c->serving)
        return c->heir != 0;
    c->heir = id;
    c->heir_until_us = boot_us() + c->options.election_ms * INT64_C(1000);
    lock(c);
    c->handing_over = true;
    server_of(c)->follows = true; /* whoever comes now waits for the next one */
    unlock(c);
    return true;
}

static void on_offered(struct raft_transfer *request)
{
    struct cluster *c = request->data;
    c->heir = 0;
    c->transferring = false;
    c->waiting--;
    c->leads = false; /* if it does after all, it begins anew */
}

/* The heir does not catch up: this node goes on. */
static void keep(struct cluster *c)
{
    log_warn("node %llu does not catch up, and so cannot lead", (unsigned long long)c->heir);
    c->heir = 0;
    c->offered_term = c->term;
    lock(c);
    c->handing_over = false;
    server_of(c)->follows = false;
    unlock(c);
}

/* All that was taken is for good, and told: nothing is undone by another's leading. */
static void offer(struct cluster *c)
{
    raft_index match = 0;
    bool caught_up = raft_match_index(&c->raft, c->heir, &match) != 0 || match == raft_last_index(&c->raft);
    lock(c);
    bool quiet =
        c->in_flight == 0 && !replica_is_ahead(&c->replica) && list_empty(&c->full) && !c->wants_entry;
    unlock(c);
    if (!caught_up && boot_us() > c->heir_until_us)
        keep(c);
    if (!quiet || !caught_up) /* one that lags ignores the offer */
        return;
    stop_serving(c);
    c->offered_term = c->term;
    c->transfer.data = c;
    if (raft_transfer(&c->raft, &c->transfer, c->heir, on_offered) == 0) {
        c->transferring = true;
        c->waiting++;
        return;
    }
    log_warn("node %llu cannot lead: %s", (unsigned long long)c->heir, raft_errmsg(&c->raft));
    c->heir = 0;
    c->leads = false;
}

/* ---- what others may know ---- */

static const char *role_of(struct cluster *c)
{
    switch (raft_state(&c->raft)) {
    case RAFT_LEADER:
        return c->serving ? "leader" : "candidate"; /* not yet, no more */
    case RAFT_CANDIDATE:
        return "candidate";
    case RAFT_FOLLOWER:
        return "follower";
    case RAFT_UNAVAILABLE:
        break;
    }
    return "starting";
}

static void publish(struct cluster *c)
{
    raft_id id = 0;
    const char *address = NULL, *role = c->is_up && !c->closing ? role_of(c) : "starting";
    uint64_t term = c->is_up ? raft_current_term(&c->raft) : c->state.term;
    if (c->is_up && !c->closing)
        raft_leader(&c->raft, &id, &address);
    if (c->is_up)
        atomic_store(&c->applied_index, raft_last_applied(&c->raft));
    if (strcmp(role, c->state.role) == 0 && term == c->state.term && id == c->state.leader &&
        !c->nodes_changed)
        return;
    lock(c);
    const struct node *n = nodes_find(c->nodes.len > 0 ? &c->nodes : &c->file, id);
    c->state.role = role;
    c->state.term = term;
    c->state.leader = id;
    strcpy(c->leader_url, n != NULL ? n->client : "");
    c->nodes_changed = false;
    unlock(c);
    log_debug("%s in term %llu, node %llu leads", role, (unsigned long long)term, (unsigned long long)id);
}

/* A leader whose disk is nearly full takes no more changes, and lets another one lead. */
static void look_at_disk(struct cluster *c)
{
    struct statvfs disk;
    int64_t now_us = boot_us();
    if (now_us - c->disk_looked_us < DISK_LOOK_US)
        return;
    c->disk_looked_us = now_us;
    if (statvfs(c->log_folder, &disk) != 0)
        return;
    bool full = (uint64_t)disk.f_bavail * disk.f_frsize < DISK_ROOM;
    if (full != c->disk_full)
        log_warn("%s: %s", c->log_folder,
                 full ? "the disk is nearly full: no changes are taken" : "there is room again");
    lock(c);
    c->disk_full = full;
    unlock(c);
    if (full && c->serving && c->offered_term != c->term)
        (void)cluster_hand_over(c, 0);
}

/* ---- the loop ---- */

static void on_closed(struct raft *raft)
{
    struct cluster *c = raft->data;
    c->is_up = false;
    uv_stop(&c->loop);
}

/* Not from within a callback of libraft's. */
static void close_log(struct cluster *c)
{
    if (c->closing)
        return;
    c->closing = true;
    c->leads = false;
    stop_serving(c);
    cluster_snapshot_drop(c);
    cluster_io_forget(c);
    raft_close(&c->raft, on_closed);
}

/* Somebody else may lead before the clients have found out. */
static void end(struct cluster *c)
{
    if (c->end_us == 0)
        c->end_us = boot_us() + 3 * c->options.election_ms * INT64_C(1000);
    if (boot_us() > c->end_us) { /* whoever was to lead does not */
        close_log(c);
        return;
    }
    bool wait = c->heir != 0 || (c->serving && c->offered_term != c->term && cluster_hand_over(c, 0));
    if (!wait)
        close_log(c);
}

static void check_state(struct cluster *c, bool ends)
{
    enum raft_state state = raft_state(&c->raft);
    if (state == RAFT_UNAVAILABLE)
        cluster_die(raft_errmsg(&c->raft));
    if (c->leads && !cluster_leads(c)) {
        c->leads = false;
        stop_serving(c);
    }
    if (c->serving && c->heir != 0)
        offer(c);
    else if (!c->serving && !c->transferring)
        c->heir = 0;
    if (state == RAFT_LEADER && !c->leads && !ends && c->in_flight + c->waiting == 0)
        begin_to_lead(c);
}

/* Before the loop sleeps, so after everything that may have happened. */
static void on_look(struct uv_prepare_s *handle)
{
    struct cluster *c = handle->data;
    if (!c->is_up || c->closing)
        return;
    lock(c);
    bool lost = c->lost, stopping = c->stopping;
    unlock(c);
    check_state(c, lost || stopping);
    if (stopping)
        end(c);
    else if (lost)
        close_log(c);
    if (c->closing)
        return;
    propose(c);
    cluster_answer_asked(c);
    cluster_io_look(c);
    cluster_snapshot_look(c);
    look_at_disk(c);
    publish(c);
}

/* on_look() does it all. */
static void on_wake(struct uv_async_s *handle)
{
    (void)handle;
}

/* ---- up and down ---- */

static void on_trace(struct raft_tracer *tracer, int type, const void *info)
{
    const struct raft_tracer_info *i = info;
    (void)tracer;
    if (type != RAFT_TRACER_DIAGNOSTIC)
        return;
    if (i->diagnostic.level == 1)
        log_error("raft: %s", i->diagnostic.message);
    else if (i->diagnostic.level == 2)
        log_debug("raft: %s", i->diagnostic.message);
}

static int fail_raft(struct cluster *c, const char *what, int rc)
{
    const char *words = raft_errmsg(&c->raft);
    return roost__fail(rc == RAFT_CORRUPT || rc == RAFT_MALFORMED ? ROOST_EDAMAGED : ROOST_ESYS,
                       "%s: %s: %s (%s)", c->log_folder, what, words != NULL ? words : "", raft_strerror(rc));
}

static void set_times(struct cluster *c)
{
    unsigned election = c->options.election_ms, heartbeat = election / 10;
    raft_set_election_timeout(&c->raft, election);
    raft_set_heartbeat_timeout(&c->raft, heartbeat < 100 ? heartbeat : 100);
    raft_set_install_snapshot_timeout(&c->raft, election * 10 > 30000 ? election * 10 : 30000);
    raft_set_pre_vote(&c->raft, true);
    raft_set_snapshot_threshold(&c->raft, SNAPSHOT_NEVER);
    raft_set_snapshot_trailing(&c->raft, TRAILING_MAX);
    raft_set_max_catch_up_rounds(&c->raft, 100);
    raft_set_max_catch_up_round_duration(&c->raft, 20 * 1000);
}

/* All nodes of the file vote, of a cluster that begins; rc of libraft. */
static int bootstrap(struct cluster *c)
{
    struct raft_configuration conf;
    int rc = 0;
    raft_configuration_init(&conf);
    for (unsigned i = 0; i < c->file.len && rc == 0; i++)
        rc = raft_configuration_add(&conf, c->file.at[i].id, c->file.at[i].peer, RAFT_VOTER);
    rc = rc == 0 ? raft_bootstrap(&c->raft, &conf) : rc;
    raft_configuration_close(&conf);
    return rc;
}

/* A node that was up before may have promised somebody not to vote for another, and has forgotten it: it
 * keeps away until the promise is over. False: the node stops. */
static bool wait_out_promises(struct cluster *c)
{
    int64_t until_us = server_now_us() + c->options.election_ms * INT64_C(1000);
    struct timespec t = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
    lock(c);
    while (!c->stopping && server_now_us() < until_us)
        pthread_cond_timedwait(&c->stop_wake, &server_of(c)->mutex, &t);
    bool goes_on = !c->stopping;
    unlock(c);
    return goes_on;
}

static int start(struct cluster *c)
{
    int rc = raft_init(&c->raft, &c->io, &c->fsm, c->options.node, c->peer);
    c->raft.data = c;
    if (rc != 0)
        return fail_raft(c, "init", rc);
    c->raft.tracer = &c->tracer;
    set_times(c);
    rc = c->options.join ? RAFT_CANTBOOTSTRAP : bootstrap(c);
    if (rc != 0 && rc != RAFT_CANTBOOTSTRAP)
        return fail_raft(c, "bootstrap", rc);
    if (rc == RAFT_CANTBOOTSTRAP && !wait_out_promises(c))
        return ROOST_ECLOSED;
    rc = raft_start(&c->raft);
    return rc != 0 ? fail_raft(c, "start", rc) : ROOST_OK;
}

static int up(struct cluster *c)
{
    int rc = cluster_io_init(c);
    if (rc != ROOST_OK)
        return rc;
    cluster_fsm_init(c);
    rc = start(c);
    c->is_up = rc == ROOST_OK;
    return rc;
}

int cluster_up(struct cluster *c)
{
    uv_loop_init(&c->loop);
    uv_async_init(&c->loop, &c->wake, on_wake);
    uv_prepare_init(&c->loop, &c->look);
    uv_prepare_start(&c->look, on_look);
    c->look.data = c;
    c->tracer = (struct raft_tracer){.version = 2, .emit = on_trace};
    return up(c);
}

/* From the disk again: the core is what the log says. */
static bool up_again(struct cluster *c)
{
    log_info("what this node took ahead of the log is undone: its state is read from the disk again");
    cluster_io_free(c);
    lock(c);
    replica_reset(&c->replica);
    cluster_set_core(c);
    c->lost = c->closing = false;
    c->nodes = (struct nodes){.len = 0};
    c->position = c->applied = c->seen = 0;
    unlock(c);
    publish(c);
    int rc = up(c);
    if (rc != ROOST_OK && rc != ROOST_ECLOSED)
        cluster_die(roost_errmsg());
    return rc == ROOST_OK;
}

static void on_handle_closed(struct uv_handle_s *handle)
{
    (void)handle;
}

static void close_loop(struct cluster *c)
{
    uv_close((struct uv_handle_s *)&c->wake, on_handle_closed);
    uv_close((struct uv_handle_s *)&c->look, on_handle_closed);
    uv_run(&c->loop, UV_RUN_DEFAULT);
    cluster_io_free(c);
    if (uv_loop_close(&c->loop) != 0)
        log_warn("the cluster's loop ends with something open");
}

void *cluster_main(void *arg)
{
    struct cluster *c = arg;
    bool stopping;
    do {
        uv_run(&c->loop, UV_RUN_DEFAULT);
        lock(c);
        stopping = c->stopping;
        unlock(c);
    } while (!stopping && up_again(c));
    close_loop(c);
    return NULL;
}
