/*
 * servers.h: the servers that rows measure: a roostd of our own, over ipc or on a free port of the loopback;
 * and a private redis-server over both, without persistence.
 *
 * One of each at a time; begin functions are slots of struct row: 0, or they have said why not.
 */
#ifndef ROOST_BENCH_SERVERS_H
#define ROOST_BENCH_SERVERS_H

#include <roost/roost.h>
#include <stdbool.h>
#include <sys/types.h>

/* Prints the last roost error; returns -1. */
int bench_complain(void);

/* How rows reach the server. */
enum way {
    BY_IPC,
    BY_TCP, /* over the loopback, as a user's program does: through shared memory */
    BY_WIRE /* likewise, but all bytes over the socket, as over a network */
};

/* Starts a roostd and connects to it. */
int bench_roostd_begin(enum way way, roost_manager **ret);

/* Connects once more. */
int bench_connect(enum way way, const char *url, roost_manager **ret);
void bench_roostd_end(roost_manager *m);

/* A roostd on a free port of the loopback, besides the one above: any number at a time. */
struct bench_roostd {
    pid_t pid;
    char url[128];
};
/* It listens at another URL too, unless that is NULL. */
int bench_roostd_start(struct bench_roostd *s, const char *also);
/* With these options besides what makes it say its address, a list that ends with NULL. */
int bench_roostd_start_with(struct bench_roostd *s, const char *const *options);
/* One that listens at tls+tcp alone, with this certificate. */
int bench_roostd_start_tls(struct bench_roostd *s, const char *cert, const char *key);
/* One on a free port of the loopback that serves HTTP, too. */
int bench_roostd_start_http(struct bench_roostd *s, int port);
void bench_roostd_stop(struct bench_roostd *s);
void bench_roostd_kill(struct bench_roostd *s);

/* Ends a process, which then is 0. */
void bench_end_process(pid_t *pid);

/* What a process has in memory now, in bytes; 0: it cannot be told. */
double bench_resident(pid_t pid);

/* A port that is free now, for who cannot choose one himself or does not say which. */
int bench_free_port(void);

/* Starts a redis-server; it is ready when this returns 0. 1: it is not installed. */
int bench_redis_begin(void);
void bench_redis_end(void);

/* Where it listens. */
const char *bench_redis_socket(void);
int bench_redis_port(void);
pid_t bench_redis_pid(void);

#endif
