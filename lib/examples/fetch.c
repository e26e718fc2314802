/*
 * fetch.c: fetches URLs with a pool of threads: while one waits for the network, the others go on.
 *
 *   $ example_fetch http://127.0.0.1:8000/a http://127.0.0.1:8000/b …
 *   http://127.0.0.1:8000/a: 1200 bytes
 *   http://127.0.0.1:8000/b: task fetch: HTTP 404       a failure is that URL's own
 */
#include "die.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int dial(const char *host, const char *port)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *all;
    int fd = -1;
    if (getaddrinfo(host, port, &hints, &all) != 0)
        return -1;
    for (const struct addrinfo *a = all; a != NULL && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(all);
    return fd;
}

/* Reads an HTTP/1.0 answer to its end. Its first bytes, with the header, stay in head. -1: the read failed.
 */
static ssize_t read_answer(int fd, char *head, size_t size)
{
    char buf[4096];
    ssize_t n, total = 0;
    while ((n = read(fd, buf, sizeof(buf))) > 0) {
        if ((size_t)total < size - 1) {
            size_t room = size - 1 - (size_t)total;
            memcpy(head + total, buf, (size_t)n < room ? (size_t)n : room);
        }
        total += n;
    }
    head[(size_t)total < size ? (size_t)total : size - 1] = '\0';
    return n < 0 ? -1 : total;
}

/* args: a URL such as http://host:port/path; the result is the length of the body. */
static int fetch(const roost_value *args, roost_value *result)
{
    char host[256], port[8], path[1024] = "", head[8192];
    if (sscanf(args->as.items[0].as.s, "http://%255[^:/]:%7[0-9]/%1023s", host, port, path) < 2)
        return roost_task_fail("not http://host:port/path");
    int fd = dial(host, port);
    if (fd < 0)
        return roost_task_fail("no connection to %s:%s", host, port);
    dprintf(fd, "GET /%s HTTP/1.0\r\nHost: %s\r\n\r\n", path, host);
    ssize_t total = read_answer(fd, head, sizeof(head));
    close(fd);
    const char *body = strstr(head, "\r\n\r\n"), *space = strchr(head, ' ');
    long status = space != NULL ? strtol(space, NULL, 10) : 0;
    if (total < 0 || status == 0 || body == NULL)
        return roost_task_fail("no HTTP answer");
    if (status != 200)
        return roost_task_fail("HTTP %ld", status);
    *result = roost_int(total - (body + 4 - head));
    return 0;
}

int main(int argc, char **argv)
{
    enum { MOST = 64 };
    roost_pool *pool;
    roost_future *futures[MOST];
    int n = argc - 1, failed = 0;
    if (n < 1 || n > MOST) {
        fprintf(stderr, "usage: %s URL… (at most %d)\n", argv[0], MOST);
        return 2;
    }
    if (roost_pool_new(&(roost_pool_options){.size = 4, .threads = true}, &pool) != 0)
        return roost_die("pool");
    for (int i = 0; i < n; i++)
        if (roost_pool_apply_async(pool, fetch, roost_list_of(roost_str(argv[i + 1])), NULL, &futures[i]) !=
            0)
            return roost_die("apply_async");
    for (int i = 0; i < n; i++) {
        roost_value length;
        if (roost_future_result(futures[i], &length, -1) == 0) {
            printf("%s: %lld bytes\n", argv[i + 1], (long long)length.as.i);
        } else {
            printf("%s: %s\n", argv[i + 1], roost_errmsg());
            failed = 1;
        }
        roost_future_free(futures[i]);
    }
    roost_pool_free(pool);
    return failed;
}
