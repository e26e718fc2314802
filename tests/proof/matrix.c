/*
 * matrix.c: what is guaranteed of everything one can wait for, when somebody dies, stops, or is cut off: the
 * table of the README, and the proof of each of its cells with real processes.
 *
 * `matrix` plays every cell and holds what happens against what the cell says; `matrix --print` prints the
 * table; `matrix PATTERN` plays the cells whose names match (as cmocka's filters do).
 */
#include "tests/support/test.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cluster/nodes.h"
#include "tests/proof/stage.h"

/* Nothing outlives the connection, as over ipc. */
static const roost_options mortal = {.grace_ms = -1, .lease_ms = -1};
/* A stopped one is missed soon. */
static const roost_options leased = {.grace_ms = 50, .lease_ms = 100};
/* Outlives a break of the line. */
static const roost_options lasting = {.grace_ms = 60000, .lease_ms = -1};

static void assert_report(struct actor *a, int rc, bool owner_died)
{
    struct report r = stage_report(a);
    if (r.rc != rc || r.owner_died != owner_died)
        fail_msg("%s, owner died: %d; not %s, %d", roost_errname(r.rc), r.owner_died, roost_errname(rc),
                 owner_died);
}

static void assert_do(struct actor *a, enum order order, int rc)
{
    assert_string_equal(roost_errname(stage_do(a, order).rc), roost_errname(rc));
}

static struct actor *at_home(struct stage *s)
{
    return stage_actor(s, s->world.ipc, mortal);
}

/* ---- a holder dies ---- */

static void the_next_gets_it_and_is_told(struct stage *s)
{
    struct actor *holder = at_home(s), *waiter = at_home(s);
    assert_do(holder, HOLD, 0);
    stage_wait(s, waiter, WAIT, 1);
    stage_kill(holder);
    assert_report(waiter, 0, true);
}

static void the_notified_gets_the_lock_and_is_told(struct stage *s)
{
    struct actor *notifier = at_home(s), *waiter = at_home(s);
    stage_wait(s, waiter, WAIT, 1);
    assert_do(notifier, CARRY, 0);
    assert_true(stage_waits(s, waiter));
    stage_kill(notifier);
    assert_report(waiter, 0, true);
}

/* The item was sent to one who had not received it. */
static void the_item_goes_to_the_next(struct stage *s)
{
    struct actor *carrier = at_home(s), *waiter = at_home(s), *putter = at_home(s);
    stage_wait(s, carrier, CARRY, 1);
    stage_wait(s, waiter, WAIT, 2);
    stage_stop(carrier);
    assert_do(putter, RELEASE, 0);
    assert_int_equal(world_info(&s->world, "deliveries"), 1);
    assert_true(stage_waits(s, waiter));
    pid_t from = putter->pid;
    stage_kill(carrier);
    struct report r = stage_report(waiter);
    assert_int_equal(r.rc, 0);
    assert_int_equal(r.item, from);
}

static void the_wait_goes_on_until_another_ends_it(struct stage *s)
{
    struct actor *holder = at_home(s), *waiter = at_home(s), *other = at_home(s);
    assert_do(holder, HOLD, 0);
    stage_wait(s, waiter, WAIT, 1);
    stage_kill(holder);
    world_await(&s->world, "sessions", 3);
    assert_true(stage_waits(s, waiter));
    assert_do(other, RELEASE, 0);
    assert_report(waiter, 0, false);
}

static void the_barrier_waits_for_any_other(struct stage *s)
{
    struct actor *to_come = at_home(s), *first = at_home(s), *second = at_home(s), *third = at_home(s);
    stage_wait(s, first, WAIT, 1);
    stage_wait(s, second, WAIT, 2);
    stage_kill(to_come);
    world_await(&s->world, "sessions", 4);
    assert_true(stage_waits(s, first) && stage_waits(s, second));
    assert_do(third, WAIT, 0);
    assert_report(first, 0, false);
    assert_report(second, 0, false);
}

/* ---- who waits dies ---- */

/* One waits behind another, who dies. */
static void the_first_in_line_dies(struct stage *s, struct actor **ret_holder, struct actor **ret_next)
{
    struct actor *holder = at_home(s), *dying = at_home(s), *next = at_home(s);
    assert_do(holder, HOLD, 0);
    stage_wait(s, dying, WAIT, 1);
    stage_wait(s, next, WAIT, 2);
    stage_kill(dying);
    world_await(&s->world, "waiters", 1);
    *ret_holder = holder;
    *ret_next = next;
}

static void the_next_in_line_is_served(struct stage *s)
{
    struct actor *holder, *next;
    the_first_in_line_dies(s, &holder, &next);
    assert_do(holder, RELEASE, 0);
    assert_report(next, 0, false);
}

