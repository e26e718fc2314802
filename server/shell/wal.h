/*
 * wal.h: the store of one server: a log of entries in a folder, and snapshots that bound it.
 *
 * The interface is that of any store: an entry is appended, and its position is committed when it is sure to
 * be there after a crash; entries come back in that order at the next start, behind the newest snapshot. One
 * thread writes: what is pending when the disk is free goes as one batch, with one fdatasync().
 *
 * Files: `lock`; `log-P`, whose first entry has position P, with room taken in advance; `snapshot-P`, the
 * state behind entry P. A batch is written while none before it is in doubt, unless the user relaxed that: so
 * only the end of the last file can be torn, and is cut; everything else that is wrong is damage. Format:
 * FORMAT.md.
 *
 * Invariants: positions begin at 1 and have no gaps; what is committed is never cut. Called by durable.c.
 */
#ifndef ROOST_SHELL_WAL_H
#define ROOST_SHELL_WAL_H

#include "base/buf.h"

struct wal;

enum wal_sync {
    WAL_SYNC_ALWAYS, /* committed: on the disk */
    WAL_SYNC_BATCH,  /* committed: written; on the disk within batch_ms */
    WAL_SYNC_NONE    /* committed: written; on the disk when the system likes */
};

struct wal_options {
    const char *folder; /* made when it is not there */
    enum wal_sync sync;
    int batch_ms;

    void *context;
    /* At the start, from the caller's thread: the newest snapshot, then each entry behind it, in order.
     * Return ROOST_OK, or an error (worded) that ends the start. */
    int (*restore)(void *context, struct slice state);
    int (*replay)(void *context, struct slice entry);
    /* From the writer's thread: everything up to a position is committed. */
    void (*committed)(void *context, uint64_t position);
    /* From the writer's thread: the log cannot be written, and nobody can know what is on the disk. Must end
     * the process. */
    void (*broken)(void *context, const char *why);
};

/* Locks the folder, gives back what is in it and begins to write. Errors (worded): ROOST_EBUSY another server
 * has it; ROOST_EDAMAGED which file, and where; ROOST_ESYS, ROOST_ENOMEM, and those of the callbacks. */
int wal_open(const struct wal_options *options, struct wal **ret);

/* Gives back what is in a folder at rest, and changes nothing there. Errors as wal_open(). */
int wal_read(const struct wal_options *options);

/* Makes a folder (or takes an empty one) for a server to begin with a state. Errors (worded): ROOST_EEXIST,
 * ROOST_ESYS. */
int wal_found(const char *folder, struct slice state);

/* Writes what is pending, and ends. No callback comes any more. NULL is allowed. */
void wal_close(struct wal *w);

/* Is there room on the disk for one more entry of n bytes? False: the disk is full for now. */
bool wal_has_room(struct wal *w, size_t n);

/* Appends an entry; returns its position. Never waits. 0: no memory. What had no room waits for it. */
uint64_t wal_append(struct wal *w, struct slice entry);

/* The position up to which all is committed. */
uint64_t wal_committed(struct wal *w);

/* Bytes of entries, of those read at the start and those appended since. */
uint64_t wal_size(struct wal *w);

/*
 * Writes a snapshot of the state behind entry `position`: under another name first, so that it is there as a
 * whole or not at all. For a child made by fork(): touches nothing but the file. ROOST_OK or ROOST_ESYS.
 */
int wal_write_snapshot(const struct wal *w, uint64_t position, struct slice state);

/* A snapshot of that position is there: removes what is older. From any thread. */
void wal_forget(struct wal *w, uint64_t position);

/* In a child made by fork(): lets go of the folder's lock. */
void wal_forked(struct wal *w);

#endif
