/*
 * internal.h: the door header of the core: what sessions, objects, waiters, holds and calls are, and who may
 * do what to them. Only files in this folder include it.
 *
 * Invariants:
 * - a waiter has one place in one line, or, when it wants several things at once, one place for each of them;
 * it is in its session's list, and in the deadline heap when it has a deadline;
 * - a hold is in its object's and its session's list, and in the deadline heap when it has a time to live;
 * - an object without name, session reference and stored reference is doomed and gone by the end of the step.
 */
#ifndef ROOST_CORE_INTERNAL_H
#define ROOST_CORE_INTERNAL_H

#include "base/heap.h"
#include "base/hmap.h"
#include "base/list.h"
#include "base/spares.h"
#include "core/cell.h"
#include "core/core.h"
#include "wire/encode.h"
#include "wire/frame.h"
#include "wire/methods.h"
#include "wire/scan.h"

enum { LINES_MAX = 3, NAME_BYTES_MAX = 255, INFO_BYTES_MAX = 255 };

enum { KEPT_SMALL = 128 }; /* bytes of a block for a small kept answer */

enum { THREADS_KNOWN_MAX = 32 };

/* The threads that a session has called from. */
struct threads {
    uint64_t known[THREADS_KNOWN_MAX];
    unsigned len;
    bool more; /* there are others */
};

struct session {
    struct hnode by_id;
    struct list in_core;
    uint64_t id;
    uint64_t pid;
    char *host;            /* as the client gave it, NUL-terminated; may be NULL */
    char *label;           /* likewise */
    char *peer;            /* as the shell knows it, likewise */
    uint64_t identity;     /* 0: anybody's */
    struct rights *rights; /* NULL: all; else rights.c's */
    uint64_t calls;
    struct list waiters;
    struct list holds;
    struct list deliveries;
    struct list refs;
    struct hmap refs_by_id;
    int64_t since_us;

    struct heap_node in_graces; /* while it has no connection */
    int64_t grace_us;           /* how long it lives without one; 0: it cannot be resumed, nothing is kept */
    int64_t grace_end_us;
    uint8_t secret[SECRET_LEN];
    uint64_t connection; /* counts its connections */

    struct list kept; /* answers not confirmed: kept.c */
    size_t kept_len, kept_bytes;
    size_t stubs;         /* of these, without bytes */
    size_t parked;        /* how many waiters */
    uint64_t last_number; /* the highest call's */
    uint64_t confirmed;   /* the answer confirmed last on this connection */

    /* What reads leave behind that are not logged: no part of the state. */
    size_t notes;           /* of their answers, also in kept */
    uint64_t seen;          /* what a call said last that its client has seen, on this connection */
    uint64_t seen_by_reads; /* the last answer that they confirm: the next call that is logged does it */
    uint64_t last_read;     /* the highest number of one */

    struct threads threads;
};

/* Who asked: where the answer goes. */
struct caller {
    struct session *session;
    uint64_t number;
    uint64_t thread;
    bool keeps;      /* the answer is kept until it is confirmed … */
    bool repeatable; /* … without its bytes: the call changes nothing */
    bool goes_on;    /* the thread does not block while the call waits */
};

/* Something that happens at a time; the heap of all is core->deadlines. */
struct deadline {
    struct heap_node in_deadlines;
    int64_t at_us;  /* INT64_MAX: never */
    uint64_t order; /* breaks ties */
    void (*due)(struct core *core, struct deadline *d);
};

/* Who waits for one thing, first come first. */
struct line {
    struct list places;
    size_t len;
    size_t joint;       /* places of waiters that want several things at once */
    struct list in_due; /* core's: it may be the turn of the first */
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
    uint64_t owner; /* the identity of who made it */
    struct list session_refs;
    uint32_t stored_refs;  /* from containers and conditions */
    bool refers;           /* a reference was stored inside once: only such objects can be part of a cycle */
    uint32_t cycle_inside; /* scratch of cycle.c */
    bool cycle_live;
    int64_t since_us;
    struct line lines[LINES_MAX];
    struct list holds;     /* who holds, in order of granting */
    struct list lapsed;    /* holds whose time to live was over, until their release is refused */
    bool signalled;        /* given back once by a session that did not hold it: a signal more than a lock */
    bool fresh;            /* the call that makes it has not answered yet */
    struct expiry *expiry; /* NULL: it has no end */
    struct list watches;   /* of transactions that wait for a change: transact.h */
    uint64_t bytes;        /* charged to it: memory.h */
    uint64_t calls;        /* on it */
};

