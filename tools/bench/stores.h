/*
 * stores.h: servers that keep what they are given, each in a folder of its own on one disk, as rows measure
 * them beside each other: a set of one key, by one client or by many.
 *
 * The disk is that of $ROOST_BENCH_DISK, else /var/tmp. A store is begun for a number of clients and ended;
 * one of each kind at a time.
 */
#ifndef ROOST_BENCH_STORES_H
#define ROOST_BENCH_STORES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { STORE_CLIENTS_MAX = 50 };

struct store {
    /* 0; or it has said why not: 1: because it is not installed, or cannot do that. */
    int (*begin)(int clients);
    /* Client k sets its key to i, and is answered when that is on the disk; or gets it. 0, or it has said why
     * not. */
    int (*set)(int k, int i);
    int (*get)(int k);
    void (*end)(void);
};

extern const struct store store_roost, store_redis, store_etcd; /* one server, on the disk at each answer */
extern const struct store store_roost_three, store_etcd_three;  /* three, on most of their disks */
extern const struct store store_roost_plain; /* one server, nothing on the disk; not beside store_roost */

/* Seconds for n sets by so many clients, each a thread; negative: failed. One alone notes how long each took.
 */
double store_sets(const struct store *s, int clients, int n);
double store_gets(const struct store *s, int clients, int n);

/* Kills the server of three that leads, and starts it again when it was measured. Seconds until a client's
 * next set has succeeded; negative: failed. */
double store_kill_leader(void);

/* A new folder on the disk. */
int store_folder(char ret[64]);
void store_remove(const char *folder);

#endif
