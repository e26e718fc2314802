/*
 * cluster_ask.c: server.cluster, cluster_add, cluster_remove and cluster_transfer, which the core has checked
 * and handed over.
 *
 * Invariant: one that changes something is under way at a time; what it does is made of steps, each of which
 * libraft answers. Whoever loses the leadership drops all: the connections that wait for an answer end with
 * it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "shell/cluster_node.h"
#include "shell/conn.h"
#include "shell/log.h"
#include "shell/server.h"
#include "wire/encode.h"
#include "wire/frame.h"
#include "wire/methods.h"
#include "wire/scan.h"

enum { PATIENCE_US = 10 * 1000000 };

struct ask {
    struct list in_cluster;
    struct cluster *cluster;
    struct conn *conn;
    uint64_t number; /* of the call */
    uint64_t method;
    struct node node; /* the arguments, as far as there are any */
    struct raft_change change;
    bool tabled;      /* the table of nodes is as it is to be, or will be when what is proposed was applied */
    int64_t until_us; /* it is tried again if it cannot begin yet */
    bool dropped;     /* nobody waits for the answer */
};

static void ask_free(struct ask *a)
{
    conn_unref(a->conn);
    free(a);
}

/* ---- answers ---- */

static size_t begin_answer(struct buf *b, const struct ask *a, int frame, size_t len)
{
    size_t at = frame_begin(b);
    roost__put_array(b, len);
    roost__put_int(b, frame);
    roost__put_uint(b, a->number);
    return at;
}

/* Ends the call. */
static void answer(struct ask *a, struct buf *b, size_t at)
{
    struct batch batch;
    struct server *s = a->cluster->store.server;
    server_enter(s, &batch);
    if (!a->dropped && !a->conn->over && roost__frame_end(b, at))
        server_write(&batch, a->conn, buf_slice(b));
    server_leave(s, &batch);
    roost__buf_free(b);
    ask_free(a);
}

static void refuse(struct ask *a, int code, const char *words)
{
    struct buf b = buf_make(1024);
    size_t at = begin_answer(&b, a, FRAME_ERROR, 4);
    roost__put_int(&b, code);
    roost__put_cstr(&b, words);
    answer(a, &b, at);
}

static void agree(struct ask *a)
{
    struct buf b = buf_make(1024);
    size_t at = begin_answer(&b, a, FRAME_REPLY, 3);
    roost__put_nil(&b);
    answer(a, &b, at);
}

/* What libraft said. */
static void finish(struct ask *a, int status)
{
    struct cluster *c = a->cluster;
    char words[320];
    c->asking = NULL;
    snprintf(words, sizeof(words), "node %llu: %s", (unsigned long long)a->node.id, raft_strerror(status));
    if (status == 0)
        agree(a);
    else if (status == RAFT_NOCONNECTION)
        refuse(a, ROOST_ECONN,
               "the node is in the cluster but has no vote yet: it does not catch up. Is it running? Then "
               "add it again");
    else
        refuse(a, status == RAFT_CANTCHANGE ? ROOST_EBUSY : ROOST_EINTERNAL, words);
}

/* ---- the status ---- */

static void put_number(struct buf *b, const char *name, uint64_t n)
{
    roost__put_cstr(b, name);
    roost__put_uint(b, n);
}

static void put_text(struct buf *b, const char *name, const char *text)
{
    roost__put_cstr(b, name);
    roost__put_cstr(b, text);
}

static void put_node(struct cluster *c, struct buf *b, const struct raft_server *n)
{
    const struct node *known = nodes_find(&c->nodes, n->id);
    raft_index match = 0;
    if (n->id == c->options.node || raft_match_index(&c->raft, n->id, &match) != 0)
        match = raft_last_index(&c->raft);
    roost__put_map(b, 6);
    put_number(b, "id", n->id);
    put_text(b, "peer", n->address);
    put_text(b, "client", known != NULL ? known->client : "");
    put_text(b, "role", raft_role_name(n->role));
    roost__put_cstr(b, "leads");
    roost__put_bool(b, n->id == c->options.node);
    put_number(b, "match", match);
}