/* Somebody holds a lock (depth: how many levels) or permits (depth: how many). */
struct hold {
    struct list in_object;
    struct list in_session;
    struct object *object;
    struct slot *slot; /* keyed_lock: the key; else NULL */
    struct session *session;
    uint64_t thread;
    uint64_t token;
    uint64_t depth;
    int64_t since_us;
    int64_t ttl_us;           /* 0: without limit */
    struct deadline deadline; /* when it lapses */
    bool lapsed;
    uint32_t number;     /* scratch of save.h */
    struct list guarded; /* waiters whose calls are good as long as it holds */
};

/* Where a waiter stands for one thing. */
struct place {
    struct list in_line;
    struct line *line;
    struct waiter *waiter;
    struct object *object;
    struct slot *slot; /* keyed_lock: the key; else NULL */
    struct hold *hold; /* made when it was parked, so that granting cannot fail; depth is what it will be */
};

/* A blocked call. What it needs to go on is data, so that it could be saved and sent elsewhere. */
struct waiter {
    struct caller caller;
    const struct method *method;
    struct object *object; /* the first place's */
    struct place place;    /* of a keyed_lock's waiter: in the line of all who wait for keys */
    struct place *places;  /* &place, or its own array when it wants several things at once, or keys */
    size_t place_count;
    struct list in_session;
    struct list in_guard; /* of a hold: the call is good as long as that holds */
    int64_t since_us;
    struct deadline deadline;
    struct cell *cells; /* queue.put: the items */
    size_t count;       /* queue.put: how many; queue.get_many: at most how many */
    bool many;          /* queue.get_many: the answer is an array */
    bool woken;         /* condition.wait: it was notified, or its time is up, and now wants the lock */
    bool notified;
    uint32_t number;                 /* scratch of save.h */
    struct transaction *transaction; /* server.transact: what it wants */
};

/* Items sent to a session and not yet acknowledged. */
struct delivery {
    struct list in_session;
    uint64_t number; /* the call's */
    uint64_t queue;
    struct ranked *spare; /* of a priority queue: a node for each cell, for its return */
    size_t len;
    size_t room; /* cells */
    struct cell cells[];
};

struct call {
    struct core *core;
    struct caller caller;
    const struct method *method;
    struct object *object;   /* NULL for the server's methods and open */
    struct slice guard_said; /* as the call said it; len 0: none */
    struct hold *guard;      /* the call is good as long as it holds; NULL: always */
    unsigned argc;
    struct slice arg[METHOD_PARAMS_MAX]; /* len 0: left out */
    struct slice path;                   /* len 0: none; else a checked array of one step at least */
    struct tree *tree; /* what is at the path: the handler works on it; NULL: on the object */
    bool borrowed;     /* the tree is for this call only */
    bool done;         /* answered or parked */
};

typedef void handler(struct call *c);

enum turn { TURN_NO, TURN_FIRST, TURN_ANY };

/* What locks, semaphores and keys have in common: they are taken and given back (acquire.c). */
struct takeable {
    /* May the caller take it now: not at all, if it is first in line, whatever the line (its own rlock)? */
    enum turn (*turn)(const struct place *p, const struct caller *who);

    /* Takes it with p->hold, or (its own rlock) with the hold there is, which p->hold then becomes. Returns
     * whether the owner before died. */
    bool (*take)(struct core *core, struct place *p, const struct caller *to);

    /* May the caller give one level or permit back, of the grant with a token unless that is 0? ROOST_OK or
     * an error and why. NULL: not in this way. */
    int (*may_give_back)(struct core *core, struct object *o, const struct caller *who, uint64_t token,
                         const char **ret_why);
    void (*give_back)(struct core *core, struct object *o, const struct caller *who, uint64_t token);

    bool by_thread; /* only the thread that took it may give it back; else any of its session */
};

