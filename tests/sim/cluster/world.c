/* world.c: one history of a cluster from its seed to its end; see cluster.h. */
#include <inttypes.h>
#include <stdlib.h>

#include "core/admin.h"
#include "tests/sim/cluster/cluster.h"

enum { SETTLE_US = 8000000, LOOK_US = 20000, CALM_US = 700000 };

/* ---- tasks ---- */

void task_add(struct world *w, struct task *t, unsigned node, int64_t in_us)
{
    t->node = node;
    agenda_add(w, (struct entry){.what = TASK, .task = t}, in_us);
}

/* The first in time of a server's tasks, or AGENDA_MAX. */
static size_t first_task(const struct world *w, unsigned node)
{
    size_t best = AGENDA_MAX;
    for (size_t i = 0; i < w->agenda_len; i++) {
        const struct entry *a = &w->agenda[i], *b = &w->agenda[best < AGENDA_MAX ? best : 0];
        if (a->what == TASK && a->task->node == node &&
            (best == AGENDA_MAX || a->at_us < b->at_us || (a->at_us == b->at_us && a->order < b->order)))
            best = i;
    }
    return best;
}

void tasks_cancel(struct world *w, unsigned node)
{
    for (size_t i; (i = first_task(w, node)) < AGENDA_MAX;) {
        struct task *t = agenda_take(w, i).task;
        t->run(w, t, true);
    }
}

static void run_task(struct world *w, struct task *t)
{
    unsigned node = t->node;
    t->run(w, t, false);
    if (node < NODES_MAX)
        node_look(&w->cluster->nodes[node]);
}

/* ---- clients' frames ---- */

/* Where the server thinks that the leader is. */
static void turn_away(struct world *w, unsigned link, struct node *n)
{
    raft_id leader = 0;
    const char *address;
    if (n->role != DEAD)
        raft_leader(&n->raft, &leader, &address);
    w->links[link].server_end = false;
    w->cluster->hint[w->links[link].client] = (int)leader - 1;
    net_post(w, link, TO_CLIENT, 'b', slice_of(NULL, 0));
}

static void to_server(struct world *w, const struct entry *e)
{
    struct node *n = &w->cluster->nodes[w->links[e->link].node];
    if (!w->links[e->link].server_end)
        return;
    if (n->role != SERVES) {
        turn_away(w, e->link, n);
        return;
    }
    w->cluster->at = n;
    e->what == CLOSED ? net_closed(w, e) : net_to_server(w, e);
    node_look(n);
}

void net_restart(struct world *w)
{
    (void)w;
}

/* ---- what happens next ---- */

/* A server whose timer is due before anything else happens; NULL: none. */
static struct node *due_node(const struct world *w, int64_t until_us, int64_t *ret_us)
{
    struct node *best = NULL;
    for (unsigned i = 0; i < w->cluster->n; i++) {
        struct node *n = &w->cluster->nodes[i];
        if (n->role != SERVES || n->frozen_us > w->now_us || core_next_deadline_us(n->replica.core) == NEVER)
            continue;
        int64_t at_us = core_next_deadline_us(n->replica.core) - n->offset_us;
        if (at_us <= until_us) {
            best = n;
            until_us = *ret_us = at_us;
        }
    }
    return best;
}

/* The server that an entry is of; NULL: none. */
static struct node *whose(const struct world *w, const struct entry *e)
{
    unsigned i = e->what == TASK ? (e->task->node < NODES_MAX ? e->task->node : e->task->to)
                 : e->what == TO_SERVER || e->what == CLOSED ? w->links[e->link].node
                                                             : NODES_MAX;
    return i < NODES_MAX ? &w->cluster->nodes[i] : NULL;
}

void node_freeze(struct node *n, int64_t until_us)
{
    struct world *w = n->world;
    n->frozen_us = until_us;
    for (bool more = true; more;) {
        struct entry *first = NULL;
        for (size_t i = 0; i < w->agenda_len; i++) {
            struct entry *e = &w->agenda[i];
            if (e->at_us < until_us && whose(w, e) == n &&
                (first == NULL || e->at_us < first->at_us ||
                 (e->at_us == first->at_us && e->order < first->order)))
                first = e;
        }
        more = first != NULL;
        if (more) {
            first->at_us = until_us;
            first->order = ++w->last_order;
        }
    }
}

static void happen(struct world *w)
{
    size_t first = agenda_first(w);
    int64_t due_us = 0;
    struct node *n = due_node(w, w->agenda[first].at_us, &due_us);
    if (n != NULL && (w->calm || chance(&w->dice, 80))) {
        w->now_us = due_us > w->now_us ? due_us : w->now_us;
        node_tick(n);
        return;
    }
    struct entry e = agenda_take(w, first);
    const struct node *of = whose(w, &e);
    w->now_us = e.at_us;
    if (of != NULL && of->frozen_us > w->now_us) {
        agenda_add(w, e, of->frozen_us - w->now_us);
        return;
    }
    if (e.what == TASK)
        run_task(w, e.task);
    else if (e.what == TO_CLIENT)
        net_to_client(w, &e);
    else if (e.what == CLIENT_ACTS)
        client_act(w, e.client);
    else
        to_server(w, &e);
}

/* ---- begin, end ---- */

static void choose_theme(struct world *w)
{
    unsigned n = 1 + roll(&w->dice, 4);
    for (unsigned i = 0; i < 4; i++)
        w->types[i] = i < n ? (roost_type)(1 + roll(&w->dice, TYPE_COUNT - 1)) : w->types[i % n];
    w->faults = chance(&w->dice, 10) ? 0 : 1 + roll(&w->dice, 30);
    w->acts_left = 300 + roll(&w->dice, 2000);
    w->cluster->n = chance(&w->dice, 60) ? 3 : 5;
}

