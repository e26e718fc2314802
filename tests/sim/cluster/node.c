/*
 * node.c: a server of the cluster: a raft and a replica in one process. It leads or follows, and serves as
 * server/shell does: the core takes an event at once, its answers wait until the log has it. See cluster.h.
 */
#include <stdlib.h>

#include "shell/raft_guard.h"
#include "tests/sim/cluster/cluster.h"

enum { LEASE_PERCENT = 80, GATHER_US = 300, ENTRY_HEADER = 28 };

static struct cluster *cluster_of(const struct node *n)
{
    return n->world->cluster;
}

/* ---- clients ---- */

/* Their connections end: whether what they asked for has happened they will hear from another. */
static void close_links(struct node *n)
{
    struct world *w = n->world;
    for (size_t i = n->held_first; i < n->held_len; i++) {
        if (n->held[i].kind == 'r')
            net_post(w, n->held[i].link, TO_CLIENT, 'b', slice_of(NULL, 0));
        roost__buf_free(&n->held[i].bytes);
    }
    n->held_first = n->held_len = 0;
    for (unsigned k = 0; k < w->link_count; k++)
        if (w->links[k].server_end && w->links[k].node == n->index) {
            w->links[k].server_end = false;
            net_post(w, k, TO_CLIENT, 'b', slice_of(NULL, 0));
        }
}

static bool may_go(const struct node *n, const struct held *h)
{
    if (h->number > replica_applied(&n->replica))
        return false;
    return h->read_us == 0 || n->world->now_us < n->lease_us || h->read_us <= n->certain_us;
}

/* What was proposed: libraft calls nobody back but through its own I/O, so node_look() looks at the index. */
struct proposal {
    union {
        struct raft_apply apply;
        struct raft_barrier barrier;
    } request;
    struct proposal *next;
    raft_index index;
    int64_t at_us;
    bool asks;
};

static void release(struct node *n)
{
    while (n->held_first < n->held_len && may_go(n, &n->held[n->held_first])) {
        struct held *h = &n->held[n->held_first++];
        stream_release(n, h);
        net_post(n->world, h->link, TO_CLIENT, h->kind, buf_slice(&h->bytes));
        roost__buf_free(&h->bytes);
    }
    if (n->held_first < n->held_len && n->held[n->held_first].number <= replica_applied(&n->replica))
        node_ask(n);
}

/* What was proposed then was committed: since then nobody else can have been elected for a while. */
static void certain(struct node *n, const struct proposal *p)
{
    int64_t lease_us = p->at_us + (int64_t)ELECTION_MS * 1000 * LEASE_PERCENT / 100;
    n->certain_us = p->at_us > n->certain_us ? p->at_us : n->certain_us;
    if (lease_us > n->lease_us && !n->transfers)
        n->lease_us = lease_us;
    release(n);
}

/* Proposes an entry, or (NULL) nothing but a look at the log. */
static bool propose(struct node *n, const struct buf *entry)
{
    struct proposal *p = calloc(1, sizeof(*p)), **end = &n->proposals;
    struct raft_buffer b = {.len = entry != NULL ? entry->len : 0};
    assert(p != NULL);
    p->at_us = n->world->now_us;
    p->asks = entry == NULL;
    if (entry != NULL) {
        b.base = raft_malloc(b.len);
        assert(b.base != NULL);
        memcpy(b.base, entry->data, b.len);
    }
    if ((entry != NULL ? raft_apply(&n->raft, &p->request.apply, &b, 1, NULL)
                       : raft_barrier(&n->raft, &p->request.barrier, NULL)) != 0) {
        raft_free(b.base);
        free(p);
        return false;
    }
    p->index = raft_last_index(&n->raft);
    while (*end != NULL)
        end = &(*end)->next;
    *end = p;
    return true;
}

static void forget_proposals(struct node *n)
{
    for (struct proposal *p; (p = n->proposals) != NULL;) {
        n->proposals = p->next;
        free(p);
    }
    n->asks = false;
}

void node_ask(struct node *n)
{
    n->asks = n->asks || propose(n, NULL);
}

