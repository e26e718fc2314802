/* claim.c: see claim.h. */
#include "client/claim.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "client/clock.h"
#include "wire/scan.h"

/* A server that has just said WELCOME answers at once; where the socket is another server's, or the place is
 * in another network namespace, the kernel says so at once. */
enum { ANSWER_MS = 2000 };

static bool take(struct slice terms, const char *name, uint8_t *ret, size_t len)
{
    struct item it = roost__map_item(terms, name);
    if (it.kind != ROOST_BYTES || it.len != len)
        return false;
    memcpy(ret, it.as.bytes, len);
    return true;
}

bool roost__claim_read(struct slice terms, struct claim *ret)
{
    return take(terms, "ring_place", ret->place, sizeof(ret->place)) &&
           take(terms, "ring_token", ret->token, sizeof(ret->token)) &&
           take(terms, "ring_ends", ret->ends, sizeof(ret->ends));
}

/* A socket that hears the server only, under a name that the kernel chooses. */
static bool prepare(int fd, const struct claim *claim)
{
    const struct sockaddr_un any = {.sun_family = AF_UNIX};
    struct sockaddr_un place;
    socklen_t len = roost__claim_address(claim->place, &place);
    return bind(fd, (const struct sockaddr *)&any, sizeof(any.sun_family)) == 0 &&
           connect(fd, (const struct sockaddr *)&place, len) == 0;
}

static bool await(int fd, short events, int64_t deadline)
{
    struct pollfd p = {.fd = fd, .events = events};
    int n;
    do
        n = poll(&p, 1, roost__clock_left(deadline));
    while (n < 0 && errno == EINTR);
    return n == 1;
}

/* The server's loop may be behind with others' tokens: then there is no room for a moment. */
static bool say(int fd, const uint8_t token[CLAIM_TOKEN_LEN], int64_t deadline)
{
    ssize_t n;
    while ((n = send(fd, token, CLAIM_TOKEN_LEN, MSG_NOSIGNAL | MSG_DONTWAIT)) < 0 && errno == EAGAIN)
        if (!await(fd, POLLOUT, deadline))
            return false;
    return n == CLAIM_TOKEN_LEN;
}

static int patience_ms(const struct transport *t)
{
    return t->patience_ns > 0 && t->patience_ns < ANSWER_MS * 1000000LL ? (int)(t->patience_ns / 1000000)
                                                                        : ANSWER_MS;
}

enum ring_state roost__claim_make(struct transport *t, const struct claim *claim)
{
    int64_t deadline = roost__clock_deadline(patience_ms(t));
    uint8_t ends[CLAIM_ENDS_LEN];
    char byte;
    if (!roost__claim_ends(t->fd, true, ends) || memcmp(ends, claim->ends, sizeof(ends)) != 0)
        return RING_BETWEEN;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return RING_NOT_HAD;
    if (prepare(fd, claim) && say(fd, claim->token, deadline) && await(fd, POLLIN, deadline))
        (void)roost__transport_recv_passed(t, fd, &byte, 1);
    close(fd);
    return RING_NOT_HAD;
}
