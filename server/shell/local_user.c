/* local_user.c: see local_user.h. */
#include "shell/local_user.h"

#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59 /* Linux 4.13; not in the C library's headers */
#endif

enum { GROUPS_MAX = 256 };

static bool uid_allowed(const struct allowed_users *a, uid_t uid)
{
    for (unsigned i = 0; i < a->uid_len; i++)
        if (a->uids[i] == uid)
            return true;
    return false;
}

static bool gid_allowed(const struct allowed_users *a, gid_t gid)
{
    for (unsigned i = 0; i < a->gid_len; i++)
        if (a->gids[i] == gid)
            return true;
    return false;
}

struct local_user local_user_of(const struct allowed_users *allowed, uid_t uid, gid_t gid)
{
    struct local_user u = {.kind = USER_STRANGER, .uid = uid};
    if (uid == geteuid() || uid == 0)
        u.kind = USER_OWN;
    else if (uid_allowed(allowed, uid) || gid_allowed(allowed, gid))
        u.kind = USER_ALLOWED;
    return u;
}

struct local_user local_user_at(const struct allowed_users *allowed, int fd)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);
    gid_t groups[GROUPS_MAX];
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
        return (struct local_user){.kind = USER_STRANGER, .uid = (uid_t)-1};
    struct local_user u = local_user_of(allowed, peer.uid, peer.gid);
    len = sizeof(groups);
    if (u.kind != USER_STRANGER || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) != 0)
        return u;
    for (size_t i = 0; i < len / sizeof(groups[0]); i++)
        if (gid_allowed(allowed, groups[i]))
            u.kind = USER_ALLOWED;
    return u;
}