void net_say(struct world *w, unsigned link, char kind, struct slice payload)
{
    struct node *n = w->cluster->at;
    bool looked = n->last_looked != NULL;
    if (n->held_len == n->held_cap) {
        n->held_cap = 2 * n->held_cap + 16;
        n->held = realloc(n->held, n->held_cap * sizeof(n->held[0]));
        assert(n->held != NULL);
    }
    struct held *h = &n->held[n->held_len++];
    *h = (struct held){.link = link,
                       .kind = kind,
                       .number = n->replica.number,
                       .read_us = looked ? w->now_us : 0,
                       .looked = n->last_looked,
                       .bytes = buf_make(1 << 24)};
    buf_append(&h->bytes, payload.data, payload.len);
    release(n);
}

void net_answer(struct world *w)
{
    const struct effects *x = &w->effects[0];
    for (size_t i = 0; i < x->len; i++) {
        struct slice payload =
            slice_of(x->bytes.data + x->items[i].at + FRAME_HEADER, x->items[i].len - FRAME_HEADER);
        for (unsigned k = 0; k < w->link_count; k++)
            if (w->links[k].server_end && w->links[k].node == w->cluster->at->index &&
                w->links[k].session == x->items[i].session)
                net_say(w, k, 'a', payload);
    }
}

unsigned net_node(const struct world *w, unsigned client)
{
    struct cluster *c = w->cluster;
    int hint = c->hint[client];
    c->hint[client] = -1;
    return hint >= 0 ? (unsigned)hint : roll(&((struct world *)(uintptr_t)w)->dice, c->n);
}

/* ---- events ---- */

static void run_flush(struct world *w, struct task *t, bool cancelled)
{
    struct node *n = &w->cluster->nodes[t->node];
    free(t);
    n->proposes = false;
    if (cancelled || n->role != SERVES || replica_entry_len(&n->replica) == 0)
        return;
    struct buf entry = buf_make(0);
    replica_take_entry(&n->replica, &entry);
    n->rebuild = !propose(n, &entry); /* nobody can say what becomes of it */
    roost__buf_free(&entry);
}

/* What comes within a moment goes into one entry. */
static void flush_soon(struct node *n)
{
    if (n->proposes || replica_entry_len(&n->replica) == 0)
        return;
    struct task *t = calloc(1, sizeof(*t));
    assert(t != NULL);
    t->run = run_flush;
    n->proposes = true;
    task_add(n->world, t, n->index, 1 + roll(&n->world->dice, GATHER_US));
}

static int64_t stamp(const struct node *n)
{
    return n->world->now_us + n->offset_us;
}

static int step(struct node *n, struct event event)
{
    struct effects *e = &n->world->effects[0];
    uint64_t before = n->replica.number;
    event.now_us = stamp(n);
    n->last_looked = NULL;
    n->world->steps++;
    effects_reset(e);
    int rc = replica_step(&n->replica, &event, e);
    if (replica_broken(&n->replica))
        fail_world(n->world, "a server that leads has lost its way");
    bool told = n->replica.number > before;
    if (told)
        stream_speak(n, rc, e);
    if (!told || rc != ROOST_OK)
        n->last_looked = stream_look(n, &event, rc, told ? NULL : e);
    flush_soon(n);
    return rc;
}

int check_step(struct world *w, struct event event)
{
    struct node *n = w->cluster->at;
    bool due = core_next_deadline_us(n->replica.core) <= stamp(n);
    if (due && core_only_reads(n->replica.core, &event)) {
        step(n, (struct event){.kind = EVENT_TIME});
        net_answer(w);
    }
    return step(n, event);
}

void node_tick(struct node *n)
{
    n->world->cluster->at = n;
    if (core_next_deadline_us(n->replica.core) > stamp(n))
        return;
    step(n, (struct event){.kind = EVENT_TIME});
    net_answer(n->world);
}

/* ---- who leads ---- */

static void serve(struct node *n)
{
    struct world *w = n->world;
    struct core *core = n->replica.core;
    bool stale = n->commands != cluster_of(n)->stream.len; /* others have gone on: it will learn that */
    n->role = SERVES;
    n->transfers = false;
    n->base = stale ? (struct replica_mark){.origin = UINT64_MAX} : cluster_of(n)->stream.last;
    n->base_number = n->replica.number;
    n->offset_us = core_now_us(core) - w->now_us + (int64_t)roll(&w->dice, 3000);
    cluster_of(n)->leaders++;
    say_world(w, "server %u leads", n->index + 1);
    w->cluster->at = n;
    for (uint64_t id = core_session_after(core, 0), next; id != 0; id = next) {
        next = core_session_after(core, id);
        step(n, (struct event){.kind = EVENT_DETACHED, .session = id});
        net_answer(w);
    }
}

