/*
 * roost/object.h: what all handles have in common.
 *
 * For each type T (dict, list, queue, lock …) there are:
 * - roost_T_new(m, …, &h): a new anonymous object, which lives while somebody refers to it.
 * - roost_T_open(m, name, …, &h): the object of that name, or a new one with it, which then lives until it is
 * deleted. Parameters given must agree with an existing object's. Errors: ROOST_EEXIST.
 * - roost_T_from(m, ref, &h): the object behind a reference that was received, or made by roost_T_ref().
 * Errors: ROOST_ETYPE (no reference to a T), ROOST_ENOENT.
 * - roost_T_ref(h): a reference to store in a dict, list, queue …; good while h is open. Never blocks.
 * - roost_T_close(h): gives the handle back. NULL is allowed. Does not wait for the server.
 * - roost_T_METHOD(h, …): one call of the server each.
 *
 * Ownership. Handles are the caller's, to close. Arguments are borrowed during the call. A roost_value
 * received must be freed with roost_value_free(). Every `ret` of a method may be NULL when the result does
 * not matter.
 *
 * Threads. A handle may be used by any number of threads at once; it must not be closed while another is in a
 * call on it. Handles work in children after fork() (roost/manager.h); a child closes its own copies.
 *
 * Blocking. Every call waits for the server's answer. Methods that may wait longer, for an item, a lock or a
 * signal, have `int timeout_ms` as their last parameter, in milliseconds: -1 waits for ever, 0 does not wait.
 *
 * Errors every call may return: ROOST_EINVAL (NULL handle, bad argument), ROOST_ENOENT and ROOST_EDELETED
 * (the object was deleted), ROOST_ECONN, ROOST_ESESSION and ROOST_EEPOCH (the session is over: manager.h),
 * ROOST_ECANCELED (roost_cancel()), ROOST_ECLOSED (the manager was closed), ROOST_EPROTO, ROOST_ELIMIT, and
 * ROOST_ENOMEM: for want of memory at the server, then nothing was changed; or in this process, then the call
 * may have taken effect, and only its result found no room. The headers name the others.
 */
#ifndef ROOST_OBJECT_H
#define ROOST_OBJECT_H

#include "roost/value.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An optional number left out, as None in Python: a slice's start, stop or step, a count that means "the
 * rest". */
#define ROOST_NONE INT64_MIN

/* What comes with a lock or a permit. */
typedef struct roost_grant {
    uint64_t token;  /* the fencing token: rises with every grant of the server */
    bool owner_died; /* the holder before ended without giving the lock back: what it guards may be half
                        changed */
} roost_grant;

/* Options of the roost_T_acquire_with() functions. {0} or NULL: as without options. */
typedef struct roost_acquire_options {
    int64_t ttl_ms; /* the grant ends by itself after so many ms, as if its holder had died; 0: never */
} roost_acquire_options;

#ifdef __cplusplus
}
#endif
#endif
