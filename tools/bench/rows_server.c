/*
 * rows_server.c: one synchronous client of a server, over ipc and tcp, against Python's Manager over the
 * same.
 */
#include <roost/roost.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

static struct {
    roost_manager *m;
    roost_dict *d;
    roost_queue *q;
    roost_lock *l;
    pid_t server; /* of the tcp rows */
} s;

static int complain(void)
{
    fprintf(stderr, "%s\n", roost_errmsg());
    return -1;
}

static int make_objects(void)
{
    if (roost_dict_new(s.m, &s.d) != 0 || roost_queue_new(s.m, 0, &s.q) != 0 ||
        roost_lock_new(s.m, &s.l) != 0 || roost_dict_set(s.d, roost_str("key"), roost_int(1)) != 0)
        return complain();
    return 0;
}

static int begin_ipc(void)
{
    return roost_manager_start(NULL, &s.m) != 0 ? complain() : make_objects();
}

/* A roostd of our own on a free port of the loopback. */
static int begin_tcp(void)
{
    int ready[2];
    char url[128] = "", fd[16];
    const char *roostd = getenv("ROOSTD");
    if (pipe(ready) != 0)
        return -1;
    s.server = fork();
    if (s.server == 0) {
        snprintf(fd, sizeof(fd), "%d", ready[1]);
        close(ready[0]);
        execlp(roostd != NULL ? roostd : "roostd", "roostd", "--listen", "tcp://127.0.0.1:0", "--ready-fd",
               fd, "--log-level", "error", (char *)NULL);
        _exit(127);
    }
    close(ready[1]);
    FILE *from = fdopen(ready[0], "r");
    if (from == NULL || fgets(url, sizeof(url), from) == NULL) {
        fprintf(stderr, "roostd did not start: set ROOSTD\n");
        return -1;
    }
    fclose(from);
    url[strcspn(url, "\n")] = '\0';
    return roost_connect(url, NULL, &s.m) != 0 ? complain() : make_objects();
}

static void end(void)
{
    roost_dict_close(s.d);
    roost_queue_close(s.q);
    roost_lock_close(s.l);
    roost_manager_shutdown(s.m);
    if (s.server > 0) {
        kill(s.server, SIGTERM);
        waitpid(s.server, NULL, 0);
    }
    memset(&s, 0, sizeof(s));
}

static double dict_get(int n)
{
    roost_value v;
    double start = bench_now();
    for (int i = 0; i < n; i++) {
        if (roost_dict_get(s.d, roost_str("key"), &v) != 0)
            return complain();
        roost_value_free(&v);
    }
    return bench_now() - start;
}

static double dict_set(int n)
{
    double start = bench_now();
    for (int i = 0; i < n; i++)
        if (roost_dict_set(s.d, roost_str("key"), roost_int(i)) != 0)
            return complain();
    return bench_now() - start;
}

static double queue_put_get(int n)
{
    roost_value v;
    double start = bench_now();
    for (int i = 0; i < n; i++)
        if (roost_queue_put(s.q, roost_int(i), -1) != 0 || roost_queue_get(s.q, &v, -1) != 0)
            return complain();
    return bench_now() - start;
}

static double lock_pair(int n)
{
    double start = bench_now();
    for (int i = 0; i < n; i++)
        if (roost_lock_acquire(s.l, NULL, -1) != 0 || roost_lock_release(s.l) != 0)
            return complain();
    return bench_now() - start;
}

const struct row server_rows[] = {
    {"ipc.dict.get", "Manager", "ipc_dict_get", 4000, begin_ipc, dict_get, end, NULL},
    {"ipc.dict.set", "Manager", "ipc_dict_set", 4000, begin_ipc, dict_set, end, NULL},
    {"ipc.queue.put_get", "Manager", "ipc_queue_put_get", 2000, begin_ipc, queue_put_get, end, NULL},
    {"ipc.lock.pair", "Manager", "ipc_lock_pair", 2000, begin_ipc, lock_pair, end, NULL},
    {"tcp.dict.get", "Manager", "tcp_dict_get", 4000, begin_tcp, dict_get, end, NULL},
    {"tcp.dict.set", "Manager", "tcp_dict_set", 4000, begin_tcp, dict_set, end, NULL},
    {"tcp.queue.put_get", "Manager", "tcp_queue_put_get", 2000, begin_tcp, queue_put_get, end, NULL},
    {"tcp.lock.pair", "Manager", "tcp_lock_pair", 2000, begin_tcp, lock_pair, end, NULL},
};
const size_t server_row_count = sizeof(server_rows) / sizeof(server_rows[0]);