static void begin_log(struct node *n)
{
    struct core_options options = {.now_us = stamp(n), .epoch = 1};
    struct buf first = buf_make(1 << 20);
    int rc = replica_first_entry(&options, &first);
    assert(rc == ROOST_OK);
    n->rebuild = !propose(n, &first);
    roost__buf_free(&first);
}

/* All that was in the log when it was elected is applied. */
static void prepared(struct node *n)
{
    if (n->replica.core == NULL)
        begin_log(n);
    else if (replica_is_ahead(&n->replica) || replica_broken(&n->replica))
        n->rebuild = true;
    else
        serve(n);
}

/* What it proposed has been applied, of the term in which it was proposed. */
static void look_at_proposals(struct node *n)
{
    for (struct proposal *p;
         (p = n->proposals) != NULL && p->index <= raft_last_applied(&n->raft) && !n->rebuild;) {
        n->proposals = p->next;
        n->asks = n->asks && !p->asks;
        if (n->role == PREPARES)
            prepared(n);
        if (n->role == SERVES)
            certain(n, p);
        free(p);
    }
}

static void lead_no_more(struct node *n)
{
    say_world(n->world, "server %u leads no more", n->index + 1);
    n->role = FOLLOWS;
    n->lease_us = n->certain_us = 0;
    forget_proposals(n);
    close_links(n);
}

void node_look(struct node *n)
{
    if (n->role == DEAD)
        return;
    bool leads = raft_state(&n->raft) == RAFT_LEADER;
    if (raft_state(&n->raft) == RAFT_UNAVAILABLE)
        fail_world(n->world, "server %u: libraft gave up: %s", n->index + 1, raft_errmsg(&n->raft));
    if (n->role != FOLLOWS && (!leads || raft_current_term(&n->raft) != n->term))
        lead_no_more(n);
    if (leads && n->role == FOLLOWS && propose(n, NULL)) {
        n->role = PREPARES;
        n->term = raft_current_term(&n->raft);
    }
    n->transfers = n->transfers && raft_transferee(&n->raft) != 0;
    look_at_proposals(n);
    bool astray = n->role == FOLLOWS && (replica_is_ahead(&n->replica) || replica_broken(&n->replica));
    if (n->rebuild || astray) {
        say_world(n->world, "server %u is ahead of the log: it begins anew", n->index + 1);
        node_stop(n, false);
        node_start(n, (int64_t)ELECTION_MS * 2000);
    }
}

void node_transfer(struct node *n)
{
    n->lease_us = 0; /* its successor need not wait for anything */
    n->transfers = raft_transfer(&n->raft, &n->transfer, 0, NULL) == 0;
}

/* ---- the state machine ---- */

static int on_apply(struct raft_fsm *fsm, const struct raft_buffer *buf, void **result)
{
    struct node *n = fsm->data;
    *result = NULL;
    if (replica_broken(&n->replica))
        return 0;
    if (replica_apply(&n->replica, slice_of(buf->base, buf->len)) != ROOST_OK)
        fail_world(n->world, "server %u: %s", n->index + 1, roost_errmsg());
    if (!replica_broken(&n->replica))
        stream_apply(n, slice_of(buf->base, buf->len));
    return 0;
}

static int on_snapshot(struct raft_fsm *fsm, struct raft_buffer *bufs[], unsigned *n_bufs)
{
    struct node *n = fsm->data;
    struct buf b = buf_make(1 << 24);
    uint8_t commands[8];
    if (n->replica.core == NULL || replica_broken(&n->replica) || !raft_guard_snapshot(&n->raft))
        return RAFT_BUSY;
    put_u64be(commands, n->commands);
    buf_append(&b, commands, sizeof(commands));
    int rc = replica_save(&n->replica, &b);
    assert(rc == ROOST_OK);
    n->snapshot_number = replica_is_ahead(&n->replica) ? n->replica.number : 0;
    *bufs = raft_malloc(sizeof(**bufs));
    *n_bufs = 1;
    assert(*bufs != NULL);
    (*bufs)[0] = (struct raft_buffer){.base = raft_malloc(b.len), .len = b.len};
    assert((*bufs)[0].base != NULL);
    memcpy((*bufs)[0].base, b.data, b.len);
    roost__buf_free(&b);
    return 0;
}

