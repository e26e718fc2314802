/*
 * roost/thread.h: threads with the verbs of processes (Python's threading.Thread).
 *
 * There is no way to kill a thread: it ends when its function returns. Handles are thread-safe, except that
 * roost_thread_close() must be the last call on a handle.
 */
#ifndef ROOST_THREAD_H
#define ROOST_THREAD_H

#include <stdbool.h>
#include <sys/types.h>

#include "roost/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct roost_thread roost_thread;

typedef struct roost_thread_options {
    const char *name; /* NULL: "Thread-1", "Thread-2" … Copied. The kernel shows its first 15 bytes. */
    bool daemon;      /* true: the end of the program does not wait for it */
} roost_thread_options;

/*
 * Runs fn(arg) in a new thread. options may be NULL. *ret is the caller's until roost_thread_close().
 * When the program leaves main or calls exit(), threads that are no daemons are waited for, as in Python.
 * Errors: ROOST_EINVAL, ROOST_ENOMEM, ROOST_ESYS.
 */
ROOST_API int roost_thread_start(roost_thread **ret, int (*fn)(void *arg), void *arg,
                                 const roost_thread_options *options);

/* Waits until the thread has ended. Errors: ROOST_ETIMEDOUT, ROOST_EDEADLK (a thread joins itself). */
ROOST_API int roost_thread_join(roost_thread *t, int timeout_ms);

/* True until fn has returned. Never blocks. */
ROOST_API bool roost_thread_is_alive(const roost_thread *t);

/* What fn returned. Errors: ROOST_EBUSY while it runs. */
ROOST_API int roost_thread_exitcode(const roost_thread *t, int *ret);

/* The kernel's thread number, unique while the thread lives. */
ROOST_API pid_t roost_thread_id(const roost_thread *t);

/* The name; with NULL that of the calling thread ("MainThread" when roost did not start it). Borrowed. */
ROOST_API const char *roost_thread_name(const roost_thread *t);

ROOST_API bool roost_thread_is_daemon(const roost_thread *t);

/* *ret becomes a descriptor that polls readable when the thread has ended. The handle's. Errors: ROOST_ESYS.
 */
ROOST_API int roost_thread_sentinel(roost_thread *t, int *ret);

/* Frees the handle of a thread that has ended. NULL is allowed. Errors: ROOST_EBUSY while it runs. */
ROOST_API int roost_thread_close(roost_thread *t);

#ifdef __cplusplus
}
#endif
#endif
