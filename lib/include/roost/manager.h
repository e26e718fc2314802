/*
 * roost/manager.h: the way to a server: connect to one, or start a private one.
 *
 * A manager is thread-safe: any number of threads call through it at once, over one connection; a thread that
 * waits (in a get, an acquire …) does not keep the others waiting. It also works in children after fork(): a
 * child's first call opens a connection and session of the child's own, and everything the child inherited
 * (handles, received values) is referred to by that session too. What a session owns (held locks, places in
 * line) is not inherited.
 *
 * When the connection breaks, the session waits at the server for a grace period (roost_options); the library
 * connects again, and every call under way goes on and takes effect exactly once. A blocked call keeps its
 * place in line. When that is impossible, every waiting and later call through this manager returns
 * ROOST_ESESSION (the session ended; what it held was released), ROOST_EEPOCH (the server was restarted; its
 * objects are gone) or ROOST_ECONN (no grace, or no server in time); roost_connect() begins anew.
 */
#ifndef ROOST_MANAGER_H
#define ROOST_MANAGER_H

#include <pthread.h>

#include "roost/error.h"
#include "roost/value.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct roost_manager roost_manager;

/* What has become of a manager's session, see roost_options.on_state. */
typedef enum roost_state {
    ROOST_NOT_CONNECTED, /* this process has not called yet: a child after fork() */
    ROOST_CONNECTED,     /* a new session has begun */
    ROOST_DISCONNECTED,  /* the connection is gone: the library tries to resume the session */
    ROOST_RESUMED,       /* a new connection goes on where the old one ended: nothing was lost */
    ROOST_SESSION_LOST,  /* the session ended, or could not be resumed in time: what it held is others' */
    ROOST_RESTARTED      /* the server was restarted: its objects are gone */
} roost_state;

/*
 * All members may be 0, which stands for the defaults; a negative grace or lease means none. Borrowed during
 * the call, but for on_state_arg.
 *
 * grace_ms: how long the server keeps the session, with all it holds, after its connection broke. Default
 * 5000 for tcp://, 10000 for several servers; for ipc://, where a connection breaks only when a process ends,
 * none, but 60000 for the end of a server that keeps its data (roostd --data) and so comes back. lease_ms: a
 * server not heard of for so long (a quarter more at most) is given up, and the server gives up a client
 * likewise: that finds stopped processes and cut cables. Both sides are asked for signs of life by one
 * sleeping thread. Default 10000 for tcp://, 5000 for several servers, none for ipc://. The server's limits
 * are 50 ms and an hour. reconnect_ms: how long the library tries to resume the session; -1: for ever.
 * Default: the grace and the lease granted; with several servers 60000 at least, for they may have to elect a
 * leader. on_state: called at every change, before the calls concerned return; from any thread that is inside
 * a call, from the library's own, and from roost_connect() before it returns. It must be short and must not
 * use or close m or what belongs to it. no_ring: a client on ipc://, or on tcp:// over the loopback, talks
 * through memory it shares with the server where that can be had, 520 KiB a connection when all of it is
 * used, and else over the socket (also where something on the way, a proxy or a tunnel, passes the bytes on);
 * nothing else differs. What holds for tcp:// here does for tls+tcp:// too.
 *
 * tls_ca, tls_cert, tls_key: files in PEM, for tls+tcp:// (TLS 1.2, RFC 5246): whom to trust (default: the
 * system's CAs), one's own certificate and its key for servers that want one; read at every connecting.
 * tls_crl: the
 * CA's list of what it has revoked; without one no certificate is. tls_name: whom the server's certificate
 * must be for, a host name or an address; default: the host of the URL. identity, key_file: who this client
 * is to the server, and the file with the key to prove it (64 hexadecimal digits; its owner's alone, mode
 * 0600), read once. With them the server must prove that it knows the key too: one that does not is refused,
 * so nobody can stand in for it. Each of the seven that is NULL is taken from the environment: ROOST_TLS_CA,
 * ROOST_TLS_CERT, ROOST_TLS_KEY, ROOST_TLS_CRL, ROOST_TLS_NAME, ROOST_IDENTITY, ROOST_KEY_FILE.
 * roost_manager_start() uses none of them.
 */
