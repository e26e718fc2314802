/*
 * internal.h: the door header of the core: what sessions, objects, waiters, holds and calls are, and who may
 * do what to them. Only files in this folder include it.
 *
 * Invariants:
 * - a waiter is in one line of one object, in its session's list, and in the deadline heap when it has a
 * deadline;
 * - a hold is in its object's and its session's list;
 * - an object without name, session reference and stored reference is doomed and gone by the end of the step.
 */
#ifndef ROOST_CORE_INTERNAL_H
#define ROOST_CORE_INTERNAL_H

#include "base/heap.h"
#include "base/hmap.h"
#include "base/list.h"
#include "core/cell.h"
#include "core/core.h"
#include "wire/encode.h"
#include "wire/frame.h"
#include "wire/methods.h"
#include "wire/scan.h"

enum { LINES_MAX = 3, NAME_BYTES_MAX = 255, INFO_BYTES_MAX = 255 };

struct session {
    struct hnode by_id;
    struct list in_core;
    uint64_t id;
    uint64_t pid;
    char *host;  /* as the client gave it, NUL-terminated; may be NULL */
    char *label; /* likewise */
    struct list waiters;
    struct list holds;
    struct list deliveries;
    struct list refs;
    struct hmap refs_by_id;
    int64_t since_us;
};

/* Who asked: where the answer goes. */
struct caller {
    struct session *session;
    uint64_t number;
    uint64_t thread;
};

struct object {
    struct hnode by_id;
    struct hnode by_name;
    struct list in_core; /* in order of creation */
    struct list in_doomed;
    struct list in_suspects;
    uint64_t id;
    const struct type *type;
    char *name; /* NULL: anonymous */
    size_t name_len;
    struct list session_refs;
    uint32_t stored_refs;  /* from containers and conditions */
    bool refers;           /* a reference was stored inside once: only such objects can be part of a cycle */
    uint32_t cycle_inside; /* scratch of cycle.c */
    bool cycle_live;
    int64_t since_us;
    struct list lines[LINES_MAX]; /* who waits, first come first */
    size_t waiting[LINES_MAX];    /* how many, line by line */
    struct list holds;            /* who holds, in order of granting */
    struct expiry *expiry;        /* NULL: it has no end */
    struct list watches;          /* of transactions that wait for a change: transact.h */
};

/* Somebody holds a lock (depth: how many levels) or permits (depth: how many). */
struct hold {
    struct list in_object;
    struct list in_session;
    struct object *object;
    struct session *session;
    uint64_t thread;
    uint64_t token;
    uint64_t depth;
    int64_t since_us;
};

/* A blocked call. What it needs to go on is data, so that it could be saved and sent elsewhere. */
struct waiter {
    struct caller caller;
    const struct method *method;
    struct object *object;
    unsigned line;
    struct list in_line;
    struct list in_session;
    struct heap_node in_deadlines;
    int64_t since_us;
    int64_t deadline_us; /* INT64_MAX: none */
    uint64_t order;      /* breaks ties of deadlines */
    struct hold *hold;   /* made when it was parked, so that granting cannot fail */
    struct cell *cells;  /* queue.put: the items */
    size_t count;        /* queue.put: how many; queue.get_many: at most how many */
    bool many;           /* queue.get_many: the answer is an array */
    bool woken;          /* condition.wait: it was notified, or its time is up, and now wants the lock */
    bool notified;
    struct transaction *transaction; /* server.transact: what it wants */
};

/* Items sent to a session and not yet acknowledged. */
struct delivery {
    struct list in_session;
    uint64_t number; /* the call's */
    uint64_t queue;
    size_t len;
    struct cell cells[];
};

struct call {
    struct core *core;
    struct caller caller;
    const struct method *method;
    struct object *object; /* NULL for the server's methods and open */
    unsigned argc;
    struct slice arg[METHOD_PARAMS_MAX]; /* len 0: left out */
    struct slice path;                   /* len 0: none; else a checked array of one step at least */
    struct tree *tree; /* what is at the path: the handler works on it; NULL: on the object */
    bool borrowed;     /* the tree is for this call only */
    bool done;         /* answered or parked */
};

typedef void handler(struct call *c);

/* An object type: one row and one file per type. */
struct type {
    roost_type code;
    size_t size; /* of its struct, which begins with struct object */

    /* Frees what is inside (dropping stored references). NULL: nothing is. The object itself is freed by
     * object.c. */
    void (*destroy)(struct core *core, struct object *o);

