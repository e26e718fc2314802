/*
 * roost/pool.h: a pool of worker processes or threads (Python's multiprocessing.Pool and ThreadPool).
 *
 * Processes: roost_pool_new() forks a small keeper process in the calling thread, and the keeper forks all
 * workers, also the later replacements. So every worker is a copy of the program as of roost_pool_new(),
 * taken at a moment you choose: make pools early, before you hold locks or start threads.
 *
 * Nothing hangs. A task that fails, crashes, calls exit() or is killed fails its own future, with an error
 * that says how; its worker is replaced; all other tasks go on, none is lost and none that began runs again
 * (unless you ask for retries). Workers ignore SIGINT and end with their parent, however it dies.
 * In a pool of threads a task that crashes or calls exit() takes the program with it, as anywhere in C.
 *
 * Handles are thread-safe, except that roost_pool_free() must be the last call. A forked child cannot use its
 * parent's pool (ROOST_EINVAL).
 */
#ifndef ROOST_POOL_H
#define ROOST_POOL_H

#include <sys/types.h>

#include "roost/future.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct roost_pool roost_pool;

/*
 * A task. args is an array: the arguments are args->as.items[0] and so on; they are the pool's and go when
 * the task returns. *result is nil beforehand. The task may set it to
 *   - a value that borrows memory which outlives the call (or the arguments' memory); or
 *   - a value that owns its memory (from roost_value_copy(), a proxy, …): it becomes the pool's.
 * Never to a local array or buffer: copy that with roost_value_copy(). A nonzero return is a failure; its
 * message is that of the last roost call that failed in the task, such as `return roost_task_fail(…)`.
 */
typedef int (*roost_task)(const roost_value *args, roost_value *result);

/* Words the calling task's failure; returns ROOST_ETASK. */
ROOST_API int roost_task_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * An input for imap: stores the next item and returns 0, or ROOST_EEMPTY after the last, or another negative
 * code, which ends the input with that error. What it stores must live until the next call.
 */
typedef int (*roost_source)(void *arg, roost_value *ret);

typedef struct roost_pool_options {
    int size;                      /* workers; 0: roost_cpu_count(). At most ROOST_POOL_SIZE_MAX. */
    bool threads;                  /* workers are threads instead of processes */
    int (*initializer)(void *arg); /* runs first in each worker; nonzero breaks the pool: all tasks fail */
    void *initializer_arg;         /* given to initializer */
    int max_tasks;                 /* replace a worker after so many tasks (chunks, as in Python); 0: never */
    int retries;                   /* run a task that failed again, so many times */
    int time_limit_ms;             /* kill the worker of a task that runs longer; 0: no limit */
    FILE *progress;                /* map and imap show their progress here (see progress.h); NULL: not */
    FILE *timeline;                /* Chrome trace JSON of all tasks goes here; NULL: not (see profile.h) */
    FILE *profile;                 /* a table of hits and times per task, at the end; NULL: not */
} roost_pool_options;              /* max_tasks and time_limit_ms need processes; streams stay yours, until
                                      the pool was joined or freed */

enum {
    ROOST_POOL_SIZE_MAX = 1024,
    ROOST_PAYLOAD_MAX = 256 << 20 /* bytes of one chunk's arguments, or of one result, encoded */
};

/* Starts the workers. options may be NULL. Errors: ROOST_EINVAL, ROOST_ENOMEM, ROOST_ESYS. */
ROOST_API int roost_pool_new(const roost_pool_options *options, roost_pool **ret);

/* ---- one task ---- */

/* Runs task(args) in a worker and waits; *ret is the caller's. Errors: see future.h; ROOST_ECLOSED. */
ROOST_API int roost_pool_apply(roost_pool *p, roost_task task, roost_value args, roost_value *ret,
                               int timeout_ms);

/* What to call when an asynchronous job is done: one of the two, in the pool's callback thread. */
typedef struct roost_callbacks {
    roost_done_callback on_result; /* it succeeded; may be NULL */
    roost_done_callback on_error;  /* it failed; may be NULL */
    void *arg;
} roost_callbacks;

/*
 * Queues task(args); args is copied. callbacks may be NULL. *ret is the caller's until roost_future_free();
 * with ret NULL nobody wants the future. Never blocks for a worker.
 * Errors: ROOST_ECLOSED, ROOST_EINVAL (args is no array), ROOST_ELIMIT, ROOST_ENOMEM; ROOST_EDIED after the
 * pool broke, because its initializer failed.
 */
