/* fate.c: what befalls a cluster: kills, cuts, slow disks, lost messages, clocks that jump; see cluster.h. */
#include <stdlib.h>

#include "tests/sim/cluster/cluster.h"

static struct node *any_node(struct world *w)
{
    return &w->cluster->nodes[roll(&w->dice, w->cluster->n)];
}

/* The one that leads, mostly. */
static struct node *victim(struct world *w)
{
    for (unsigned i = 0; i < w->cluster->n && chance(&w->dice, 90); i++)
        if (w->cluster->nodes[i].role == SERVES && chance(&w->dice, 70))
            return &w->cluster->nodes[i];
    return any_node(w);
}

static void heal(struct world *w)
{
    memset(w->cluster->cut, 0, sizeof(w->cluster->cut));
    w->cluster->loss = 0;
    w->cluster->latency_us = 500;
    for (unsigned i = 0; i < w->cluster->n; i++)
        w->cluster->nodes[i].disk.write_us = 500;
}

/* A server that was killed votes for nobody until those may be elected who could be elected without it: it
 * has forgotten whom it heard. */
static void kill_node(struct world *w, struct node *n)
{
    if (n->role == DEAD)
        return;
    say_world(w, "server %u is killed", n->index + 1);
    node_stop(n, true);
    n->frozen_us = 0;
    node_start(n, (int64_t)ELECTION_MS * 1000 * 5 / 4 +
                      (int64_t)roll(&w->dice, chance(&w->dice, 70) ? 20000 : 300000));
}

static void cut_off(struct world *w, const struct node *n)
{
    unsigned ways = 1 + roll(&w->dice, 3);
    say_world(w, "server %u is cut off (%u)", n->index + 1, ways);
    for (unsigned i = 0; i < w->cluster->n; i++) {
        w->cluster->cut[n->index][i] |= (ways & 1) != 0;
        w->cluster->cut[i][n->index] |= (ways & 2) != 0;
    }
}

static void split(struct world *w)
{
    unsigned side = roll(&w->dice, 1u << w->cluster->n);
    say_world(w, "the servers %x are cut off", side);
    for (unsigned i = 0; i < w->cluster->n; i++)
        for (unsigned k = 0; k < w->cluster->n; k++)
            w->cluster->cut[i][k] |= (side >> i & 1) != (side >> k & 1);
}

static void freeze(struct world *w, struct node *n)
{
    int64_t for_us = 20000 + (int64_t)roll(&w->dice, 200000);
    if (n->frozen_us > w->now_us)
        return;
    say_world(w, "server %u stands still for %d us", n->index + 1, (int)for_us);
    node_freeze(n, w->now_us + for_us);
}

static void strike(struct world *w)
{
    struct node *n = victim(w);
    switch (roll(&w->dice, 11)) {
    case 0:
    case 1:
        kill_node(w, n);
        break;
    case 2:
        cut_off(w, n);
        break;
    case 3:
        split(w);
        break;
    case 4:
        n->disk.write_us = 1000 + roll(&w->dice, chance(&w->dice, 50) ? 10000 : 100000);
        break;
    case 5:
        w->cluster->loss = 5 + roll(&w->dice, 40);
        w->cluster->latency_us = 500 + roll(&w->dice, 10000);
        break;
    case 6:
        n->offset_us += (int64_t)roll(&w->dice, 200000) - 100000;
        break;
    case 7:
        if (n->role == SERVES && !n->transfers)
            node_transfer(n);
        break;
    case 8:
        freeze(w, n);
        break;
    default:
        heal(w);
    }
}

static void run_fate(struct world *w, struct task *t, bool cancelled)
{
    if (cancelled || w->calm) {
        free(t);
        return;
    }
    task_add(w, t, NODES_MAX, 1000 + roll(&w->dice, 60000));
    strike(w);
}

void fate_begin(struct world *w)
{
    heal(w);
    if (w->faults == 0)
        return;
    struct task *t = calloc(1, sizeof(*t));
    assert(t != NULL);
    t->run = run_fate;
    task_add(w, t, NODES_MAX, roll(&w->dice, 200000));
}

void fate_calm(struct world *w)
{
    heal(w);
}