    /* A waiter's time is up; it is still parked. NULL: ROOST_ETIMEDOUT. */
    void (*expire)(struct core *core, struct waiter *w);

    /* A session ended while it waited here; the waiter is out of its line and about to be freed. NULL:
     * nothing to do. */
    void (*left)(struct core *core, struct object *o);

    /* A session ended while it held this; the hold is unlinked and about to be freed. */
    void (*abandoned)(struct core *core, struct hold *h);

    /* Adds this type's own pairs to a description; returns how many. */
    unsigned (*describe)(const struct object *o, struct buf *out);

    /* Calls visit for the id of every object stored inside. NULL: none can be. */
    void (*each_stored)(const struct object *o, void (*visit)(void *context, uint64_t id), void *context);
};

struct core {
    struct hmap sessions_by_id;
    struct list sessions;
    uint64_t session_count;
    struct hmap objects_by_id;
    struct hmap objects_by_name;
    struct list objects;
    uint64_t object_count;
    struct heap deadlines;
    struct heap expiries; /* of entries and objects: expiry.h */
    uint64_t waiter_count, hold_count, delivery_count, call_count;
    uint64_t last_session, last_object, last_token, last_order; /* counters: never reused */
    struct list doomed;                                         /* objects nothing refers to any more */
    struct list suspects; /* objects that may be kept alive by a cycle only */
    int64_t now_us, start_us;
    uint64_t epoch;
    uint8_t hash_key[16];
    struct buf scratch;      /* canonical keys */
    struct buf encoded;      /* cell_bytes() of a tree */
    struct undo *undo;       /* of the transaction under way; else NULL: undo.h */
    struct object server;    /* no object that anybody can reach: transactions wait in its line */
    struct list woken;       /* transactions to look at again before the step ends */
    struct effects *effects; /* of the step under way */
    size_t reply_at;         /* where in it the frame under construction begins */
    uint64_t *calls_by_row;  /* as roost__methods */
};

/* ---- dispatch.c ---- */

int core__call(struct core *core, struct session *s, struct slice payload);

/* Checks a call, whose core, caller and method are set, against its row and has its handler serve it. */
void core__serve(struct call *c, const struct call_frame *frame);

/* An integer argument, or what stands for one left out. */
int64_t arg_int(const struct call *c, unsigned i, int64_t otherwise);
bool arg_bool(const struct call *c, unsigned i, bool otherwise);
/* The bytes of a string or bytes argument; must be there. */
struct slice arg_bytes(const struct call *c, unsigned i);
static inline bool arg_given(const struct call *c, unsigned i)
{
    return i < c->argc && c->arg[i].len > 0;
}

/* ---- reply.c: every call is answered exactly once, now or from its waiter ---- */

