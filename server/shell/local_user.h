/*
 * local_user.h: who is at the other end of an ipc socket, as the kernel says: this server's user and root
 * come in, others when the server was told so.
 *
 * Called by net_epoll.c and net_nng.c when they accept.
 */
#ifndef ROOST_SHELL_LOCAL_USER_H
#define ROOST_SHELL_LOCAL_USER_H

#include <stdbool.h>
#include <sys/types.h>

enum { ALLOWED_MAX = 64 };

/* Whom else to let in; set before the first connection. */
struct allowed_users {
    uid_t uids[ALLOWED_MAX];
    gid_t gids[ALLOWED_MAX];
    unsigned uid_len, gid_len;
};

/* What a connection's socket says of its peer. */
struct local_user {
    enum { USER_UNKNOWN, USER_OWN, USER_ALLOWED, USER_STRANGER } kind; /* UNKNOWN: not of this host */
    uid_t uid;
};

struct local_user local_user_of(const struct allowed_users *allowed, uid_t uid, gid_t gid);

/* The same for a socket, with all groups of the peer. */
struct local_user local_user_at(const struct allowed_users *allowed, int fd);

#endif
