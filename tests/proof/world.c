/* world.c: see world.h. */
#include "tests/support/test.h"

#include "tests/cluster/nodes.h"
#include "tests/proof/world.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void world_ok(int rc, const char *what)
{
    if (rc != 0)
        fail_msg("%s: %s", what, roost_errmsg());
}

int64_t world_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int world_reap(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) != pid)
        assert_int_equal(errno, EINTR);
    return status;
}

static void close_all_but(int keep)
{
    enum { FIRST = STDERR_FILENO + 1 };
    if (keep > FIRST)
        close_range(FIRST, (unsigned)keep - 1, 0);
    close_range(keep < 0 ? FIRST : (unsigned)keep + 1, ~0u, 0);
}

pid_t world_fork(int keep)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves none behind */
        close_all_but(keep);
    }
    return pid;
}

static _Noreturn void serve(const struct world *w, int ready)
{
    char fd[16], data[128];
    const char *args[] = {"roostd",
                          "--insecure",
                          "--listen",
                          w->tcp,
                          "--listen",
                          w->ipc,
                          "--ready-fd",
                          fd,
                          "--log-level",
                          "error",
                          w->durable ? "--data" : NULL,
                          data,
                          NULL};
    snprintf(fd, sizeof(fd), "%d", ready);
    snprintf(data, sizeof(data), "%s/data", w->folder);
    execv(w->roostd, (char *const *)(uintptr_t)args);
    _exit(127);
}

/* Runs the server; returns when it listens, with the address it has chosen. */
static void launch(struct world *w)
{
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    w->server = world_fork(ready[1]);
    if (w->server == 0)
        serve(w, ready[1]);
    close(ready[1]);
    FILE *from = fdopen(ready[0], "r");
    assert_non_null(fgets(w->tcp, sizeof(w->tcp), from));
    w->tcp[strcspn(w->tcp, "\n")] = '\0';
    fclose(from);
    OK(roost_connect(w->ipc, NULL, &w->m));
}

static void start(struct world *w, const char *roostd, const char *host, bool durable)
{
    assert_non_null(roostd);
    *w = (struct world){.roostd = roostd, .folder = "/tmp/roost-proof-XXXXXX", .durable = durable};
    assert_non_null(mkdtemp(w->folder));
    snprintf(w->tcp, sizeof(w->tcp), "tcp://%s:0", host);
    snprintf(w->ipc, sizeof(w->ipc), "ipc://%s/s", w->folder);
    launch(w);
}

void world_start(struct world *w, const char *roostd, const char *host)
{
    start(w, roostd, host, false);
}

void world_start_durable(struct world *w, const char *roostd, const char *host)
{
    start(w, roostd, host, true);
}

void world_start_cluster(struct world *w)
{
    const roost_options options = {.grace_ms = 600000,
                                   .lease_ms = 500}; /* undisturbed, whatever befalls the nodes */
    *w = (struct world){.roostd = NULL};
    for (int id = 1; id <= NODES; id++)
        if (nodes[id].url[0] != '\0')
            node_start(id);
    strcpy(w->tcp, cluster_urls);
    strcpy(w->ipc, cluster_urls);
    await_leader();
    OK(roost_connect(cluster_urls, &options, &w->m));
}

void world_restart(struct world *w)
{
    kill(w->server, SIGKILL);
    world_reap(w->server);
    roost_manager_close(w->m);
    launch(w);
}

static void remove_data(const struct world *w)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -r %s/data", w->folder);
    assert_int_equal(system(command), 0);
}

void world_stop(struct world *w)
{
    roost_manager_close(w->m);
    if (w->roostd == NULL) {
        cluster_end();
        return;
    }
    kill(w->server, SIGTERM);
    int status = world_reap(w->server);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    char lockfile[128];
    snprintf(lockfile, sizeof(lockfile), "%s/s.lock", w->folder);
    unlink(lockfile);
    if (w->durable)
        remove_data(w);
    assert_int_equal(rmdir(w->folder), 0);
}

int64_t world_info(struct world *w, const char *what)
{
    roost_value v;
    OK(roost_server_info(w->m, &v));
    int64_t n = roost_map_get(v, roost_str(what))->as.i;
    roost_value_free(&v);
    return n;
}

void world_await(struct world *w, const char *what, int64_t value)
{
    int64_t end = world_now() + 20000000000;
    while (world_info(w, what) != value)
        if (world_now() > end)
            fail_msg("%s is %lld, not %lld", what, (long long)world_info(w, what), (long long)value);
}