static void its_item_never_enters(struct stage *s)
{
    struct actor *taker, *next;
    the_first_in_line_dies(s, &taker, &next);
    assert_int_equal(stage_do(taker, RELEASE).item, taker->pid);
    assert_report(next, 0, false);
    assert_int_equal(stage_do(taker, RELEASE).item, next->pid);
}

static void the_barrier_breaks(struct stage *s)
{
    struct actor *dying = at_home(s), *other = at_home(s), *late = at_home(s);
    stage_wait(s, dying, WAIT, 1);
    stage_wait(s, other, WAIT, 2);
    stage_kill(dying);
    assert_report(other, ROOST_EBROKEN, false);
    assert_do(late, WAIT, ROOST_EBROKEN);
}

/* ---- a client stops, past its lease and grace, and goes on later ---- */

static void the_stopped_holder_has_lost_it(struct stage *s)
{
    struct actor *holder = stage_actor(s, s->world.tcp, leased), *waiter = at_home(s);
    assert_do(holder, HOLD, 0);
    stage_wait(s, waiter, WAIT, 1);
    stage_stop(holder);
    assert_report(waiter, 0, true);
    stage_continue(holder);
    assert_do(holder, RELEASE, ROOST_ESESSION);
}

static void the_stopped_notifier_has_lost_the_lock(struct stage *s)
{
    struct actor *notifier = stage_actor(s, s->world.tcp, leased), *waiter = at_home(s);
    stage_wait(s, waiter, WAIT, 1);
    assert_do(notifier, CARRY, 0);
    stage_stop(notifier);
    assert_report(waiter, 0, true);
    stage_continue(notifier);
    assert_do(notifier, RELEASE, ROOST_ESESSION);
}

static void the_stopped_waiter_has_left_the_line(struct stage *s)
{
    struct actor *holder = at_home(s), *waiter = stage_actor(s, s->world.tcp, leased);
    assert_do(holder, HOLD, 0);
    stage_wait(s, waiter, WAIT, 1);
    stage_stop(waiter);
    world_await(&s->world, "waiters", 0);
    world_await(&s->world, "sessions", 2);
    stage_continue(waiter);
    assert_report(waiter, ROOST_ESESSION, false);
}

static void the_item_goes_to_the_next_and_not_to_the_stopped(struct stage *s)
{
    struct actor *stopped = stage_actor(s, s->world.tcp, leased), *waiter = at_home(s), *putter = at_home(s);
    stage_wait(s, stopped, CARRY, 1);
    stage_stop(stopped);
    assert_do(putter, RELEASE, 0);
    stage_wait(s, waiter, WAIT, 1);
    assert_int_equal(stage_report(waiter).item, putter->pid);
    stage_continue(stopped);
    assert_report(stopped, ROOST_ESESSION, false);
}

static void the_barrier_breaks_without_the_stopped(struct stage *s)
{
    struct actor *stopped = stage_actor(s, s->world.tcp, leased), *other = at_home(s);
    stage_wait(s, stopped, WAIT, 1);
    stage_wait(s, other, WAIT, 2);
    stage_stop(stopped);
    assert_report(other, ROOST_EBROKEN, false);
    world_await(&s->world, "sessions", 2);
    stage_continue(stopped);
    assert_report(stopped, ROOST_ESESSION, false);
}

/* ---- the server is killed and another started at its address ---- */

static void all_learn_that_it_is_another(struct stage *s)
{
    struct actor *holder = stage_actor(s, s->world.tcp, lasting);
    struct actor *waiter = stage_actor(s, s->world.tcp, lasting);
    assert_do(holder, HOLD, 0);
    stage_wait(s, waiter, WAIT, 1);
    world_restart(&s->world);
    assert_report(waiter, ROOST_EEPOCH, false);
    assert_do(holder, RELEASE, ROOST_EEPOCH);
}

/* ---- the line drops and returns ---- */

/* Cuts all lines, and returns when those who wait have come back. */
static void drop_the_line(struct stage *s, int waiters)
{
    int before = atomic_load(&s->proxy.accepted);
    int64_t end = world_now() + 20000000000;
    proxy_cut(&s->proxy);
    while (atomic_load(&s->proxy.accepted) < before + waiters) {
        assert_true(world_now() < end);
        sched_yield();
    }
    assert_int_equal(world_info(&s->world, "waiters"), waiters);
}

/* Of one server the same one comes back; of three one leads always, but for the time of an election. */
static void lose_the_server(struct stage *s, int waiters)
{
    world_restart(&s->world);
    world_await(&s->world, "waiters", waiters);
}

/* The leader is killed and comes back; the next one stands still, and goes on when it is not leading any
 * more. */