static int on_restore(struct raft_fsm *fsm, struct raft_buffer *buf)
{
    struct node *n = fsm->data;
    const uint8_t *p = buf->base;
    if (replica_restore(&n->replica, slice_of(p + 8, buf->len - 8)) != ROOST_OK)
        fail_world(n->world, "server %u: its snapshot: %s", n->index + 1, roost_errmsg());
    n->commands = get_u64be(p);
    raft_free(buf->base);
    say_world(n->world, "server %u has a snapshot of command %llu", n->index + 1,
              (unsigned long long)n->commands);
    return 0;
}

/* ---- life ---- */

static void bootstrap(struct node *n)
{
    struct raft_configuration configuration;
    raft_configuration_init(&configuration);
    for (unsigned i = 0; i < cluster_of(n)->n; i++) {
        char address[2] = {(char)('1' + i), '\0'};
        raft_configuration_add(&configuration, i + 1, address, RAFT_VOTER);
    }
    int rc = raft_bootstrap(&n->raft, &configuration);
    assert(rc == 0);
    raft_configuration_close(&configuration);
}

static void set_up_raft(struct node *n)
{
    struct dice *dice = &n->world->dice;
    char address[2] = {(char)('1' + n->index), '\0'};
    n->io = (struct raft_io){.version = 2, .capacity = UINT16_MAX, .impl = n};
    disk_methods(&n->io);
    wire_methods(&n->io);
    n->fsm = (struct raft_fsm){
        .version = 1, .data = n, .apply = on_apply, .snapshot = on_snapshot, .restore = on_restore};
    int rc = raft_init(&n->raft, &n->io, &n->fsm, n->index + 1, address);
    assert(rc == 0);
    raft_seed(&n->raft, roll(dice, 1u << 30));
    raft_set_election_timeout(&n->raft, ELECTION_MS);
    raft_set_heartbeat_timeout(&n->raft, HEARTBEAT_MS);
    raft_set_install_snapshot_timeout(&n->raft, 4 * ELECTION_MS);
    raft_set_pre_vote(&n->raft, true);
    raft_set_snapshot_threshold(&n->raft, 4 + roll(dice, 60));
    raft_set_snapshot_trailing(&n->raft, 1 + roll(dice, 60));
}

static void run_start(struct world *w, struct task *t, bool cancelled)
{
    struct node *n = &w->cluster->nodes[t->node];
    struct core_options options = {.now_us = 1};
    free(t);
    if (cancelled)
        return;
    memset(options.hash_key, (int)dice_next(&w->dice), sizeof(options.hash_key));
    replica_init(&n->replica, &options, dice_next(&w->dice));
    n->role = FOLLOWS;
    n->commands = n->snapshot_number = 0;
    n->rebuild = n->proposes = n->asks = n->transfers = false;
    n->lease_us = n->certain_us = 0;
    n->rate = 950 + roll(&w->dice, 101);
    n->offset_us = (int64_t)roll(&w->dice, 1000000);
    n->disk.busy_until_us = 0;
    set_up_raft(n);
    if (n->disk.term == 0)
        bootstrap(n);
    if (raft_start(&n->raft) != 0)
        fail_world(w, "server %u does not start: %s", n->index + 1, raft_errmsg(&n->raft));
    say_world(w, "server %u starts", n->index + 1);
    node_look(n);
}

void node_start(struct node *n, int64_t in_us)
{
    struct task *t = calloc(1, sizeof(*t));
    assert(t != NULL);
    t->run = run_start;
    task_add(n->world, t, n->index, in_us);
}

void node_stop(struct node *n, bool killed)
{
    bool alive = n->role != DEAD;
    n->role = DEAD;
    close_links(n);
    if (killed || !alive)
        tasks_cancel(n->world, n->index);
    if (alive) {
        raft_close(&n->raft, NULL);
        forget_proposals(n);
        replica_free(&n->replica);
    }
    n->disk.torn = false;
}
