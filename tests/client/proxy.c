/* proxy.c: see proxy.h. */
#include "tests/support/test.h"

#include "tests/client/proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/encode.h"
#include "wire/frame.h"

static struct sockaddr_in local(int port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void close_pair(struct pair *pair)
{
    struct linger at_once = {.l_onoff = 1};
    setsockopt(pair->client, SOL_SOCKET, SO_LINGER, &at_once,
               sizeof(at_once)); /* RST: what is queued is lost */
    close(pair->client);
    close(pair->server);
    pair->client = pair->server = -1;
}

static void cut_all(struct proxy *p)
{
    for (int i = 0; i < PAIRS_MAX; i++)
        if (p->pairs[i].client >= 0)
            close_pair(&p->pairs[i]);
}

static void wake(struct proxy *p)
{
    assert_int_equal(write(p->wake[1], "w", 1), 1);
}

void proxy_cut(struct proxy *p)
{
    pthread_mutex_lock(&p->lock);
    cut_all(p);
    pthread_mutex_unlock(&p->lock);
    wake(p);
}

void proxy_set(struct proxy *p, atomic_bool *what, bool on)
{
    atomic_store(what, on);
    wake(p);
}

void proxy_lose_answers(struct proxy *p, unsigned microseconds)
{
    proxy_set(p, &p->refuses, true);
    proxy_set(p, &p->swallows, true);
    usleep(microseconds);
    proxy_cut(p);
    proxy_set(p, &p->swallows, false);
    proxy_set(p, &p->refuses, false);
}

static int connect_server(struct proxy *p)
{
    struct sockaddr_in address = local(atomic_load(&p->port));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

void proxy_lead(struct proxy *p, const char *leader)
{
    atomic_store(&p->leader, leader);
    if (leader != NULL)
        proxy_cut(p);
}

/* GOODBYE ENOTLEADER, once HELLO has come: bytes that nobody reads would spoil it. */
static void send_on(int fd, const char *leader)
{
    uint8_t hello[8192];
    struct buf b = buf_make(1024);
    ssize_t n = recv(fd, hello, sizeof(hello), 0);
    frame_begin(&b);
    roost__put_array(&b, 4);
    roost__put_uint(&b, FRAME_GOODBYE);
    roost__put_int(&b, ROOST_ENOTLEADER);
    roost__put_cstr(&b, "this server does not lead");
    roost__put_map(&b, leader[0] != '\0');
    if (leader[0] != '\0') {
        roost__put_cstr(&b, "leader");
        roost__put_cstr(&b, leader);
    }
    assert_true(roost__frame_end(&b, 0));
    if (n > 0)
        (void)!send(fd, b.data, b.len, MSG_NOSIGNAL);
    roost__buf_free(&b);
    close(fd);
}

static void on_accept(struct proxy *p)
{
    int fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
    const char *leader = atomic_load(&p->leader);
    if (leader != NULL && !atomic_load(&p->refuses)) {
        send_on(fd, leader);
        atomic_fetch_add(&p->asked, 1);
        return;
    }
    int server = atomic_load(&p->refuses) ? -1 : connect_server(p);
    if (server < 0) {
        close(fd);
        atomic_fetch_add(&p->refused, 1);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    for (int i = 0; i < PAIRS_MAX; i++)
        if (p->pairs[i].client < 0) {
            p->pairs[i] = (struct pair){fd, server};
            atomic_fetch_add(&p->accepted, 1);
            return;
        }
    close(fd);
    close(server);
}

/* Moves bytes one way; false when that way has ended. */
static bool forward(struct proxy *p, int from, int to, bool swallow)
{
    char bytes[4096];
    ssize_t n = recv(from, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (n <= 0)
        return false;
    long left = atomic_load(&p->cut_after);
    if (left > 0) {
        ssize_t part = n < left ? n : left;
        (void)!send(to, bytes, (size_t)part, MSG_NOSIGNAL);
        atomic_fetch_sub(&p->cut_after, part);
        return left > n;
    }
    return swallow || send(to, bytes, (size_t)n, MSG_NOSIGNAL) == n;
}

static void on_pair(struct proxy *p, struct pair *pair)
{
    struct pollfd fds[] = {{.fd = pair->client, .events = POLLIN}, {.fd = pair->server, .events = POLLIN}};
    if (pair->client < 0 || poll(fds, 2, 0) <= 0)
        return;
    if ((fds[0].revents != 0 && !forward(p, pair->client, pair->server, false)) ||
        (fds[1].revents != 0 && !forward(p, pair->server, pair->client, atomic_load(&p->swallows))))
        close_pair(pair);
}

static void wait_for_news(struct proxy *p)
{
    struct pollfd fds[2 + 2 * PAIRS_MAX];
    nfds_t n = 2;
    fds[0] = (struct pollfd){.fd = p->wake[0], .events = POLLIN};
    fds[1] = (struct pollfd){.fd = p->listener, .events = POLLIN};
    pthread_mutex_lock(&p->lock);
    for (int i = 0; i < PAIRS_MAX && !atomic_load(&p->holds); i++)
        if (p->pairs[i].client >= 0) {
            fds[n++] = (struct pollfd){.fd = p->pairs[i].client, .events = POLLIN};
            fds[n++] = (struct pollfd){.fd = p->pairs[i].server, .events = POLLIN};
        }
    pthread_mutex_unlock(&p->lock);
    poll(fds, n, -1);
    char bytes[64];
    if (fds[0].revents != 0)
        assert_true(read(p->wake[0], bytes, sizeof(bytes)) > 0);
    pthread_mutex_lock(&p->lock);
    if (fds[1].revents != 0)
        on_accept(p);
    for (int i = 0; i < PAIRS_MAX && !atomic_load(&p->holds); i++)
        on_pair(p, &p->pairs[i]);
    pthread_mutex_unlock(&p->lock);
}

static void *proxy_main(void *arg)
{
    struct proxy *p = arg;
    while (!atomic_load(&p->ends))
        wait_for_news(p);
    return NULL;
}

void proxy_start(struct proxy *p, const char *server_url)
{
    struct sockaddr_in address = local(0);
    socklen_t len = sizeof(address);
    memset(p, 0, sizeof(*p));
    p->port = atoi(strrchr(server_url, ':') + 1);
    for (int i = 0; i < PAIRS_MAX; i++)
        p->pairs[i].client = p->pairs[i].server = -1;
    pthread_mutex_init(&p->lock, NULL);
    assert_int_equal(pipe(p->wake), 0);
    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(p->listener, (const struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(p->listener, 64), 0);
    assert_int_equal(getsockname(p->listener, (struct sockaddr *)&address, &len), 0);
    snprintf(p->url, sizeof(p->url), "tcp://127.0.0.1:%d", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&p->thread, NULL, proxy_main, p), 0);
}

void proxy_stop(struct proxy *p)
{
    proxy_set(p, &p->ends, true);
    pthread_join(p->thread, NULL);
    cut_all(p);
    close(p->listener);
    close(p->wake[0]);
    close(p->wake[1]);
    pthread_mutex_destroy(&p->lock);
}
