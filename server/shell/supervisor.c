/* supervisor.c: see supervisor.h. */
#include "shell/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "shell/log.h"

enum { FIRST_FD = 3 }; /* SD_LISTEN_FDS_START */

/* ---- sockets ---- */

union address {
    struct sockaddr any;
    struct sockaddr_un un;
    struct sockaddr_storage room;
};

static bool listens(int fd)
{
    int type = 0, accepts = 0;
    socklen_t len = sizeof(type);
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM &&
           getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &len) == 0 && accepts != 0;
}

static bool ipc_url(const union address *a, socklen_t len, char url[URL_MAX])
{
    size_t path_len =
        len > offsetof(struct sockaddr_un, sun_path) ? strnlen(a->un.sun_path, sizeof(a->un.sun_path)) : 0;
    snprintf(url, URL_MAX, "ipc://%.*s", (int)path_len, a->un.sun_path);
    return path_len > 0; /* an abstract name begins with a NUL */
}

static bool tcp_url(const union address *a, socklen_t len, char url[URL_MAX])
{
    char host[128], port[8];
    if (getnameinfo(&a->any, len, host, sizeof(host), port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) !=
        0)
        return false;
    snprintf(url, URL_MAX, a->any.sa_family == AF_INET6 ? "tcp://[%s]:%s" : "tcp://%s:%s", host, port);
    return true;
}

static bool url_of(int fd, char url[URL_MAX])
{
    union address a = {.room = {0}};
    socklen_t len = sizeof(a);
    if (getsockname(fd, &a.any, &len) != 0)
        return false;
    return a.any.sa_family == AF_UNIX ? ipc_url(&a, len, url) : tcp_url(&a, len, url);
}

/* A number in a variable, which is not left to children; 0 without it. */
static long take_number(const char *variable)
{
    const char *text = getenv(variable);
    long n = text != NULL ? strtol(text, NULL, 10) : 0;
    unsetenv(variable);
    return n;
}

int supervisor_take(struct handed_over *ret, int max)
{
    long pid = take_number("LISTEN_PID"), n = take_number("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    if (pid != getpid() || n <= 0)
        return 0;
    if (n > max) {
        log_error("%ld sockets were handed over: at most %d", n, max);
        return -1;
    }
    for (int i = 0; i < n; i++) {
        ret[i].fd = FIRST_FD + i;
        if (!listens(ret[i].fd) || !url_of(ret[i].fd, ret[i].url)) {
            log_error("descriptor %d, which was handed over, is no listening Unix or TCP socket", ret[i].fd);
            return -1;
        }
        fcntl(ret[i].fd, F_SETFD, FD_CLOEXEC);
        fcntl(ret[i].fd, F_SETFL, fcntl(ret[i].fd, F_GETFL) | O_NONBLOCK);
    }
    return (int)n;
}

/* ---- words ---- */

void supervisor_tell(const char *state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    size_t len = path != NULL ? strlen(path) : 0;
    if (len == 0 || len >= sizeof(address.sun_path))
        return;
    memcpy(address.sun_path, path, len);
    if (*path == '@') /* an abstract name */
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (fd < 0 ||
        sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address, address_len) < 0)
        log_warn("cannot tell the service manager %s: %s", state, strerror(errno));
    if (fd >= 0)
        close(fd);
}
