/*
 * save.h: the state as bytes: the words of the format (FORMAT.md), and who writes and reads which part.
 *
 * Invariants: equal states give equal bytes, whatever their addresses, capacities and hash keys; what a
 * loader accepts of this version, saves as the very bytes it was loaded from. A loader that has met a fault
 * reads zeros and empty runs from then on, so that its callers may ask once, at the end; no number that it
 * gives is trusted before it is compared with what is there. Called by core.h's core_save() and core_load().
 */
#ifndef ROOST_CORE_SAVE_H
#define ROOST_CORE_SAVE_H

#include "core/cells.h"
#include "core/keymap.h"

#define SAVE_MAGIC "roostcor"
enum { SAVE_MAGIC_LEN = 8, SAVE_HEADER = 24 /* magic, version, length, checksum */ };

/* What is written, and the oldest that is read: FORMAT.md says what differs. */
enum { SAVE_VERSION = 2, SAVE_OLDEST = 1 };

/* The checksum of a header and the n bytes behind it, for the version it says. */
uint32_t save_sum(const uint8_t *header, size_t n);

/* ---- out: as everywhere with a buffer, ask out->failed at the end ---- */

void save_uint(struct buf *out, uint64_t v);
void save_int(struct buf *out, int64_t v);
void save_bytes(struct buf *out, struct slice bytes);

/* ---- in ---- */

struct loader {
    struct core *core;
    const uint8_t *begin, *at, *end;
    uint32_t version;
    int code; /* ROOST_OK, ROOST_ENOMEM, ROOST_EDAMAGED */
    const char *why;
    const uint8_t *where;  /* the fault was met */
    struct hold **holds;   /* by number, in the order of their objects */
    size_t hold_len;       /* … read so far */
    struct waiter **waits; /* by number, in the order of their sessions; theirs to free until waits_link() */
    size_t wait_len;
    struct object nobody;      /* stands for the owner of values on their way */
    struct core_limits limits; /* the core's, as soon as all is loaded: what is there may be beyond them */
};

/* Notes the first fault. */
void load_bad(struct loader *l, const char *why);
void load_no_memory(struct loader *l);
static inline bool load_good(const struct loader *l)
{
    return l->code == ROOST_OK;
}

uint64_t load_uint(struct loader *l);
int64_t load_int(struct loader *l);
bool load_bool(struct loader *l);
/* A moment that has been, and one to come (INT64_MAX: never). */
int64_t load_past(struct loader *l);
int64_t load_future(struct loader *l);
/* A number of things to come, each of which takes a byte at least. */
size_t load_count(struct loader *l);
/* At most max bytes, borrowed from the input. */
struct slice load_bytes(struct loader *l, size_t max);
/* One well-formed value. len 0: a fault, or (empty allowed) none. */
struct slice load_value(struct loader *l, bool may_be_empty);
struct session *load_session(struct loader *l);
struct object *load_object(struct loader *l);

/* ---- limits.c ---- */

extern const struct core_limits core_limits_widest;
void save_limits(const struct core *core, struct buf *out);
void load_limits(struct loader *l);

/* ---- values: save_value.c ---- */

void save_cell(struct buf *out, const struct cell *c);
/* On behalf of owner; false: a fault, and the cell is empty. */
bool load_cell(struct loader *l, struct object *owner, struct cell *ret);
/* All of a vector; into an empty one. */
void save_cells(struct buf *out, const struct cells *v);
void load_cells(struct loader *l, struct object *owner, struct cells *v, unsigned depth);
void save_keymap(struct buf *out, const struct keymap *m);
/* Fills an empty map in o. With or without values; depth: levels of trees around it. */
void load_keymap(struct loader *l, struct object *o, struct keymap *m, bool values, unsigned depth);

/* Slots of struct type. */
void save_keyed(const struct object *o, struct buf *out);
void load_keyed(struct loader *l, struct object *o);

/* ---- sessions: session.c, kept.c, rights.c, save_session.c ---- */

void save_session_refs(const struct session *s, struct buf *out);
void load_session_refs(struct loader *l, struct session *s);
void save_rights(const struct session *s, struct buf *out);
void load_rights(struct loader *l, struct session *s);
void save_kept(const struct session *s, struct buf *out);
void load_kept(struct loader *l, struct session *s);
void save_sessions(const struct core *core, struct buf *out);
void load_sessions(struct loader *l);

/* ---- time: save_session.c ---- */

/* A deadline that is set, or none. */
void save_deadline(struct buf *out, const struct deadline *d);
void load_deadline(struct loader *l, struct deadline *d);
/* A time to live, or none. Of an object, or an entry of a map in it. */
void save_expiry(struct buf *out, const struct expiry *x);
struct expiry *load_expiry(struct loader *l, struct object *o, struct keymap *m, const struct entry *e);

/* ---- who holds: save_hold.c ---- */

void save_holds(const struct core *core, struct buf *out);
void load_holds(struct loader *l);
/* What a hold is that nobody has: in a waiter's place. NULL: none. */
void save_promise(struct buf *out, const struct hold *h);
struct hold *load_promise(struct loader *l);

/* ---- who waits: save_wait.c ---- */

void save_waits(const struct core *core, struct buf *out);
void load_waits(struct loader *l);
/* Frees waiters that are nobody's yet. */
void loader_discard(struct loader *l);

/* ---- items on their way: delivery.c ---- */

void save_deliveries(const struct core *core, struct buf *out);
void load_deliveries(struct loader *l);

/* ---- transact.c ---- */

void save_transaction(struct buf *out, const struct transaction *t);
/* Of a waiter of server.transact. */
void load_transaction(struct loader *l, struct waiter *w);
/* It stands in line now: sees to what it watches. */
void watch_transaction(struct loader *l, struct transaction *t);

/* ---- keyed_lock.c ---- */

/* The slot of a key in o, or NULL. */
struct slot *load_slot(struct loader *l, struct object *o);
struct line *slot_line(struct slot *slot);
/* Gives a slot that nobody holds its hold. False: somebody does. */
bool slot_give(struct slot *slot, struct hold *h);

#endif
