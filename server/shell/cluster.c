/* cluster.c: a node's folder, its start and end, and the store for the server's threads; see cluster.h. */
#include "shell/cluster.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "shell/address.h"
#include "shell/cluster_node.h"
#include "shell/folder.h"
#include "shell/log.h"
#include "shell/server.h"
#include "wire/encode.h"

int64_t boot_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- the store ---- */

/* Who asks can be told no; all others' events happen. */
static bool can_be_refused(enum event_kind kind)
{
    return kind == EVENT_CALL || kind == EVENT_OPEN || kind == EVENT_RESUMED;
}

static int step(struct store *store, struct event *event)
{
    struct cluster *c = cluster_of(store);
    if (!c->serving || (c->handing_over && can_be_refused(event->kind)))
        return ROOST_ENOTLEADER;
    if (c->disk_full && can_be_refused(event->kind) && !core_only_reads(c->replica.core, event))
        return ROOST_EDISK;
    int rc = replica_step(&c->replica, event, &store->server->effects);
    if (replica_broken(&c->replica))
        c->lost = true;
    else if (replica_entry_len(&c->replica) >= ENTRY_BYTES)
        cluster_fill(c);
    store->has_work = store->has_work || c->lost || replica_entry_len(&c->replica) > 0;
    return rc;
}

/*
 * What a step just did is told when its entry was applied. What only read may have seen the newest entry with
 * events; and it is told only when nobody else can have led meanwhile: under the lease, or when an entry that
 * is yet to be proposed was applied. Nothing overtakes what is held.
 */
static uint64_t position(struct store *store)
{
    struct cluster *c = cluster_of(store);
    uint64_t at = c->seen > c->applied ? c->seen : 0;
    int64_t left_us = c->no_lease ? 0 : c->lease_us - boot_us();
    if (replica_entry_len(&c->replica) > 0 || c->wants_entry || left_us <= 0 || !c->serving) {
        at = c->position + 1;
        c->wants_entry = c->wants_entry || c->serving;
        store->has_work = true;
    } else if (left_us < c->options.election_ms * INT64_C(400) && !c->wants_lease) {
        c->wants_lease = true; /* so that reads go on without a wait */
        store->has_work = true;
    }
    uint64_t last = held_last(&store->held);
    return at > last ? at : last;
}

static const char *leader(struct store *store)
{
    return cluster_of(store)->leader_url;
}

static void describe(struct store *store, struct store_state *ret)
{
    struct cluster *c = cluster_of(store);
    *ret = c->state;
    ret->applied = atomic_load(&c->applied_index);
}

static void put_node(const struct node *n, struct buf *out)
{
    roost__put_map(out, 3);
    roost__put_cstr(out, "id");
    roost__put_uint(out, n->id);
    roost__put_cstr(out, "peer");
    roost__put_cstr(out, n->peer);
    roost__put_cstr(out, "client");
    roost__put_cstr(out, n->client);
}

static void picture(struct store *store, struct buf *out)
{
    const struct cluster *c = cluster_of(store);
    const struct nodes *nodes = c->nodes.len > 0 ? &c->nodes : &c->file;
    struct store_state now;
    describe(store, &now);
    roost__put_map(out, 7);
    roost__put_cstr(out, "cluster");
    roost__put_cstr(out, c->file.cluster);
    roost__put_cstr(out, "role");
    roost__put_cstr(out, now.role);
    roost__put_cstr(out, "node");
    roost__put_uint(out, now.node);
    roost__put_cstr(out, "leader");
    roost__put_uint(out, now.leader);
    roost__put_cstr(out, "term");
    roost__put_uint(out, now.term);
    roost__put_cstr(out, "applied");
    roost__put_uint(out, now.applied);
    roost__put_cstr(out, "nodes");
    roost__put_array(out, nodes->len);
    for (unsigned i = 0; i < nodes->len; i++)
        put_node(&nodes->at[i], out);
}

static void wake(struct store *store)
{
    uv_async_send(&cluster_of(store)->wake);
}

/* ---- the folder ---- */

static int no_file(const char *path)
{
    return roost__fail(ROOST_ESYS, "%s: %s", path, strerror(errno));
}

/* Of which cluster the folder is, and of which node: a vote of one node must not be given as another's. */
static int check_owner(struct cluster *c, const char *folder)
{
    char path[4096 + 8], is[NODE_CLUSTER_MAX + 32], was[NODE_CLUSTER_MAX + 32];
    snprintf(path, sizeof(path), "%s/node", folder);
    int n = snprintf(is, sizeof(is), "%s %llu\n", c->file.cluster, (unsigned long long)c->options.node);
    int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return no_file(path);
    ssize_t len = read(fd, was, sizeof(was) - 1);
    int rc =
        len < 0 || (len == 0 && (write(fd, is, (size_t)n) != n || fsync(fd) != 0)) ? no_file(path) : ROOST_OK;
    if (len > 0 && (len != n || memcmp(was, is, (size_t)n) != 0)) {
        was[was[len - 1] == '\n' ? len - 1 : len] = '\0';
        rc = roost__fail(ROOST_EINVAL, "%s: the folder is that of cluster and node %s, not %s %llu", folder,
                         was, c->file.cluster, (unsigned long long)c->options.node);
    }
    close(fd);
    return rc;
}

