/*
 * batch.c: many calls in one write; see roost/batch.h.
 *
 * Invariant: the first `sent` of the calls were sent, the rest were not.
 */
#include "roost/batch.h"

#include <stdlib.h>

#include "base/error.h"
#include "client/capture.h"
#include "client/clock.h"
#include "client/manager.h"
#include "client/pending.h"

struct roost_batch {
    struct roost_manager *manager; /* kept */
    roost_pending **calls;
    uint32_t len, cap;
    size_t sent;
};

int roost_batch_new(roost_manager *m, roost_batch **ret)
{
    if (m == NULL || ret == NULL)
        return roost__fail(ROOST_EINVAL, "batch: the manager or the result is NULL");
    roost_batch *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for a batch");
    b->manager = m;
    roost__manager_keep(m);
    *ret = b;
    return ROOST_OK;
}

void roost_batch_clear(roost_batch *b)
{
    if (b == NULL)
        return;
    for (uint32_t i = 0; i < b->len; i++)
        roost_pending_free(b->calls[i]);
    b->len = 0;
    b->sent = 0;
}

void roost_batch_free(roost_batch *b)
{
    if (b == NULL)
        return;
    roost_batch_clear(b);
    free(b->calls);
    roost__manager_drop(b->manager);
    free(b);
}

uint32_t roost_batch_len(const roost_batch *b)
{
    return b != NULL ? b->len : 0;
}

static int add(roost_batch *b, const struct object *o, const struct call *call)
{
    if (b->len == b->cap) {
        uint32_t cap = b->cap * 2 + 16;
        roost_pending **grown = reallocarray(b->calls, cap, sizeof(*grown));
        if (grown == NULL)
            return roost__fail(ROOST_ENOMEM, "no memory for a batch");
        b->calls = grown;
        b->cap = cap;
    }
    int rc = roost__pending_new(b->manager, o, call, &b->calls[b->len]);
    b->len += rc == ROOST_OK;
    return rc;
}

int roost_batch_call(roost_batch *b, roost_value target, const char *method, const roost_value *args,
                     uint32_t argc)
{
    union target to;
    struct call call;
    if (b == NULL)
        return roost__fail(ROOST_EINVAL, "batch: the handle is NULL");
    int rc = roost__named_call(b->manager, target, method, args, argc, &to, &call);
    return rc == ROOST_OK ? add(b, to.object.manager != NULL ? &to.object : NULL, &call) : rc;
}

static int take(const struct capture *capture, roost_manager *m, const struct object *o,
                const struct call *call)
{
    if (capture->batch == NULL)
        return roost__fail(ROOST_EINVAL, "batch: the handle is NULL");
    if (m != capture->batch->manager)
        return roost__fail(ROOST_EINVAL, "batch: the call is for another manager");
    return add(capture->batch, o, call);
}

void roost_batch_begin(roost_batch *b)
{
    roost__capture_begin((struct capture){.take = take, .batch = b});
}

int roost_batch_send(roost_batch *b, uint32_t *ret_failed, int timeout_ms)
{
    if (b == NULL)
        return roost__fail(ROOST_EINVAL, "batch: the handle is NULL");
    int64_t deadline = roost__clock_deadline(timeout_ms);
    size_t sent;
    int rc = roost__pending_send(b->manager, b->calls + b->sent, b->len - b->sent, timeout_ms, &sent);
    b->sent += sent;
    for (uint32_t i = 0; i < b->sent && rc == ROOST_OK; i++)
        rc = roost_pending_wait(b->calls[i], roost__clock_left(deadline));
    if (rc != ROOST_OK)
        return rc;
    roost__pending_take(b->calls, b->len);
    uint32_t failed = 0;
    for (uint32_t i = 0; i < b->len; i++)
        failed += b->calls[i]->call.code != ROOST_OK;
    if (ret_failed != NULL)
        *ret_failed = failed;
    return ROOST_OK;
}

int roost_batch_result(roost_batch *b, uint32_t i, roost_value *ret)
{
    if (b == NULL || i >= b->len)
        return roost__fail(ROOST_EINDEX, "batch: there is no call %u", i);
    if (i >= b->sent || !b->calls[i]->call.done)
        return roost__fail(ROOST_EBUSY, "batch: call %u has no answer yet", i);
    return roost_pending_result(b->calls[i], ret, 0);
}
