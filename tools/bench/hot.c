/*
 * hot.c: nothing but n operations of one kind, to be run under strace or callgrind by tools/bench/hot.
 *
 *   roost_hot URL KIND N [CLIENTS]
 *
 * KIND: none (connects only), get, set, queue (put and get), lock (acquire and release), pending (a window of
 * 64), batch (64 in one write). CLIENTS threads with a connection each share the n operations.
 */
#include <pthread.h>
#include <roost/roost.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 64, CLIENTS_MAX = 1000 };

struct client {
    roost_manager *m;
    roost_dict *d;
    roost_queue *q;
    roost_lock *l;
};

typedef int operation(struct client *c, int i);

static int get(struct client *c, int i)
{
    roost_value v;
    (void)i;
    int rc = roost_dict_get(c->d, roost_str("key"), &v);
    if (rc == 0)
        roost_value_free(&v);
    return rc;
}

static int set(struct client *c, int i)
{
    return roost_dict_set(c->d, roost_str("key"), roost_int(i));
}

static int queue(struct client *c, int i)
{
    roost_value v;
    int rc = roost_queue_put(c->q, roost_int(i), -1);
    return rc == 0 ? roost_queue_get(c->q, &v, -1) : rc;
}

static int lock(struct client *c, int i)
{
    (void)i;
    int rc = roost_lock_acquire(c->l, NULL, -1);
    return rc == 0 ? roost_lock_release(c->l) : rc;
}

/* One of the window leaves, one enters. */
static int pending(struct client *c, int i)
{
    static _Thread_local roost_pending *window[WINDOW];
    roost_pending **slot = &window[i % WINDOW];
    int rc = *slot != NULL ? roost_pending_result(*slot, NULL, -1) : 0;
    roost_pending_free(*slot);
    *slot = NULL;
    return rc == 0 ? roost_async(slot, -1, roost_dict_set(c->d, roost_str("key"), roost_int(i))) : rc;
}

/* Every 64th sends all of them. */
static int batch(struct client *c, int i)
{
    static _Thread_local roost_batch *b;
    uint32_t failed;
    if (b == NULL && roost_batch_new(c->m, &b) != 0)
        return ROOST_ENOMEM;
    int rc = roost_batch_add(b, roost_dict_set(c->d, roost_str("key"), roost_int(i)));
    if (rc == 0 && i % WINDOW == WINDOW - 1) {
        rc = roost_batch_send(b, &failed, -1);
        roost_batch_clear(b);
    }
    return rc;
}

static const struct {
    const char *name;
    operation *run;
} kinds[] = {{"get", get},   {"set", set},         {"queue", queue},
             {"lock", lock}, {"pending", pending}, {"batch", batch}};

static struct {
    operation *run;
    int each;
} job;

static void *run_client(void *client)
{
    for (int i = 0; i < job.each; i++)
        if (job.run(client, i) != 0) {
            fprintf(stderr, "%s\n", roost_errmsg());
            exit(1);
        }
    return NULL;
}

static int open_client(const char *url, struct client *c)
{
    roost_options on_the_wire = {.no_ring = true};
    if (roost_connect(url, &on_the_wire, &c->m) != 0 || roost_dict_open(c->m, "hot", &c->d) != 0 ||
        roost_queue_open(c->m, "hot.queue", NULL, &c->q) != 0 ||
        roost_lock_open(c->m, "hot.lock", &c->l) != 0 ||
        roost_dict_set(c->d, roost_str("key"), roost_int(1)) != 0)
        return fprintf(stderr, "%s\n", roost_errmsg()), 1;
    return 0;
}

static int usage(void)
{
    fprintf(stderr, "usage: roost_hot URL none|get|set|queue|lock|pending|batch N [CLIENTS]\n");
    return 100;
}

int main(int argc, char **argv)
{
    static struct client clients[CLIENTS_MAX];
    static pthread_t threads[CLIENTS_MAX];
    int n = argc > 4 ? (int)strtol(argv[4], NULL, 10) : 1;
    if (argc < 4 || n < 1 || n > CLIENTS_MAX)
        return usage();
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].name, argv[2]) == 0)
            job.run = kinds[i].run;
    if (job.run == NULL && strcmp(argv[2], "none") != 0)
        return usage();
    job.each = job.run != NULL ? (int)strtol(argv[3], NULL, 10) / n : 0;
    for (int i = 0; i < n; i++)
        if (open_client(argv[1], &clients[i]) != 0)
            return 1;
    for (int i = 1; i < n; i++)
        pthread_create(&threads[i], NULL, run_client, &clients[i]);
    run_client(&clients[0]);
    for (int i = 1; i < n; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < n; i++)
        roost_manager_close(clients[i].m);
    return 0;
}
