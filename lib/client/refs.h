/*
 * refs.h: which of the server's objects this program refers to (PROTOCOL.md, section 4).
 *
 * One entry per object: `users` are the handles and received values here that refer to it, `received` how
 * often the server has sent its reference to the present session. The last user queues server.release for all
 * of them; the connection writes what is queued ahead of its next call. Invariant: users > 0 for every entry
 * inside. Called by conn.c (received, queued), object.c (handles) and manager.c (fork). Any thread; never
 * blocks.
 */
#ifndef ROOST_CLIENT_REFS_H
#define ROOST_CLIENT_REFS_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/hmap.h"
#include "roost/value.h"

enum {
    REFS_QUEUED_MAX = 64
}; /* releases that may wait for the next call before they are sent on their own */

struct release {
    uint64_t id;
    uint64_t count;
};

struct refs {
    pthread_mutex_t lock; /* fork.c holds it across fork(), so that a child finds the table whole */
    struct hmap map;      /* of struct ref */
    struct buf queue;     /* of struct release */
    atomic_size_t queued; /* how many releases are in the queue, readable without the lock */
};

void roost__refs_init(struct refs *r);
void roost__refs_destroy(struct refs *r);

/* Counts one user, who received a reference to id from the server. Errors: ROOST_ENOMEM. */
int roost__refs_received(struct refs *r, uint64_t id);

/* Counts one more user of an object already referred to; false when it is not. */
bool roost__refs_share(struct refs *r, uint64_t id);

/* Counts one user less. */
void roost__refs_drop(struct refs *r, uint64_t id);

/* Puts all queued releases as one array [id, count, …] into b and empties the queue. */
void roost__refs_put_releases(struct refs *r, struct buf *b);

/* In a child after fork(), lock held: the new session has received nothing yet. */
void roost__refs_forget_session(struct refs *r);

/* The ids of all entries; *ret is malloc'ed. Errors: ROOST_ENOMEM. */
int roost__refs_ids(struct refs *r, uint64_t **ret, size_t *ret_len);

/* Counts a reference that server.retain gave this session; queues its release when its users are gone by now.
 */
void roost__refs_retained(struct refs *r, uint64_t id);

#endif
