/* stage.c: see stage.h. */
#include "tests/support/test.h"

#include "tests/cluster/nodes.h"
#include "tests/proof/stage.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000 };

static void open_cluster(struct stage *s)
{
    static const char *const soon[] = {"--election-ms", "300", NULL};
    cluster_make(3, soon);
    world_start_cluster(&s->world);
}

void stage_open(struct stage *s, const struct waitable *what, enum stage_server server)
{
    *s = (struct stage){.what = what, .server = server};
    if (server == CLUSTER) {
        open_cluster(s);
        return;
    }
    (server == DURABLE ? world_start_durable : world_start)(&s->world, getenv("ROOSTD"), "127.0.0.1");
    proxy_start(&s->proxy, s->world.tcp);
}

void stage_close(struct stage *s)
{
    for (int i = 0; i < s->actor_count; i++)
        if (s->actors[i].pid != 0)
            stage_kill(&s->actors[i]);
    if (s->server != CLUSTER)
        proxy_stop(&s->proxy);
    world_stop(&s->world);
}

/* ---- in the actor ---- */

static void say(const struct actor *a, const struct report *r)
{
    if (write(a->line, r, sizeof(*r)) != sizeof(*r))
        _exit(1); /* nobody listens */
}

static void obey(const struct waitable *what, struct actor *a)
{
    for (char order; read(a->line, &order, 1) == 1;) {
        struct report r = {0};
        int (*deed)(struct actor *, struct report *) = order == HOLD    ? what->hold
                                                       : order == WAIT  ? what->wait
                                                       : order == CARRY ? what->carry
                                                                        : what->release;
        r.rc = deed != NULL ? deed(a, &r) : 0;
        say(a, &r);
    }
    _exit(0);
}

static void act(const struct waitable *what, struct actor *a, const char *url, roost_options options)
{
    struct report r = {0};
    r.rc = roost_connect(url, &options, &a->m);
    if (r.rc == 0)
        r.rc = what->open(a);
    if (r.rc != 0)
        fprintf(stderr, "%s\n", roost_errmsg());
    say(a, &r);
    obey(what, a);
}

/* ---- on the stage ---- */

struct actor *stage_actor(struct stage *s, const char *url, roost_options options)
{
    int line[2];
    assert_true(s->actor_count < ACTORS_MAX);
    struct actor *a = &s->actors[s->actor_count++];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line), 0);
    a->pid = world_fork(line[1]);
    if (a->pid == 0) {
        a->line = line[1];
        act(s->what, a, url, options);
    }
    close(line[1]);
    a->line = line[0];
    assert_int_equal(stage_report(a).rc, 0);
    return a;
}

static void give(struct actor *a, enum order order)
{
    char c = (char)order;
    assert_int_equal(write(a->line, &c, 1), 1);
}

struct report stage_report(struct actor *a)
{
    struct report r;
    struct pollfd fd = {.fd = a->line, .events = POLLIN};
    if (poll(&fd, 1, PATIENCE_MS) != 1)
        fail_msg("an actor still waits after %d ms", PATIENCE_MS);
    assert_int_equal(read(a->line, &r, sizeof(r)), sizeof(r));
    return r;
}

struct report stage_do(struct actor *a, enum order order)
{
    give(a, order);
    return stage_report(a);
}

void stage_wait(struct stage *s, struct actor *a, enum order order, int waiters)
{
    give(a, order);
    world_await(&s->world, "waiters", waiters);
}

bool stage_waits(struct stage *s, struct actor *a)
{
    struct pollfd fd = {.fd = a->line, .events = POLLIN};
    return world_info(&s->world, "waiters") > 0 && poll(&fd, 1, 0) == 0;
}

void stage_kill(struct actor *a)
{
    kill(a->pid, SIGKILL);
    assert_true(WIFSIGNALED(world_reap(a->pid)));
    close(a->line);
    a->pid = 0;
}

void stage_stop(struct actor *a)
{
    int status;
    kill(a->pid, SIGSTOP);
    assert_int_equal(waitpid(a->pid, &status, WUNTRACED), a->pid);
    assert_true(WIFSTOPPED(status));
}

void stage_continue(struct actor *a)
{
    kill(a->pid, SIGCONT);
}
