/*
 * history.h: what real processes asked for and were answered, in memory they share, so that it survives
 * their deaths.
 *
 * Invariant: a lane has one writer, the process that lives in it; an operation is begun (its time of
 * invocation and arguments stand, its state is OP_UNKNOWN) before the call is made, and ended when it has
 * returned. What was never ended, or ended with the loss of the session, stays unknown: it may have taken
 * effect, at any time after its invocation, or not.
 */
#ifndef ROOST_TESTS_PROOF_HISTORY_H
#define ROOST_TESTS_PROOF_HISTORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LANES_MAX = 16, LANE_OPS = 12000 };

enum op_kind {
    OP_GET,     /* registers: result is the value */
    OP_SET,     /* to arg */
    OP_CAS,     /* from expected to arg; result: 1 when it was so */
    OP_ADD,     /* arg; result is the sum */
    OP_COUNT,   /* counters: adds 1; result is the sum */
    OP_PUT,     /* queues: arg */
    OP_TAKE,    /* result is the item */
    OP_ACQUIRE, /* locks: result is the token */
    OP_FENCED,  /* adds 1 as long as token arg is current; result is the sum */
    OP_RELEASE  /* of token arg */
};

enum op_state { OP_NONE, OP_UNKNOWN, OP_DONE, OP_REFUSED /* certainly without effect */ };

#define NEVER INT64_MAX

struct op {
    _Atomic(enum op_state) state;
    enum op_kind kind;
    int object;                /* which register, counter, queue or lock */
    int process;               /* each session counts as one of its own */
    int64_t invoked, returned; /* nanoseconds */
    int64_t arg, expected, result;
};

struct lane {
    atomic_int len;
    struct op ops[LANE_OPS];
};

struct history {
    atomic_bool ends;     /* told to all processes: finish */
    atomic_int processes; /* how many lives there were */
    struct lane lanes[LANES_MAX];
};

struct history *history_new(void);
void history_free(struct history *h);

/* Begins an operation; NULL when the lane is full. */
struct op *history_begin(struct history *h, int lane, struct op op);

/* It has returned. */
void history_end(struct op *op, enum op_state state, int64_t result);

/* It has returned, and its result is to be explained. (Who is killed while he ends it leaves it unknown.) */
bool op_known(const struct op *op);

/* Has the server answered a later call of the same process? */
bool history_confirmed(const struct history *h, const struct op *op);

/* Those of one object whose kind is in kinds (a set of bits 1 << kind), in the order of invocation, those
 * refused left out. The array is the caller's. */
const struct op **history_select(const struct history *h, unsigned kinds, int object, size_t *len);

/* How many operations of all objects are in a state. */
size_t history_count(const struct history *h, enum op_state state);

#endif