ROOST_API int roost_pool_apply_async(roost_pool *p, roost_task task, roost_value args,
                                     const roost_callbacks *callbacks, roost_future **ret);

/* ---- a whole array ---- */

/*
 * Runs task once per item of the array `items` and waits for the array of results. map gives each task its
 * item as the one argument; with starmap an item is an array, the task's arguments. chunk: items that travel
 * together, 0 as Python computes it: ceil(n / (4 * size)). Errors: as roost_future_result().
 */
ROOST_API int roost_pool_map(roost_pool *p, roost_task task, roost_value items, uint32_t chunk,
                             roost_value *ret, int timeout_ms);
ROOST_API int roost_pool_starmap(roost_pool *p, roost_task task, roost_value items, uint32_t chunk,
                                 roost_value *ret, int timeout_ms);

/* The same without waiting; arguments and errors as roost_pool_apply_async(). */
ROOST_API int roost_pool_map_async(roost_pool *p, roost_task task, roost_value items, uint32_t chunk,
                                   const roost_callbacks *callbacks, roost_future **ret);
ROOST_API int roost_pool_starmap_async(roost_pool *p, roost_task task, roost_value items, uint32_t chunk,
                                       const roost_callbacks *callbacks, roost_future **ret);

/* ---- a stream ---- */

/* Results one by one. Not thread-safe: one thread at a time. */
typedef struct roost_iter roost_iter;

typedef struct roost_imap_options {
    uint32_t chunk; /* items that travel together; 0: 1 */
    uint32_t
        window; /* inputs taken but not yet delivered, at most; 0: 256 per worker; rounded up to a chunk */
    bool unordered; /* deliver in the order of finishing */
    bool star;      /* an item is an array, the task's arguments */
    int total;      /* for the progress display; 0: unknown */
} roost_imap_options;

/*
 * Runs task for every item that source yields, and delivers the results in order. Lazy: source is called
 * from roost_pool_imap() and roost_iter_next() only, in their thread, and never further than the window
 * ahead, so memory is bounded whatever the length. options may be NULL. Errors: ROOST_ECLOSED, ROOST_ENOMEM.
 */
ROOST_API int roost_pool_imap(roost_pool *p, roost_task task, roost_source source, void *arg,
                              const roost_imap_options *options, roost_iter **ret);

/* The same over an array, which must live as long as the iterator. */
ROOST_API int roost_pool_imap_array(roost_pool *p, roost_task task, roost_value items,
                                    const roost_imap_options *options, roost_iter **ret);

/*
 * The next result, the caller's. Errors: ROOST_EEMPTY after the last; ROOST_ETIMEDOUT when it is not there in
 * time (ask again); else the failure of that item or of the source, and the next call goes on behind it.
 */
ROOST_API int roost_iter_next(roost_iter *it, roost_value *ret, int timeout_ms);

/* Cancels what is still pending, drops the rest. NULL is allowed. Before roost_pool_free(). */
ROOST_API void roost_iter_free(roost_iter *it);

/* ---- the end ---- */

/* No more tasks: later submissions get ROOST_ECLOSED; workers end when all is done. Never blocks. Idempotent.
 */
ROOST_API int roost_pool_close(roost_pool *p);

/*
 * No more tasks, and those not done fail with ROOST_ECANCELED; worker processes are killed, threads end after
 * their present item. Worker processes are gone on return. Idempotent.
 */
ROOST_API int roost_pool_terminate(roost_pool *p);

/*
 * Waits until the workers of a closed or terminated pool are gone, all tasks done and their callbacks called.
 * Errors: ROOST_EINVAL when the pool is open, ROOST_ETIMEDOUT, ROOST_EDEADLK when a callback or a thread
 * worker calls it, or the thread whose own imap iterator still has input to give.
 */
ROOST_API int roost_pool_join(roost_pool *p, int timeout_ms);

/* Terminates what was not joined, and frees. A task in a thread is waited for. NULL is allowed. */
ROOST_API void roost_pool_free(roost_pool *p);

/* ---- looking ---- */

typedef struct roost_pool_stats {
    uint64_t submitted; /* items */
    uint64_t finished;  /* items, well or not */
    uint64_t replaced;  /* workers that were replaced, for whatever reason */
    int size;
} roost_pool_stats;

ROOST_API void roost_pool_stat(roost_pool *p, roost_pool_stats *ret);

/* The process numbers of the workers alive, at most n; returns how many. 0 in a pool of threads. */
ROOST_API int roost_pool_pids(roost_pool *p, pid_t *pids, int n);

#ifdef __cplusplus
}
#endif
#endif
