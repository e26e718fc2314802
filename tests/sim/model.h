/*
 * model.h: what the server should do, said a second time and as simply as possible.
 *
 * The model takes the events that the core takes and predicts everything that the core does in that step: the
 * answers, the tokens' order, the next deadline, who holds and who waits. It is written from PROTOCOL.md,
 * shares no code with the core, and knows no cleverness: plain arrays in order of arrival, looked through
 * from the front. So it has no lists of who is due, no counts of references, no heaps, no log to take back:
 * it looks at everything again after every event, marks what is reachable, and restores a copy.
 *
 * Invariant: all state is in struct model, without pointers, so that a copy is a snapshot. Called by check.c.
 */
#ifndef ROOST_SIM_MODEL_H
#define ROOST_SIM_MODEL_H

#include <assert.h>

#include "core/core.h"
#include "wire/frame.h"
#include "wire/methods.h"

enum {
    M_OBJECTS = 64,
    M_SESSIONS = 48,
    M_WAITERS = 64,
    M_HOLDS = 160,
    M_DELIVERIES = 96,
    M_ITEMS = 48,
    M_WANTS = 3,
    M_ANSWERS = 160,
    M_KEPT = 64,
    M_THREADS = 8,
    M_PUT = 3,
    M_GET = 4,
    M_CLAUSES = 512, /* bytes of a transaction */
    M_VALUE = 46,
    M_KEY = 15
};

#define NEVER INT64_MAX

struct mvalue {
    uint8_t len; /* 0: none */
    bool ref;    /* a reference stands inside */
    uint8_t bytes[M_VALUE];
};

struct mkey {
    uint8_t len;
    uint8_t bytes[M_KEY];
};

struct mitem {
    struct mkey key;
    struct mvalue value;
    int64_t expires_us; /* NEVER, and in which order that was said */
    uint64_t order;
};

struct mitems {
    size_t len;
    struct mitem at[M_ITEMS];
};

struct mobject {
    bool live;
    roost_type type;
    char name[8]; /* empty: anonymous */
    int64_t expires_us;
    uint64_t order;
    bool owner_died; /* said to the next holder */
    bool signalled;
    bool flag; /* event: set; barrier: broken; queue: shut down */
    char kind; /* queue: f l p; value, array: the typecode */
    int64_t max, unfinished;
    int64_t value, initial; /* semaphore; value; barrier: initial is how many parties, value the timeout */
    int64_t first_order, last_order; /* priority items */
    uint64_t lock;                   /* condition */
    struct mitems items;
};

struct mkept {
    uint64_t number, connection, hash;
    bool repeatable, fresh; /* fresh: of the step under way */
};

struct msession {
    bool live, keeps, detached;
    uint8_t secret[SECRET_LEN];
    int64_t grace_us, grace_end_us;
    uint64_t connection, confirmed, last_number;
    uint64_t threads[M_THREADS];
    unsigned thread_count;
    unsigned refs[M_OBJECTS]; /* by id - 1 */
    struct mkept kept[M_KEPT];
    size_t kept_count;
};

/* An object, or one key of a keyed_lock. */
struct mwant {
    uint64_t object;
    struct mkey key;
};

struct mhold {
    uint64_t uid, grant; /* the keys of one call are one grant */
    struct mwant what;
    uint64_t session, thread, token, depth; /* token 0: not known before the answer is seen */
    int64_t ttl_us, lapses_us;
    uint64_t order;
};

/* A release that is to be refused when it comes. */
struct mlapsed {
    uint64_t object, session, thread, depth;
};

struct mwaiter {
    uint64_t session, number, thread, object;
    unsigned method;
    char line; /* take, get, put, join, wait (condition), event, barrier, transact: the first letter */
    struct mwant wants[M_WANTS];
    unsigned want_count;
    int64_t ttl_us, deadline_us;
    uint64_t order, depth, guard; /* guard: a hold's uid */
    bool guarded, woken, notified, many;
    uint64_t count; /* get_many: at most */
    struct mvalue put[M_PUT];
    unsigned put_count;
    uint8_t clauses[M_CLAUSES]; /* transact: two arrays */
};

struct mdelivery {
    uint64_t session, number, queue;
    struct mvalue items[M_GET];
    size_t len;
};

enum shape { SHAPE_PLAIN, SHAPE_GRANT, SHAPE_GRANTS, SHAPE_WOKEN, SHAPE_AGAIN };

/* What the step answers. */
struct manswer {
    uint64_t session, number, object;
    int code; /* 0: a result: bytes at..at+len of out, or a shape with tokens inside */
    enum shape shape;
    size_t at, len;
    unsigned grant_count;
    uint64_t grant[M_WANTS], token[M_WANTS];
    bool died[M_WANTS], notified;
    uint64_t hash; /* of an answer sent again */
};

