/* claim.c: see claim.h. */
#include "base/claim.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { END_LEN = CLAIM_ENDS_LEN / 2 };

socklen_t roost__claim_address(const uint8_t place[CLAIM_PLACE_LEN], struct sockaddr_un *ret)
{
    static const char prefix[] = "roost-ring-";
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    char *name = ret->sun_path + 1; /* behind the 0 that makes it abstract */
    memcpy(name, prefix, sizeof(prefix));
    for (size_t i = 0; i < CLAIM_PLACE_LEN; i++)
        snprintf(name + sizeof(prefix) - 1 + 2 * i, 3, "%02x", place[i]);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof(prefix) + 2 * CLAIM_PLACE_LEN);
}

/* An address of IPv4 as IPv6 writes it, so that both sides say the same of one. */
static bool read_end(const struct sockaddr_storage *at, uint8_t ret[END_LEN])
{
    struct in6_addr address = IN6ADDR_ANY_INIT;
    uint16_t port;
    if (at->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)at;
        address.s6_addr[10] = address.s6_addr[11] = 0xff;
        memcpy(address.s6_addr + 12, &in->sin_addr, 4);
        port = in->sin_port;
    } else if (at->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)at;
        address = in6->sin6_addr;
        port = in6->sin6_port;
    } else {
        return false;
    }
    memcpy(ret, &address, sizeof(address));
    memcpy(ret + sizeof(address), &port, sizeof(port));
    return IN6_IS_ADDR_LOOPBACK(&address) || (IN6_IS_ADDR_V4MAPPED(&address) && address.s6_addr[12] == 127);
}

bool roost__claim_ends(int fd, bool own_first, uint8_t ret[CLAIM_ENDS_LEN])
{
    struct sockaddr_storage own, peer;
    socklen_t own_len = sizeof(own), peer_len = sizeof(peer);
    return getsockname(fd, (struct sockaddr *)&own, &own_len) == 0 &&
           getpeername(fd, (struct sockaddr *)&peer, &peer_len) == 0 &&
           read_end(&own, ret + (own_first ? 0 : END_LEN)) &&
           read_end(&peer, ret + (own_first ? END_LEN : 0));
}
