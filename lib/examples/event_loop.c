/*
 * event_loop.c: a program of one thread that waits for a timer and for a server at once, in epoll.
 *
 * Every 2 ms the timer has an item put into a queue; a get is always under way, and its callback asks for the
 * next. Nothing here blocks but epoll_wait(): roost_manager_fd() is readable when something has come, and
 * roost_manager_dispatch() calls the callbacks.
 *
 *   $ example_event_loop
 *   ticks 10, items 10, sum 45
 */
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "die.h"

enum { TICKS = 10, EVERY_NS = 2000000 };

struct state {
    roost_queue *queue;
    int ticks, items;
    int64_t sum;
    int failed;
};

static void on_put(roost_pending *p, void *arg)
{
    struct state *s = arg;
    if (roost_pending_result(p, NULL, 0) != 0)
        s->failed = roost_die("put");
}

static void ask(struct state *s);

static void on_item(roost_pending *p, void *arg)
{
    struct state *s = arg;
    roost_value v;
    if (roost_pending_result(p, &v, 0) != 0) {
        s->failed = roost_die("get");
        return;
    }
    s->sum += v.as.i;
    if (++s->items < TICKS)
        ask(s);
}

/* The callback borrows the call: it stays until it is done. */
static void call_back(struct state *s, int rc, roost_pending *p, roost_pending_callback fn)
{
    if (rc != 0 || roost_pending_add_done_callback(p, fn, s) != 0)
        s->failed = roost_die("ask");
    if (rc == 0)
        roost_pending_free(p);
}

static void ask(struct state *s)
{
    roost_pending *get;
    int rc = roost_async(&get, 0, roost_queue_get(s->queue, NULL, -1));
    call_back(s, rc, get, on_item);
}

static void on_tick(struct state *s, int timer)
{
    uint64_t times = 0;
    roost_pending *put;
    if (read(timer, &times, sizeof(times)) != (ssize_t)sizeof(times))
        return;
    for (; times > 0 && s->ticks < TICKS; times--) {
        int rc = roost_async(&put, 0, roost_queue_put(s->queue, roost_int(s->ticks++), -1));
        call_back(s, rc, put, on_put);
    }
}

static int watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static void loop(struct state *s, roost_manager *m, int epoll, int timer)
{
    ask(s);
    while (s->items < TICKS && s->failed == 0) {
        struct epoll_event event;
        if (epoll_wait(epoll, &event, 1, -1) < 1)
            continue;
        if (event.data.fd == timer)
            on_tick(s, timer);
        else if (roost_manager_dispatch(m) != 0)
            s->failed = roost_die("dispatch");
    }
}

int main(int argc, char **argv)
{
    struct itimerspec every = {.it_value.tv_nsec = EVERY_NS, .it_interval.tv_nsec = EVERY_NS};
    struct state s = {.queue = NULL};
    roost_manager *m;
    if (open_manager(argc, argv, &m) != 0 || roost_queue_new(m, 0, &s.queue) != 0)
        return roost_die("start");
    int epoll = epoll_create1(EPOLL_CLOEXEC), timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    int fd = roost_manager_fd(m);
    if (fd < 0)
        return roost_die("descriptor");
    if (epoll < 0 || timer < 0 || watch(epoll, fd) != 0 || watch(epoll, timer) != 0 ||
        timerfd_settime(timer, 0, &every, NULL) != 0) {
        perror("epoll");
        return 1;
    }
    loop(&s, m, epoll, timer);
    printf("ticks %d, items %d, sum %lld\n", s.ticks, s.items, (long long)s.sum);
    close(timer);
    close(epoll);
    roost_queue_close(s.queue);
    return roost_manager_shutdown(m) != 0 || s.failed != 0;
}
