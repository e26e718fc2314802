/*
 * pending.h: what is behind a roost_pending: a call of its own memory, and who waits for it.
 *
 * Counted: the user (or the batch) has one reference; from sending to the answer the connection has another,
 * which goes on to the callbacks' thread when there are callbacks. watches, callbacks and the call's end are
 * under the connection's lock; conn never changes once it is sent. Called by async.c and batch.c.
 */
#ifndef ROOST_CLIENT_PENDING_H
#define ROOST_CLIENT_PENDING_H

#include "client/conn.h"
#include "client/object.h"
#include "roost/pending.h"

struct roost_pending {
    struct call call; /* first */
    atomic_uint refs;
    struct roost_manager *manager; /* kept */
    struct conn *conn;             /* NULL: not sent yet */
    struct buf args;               /* encoded; behind the name when they are few, else its own memory */
    size_t size;                   /* what it counts in the window */
    bool small;                    /* all of it is one block of SPARE_SIZE bytes */
    struct list watches;
    struct list callbacks;
    struct callee callee;
    bool delivers;          /* items that are acknowledged when the result is asked for … */
    bool taken;             /* … which was done */
    pthread_mutex_t taking; /* held meanwhile; made when it delivers */
    struct object
        object; /* a copy, for the path and for messages; its name stands behind it, then the arguments */
};

/* A call that is not sent yet, with everything of its own. o NULL: the server's. Errors: ROOST_ENOMEM, and
 * those of encoding. */
int roost__pending_new(roost_manager *m, const struct object *o, const struct call *call,
                       roost_pending **ret);

/* A call of a method by its name, under the thread's guard; *ret borrows the arguments. (async.c) */
int roost__named_call(roost_manager *m, roost_value target, const char *method, const roost_value *args,
                      uint32_t argc, union target *ret_target, struct call *ret);

/* Sends n calls that were not sent before, as room comes; *ret_sent is how many were. */
int roost__pending_send(roost_manager *m, roost_pending *const *all, size_t n, int timeout_ms,
                        size_t *ret_sent);

/* Acknowledges those of n that are done and deliver; afterwards their results are the caller's. */
void roost__pending_take(roost_pending *const *all, size_t n);

#endif
