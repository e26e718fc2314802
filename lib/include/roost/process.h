/*
 * roost/process.h: child processes that run a function (Python's multiprocessing.Process, method "fork").
 *
 * A child is a copy of its parent as of the moment of the start: it may use everything it finds in memory,
 * and changes nothing in the parent. Only the starting thread exists in the child; a lock that another thread
 * of yours held at that moment stays locked there for ever, so take none in the child that others may hold.
 * Handles are thread-safe, except that roost_process_close() must be the last call on a handle. Only the
 * process that started a child may use its handle (others get ROOST_EINVAL).
 */
#ifndef ROOST_PROCESS_H
#define ROOST_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "roost/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct roost_process roost_process;

typedef struct roost_process_options {
    const char *name;     /* NULL: "Process-1", "Process-2" … Copied. */
    bool daemon;          /* true: gets SIGTERM when the program ends; false: the end waits for it */
    bool die_with_parent; /* true: gets SIGKILL when the parent dies, however it dies */
} roost_process_options;

/*
 * Runs fn(arg) in a new process; what fn returns (its low 8 bits) is the exit code. options may be NULL.
 * *ret is the caller's until roost_process_close(). stdout and stderr are flushed before and, in the child,
 * after fn; the child then ends by _exit(), without atexit handlers. Children that ended unwaited are reaped.
 * When the program leaves main or calls exit(), daemons get SIGTERM and all children are waited for.
 * Errors: ROOST_EINVAL, ROOST_ENOMEM, ROOST_ESYS.
 */
ROOST_API int roost_process_start(roost_process **ret, int (*fn)(void *arg), void *arg,
                                  const roost_process_options *options);

/* Waits until the process has ended, and reaps it. Errors: ROOST_ETIMEDOUT, ROOST_EINVAL. */
ROOST_API int roost_process_join(roost_process *p, int timeout_ms);

/* True until the process has ended. Never blocks. */
ROOST_API bool roost_process_is_alive(roost_process *p);

/*
 * The exit code: 0…255, or the negative number of the signal that killed the process.
 * Errors: ROOST_EBUSY while it runs; ROOST_ESYS when the program's own wait() took the status away.
 */
ROOST_API int roost_process_exitcode(roost_process *p, int *ret);

ROOST_API pid_t roost_process_pid(const roost_process *p);

/* The name; with NULL that of the calling process ("MainProcess" when roost did not start it). Borrowed. */
ROOST_API const char *roost_process_name(const roost_process *p);

ROOST_API bool roost_process_is_daemon(const roost_process *p);

/*
 * Sends SIGTERM / SIGKILL / SIGINT. A process that has ended gets nothing, and that is no error: a number
 * that was given to another process meanwhile is never hit. Errors: ROOST_ESYS, ROOST_EINVAL.
 */
ROOST_API int roost_process_terminate(roost_process *p);
ROOST_API int roost_process_kill(roost_process *p);
ROOST_API int roost_process_interrupt(roost_process *p);

/* A descriptor that polls readable when the process has ended. The handle's: do not close or read it. */
ROOST_API int roost_process_sentinel(const roost_process *p);

/* Frees the handle of a process that has ended. NULL is allowed. Errors: ROOST_EBUSY while it runs. */
ROOST_API int roost_process_close(roost_process *p);

/* How many children started here still run; reaps the others. Never blocks. */
ROOST_API int roost_active_children(void);

/*
 * In a child: a descriptor that polls readable when the parent has died; roost's: do not close it.
 * -1 in a process that roost did not start.
 */
ROOST_API int roost_parent_sentinel(void);

/* In a child: is the parent still there? True in a process that roost did not start. Never blocks. */
ROOST_API bool roost_parent_is_alive(void);

/* The processors this process may use, at least 1: the default size of pools. */
ROOST_API int roost_cpu_count(void);

#ifdef __cplusplus
}
#endif
#endif
