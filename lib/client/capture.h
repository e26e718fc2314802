/*
 * capture.h: between the beginning and the end of a capture the calling thread's next call is not made but
 * handed to whoever began it: roost_async() and roost_batch_add() do so with a proxy's call.
 *
 * A proxy whose call was captured returns CAPTURED, which is no error and no success, so that it goes up
 * through every proxy untouched, whatever the proxy does with results. Called by object.c (takes), async.c
 * and batch.c (begin).
 */
#ifndef ROOST_CLIENT_CAPTURE_H
#define ROOST_CLIENT_CAPTURE_H

#include "client/conn.h"
#include "client/object.h"
#include "roost/batch.h"

enum { CAPTURED = 1 };

struct capture {
    /* Takes a call: of the object o, or (NULL) of the server. Returns ROOST_OK or an error (worded). */
    int (*take)(const struct capture *capture, roost_manager *m, const struct object *o,
                const struct call *call);
    roost_pending **ret; /* roost_async(): where the pending call goes … */
    int timeout_ms;      /* … and how long it may wait for room */
    roost_batch *batch;  /* roost_batch_add() */
    unsigned taken;
};

void roost__capture_begin(struct capture capture);

/* Hands a call over when one is being captured: CAPTURED or an error; ROOST_OK when none is. */
int roost__capture(roost_manager *m, const struct object *o, const struct call *call);

#endif
