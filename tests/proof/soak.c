/*
 * soak.c: clients count and pass items on for a long time while they are killed, stopped and cut off; in the
 * end all totals must come out exact. `roost_soak SECONDS`; tools/soak calls it. Prints one closing line.
 *
 * Movers are killed too. Who is killed does not know whether its last transaction took effect, so each counts
 * its own in a dict, in the same step, on the condition that the count is what it was: a move that was sent
 * and is still under way cannot be made twice. Workers are stopped and cut off only: every call of theirs
 * returns, and counts once.
 */
#include "tests/support/test.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/client/proxy.h"
#include "tests/proof/chaos.h"

enum {
    MOVERS = 4,
    WORKERS = 4,
    CLIENTS = MOVERS + WORKERS,
    ITEMS = 20,
    MOMENT_MS = 20,
    EXIT_UNEXPLAINED = 7
};

/* What a client knows to have happened. */
struct tally {
    _Atomic int64_t moves, increments;
    _Atomic int64_t puts, put_sum, gets, got_sum;
};

struct soak {
    struct world world;
    struct proxy proxy;
    atomic_bool *ends; /* this and the tallies are in shared memory */
    struct tally *tallies;
};

/* Everything has a name. */
static const char *const sides[] = {"left", "right"};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "soak: %s: %s\n", what, roost_errmsg());
    _exit(EXIT_UNEXPLAINED);
}

/* ---- movers ---- */

struct mover {
    roost_manager *m; /* NULL: no session */
    roost_dict *moves;
    int64_t made; /* as the server counts */
};

static bool session_over(int rc)
{
    return rc == ROOST_ESESSION || rc == ROOST_ECONN || rc == ROOST_ECLOSED;
}

static int read_count(struct mover *mover, int client)
{
    roost_value v = roost_nil();
    int rc = roost_dict_get(mover->moves, roost_int(client), &v);
    mover->made = v.as.i;
    return rc;
}

static void end_session(struct mover *mover)
{
    roost_dict_close(mover->moves);
    roost_manager_close(mover->m);
    *mover = (struct mover){0};
}

static void begin_session(struct mover *mover, const struct soak *s, int client)
{
    const roost_options options = {.grace_ms = 200, .lease_ms = 200};
    int rc = roost_connect(client % 2 == 0 ? s->proxy.url : s->world.ipc, &options, &mover->m);
    if (rc == 0)
        rc = roost_dict_open(mover->m, "moves", &mover->moves);
    if (rc == 0)
        rc = read_count(mover, client);
    if (rc == 0 && mover->made < atomic_load(&s->tallies[client].moves))
        die("a move that was acknowledged is gone");
    if (rc != 0 && !session_over(rc) && rc != ROOST_ETIMEDOUT)
        die("connect");
    if (rc != 0)
        end_session(mover);
    if (rc != 0)
        poll(NULL, 0, 1); /* no server to be reached: not to ask without a pause */
}

/* From one queue to the other, and counted, in one step. */
static int move(struct mover *mover, int client, int from)
{
    roost_transaction *t;
    roost_value key = roost_int(client), next = roost_int(mover->made + 1);
    roost_value moves = roost_str("moves"), path = roost_list_of(key), item = roost_list_of(key, next);
    int rc = roost_transaction_new(mover->m, &t);
    if (rc != 0)
        return rc;
    roost_transaction_if_equals(t, moves, path, roost_int(mover->made));
    roost_transaction_if_not_empty(t, roost_str(sides[from]));
    roost_transaction_call(t, roost_str(sides[from]), roost_nil(), "queue.get", NULL, 0);
    roost_transaction_call(t, roost_str(sides[!from]), roost_nil(), "queue.put", &item, 1);
    roost_transaction_call(t, moves, roost_nil(), "dict.incr", &key, 1);
    rc = roost_transaction_commit(t, MOMENT_MS, NULL);
    roost_transaction_free(t);
    return rc;
}

static void move_once(struct mover *mover, const struct soak *s, int client)
{
    int rc = move(mover, client, (int)(mover->made % 2));
    if (rc == 0)
        atomic_store(&s->tallies[client].moves, ++mover->made);
    else if (rc == ROOST_ETIMEDOUT)
        rc = read_count(mover, client); /* a former life's move came late, or that side is empty */
    if (session_over(rc))
        end_session(mover);
    else if (rc != 0)
        die("move");
}

static void live_as_mover(const struct soak *s, int client)
{
    struct mover mover = {0};
    while (!atomic_load(s->ends))
        if (mover.m == NULL)
            begin_session(&mover, s, client);
        else
            move_once(&mover, s, client);
    if (mover.m != NULL)
        end_session(&mover);
}

/* ---- workers ---- */

static void must(int rc, const char *what)
{
    if (rc != 0)
        die(what);
}

static void work_once(struct tally *t, int client, roost_dict *total, roost_queue *jobs)
{
    roost_value v = roost_nil();
    int64_t job = atomic_load(&t->puts) * CLIENTS + client;
    must(roost_dict_incr(total, roost_str("n"), roost_int(1), NULL), "incr");
    atomic_fetch_add(&t->increments, 1);
    must(roost_queue_put(jobs, roost_int(job), -1), "put");
    atomic_fetch_add(&t->puts, 1);
    atomic_fetch_add(&t->put_sum, job);
    must(roost_queue_get(jobs, &v, -1), "get");
    atomic_fetch_add(&t->gets, 1);
    atomic_fetch_add(&t->got_sum, v.as.i);
}