static void lose_the_leaders(struct stage *s, int waiters)
{
    int leader = await_leader();
    node_kill(leader, SIGKILL);
    await_other_leader(leader);
    assert_int_equal(world_info(&s->world, "waiters"), waiters);
    node_start(leader);
    leader = await_leader();
    node_kill(leader, SIGSTOP);
    await_other_leader(leader);
    assert_int_equal(world_info(&s->world, "waiters"), waiters);
    node_kill(leader, SIGCONT);
}

static void befall(struct stage *s, int waiters)
{
    static void (*const faults_of[])(struct stage *, int) = {drop_the_line, lose_the_server,
                                                             lose_the_leaders};
    faults_of[s->server](s, waiters);
}

static struct actor *lasting_actor(struct stage *s)
{
    roost_options options = lasting;
    if (s->server == CLUSTER)
        options.lease_ms = 300; /* or who stands still is never missed */
    return stage_actor(s, s->server == IN_MEMORY ? s->proxy.url : s->world.tcp, options);
}

static void the_wait_goes_on(struct stage *s)
{
    struct actor *holder = lasting_actor(s), *waiter = lasting_actor(s);
    assert_do(holder, HOLD, 0);
    stage_wait(s, waiter, WAIT, 1);
    befall(s, 1);
    assert_true(stage_waits(s, waiter));
    assert_do(holder, RELEASE, 0);
    assert_report(waiter, 0, false);
}

static void the_barrier_waits_on(struct stage *s)
{
    struct actor *first = lasting_actor(s), *second = lasting_actor(s), *third = lasting_actor(s);
    stage_wait(s, first, WAIT, 1);
    stage_wait(s, second, WAIT, 2);
    befall(s, 2);
    assert_do(third, WAIT, 0);
    assert_report(first, 0, false);
    assert_report(second, 0, false);
}

/* ---- the table ---- */

enum {
    HOLDER_DIES,
    WAITER_DIES,
    CLIENT_STOPS,
    SERVER_RESTARTS,
    LINE_DROPS,
    SERVER_RETURNS,
    LEADER_CHANGES,
    FAULTS
};

static const struct {
    const char *words;
    enum stage_server server;
} faults[FAULTS] = {{"holder dies", IN_MEMORY},
                    {"waiter dies", IN_MEMORY},
                    {"client stops past its lease", IN_MEMORY},
                    {"server in memory restarts", IN_MEMORY},
                    {"link drops and returns", IN_MEMORY},
                    {"server killed and restarted (`--data`)", DURABLE},
                    {"leader changes (`--cluster`)", CLUSTER}};

struct cell {
    const char *words;
    void (*play)(struct stage *s); /* fails unless it is as the words say */
};

#define NEXT_IS_TOLD                                                        \
    {                                                                       \
        "the next gets it, told *owner died*", the_next_gets_it_and_is_told \
    }
#define LEAVES_LINE                                                       \
    {                                                                     \
        "leaves the line; the next is served", the_next_in_line_is_served \
    }
#define LOSES_IT                                                               \
    {                                                                          \
        "the next gets it, told *owner died*; the late release is `ESESSION`", \
            the_stopped_holder_has_lost_it                                     \
    }
#define LOSES_PLACE                                                                              \
    {                                                                                            \
        "a waiter leaves the line; its call is `ESESSION`", the_stopped_waiter_has_left_the_line \
    }
#define ANOTHER_EPOCH                            \
    {                                            \
        "`EEPOCH`", all_learn_that_it_is_another \
    }
#define GOES_ON                                                \
    {                                                          \
        "keeps hold and place; happens once", the_wait_goes_on \
    }
#define WAITS_ON                                              \
    {                                                         \
        "keeps its place; happens once", the_barrier_waits_on \
    }
/* Whatever happens between a client and its data that come back. */
#define ALWAYS(cell) cell, cell, cell
#define TAKEABLE_ROW                                                        \
    {                                                                       \
        NEXT_IS_TOLD, LEAVES_LINE, LOSES_IT, ANOTHER_EPOCH, ALWAYS(GOES_ON) \
    }

struct row {
    const char *waitable;
    struct cell cells[FAULTS];
    const char *python; /* a holder or waiter dies, with what Python's Manager has of the kind; "-": nothing,
                           or not known */
};