struct model {
    int64_t now_us;
    uint64_t last_order, last_uid, last_token;
    bool dropped; /* somebody let go of a reference: look what is reachable */
    bool in_transaction;
    int code; /* of the call that failed in the transaction */
    struct {
        uint64_t object;
        char what;
    } wakes[32]; /* whom to serve when the transaction is through */
    size_t wake_count;
    struct msession sessions[M_SESSIONS]; /* by id - 1 */
    size_t session_count;
    struct mwaiter waiters[M_WAITERS]; /* in order of arrival */
    size_t waiter_count;
    struct mhold holds[M_HOLDS]; /* in order of granting */
    size_t hold_count;
    struct mlapsed lapsed[M_HOLDS];
    size_t lapsed_count;
    struct mwant died[M_HOLDS]; /* free keys whose holder died */
    size_t died_count;
    struct mdelivery deliveries[M_DELIVERIES];
    size_t delivery_count;
    struct manswer answers[M_ANSWERS];
    size_t answer_count;
    struct buf out;
    size_t begun_at; /* where in it the result under construction begins */
    uint64_t opened;
    size_t object_count;
    struct mobject objects[M_OBJECTS]; /* by id - 1 */
};

/* A call, taken apart. */
struct mcall {
    uint64_t session, number, thread;
    unsigned method;
    uint64_t id;       /* of the object; 0: none */
    struct mobject *o; /* NULL: of the server, or open */
    unsigned argc;
    struct slice arg[METHOD_PARAMS_MAX];
    struct slice path;
    struct mitems *items; /* o's, or what is at the path */
    bool guarded, repeatable, keeps;
    uint64_t guard;
};

#define REMOVE_AT(array, count, i) \
    memmove(&(array)[i], &(array)[(i) + 1], (--(count) - (size_t)(i)) * sizeof((array)[0]))

/* ---- model.c ---- */

void model_init(struct model *m, int64_t now_us);
void model_free(struct model *m);
/* Takes an event; what is expected is in m->answers and m->opened. Returns what core_step() should. */
int model_step(struct model *m, const struct event *event);
int64_t model_next_deadline_us(const struct model *m);
struct msession *model_session(struct model *m, uint64_t id);

/* ---- model_answer.c ---- */

struct mcall mcall_of_waiter(const struct mwaiter *w);
struct buf *say_begin(struct model *m, const struct mcall *c);
/* The result is complete; `stored`: the references in it are counted for the session. */
void say_end(struct model *m, const struct mcall *c, bool stored);
void say_error(struct model *m, const struct mcall *c, int code);
void say_nil(struct model *m, const struct mcall *c);
void say_int(struct model *m, const struct mcall *c, int64_t v);
void say_bool(struct model *m, const struct mcall *c, bool v);
void say_value(struct model *m, const struct mcall *c, struct slice value, bool stored);
void say_ref(struct model *m, const struct mcall *c, uint64_t id);
/* An answer with the tokens of n holds. */
void say_grants(struct model *m, const struct mcall *c, enum shape shape, const uint64_t *holds,
                const bool *died, unsigned n, bool notified);
void count_refs(struct model *m, uint64_t session, struct slice value);

/* ---- model_call.c ---- */

void model_call(struct model *m, uint64_t session, struct slice payload);
/* Checks a call whose method, arguments and path are set, and makes it. */
void model_serve(struct model *m, struct mcall *c);
static inline bool given(const struct mcall *c, unsigned i)
{
    return i < c->argc && c->arg[i].len > 0;
}
static inline int64_t int_arg(const struct mcall *c, unsigned i, int64_t otherwise)
{
    return given(c, i) ? scan_value(c->arg[i]).as.i : otherwise;
}

/* ---- model_value.c ---- */

struct mvalue mvalue_of(struct slice value);
struct mkey mkey_of(struct slice value);
bool same(struct slice a, struct slice b);
static inline struct slice vslice(const struct mvalue *v)
{
    return slice_of(v->bytes, v->len);
}
static inline struct slice kslice(const struct mkey *k)
{
    return slice_of(k->bytes, k->len);
}
void each_ref_in(struct slice value, void (*visit)(void *context, uint64_t id), void *context);
/* Every reference in a value leads somewhere. */
bool storable(const struct model *m, struct slice value);
/* Less, equal, greater; *strict, unless NULL, becomes false for what has no order in Python. */
int order_of(struct slice a, struct slice b, bool *strict);

/* ---- model_object.c ---- */

