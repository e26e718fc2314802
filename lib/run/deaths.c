/* deaths.c: workers that start and end, whatever way; see engine.h. */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/error.h"
#include "base/futex.h"
#include "run/engine.h"

enum { FAILED_STARTS_MAX = 16, DEATH_WAIT_MS = 5000 };

static void describe_end(char *to, size_t size, pid_t pid, int status)
{
    if (WIFEXITED(status))
        snprintf(to, size, "it ended its worker (process %d) by exit(%d)", (int)pid, WEXITSTATUS(status));
    else
        snprintf(to, size, "its worker (process %d) was killed by signal %d (%s)", (int)pid, WTERMSIG(status),
                 sigdescr_np(WTERMSIG(status)));
}

/* Fails the item that the dead worker was at, if it had begun one and not finished it. */
static void blame(struct engine *e, struct slot *s, int status)
{
    struct channel *ch = s->place.channel;
    uint64_t current = atomic_load(&ch->current);
    struct list *first = list_first(&s->inflight);
    if (first == NULL || current == 0 || claim_next(atomic_load(&ch->claim)) == s->finished)
        return;
    struct chunk *c = container_of(first, struct chunk, link);
    if (c->cut + current_number(current) != c->done)
        return; /* its result was the last thing the worker did */
    char text[160];
    int code = ROOST_EDIED;
    if ((current & 3) == ITEM_KILLED) {
        code = ROOST_ETIMEDOUT;
        snprintf(text, sizeof(text), "over its time limit of %d ms, its worker was killed",
                 e->pool->options.time_limit_ms);
    } else {
        describe_end(text, sizeof(text), s->pid, status);
    }
    roost__pool_item_failed(e->pool, c, code, WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
                            text);
    if (c->done == c->count)
        roost__slot_finish_job(s, c);
}

/* The pool cannot work when its workers cannot start. */
static void check_start(struct engine *e, struct slot *s, const char *otherwise)
{
    uint32_t state = atomic_load(&s->place.channel->state);
    if (state == WORKER_READY) {
        e->failed_starts = 0;
    } else if (state == WORKER_REFUSED) {
        s->place.channel->message[sizeof(s->place.channel->message) - 1] = '\0';
        roost__pool_break(e->pool, s->place.channel->message);
    } else if (++e->failed_starts >= FAILED_STARTS_MAX) {
        roost__pool_break(e->pool, otherwise);
    }
}

void roost__slot_set_worker(struct engine *e, struct slot *s, pid_t pid)
{
    pthread_mutex_lock(&e->pids_lock);
    if (s->pidfd >= 0)
        close(s->pidfd);
    s->pid = pid;
    s->pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    pthread_mutex_unlock(&e->pids_lock);
}

bool roost__engine_is_over(roost_pool *p)
{
    pthread_mutex_lock(&p->lock);
    bool over = roost__pool_is_over(p);
    pthread_mutex_unlock(&p->lock);
    return over;
}

void roost__slot_want_worker(struct engine *e, struct slot *s)
{
    s->wanted = true;
    roost__keeper_fork(&e->keeper, (int)(s - e->slots));
}

/* Makes a slot as new; what it had goes back to the queue, and another worker comes. */
static void renew(struct engine *e, struct slot *s)
{
    struct list chunks;
    list_init(&chunks);
    while (!list_empty(&s->inflight)) {
        struct list *it = list_first(&s->inflight);
        list_remove(it);
        roost__chunk_cut(container_of(it, struct chunk, link));
        list_push_back(&chunks, it);
    }
    roost__place_reset(&s->place);
    roost__slot_set_worker(e, s, 0);
    s->wanted = false;
    s->count = s->finished = s->refill = 0;
    s->window = WINDOW_MIN;
    s->write_pos = 0;
    s->bulk = NULL;
    if (e->pool->broken[0] != '\0') {
        roost__pool_fail_chunks(&chunks, ROOST_EDIED, e->pool->broken);
        return;
    }
    roost__pool_give_back(e->pool, &chunks);
    if (roost__engine_is_over(e->pool))
        return;
    atomic_fetch_add(&e->pool->replaced, 1);
    roost__slot_want_worker(e, s);
}

/* The worker of s is dead; nobody else touches its place any more. */
static void bury(struct engine *e, struct slot *s, int status)
{
    roost__slot_drain(e, s);
    blame(e, s, status);
    check_start(e, s, "its workers die before they are ready");
    renew(e, s);
}

static void no_worker(struct engine *e, struct slot *s, int error)
{
    char why[160];
    snprintf(why, sizeof(why), "no worker could be forked: %s", strerror(error));
    check_start(e, s, why);
    renew(e, s);
}

void roost__engine_read_notices(struct engine *e)
{
    struct notice n;
    while (roost__keeper_notice(&e->keeper, &n)) {
        struct slot *s = &e->slots[n.slot];
        if (n.kind == NOTICE_STARTED)
            roost__slot_set_worker(e, s, n.pid);
        else if (n.kind == NOTICE_ENDED)
            bury(e, s, n.status);
        else
            no_worker(e, s, n.status);
    }
}

/* Without its keeper every worker gets SIGKILL from the kernel; begin again with another one. */
void roost__engine_replace_keeper(struct engine *e)
{
    roost__engine_read_notices(e);
    roost__keeper_stop(&e->keeper);
    for (int i = 0; i < e->size; i++) {
        struct pollfd fd = {.fd = e->slots[i].pidfd, .events = POLLIN};
        roost__slot_kill(&e->slots[i]);
        if (fd.fd >= 0)
            poll(&fd, 1, DEATH_WAIT_MS);
    }
    if (roost__keeper_start(&e->keeper, &e->shop) != ROOST_OK) {
        e->keeper = (struct keeper){.pidfd = -1, .sock = -1};
        roost__pool_break(e->pool, roost_errmsg());
    }
    for (int i = 0; i < e->size; i++)
        if (e->slots[i].wanted)
            bury(e, &e->slots[i], SIGKILL);
}
