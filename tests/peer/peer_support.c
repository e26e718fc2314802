/* peer_support.c: see peer_support.h. */
#include "tests/peer/peer_support.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "roost/roost.h"
#include "tools/roost/ca.h"

enum { DAY = 24 * 3600, PORT = 7171 };

struct uv_loop_s loop_;
struct node nodes_[NODES_MAX];
static uv_timer_t patience;
static bool impatient;

/* ---- certificates ---- */

static void sign(const char *authority, const char *name, bool client, bool node, int from_days,
                 int until_days)
{
    char host[64];
    char *const hosts[] = {host};
    time_t now = time(NULL);
    snprintf(host, sizeof(host), "%s", name);
    const struct cert_request r = {.name = name,
                                   .client = client,
                                   .node = node,
                                   .hosts = hosts,
                                   .host_count = 1,
                                   .from = now + from_days * (time_t)DAY,
                                   .until = now + until_days * (time_t)DAY};
    OK(ca_sign(in_folder(authority), &r));
}

int peers_set_up(void **state)
{
    static const char *const authorities[] = {"ours", "theirs"};
    time_t now = time(NULL);
    signal(SIGPIPE, SIG_IGN); /* as roostd does */
    if (folder_make(state) != 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        OK(ca_create(in_folder(authorities[i]), now - DAY, now + DAY));
        sign(authorities[i], "node-1.prod", false, true, -1, 1);
        sign(authorities[i], "node-2.prod", false, true, -1, 1);
        sign(authorities[i], "node-3.prod", false, true, -1, 1);
    }
    sign("ours", "client", true, false, -1, 1);
    sign("ours", "node-2.test", false, true, -1, 1);
    /* In folders of their own, for they have the same names. */
    OK(rename(in_folder("ours/node-2.prod.pem"), in_folder("good.pem")));
    OK(rename(in_folder("ours/node-2.prod.key"), in_folder("good.key")));
    sign("ours", "node-2.prod", false, true, -2, -1);
    OK(rename(in_folder("ours/node-2.prod.pem"), in_folder("old.pem")));
    OK(rename(in_folder("ours/node-2.prod.key"), in_folder("old.key")));
    sign("ours", "node-2.prod", false, false, -1, 1); /* a server's, for all its name */
    OK(rename(in_folder("ours/node-2.prod.pem"), in_folder("server.pem")));
    OK(rename(in_folder("ours/node-2.prod.key"), in_folder("server.key")));
    OK(rename(in_folder("good.pem"), in_folder("ours/node-2.prod.pem")));
    OK(rename(in_folder("good.key"), in_folder("ours/node-2.prod.key")));
    return 0;
}

struct credential_files files_of(const char *authority, const char *folder, const char *name)
{
    static char paths[8][3][128];
    static unsigned next;
    char(*p)[128] = paths[next++ % 8];
    snprintf(p[0], sizeof(p[0]), "%s/ca.pem", in_folder(authority));
    snprintf(p[1], sizeof(p[1]), "%s/%s.pem", in_folder(folder), name);
    snprintf(p[2], sizeof(p[2]), "%s/%s.key", in_folder(folder), name);
    return (struct credential_files){.ca = p[0], .cert = p[1], .key = p[2]};
}

/* ---- the loop ---- */

static void on_impatient(uv_timer_t *timer)
{
    (void)timer;
    impatient = true;
}

void loop_begin(void)
{
    memset(nodes_, 0, sizeof(nodes_));
    OK(uv_loop_init(&loop_));
    OK(uv_timer_init(&loop_, &patience));
}

void patience_begin(void)
{
    impatient = false;
    uv_update_time(&loop_);
    uv_timer_start(&patience, on_impatient, PATIENCE_MS, 0);
}

void patience_end(void)
{
    uv_timer_stop(&patience);
}

void run_once(const char *what)
{
    if (impatient)
        fail_msg("not in time: %s", what);
    uv_run(&loop_, UV_RUN_ONCE);
}

