/*
 * roost/local/pipe.h: two ends between which values or bytes travel: Python's multiprocessing.Pipe and
 * Connection.
 *
 * An end is a socket: forked children have it, too, and a message that one process sends is whole for the
 * other. Use an end in one process at a time; close the copies of ends that a process does not use, or nobody
 * will see the end of the messages. Any number of threads may use an end; messages never mix. Peers are
 * trusted as far as one's own children are: a message is checked before it is read.
 */
#ifndef ROOST_LOCAL_PIPE_H
#define ROOST_LOCAL_PIPE_H

#include <stdbool.h>
#include <stddef.h>

#include "roost/error.h"
#include "roost/value.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct roost_pipe roost_pipe;

/* duplex: both ends send and receive; otherwise *ret_a only receives and *ret_b only sends, as in Python.
 * Errors: ROOST_ENOMEM, ROOST_ESYS. */
ROOST_API int roost_pipe_new(bool duplex, roost_pipe **ret_a, roost_pipe **ret_b);

/* Closes this process' end and frees the handle. NULL is allowed. */
ROOST_API void roost_pipe_close(roost_pipe *p);

/*
 * Sends a value, or len bytes; waits while the other side has not read enough of what came before. Errors:
 * ROOST_ECLOSED when the other end is closed or this one only receives; ROOST_ETIMEDOUT (nothing was sent,
 * unless the message is larger than 64 KiB: then the time counts until its first piece); ROOST_ELIMIT above
 * 2^31 bytes; ROOST_EINVAL for a string that is no UTF-8.
 */
ROOST_API int roost_pipe_send(roost_pipe *p, roost_value v, int timeout_ms);
ROOST_API int roost_pipe_send_bytes(roost_pipe *p, const void *data, size_t len, int timeout_ms);

/* Receives a value; *ret is the caller's to free. Errors: ROOST_ECLOSED when the other end is closed and
 * nothing is left, or this one only sends; ROOST_ETIMEDOUT; ROOST_EPROTO when the message is no value (it is
 * gone); ROOST_ENOMEM (the message stays, in this process). */
ROOST_API int roost_pipe_recv(roost_pipe *p, roost_value *ret, int timeout_ms);

/* Receives a message as bytes: malloc'ed and the caller's. */
ROOST_API int roost_pipe_recv_bytes(roost_pipe *p, void **ret, size_t *ret_len, int timeout_ms);

/* Receives a message into buf; *ret_len is its length. Errors: ROOST_ELIMIT when it is longer than max:
 * *ret_len is set, and the message stays. */
ROOST_API int roost_pipe_recv_bytes_into(roost_pipe *p, void *buf, size_t max, size_t *ret_len,
                                         int timeout_ms);

/* Waits until there is something to receive, the end of the messages included. Errors: ROOST_ETIMEDOUT. */
ROOST_API int roost_pipe_poll(roost_pipe *p, int timeout_ms);

/* The descriptor, for event loops: readable when there is something to receive. The handle's: do not read it.
 */
ROOST_API int roost_pipe_fd(const roost_pipe *p);

/*
 * Waits until at least one of n descriptors is readable (or at its end): those of pipes,
 * roost_process_sentinel(), sockets. ready[i] says which. Python's multiprocessing.connection.wait. Errors:
 * ROOST_ETIMEDOUT (ready is all false), ROOST_EINVAL, ROOST_ENOMEM.
 */
ROOST_API int roost_wait_fds(const int *fds, size_t n, bool *ready, int timeout_ms);

#ifdef __cplusplus
}
#endif
#endif
