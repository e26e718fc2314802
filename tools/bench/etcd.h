/*
 * etcd.h: etcd servers, and a client that puts and ranges over gRPC: HTTP/2 by libcurl on a connection that
 * is kept, protobuf by hand (etcdserverpb.KV, rpc.proto of etcd's API version 3).
 */
#ifndef ROOST_BENCH_ETCD_H
#define ROOST_BENCH_ETCD_H

#include <stdbool.h>

enum { ETCD_MEMBERS_MAX = 3 };

/* Starts so many that form one cluster, each in a folder under `folder`. 0: ready; 1: not installed; -1. */
int etcd_begin(const char *folder, int members);
void etcd_end(void);

/* A client of one member's. NULL: no connection. */
struct etcd;
struct etcd *etcd_open(int member);
void etcd_close(struct etcd *e);

/* 0, or it has said why not. */
int etcd_put(struct etcd *e, const char *key, const char *value);
int etcd_get(struct etcd *e, const char *key);

#endif
