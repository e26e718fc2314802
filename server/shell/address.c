/* address.c: see address.h. */
#include "shell/address.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

static int fail(char *ret_why, size_t why_len, const char *what)
{
    snprintf(ret_why, why_len, "%s: %s", what, strerror(errno));
    return -1;
}

/* Closes fd, keeping errno, and says why. */
static int fail_close(int fd, char *ret_why, size_t why_len, const char *what)
{
    int code = errno;
    close(fd);
    errno = code;
    return fail(ret_why, why_len, what);
}

/* Removes the socket file of a server that is gone; errno EADDRINUSE when somebody answers there. */
static bool remove_stale(const struct sockaddr_un *address)
{
    struct stat st;
    if (lstat(address->sun_path, &st) != 0)
        return true;
    errno = EADDRINUSE;
    if (!S_ISSOCK(st.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool answers = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;
    close(fd);
    if (answers) {
        errno = EADDRINUSE;
        return false;
    }
    return unlink(address->sun_path) == 0;
}

/* The mode is set between bind and listen: before listen nobody can connect. */
static int listen_unix(const char *path, unsigned mode, char *ret_why, size_t why_len)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path) || *path == '\0') {
        snprintf(ret_why, why_len, "a socket's path has 1 to %zu bytes", sizeof(address.sun_path) - 1);
        return -1;
    }
    strcpy(address.sun_path, path);
    if (!remove_stale(&address))
        return fail(ret_why, why_len, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail(ret_why, why_len, "socket");
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
        return fail_close(fd, ret_why, why_len, "bind");
    if (chmod(path, mode) != 0 || listen(fd, BACKLOG) != 0)
        return fail_close(fd, ret_why, why_len, "listen");
    return fd;
}

bool address_split(const char *text, char ret_host[256], char ret_port[8])
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || strlen(colon + 1) == 0 || strlen(colon + 1) >= 8)
        return false;
    size_t len = (size_t)(colon - text);
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (len >= 256)
        return false;
    memcpy(ret_host, text, len);
    ret_host[len] = '\0';
    strcpy(ret_port, colon + 1);
    return true;
}

static int bind_address(const struct addrinfo *a)
{
    int one = 1;
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int code = errno;
    close(fd);
    errno = code;
    return -1;
}

static int bound_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.v6 = {0}};
    socklen_t len = sizeof(address);
    getsockname(fd, &address.any, &len);
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

static int listen_tcp(const char *url, const char *text, char *ret_url, size_t url_len, char *ret_why,
                      size_t why_len)
{
    char host[256], port[8];
    if (!address_split(text, host, port)) {
        snprintf(ret_why, why_len, "a TCP address is host:port");
        return -1;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found;
    bool any = host[0] == '\0' || strcmp(host, "*") == 0;
    int rc = getaddrinfo(any ? NULL : host, port, &hints, &found);
    if (rc != 0) {
        snprintf(ret_why, why_len, "%s: %s", text, gai_strerror(rc));
        return -1;
    }
    int fd = -1;
    for (const struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next)
        fd = bind_address(a);
    freeaddrinfo(found);
    if (fd < 0)
        return fail(ret_why, why_len, text);
    snprintf(ret_url, url_len, "%.*s:%d", (int)(strrchr(url, ':') - url), url, bound_port(fd));
    return fd;
}

static bool is_loopback(const struct sockaddr *address)
{
    union {
        const struct sockaddr *any;
        const struct sockaddr_in *v4;
        const struct sockaddr_in6 *v6;
    } a = {.any = address};
    if (address->sa_family == AF_INET)
        return ntohl(a.v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    return address->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&a.v6->sin6_addr);
}

bool address_is_loopback(const char *url)
{
    char host[256], port[8];
    const char *text = strstr(url, "://");
    if (text == NULL || !address_split(text + 3, host, port) || host[0] == '\0' || strcmp(host, "*") == 0)
        return false;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found;
    if (getaddrinfo(host, port, &hints, &found) != 0)
        return false;
    bool all = true;
    for (const struct addrinfo *a = found; a != NULL; a = a->ai_next)
        all = all && is_loopback(a->ai_addr);
    freeaddrinfo(found);
    return all;
}

int address_listen(const char *url, unsigned socket_mode, char *ret_url, size_t url_len, char *ret_why,
                   size_t why_len)
{
    if (strncmp(url, "ipc://", 6) == 0) {
        snprintf(ret_url, url_len, "%s", url);
        return listen_unix(url + 6, socket_mode, ret_why, why_len);
    }
    return listen_tcp(url, strstr(url, "://") + 3, ret_url, url_len, ret_why, why_len);
}
