/*
 * test_histories.c: what real processes were answered by a real roostd, under kill -9, SIGSTOP and cut
 * connections, is what one server could have answered that executes every call once. See scene.h.
 */
#include "tests/support/test.h"

#include <stdlib.h>
#include <unistd.h>

#include "tests/client/proxy.h"
#include "tests/proof/scene.h"

static struct proxy proxy;

static void lose_answers(void *arg, uint64_t random)
{
    (void)arg;
    proxy_lose_answers(&proxy, (unsigned)(random % 3000));
}

/* Cuts all lines: at once, after some bytes, after some answers were lost, or for a while. */
static void cut(void *arg, uint64_t random)
{
    (void)arg;
    struct proxy *p = &proxy;
    uint64_t some = random / 4;
    switch (random % 4) {
    case 0:
        proxy_cut(p);
        break;
    case 1:
        atomic_store(&p->cut_after, 100 + (long)(some % 5000));
        break;
    case 2:
        lose_answers(NULL, some);
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
    scene_start(s, roostd, "127.0.0.1");
    proxy_start(&proxy, s->world.tcp);
    s->tcp_url = proxy.url;
}

static void stop(struct scene *s)
{
    proxy_stop(&proxy);
    scene_stop(s);
}

static void histories_are_linearizable_under_kills_stops_and_cuts(void **state)
{
    (void)state;
    struct scene s = {.kinds = ALL_KINDS,
                      .tcp = {.grace_ms = 400, .lease_ms = 200},
                      .ipc = {.grace_ms = 100, .lease_ms = 150}};
    struct chaos c = {.cut = cut, .stop_ms_max = 700};
    start(&s, getenv("ROOSTD"));
    scene_run(&s, &c);
    assert_string_equal(scene_verdict(&s), "");
    assert_true(history_count(s.h, OP_DONE) > 1000);
    assert_true(history_count(s.h, OP_UNKNOWN) > 0);
    stop(&s);
}

static void histories_are_linearizable_while_the_server_stands_still(void **state)
{
    (void)state;
    struct scene s = {.kinds = ALL_KINDS,
                      .tcp = {.grace_ms = 2000, .lease_ms = 100},
                      .ipc = {.grace_ms = 200, .lease_ms = 100}};
    struct chaos c = {.cut = cut, .stop_ms_max = 300, .stops_server = true};
    start(&s, getenv("ROOSTD"));
    scene_run(&s, &c);
    assert_string_equal(scene_verdict(&s), "");
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
    scene_run(&s, &c);
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