struct loader;

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

    /* NULL: it cannot be taken. */
    const struct takeable *takeable;

    /* What the type's own struct holds, as bytes, and back into a zeroed one (save.h). NULL: nothing. */
    void (*save)(const struct object *o, struct buf *out);
    void (*load)(struct loader *l, struct object *o);
};

/* A row's parameters, taken apart once. */
struct signature {
    unsigned len;
    struct param params[METHOD_PARAMS_MAX];
};

struct core {
    struct hmap sessions_by_id;
    struct list sessions;
    uint64_t session_count;
    struct hmap objects_by_id;
    struct hmap objects_by_name;
    struct list objects;
    uint64_t object_count;
    struct heap deadlines;       /* of waiters and grants */
    struct heap graces;          /* of sessions without connection */
    struct heap expiries;        /* of entries and objects: expiry.h */
    uint64_t rings;              /* the shell's count */
    bool in_cluster;             /* the shell says so */
    core_copy_reader *read_copy; /* the shell's; NULL: no copy was begun */
    void *copies;
    uint64_t last_copy;
    char audit[256]; /* of the step done last: core_audit() */
    uint64_t waiter_count, hold_count, delivery_count, call_count;
    uint64_t kept_count, kept_bytes;
    uint64_t last_session, last_object, last_token, last_order; /* counters: never reused */
    struct list doomed;                                         /* objects nothing refers to any more */
    struct list suspects;  /* objects that may be kept alive by a cycle only */
    struct list due_lines; /* whose first may have its turn: served before the step ends */
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
    bool reply_refs;         /* it carries references that were counted */
    bool starved;            /* a comparison could not be made for want of memory: it said "not equal" */
    struct core_limits limits;
    const struct core_limits *told; /* the shell's of now; NULL: those above */
    bool logged;                    /* as in struct core_options */
    bool reads;             /* the step under way is that of a call which is not logged: core_only_reads() */
    uint64_t confirmed;     /* core_confirmed() */
    uint64_t ref_count;     /* of sessions to objects */
    uint64_t stored;        /* bytes charged: memory.h */
    struct object *account; /* whom the bytes of the moment are charged to; NULL: nobody */
    const char *over;       /* the limit that refused what was just refused as if there were no memory */
    uint64_t objects_by_type[TYPE_COUNT], bytes_by_type[TYPE_COUNT];
    uint64_t *errors_by_row;      /* as calls_by_row */
    uint64_t *calls_by_row;       /* as roost__methods */
    struct signature *signatures; /* likewise */

    /* Blocks of what comes and goes with calls. */
    struct spares kept_spares;     /* small answers: kept.c */
    struct spares hold_spares;     /* hold.c */
    struct spares delivery_spares; /* of one item: queue.c */
    struct spares item_spares;     /* one item on its way in: likewise */
};

/* ---- dispatch.c ---- */

int core__call(struct core *core, struct session *s, const struct event *event);

/* The signatures of all rows, malloc'ed. NULL without memory. */
struct signature *core__signatures(void);
/* The same as core__serve(), but nobody called: nothing is counted. */
void core__look(struct call *c, const struct call_frame *frame);
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

/* Begins a REPLY; put one value into the buffer, then end it. False: it was too large, or there was no
 * memory, which was answered. */
