/*
 * cost.c: does a call cost the same whatever the object holds, and whoever waits elsewhere? Three servers
 * hold containers of 1, 1000 and 1000000 entries, and 1, 1000 and 100000 locks; at the last one 9000 calls
 * wait. Every operation is measured on the three in turns, many calls in a write, and the medians are printed
 * beside what methods.def says of its cost. Called by tools/bench/run --scale.
 */
#include <roost/roost.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "fill.h"
#include "latency.h"
#include "servers.h"

enum { WORLDS = 3, ROUNDS = 15, CALLS = 500, FILL = 10000, WAITERS = 9000 };

struct world {
    int n, locks, waiters;
    struct bench_roostd server;
    roost_manager *m;
    roost_batch *batch;
    roost_dict *dict;
    roost_list *list;
    roost_set *set;
    roost_queue *queue, *priority;
    roost_lock *lock;
    unsigned seed;
};

static int sent(struct world *w)
{
    uint32_t failed = 0;
    int rc = roost_batch_send(w->batch, &failed, -1);
    if (rc != 0 || failed > 0)
        bench_complain();
    roost_batch_clear(w->batch);
    return rc != 0 ? rc : (int)failed;
}

/* ---- filling ---- */

static int fill_some(struct world *w, int from, int n)
{
    static roost_value items[FILL];
    static roost_pair pairs[FILL];
    for (int i = 0; i < n; i++) {
        items[i] = roost_int(from + i);
        pairs[i] = (roost_pair){items[i], items[i]};
    }
    roost_value all = roost_array(items, (uint32_t)n);
    int rc = roost_dict_update(w->dict, roost_map(pairs, (uint32_t)n));
    rc = rc != 0 ? rc : roost_list_extend(w->list, all);
    rc = rc != 0 ? rc : roost_set_update(w->set, all);
    rc = rc != 0 ? rc : roost_queue_put_many(w->queue, all, -1);
    return rc != 0 ? rc : roost_queue_put_many(w->priority, all, -1);
}

static int begin(struct world *w)
{
    roost_options options = {.window_calls = 20000};
    if (bench_roostd_start(&w->server, NULL) != 0)
        return -1;
    int rc = roost_connect(w->server.url, &options, &w->m);
    rc = rc != 0 ? rc : roost_batch_new(w->m, &w->batch);
    rc = rc != 0 ? rc : roost_dict_new(w->m, &w->dict);
    rc = rc != 0 ? rc : roost_list_new(w->m, &w->list);
    rc = rc != 0 ? rc : roost_set_new(w->m, &w->set);
    rc = rc != 0 ? rc : roost_queue_new(w->m, 0, &w->queue);
    rc =
        rc != 0 ? rc : roost_queue_open(w->m, NULL, &(roost_queue_options){.kind = "priority"}, &w->priority);
    for (int i = 0; rc == 0 && i < w->n; i += FILL)
        rc = fill_some(w, i, w->n - i < FILL ? w->n - i : FILL);
    rc = rc != 0 ? rc : bench_make_locks(w->m, w->locks);
    rc = rc != 0 ? rc : roost_lock_open(w->m, "lock 0", &w->lock);
    return rc != 0 || bench_park_waiters(w->m, w->waiters) != 0 ? bench_complain() : 0;
}

static void end(struct world *w)
{
    roost_batch_free(w->batch);
    roost_manager_close(w->m);
    bench_roostd_stop(&w->server);
}

/* ---- operations ---- */

static int64_t any(struct world *w)
{
    return rand_r(&w->seed) % w->n;
}

static int dict_get(struct world *w)
{
    return roost_batch_add(w->batch, roost_dict_get(w->dict, roost_int(any(w)), NULL));
}

static int dict_set(struct world *w)
{
    return roost_batch_add(w->batch, roost_dict_set(w->dict, roost_int(any(w)), roost_float(0.5)));
}

static int dict_set_and_delete(struct world *w)
{
    roost_value key = roost_int(w->n + any(w));
    int rc = roost_batch_add(w->batch, roost_dict_set(w->dict, key, roost_nil()));
    return rc != 0 ? rc : roost_batch_add(w->batch, roost_dict_delete(w->dict, key));
}

static int list_get(struct world *w)
{
    return roost_batch_add(w->batch, roost_list_get(w->list, any(w), NULL));
}

