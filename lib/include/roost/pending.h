/*
 * roost/pending.h: calls that are sent now and answered later.
 *
 *     roost_pending *p;
 *     roost_async(&p, -1, roost_dict_set(d, roost_str("k"), roost_int(1)));      any proxy function
 *     …
 *     rc = roost_pending_result(p, &v, -1);
 *     roost_pending_free(p);
 *
 * A pending call has the verbs of a pool's future (roost/future.h). Its result is what the server answers
 * (`roost help TYPE METHOD`, or PROTOCOL.md), whatever a proxy makes of it: an integer for roost_dict_len(),
 * [token, owner_died] for roost_lock_acquire() (see roost_value_grant()).
 *
 * Calls of a thread are begun in the order in which it makes them. Over a socket the first call after a pause
 * is written at once; those that follow closely are gathered and written together when somebody waits or asks
 * for an answer, makes an ordinary call, closes the manager or ends the process in order (not by _exit()),
 * when 32 or 16 KiB of them are gathered, and else within about a millisecond by a thread of the connection.
 * Who waits reads for all: answers come in while any thread of the process waits for any answer of the
 * manager, or asks roost_pending_done(). At most roost_options.window_calls calls and window_bytes bytes of
 * arguments are under way; one more waits for room. A call survives a broken connection as every other
 * (roost/manager.h). An item from a queue is acknowledged when its result is asked for: if that never
 * happens, it goes back to its queue when the session ends. The server does not take the thread to be blocked
 * while such a call waits, so ROOST_EDEADLK is never its answer.
 *
 * Ownership: a pending call is the caller's, to free; arguments are copied. Threads: any number may use one,
 * but roost_pending_free() must be the caller's last use. After fork() a child cannot wait for what its
 * parent has sent (ROOST_ECONN).
 */
#ifndef ROOST_PENDING_H
#define ROOST_PENDING_H

#include "roost/future.h"
#include "roost/manager.h"
#include "roost/object.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct roost_pending roost_pending;

/*
 * Sends a call of any method by its name; target, method and args as in roost_call() (roost/call.h). Waits up
 * to timeout_ms for room in the window, and while the library reconnects. Errors: ROOST_EFULL (no room, and
 * timeout_ms is 0), ROOST_ETIMEDOUT (no room in time), ROOST_ENOMETHOD, ROOST_ETYPE, ROOST_EINVAL,
 * ROOST_ELIMIT, ROOST_ENOMEM, and why the connection failed.
 */
ROOST_API int roost_call_async(roost_manager *m, roost_value target, const char *method,
                               const roost_value *args, uint32_t argc, roost_pending **ret, int timeout_ms);

/*
 * The same for any proxy function that makes one call and opens nothing: roost_async(&p, -1, CALL) evaluates
 * CALL with its result going to p. CALL's own result parameters are left alone and may be NULL. Nothing in
 * CALL's arguments may call the server. Errors: those above and of CALL; ROOST_EINVAL when CALL makes no
 * call, opens an object or makes several calls.
 */
#define roost_async(ret, timeout_ms, call) (roost_async_begin((ret), (timeout_ms)), roost_async_end((call)))
ROOST_API void roost_async_begin(roost_pending **ret, int timeout_ms);
ROOST_API int roost_async_end(int rc);

/* Gives the caller's hold up. The call is not cancelled, its result is dropped when it comes. NULL is
 * allowed. */
ROOST_API void roost_pending_free(roost_pending *p);

/* Asks the server to give up a call that waits: its result is then ROOST_ECANCELED, or what was on the way
 * already. Does not wait. False when it is done. */
ROOST_API bool roost_pending_cancel(roost_pending *p);

/* Is the answer there, or the connection lost? Takes what has come, but does not wait. */
ROOST_API bool roost_pending_done(roost_pending *p);

/* Waits until p is done, well or not. Errors: ROOST_ETIMEDOUT, ROOST_ECONN (after fork). While the library
 * reconnects it may take longer than timeout_ms. */
ROOST_API int roost_pending_wait(roost_pending *p, int timeout_ms);

/*
 * Waits for the result and lends it: it is p's and lives until roost_pending_free(). ret may be NULL. Errors:
 * ROOST_ETIMEDOUT when it is not there in time (roost_pending_done() is false then); else what the call came
 * to.
 */
ROOST_API int roost_pending_result(roost_pending *p, roost_value *ret, int timeout_ms);

typedef void (*roost_pending_callback)(roost_pending *p, void *arg);

/*
 * Has fn(p, arg) called once p is done: in a thread of the connection, which the first callback starts, one
 * callback at a time (with an event loop: by roost_manager_dispatch()); at once and in the calling thread
 * when p is done already. fn borrows p, which may have been freed by its owner. A callback may make calls and
 * may block, which delays other callbacks; it must return, and must not close the manager. Closing the
 * manager waits until all were called. Errors: ROOST_ENOMEM, ROOST_ESYS, ROOST_ECONN (after fork).
 */
ROOST_API int roost_pending_add_done_callback(roost_pending *p, roost_pending_callback fn, void *arg);

/*
 * Waits for some of n pending calls of one manager; *ret_done, which may be NULL, becomes the number that are
 * done. A cancelled call is no exception. Errors: ROOST_ETIMEDOUT, *ret_done set all the same; ROOST_EINVAL
 * (several managers), ROOST_ENOMEM, ROOST_ECONN.
 */
ROOST_API int roost_pending_wait_many(roost_pending *const *all, size_t n, roost_wait_for what,
                                      size_t *ret_done, int timeout_ms);

/*
 * For event loops: a descriptor that is readable (poll, epoll, select …) when something may have become of
 * pending calls: answers have come, here or by the way of another thread's call, or the connection broke.
 * Then call roost_manager_dispatch(). It is m's and its number stays, also when the library reconnects; not
 * to be read, closed or used after roost_manager_close(); a child after fork() asks for its own. From the
 * first roost_manager_fd() on, the callbacks of pending calls are called by roost_manager_dispatch(), in its
 * thread, and by no thread of the library. May block only in a child that has to connect first. Returns the
 * descriptor (0 or above), or an error: ROOST_EINVAL, ROOST_ESYS, why the connection failed, those of
 * roost_connect().
 */
ROOST_API int roost_manager_fd(roost_manager *m);

/*
 * Takes what has come for pending calls, calls the callbacks of those that are done, and does not wait. When
 * it returns, roost_pending_done() is true of every call whose answer had come, and whatever comes later
 * makes the descriptor readable again. It may be readable for nothing. A broken connection is resumed by the
 * library's own thread (with a lease, as by default on tcp://; one with grace and no lease is resumed here,
 * which takes its time). Any thread; callbacks run in the one that gets to them first. Errors: ROOST_EINVAL
 * (there is no descriptor in this process), and, when the connection has failed for good and every call is
 * done, why.
 */
ROOST_API int roost_manager_dispatch(roost_manager *m);

/* Reads the result of an acquire as a grant. Errors: ROOST_ETYPE. */
ROOST_API int roost_value_grant(roost_value v, roost_grant *ret);

#ifdef __cplusplus
}
#endif
#endif
