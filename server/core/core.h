/*
 * core.h: the deterministic core as the shell sees it: core_step(core, event, effects).
 *
 * Invariant: the core is a pure state machine. The caller enters it from one thread at a time and gives every
 * event its time; the core keeps no reference to the event or the effects after the step. Called by the
 * shell, the tests, the simulator and the fuzzers.
 */
#ifndef ROOST_CORE_CORE_H
#define ROOST_CORE_CORE_H

#include "base/buf.h"
#include "base/list.h"

struct core;

/* What limits.def says, as numbers. */
struct core_limits {
#define ROOST_LIMIT(name, kind, standard, min, max, unit, help) int64_t name;
#include "core/limits.def"
#undef ROOST_LIMIT
};

/* The table's defaults. */
extern const struct core_limits core_limits_standard;

struct core_options {
    int64_t now_us;                   /* the time at the start; later events are never earlier */
    uint64_t epoch;                   /* differs from that of every earlier run */
    uint8_t hash_key[16];             /* secret, against chosen collisions; no effect on any answer */
    const struct core_limits *limits; /* copied; NULL: the defaults */
    bool logged;                      /* a log tells its events again, but not reads: core_only_reads() */
};

/* What one may do with an object: the flags of a method say which it takes. */
enum right { RIGHT_READ = 1, RIGHT_WRITE = 2, RIGHT_ADMIN = 4 };

enum { CORE_PATTERN_MAX = 255 };

enum event_kind {
    EVENT_OPEN,     /* a session opened; payload: its info, one checked MessagePack value; secret */
    EVENT_CALL,     /* a request from a session; payload: a checked CALL frame's payload */
    EVENT_ACK,      /* a session acknowledged deliveries; payload: a checked ACK frame's payload */
    EVENT_CANCEL,   /* a session gives up calls that wait; payload: a checked CANCEL frame's payload */
    EVENT_DETACHED, /* a session's connection ended: its grace begins, or it ends */
    EVENT_RESUMED,  /* a connection took the session over from the one before, open or not; secret */
    EVENT_LOST,     /* a session ended */
    EVENT_RIGHTS,   /* an identity's sessions have other rights from now on, or, not restricted, end */
    EVENT_TIME      /* nothing but time passed */
};

struct event {
    enum event_kind kind;
    int64_t now_us;
    uint64_t session; /* OPEN: unused */
    struct slice payload;
    uint64_t identity;   /* OPEN, RESUMED, RIGHTS: whose session; 0: anybody's */
    bool restricted;     /* OPEN, RIGHTS: he may do what `rights` says, and nothing else */
    struct slice rights; /* rules: each enum right bits, the pattern's length (a byte each), the pattern */
    struct slice secret; /* OPEN: 16 bytes, or none: it cannot be resumed; RESUMED: what the client says */
    struct slice peer;   /* OPEN: where it comes from, UTF-8, for people; may be empty */

    /* An event that a log tells again. confirmed: of a CALL, what core_confirmed() said behind the first
     * time, which then counts, not what the frame says: that may be the answer to a read, of which the log
     * does not know. */
    bool again;
    uint64_t confirmed;
};

/* A frame for a session: len bytes of effects.bytes from at. */
struct effect {
    uint64_t session;
    size_t at;
    size_t len;
};

/*
 * What a step did. The caller owns it and resets it between steps. Effects of one session are in the order in
 * which its client must see them.
 */
struct effects {
    struct buf bytes;
    struct effect *items;
    size_t len;
    size_t cap;
    uint64_t opened;  /* EVENT_OPEN: the new session */
    int row;          /* EVENT_CALL: the method's, in roost__methods; -1: none was served */
    int code;         /* and what it failed with; 0: it did not, or waits */
    uint64_t object;  /* and its target */
    uint64_t killed;  /* the session that the call ended; 0: none */
    bool asks_shell;  /* the call is not answered: the shell does what it says, and answers it */
    uint64_t backup;  /* the copy of the state that the call asked for; 0: none */
    uint64_t *broken; /* sessions with a connection that could not be answered for want of memory: end them */
    size_t broken_len;
    size_t broken_cap;
    bool unread; /* nobody will: broken sessions need not be named */
};

/* NULL without memory. */
struct core *core_create(const struct core_options *options);

/* Frees everything; NULL is allowed. */
void core_destroy(struct core *core);

