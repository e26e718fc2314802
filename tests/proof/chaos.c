/* chaos.c: see chaos.h. */
#include "tests/support/test.h"

#include "tests/proof/chaos.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct client {
    pid_t pid;
    int lives;
    int64_t goes_on; /* when a stopped one is continued; 0: it runs */
};

struct run {
    struct chaos *c;
    struct world *w;
    struct client clients[CLIENTS_MAX];
    uint64_t random;
};

static uint64_t chance(struct run *r, uint64_t n)
{
    r->random = r->random * 6364136223846793005u + 1442695040888963407u;
    return n == 0 ? 0 : (r->random >> 33) % n;
}

static void give_birth(struct run *r, int client)
{
    pid_t pid = world_fork(-1);
    if (pid == 0) {
        r->c->live(r->c->arg, client, r->clients[client].lives);
        _exit(EXIT_FAILURE);
    }
    r->clients[client].pid = pid;
    r->clients[client].lives++;
}

static void kill_one(struct run *r, int client)
{
    struct client *victim = &r->clients[client];
    if (r->c->mortal != NULL && !r->c->mortal(client))
        return;
    kill(victim->pid, SIGKILL);
    int status = world_reap(victim->pid);
    if (!WIFSIGNALED(status)) /* it had ended by itself: some answer was wrong */
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    victim->goes_on = 0;
    r->c->did.kills++;
    give_birth(r, client);
}

static void stop_one(struct run *r, int client)
{
    if (r->c->stop_ms_max == 0 || r->clients[client].goes_on != 0)
        return;
    kill(r->clients[client].pid, SIGSTOP);
    r->clients[client].goes_on = world_now() + (int64_t)chance(r, (uint64_t)r->c->stop_ms_max) * 1000000;
    r->c->did.stops++;
}

static void continue_due(struct run *r, int64_t now)
{
    for (int i = 0; i < r->c->clients; i++)
        if (r->clients[i].goes_on != 0 && r->clients[i].goes_on <= now) {
            kill(r->clients[i].pid, SIGCONT);
            r->clients[i].goes_on = 0;
        }
}

static void stop_server(struct run *r)
{
    kill(r->w->server, SIGSTOP);
    usleep((useconds_t)chance(r, (uint64_t)r->c->stop_ms_max * 1000));
    kill(r->w->server, SIGCONT);
    r->c->did.server_stops++;
}

static void strike(struct run *r)
{
    int client = (int)chance(r, (uint64_t)r->c->clients);
    switch (chance(r, 8)) {
    case 0:
    case 1:
        kill_one(r, client);
        break;
    case 2:
    case 3:
        stop_one(r, client);
        break;
    case 4:
        if (r->c->stops_server)
            stop_server(r);
        break;
    default:
        if (r->c->cut == NULL)
            break;
        r->c->cut(r->c->arg, chance(r, UINT32_MAX));
        r->c->did.cuts++;
    }
}

static void end_all(struct run *r)
{
    continue_due(r, INT64_MAX);
    if (r->c->look != NULL)
        r->c->look(r->c->arg, INT64_MAX);
    r->c->finish(r->c->arg);
    for (int i = 0; i < r->c->clients; i++) {
        int status = world_reap(r->clients[i].pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
}

void chaos_run(struct chaos *c, struct world *w)
{
    struct run r = {.c = c, .w = w, .random = c->seed};
    assert_true(c->clients <= CLIENTS_MAX);
    for (int i = 0; i < c->clients; i++)
        give_birth(&r, i);
    for (int64_t end = world_now() + c->duration_ms * 1000000; world_now() < end;) {
        usleep((useconds_t)chance(&r, (uint64_t)c->pause_us_max));
        continue_due(&r, world_now());
        if (c->look != NULL)
            c->look(c->arg, world_now());
        strike(&r);
    }
    end_all(&r);
}
