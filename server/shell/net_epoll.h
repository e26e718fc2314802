/*
 * net_epoll.h: what net_epoll.c (sockets, the loop), net_ring.c (rings) and net_claim.c (how a peer on tcp
 * gets one) share: the listener and its peers.
 */
#ifndef ROOST_SHELL_NET_EPOLL_H
#define ROOST_SHELL_NET_EPOLL_H

#include "base/claim.h"
#include "base/ring.h"
#include "base/spin.h"
#include "shell/conn.h"
#include "shell/net.h"
#include "shell/place.h"
#include "shell/tls.h"

enum { WATCHED_MAX = 128, READY_MAX = 64 };

/* What an event is about. */
struct source {
    enum { SOURCE_STOP, SOURCE_ACCEPT, SOURCE_SOCKET, SOURCE_BELL, SOURCE_CLAIM } kind;
    struct peer *peer;
};

struct epoll_listener {
    struct listener base;
    struct server *server;
    int epoll;
    int accepting;    /* the listening socket */
    bool handed_over; /* it is the service manager's */
    int stop;         /* an eventfd: the loop ends */
    struct source accept_source, stop_source;
    bool tcp;
    struct tls_server *tls;        /* NULL: plain */
    int64_t paused_us;             /* out of descriptors: accepting again at this time; 0: it does */
    bool may_spin;                 /* there is another core for the clients to run on */
    bool refused;                  /* being out of descriptors was said in the log */
    struct spin spin;              /* the loop's */
    unsigned crowded;              /* waits still to go without looking, for there are many clients */
    struct place place;            /* likewise */
    struct list newborn;           /* peers that have not said HELLO, oldest first */
    struct list ended;             /* peers to be freed when the events at hand are through */
    struct peer *ready[READY_MAX]; /* peers of which something arrived with the events at hand */
    unsigned ready_len;
    struct peer *watched[WATCHED_MAX]; /* peers whose rings are looked at; the others ring their bells */
    unsigned watched_len;
    int claims; /* the socket at which peers on tcp claim the descriptors of their rings; -1: none yet */
    uint8_t place_of_claims[CLAIM_PLACE_LEN];
    struct source claim_source;
    int64_t claims_paused_us; /* strangers write there: reading on at this time; 0: it does */
    struct list unclaimed;    /* peers whose descriptors wait to be claimed, oldest first */
    unsigned turns; /* of rings only, since sockets were served: one for each small piece of bytes */
    pthread_t thread;
};

struct peer {
    struct conn conn;
    struct epoll_listener *listener;
    struct list in_newborn;
    struct list in_ended;
    bool over; /* the loop has ended it */
    int fd;
    struct tls_stream *tls; /* NULL: plain */
    struct source socket;
    struct buf sending; /* under conn.mutex: what is being written … */
    size_t sent;        /* … and how much of it was */
    bool waits_to_send; /* EPOLLOUT is asked for */

    struct ring ring;   /* memory NULL: none */
    bool sends_to_ring; /* under conn.mutex: … */
    size_t socket_left; /* … behind so many bytes that still go to the socket */
    int passing[2]; /* the ring's memory and the bell, to go with the next write, or to be claimed; -1: none
                     */
    int bell;       /* an eventfd by which the client wakes us */
    struct source bell_source;
    unsigned watched; /* place in the listener's array, from 1; 0: not there */
    unsigned quiet;   /* looks in a row that found nothing */

    struct list in_unclaimed; /* the following are good while it is there */
    uint8_t token[CLAIM_TOKEN_LEN];
    int64_t token_until_us;
};

static inline struct peer *peer_of(struct conn *c)
{
    return container_of(c, struct peer, conn);
}

/* ---- net_ring.c ---- */

void net_ring_init(struct peer *p);

/* What struct conn_ops says. */
uint32_t net_ring_offer(struct conn *c, int64_t wish, struct claim *ret, bool *ret_claimed);
bool net_ring_move(struct conn *c);

/* The descriptors were sent. Under conn.mutex. */
void net_ring_passed(struct peer *p);

/* Where descriptors are sent: a socket of ours, and an address when it is not connected. */
struct destination {
    int fd;
    struct sockaddr_un *address;
    socklen_t len;
};

/* send() without waiting, with the descriptors. Under conn.mutex. */
ssize_t net_ring_send_passing(struct peer *p, const struct destination *to, const void *data, size_t len);

/* Sends them to another socket of the peer's. False: they did not go. The loop's thread, as the next. */
bool net_ring_pass_to(struct peer *p, const struct destination *to);

/* The ring that was offered is not taken: gives it back, as if there had been none. */
void net_ring_withdraw(struct peer *p);

/* Writes some of what is next. False: there is no room, and the client will ring. Under conn.mutex. */
bool net_ring_send(struct peer *p);

/* Says in the ring that nobody reads it any more. Under conn.mutex. */
void net_ring_say_gone(struct peer *p);

/* Takes the ring off the loop; gives back its memory. */
void net_ring_end(struct peer *p);
void net_ring_free(struct peer *p);

/* The rest is the loop's thread's. */

/* Takes some of what is there. False: the connection is over. */
bool net_ring_receive(struct peer *p);

/* The client woke us: looks at the ring, and from now on again and again, if it can. As above. */
bool net_ring_on_bell(struct peer *p);

/* Something happened to the socket, which carries nothing any more: takes what is left, and returns false. */
bool net_ring_on_socket(struct peer *p);

/* A look found nothing: after many the client is to ring again. */
void net_ring_quiet(struct peer *p);

/* All clients are to ring from now on. False: one has written meanwhile. */
bool net_ring_sleep(struct epoll_listener *l);

/* ---- net_claim.c; the loop's thread ---- */

void net_claim_init(struct epoll_listener *l);
void net_claim_close(struct epoll_listener *l);

/* What struct conn_ops says, for peers on tcp. */
uint32_t net_claim_offer(struct conn *c, int64_t wish, struct claim *ret, bool *ret_claimed);
bool net_claim_move(struct conn *c);

/* Its token is good for nothing any more; harmless without one. */
void net_claim_end(struct peer *p);

/* Something came for the socket. */
void net_claim_serve(struct epoll_listener *l);

/* Ends what is over; returns the milliseconds until the next check, -1: none. */
int net_claim_check(struct epoll_listener *l);

#endif
