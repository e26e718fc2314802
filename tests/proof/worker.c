/* worker.c: see worker.h. */
#include "tests/support/test.h"

#include "tests/proof/worker.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { EXIT_UNEXPLAINED = 7, MOMENT_MS = 20, PATIENCE_MS = 60 };

struct life {
    struct worker w;
    uint64_t random;
    roost_manager *m; /* NULL: no session */
    roost_dict *registers, *counters, *fenced;
    roost_queue *queues[QUEUES];
    roost_lock *locks[LOCKS];
    int process;
    int64_t made;            /* values and items made so far: each is new in the whole history */
    int64_t seen[REGISTERS]; /* last, as a guess for compare_and_set */
};

static uint64_t chance(struct life *l, uint64_t n)
{
    l->random = l->random * 6364136223846793005u + 1442695040888963407u;
    return (l->random >> 33) % n;
}

static void queue_name(char name[8], int queue)
{
    snprintf(name, 8, "q%d", queue);
}

static void lock_name(char name[8], int lock)
{
    snprintf(name, 8, "l%d", lock);
}

/* ---- sessions ---- */

static bool session_over(int rc)
{
    return rc == ROOST_ESESSION || rc == ROOST_ECONN || rc == ROOST_ECLOSED;
}

static int open_all(struct life *l)
{
    char name[8];
    int rc = roost_dict_open(l->m, "registers", &l->registers);
    if (rc == 0)
        rc = roost_dict_open(l->m, "counters", &l->counters);
    if (rc == 0)
        rc = roost_dict_open(l->m, "fenced", &l->fenced);
    for (int i = 0; rc == 0 && i < QUEUES; i++) {
        queue_name(name, i);
        rc = roost_queue_open(l->m, name, NULL, &l->queues[i]);
    }
    for (int i = 0; rc == 0 && i < LOCKS; i++) {
        lock_name(name, i);
        rc = roost_lock_open(l->m, name, &l->locks[i]);
    }
    return rc;
}

static void close_all(struct life *l)
{
    roost_dict_close(l->registers);
    roost_dict_close(l->counters);
    roost_dict_close(l->fenced);
    for (int i = 0; i < QUEUES; i++)
        roost_queue_close(l->queues[i]);
    for (int i = 0; i < LOCKS; i++)
        roost_lock_close(l->locks[i]);
    roost_manager_close(l->m);
    *l = (struct life){.w = l->w, .random = l->random};
}

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "a client in lane: %s: %s\n", what, roost_errmsg());
    _exit(EXIT_UNEXPLAINED);
}

/* A session of this process, which is a new one for the history each time. */
static bool begin_session(struct life *l)
{
    int rc = roost_connect(l->w.url, &l->w.options, &l->m);
    if (rc == 0) {
        rc = open_all(l);
        l->process = atomic_fetch_add(&l->w.h->processes, 1) + 1;
        if (session_over(rc) || rc == ROOST_EDISK)
            close_all(l);
    }
    if (rc != 0 && !session_over(rc) && rc != ROOST_ETIMEDOUT && rc != ROOST_ENOTLEADER && rc != ROOST_EDISK)
        die("connect");
    return rc == 0;
}

/* ---- operations ---- */

static struct op *begin(struct life *l, struct op op)
{
    op.process = l->process;
    struct op *begun = history_begin(l->w.h, l->w.lane, op);
    if (begun == NULL)
        atomic_store(&l->w.h->ends, true);
    return begun;
}

/* Records what a call returned; true when it went well. */
static bool end(struct life *l, struct op *op, int rc, int64_t result)
{
    bool refused = rc == ROOST_ETIMEDOUT || rc == ROOST_EEMPTY || rc == ROOST_EFULL ||
                   rc == ROOST_ENOTOWNER || rc == ROOST_EDISK;
    if (rc != 0 && !refused && !session_over(rc))
        die("call");
    history_end(op, rc == 0 ? OP_DONE : refused ? OP_REFUSED : OP_UNKNOWN, result);
    if (session_over(rc))
        close_all(l);
    return rc == 0;
}

static int64_t something_new(struct life *l)
{
    return (int64_t)l->process << 32 | ++l->made << 8; /* with room for some incr */
}

static void use_register(struct life *l, enum op_kind kind)
{
    int object = (int)chance(l, REGISTERS);
    struct op *op = begin(l, (struct op){.kind = kind,
                                         .object = object,
                                         .arg = kind == OP_ADD ? 1 : something_new(l),
                                         .expected = l->seen[object]});
    if (op == NULL)
        return;
    roost_value key = roost_int(object), v = roost_nil();
    bool swapped = false;
    int rc = kind == OP_GET   ? roost_dict_get(l->registers, key, &v)
             : kind == OP_SET ? roost_dict_set(l->registers, key, roost_int(op->arg))
             : kind == OP_ADD ? roost_dict_incr(l->registers, key, roost_int(op->arg), &v)
                              : roost_dict_compare_and_set(l->registers, key, roost_int(op->expected),
                                                           roost_int(op->arg), &swapped);
    if (end(l, op, rc, kind == OP_CAS ? swapped : v.as.i))
        l->seen[object] = kind == OP_SET || swapped ? op->arg : v.as.i != 0 ? v.as.i : l->seen[object];
}

