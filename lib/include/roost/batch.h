/*
 * roost/batch.h: many calls in one write, their answers gathered.
 *
 *     roost_batch *b;
 *     roost_batch_new(m, &b);
 *     for (…)
 *         roost_batch_add(b, roost_dict_set(d, key, value));      any proxy function
 *     rc = roost_batch_send(b, &failed, -1);
 *     … roost_batch_result(b, i, &v) …
 *     roost_batch_free(b);
 *
 * The calls are begun in their order, but each on its own: others' calls may come in between, and one that
 * fails does not keep those behind it from being made (roost/transaction.h does all or none). They count in
 * the window of calls under way (roost/pending.h): a larger batch goes in several writes.
 *
 * Arguments are copied; objects they refer to must stay open until the batch is sent. A batch is for one
 * thread at a time, and for the process that sent it.
 */
#ifndef ROOST_BATCH_H
#define ROOST_BATCH_H

#include "roost/pending.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct roost_batch roost_batch;

/* An empty one. *ret is the caller's: roost_batch_free(). Never blocks. Errors: ROOST_EINVAL, ROOST_ENOMEM.
 */
ROOST_API int roost_batch_new(roost_manager *m, roost_batch **ret);

/* Calls under way are not cancelled; their results are dropped. NULL is allowed. */
ROOST_API void roost_batch_free(roost_batch *b);

/* Takes all calls out, sent or not, so that it can be filled anew. */
ROOST_API void roost_batch_clear(roost_batch *b);

/* Adds a call of any method by its name; target, method and args as in roost_call() (roost/call.h). Never
 * blocks. Errors: ROOST_ENOMETHOD, ROOST_ETYPE, ROOST_EINVAL, ROOST_ELIMIT, ROOST_ENOMEM. */
ROOST_API int roost_batch_call(roost_batch *b, roost_value target, const char *method,
                               const roost_value *args, uint32_t argc);

/* The same for a proxy function, with the rules of roost_async() (roost/pending.h). */
#define roost_batch_add(b, call) (roost_batch_begin(b), roost_async_end((call)))
ROOST_API void roost_batch_begin(roost_batch *b);

/* How many calls are in it. */
ROOST_API uint32_t roost_batch_len(const roost_batch *b);

/*
 * Sends what was not sent yet and waits for all answers. *ret_failed (may be NULL) becomes how many calls
 * have failed. After ROOST_ETIMEDOUT it can be called again, to go on. Errors: ROOST_ETIMEDOUT (timeout_ms 0:
 * also ROOST_EFULL, when the window is), ROOST_ELIMIT, ROOST_ENOMEM, and why the connection failed.
 */
ROOST_API int roost_batch_send(roost_batch *b, uint32_t *ret_failed, int timeout_ms);

/* The result of call i, counted from 0, lent by b; its own failure if it failed. Errors: ROOST_EINDEX,
 * ROOST_EBUSY (it has no answer yet). */
ROOST_API int roost_batch_result(roost_batch *b, uint32_t i, roost_value *ret);

#ifdef __cplusplus
}
#endif
#endif
