/* wire.c: a machine's clock, and its messages to others: late, out of order, lost; see cluster.h. */
#include <stdlib.h>

#include "shell/raft_guard.h"
#include "tests/sim/cluster/cluster.h"

static const char *const addresses[NODES_MAX] = {"1", "2", "3", "4", "5"};

/* ---- messages ---- */

struct parcel {
    struct task task;
    unsigned to;
    struct raft_message message;
};

static void copy_entries(struct raft_append_entries *a)
{
    struct raft_entry *entries = a->n_entries > 0 ? raft_calloc(a->n_entries, sizeof(*entries)) : NULL;
    size_t bytes = 0;
    for (unsigned i = 0; i < a->n_entries; i++)
        bytes += a->entries[i].buf.len;
    uint8_t *batch = a->n_entries > 0 ? raft_malloc(bytes + 1) : NULL, *at = batch;
    for (unsigned i = 0; i < a->n_entries; i++) {
        entries[i] = a->entries[i];
        entries[i].batch = batch;
        entries[i].buf.base = at;
        if (entries[i].buf.len > 0)
            memcpy(at, a->entries[i].buf.base, entries[i].buf.len);
        at += entries[i].buf.len;
    }
    a->entries = entries;
}

static void copy_snapshot(struct raft_install_snapshot *s)
{
    struct raft_configuration from = s->conf;
    raft_configuration_init(&s->conf);
    for (unsigned i = 0; i < from.n; i++) {
        int rc = raft_configuration_add(&s->conf, from.servers[i].id, from.servers[i].address,
                                        from.servers[i].role);
        assert(rc == 0);
    }
    void *data = raft_malloc(s->data.len + 1);
    assert(data != NULL);
    memcpy(data, s->data.base, s->data.len);
    s->data.base = data;
}

static void discard(struct raft_message *m)
{
    if (m->type == RAFT_APPEND_ENTRIES && m->append_entries.n_entries > 0) {
        raft_free(m->append_entries.entries[0].batch);
        raft_free(m->append_entries.entries);
    } else if (m->type == RAFT_INSTALL_SNAPSHOT) {
        raft_configuration_close(&m->install_snapshot.conf);
        raft_free(m->install_snapshot.data.base);
    }
}

static void run_parcel(struct world *w, struct task *t, bool cancelled)
{
    struct parcel *p = container_of(t, struct parcel, task);
    struct node *n = &w->cluster->nodes[p->to];
    if (cancelled || n->role == DEAD || !raft_guard(&n->raft, &p->message)) {
        discard(&p->message);
        free(p);
        return;
    }
    n->recv(&n->io, &p->message);
    free(p);
    node_look(n);
}

static void post(struct node *from, unsigned to, const struct raft_message *message)
{
    struct world *w = from->world;
    struct parcel *p = calloc(1, sizeof(*p));
    assert(p != NULL);
    *p = (struct parcel){.task = {.run = run_parcel, .to = to}, .to = to, .message = *message};
    p->message.server_id = from->index + 1;
    p->message.server_address = addresses[from->index];
    if (message->type == RAFT_APPEND_ENTRIES)
        copy_entries(&p->message.append_entries);
    else if (message->type == RAFT_INSTALL_SNAPSHOT)
        copy_snapshot(&p->message.install_snapshot);
    int64_t *last_us = &w->cluster->last_us[from->index][to];
    int64_t at_us = w->now_us + 50 + roll(&w->dice, (unsigned)w->cluster->latency_us);
    if (w->cluster->loss > 0 && chance(&w->dice, 5)) /* by an old connection */
        at_us += roll(&w->dice, ELECTION_MS * 1000);
    else
        *last_us = at_us = at_us > *last_us ? at_us : *last_us;
    task_add(w, &p->task, NODES_MAX, at_us - w->now_us);
}

struct sent {
    struct task task;
    struct raft_io_send *send;
};

static void run_sent(struct world *w, struct task *t, bool cancelled)
{
    struct sent *x = container_of(t, struct sent, task);
    (void)w;
    x->send->cb(x->send, cancelled ? RAFT_CANCELED : 0);
    free(x);
}

static int wire_send(struct raft_io *io, struct raft_io_send *req, const struct raft_message *message,
                     raft_io_send_cb cb)
{
    struct node *n = node_of(io);
    const struct cluster *c = n->world->cluster;
    unsigned to = (unsigned)message->server_id - 1;
    struct sent *x = calloc(1, sizeof(*x));
    assert(x != NULL && to < c->n);
    if (!c->cut[n->index][to] && !chance(&n->world->dice, c->loss))
        post(n, to, message);
    req->cb = cb;
    *x = (struct sent){.task.run = run_sent, .send = req};
    task_add(n->world, &x->task, n->index, 0);
    return 0;
}

/* ---- time ---- */

struct beat {
    struct task task;
    int64_t every_us;
};

static void run_beat(struct world *w, struct task *t, bool cancelled)
{
    struct beat *b = container_of(t, struct beat, task);
    struct node *n = &w->cluster->nodes[t->node];
    if (cancelled) {
        free(b);
        return;
    }
    task_add(w, t, t->node, b->every_us);
    n->tick(&n->io);
}

static int wire_start(struct raft_io *io, unsigned msecs, raft_io_tick_cb tick, raft_io_recv_cb recv)
{
    struct node *n = node_of(io);
    struct beat *b = calloc(1, sizeof(*b));
    assert(b != NULL);
    n->tick = tick;
    n->recv = recv;
    *b = (struct beat){.task.run = run_beat, .every_us = (int64_t)msecs * 1000000 / n->rate};
    task_add(n->world, &b->task, n->index, b->every_us);
    return 0;
}

static raft_time wire_time(struct raft_io *io)
{
    const struct node *n = node_of(io);
    return (raft_time)(n->world->now_us * n->rate / 1000 / 1000);
}

static int wire_random(struct raft_io *io, int min, int max)
{
    return min + (int)roll(&node_of(io)->world->dice, (unsigned)(max - min));
}

static int wire_init(struct raft_io *io, raft_id id, const char *address)
{
    (void)io;
    (void)id;
    (void)address;
    return 0;
}

static void wire_close(struct raft_io *io, raft_io_close_cb cb)
{
    struct node *n = node_of(io);
    tasks_cancel(n->world, n->index);
    if (cb != NULL)
        cb(io);
}

void wire_methods(struct raft_io *io)
{
    io->init = wire_init;
    io->close = wire_close;
    io->start = wire_start;
    io->send = wire_send;
    io->time = wire_time;
    io->random = wire_random;
}