static void begin(struct world *w, uint64_t seed, bool verbose)
{
    w->seed = seed;
    w->verbose = verbose;
    w->dice.state = seed * 0x2545f4914f6cdd1d + 1;
    w->bytes = buf_make(64 << 20);
    w->scratch = buf_make(1 << 20);
    w->sessions_max = M_SESSIONS - 16;
    w->epoch = 1;
    for (int i = 0; i < 2; i++)
        effects_init(&w->effects[i]);
    for (unsigned i = 0; i < CLIENTS; i++) {
        w->cluster->hint[i] = -1;
        for (unsigned t = 0; t < THREADS; t++)
            w->clients[i].pending[t].frame = buf_make(FRAME_BYTES);
    }
    choose_theme(w);
    stream_begin(w);
    model_init(w->model, 1);
    for (unsigned i = 0; i < w->cluster->n; i++) {
        struct node *n = &w->cluster->nodes[i];
        n->world = w;
        n->index = i;
        disk_init(&n->disk);
        node_start(n, roll(&w->dice, 20000));
    }
    fate_begin(w);
}

static void end(struct world *w)
{
    w->calm = true;
    for (unsigned i = 0; i < w->cluster->n; i++) {
        struct node *n = &w->cluster->nodes[i];
        node_stop(n, true);
        disk_free(&n->disk);
        free(n->held);
    }
    tasks_cancel(w, NODES_MAX);
    stream_end(w);
    roost__buf_free(&w->bytes);
    roost__buf_free(&w->scratch);
    for (int i = 0; i < 2; i++)
        effects_free(&w->effects[i]);
    for (unsigned i = 0; i < CLIENTS; i++)
        for (unsigned t = 0; t < THREADS; t++)
            roost__buf_free(&w->clients[i].pending[t].frame);
    free(w->cluster);
    w->cluster = NULL;
}

/* ---- the end: nothing fails any more ---- */

/* Somebody leads, everybody has everything, and nobody is ahead. */
static bool is_settled(const struct world *w)
{
    const struct cluster *c = w->cluster;
    unsigned serving = 0;
    for (unsigned i = 0; i < c->n; i++) {
        const struct node *n = &c->nodes[i];
        serving += n->role == SERVES;
        if (n->role == DEAD || n->commands != c->stream.len || n->replica.core == NULL ||
            replica_is_ahead(&n->replica) || replica_entry_len(&n->replica) > 0)
            return false;
    }
    return serving == 1;
}

static void settle(struct world *w, int64_t least_us)
{
    int64_t until_us = w->now_us + SETTLE_US;
    least_us += w->now_us;
    do {
        /* A follower that has forgotten more of the log than the leader knows it to have gets nothing until
         * the leader's next snapshot (libraft 0.22.1): so the log must grow. */
        int64_t look_us = w->now_us + LOOK_US;
        for (unsigned i = 0; i < w->cluster->n; i++)
            if (w->cluster->nodes[i].role == SERVES)
                node_ask(&w->cluster->nodes[i]);
        while (w->now_us < look_us)
            happen(w);
    } while (w->now_us < least_us || (!is_settled(w) && w->now_us < until_us));
    if (!is_settled(w))
        fail_world(w, "the cluster does not come to rest");
    for (unsigned i = 0; i < w->cluster->n; i++) {
        struct node *n = &w->cluster->nodes[i];
        stream_hash(n);
        if (core_next_deadline_us(n->replica.core) != model_next_deadline_us(w->model))
            fail_world(w, "server %u has another deadline than expected", i + 1);
        if (n->role == SERVES)
            w->cluster->at = n;
    }
}

static void check_nothing(struct world *w)
{
    for (unsigned i = 0; i < w->cluster->n; i++) {
        struct core_counts c;
        uint64_t objects = 0;
        core_counts(w->cluster->nodes[i].replica.core, &c);
        for (int t = 0; t < TYPE_COUNT; t++)
            objects += c.objects_by_type[t];
        if (c.sessions + c.waiters + c.holds + c.deliveries + objects > 0)
            fail_world(w, "server %u: left at the end: %" PRIu64 " sessions, %" PRIu64 " objects", i + 1,
                       c.sessions, objects);
    }
}

static void finish(struct world *w)
{
    static const uint8_t no_info = 0x80;
    w->calm = true;
    fate_calm(w);
    settle(w, CALM_US);
    check_step(w, (struct event){.kind = EVENT_OPEN, .payload = slice_of(&no_info, 1)});
    w->observer = w->effects[0].opened;
    settle(w, 0);
    delete_objects(w, true);
    settle(w, 0);
    for (size_t i = 0; i < w->model->waiter_count; i++)
        fail_world(w, "session %" PRIu64 " call %" PRIu64 " waits for what was deleted",
                   w->model->waiters[i].session, w->model->waiters[i].number);
    end_sessions(w);
    check_step(w, (struct event){.kind = EVENT_LOST, .session = w->observer});
    settle(w, 0);
    check_nothing(w);
}

bool world_run(struct world *w, struct model *m, uint64_t seed, bool verbose)
{
    memset(w, 0, sizeof(*w));
    w->model = m;
    w->cluster = calloc(1, sizeof(*w->cluster));
    assert(w->cluster != NULL);
    if (setjmp(w->failed) != 0) {
        return false;
    }
    begin(w, seed, verbose);
    for (unsigned i = 0; i < CLIENTS; i++)
        client_act_later(w, i, 100000 + roll(&w->dice, 50000));
    while (w->acts_left > 0)
        happen(w);
    finish(w);
    end(w);
    return true;
}