struct mobject *model_object(struct model *m, uint64_t id);
struct mobject *model_named(struct model *m, struct slice name, uint64_t *ret_id);
uint64_t model_said(struct model *m, struct slice value); /* a name or a reference: its id, or 0 */
void model_destroy(struct model *m, uint64_t id);
/* What nothing refers to goes; true when something did. */
bool model_sweep(struct model *m);
void model_open(struct model *m, struct mcall *c);
void model_server_call(struct model *m, struct mcall *c);
size_t stored_refs(const struct model *m, uint64_t id);

/* ---- model_take.c: locks, rlocks, semaphores, keys ---- */

void model_take_call(struct model *m, struct mcall *c);
void model_take_server(struct model *m, struct mcall *c);
/* Grants what can be granted. */
bool model_serve_lines(struct model *m);
void model_abandon(struct model *m, size_t hold); /* its session ended, or it lapsed */
void model_lapse(struct model *m, size_t hold);
void hold_drop(struct model *m, size_t hold);
/* Refuses who waits under a guard that is over. */
void model_refuse_guarded(struct model *m);
struct mhold *hold_by_token(struct model *m, uint64_t object, uint64_t token);
struct mhold *lock_hold(struct model *m, uint64_t lock);
struct mhold *own_lock(struct model *m, uint64_t lock, uint64_t session, uint64_t thread);
void model_acquire(struct model *m, struct mcall *c, const struct mwant *wants, unsigned n,
                   int64_t timeout_ms, int64_t ttl_us);
void model_give_back(struct model *m, struct mcall *c, uint64_t lock, uint64_t token);
static inline bool can_be_taken(roost_type t)
{
    return t == ROOST_TYPE_lock || t == ROOST_TYPE_rlock || t == ROOST_TYPE_semaphore ||
           t == ROOST_TYPE_bounded_semaphore || t == ROOST_TYPE_keyed_lock;
}
/* Whether a thing is there for a waiter: not, when it is first in line, always. */
enum { FREE_NOT, FREE_FIRST, FREE_ANY };
int is_free(struct model *m, const struct mwant *want, uint64_t session, uint64_t thread);
bool want_same(const struct mwant *a, const struct mwant *b);
bool wants(const struct mwaiter *w, const struct mwant *what);

/* ---- model_deadlock.c ---- */

bool model_deadlock(struct model *m, const struct mwaiter *w);

/* ---- model_wait.c: waiting; conditions, events, barriers ---- */

struct mwaiter *model_park(struct model *m, struct mcall *c, char line, int64_t timeout_ms);
void waiter_drop(struct model *m, size_t i);
void waiter_gives_up(struct model *m, size_t i);
void waiter_time_up(struct model *m, size_t i);
void model_wait_call(struct model *m, struct mcall *c);
/* All who wait in a line of an object are answered. */
void send_away(struct model *m, uint64_t object, char line, int code);
size_t line_len(const struct model *m, uint64_t object, char line);
/* Serves who waits for o, now or when the transaction is through. */
void model_wake(struct model *m, uint64_t object, char what);
void model_wake_now(struct model *m, uint64_t object, char what);

/* ---- model_queue.c ---- */

void model_queue_call(struct model *m, struct mcall *c);
void model_pump(struct model *m, uint64_t queue);
void model_return(struct model *m, size_t delivery);
void model_queue_woken(struct model *m, uint64_t queue, char what);
bool queue_fits(const struct mobject *q, size_t n);

/* ---- model_dict.c, model_list.c, model_number.c ---- */

void model_dict_call(struct model *m, struct mcall *c); /* dict, set, namespace */
void model_set_call(struct model *m, struct mcall *c);
/* Adds the elements of an array, each once. */
void set_fill(struct mitems *set, struct slice array);
void model_list_call(struct model *m, struct mcall *c);
void model_number_call(struct model *m, struct mcall *c); /* value, array */
struct mitem *item_find(struct mitems *items, struct slice key);
struct mitem *item_add(struct mitems *items, struct slice key, struct slice value);
void items_fill(struct mitems *items, struct slice value);
void items_put(const struct mitems *items, bool is_map, struct buf *out);
bool index_in(int64_t i, size_t len, size_t *ret);

/* ---- model_path.c ---- */

/* Makes the call on what is at its path. */
void model_path_call(struct model *m, struct mcall *c);
/* What is at a path; 0 or the code of what is wrong. */
int model_at(struct mobject *o, struct slice path, struct mvalue *ret);

/* ---- model_transact.c ---- */

void model_transact(struct model *m, struct mcall *c);
/* Looks at all waiting transactions until none can go on; true when one did. */
bool model_retry(struct model *m);
void model_transact_deleted(struct model *m, uint64_t object);

#endif