static void use_counter(struct life *l)
{
    struct op *op = begin(l, (struct op){.kind = OP_COUNT, .object = (int)chance(l, COUNTERS)});
    if (op == NULL)
        return;
    roost_value v = roost_nil();
    int rc = roost_dict_incr(l->counters, roost_int(op->object), roost_int(1), &v);
    end(l, op, rc, v.as.i);
}

static void put(struct life *l)
{
    int queue = (int)chance(l, QUEUES);
    struct op *op = begin(l, (struct op){.kind = OP_PUT, .object = queue, .arg = something_new(l)});
    if (op != NULL)
        end(l, op, roost_queue_put(l->queues[queue], roost_int(op->arg), MOMENT_MS), 0);
}

static void take(struct life *l)
{
    int queue = (int)chance(l, QUEUES);
    struct op *op = begin(l, (struct op){.kind = OP_TAKE, .object = queue});
    if (op == NULL)
        return;
    roost_value v = roost_nil();
    int rc = roost_queue_get(l->queues[queue], &v, MOMENT_MS);
    end(l, op, rc, v.as.i);
}

static bool write_fenced(struct life *l, int lock, uint64_t token)
{
    struct op *op = begin(l, (struct op){.kind = OP_FENCED, .object = lock, .arg = (int64_t)token});
    roost_value v = roost_nil();
    if (op == NULL || roost_guard_begin((roost_guard){roost_lock_ref(l->locks[lock]), token}) != 0)
        return false;
    int rc = roost_dict_incr(l->fenced, roost_int(lock), roost_int(1), &v);
    roost_guard_end();
    return end(l, op, rc, v.as.i);
}

static void use_lock(struct life *l)
{
    int lock = (int)chance(l, LOCKS);
    struct op *op = begin(l, (struct op){.kind = OP_ACQUIRE, .object = lock});
    if (op == NULL)
        return;
    roost_grant grant = {0};
    int rc = roost_lock_acquire(l->locks[lock], &grant, PATIENCE_MS);
    if (!end(l, op, rc, (int64_t)grant.token))
        return;
    if (!write_fenced(l, lock, grant.token))
        return; /* it is another's by now: this session is over, or the history */
    op = begin(l, (struct op){.kind = OP_RELEASE, .object = lock, .arg = (int64_t)grant.token});
    if (op != NULL)
        end(l, op, roost_lock_release_token(l->locks[lock], grant.token), 0);
}

static void do_something(struct life *l)
{
    enum op_kind kind = (enum op_kind)chance(l, OP_ACQUIRE + 1);
    if (!(l->w.kinds >> kind & 1))
        return;
    if (kind <= OP_ADD)
        use_register(l, kind);
    else if (kind == OP_COUNT)
        use_counter(l);
    else if (kind == OP_PUT)
        put(l);
    else if (kind == OP_TAKE)
        take(l);
    else
        use_lock(l);
}

void worker_live(struct worker worker)
{
    struct life l = {.w = worker, .random = worker.seed};
    while (!atomic_load(&worker.h->ends))
        if (l.m != NULL)
            do_something(&l);
        else if (!begin_session(&l))
            poll(NULL, 0, 1); /* no server to be reached: not to ask without a pause */
    if (l.m != NULL)
        close_all(&l);
    _exit(0);
}

/* ---- what the test does itself ---- */

static void make_numbers(struct world *w, const char *name, int n)
{
    roost_dict *d;
    OK(roost_dict_open(w->m, name, &d));
    for (int i = 0; i < n; i++)
        OK(roost_dict_set(d, roost_int(i), roost_int(0)));
    roost_dict_close(d);
}

void worker_objects(struct world *w)
{
    make_numbers(w, "registers", REGISTERS);
    make_numbers(w, "counters", COUNTERS);
    make_numbers(w, "fenced", LOCKS);
    for (int i = 0; i < QUEUES; i++) {
        char name[8];
        roost_queue *q;
        queue_name(name, i);
        OK(roost_queue_open(w->m, name, &(roost_queue_options){.maxsize = 4 * i}, &q)); /* one is bounded */
        roost_queue_close(q);
    }
}

void worker_drain(struct world *w, struct history *h)
{
    for (int i = 0; i < QUEUES; i++) {
        char name[8];
        roost_queue *q;
        roost_value v;
        queue_name(name, i);
        OK(roost_queue_open(w->m, name, NULL, &q));
        for (int rc = 0; rc == 0;) {
            struct op *op = history_begin(h, LANES_MAX - 1, (struct op){.kind = OP_TAKE, .object = i});
            assert_non_null(op);
            rc = roost_queue_get_nowait(q, &v);
            history_end(op, rc == 0 ? OP_DONE : OP_REFUSED, rc == 0 ? v.as.i : 0);
            assert_true(rc == 0 || rc == ROOST_EEMPTY);
        }
        roost_queue_close(q);
    }
}

int64_t worker_counter(struct world *w, int counter)
{
    roost_dict *d;
    roost_value v;
    OK(roost_dict_open(w->m, "counters", &d));
    OK(roost_dict_get(d, roost_int(counter), &v));
    roost_dict_close(d);
    return v.as.i;
}
