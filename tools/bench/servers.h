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

/* Starts a roostd and connects to it. */
int bench_roostd_begin(bool tcp, roost_manager **ret);
void bench_roostd_end(roost_manager *m);

/* A roostd on a free port of the loopback, besides the one above: any number at a time. */
struct bench_roostd {
    pid_t pid;
    char url[128];
};
/* It listens at another URL too, unless that is NULL. */
int bench_roostd_start(struct bench_roostd *s, const char *also);
/* One that listens at tls+tcp alone, with this certificate. */
int bench_roostd_start_tls(struct bench_roostd *s, const char *cert, const char *key);
/* One on a free port of the loopback that serves HTTP, too. */
int bench_roostd_start_http(struct bench_roostd *s, int port);
void bench_roostd_stop(struct bench_roostd *s);

/* A port of the loopback that is free now: redis-server cannot choose one. 0: there is none. */
int bench_free_port(void);

/* Ends a process, which then is 0. */
void bench_end_process(pid_t *pid);

/* What a process has in memory now, in bytes; 0: it cannot be told. */
double bench_resident(pid_t pid);

/* Starts a redis-server; it is ready when this returns 0. 1: it is not installed. */
int bench_redis_begin(void);
void bench_redis_end(void);

/* Where it listens. */
const char *bench_redis_socket(void);
int bench_redis_port(void);
pid_t bench_redis_pid(void);

#endif