static void status(struct ask *a)
{
    struct cluster *c = a->cluster;
    struct buf b = buf_make(1 << 16);
    const struct raft_configuration *conf = &c->raft.configuration;
    size_t at = begin_answer(&b, a, FRAME_REPLY, 3);
    roost__put_map(&b, 6);
    put_text(&b, "cluster", c->file.cluster);
    put_number(&b, "node", c->options.node);
    put_number(&b, "leader", c->options.node);
    put_number(&b, "term", c->term);
    put_number(&b, "applied", raft_last_applied(&c->raft));
    roost__put_cstr(&b, "nodes");
    roost__put_array(&b, conf->n);
    for (unsigned i = 0; i < conf->n; i++)
        put_node(c, &b, &conf->servers[i]);
    answer(a, &b, at);
}

/* ---- changes ---- */

static const struct raft_server *server_in(const struct cluster *c, uint64_t id)
{
    for (unsigned i = 0; i < c->raft.configuration.n; i++)
        if (c->raft.configuration.servers[i].id == id)
            return &c->raft.configuration.servers[i];
    return NULL;
}

/* The table with the node as asked for, or without it, goes into the log. */
static int table(struct ask *a)
{
    struct cluster *c = a->cluster;
    struct nodes nodes = c->nodes;
    struct buf b = buf_make(1 << 16);
    int rc = ROOST_OK;
    if (a->method == METHOD_server_cluster_add)
        rc = nodes_set(&nodes, a->node.id, a->node.peer, a->node.client);
    else
        nodes_remove(&nodes, a->node.id);
    if (rc == ROOST_OK) {
        nodes_put(&nodes, &b);
        pthread_mutex_lock(&c->store.server->mutex);
        rc = cluster_propose(c, KIND_NODES, buf_slice(&b)) ? ROOST_OK : ROOST_ENOMEM;
        pthread_mutex_unlock(&c->store.server->mutex);
    }
    roost__buf_free(&b);
    return rc;
}

static void go_on(struct ask *a);

static void on_change(struct raft_change *request, int result)
{
    struct ask *a = request->data;
    struct cluster *c = a->cluster;
    c->waiting--;
    if (result != 0 || a->dropped)
        finish(a, result != 0 ? result : RAFT_LEADERSHIPLOST);
    else
        c->asking_goes_on = true; /* not from within libraft */
}

/* Libraft answers later, or not at all; while a change is under way that an earlier leader began we try
 * again. */
static void expect(struct ask *a, int rc)
{
    if (rc == 0)
        a->cluster->waiting++;
    else if (rc == RAFT_CANTCHANGE && boot_us() < a->until_us)
        a->cluster->asking_goes_on = true;
    else
        finish(a, rc);
}

/* Known, then there without a vote, then with one. */
static void add(struct ask *a)
{
    struct cluster *c = a->cluster;
    const struct raft_server *there = server_in(c, a->node.id);
    if (there != NULL && strcmp(there->address, a->node.peer) != 0) {
        c->asking = NULL;
        refuse(a, ROOST_EEXIST, "the node is in the cluster with another peer address: remove it first");
        return;
    }
    if (!a->tabled) {
        int rc = table(a);
        if (rc != ROOST_OK) {
            c->asking = NULL;
            refuse(a, rc, roost_errmsg());
            return;
        }
        a->tabled = true;
    }
    if (there == NULL)
        expect(a, raft_add(&c->raft, &a->change, a->node.id, a->node.peer, on_change));
    else if (there->role != RAFT_VOTER)
        expect(a, raft_assign(&c->raft, &a->change, a->node.id, RAFT_VOTER, on_change));
    else
        finish(a, 0);
}

static void take_out(struct ask *a)
{
    struct cluster *c = a->cluster;
    if (server_in(c, a->node.id) != NULL) {
        expect(a, raft_remove(&c->raft, &a->change, a->node.id, on_change));
        return;
    }
    if (nodes_find(&c->nodes, a->node.id) != NULL)
        (void)table(a);
    finish(a, 0);
}

