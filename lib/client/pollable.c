/* pollable.c: see pollable.h. */
#include "client/pollable.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "client/conn.h"

static bool is_on(struct conn *c)
{
    return atomic_load(&c->pollable.on);
}

/* ---- the descriptor ---- */

static bool put_in(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static int make(struct pollable *p, int socket)
{
    p->fd = epoll_create1(EPOLL_CLOEXEC);
    p->notice = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (p->fd >= 0 && p->notice >= 0 && put_in(p->fd, p->notice) && put_in(p->fd, socket))
        return ROOST_OK;
    int rc = roost__fail_sys("cannot make a descriptor for an event loop");
    if (p->fd >= 0)
        close(p->fd);
    if (p->notice >= 0)
        close(p->notice);
    return rc;
}

int roost__pollable_fd(struct conn *c, int *ret)
{
    int rc = ROOST_OK;
    pthread_mutex_lock(&c->lock);
    if (c->code != 0)
        rc = roost__fail(c->code, "%s", c->reason);
    else if (!is_on(c) && (rc = make(&c->pollable, c->transport.fd)) == ROOST_OK) {
        atomic_store(&c->pollable.on, true);
        roost__callbacks_by_hand(c);
        roost__pollable_notice(c); /* of what was done before */
        if (!c->led)
            roost__pollable_arm(c);
    }
    if (rc == ROOST_OK)
        *ret = c->pollable.fd;
    pthread_mutex_unlock(&c->lock);
    return rc;
}

void roost__pollable_close(struct pollable *p)
{
    if (!atomic_exchange(&p->on, false))
        return;
    close(p->fd);
    close(p->notice);
}

/* ---- what makes it readable ---- */

void roost__pollable_notice(struct conn *c)
{
    uint64_t one = 1;
    if (is_on(c) && !atomic_exchange(&c->pollable.noticed, true))
        (void)!write(c->pollable.notice, &one, sizeof(one)); /* an eventfd takes it */
}

/* In this order: who finishes a call in between writes nothing, and the call is seen to be done. */
static void clear_notice(struct conn *c)
{
    uint64_t count;
    (void)!read(c->pollable.notice, &count, sizeof(count));
    atomic_store(&c->pollable.noticed, false);
}

void roost__pollable_detach(struct conn *c)
{
    if (is_on(c))
        epoll_ctl(c->pollable.fd, EPOLL_CTL_DEL, c->transport.fd, NULL);
}

bool roost__pollable_attach(struct conn *c)
{
    return !is_on(c) || put_in(c->pollable.fd, c->transport.fd);
}

void roost__pollable_disarm(struct conn *c)
{
    if (is_on(c))
        roost__transport_disarm(&c->transport);
}

void roost__pollable_arm(struct conn *c)
{
    if (is_on(c) && !roost__transport_arm(&c->transport))
        roost__pollable_notice(c);
}

/* ---- dispatch ---- */

/* Takes what has come. False: the stream has ended, and the thread of pulse.c is to resume it: that takes
 * time. */
static bool look(struct conn *c)
{
    bool goes_on = roost__conn_look(c, !c->pulse.runs);
    if (!goes_on)
        roost__pollable_detach(c);
    clear_notice(c);
    return goes_on;
}

static int code_of(struct conn *c)
{
    pthread_mutex_lock(&c->lock);
    int rc = c->code != 0 ? roost__fail(c->code, "%s", c->reason) : ROOST_OK;
    pthread_mutex_unlock(&c->lock);
    return rc;
}

int roost__pollable_dispatch(struct conn *c)
{
    if (!is_on(c))
        return roost__fail(ROOST_EINVAL, "roost_manager_fd() was not called in this process");
    clear_notice(c); /* before the lead is asked for: who has it now will say what he leaves */
    roost__send_held(c);
    if (roost__conn_try_lead(c)) {
        bool goes_on = look(c);
        roost__conn_hand_on(c);
        if (!goes_on)
            roost__pulse_poke(c);
    }
    roost__callbacks_run(c);
    return code_of(c);
}
