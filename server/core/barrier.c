/*
 * barrier.c: parties that wait for each other.
 *
 * Invariants: fewer wait than there are parties; nobody waits at a broken barrier. A round ends inside the
 * last party's call, so that the next round can begin at once.
 */
#include "core/handlers.h"
#include "core/save.h"
#include "core/undo.h"

enum { LINE_WAIT };

struct barrier {
    struct object object;
    uint64_t parties;
    int64_t timeout_ms; /* of a wait that names none */
    bool broken;
};

static struct barrier *barrier_of(const struct object *o)
{
    return (struct barrier *)(uintptr_t)o;
}

/* Sends all away who wait. */
static void send_away(struct core *core, struct object *o, const char *why)
{
    for (struct waiter *w; (w = line_first(o, LINE_WAIT)) != NULL;) {
        answer_error(core, &w->caller, ROOST_EBROKEN, "%s", why);
        waiter_free(core, w);
    }
}

static void break_it(struct core *core, struct object *o, const char *why)
{
    barrier_of(o)->broken = true;
    send_away(core, o, why);
}

static void barrier_expire(struct core *core, struct waiter *w)
{
    break_it(core, w->object, "the barrier broke: a party's time was up");
}

static void barrier_left(struct core *core, struct object *o)
{
    break_it(core, o, "the barrier broke: a party died");
}

static unsigned barrier_describe(const struct object *o, struct buf *out)
{
    roost__put_cstr(out, "parties");
    roost__put_uint(out, barrier_of(o)->parties);
    roost__put_cstr(out, "broken");
    roost__put_bool(out, barrier_of(o)->broken);
    roost__put_cstr(out, "timeout_ms");
    roost__put_int(out, barrier_of(o)->timeout_ms);
    return 3;
}

static void barrier_save(const struct object *o, struct buf *out)
{
    const struct barrier *b = barrier_of(o);
    save_uint(out, b->parties);
    save_int(out, b->timeout_ms);
    save_uint(out, b->broken);
}

static void barrier_load(struct loader *l, struct object *o)
{
    struct barrier *b = barrier_of(o);
    b->parties = load_uint(l);
    b->timeout_ms = load_int(l);
    b->broken = load_bool(l);
    if (b->parties == 0)
        load_bad(l, "a barrier for nobody");
}

const struct type type_barrier = {.code = ROOST_TYPE_barrier,
                                  .size = sizeof(struct barrier),
                                  .expire = barrier_expire,
                                  .left = barrier_left,
                                  .describe = barrier_describe,
                                  .save = barrier_save,
                                  .load = barrier_load};

void on_barrier_open(struct call *c)
{
    bool found;
    struct object *o = object_open(c, &type_barrier, &found);
    if (o == NULL)
        return;
    struct barrier *b = barrier_of(o);
    if (!found) {
        b->parties = (uint64_t)arg_int(c, 1, 0);
        b->timeout_ms = arg_int(c, 2, -1);
    }
    if (b->parties == 0) {
        fail(c, ROOST_EINVAL, "a barrier needs at least one party to be created");
        object_discard(c->core, o);
    } else if ((uint64_t)arg_int(c, 1, (int64_t)b->parties) != b->parties ||
               arg_int(c, 2, b->timeout_ms) != b->timeout_ms) {
        fail(c, ROOST_EEXIST, "it exists for %llu parties with a timeout of %lld ms",
             (unsigned long long)b->parties, (long long)b->timeout_ms);
    } else {
        reply_ref(c, o);
    }
}

/* The last party is here: everybody goes on, with the number of his arrival. */
static void let_through(struct core *core, struct object *o)
{
    int64_t arrival = 0;
    for (struct waiter *w; (w = line_first(o, LINE_WAIT)) != NULL; arrival++) {
        answer_int(core, &w->caller, arrival);
        waiter_free(core, w);
    }
}

void on_barrier_wait(struct call *c)
{
    struct barrier *b = barrier_of(c->object);
    int64_t timeout_ms = arg_int(c, 0, b->timeout_ms);
    if (b->broken) {
        fail(c, ROOST_EBROKEN, "the barrier is broken");
    } else if (line_len(c->object, LINE_WAIT) + 1 == b->parties) {
        let_through(c->core, c->object);
        reply_int(c, (int64_t)b->parties - 1);
    } else if (timeout_ms == 0) {
        break_it(c->core, c->object, "the barrier broke: a party's time was up");
        fail(c, ROOST_EBROKEN, "the barrier broke: a party's time was up");
    } else {
        park_ms(c, c->object, LINE_WAIT, timeout_ms);
    }
}

static void say_reset(struct core *core, struct object *o)
{
    send_away(core, o, "the barrier was reset");
}

static void say_aborted(struct core *core, struct object *o)
{
    send_away(core, o, "the barrier was aborted");
}

static void put_broken(struct call *c, bool is_broken, wake *say)
{
    bool *broken = &barrier_of(c->object)->broken;
    if (!undo_bytes(c->core, broken, sizeof(*broken))) {
        fail_memory(c);
        return;
    }
    *broken = is_broken;
    undo_wake(c->core, c->object, say);
    reply_nil(c);
}

void on_barrier_reset(struct call *c)
{
    put_broken(c, false, say_reset);
}

void on_barrier_abort(struct call *c)
{
    put_broken(c, true, say_aborted);
}

void on_barrier_parties(struct call *c)
{
    reply_int(c, (int64_t)barrier_of(c->object)->parties);
}

void on_barrier_n_waiting(struct call *c)
{
    reply_int(c, (int64_t)line_len(c->object, LINE_WAIT));
}

void on_barrier_broken(struct call *c)
{
    reply_bool(c, barrier_of(c->object)->broken);
}