static int take_folder(struct cluster *c, const char *folder)
{
    int rc = folder_create(folder);
    rc = rc == ROOST_OK ? folder_lock(folder, O_CREAT | O_RDWR, &c->lock) : rc;
    rc = rc == ROOST_OK ? folder_check_kind(folder, FOLDER_OF_NODE) : rc;
    rc = rc == ROOST_OK ? check_owner(c, folder) : rc;
    snprintf(c->log_folder, sizeof(c->log_folder), "%s/raft", folder);
    if (rc == ROOST_OK && mkdir(c->log_folder, 0700) != 0 && errno != EEXIST)
        rc = no_file(c->log_folder);
    return rc;
}

/* ---- the start and the end ---- */

static bool is_near(const char *address)
{
    char url[NODE_ADDRESS_MAX + 8];
    snprintf(url, sizeof(url), "tcp://%s", address);
    return address_is_loopback(url);
}

static int read_nodes(struct cluster *c)
{
    int rc = nodes_read_file(c->options.file, &c->file);
    if (rc != ROOST_OK)
        return rc;
    const struct node *self = nodes_find(&c->file, c->options.node);
    if (self == NULL)
        return roost__fail(ROOST_EINVAL, "%s: there is no node %llu in it", c->options.file,
                           (unsigned long long)c->options.node);
    for (unsigned i = 0; i < c->file.len && c->options.tls == NULL && !c->options.insecure; i++)
        if (!is_near(c->file.at[i].peer))
            return roost__fail(
                ROOST_EINVAL,
                "peer %s: whoever reaches the network could write into the log: give --peer-ca, "
                "--peer-cert and --peer-key, or, if that is what you want, --insecure",
                c->file.at[i].peer);
    strcpy(c->peer, self->peer);
    return ROOST_OK;
}

static int start(struct cluster *c, const char *folder)
{
    int rc = read_nodes(c);
    rc = rc == ROOST_OK ? take_folder(c, folder) : rc;
    if (rc == ROOST_OK && (c->empty = core_create(&c->core_options)) == NULL)
        rc = roost__fail(ROOST_ENOMEM, "no memory for a core");
    if (rc != ROOST_OK)
        return rc;
    cluster_set_core(c);
    rc = cluster_up(c);
    if (rc == ROOST_OK && pthread_create(&c->thread, NULL, cluster_main, c) != 0)
        rc = roost__fail(ROOST_ESYS, "no thread for the cluster");
    return rc;
}

static void cluster_free(struct cluster *c)
{
    if (c->empty != NULL)
        c->store.server->core = c->empty; /* the server's to free */
    replica_free(&c->replica);
    if (c->lock >= 0)
        close(c->lock);
    pthread_cond_destroy(&c->stop_wake);
    free(c);
}

static void cluster_close(struct store *store)
{
    struct cluster *c = cluster_of(store);
    pthread_mutex_lock(&store->server->mutex);
    c->stopping = true;
    pthread_cond_signal(&c->stop_wake);
    pthread_mutex_unlock(&store->server->mutex);
    uv_async_send(&c->wake);
    pthread_join(c->thread, NULL);
    store->server->store = NULL;
    cluster_free(c);
}

static const struct store_ops ops = {.step = step,
                                     .position = position,
                                     .ask = cluster_ask,
                                     .leader = leader,
                                     .describe = describe,
                                     .picture = picture,
                                     .wake = wake,
                                     .close = cluster_close};

static struct cluster *cluster_new(struct server *s, const struct store_options *options,
                                   const struct core_options *core)
{
    struct cluster *c = calloc(1, sizeof(*c));
    pthread_condattr_t monotonic;
    if (c == NULL)
        return NULL;
    store_init(&c->store, &ops, s);
    c->options = *options->cluster;
    if (c->options.tls != NULL) {
        c->tls = *c->options.tls;
        c->options.tls = &c->tls;
    }
    c->core_options = *core;
    c->snapshot_bytes = options->snapshot_bytes;
    c->lock = -1;
    list_init(&c->full);
    list_init(&c->asked);
    c->state = (struct store_state){.role = "starting", .node = c->options.node};
    struct core_options replicas = *core;
    uint64_t origin;
    replicas.limits = NULL; /* the log says */
    randombytes_buf(&origin, sizeof(origin));
    replica_init(&c->replica, &replicas, origin);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&c->stop_wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return c;
}

int cluster_open(struct server *s, const struct store_options *options, const struct core_options *core)
{
    struct cluster *c = cluster_new(s, options, core);
    if (c == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for a node of a cluster");
    s->follows = true;
    s->store = &c->store;
    int rc = start(c, options->folder);
    if (rc != ROOST_OK) {
        s->store = NULL;
        cluster_free(c);
    }
    return rc;
}
