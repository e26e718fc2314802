/*
 * replica.h: the core as a replicated state machine: what stands between a core and a log of entries that
 * several servers agree on. It knows nothing of how they agree.
 *
 * The leader has its core take each event at once, ahead of the log, and puts it into the entry under
 * construction; the entry is proposed, and when the log gives it back, its events are skipped: the core has
 * them. All others step what the log gives them. An event is told from all others by its origin (a life of a
 * replica) and its number in it. What reads only (core_only_reads()) is in no entry, and leaves nothing
 * behind: replicas that have applied the same entries, and nothing ahead of them, have equal core_hash()es.
 *
 * Who was ahead of the log and leads no more cannot know what became of its events: it is reset, and rebuilt
 * from a snapshot and the log, under another origin. A snapshot says up to which event of one origin its core
 * is, so that a leader may save the core that it has, ahead of the log; it must be published only when all
 * its events were applied (replica_applied()).
 *
 * Invariants: applied <= number; the entries of one origin come in the order of their events, with none
 * missing. An entry that breaks this, or is none, is ROOST_EDAMAGED: the server must stop, it cannot know its
 * state. One thread at a time. Called by the cluster's store and by the simulator.
 */
#ifndef ROOST_SHELL_REPLICA_H
#define ROOST_SHELL_REPLICA_H

#include "core/core.h"

/* An event of the log: whose it was, and the how manieth of his. */
struct replica_mark {
    uint64_t origin;
    uint64_t number;
};

struct replica {
    struct core *core; /* NULL until the log has brought one */
    struct core_options options;
    uint64_t origin;
    uint64_t number;            /* of its own events: the core has taken so many */
    uint64_t applied;           /* … and so many of them came back from the log */
    struct replica_mark others; /* the last event of another origin that the core has */
    struct buf entry;           /* under construction; its first bytes are room for the header */
    uint32_t count;             /* events in it */
    bool broken;
    struct buf event;
    struct effects unread;
};

/*
 * An empty replica. options: of every core it will have (limits, if given, and hash_key; `logged` is set);
 * their limits are borrowed as long as it lives. origin: random, so that no other life of a replica has it.
 */
void replica_init(struct replica *r, const struct core_options *options, uint64_t origin);
void replica_free(struct replica *r);

/* Forgets the core and what is under construction, and takes another origin: the log is told again, from its
 * last snapshot on. */
void replica_reset(struct replica *r);

/* ---- who leads ---- */

/*
 * The entry that is the beginning of a cluster's log: a new core, of the options (their time and epoch). The
 * replica takes it, as all do, when the log brings it; of several only the first counts. Errors:
 * ROOST_ENOMEM.
 */
int replica_first_entry(const struct core_options *options, struct buf *out);

/*
 * Has the core take an event at once, as core_step(); unless it only reads or was refused it is in the entry
 * under construction. Another error than core_step()'s of which effects tell nobody: ROOST_ENOMEM and
 * replica_broken(): the core may have gone another way than those of others will; it is of no use any more.
 */
int replica_step(struct replica *r, const struct event *event, struct effects *effects);

/* Memory was missing where others may have it: reset it, and lead no more. */
bool replica_broken(const struct replica *r);

/* Bytes of the entry under construction; 0: there is none. */
size_t replica_entry_len(const struct replica *r);

/* Ends it: its bytes go to an empty buffer, which owns them, padded to a multiple of 8; it has the events up
 * to r->number. */
void replica_take_entry(struct replica *r, struct buf *out);

/* ---- everybody ---- */

/*
 * The next entry of the log. Errors (worded): ROOST_EDAMAGED, ROOST_ENOMEM; the replica must then be reset or
 * the server stopped.
 */
int replica_apply(struct replica *r, struct slice entry);

/* Its own events that the log has brought back: all up to this number are committed. */
uint64_t replica_applied(const struct replica *r);

/* The core has taken events that the log has not brought back yet. */
bool replica_is_ahead(const struct replica *r);

/* Appends a snapshot: the core as it is and up to which event it is; r->core must be there. May be called in
 * a child made by fork(). Errors, out as before: ROOST_ENOMEM. */
int replica_save(const struct replica *r, struct buf *out);

/* Becomes what a snapshot says, which is not trusted, under another origin. Errors (worded), with the core as
 * before: ROOST_EDAMAGED, ROOST_ENOMEM. */
int replica_restore(struct replica *r, struct slice snapshot);

#endif
