/*
 * roost/transaction.h: several calls on several objects in one step, or not at all.
 *
 *     roost_transaction *t;
 *     roost_transaction_new(m, &t);
 *     roost_transaction_if_len(t, roost_queue_ref(jobs), roost_nil(), 1);
 *     roost_transaction_call(t, roost_queue_ref(jobs), roost_nil(), "queue.get", NULL, 0);
 *     roost_transaction_call(t, roost_dict_ref(counts), roost_nil(), "dict.incr", &key, 1);
 *     roost_transaction_commit(t, -1, &results);
 *     roost_transaction_free(t);
 *
 * Built here, sent as one call. The server waits until all conditions hold at once, then makes all calls in
 * their order, each seeing what those before it did; when one of them fails, nothing is changed. Nobody sees
 * a part of it, and who waits for one of the objects is served when it is through.
 *
 * `object` is a reference (roost_T_ref()) or an object's name (roost_str()). `path` is an array that leads to
 * what is nested in it (roost/at.h), or nil. Values are copied. A builder is for one thread at a time; it
 * keeps what it was told after a commit, which can be repeated. What was added wrongly fails in the commit,
 * which names the condition or call by its index from 0, the object and the method.
 */
#ifndef ROOST_TRANSACTION_H
#define ROOST_TRANSACTION_H

#include "roost/manager.h"
#include "roost/object.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct roost_transaction roost_transaction;

/* An empty one. *ret is the caller's: roost_transaction_free(). It keeps m's memory. Never blocks. Errors:
 * ROOST_EINVAL, ROOST_ENOMEM. */
ROOST_API int roost_transaction_new(roost_manager *m, roost_transaction **ret);
ROOST_API void roost_transaction_free(roost_transaction *t);

/*
 * Conditions; all must hold at the same time. Never block. Errors: ROOST_EINVAL (NULL), ROOST_ENOMEM.
 *   equals     what stands at path in a dict, list or namespace (path nil: a shared value) equals value
 *   present    something stands at path (in a set: path is an array of the one value)
 *   absent     nothing does
 *   token      the grant with this token of a lock or semaphore still holds
 *   len        a dict, list, set, queue or namespace (or what is at path) has n elements at least
 *   not_empty  a queue has an item
 *   room       a queue has room for n items, and nobody is in line to put
 */
ROOST_API int roost_transaction_if_equals(roost_transaction *t, roost_value object, roost_value path,
                                          roost_value value);
ROOST_API int roost_transaction_if_present(roost_transaction *t, roost_value object, roost_value path);
ROOST_API int roost_transaction_if_absent(roost_transaction *t, roost_value object, roost_value path);
ROOST_API int roost_transaction_if_token(roost_transaction *t, roost_value object, uint64_t token);
ROOST_API int roost_transaction_if_len(roost_transaction *t, roost_value object, roost_value path, int64_t n);
ROOST_API int roost_transaction_if_not_empty(roost_transaction *t, roost_value queue);
ROOST_API int roost_transaction_if_room(roost_transaction *t, roost_value queue, int64_t n);

/*
 * Adds a call: method is "type.method" as in `roost help`. Every method of an object but `open` and those
 * that wait; a queue's put and get do not wait here (ROOST_EFULL, ROOST_EEMPTY), and an item got is the
 * caller's for good. Values in it nest 21 levels at most. Never blocks. Errors: ROOST_EINVAL (NULL),
 * ROOST_ENOMEM.
 */
ROOST_API int roost_transaction_call(roost_transaction *t, roost_value object, roost_value path,
                                     const char *method, const roost_value *args, uint32_t argc);

/*
 * Waits up to timeout_ms until the conditions hold, then makes the calls. *ret (may be NULL) is an array of
 * their results in order, the caller's to free. Errors, all with nothing changed: ROOST_ETIMEDOUT (names the
 * first condition that does not hold), ROOST_EDELETED (an object that a condition names), ROOST_ESHUTDOWN (a
 * condition waits for a queue that was shut down), ROOST_ENOENT, ROOST_ENOMETHOD, ROOST_ETYPE, ROOST_ELIMIT
 * (more than 10000 conditions or calls), and whatever the call that failed returned.
 */
ROOST_API int roost_transaction_commit(roost_transaction *t, int timeout_ms, roost_value *ret);

#ifdef __cplusplus
}
#endif
#endif
