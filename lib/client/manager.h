/*
 * manager.h: what is behind a roost_manager: the connection to one server and what refers to it.
 *
 * Counted: the user's pointer, every handle and every received value with references in it keep the memory;
 * the connection is the user's alone and ends with roost_manager_close(). conn is NULL in a process that has
 * not called yet: after fork(), fork.c sets it so, and the next call connects. Called by object.c, call.c,
 * server.c.
 */
#ifndef ROOST_CLIENT_MANAGER_H
#define ROOST_CLIENT_MANAGER_H

#include <stdatomic.h>

#include "client/access.h"
#include "client/addresses.h"
#include "client/conn.h"
#include "client/spawn.h"
#include "roost/manager.h"

struct roost_manager {
    char *url; /* as given */
    struct addresses addresses;
    char *label;
    int timeout_ms, grace_ms, lease_ms, restart_ms, reconnect_ms; /* as wished for */
    size_t window_calls, window_bytes;
    bool no_ring;
    struct access access; /* none to a server of its own */
    void (*on_state)(roost_manager *m, roost_state state, void *arg);
    void *on_state_arg;
    atomic_int state;
    atomic_uint_least64_t epoch; /* of the server, whose ids are known; 0: none yet */
    atomic_size_t users;
    atomic_bool closed;
    struct conn *_Atomic conn;
    pthread_mutex_t connecting; /* held by the thread that connects */
    struct refs refs;
    struct server_process server;
    struct list link; /* fork.c's: all managers */
};

void roost__manager_keep(struct roost_manager *m);
void roost__manager_drop(struct roost_manager *m);

/* The process's connection, made when there is none. */
int roost__manager_connection(struct roost_manager *m, struct conn **ret);

/* Runs a call over the process's connection, connecting first when there is none. Errors as
 * roost__conn_call(). */
int roost__manager_call(struct roost_manager *m, struct call *call);

/* Counts one user of object id less; sends the queued releases when they are many. */
void roost__manager_drop_ref(struct roost_manager *m, uint64_t id);

#endif
