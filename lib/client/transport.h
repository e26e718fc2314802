/*
 * transport.h: one byte stream to a server, opened by URL: ipc:///path (Unix-domain socket), tcp://host:port,
 * or tls+tcp://host:port (transport_tls.h).
 *
 * Plain blocking sockets, EINTR-safe. Sending and receiving may run in two threads at once; two senders or
 * two receivers may not. Whatever fails inside shows as the end of the stream at the receiver, so that there
 * is one place where a lost connection is noticed. Called by conn.c only; other kinds of stream come behind
 * this struct.
 */
#ifndef ROOST_CLIENT_TRANSPORT_H
#define ROOST_CLIENT_TRANSPORT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/ring.h"
#include "base/spin.h"
#include "client/transport_tls.h"

enum { PASSED_MAX = 2 };

/* What came of a wish for a ring. */
enum ring_state { RING_NOT_ASKED, RING_NOT_OFFERED, RING_NOT_HAD, RING_TAKEN };

struct transport {
    atomic_int fd;       /* -1: closed; set as soon as there is a socket, for fork.c */
    struct spin spin;    /* the receiver's */
    int64_t patience_ns; /* how long a receive may wait; 0: for ever */

    bool takes_passed; /* the handshake's: descriptors may come with what is received … */
    unsigned passed_len;
    int passed[PASSED_MAX]; /* … these */

    struct ring
        ring; /* when there is one, the bytes go through it (ring.c); the socket is the sign of life */
    atomic_int ring_state; /* enum ring_state, for who wants to know */
    int bell;              /* of a ring: wakes the server */
    uint32_t server_cpu;   /* where it said last that it has moved to, 0: not yet */

    struct tls *tls; /* when there is one, the bytes go through it */
};

/* Closes the descriptors that came along and were not taken; no more are awaited. */
void roost__transport_drop_passed(struct transport *t);

/* Shall the receiver look for a moment before it sleeps? See spin.h. */
bool roost__transport_may_spin(struct transport *t);

/* Is it a URL of one of these kinds? Errors: ROOST_EINVAL. */
int roost__transport_check(const char *url);

/* Connects within timeout_ms (-1: the system's own limit), for tls+tcp:// with the TLS handshake. Errors:
 * ROOST_EINVAL (no such kind of URL), ROOST_ECONN, ROOST_ETIMEDOUT, ROOST_ESYS, those of roost__tls_open().
 */
int roost__transport_open(const char *url, const struct tls_wishes *tls, int timeout_ms,
                          struct transport *ret);

/* How long a receive may wait from now on; -1 for ever (the state after opening). */
void roost__transport_patience(struct transport *t, int timeout_ms);

/* Sends all of it. On failure shuts the stream down and returns ROOST_ECONN. */
int roost__transport_send(struct transport *t, const void *data, size_t len);

/* Receives 1 to len bytes; 0 at the end of the stream. Errors: ROOST_ECONN, ROOST_ETIMEDOUT (patience). */
ssize_t roost__transport_recv(struct transport *t, void *data, size_t len);

/* The same without waiting: ROOST_ETIMEDOUT when nothing is there. */
ssize_t roost__transport_recv_now(struct transport *t, void *data, size_t len);

/* Whoever waits for the socket to be readable will hear of bytes, wherever they come. False: some have come
 * already. The end of that, before the next receive. By the receiver. */
bool roost__transport_arm(struct transport *t);
void roost__transport_disarm(struct transport *t);

/* Sends a few bytes without waiting; false when not all of them went. */
bool roost__transport_send_now(struct transport *t, const void *data, size_t len);

/* Has the peer closed the stream, as far as this host knows? What came before may still be there to read. */
bool roost__transport_hung_up(const struct transport *t);

/* The stream t becomes `with`, which is closed; its descriptor's number stays, for who uses it meanwhile. */
int roost__transport_replace(struct transport *t, struct transport *with);

/* Ends the stream in both directions; wakes a receiver in another thread. The descriptor stays. */
void roost__transport_shutdown(struct transport *t);

/* Gives back the descriptor and the memory. Sends nothing of its own. */
void roost__transport_close(struct transport *t);

/* In a child right after fork(), for its copy of the parent's: the same, but for memory that another thread
 * of the parent may just have been changing. */
void roost__transport_leave(struct transport *t);

#endif