typedef struct roost_options {
    int timeout_ms; /* for connecting, and for a server to start; 0 means 10000, -1 the system's own limits */
    const char *label;  /* what `roost who` and the server's log call this client */
    const char *roostd; /* roost_manager_start(): the server program */
    int grace_ms;
    int lease_ms;
    int reconnect_ms;
    void (*on_state)(roost_manager *m, roost_state state, void *arg);
    void *on_state_arg;
    size_t window_calls; /* asynchronous calls under way at most (roost/pending.h); 0 means 1024 */
    size_t window_bytes; /* bytes of their arguments; 0 means 8 MiB; a single larger call may pass it */
    bool no_ring;        /* all bytes over the socket, none through shared memory */
    const char *tls_ca;  /* files in PEM … */
    const char *tls_cert;
    const char *tls_key;
    const char *tls_name;
    const char *identity; /* at most 64 printable characters of ASCII */
    const char *key_file;
    const char *tls_crl; /* a file in PEM: refuse servers whose certificates stand in it */
} roost_options;

/*
 * Connects to the server at url (ipc:///path/of/socket, tcp://host:port, tcp://[IPv6]:port, tls+tcp:// with
 * the same) and opens a session. For a cluster (roostd --cluster) url is a list of its servers, with commas
 * between, 32 at most: "tcp://a:7000,tcp://b:7000,tcp://c:7000". The session is opened at the one that leads,
 * and when another one leads later, it goes on there as after any other broken connection. A server that does
 * not lead says who does, and is followed there even where the list does not name it (but from tls+tcp://
 * only to tls+tcp://). Servers that are down are passed over. options may be NULL. *ret is the caller's:
 * roost_manager_close(). Blocks up to options->timeout_ms (resolving a host name may take the resolver's time
 * on top). Errors: ROOST_EINVAL (no such kind of URL), ROOST_ECONN (of a list: no server can be reached),
 * ROOST_ETIMEDOUT, ROOST_ENOTLEADER (no server of a cluster has come to lead in that time), ROOST_EPROTO (no
 * roost server, or of another version), ROOST_EAUTH (a certificate or key is wrong, on either side: the
 * message says which and why), ROOST_ENOMEM, ROOST_ESYS. With tls_… or a key: ROOST_EINVAL, ROOST_ESYS (a
 * file that is no such thing, or cannot be read).
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
 * Closes the connection and ends this process's session, whatever its grace: what it holds goes to others (a
 * process that ends by exit() without this does the same). Calls that wait in other threads, and all calls on
 * handles still open, return ROOST_ECLOSED; handles must still be closed to give back their memory. While the
 * library tries to reconnect it may block for as long as one attempt takes. The same as
 * roost_manager_shutdown() with the status left out. NULL is allowed.
 */
ROOST_API void roost_manager_close(roost_manager *m);

/* The state told last. Never blocks. */
ROOST_API roost_state roost_manager_state(const roost_manager *m);

/*
 * Gives up the call through m that `thread` waits for: it leaves its line and returns ROOST_ECANCELED. A call
 * whose answer is on the way returns that: the status of the call says which. A cancelled
 * roost_condition_wait() returns without the lock; a cancelled roost_barrier_wait() breaks the barrier, as a
 * party that dies does. The caller sees to it that the thread is in the call it means. Any thread; does not
 * wait for the server. Errors: ROOST_ENOENT (the thread waits for no call through m).
 */
ROOST_API int roost_cancel(roost_manager *m, pthread_t thread);

/* The URL of the server, or the list of them, also for other programs to connect to. Borrowed from m. Never
 * blocks. */
ROOST_API const char *roost_manager_url(const roost_manager *m);

/*
 * The address, one of the list or learned from a server, that m's session of this process is served at now,
 * or was until its connection broke; NULL: there is no session yet. Borrowed from m. Never blocks.
 */
ROOST_API const char *roost_manager_address(const roost_manager *m);

/* What carries a manager's bytes. */
typedef enum roost_transport {
    ROOST_BY_NOTHING, /* there is no connection in this process yet */
    ROOST_BY_RING,    /* memory shared with the server; the socket is the sign of life */
    ROOST_BY_SOCKET
} roost_transport;

/*
 * Tells what carries m's bytes now. *ret_why (may be NULL) becomes a line of text that says why it is that;
 * it is the library's, for ever. Never blocks.
 */
ROOST_API roost_transport roost_manager_transport(const roost_manager *m, const char **ret_why);

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