/* Begins a REPLY; put one value into the buffer, then end it. False: it was too large, which was answered. */
struct buf *reply_begin(struct core *core, const struct caller *to);
bool reply_end(struct core *core, const struct caller *to);
void answer_nil(struct core *core, const struct caller *to);
void answer_int(struct core *core, const struct caller *to, int64_t v);
void answer_grant(struct core *core, const struct caller *to, uint64_t token, bool owner_died);
void answer_error(struct core *core, const struct caller *to, int code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Puts a stored value into a reply, counting the references it carries for the session. */
void put_cell(struct core *core, const struct caller *to, struct buf *out, const struct cell *cell);

/* Counts the references in an encoded value that goes to the session. */
void count_sent_refs(struct core *core, const struct caller *to, struct slice value);

/* The same for the call at hand. */
void reply_nil(struct call *c);
void reply_bool(struct call *c, bool v);
void reply_int(struct call *c, int64_t v);
/* False: it was too large, which was answered: the cell is not the caller's to forget. */
bool reply_cell(struct call *c, const struct cell *cell);
void reply_raw(struct call *c, struct slice value);
void reply_ref(struct call *c, struct object *o);
void fail(struct call *c, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Fails with ROOST_ENOMEM. */
void fail_memory(struct call *c);
/* Fails as a cell_store() that returned code did. */
void fail_store(struct call *c, int code);

/* ---- session.c ---- */

int session_open(struct core *core, struct slice info, uint64_t *ret);
void session_lost(struct core *core, struct session *s);
struct session *session_find(const struct core *core, uint64_t id);
/* Counts that the session was sent (or took) a reference. False without memory. */
bool session_retain(struct session *s, struct object *o);
void session_release(struct core *core, struct session *s, uint64_t id, uint64_t count);
/* Forgets all sessions' references to an object that is going. */
void session_refs_forget(struct object *o);
void session_free(struct core *core, struct session *s);

/* ---- object.c ---- */

struct object *object_find(const struct core *core, uint64_t id);
struct object *object_find_name(const struct core *core, struct slice name);
/* A new object (name.len 0: anonymous), zeroed behind struct object. NULL without memory. */
struct object *object_create(struct core *core, const struct type *type, struct slice name);
/* Of a zeroed object: its type, and that nobody is anywhere. */
void object_init(struct object *o, const struct type *type);
/* Wakes the waiters with ROOST_EDELETED, forgets the holds, frees it all. */
void object_destroy(struct core *core, struct object *o);
void object_stored_ref(struct object *o);
void object_stored_unref(struct core *core, uint64_t id);
/* Something let go of o: doom it or suspect it where due. */
void object_check(struct core *core, struct object *o);
/* Ends a step: destroys the doomed, and what only cycles keep. */
void object_sweep(struct core *core);
/* open: answers with the existing object of the name (found), or makes one. Returns NULL when it has
 * answered. */
struct object *object_open(struct call *c, const struct type *type, bool *ret_found);
/* The description common to all types and its own. */
void object_describe(struct core *core, const struct object *o, struct buf *out);

/* What an object is called in messages: dict "scores", or dict #7. Cut where it does not fit. */
void object_words(const struct object *o, char *ret, size_t size);
/* Something about o has changed: transactions that wait for it look again. */
void object_changed(struct core *core, struct object *o);

/* ---- cycle.c ---- */

/* Dooms o and what hangs on it when only a cycle keeps it. */
void cycle_check(struct core *core, struct object *o);

/* ---- waiter.c ---- */

/* Parks the call in a line with its timeout argument at t. NULL (and failed) without memory. */
struct waiter *park(struct call *c, struct object *o, unsigned line, unsigned timeout_arg);
/* As park, for a timeout in ms that stands elsewhere. */
struct waiter *park_ms(struct call *c, struct object *o, unsigned line, int64_t timeout_ms);
struct waiter *line_first(const struct object *o, unsigned line);
static inline size_t line_len(const struct object *o, unsigned line)
{
    return o->waiting[line];
}
/* Moves a parked waiter to the end of another line, without deadline. */
void waiter_move(struct core *core, struct waiter *w, struct object *to, unsigned line);
/* Takes it out of everything and frees it. */
void waiter_free(struct core *core, struct waiter *w);
/* Answers ROOST_ETIMEDOUT and frees it. */
void waiter_time_out(struct core *core, struct waiter *w);
/* When the next waiter's time is up, or INT64_MAX; ends the wait of that one. */
int64_t waiters_next_us(const struct core *core);
void waiters_expire_first(struct core *core);

/* ---- hold.c ---- */

struct hold *hold_new(void);
/* Links the hold for a caller and gives it a fresh token. */
void hold_grant(struct core *core, struct object *o, struct hold *h, const struct caller *to, uint64_t depth);
/* Unlinks and frees; NULL is allowed. */
void hold_free(struct core *core, struct hold *h);
/* Ends a hold that its holder gives back: as hold_free(), but a transaction may take it back. */
void hold_end(struct core *core, struct hold *h);
/* The caller's own hold: of its thread, or, any_thread, of its session. */
struct hold *hold_of(const struct object *o, const struct caller *who, bool any_thread);
static inline struct hold *hold_first(const struct object *o)
{
    struct list *first = list_first(&o->holds);
    return first == NULL ? NULL : container_of(first, struct hold, in_object);
}

/* ---- queue.c, for session.c and transact.c ---- */

/* A session ended before it acknowledged: the items return to the head. Frees the delivery. */
void queue_return(struct core *core, struct delivery *d);
void delivery_free(struct core *core, struct delivery *d);

size_t queue_size(const struct object *o);
/* Would n items go in, or one come out, at once? */
bool queue_has_room(const struct object *o, size_t n);
bool queue_is_shut(const struct object *o);

/* ---- value.c, for transact.c ---- */

/* The value, encoded into bytes, which has room for a number or a character. */
struct slice value_bytes(const struct object *o, uint8_t *bytes);

/* ---- lock.c, for condition.c ---- */

extern const struct type type_lock, type_rlock;
void lock_acquire(struct call *c, struct object *lock, unsigned timeout_arg);
void lock_release(struct call *c, struct object *lock);
/* Passes a free lock on to the first in line. */
void lock_pass_on(struct core *core, struct object *lock);
/* The hold with which the caller owns the lock, or NULL. */
struct hold *lock_owned(const struct object *lock, const struct caller *who);

#endif