struct buf *reply_begin(struct core *core, const struct caller *to);
bool reply_end(struct core *core, const struct caller *to);
/* Ends one that says what has been done already: who cannot be told so loses the session. */
void reply_finish(struct core *core, const struct caller *to);
void answer_nil(struct core *core, const struct caller *to);
void answer_int(struct core *core, const struct caller *to, int64_t v);
void answer_grant(struct core *core, const struct caller *to, uint64_t token, bool owner_died);
void answer_error(struct core *core, const struct caller *to, int code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Puts a stored value into a reply, counting the references it carries for the session. */
void put_cell(struct core *core, const struct caller *to, struct buf *out, const struct cell *cell);
/* Sends a whole frame that was sent before. */
void answer_again(struct core *core, const struct session *s, struct slice frame);

/* Counts the references in an encoded value that goes to the session. */
void count_sent_refs(struct core *core, const struct caller *to, struct slice value);

/* The same for the call at hand. */
void reply_nil(struct call *c);
void reply_bool(struct call *c, bool v);
void reply_int(struct call *c, int64_t v);
/* False: it could not be, which was answered: the cell is not the caller's to forget. */
bool reply_cell(struct call *c, const struct cell *cell);
void reply_raw(struct call *c, struct slice value);
void reply_ref(struct call *c, struct object *o);
void fail(struct call *c, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Fails with ROOST_ENOMEM, or, when a limit refused the memory, with ROOST_ELIMIT. */
void fail_memory(struct call *c);
/* The same for a call that waited. */
void answer_memory(struct core *core, const struct caller *to);
/* Fails as a cell_store() that returned code did. */
void fail_store(struct call *c, int code);

/* ---- session.c ---- */

/* One that nobody knows yet, with room for it in the core; NULL without memory. Then it is known, by its id.
 */
struct session *session_new(struct core *core);
void session_add(struct core *core, struct session *s);
int session_open(struct core *core, const struct event *event, uint64_t *ret);
void session_lost(struct core *core, struct session *s);
struct session *session_find(const struct core *core, uint64_t id);
/* Counts that the session was sent (or took) a reference. False without memory. */
bool session_retain(struct core *core, struct session *s, struct object *o);
void session_release(struct core *core, struct session *s, uint64_t id, uint64_t count);
/* Forgets all sessions' references to an object that is going. */
void session_refs_forget(struct core *core, struct object *o);
void session_free(struct core *core, struct session *s);

/* ---- grace.c: sessions and their connections ---- */

bool grace_sooner(const struct heap_node *a, const struct heap_node *b);
/* Takes "grace_ms" from a session's info. */
void grace_init(const struct core *core, struct session *s, struct slice info, struct slice secret);
/* The connection is gone: the session ends at once, or when its grace is over. */
void grace_begin(struct core *core, struct session *s);
/* A new connection takes over. Errors, nothing changed: ROOST_ESESSION. */
int grace_resume(struct core *core, struct session *s, struct slice secret);
/* When the first grace is over, or INT64_MAX. */
int64_t grace_next_us(const struct core *core);
void grace_end_first(struct core *core);

/* ---- kept.c: answers not confirmed yet ---- */

/* Keeps an answer just sent (frame.len 0: only that there was one). False without memory. */
bool kept_add(struct core *core, const struct caller *to, struct slice frame);
/* Which answer a call confirms, by what it says its client has seen, and what reads before it said; 0: none.
 */
uint64_t kept_seen(struct core *core, struct session *s, uint64_t seen);
/* Drops that answer, and so all before it. */
void kept_confirm(struct core *core, struct session *s, uint64_t number);
/* A call of that number, a logged one, waits or was answered. */
bool kept_knows(const struct session *s, uint64_t number);
/* A read of that number that is not logged was answered on this connection. */
bool kept_notes(const struct session *s, uint64_t number);
/* kept_again() of a read that is not logged. */
bool kept_read_again(struct core *core, struct session *s, uint64_t seen, uint64_t number);
/* True when the call was sent before and nothing is left to do: it waits, or its answer went out (again). */
bool kept_again(struct core *core, struct session *s, uint64_t number);
/* One more call would be one too many. */
bool kept_full(const struct core *core, const struct session *s);
void kept_free(struct core *core, struct session *s);

/* ---- object.c ---- */

/* How many wait in its lines. */
size_t object_waiters(const struct object *o);

struct object *object_find(const struct core *core, uint64_t id);
struct object *object_find_name(const struct core *core, struct slice name);
/* Makes it known, by its id and name; there is room for it. */
void object_add(struct core *core, struct object *o);
/* One that nobody knows yet, with room for it in the core. NULL without memory. */
struct object *object_new(struct core *core, const struct type *type, struct slice name);
/* A new object (name.len 0: anonymous), zeroed behind struct object. The owner's reference is counted, so
 * that reply_ref() cannot fail; NULL: it has none. NULL without memory. */
struct object *object_create(struct core *core, const struct type *type, struct slice name,
                             struct session *owner);
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
/* Takes back what object_open() has made, when the call fails after all. */
void object_discard(struct core *core, struct object *o);
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

/* ---- deadline.c ---- */

void deadline_init(struct deadline *d, void (*due)(struct core *core, struct deadline *d));
/* Makes it due at a time; INT64_MAX keeps its room in the heap. False without memory, which cannot happen to
 * one that has been set before and not cleared. */
bool deadline_set(struct core *core, struct deadline *d, int64_t at_us);
void deadline_clear(struct core *core, struct deadline *d);
/* When the first is due, or INT64_MAX; lets that one happen. */
int64_t deadlines_next_us(const struct core *core);
void deadlines_meet_first(struct core *core);
/* ms from now; never: INT64_MAX. */
int64_t deadline_in_ms(const struct core *core, int64_t ms);
/* What is left until a deadline in ms, -1 for never. */
int64_t deadline_left_ms(const struct core *core, const struct deadline *d);

/* ---- waiter.c ---- */

/* Parks the call in a line with its timeout argument at t. NULL (and failed) without memory. */
struct waiter *park(struct call *c, struct object *o, unsigned line, unsigned timeout_arg);
/* As park, for a timeout in ms that stands elsewhere. */
struct waiter *park_ms(struct call *c, struct object *o, unsigned line, int64_t timeout_ms);
/* Parks the call in the lines of n places at once; their array becomes the waiter's. */
struct waiter *park_places(struct call *c, struct place *places, size_t n, int64_t timeout_ms);
void line_init(struct line *l);
struct waiter *line_first_of(const struct line *l);
static inline struct waiter *line_first(const struct object *o, unsigned line)
{
    return line_first_of(&o->lines[line]);
}
static inline size_t line_len(const struct object *o, unsigned line)
{
    return o->lines[line].len;
}
static inline struct place *place_of(struct list *in_line)
{
    return container_of(in_line, struct place, in_line);
}
/* Puts it at the end of a line; takes it out of the line. */
void enter_line(struct waiter *w, struct place *p, struct line *line);
void leave_line(struct place *p);
/* What happens when a waiter's time is up. */
void waiter_time_is_up(struct core *core, struct deadline *d);
/* Moves a parked waiter to the end of another line, without deadline. */
void waiter_move(struct core *core, struct waiter *w, struct object *to, unsigned line);
/* Takes it out of everything and frees it. */
void waiter_free(struct core *core, struct waiter *w);
/* Takes it out as if its session had ended: its object learns that it left. It must have been answered. */
void waiter_leave(struct core *core, struct waiter *w);
/* Answers ROOST_ETIMEDOUT and frees it. */
void waiter_time_out(struct core *core, struct waiter *w);
/* Answers ROOST_ECANCELED to the session's waiter of that number; harmless when there is none. */
void waiter_cancel(struct core *core, struct session *s, uint64_t number);

/* ---- hold.c ---- */

/* A hold to be granted later, with a time to live (0: none). NULL without memory. */
struct hold *hold_new(struct core *core, int64_t ttl_us);
/* One that nobody has, without a time to live; NULL without memory. */
struct hold *hold_blank(struct core *core);
/* Frees a hold that was not granted; NULL is allowed. */
void hold_discard(struct core *core, struct hold *h);
/* Links the hold for a caller and gives it a fresh token; its time to live begins. */
void hold_grant(struct core *core, struct object *o, struct hold *h, const struct caller *to);
/* Ends it without freeing: it is as new, and may be granted again. */
void hold_end(struct core *core, struct hold *h);
/* Ends and frees; NULL is allowed. */
void hold_free(struct core *core, struct hold *h);
/* Ends a hold that its holder gives back: as hold_free(), but a transaction may take it back. */
void hold_release(struct core *core, struct hold *h);
/* The caller's own hold: of its thread, or, any_thread, of its session. */
struct hold *hold_of(const struct object *o, const struct caller *who, bool any_thread);
/* The hold of that token, or NULL. Looks at the holds of a session first, then at all of the object's. */
struct hold *hold_of_token(const struct object *o, const struct session *likely, uint64_t token);
/* Gives it another time to live from now on (0: no limit). False without memory. */
bool hold_extend(struct core *core, struct hold *h, int64_t ttl_us);
/* Forgets a lapsed hold of the caller's, one level of it; not in a transaction. False when there is none. */
bool hold_lapsed_forget(struct core *core, struct object *o, const struct caller *who, bool any_thread);
/* Forgets those of the caller's thread, who has taken the object anew. */
void hold_lapsed_drop(struct object *o, const struct caller *who);
static inline struct hold *hold_first(const struct object *o)
{
    struct list *first = list_first(&o->holds);
    return first == NULL ? NULL : container_of(first, struct hold, in_object);
}

/* ---- queue.c, for session.c and transact.c ---- */

/* A session ended before it acknowledged: the items return to the head. Frees the delivery. */
void queue_return(struct core *core, struct delivery *d);
void delivery_free(struct core *core, struct delivery *d);

/* ---- guard.c ---- */

/* Checks the guard that a call carries and sets c->guard. False: the call has failed. */
bool guard_check(struct call *c);
/* The waiter's call is good only as long as the hold is. */
void guard_attach(struct waiter *w, struct hold *h);
/* The hold ends: who waits under its guard is refused. */
void guard_end(struct core *core, struct hold *h);

/* ---- acquire.c ---- */

enum { WANTED_MAX = 1024 }; /* things that one call can take */

/* What a call wants to take, all of it or nothing. */
struct wish {
    struct place *wanted; /* object, slot and line are set; malloc'ed */
    size_t n;
    int64_t timeout_ms;
    int64_t ttl_us; /* 0: without limit */
};

/* Takes it, or parks: who waits holds nothing. Frees wish->wanted, or gives it to the waiter. The answer is
 * a grant; of server.acquire, an array of grants. */
void acquire_all(struct call *c, struct wish *wish);
/* acquire(timeout, ttl) of an object that has one line. */
void acquire(struct call *c, struct object *o, unsigned timeout_arg);
/* The time to live that an argument says, 0 when it is left out. False: the call has failed. */
bool ttl_arg(struct call *c, unsigned i, int64_t *ret_us);
/* release(token?) of such an object. */
void give_back(struct call *c, struct object *o, unsigned token_arg);
/* Something may have become free for the first in line. */
void line_due(struct core *core, struct line *l);
/* Grants what can be granted in such lines. */
void lines_serve_due(struct core *core);
static inline void lines_serve(struct core *core)
{
    if (!list_empty(&core->due_lines))
        lines_serve_due(core);
}

/* ---- deadlock.c ---- */

/* Answers a waiter that closes a cycle of waits with ROOST_EDEADLK and frees it; else does nothing. */
void deadlock_check(struct core *core, struct waiter *w);
/* Notes that a session calls from a thread; has it been noted? */
void threads_note(struct threads *t, uint64_t thread);
bool threads_know(const struct threads *t, uint64_t thread);
/* "lock "a"", "lock #7", "key 5 of keyed_lock "k"". */
void put_what(struct buf *out, const struct object *o, const struct slot *slot);
/* "pid 71 thread 1", or without a pid "session 5 thread 1". */
void put_party(struct buf *out, const struct session *s, uint64_t thread);

/* ---- server.c, for keyed_lock.c and acquire.c ---- */

/* The object that an item names or refers to. NULL: the call has failed. */
struct object *object_said(struct call *c, const struct item *it);

/* A pair of a map; text NULL: nil. */
void put_count(struct buf *out, const char *name, uint64_t n);
void put_words(struct buf *out, const char *name, const char *text);

/* A map that says who holds something. */
void put_holder(const struct core *core, struct buf *out, const struct hold *h);

/* ---- keyed_lock.c ---- */

/* Frees a key that nobody holds or waits for. */
void slot_tidy(struct core *core, struct object *o, struct slot *slot);
/* The key as it was first given. */
struct slice slot_key(const struct slot *slot);
struct hold *slot_hold(const struct slot *slot);
size_t queue_size(const struct object *o);
/* Would n items go in, or one come out, at once? */
bool queue_has_room(const struct object *o, size_t n);
bool queue_is_shut(const struct object *o);

/* ---- value.c, for transact.c ---- */

/* The value, encoded into bytes, which has room for a number or a character. */
struct slice value_bytes(const struct object *o, uint8_t *bytes);

/* ---- lock.c, for condition.c ---- */

extern const struct type type_lock, type_rlock;
/* The hold with which the caller owns the lock, or NULL. */
struct hold *lock_owned(const struct object *lock, const struct caller *who);

/* ---- condition.c, for guard.c ---- */

extern const struct type type_condition;
struct object *condition_lock(const struct core *core, const struct object *condition);

#endif
