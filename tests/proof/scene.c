/* scene.c: see scene.h. */
#include "tests/support/test.h"

#include "tests/proof/scene.h"

#include <stdlib.h>

enum { CLIENTS = 8 };

static int64_t number_from(const char *name, int64_t otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? atoll(text) : otherwise;
}

static void live(void *arg, int client, int life)
{
    struct scene *s = arg;
    bool tcp = client % 2 == 0;
    if (tcp && s->cross != NULL)
        s->cross();
    worker_live((struct worker){.h = s->h,
                                .lane = client,
                                .url = tcp ? s->tcp_url : s->world.ipc,
                                .options = tcp ? s->tcp : s->ipc,
                                .seed = s->seed + (uint64_t)(client + 1) * 1000003 + (uint64_t)life * 7919,
                                .kinds = s->kinds});
}

static void finish(void *arg)
{
    struct scene *s = arg;
    atomic_store(&s->h->ends, true);
}

static void begin(struct scene *s)
{
    worker_objects(&s->world);
    s->tcp_url = s->world.tcp;
    s->h = history_new();
    s->seed = (uint64_t)number_from("ROOST_SEED", 4711);
}

void scene_start(struct scene *s, const char *roostd, const char *host)
{
    world_start(&s->world, roostd, host);
    begin(s);
}

void scene_start_cluster(struct scene *s)
{
    world_start_cluster(&s->world);
    begin(s);
}

void scene_again(struct scene *s)
{
    history_free(s->h);
    s->h = history_new();
    worker_objects(&s->world);
    s->seed++;
}

void scene_stop(struct scene *s)
{
    world_stop(&s->world);
    history_free(s->h);
}

const char *scene_verdict(struct scene *s)
{
    const char *wrong = "";
    for (int i = 0; *wrong == '\0' && i < REGISTERS; i++)
        wrong = check_register(s->h, i, 0);
    for (int i = 0; *wrong == '\0' && i < COUNTERS; i++)
        wrong = check_counter(s->h, i, worker_counter(&s->world, i));
    for (int i = 0; *wrong == '\0' && i < QUEUES; i++)
        wrong = check_queue(s->h, i);
    for (int i = 0; *wrong == '\0' && i < LOCKS; i++)
        wrong = check_lock(s->h, i);
    return wrong;
}

static void tell(const struct scene *s, const struct chaos *c)
{
    print_message("%zu answered, %zu unknown, %zu refused; %d processes and sessions; %d kills, %d stops, %d "
                  "of the server, %d cuts\n",
                  history_count(s->h, OP_DONE), history_count(s->h, OP_UNKNOWN),
                  history_count(s->h, OP_REFUSED), atomic_load(&s->h->processes), c->did.kills, c->did.stops,
                  c->did.server_stops, c->did.cuts);
}

static void leave_nothing(struct scene *s)
{
    world_await(&s->world, "sessions", 1);
    assert_int_equal(world_info(&s->world, "waiters"), 0);
    assert_int_equal(world_info(&s->world, "holds"), 0);
    assert_int_equal(world_info(&s->world, "deliveries"), 0);
    if (s->world.roostd !=
        NULL) /* of a cluster the test's own session has a grace, for which answers are kept */
        assert_int_equal(world_info(&s->world, "kept"), 0);
}

void scene_run(struct scene *s, struct chaos *c)
{
    c->clients = CLIENTS;
    c->live = live;
    c->finish = finish;
    c->arg = s;
    c->pause_us_max = c->pause_us_max != 0 ? c->pause_us_max : 30000;
    c->duration_ms = 1000 * (s->seconds != 0 ? s->seconds : number_from("ROOST_SECONDS", 4));
    c->seed = s->seed;
    chaos_run(c, &s->world);
    tell(s, c);
    leave_nothing(s);
    worker_drain(&s->world, s->h);
}
