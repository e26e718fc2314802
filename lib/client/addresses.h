/*
 * addresses.h: where the server may be: the URLs that a program gave, and those that servers of a cluster
 * named as their leader's.
 *
 * Invariant: it only grows, and a URL in it lives as long as it: whoever has one may keep it. The lock covers
 * all but `current`, and fork.c holds it across fork(). Belongs to a manager; used by search.c. Any thread;
 * never blocks.
 */
#ifndef ROOST_CLIENT_ADDRESSES_H
#define ROOST_CLIENT_ADDRESSES_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum { ADDRESSES_MAX = 32 };

struct addresses {
    pthread_mutex_t lock;
    char *urls[ADDRESSES_MAX];
    size_t len;
    size_t first;                /* where a search begins */
    const char *_Atomic current; /* the one that served last; NULL: none has yet */
};

void roost__addresses_init(struct addresses *a);
void roost__addresses_destroy(struct addresses *a);

/* Takes one URL or several, with commas between. Errors: ROOST_EINVAL (one is none, or they are too many),
 * ROOST_ENOMEM. */
int roost__addresses_take(struct addresses *a, const char *list);

/*
 * Takes the URL that the server at `from` says its leader has; *ret is its index. False: it is not to be
 * followed. It must be of the same kind as `from`: from TLS nothing leads to a line that others read, and
 * from another host nothing to a socket of this one. From ipc:// and tcp:// the way to a network and to TLS
 * is open.
 */
bool roost__addresses_learn(struct addresses *a, const char *from, const char *url, size_t *ret);

/* The server that serves now says that its leader is there: the next search begins so. */
void roost__addresses_led(struct addresses *a, const char *url);

/* The URL at an index; NULL: there are no more. */
const char *roost__addresses_at(struct addresses *a, size_t index);

size_t roost__addresses_len(struct addresses *a);

/* Where a search begins, and where the next one shall. */
size_t roost__addresses_first(struct addresses *a);
void roost__addresses_begin_at(struct addresses *a, size_t index);

/* The server that served is silent: the next search begins with another one. */
void roost__addresses_pass(struct addresses *a);

/* The server there serves: searches begin there. */
void roost__addresses_serves(struct addresses *a, size_t index);

/* Is one of them beyond this host, as far as a URL says? */
bool roost__addresses_remote(struct addresses *a);

#endif