static int list_append_and_pop(struct world *w)
{
    int rc = roost_batch_add(w->batch, roost_list_append(w->list, roost_int(7)));
    return rc != 0 ? rc : roost_batch_add(w->batch, roost_list_pop(w->list, -1, NULL));
}

static int list_insert_and_pop_in_the_middle(struct world *w)
{
    int rc = roost_batch_add(w->batch, roost_list_insert(w->list, w->n / 2, roost_int(7)));
    return rc != 0 ? rc : roost_batch_add(w->batch, roost_list_pop(w->list, w->n / 2, NULL));
}

static int set_add_and_discard(struct world *w)
{
    roost_value value = roost_int(w->n + any(w));
    int rc = roost_batch_add(w->batch, roost_set_add(w->set, value, NULL));
    return rc != 0 ? rc : roost_batch_add(w->batch, roost_set_discard(w->set, value, NULL));
}

static int queue_put_and_get(struct world *w)
{
    int rc = roost_batch_add(w->batch, roost_queue_put(w->queue, roost_int(7), -1));
    return rc != 0 ? rc : roost_batch_add(w->batch, roost_queue_get(w->queue, NULL, -1));
}

static int priority_put_and_get(struct world *w)
{
    int rc = roost_batch_add(w->batch, roost_queue_put(w->priority, roost_int(any(w)), -1));
    return rc != 0 ? rc : roost_batch_add(w->batch, roost_queue_get(w->priority, NULL, -1));
}

static int lock_and_release(struct world *w)
{
    int rc = roost_batch_add(w->batch, roost_lock_acquire(w->lock, NULL, -1));
    return rc != 0 ? rc : roost_batch_add(w->batch, roost_lock_release(w->lock));
}

static const struct operation {
    const char *name;
    int (*add)(struct world *w);
    int calls;
    const char *cost; /* as in methods.def */
} operations[] = {{"dict get", dict_get, 1, "1"},
                  {"dict set", dict_set, 1, "1"},
                  {"dict set new, delete", dict_set_and_delete, 2, "1"},
                  {"list get", list_get, 1, "1"},
                  {"list append, pop", list_append_and_pop, 2, "d (here 1)"},
                  {"list insert, pop in the middle", list_insert_and_pop_in_the_middle, 2, "d (here n/2)"},
                  {"set add, discard", set_add_and_discard, 2, "1"},
                  {"queue put, get", queue_put_and_get, 2, "1"},
                  {"priority queue put, get", priority_put_and_get, 2, "log n"},
                  {"lock acquire, release", lock_and_release, 2, "1"}};

/* ---- measuring ---- */

/* Microseconds a call; negative: failed. */
static double once(struct world *w, const struct operation *o)
{
    int rc = 0;
    double begun = bench_now();
    for (int i = 0; rc == 0 && i < CALLS; i += o->calls)
        rc = o->add(w);
    return rc != 0 || sent(w) != 0 ? -1 : (bench_now() - begun) * 1e6 / CALLS;
}

static int measure(struct world *worlds, const struct operation *o)
{
    double us[WORLDS][ROUNDS];
    for (int round = -1; round < ROUNDS; round++)
        for (int k = 0; k < WORLDS; k++) {
            double spent = once(&worlds[k], o);
            us[k][round < 0 ? 0 : round] = spent; /* the first warms */
            if (spent < 0)
                return -1;
        }
    printf("%-34s %10.2f %10.2f %10.2f   %s\n", o->name, bench_median(us[0], ROUNDS),
           bench_median(us[1], ROUNDS), bench_median(us[2], ROUNDS), o->cost);
    fflush(stdout);
    return 0;
}

int main(void)
{
    static struct world worlds[WORLDS] = {{.n = 1, .locks = 1},
                                          {.n = 1000, .locks = 1000},
                                          {.n = 1000000, .locks = 100000, .waiters = WAITERS}};
    int rc = 0;
    for (int k = 0; rc == 0 && k < WORLDS; k++)
        rc = begin(&worlds[k]);
    printf("%-34s %10s %10s %10s   %s\n", "microseconds a call; entries:", "1", "1000", "1000000", "cost");
    for (size_t i = 0; rc == 0 && i < sizeof(operations) / sizeof(operations[0]); i++)
        rc = measure(worlds, &operations[i]);
    for (int k = 0; k < WORLDS; k++)
        end(&worlds[k]);
    return rc != 0;
}
