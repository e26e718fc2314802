/*
 * test_histories.c: what real processes were answered by a real roostd, under kill -9, SIGSTOP and cut
 * connections, is what one server could have answered that executes every call once. ROOST_SECONDS=n runs
 * each history for n seconds instead of 4; ROOST_SEED=n is another run.
 */
#include "tests/support/test.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/client/proxy.h"
#include "tests/proof/chaos.h"
#include "tests/proof/checks.h"
#include "tests/proof/worker.h"

enum { CLIENTS = 8, ALL_KINDS = 1 << (OP_ACQUIRE + 1) };

struct scene {
    struct world world;
    struct history *h;
    struct proxy proxy;
    uint64_t seed;
    unsigned kinds;
    roost_options tcp, ipc;
};

static int64_t number_from(const char *name, int64_t otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? atoll(text) : otherwise;
}

/* Even clients are behind the proxy, odd ones on the ipc socket. */
static void live(void *arg, int client, int life)
{
    struct scene *s = arg;
    bool tcp = client % 2 == 0;
    worker_live((struct worker){.h = s->h,
                                .lane = client,
                                .url = tcp ? s->proxy.url : s->world.ipc,
                                .options = tcp ? s->tcp : s->ipc,
                                .seed = s->seed + (uint64_t)(client + 1) * 1000003 + (uint64_t)life * 7919,
                                .kinds = s->kinds});
}

static void finish(void *arg)
{
    struct scene *s = arg;
    atomic_store(&s->h->ends, true);
}

/* The server's answers are lost for some time, then the lines are cut. */
static void lose_answers(void *arg, uint64_t random)
{
    struct proxy *p = &((struct scene *)arg)->proxy;
    proxy_set(p, &p->swallows, true);
    usleep((useconds_t)(random % 3000));
    proxy_cut(p);
    proxy_set(p, &p->swallows, false);
}

/* Cuts all lines: at once, after some bytes, after some answers were lost, or for a while. */
static void cut(void *arg, uint64_t random)
{
    struct proxy *p = &((struct scene *)arg)->proxy;
    uint64_t some = random / 4;
    switch (random % 4) {
    case 0:
        proxy_cut(p);
        break;
    case 1:
        atomic_store(&p->cut_after, 100 + (long)(some % 5000));
        break;
    case 2:
        lose_answers(arg, some);
        break;
    default:
        proxy_set(p, &p->refuses, true);
        proxy_cut(p);
        usleep((useconds_t)(some % 60000));
        proxy_set(p, &p->refuses, false);
    }
}

static void start(struct scene *s, const char *roostd)
{
    world_start(&s->world, roostd, "127.0.0.1");
    worker_objects(&s->world);
    proxy_start(&s->proxy, s->world.tcp);
    s->h = history_new();
    s->seed = (uint64_t)number_from("ROOST_SEED", 4711);
}

static void stop(struct scene *s)
{
    proxy_stop(&s->proxy);
    world_stop(&s->world);
    history_free(s->h);
}

/* What every check says, the first that says something. */
static const char *verdict(struct scene *s)
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
    assert_int_equal(world_info(&s->world, "kept"), 0);
}

static void run(struct scene *s, struct chaos *c)
{
    c->clients = CLIENTS;
    c->live = live;
    c->finish = finish;
    c->arg = s;
    c->pause_us_max = 30000;
    c->duration_ms = 1000 * number_from("ROOST_SECONDS", 4);
    c->seed = s->seed;
    chaos_run(c, &s->world);
    tell(s, c);
    leave_nothing(s);
    worker_drain(&s->world, s->h);
}

static void histories_are_linearizable_under_kills_stops_and_cuts(void **state)
{
    (void)state;
    struct scene s = {.kinds = ALL_KINDS - 1,
                      .tcp = {.grace_ms = 400, .lease_ms = 200},
                      .ipc = {.grace_ms = 100, .lease_ms = 150}};
    struct chaos c = {.cut = cut, .stop_ms_max = 700};
    start(&s, getenv("ROOSTD"));
    run(&s, &c);
    assert_string_equal(verdict(&s), "");
    assert_true(history_count(s.h, OP_DONE) > 1000);
    assert_true(history_count(s.h, OP_UNKNOWN) > 0);
    stop(&s);
}

static void histories_are_linearizable_while_the_server_stands_still(void **state)
{
    (void)state;
    struct scene s = {.kinds = ALL_KINDS - 1,
                      .tcp = {.grace_ms = 2000, .lease_ms = 100},
                      .ipc = {.grace_ms = 200, .lease_ms = 100}};
    struct chaos c = {.cut = cut, .stop_ms_max = 300, .stops_server = true};
    start(&s, getenv("ROOSTD"));
    run(&s, &c);
    assert_string_equal(verdict(&s), "");
    assert_true(c.did.server_stops > 0);
    assert_true(history_count(s.h, OP_DONE) > 1000);
    stop(&s);
}

static bool nobody(int client)
{
    (void)client;
    return false;
}

/* The checks are worth something: a server with a bug does not pass them. */
static void a_server_that_executes_a_call_sent_again_is_found_out(void **state)
{
    (void)state;
    struct scene s = {.kinds = 1u << OP_GET | 1u << OP_ADD | 1u << OP_COUNT | 1u << OP_PUT | 1u << OP_TAKE,
                      .tcp = {.grace_ms = 5000, .lease_ms = -1},
                      .ipc = {.grace_ms = 5000, .lease_ms = -1}};
    struct chaos c = {.cut = lose_answers,
                      .mortal = nobody}; /* so nothing is unknown, and nothing to be excused */
    start(&s, getenv("ROOSTD_FORGETFUL"));
    run(&s, &c);
    const char *of_register = "", *of_counter = "", *of_queue = "";
    for (int i = 0; *of_register == '\0' && i < REGISTERS; i++)
        of_register = check_register(s.h, i, 0);
    print_message("%s\n", of_register);
    assert_string_not_equal(of_register, "");
    for (int i = 0; *of_counter == '\0' && i < COUNTERS; i++)
        of_counter = check_counter(s.h, i, worker_counter(&s.world, i));
    print_message("%s\n", of_counter);
    assert_string_not_equal(of_counter, "");
    for (int i = 0; *of_queue == '\0' && i < QUEUES; i++)
        of_queue = check_queue(s.h, i);
    print_message("%s\n", of_queue);
    assert_string_not_equal(of_queue, "");
    stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(histories_are_linearizable_under_kills_stops_and_cuts),
        cmocka_unit_test(histories_are_linearizable_while_the_server_stands_still),
        cmocka_unit_test(a_server_that_executes_a_call_sent_again_is_found_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
