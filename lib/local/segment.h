/*
 * segment.h: a piece of memory that processes share, with or without a name.
 *
 * Without a name it is an anonymous shared mapping: forked children have it too. With a name it is System V
 * shared memory that is marked for destruction before anybody can find it: the kernel frees it when the last
 * process that has it attached detaches or dies, however it dies (shmctl(2): Linux lets processes attach to a
 * marked segment). Nothing lies in a file system, nobody cleans up. A name is found by looking through the
 * caller's marked segments.
 *
 * Invariant: a segment that can be found is complete. Creating one is guarded by its key (a hash of the
 * name): who has made the key creates, everybody else waits; a creator that died is noticed. Called by every
 * object here.
 */
#ifndef ROOST_LOCAL_SEGMENT_H
#define ROOST_LOCAL_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "roost/error.h"

enum { SEGMENT_NAME_MAX = 127 };

/* What an object in a segment is. The number is part of the layout. */
enum local_type {
    LOCAL_LOCK = 1,
    LOCAL_RLOCK,
    LOCAL_SEMAPHORE,
    LOCAL_BOUNDED_SEMAPHORE,
    LOCAL_CONDITION,
    LOCAL_EVENT,
    LOCAL_BARRIER,
    LOCAL_VALUE,
    LOCAL_ARRAY,
    LOCAL_QUEUE
};

/* Every segment begins with it. */
struct segment_head {
    uint64_t magic;
    uint64_t pid_namespace; /* ids of processes mean something only in one */
    uint32_t type;
    char name[SEGMENT_NAME_MAX + 1]; /* "": anonymous */
};

/* One process' view of it. */
struct segment {
    struct segment_head *head;
    size_t size;
};

/* What a new segment is to be. */
struct segment_plan {
    const char *name; /* NULL: anonymous */
    enum local_type type;
    size_t size;                                           /* with the head */
    void (*init)(struct segment_head *head, const void *); /* fills the zeroed memory behind the head */
    const void *arg;                                       /* init's */
};

/*
 * Attaches the segment of that name, or creates it. *ret_found (may be NULL) says which. Errors (worded):
 * ROOST_EINVAL a bad name, ROOST_EEXIST the name is of another type or another pid namespace, ROOST_ENOMEM,
 * ROOST_ESYS.
 */
int roost__segment_open(const struct segment_plan *plan, struct segment *ret, bool *ret_found);

void roost__segment_close(struct segment *s);

/* Stores an error as: local queue "jobs": put: <text>. Returns code. */
int roost__local_fail(const struct segment *s, const char *verb, int code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Puts "local queue "jobs": put: " before the thread's stored error; returns its code. */
int roost__local_fail_at(const struct segment *s, const char *verb);

/* ROOST_ETIMEDOUT in words. */
int roost__local_timeout(const struct segment *s, const char *verb, int timeout_ms);

/* Opens the object of a handle that begins with its struct segment: allocates the handle (zeroed), attaches,
 * and stores it in *ret. Errors: as roost__segment_open(). */
int roost__local_open(const struct segment_plan *plan, size_t handle_size, void *ret, bool *ret_found);

/* Closes and frees it; NULL is allowed. */
void roost__local_close(void *handle);

#endif