static void go_on(struct ask *a)
{
    a->change.data = a;
    if (a->method == METHOD_server_cluster_add)
        add(a);
    else
        take_out(a);
}

static void transfer(struct ask *a)
{
    struct cluster *c = a->cluster;
    uint64_t id = a->node.id;
    const struct raft_server *to = server_in(c, id);
    bool leads = id == c->options.node, votes = to != NULL && to->role == RAFT_VOTER;
    if (id != 0 && !votes)
        refuse(a, ROOST_ENOENT, "there is no such node with a vote");
    else if (leads || cluster_hand_over(c, id))
        agree(a); /* then the connection ends */
    else
        refuse(a, ROOST_EBUSY, "there is nobody to lead, or another change is under way");
}

static void begin(struct ask *a)
{
    struct cluster *c = a->cluster;
    if (a->method == METHOD_server_cluster) {
        status(a);
    } else if (a->method == METHOD_server_cluster_transfer) {
        transfer(a);
    } else if (c->asking != NULL) {
        refuse(a, ROOST_EBUSY, "another node is being added or removed");
    } else if (a->method == METHOD_server_cluster_remove && a->node.id == c->options.node) {
        refuse(a, ROOST_EINVAL, "this node leads: let another one lead first (server.cluster_transfer)");
    } else if (a->method == METHOD_server_cluster_remove && server_in(c, a->node.id) == NULL &&
               nodes_find(&c->nodes, a->node.id) == NULL) {
        refuse(a, ROOST_ENOENT, "there is no such node");
    } else {
        c->asking = a;
        a->until_us = boot_us() + PATIENCE_US;
        go_on(a);
    }
}

/* ---- in and out ---- */

static void read_text(const uint8_t **p, char ret[NODE_ADDRESS_MAX + 1])
{
    struct item it;
    *p = roost__scan_item(*p, &it);
    snprintf(ret, NODE_ADDRESS_MAX + 1, "%.*s", (int)it.len, (const char *)it.as.bytes);
    *p = it.as.bytes + it.len;
}

void cluster_ask(struct store *store, struct batch *batch, struct conn *conn, struct slice payload)
{
    struct cluster *c = cluster_of(store);
    struct call_frame call;
    struct item it;
    struct ask *a = calloc(1, sizeof(*a));
    (void)batch;
    if (a == NULL || !roost__frame_call(payload, &call)) {
        free(a);
        conn->ops->close(conn); /* it misses an answer */
        return;
    }
    *a = (struct ask){.cluster = c, .conn = conn, .number = call.number, .method = call.method};
    const uint8_t *p = call.args;
    if (call.argc > 0) {
        p = roost__scan_item(p, &it);
        a->node.id = it.kind == ROOST_INT ? it.as.u : 0;
    }
    if (call.argc > 2) {
        read_text(&p, a->node.peer);
        read_text(&p, a->node.client);
    }
    conn_ref(conn);
    list_push_back(&c->asked, &a->in_cluster);
    store->has_work = true;
}

static struct ask *next_asked(struct cluster *c)
{
    pthread_mutex_lock(&c->store.server->mutex);
    struct list *first = list_first(&c->asked);
    if (first != NULL)
        list_remove(first);
    pthread_mutex_unlock(&c->store.server->mutex);
    return first == NULL ? NULL : container_of(first, struct ask, in_cluster);
}

void cluster_answer_asked(struct cluster *c)
{
    if (!c->serving)
        return;
    if (c->asking_goes_on && c->asking != NULL) {
        c->asking_goes_on = false;
        go_on(c->asking);
    }
    for (struct ask *a; (a = next_asked(c)) != NULL;)
        begin(a);
}

void cluster_drop_asked(struct cluster *c)
{
    struct ask *under_way = c->asking;
    for (struct ask *a; (a = next_asked(c)) != NULL;)
        ask_free(a);
    if (under_way == NULL)
        return;
    under_way->dropped = true;
    if (c->asking_goes_on) { /* libraft has answered */
        c->asking = NULL;
        ask_free(under_way);
    }
    c->asking_goes_on = false;
}