static void live_as_worker(const struct soak *s, int client)
{
    const roost_options options = {.grace_ms = 600000, .lease_ms = -1};
    roost_manager *m;
    roost_dict *total;
    roost_queue *jobs;
    int rc;
    while ((rc = roost_connect(client % 2 == 0 ? s->proxy.url : s->world.ipc, &options, &m)) == ROOST_ECONN)
        poll(NULL, 0, 1);
    must(rc, "connect");
    must(roost_dict_open(m, "total", &total), "open");
    must(roost_queue_open(m, "jobs", NULL, &jobs), "open");
    while (!atomic_load(s->ends))
        work_once(&s->tallies[client], client, total, jobs);
    roost_queue_close(jobs);
    roost_dict_close(total);
    roost_manager_close(m);
}

/* ---- chaos ---- */

static void live(void *arg, int client, int life)
{
    (void)life;
    if (client < MOVERS)
        live_as_mover(arg, client);
    else
        live_as_worker(arg, client);
    _exit(0);
}

static void finish(void *arg)
{
    atomic_store(((struct soak *)arg)->ends, true);
}

static void cut(void *arg, uint64_t random)
{
    struct proxy *p = &((struct soak *)arg)->proxy;
    if (random % 2 == 0)
        atomic_store(&p->cut_after, 100 + (long)(random / 2 % 5000));
    else
        proxy_lose_answers(p, (unsigned)(random / 2 % 2000));
}

static bool is_mover(int client)
{
    return client < MOVERS;
}

/* ---- totals ---- */

static void prepare(struct soak *s)
{
    roost_dict *d;
    roost_queue *q[2];
    OK(roost_dict_open(s->world.m, "moves", &d));
    for (int i = 0; i < MOVERS; i++)
        OK(roost_dict_set(d, roost_int(i), roost_int(0)));
    roost_dict_close(d);
    for (int i = 0; i < 2; i++)
        OK(roost_queue_open(s->world.m, sides[i], NULL, &q[i]));
    for (int i = 0; i < ITEMS; i++)
        OK(roost_queue_put(q[i % 2], roost_int(i), -1));
    roost_queue_close(q[0]);
    roost_queue_close(q[1]);
}

static int64_t size_of(struct soak *s, const char *name)
{
    roost_queue *q;
    int64_t n;
    OK(roost_queue_open(s->world.m, name, NULL, &q));
    OK(roost_queue_qsize(q, &n));
    roost_queue_close(q);
    return n;
}

static int64_t number_in(struct soak *s, const char *dict, roost_value key)
{
    roost_dict *d;
    roost_value v;
    OK(roost_dict_open(s->world.m, dict, &d));
    OK(roost_dict_get_or(d, key, roost_int(0), &v));
    roost_dict_close(d);
    return v.as.i;
}

static struct tally sum(const struct soak *s)
{
    struct tally all = {0};
    for (int i = 0; i < CLIENTS; i++) {
        all.moves += s->tallies[i].moves;
        all.increments += s->tallies[i].increments;
        all.puts += s->tallies[i].puts;
        all.put_sum += s->tallies[i].put_sum;
        all.gets += s->tallies[i].gets;
        all.got_sum += s->tallies[i].got_sum;
    }
    return all;
}

/* Every mover's count is what it last knew, or more by what it could not know. */
static int64_t moves_of_server(struct soak *s)
{
    int64_t moves = 0;
    for (int i = 0; i < MOVERS; i++) {
        int64_t counted = number_in(s, "moves", roost_int(i));
        assert_true(counted >= s->tallies[i].moves);
        moves += counted;
    }
    return moves;
}

static void assert_totals(struct soak *s, const struct chaos *c)
{
    struct tally all = sum(s);
    int64_t moves = moves_of_server(s);
    assert_int_equal(size_of(s, sides[0]) + size_of(s, sides[1]), ITEMS);
    assert_int_equal(number_in(s, "total", roost_str("n")), all.increments);
    assert_int_equal(all.puts, all.gets);
    assert_int_equal(all.put_sum, all.got_sum);
    assert_int_equal(size_of(s, "jobs"), 0);
    printf(
        "soak: %lld s, %d kills, %d stops, %d cuts: %lld moves, %lld increments, %lld items passed on: all "
        "exact\n",
        (long long)c->duration_ms / 1000, c->did.kills, c->did.stops, c->did.cuts, (long long)moves,
        (long long)all.increments, (long long)all.gets);
}

int main(int argc, char **argv)
{
    static struct soak s;
    struct chaos c = {.clients = CLIENTS,
                      .live = live,
                      .finish = finish,
                      .cut = cut,
                      .arg = &s,
                      .mortal = is_mover,
                      .stop_ms_max = 500,
                      .pause_us_max = 30000,
                      .seed = (uint64_t)world_now()};
    if (argc != 2 || (c.duration_ms = 1000 * atoll(argv[1])) <= 0)
        return fprintf(stderr, "usage: roost_soak SECONDS\n"), 2;
    char *shared = mmap(NULL, sizeof(struct tally) * (CLIENTS + 1), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    s.tallies = (struct tally *)(void *)shared;
    s.ends = (atomic_bool *)(void *)(s.tallies + CLIENTS);
    world_start(&s.world, getenv("ROOSTD"), "127.0.0.1");
    proxy_start(&s.proxy, s.world.tcp);
    prepare(&s);
    chaos_run(&c, &s.world);
    world_await(&s.world, "sessions", 1);
    assert_totals(&s, &c);
    assert_int_equal(world_info(&s.world, "waiters") + world_info(&s.world, "deliveries"), 0);
    proxy_stop(&s.proxy);
    world_stop(&s.world);
    return 0;
}
