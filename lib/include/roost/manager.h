/*
 * roost/manager.h: the way to a server: connect to one, or start a private one.
 *
 * A manager is thread-safe: any number of threads call through it at once, over one connection; a thread that
 * waits (in a get, an acquire …) does not keep the others waiting. It also works in children after fork(): a
 * child's first call opens a connection and session of the child's own, and everything the child inherited
 * (handles, received values) is referred to by that session too. What a session owns (held locks, places in
 * line) is not inherited.
 *
 * A connection that is lost stays lost: every waiting and later call returns ROOST_ECONN.
 */
#ifndef ROOST_MANAGER_H
#define ROOST_MANAGER_H

#include "roost/error.h"
#include "roost/value.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct roost_manager roost_manager;

/* All members may be 0. Borrowed during the call. */
typedef struct roost_options {
    int timeout_ms; /* for connecting, and for a server to start; 0 means 10000, -1 the system's own limits */
    const char *label;  /* what `roost who` and the server's log call this client */
    const char *roostd; /* roost_manager_start(): the server program */
} roost_options;

/*
 * Connects to the server at url (ipc:///path/of/socket, tcp://host:port, tcp://[IPv6]:port) and opens a
 * session. options may be NULL. *ret is the caller's: roost_manager_close(). Blocks up to options->timeout_ms
 * (resolving a host name may take the resolver's time on top). Errors: ROOST_EINVAL (no such kind of URL),
 * ROOST_ECONN, ROOST_ETIMEDOUT, ROOST_EPROTO (no roost server, or of another version), ROOST_ENOMEM,
 * ROOST_ESYS.
 */
ROOST_API int roost_connect(const char *url, const roost_options *options, roost_manager **ret);

/*
 * Starts a private server for this program and connects to it, as Python's multiprocessing.Manager() does.
 * The server ends when this process does, however that comes about. The program is options->roostd; else
 * $ROOSTD; else `roostd` beside the running program, in $PATH, or where roost was installed. Its log goes to
 * this process's stderr. Blocks up to options->timeout_ms. *ret is the caller's: roost_manager_shutdown().
 * Errors: ROOST_ENOENT (no such program), ROOST_EDIED (it ended before it listened), and those of
 * roost_connect().
 */
ROOST_API int roost_manager_start(const roost_options *options, roost_manager **ret);

/*
 * Ends the server if this very process started it with m (and waits until it has ended: no zombie stays
 * behind), then closes m as roost_manager_close() does. In a forked child the parent's server is left alone.
 * NULL is allowed. May block up to 5 seconds, after which the server is killed. Errors: ROOST_EDIED (it did
 * not end well); m is closed all the same.
 */
ROOST_API int roost_manager_shutdown(roost_manager *m);

/*
 * Closes the connection, which ends this process's session: what it holds goes to others. Calls that wait in
 * other threads, and all calls on handles still open, return ROOST_ECLOSED; handles must still be closed to
 * give back their memory. The same as roost_manager_shutdown() with the status left out. NULL is allowed.
 */
ROOST_API void roost_manager_close(roost_manager *m);

/* The URL of the server, also for other programs to connect to. Borrowed from m. Never blocks. */
ROOST_API const char *roost_manager_url(const roost_manager *m);

/*
 * Writes the URL where `roostd` listens when it is not told otherwise: ipc:// of
 * $XDG_RUNTIME_DIR/roost/roost.sock, or of /tmp/roost-UID/roost.sock. Errors: ROOST_ELIMIT (size is too
 * small).
 */
ROOST_API int roost_default_url(char *buf, size_t size);

#ifdef __cplusplus
}
#endif
#endif