void loop_finish(void)
{
    for (int i = 0; i < NODES_MAX; i++) {
        if (nodes_[i].is_open)
            node_close(i);
        for (size_t k = 0; k < nodes_[i].accepted_count; k++)
            stream_close(nodes_[i].accepted[k]);
    }
    uv_close((uv_handle_t *)&patience, NULL);
    uv_run(&loop_, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop_), 0);
}

/* ---- nodes ---- */

const char *address_of(int i)
{
    static char addresses[NODES_MAX][LINK_NAME];
    unsigned pid = (unsigned)getpid();
    snprintf(addresses[i], LINK_NAME, "127.%u.%u.%u:%d", 1 + (pid >> 14 & 0x7f), pid >> 6 & 0xff,
             (pid & 0x3f) * 4 + (unsigned)i, PORT);
    return addresses[i];
}

static void on_accept(struct raft_uv_transport *t, raft_id id, const char *address,
                      struct uv_stream_s *stream)
{
    struct node *n = t->data;
    assert_true(n->accepted_count < STREAMS_MAX);
    n->from[n->accepted_count] = id;
    snprintf(n->from_address[n->accepted_count], LINK_NAME, "%s", address);
    n->accepted[n->accepted_count++] = stream;
}

void node_open(int i, const char *cluster, const struct credential_files *files)
{
    struct node *n = &nodes_[i];
    const struct peer_settings settings = {.cluster = cluster, .tls = files};
    *n = (struct node){.id = (raft_id)i + 1, .is_open = true};
    snprintf(n->address, sizeof(n->address), "%s", address_of(i));
    OK(peer_init(&n->transport, &loop_, &settings));
    n->transport.data = n;
    int rc = n->transport.init(&n->transport, n->id, n->address);
    if (rc == 0)
        rc = n->transport.listen(&n->transport, on_accept);
    if (rc != 0)
        fail_msg("%s", n->transport.errmsg);
}

void node_open_tls(int i)
{
    char name[LINK_NAME];
    snprintf(name, sizeof(name), "node-%d.prod", i + 1);
    struct credential_files files = files_of("ours", "ours", name);
    node_open(i, "prod", &files);
}

static void on_closed(struct raft_uv_transport *t)
{
    ((struct node *)t->data)->closed = true;
}

void node_close(int i)
{
    struct node *n = &nodes_[i];
    n->transport.close(&n->transport, on_closed);
    run_until(n->closed);
    peer_fini(&n->transport);
    n->is_open = false;
}

/* ---- calls ---- */

static void on_connect(struct raft_uv_connect *request, struct uv_stream_s *stream, int status)
{
    struct call *c = request->data;
    assert_false(c->done);
    c->done = true;
    c->status = status;
    c->stream = stream;
}

void call_begin(struct call *c, int from, raft_id to, const char *address)
{
    struct raft_uv_transport *t = &nodes_[from].transport;
    *c = (struct call){.request.data = c};
    int rc = t->connect(t, &c->request, to, address, on_connect);
    if (rc == 0)
        return;
    c->done = true;
    c->status = rc;
}

int call_wait(struct call *c)
{
    run_until(c->done);
    return c->status;
}

/* As libraft, calls again when a machine stands still for so long that the greeting is not through in time.
 */
void connect_nodes(int i, int j, struct uv_stream_s **ret_out, struct uv_stream_s **ret_in)
{
    struct call c;
    size_t before;
    int attempts = 0;
    do {
        before = nodes_[j].accepted_count;
        call_begin(&c, i, (raft_id)j + 1, nodes_[j].address);
    } while (call_wait(&c) != 0 && ++attempts < STREAMS_MAX);
    assert_int_equal(c.status, 0);
    run_until(nodes_[j].accepted_count > before);
    assert_int_equal(nodes_[j].from[before], i + 1);
    assert_string_equal(nodes_[j].from_address[before], nodes_[i].address);
    *ret_out = c.stream;
    *ret_in = nodes_[j].accepted[--nodes_[j].accepted_count];
}

static void free_stream(uv_handle_t *handle)
{
    raft_free(handle);
}

void stream_close(struct uv_stream_s *s)
{
    uv_close((uv_handle_t *)s, free_stream);
}
