/* keeper.c: the process that keeps a pool's workers; see keeper.h. */
#include "run/keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/error.h"
#include "base/futex.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

enum order { ORDER_STOP = -1 }; /* other orders are the numbers of slots to fork for */

enum { STOP_WAIT_MS = 5000 };

/* ---- in the keeper ---- */

struct house {
    const struct workshop *shop;
    int sock;
    int signals; /* a signalfd of SIGCHLD */
    int program; /* a pidfd */
    pid_t self;
    pid_t *pids; /* by slot; 0: empty */
};

static void tell(struct house *h, struct notice n)
{
    send(h->sock, &n, sizeof(n), MSG_NOSIGNAL); /* no program, no need */
}

static _Noreturn void be_worker(struct house *h, int slot)
{
    sigset_t none;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != h->self)
        _exit(128 + SIGKILL); /* the keeper died before the kernel knew of our wish */
    prctl(PR_SET_NAME, "roost-worker");
    close(h->sock);
    close(h->signals);
    close(h->program);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    roost__worker_main(h->shop, slot);
}

static void fork_worker(struct house *h, int slot)
{
    pid_t pid = fork();
    if (pid == 0)
        be_worker(h, slot);
    if (pid < 0) {
        tell(h, (struct notice){.kind = NOTICE_NO_FORK, .slot = slot, .status = errno});
        return;
    }
    h->pids[slot] = pid;
    tell(h, (struct notice){.kind = NOTICE_STARTED, .slot = slot, .pid = pid});
}

static int slot_of(struct house *h, pid_t pid)
{
    for (int i = 0; i < h->shop->options.size; i++)
        if (h->pids[i] == pid)
            return i;
    return -1;
}

static void reap(struct house *h)
{
    struct signalfd_siginfo info;
    int status;
    pid_t pid;
    if (read(h->signals, &info, sizeof(info)) < 0 && errno != EAGAIN)
        return;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        int slot = slot_of(h, pid);
        if (slot < 0)
            continue; /* a grandchild that came to us */
        h->pids[slot] = 0;
        tell(h, (struct notice){.kind = NOTICE_ENDED, .slot = slot, .pid = pid, .status = status});
    }
}

static _Noreturn void end_house(struct house *h)
{
    for (int i = 0; i < h->shop->options.size; i++)
        if (h->pids[i] > 0)
            kill(h->pids[i], SIGKILL); /* ours and not reaped: the number is theirs */
    for (int i = 0; i < h->shop->options.size; i++)
        if (h->pids[i] > 0)
            waitpid(h->pids[i], NULL, 0);
    _exit(0);
}

static void obey(struct house *h)
{
    int32_t order;
    ssize_t n = recv(h->sock, &order, sizeof(order), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n != sizeof(order) || order == ORDER_STOP)
        end_house(h);
    fork_worker(h, order);
}

static int catch_children(void)
{
    sigset_t set;
    signal(SIGINT, SIG_IGN); /* Ctrl-C is the program's to answer */
    signal(SIGTERM, SIG_DFL);
    signal(SIGCHLD, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_SETMASK, &set, NULL);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static _Noreturn void keep(const struct workshop *shop, int sock, int program)
{
    struct house h = {.shop = shop, .sock = sock, .program = program, .self = getpid()};
    prctl(PR_SET_NAME, "roost-keeper");
    __fpurge(stdout); /* what the program had not written yet is the program's to write */
    __fpurge(stderr);
    h.pids = calloc((size_t)shop->options.size, sizeof(*h.pids));
    h.signals = catch_children();
    if (h.pids == NULL || h.signals < 0)
        _exit(1);
    struct pollfd fds[] = {{.fd = sock, .events = POLLIN},
                           {.fd = h.signals, .events = POLLIN},
                           {.fd = program, .events = POLLIN}};
    for (;;) {
        poll(fds, 3, -1);
        if (fds[2].revents != 0)
            end_house(&h);
        if (fds[1].revents != 0)
            reap(&h);
        if (fds[0].revents != 0)
            obey(&h);
    }
}

/* ---- in the program ---- */

int roost__keeper_start(struct keeper *k, const struct workshop *shop)
{
    int pair[2];
    int program = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (program < 0)
        return roost__fail_sys("pool: pidfd_open");
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        close(program);
        return roost__fail_sys("pool: socketpair");
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(pair[0]);
        keep(shop, pair[1], program);
    }
    int rc = pid < 0 ? roost__fail_sys("pool: fork") : ROOST_OK;
    close(pair[1]);
    close(program);
    int pidfd = rc == ROOST_OK ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    if (rc == ROOST_OK && pidfd < 0) {
        rc = roost__fail_sys("pool: pidfd_open");
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    if (rc != ROOST_OK) {
        close(pair[0]);
        return rc;
    }
    *k = (struct keeper){.pid = pid, .pidfd = pidfd, .sock = pair[0]};
    return ROOST_OK;
}

static void order(struct keeper *k, int32_t what)
{
    send(k->sock, &what, sizeof(what), MSG_NOSIGNAL); /* to a dead keeper: its end is noticed elsewhere */
}

void roost__keeper_fork(struct keeper *k, int slot)
{
    order(k, slot);
}

bool roost__keeper_notice(struct keeper *k, struct notice *ret)
{
    return recv(k->sock, ret, sizeof(*ret), MSG_DONTWAIT) == sizeof(*ret);
}

bool roost__keeper_is_dead(struct keeper *k)
{
    struct pollfd fd = {.fd = k->pidfd, .events = POLLIN};
    return poll(&fd, 1, 0) > 0;
}

void roost__keeper_stop(struct keeper *k)
{
    struct pollfd fd = {.fd = k->pidfd, .events = POLLIN};
    siginfo_t info;
    order(k, ORDER_STOP);
    int64_t deadline = deadline_after(STOP_WAIT_MS);
    while (poll(&fd, 1, deadline_left_ms(deadline)) < 0 && errno == EINTR)
        continue;
    syscall(SYS_pidfd_send_signal, k->pidfd, SIGKILL, NULL, 0);
    while (waitid(P_PIDFD, (id_t)k->pidfd, &info, WEXITED) < 0 && errno == EINTR)
        continue;
    close(k->pidfd);
    close(k->sock);
}