/* clang-format off */
static const struct row rows[] = {
    {"lock", TAKEABLE_ROW, "held for ever"},
    {"rlock", TAKEABLE_ROW, "held for ever"},
    {"semaphore", TAKEABLE_ROW, "the permit is lost"},
    {"bounded_semaphore", TAKEABLE_ROW, "the permit is lost"},
    {"keyed_lock", TAKEABLE_ROW, "-"},
    {"server.acquire", TAKEABLE_ROW, "-"},
    {"condition.wait",
     {{"the notified gets the lock, told *owner died*", the_notified_gets_the_lock_and_is_told},
      {"leaves the line; the next is notified", the_next_in_line_is_served},
      {"as when it dies; its late release is `ESESSION`", the_stopped_notifier_has_lost_the_lock},
      ANOTHER_EPOCH, ALWAYS(GOES_ON)},
     "the lock is held for ever"},
    {"event.wait",
     {{"nobody holds it: waits until anybody sets it", the_wait_goes_on_until_another_ends_it},
      {"leaves; the others are woken", the_next_in_line_is_served}, LOSES_PLACE, ANOTHER_EPOCH, ALWAYS(GOES_ON)},
     "-"},
    {"barrier.wait",
     {{"who had yet to come: any other may come", the_barrier_waits_for_any_other},
      {"breaks: `EBROKEN` for all", the_barrier_breaks},
      {"breaks: `EBROKEN` for all; itself `ESESSION`", the_barrier_breaks_without_the_stopped},
      ANOTHER_EPOCH, ALWAYS(WAITS_ON)},
     "the dead one counts as a party"},
    {"queue.get",
     {{"an item on its way returns to the head: the next gets it", the_item_goes_to_the_next}, LEAVES_LINE,
      {"an item on its way goes to the next; its call is `ESESSION`", the_item_goes_to_the_next_and_not_to_the_stopped},
      ANOTHER_EPOCH, ALWAYS(GOES_ON)},
     "the item is lost"},
    {"queue.put",
     {{"what it put stays; waits until anybody takes", the_wait_goes_on_until_another_ends_it},
      {"its item never enters; the next's does", its_item_never_enters}, LOSES_PLACE, ANOTHER_EPOCH, ALWAYS(GOES_ON)},
     "-"},
    {"queue.join",
     {{"its item stays undone; waits until anybody says done", the_wait_goes_on_until_another_ends_it},
      {"leaves; the others are woken", the_next_in_line_is_served}, LOSES_PLACE, ANOTHER_EPOCH, ALWAYS(GOES_ON)},
     "-"},
    {"transaction",
     {{"an item on its way returns: the transaction goes on", the_item_goes_to_the_next}, LEAVES_LINE,
      LOSES_PLACE, ANOTHER_EPOCH, ALWAYS(GOES_ON)},
     "-"},
};
/* clang-format on */

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static int print_table(void)
{
    printf("| waits in");
    for (int f = 0; f < FAULTS; f++)
        printf(" | %s", faults[f].words);
    printf(" | Python's Manager: one dies |\n|");
    for (int f = 0; f < FAULTS + 2; f++)
        printf("---|");
    printf("\n");
    for (int i = 0; i < ROWS; i++) {
        printf("| %s", rows[i].waitable);
        for (int f = 0; f < FAULTS; f++)
            printf(" | %s", rows[i].cells[f].words);
        printf(" | %s |\n", rows[i].python);
    }
    return 0;
}

static const struct waitable *waitable_named(const char *name)
{
    for (int i = 0; i < waitable_count; i++)
        if (strcmp(waitables[i].name, name) == 0)
            return &waitables[i];
    fail_msg("no waitable %s", name);
    return NULL;
}

static void play(void **state)
{
    const struct cell *const *cell = *state; /* in rows */
    const struct row *row = rows;
    while (*cell < row->cells || *cell >= row->cells + FAULTS)
        row++;
#ifndef ROOST_CLUSTER
    if (faults[*cell - row->cells].server == CLUSTER)
        skip();
#endif
    struct stage s;
    stage_open(&s, waitable_named(row->waitable), faults[*cell - row->cells].server);
    (*cell)->play(&s);
    stage_close(&s);
}

/* A cell that failed leaves no nodes to the next. */
static int sweep(void **state)
{
    (void)state;
    for (int id = 1; id <= NODES; id++)
        if (nodes[id].pid != 0) {
            cluster_end();
            return 0;
        }
    return 0;
}

static int play_all(void)
{
    static struct CMUnitTest tests[ROWS * FAULTS];
    static char names[ROWS * FAULTS][256];
    static const struct cell *cells[ROWS * FAULTS];
    for (int i = 0; i < ROWS * FAULTS; i++) {
        const struct row *row = &rows[i / FAULTS];
        cells[i] = &row->cells[i % FAULTS];
        snprintf(names[i], sizeof(names[i]), "%s: %s: %s", row->waitable, faults[i % FAULTS].words,
                 cells[i]->words);
        tests[i] = (struct CMUnitTest){
            .name = names[i], .test_func = play, .teardown_func = sweep, .initial_state = &cells[i]};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--print") == 0)
        return print_table();
    if (argc == 2)
        cmocka_set_test_filter(argv[1]);
    return play_all();
}
