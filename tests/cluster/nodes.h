/*
 * nodes.h: a cluster of real roostd processes on this host: started, killed, stopped, looked at.
 *
 * Clients reach them over ipc in a temporary folder, peers and the test over ports of the loopback that were
 * free a moment before; or, if there is a place for them, each has networks of its own.
 */
#ifndef ROOST_TESTS_CLUSTER_NODES_H
#define ROOST_TESTS_CLUSTER_NODES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { NODES = 5, ELECTION_MS = 500 };

struct test_node {
    pid_t pid;     /* 0: it does not run */
    char host[32]; /* that the others reach */
    int peer, http;
    char url[128];
};

/* What a node says of itself. */
struct look {
    char role[32], hash[80];
    uint64_t term, leader, applied;
};

/* Where nodes run, unless it is here. */
struct cluster_place {
    const char *peers, *clients; /* addresses, but for the id at the end */
    void (*go)(int id);          /* moves the calling thread to a node's network; 0: home */
};

extern const struct cluster_place *cluster_place; /* NULL: all on the loopback, clients over ipc */

extern struct test_node nodes[NODES + 1]; /* by id, from 1 on */
extern char cluster_folder[64], cluster_urls[1024];

/* A folder with the file of n nodes, of which none runs; options: further ones for all of them, or NULL. */
void cluster_make(int n, const char *const *options);

/* The nodes that start from now on talk over TLS, each with a certificate of an authority in the folder. */
void cluster_use_tls(int n);

/* Adds a node to the files of those who start from now on. */
void cluster_add_to_file(int id);

void node_start(int id);
void node_start_joining(int id);

/* Sends a signal; one that ends it is waited for. */
void node_kill(int id, int signal);

/* False: it does not answer. */
bool node_look(int id, struct look *ret);

/* The whole answer of a path; false: there is none. */
bool node_ask(int id, const char *path, char *ret, unsigned long len);

/* Waits until one of the nodes that run leads; returns its id. */
int await_leader(void);

/* … and until it is another one. */
int await_other_leader(int than);

/* Waits until all that run have the same state, as of the same entry of the log. */
void await_agreement(void);

/* Kills all, and removes the folder. */
void cluster_end(void);

#endif
