/*
 * proxy.h: a TCP proxy in a thread of the test, between a client and a server: it cuts, swallows, holds and
 * refuses connections as told; or answers like a server that does not lead its cluster.
 */
#ifndef ROOST_TESTS_CLIENT_PROXY_H
#define ROOST_TESTS_CLIENT_PROXY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { PAIRS_MAX = 32 };

struct pair {
    int client, server; /* -1: none */
};

struct proxy {
    char url[64]; /* for the client */
    int listener;
    int wake[2];
    atomic_int port;            /* the server's */
    atomic_bool refuses;        /* new connections are closed at once */
    atomic_bool holds;          /* nothing is forwarded, nothing closed: a cut cable */
    atomic_bool swallows;       /* what the server sends is lost */
    atomic_long cut_after;      /* cuts all when so many bytes have gone through; 0: never */
    const char *_Atomic leader; /* NULL: forwards; else it does not lead, and names this URL ("": none) */
    atomic_int accepted, refused, asked;
    atomic_bool ends;
    pthread_mutex_t lock; /* over pairs */
    struct pair pairs[PAIRS_MAX];
    pthread_t thread;
};

/* A proxy for the server whose URL is tcp://127.0.0.1:PORT. */
void proxy_start(struct proxy *p, const char *server_url);
void proxy_stop(struct proxy *p);

/* Closes all connections, now; what they carried is lost. */
void proxy_cut(struct proxy *p);

/* Loses what the server sends for so long, then closes all connections. No connection begins meanwhile: it
 * would come to know a part only. */
void proxy_lose_answers(struct proxy *p, unsigned microseconds);

/* From now on its server leads (leader is NULL), or does not; then all connections are cut. leader: borrowed.
 */
void proxy_lead(struct proxy *p, const char *leader);

/* Sets one of the switches. */
void proxy_set(struct proxy *p, atomic_bool *what, bool on);

#endif
