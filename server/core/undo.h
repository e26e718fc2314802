/*
 * undo.h: how a transaction takes its changes back.
 *
 * While a transaction runs its calls, core->undo is set. Then whoever changes an object in place logs, before
 * or right after the change, a step that takes it back; nothing that could come back is freed; and nobody who
 * waits is served: what a change means for them is noted (undo_wake) and done when the transaction is
 * through. Outside of transactions all of this costs one comparison.
 *
 * Rules that make taking back certain:
 * - Steps are taken back in the reverse order, so each finds its container exactly as it left it: a place in
 * a list and an index are still good.
 * - Taking back needs no memory: tables and rings keep the size they had (roost__hmap_take(), cells_take()),
 * heaps never shrink.
 * - A step that cannot be logged for want of memory marks the transaction as failed, and its change is not
 * made (or made and at once taken back): whatever the call answers, everything is then taken back.
 *
 * Called by keymap.c, list.c and the files of the object types (log), transact.c (begin, end).
 */
#ifndef ROOST_CORE_UNDO_H
#define ROOST_CORE_UNDO_H

#include "core/internal.h"

struct step {
    void (*back)(struct core *core, struct step *s); /* takes the change back */
    void (*keep)(struct core *core,
                 struct step *s); /* the change stays: frees what it displaced. NULL: nothing */
    void *where;
    void *what;
    void *next;
    size_t at, len;
    struct cell cell;
    struct object *account; /* whose bytes it is about */
};

typedef void wake(struct core *core, struct object *o);

struct undo {
    struct step *steps;
    size_t len, cap;
    struct {
        struct object *object;
        wake *serve;
    } * wakes;
    size_t wake_len, wake_cap;
    bool failed;
};

/* True when the step is logged. False: no memory, the transaction has failed. Only while core->undo is set.
 */
bool undo_log(struct core *core, struct step s);

/* Logs n bytes at p that are about to be overwritten. True also when there is nothing to log. */
bool undo_bytes(struct core *core, void *p, size_t n);

/* Serves those who wait for o: now, or when the transaction is through. */
void undo_wake(struct core *core, struct object *o, wake *serve);

/* Several changes that are to happen all or not at all, in a transaction or outside of one: `mine` is the log
 * where there is none. */
void undo_begin(struct core *core, struct undo *mine);
void undo_end(struct core *core, struct undo *mine, bool keep);

/* Ends the log: takes all back, or keeps it and serves who waits; core->undo is NULL again. */
void undo_roll_back(struct core *core);
void undo_commit(struct core *core);

#endif
