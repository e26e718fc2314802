/*
 * net_claim.c: handing out the descriptors of rings to peers on tcp over the loopback (base/claim.h).
 *
 * A listener has one datagram socket for it, made with the first ring it offers, on its own loop. Invariants:
 * a token is good once, for TOKEN_US and while its connection lives; without a good token nobody gets
 * anything, not even an answer; what strangers send costs at most CLAIMS_MAX receives in PAUSE_US, and
 * nothing here waits. The token is the right: it came over the connection, and who reads that may do all.
 */
#include <errno.h>
#include <sodium.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "shell/log.h"
#include "shell/net_epoll.h"
#include "shell/server.h"

enum {
    TOKEN_US = 5 * 1000000,
    CLAIMS_MAX = 16,     /* in a row */
    PAUSE_US = 10 * 1000 /* after a datagram that is no token */
};

void net_claim_init(struct epoll_listener *l)
{
    l->claims = -1;
    l->claim_source.kind = SOURCE_CLAIM;
    list_init(&l->unclaimed);
}

void net_claim_close(struct epoll_listener *l)
{
    if (l->claims >= 0)
        close(l->claims);
}

static bool listen_for_claims(struct epoll_listener *l)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &l->claim_source};
    struct sockaddr_un place;
    randombytes_buf(l->place_of_claims, sizeof(l->place_of_claims));
    socklen_t len = roost__claim_address(l->place_of_claims, &place);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&place, len) == 0 &&
        epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event) == 0) {
        l->claims = fd;
        return true;
    }
    log_debug("%s: no shared memory: %s", l->base.url, strerror(errno));
    if (fd >= 0)
        close(fd);
    return false;
}

uint32_t net_claim_offer(struct conn *c, int64_t wish, struct claim *ret, bool *ret_claimed)
{
    struct peer *p = peer_of(c);
    struct epoll_listener *l = p->listener;
    if (!roost__claim_ends(p->fd, false, ret->ends) || (l->claims < 0 && !listen_for_claims(l)))
        return 0;
    uint32_t size = net_ring_offer(c, wish, ret, ret_claimed);
    if (size == 0)
        return 0;
    randombytes_buf(p->token, sizeof(p->token));
    p->token_until_us = server_now_us() + TOKEN_US;
    list_push_back(&l->unclaimed, &p->in_unclaimed);
    memcpy(ret->place, l->place_of_claims, sizeof(ret->place));
    memcpy(ret->token, p->token, sizeof(ret->token));
    *ret_claimed = true;
    return size;
}

void net_claim_end(struct peer *p)
{
    list_remove(&p->in_unclaimed);
}

bool net_claim_move(struct conn *c)
{
    net_claim_end(peer_of(c));
    return net_ring_move(c);
}

/* ---- tokens ---- */

/* The peer whose token it is, which is none from now on. */
static struct peer *redeem(struct epoll_listener *l, const uint8_t token[CLAIM_TOKEN_LEN])
{
    for (struct list *it = l->unclaimed.next; it != &l->unclaimed; it = it->next) {
        struct peer *p = container_of(it, struct peer, in_unclaimed);
        if (sodium_memcmp(p->token, token, CLAIM_TOKEN_LEN) == 0) {
            net_claim_end(p);
            return p;
        }
    }
    return NULL;
}

/* Takes one datagram. 1: it was a token, 0: it was none, -1: there is none. */
static int take_claim(struct epoll_listener *l)
{
    uint8_t bytes[CLAIM_TOKEN_LEN + 1];
    struct sockaddr_un from;
    struct destination back = {.fd = l->claims, .address = &from, .len = sizeof(from)};
    ssize_t n = recvfrom(l->claims, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &back.len);
    if (n < 0)
        return -1;
    struct peer *p = n == CLAIM_TOKEN_LEN ? redeem(l, bytes) : NULL;
    if (p == NULL)
        return 0;
    if (!net_ring_pass_to(p, &back)) /* he is gone, or takes nothing */
        net_ring_withdraw(p);
    return 1;
}

static void watch_claims(struct epoll_listener *l, bool on)
{
    struct epoll_event event = {.events = on ? (uint32_t)EPOLLIN : 0, .data.ptr = &l->claim_source};
    epoll_ctl(l->epoll, EPOLL_CTL_MOD, l->claims, &event);
    l->claims_paused_us = on ? 0 : server_now_us() + PAUSE_US;
}

void net_claim_serve(struct epoll_listener *l)
{
    bool strangers = false;
    int good = 1;
    for (int i = 0; i < CLAIMS_MAX && good >= 0; i++) {
        good = take_claim(l);
        strangers = strangers || good == 0;
    }
    if (strangers)
        watch_claims(l, false);
}

/* ---- time ---- */

static int ms_until(int64_t us, int64_t now_us)
{
    return us > now_us ? (int)((us - now_us) / 1000) + 1 : 0;
}

int net_claim_check(struct epoll_listener *l)
{
    int64_t now_us = l->claims >= 0 ? server_now_us() : 0;
    int ms = -1;
    if (l->claims_paused_us > 0 && now_us >= l->claims_paused_us)
        watch_claims(l, true);
    if (l->claims_paused_us > 0)
        ms = ms_until(l->claims_paused_us, now_us);
    for (struct list *first; (first = list_first(&l->unclaimed)) != NULL;) {
        struct peer *p = container_of(first, struct peer, in_unclaimed);
        int left_ms = ms_until(p->token_until_us, now_us);
        if (left_ms > 0)
            return ms < 0 || left_ms < ms ? left_ms : ms;
        net_claim_end(p);
        net_ring_withdraw(p);
    }
    return ms;
}