/*
 * Takes one event. Returns ROOST_OK, or ROOST_EPROTO when the payload's shape is wrong or the session unknown
 * (nothing changed), ROOST_ENOMEM when there is no memory to open a session or to answer whatever the event
 * brings about (nothing changed; OPEN, CALL and RESUMED only), ROOST_ELIMIT when there are too many sessions,
 * ROOST_ESESSION when one could not be resumed: it is gone, has no grace, or another secret.
 */
int core_step(struct core *core, const struct event *event, struct effects *effects);

/*
 * Is the event a call that changes nothing, so that a log need not have it? In a core that is logged such a
 * call, unless the log tells it again, leaves nothing behind that core_save() or core_hash() sees but counts
 * of calls, not even its time: the state is that of the events logged, whoever reads. (What is due must have
 * been given its EVENT_TIME before.) A read that is sent again may as well be executed again.
 */
bool core_only_reads(const struct core *core, const struct event *event);

/* The answer up to which the last step's CALL confirmed all; 0: none. */
uint64_t core_confirmed(const struct core *core);

/* The session that was opened next after one that is there (id 0: the first); 0: none. */
uint64_t core_session_after(const struct core *core, uint64_t id);

/* The least identity above a number that sessions are of; 0: none. */
uint64_t core_identity_after(const struct core *core, uint64_t identity);

int64_t core_now_us(const struct core *core);

/* When EVENT_TIME must come at the latest, or INT64_MAX. */
int64_t core_next_deadline_us(const struct core *core);

/* How many connections go through shared memory: for server.info, without any other effect. */
void core_set_rings(struct core *core, uint64_t n);

/*
 * The bytes of copies (effects.backup), which are the caller's: finds those of copy `id` from `at` on. Of the
 * session alone that asked for it. ret->data NULL: they are not there yet. Errors (worded).
 */
typedef int core_copy_reader(void *context, uint64_t session, uint64_t id, uint64_t at, struct slice *ret);
void core_set_copies(struct core *core, core_copy_reader *read, void *context);

/* For the log, of the last step: what it refused for want of a right, or whom an administrator's act hit; "":
 * nothing of both. */
const char *core_audit(const struct core *core);

/* The core is one of a cluster's: methods that are about the cluster ask the shell. */
void core_set_in_cluster(struct core *core, bool in_cluster);

uint64_t core_epoch(const struct core *core);

/* How long the session outlives its connection: as asked for when it opened, within the limit. */
int64_t core_grace_ms(const struct core *core, uint64_t session);

/* Puts the map of limits, for WELCOME and server.info. */
void core_put_limits(const struct core *core, struct buf *out);

/* Which of the shell's limits core_put_limits() tells from now on; borrowed, as long as the core lives. They
 * are not the core's state. NULL: those it was made with. */
void core_tell_limits(struct core *core, const struct core_limits *of_shell);

/* Borrowed, as long as the core lives. */
const struct core_limits *core_limits(const struct core *core);

/* Other limits from now on. What is there may be beyond them, and stays. A log does not tell of them: the
 * state does, which must then be saved anew. */
void core_set_limits(struct core *core, const struct core_limits *limits);

/* For a state that was copied: no client of the old takes it for the same. */
void core_set_epoch(struct core *core, uint64_t epoch);

/*
 * Appends the whole state: what core_load() makes a core of that goes on exactly as this one would. Equal
 * histories give equal bytes, whatever the hash key. Takes memory, but changes nothing, and may be called in
 * a child made by fork() between two steps. Errors, out as before: ROOST_ENOMEM.
 */
int core_save(const struct core *core, struct buf *out);

/*
 * A core from such bytes, which are not trusted; of the options only hash_key and logged count. Errors
 * (worded): ROOST_EDAMAGED (what is wrong, and where), ROOST_ENOMEM.
 */
int core_load(const struct core_options *options, struct slice bytes, struct core **ret);

/* The state as a number, equal for equal histories: BLAKE2b of its bytes, without those that only count
 * calls. ROOST_ENOMEM without memory. */
enum { CORE_HASH_LEN = 32 };
int core_hash(const struct core *core, uint8_t ret[CORE_HASH_LEN]);

void effects_init(struct effects *e);
void effects_reset(struct effects *e);
void effects_free(struct effects *e);

#endif
