/* http.c: see http.h. */
#include "shell/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shell/metrics.h"
#include "shell/page.h"
#include "shell/server.h"
#include "shell/state.h"
#include "shell/store.h"

enum { TOKEN_MAX = 512, HASH_BYTES = 32, BLOCK_BYTES = 64 << 10, BODY_MAX = 64 << 20 };

struct http {
    struct server *server;
    struct MHD_Daemon *daemon;
    char url[128];
    bool loopback;
    pthread_mutex_t mutex;
    pthread_cond_t stop; /* stopping became true */
    bool stopping;
    bool has_token;
    uint8_t token[HASH_BYTES]; /* hashed: equal lengths to compare */
    struct state state;        /* of pictures */
    struct buf picture;        /* the last, as an event */
    int64_t pictured_us;
    unsigned watchers; /* of pictures, at most HTTP_WATCHERS_MAX */
};

/* ---- who may ask ---- */

static void hash(const char *text, size_t len, uint8_t ret[HASH_BYTES])
{
    crypto_generichash(ret, HASH_BYTES, (const unsigned char *)text, len, NULL, 0);
}

static bool read_token(const char *path, uint8_t ret[HASH_BYTES], char *why, size_t why_len)
{
    char line[TOKEN_MAX];
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        snprintf(why, why_len, "%.200s: %s", path, strerror(errno));
        return false;
    }
    bool ok = fgets(line, sizeof(line), f) != NULL && strcspn(line, "\r\n") >= 16;
    fclose(f);
    if (ok)
        hash(line, strcspn(line, "\r\n"), ret);
    else
        snprintf(why, why_len, "%.200s: its first line must be a token of at least 16 characters", path);
    sodium_memzero(line, sizeof(line));
    return ok;
}

static bool is_token(struct http *h, const char *said)
{
    uint8_t given[HASH_BYTES];
    if (said == NULL)
        return false;
    hash(said, strlen(said), given);
    pthread_mutex_lock(&h->mutex);
    bool same = sodium_memcmp(given, h->token, HASH_BYTES) == 0;
    pthread_mutex_unlock(&h->mutex);
    return same;
}

static bool has_token(struct http *h, struct MHD_Connection *c)
{
    static const char scheme[] = "Bearer ";
    const char *said = MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
    bool bearer = said != NULL && strncasecmp(said, scheme, sizeof(scheme) - 1) == 0;
    return is_token(h, bearer ? said + sizeof(scheme) - 1
                              : MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "token"));
}

/* Without a token the name that was asked for must be this host's: a page from elsewhere whose name was made
 * to lead here says its own. */
static bool asks_for_loopback(struct MHD_Connection *c)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    const char *host = MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
    for (size_t i = 0; host != NULL && i < sizeof(names) / sizeof(names[0]); i++) {
        size_t n = strlen(names[i]);
        if (strncasecmp(host, names[i], n) == 0 && (host[n] == '\0' || host[n] == ':'))
            return true;
    }
    return false;
}

static bool may_ask(struct http *h, struct MHD_Connection *c)
{
    return h->has_token ? has_token(h, c) : asks_for_loopback(c);
}

/* ---- answers ---- */

static void add_headers(struct MHD_Response *r, const char *type)
{
    MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(r, "Referrer-Policy", "no-referrer");
    MHD_add_response_header(r, "Content-Security-Policy",
                            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                            "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
                            "frame-ancestors 'none'");
}

static enum MHD_Result queue(struct MHD_Connection *c, unsigned status, const char *type,
                             struct MHD_Response *r)
{
    if (r == NULL)
        return MHD_NO;
    add_headers(r, type);
    if (status == MHD_HTTP_UNAUTHORIZED)
        MHD_add_response_header(r, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    if (status >= MHD_HTTP_BAD_REQUEST) /* who was refused takes up no connection */
        MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
    enum MHD_Result rc = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return rc;
}

/* A body that is ours and stays. */
static enum MHD_Result answer(struct MHD_Connection *c, unsigned status, const char *type, const void *body,
                              size_t len)
{
    return queue(c, status, type,
                 MHD_create_response_from_buffer(len, (void *)(uintptr_t)body, MHD_RESPMEM_PERSISTENT));
}

static enum MHD_Result say(struct MHD_Connection *c, unsigned status, const char *words)
{
    return answer(c, status, "text/plain; charset=utf-8", words, strlen(words));
}

/* A body that was built for this answer; frees it. */
static enum MHD_Result answer_built(struct MHD_Connection *c, const char *type, struct buf *body)
{
    struct MHD_Response *r = NULL;
    if (!body->failed)
        r = MHD_create_response_from_buffer(body->len, body->data, MHD_RESPMEM_MUST_COPY);
    roost__buf_free(body);
    return r != NULL ? queue(c, MHD_HTTP_OK, type, r) : say(c, MHD_HTTP_SERVICE_UNAVAILABLE, "no memory\n");
}

static enum MHD_Result answer_metrics(struct http *h, struct MHD_Connection *c)
{
    struct buf body = buf_make(BODY_MAX);
    metrics_text(h->server, &body);
    return answer_built(c, "text/plain; version=0.0.4; charset=utf-8", &body);
}

/* What this node has to do with its cluster. False: the server is of none. */
static bool look_at_cluster(struct http *h, struct store_state *ret)
{
    struct store *store = h->server->store;
    bool there = store != NULL && store->ops->describe != NULL;
    if (there)
        store->ops->describe(store, ret);
    return there;
}

/* A node that knows of no leader serves nobody, and can send nobody elsewhere. */
static enum MHD_Result answer_ready(struct http *h, struct MHD_Connection *c)
{
    struct store_state state;
    pthread_mutex_lock(&h->server->mutex);
    bool stopping = h->server->stopping, lost = look_at_cluster(h, &state) && state.leader == 0;
    pthread_mutex_unlock(&h->server->mutex);
    if (stopping || lost)
        return say(c, MHD_HTTP_SERVICE_UNAVAILABLE, stopping ? "stopping\n" : "no leader is known\n");
    return say(c, MHD_HTTP_OK, "ready\n");
}

/* This node's part in its cluster; and its state as a number, which is that of the others when nothing is
 * under way (it takes the time of a snapshot). */
static enum MHD_Result answer_cluster(struct http *h, struct MHD_Connection *c)
{
    struct store_state state;
    struct buf body = buf_make(1024);
    uint8_t hash[CORE_HASH_LEN];
    char words[512], hex[2 * CORE_HASH_LEN + 1] = "";
    pthread_mutex_lock(&h->server->mutex);
    bool there = look_at_cluster(h, &state);
    bool hashed = there && core_hash(h->server->core, hash) == ROOST_OK;
    pthread_mutex_unlock(&h->server->mutex);
    if (!there)
        return say(c, MHD_HTTP_NOT_FOUND, "this server is of no cluster\n");
    for (int i = 0; hashed && i < CORE_HASH_LEN; i++)
        snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    int n = snprintf(words, sizeof(words),
                     "{\"node\": %" PRIu64 ", \"role\": \"%s\", \"term\": %" PRIu64 ", \"leader\": %" PRIu64
                     ", \"applied\": %" PRIu64 ", \"hash\": \"%s\"}\n",
                     state.node, state.role, state.term, state.leader, state.applied, hex);
    buf_append(&body, words, (size_t)n);
    return answer_built(c, "application/json", &body);
}

/* ---- the picture, which all who watch share ---- */

/* Under the mutex. Lines of an event begin with "data: ". */
static void refresh(struct http *h)
{
    int64_t now_us = server_now_us();
    if (h->picture.len > 0 && now_us - h->pictured_us < HTTP_TICK_MS * 900)
        return;
    struct buf json = buf_make(BODY_MAX);
    state_json(&h->state, h->server, &json);
    buf_reset(&h->picture);
    buf_append(&h->picture, "data: ", 6);
    for (size_t i = 0, from = 0; i <= json.len && !json.failed; i++) {
        if (i < json.len && json.data[i] != '\n')
            continue;
        buf_append(&h->picture, json.data + from, i - from);
        buf_append(&h->picture, i < json.len ? "\ndata: " : "\n\n", i < json.len ? 7 : 2);
        from = i + 1;
    }
    h->pictured_us = now_us;
    roost__buf_free(&json);
}

static enum MHD_Result answer_state(struct http *h, struct MHD_Connection *c)
{
    struct buf body = buf_make(BODY_MAX);
    pthread_mutex_lock(&h->mutex);
    state_json(&h->state, h->server, &body);
    pthread_mutex_unlock(&h->mutex);
    return answer_built(c, "application/json", &body);
}

/* Somebody who watches. */
struct watcher {
    struct http *http;
    struct buf pending;
    size_t sent;
    bool begun;
};

/* Waits for the next tick. False: the server stops. */
static bool tick(struct watcher *w)
{
    struct http *h = w->http;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += HTTP_TICK_MS / 1000;
    pthread_mutex_lock(&h->mutex);
    while (w->begun && !h->stopping && pthread_cond_timedwait(&h->stop, &h->mutex, &until) == 0)
        ;
    bool go_on = !h->stopping;
    if (go_on) {
        refresh(h);
        buf_reset(&w->pending);
        buf_append(&w->pending, h->picture.data, h->picture.len);
    }
    pthread_mutex_unlock(&h->mutex);
    w->begun = true;
    w->sent = 0;
    return go_on && !w->pending.failed;
}

static ssize_t next_bytes(void *context, uint64_t at, char *to, size_t room)
{
    struct watcher *w = context;
    (void)at;
    if (w->sent == w->pending.len && !tick(w))
        return MHD_CONTENT_READER_END_OF_STREAM;
    size_t n = w->pending.len - w->sent < room ? w->pending.len - w->sent : room;
    memcpy(to, w->pending.data + w->sent, n);
    w->sent += n;
    return (ssize_t)n;
}

static bool add_watcher(struct http *h)
{
    pthread_mutex_lock(&h->mutex);
    bool room = h->watchers < HTTP_WATCHERS_MAX;
    h->watchers += room;
    pthread_mutex_unlock(&h->mutex);
    return room;
}

static void drop_watcher(struct http *h)
{
    pthread_mutex_lock(&h->mutex);
    h->watchers--;
    pthread_mutex_unlock(&h->mutex);
}

static void end_watcher(void *context)
{
    struct watcher *w = context;
    drop_watcher(w->http);
    roost__buf_free(&w->pending);
    free(w);
}

static enum MHD_Result answer_events(struct http *h, struct MHD_Connection *c)
{
    if (!add_watcher(h))
        return say(c, MHD_HTTP_SERVICE_UNAVAILABLE, "too many are watching\n");
    struct watcher *w = calloc(1, sizeof(*w));
    if (w == NULL) {
        drop_watcher(h);
        return MHD_NO;
    }
    *w = (struct watcher){.http = h, .pending = buf_make(BODY_MAX)};
    struct MHD_Response *r =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, next_bytes, w, end_watcher);
    if (r == NULL)
        end_watcher(w);
    return queue(c, MHD_HTTP_OK, "text/event-stream", r);
}

/* ---- requests ---- */

static enum MHD_Result answer_page(struct http *h, struct MHD_Connection *c)
{
    (void)h;
    return answer(c, MHD_HTTP_OK, "text/html; charset=utf-8", page_html, page_html_len);
}

static enum MHD_Result answer_health(struct http *h, struct MHD_Connection *c)
{
    (void)h;
    return say(c, MHD_HTTP_OK, "ok\n");
}

static const struct {
    const char *path;
    enum MHD_Result (*serve)(struct http *h, struct MHD_Connection *c);
    bool open; /* to everybody */
} paths[] = {
    {"/", answer_page, false},           {"/metrics", answer_metrics, false},
    {"/events", answer_events, false},   {"/state", answer_state, false},
    {"/health", answer_health, true},    {"/ready", answer_ready, true},
    {"/cluster", answer_cluster, false},
};

static enum MHD_Result on_request(void *context, struct MHD_Connection *c, const char *path,
                                  const char *method, const char *version, const char *body, size_t *body_len,
                                  void **state)
{
    struct http *h = context;
    static int seen;
    (void)version;
    (void)body;
    if (*state == NULL) { /* the headers are here: the answer comes with the next call */
        *state = &seen;
        return MHD_YES;
    }
    if (*body_len > 0) {
        *body_len = 0;
        return MHD_YES;
    }
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return say(c, MHD_HTTP_METHOD_NOT_ALLOWED, "this server is read by GET\n");
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (strcmp(path, paths[i].path) != 0)
            continue;
        if (!paths[i].open && !may_ask(h, c))
            return h->has_token ? say(c, MHD_HTTP_UNAUTHORIZED, "a token is needed: see http-token-file\n")
                                : say(c, MHD_HTTP_FORBIDDEN, "ask for localhost\n");
        return paths[i].serve(h, c);
    }
    return say(c, MHD_HTTP_NOT_FOUND,
               "there is /, /metrics, /health, /ready, /cluster, /state and /events\n");
}

/* ---- life ---- */

static bool is_loopback(const struct sockaddr *at)
{
    if (at->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)at)->sin_addr.s_addr) >> 24 == 127;
    return at->sa_family == AF_INET6 &&
           IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)at)->sin6_addr);
}

/* "host:port", "[::1]:port" or ":port" as the addresses it means. */
static struct addrinfo *resolve(const char *address, char *why, size_t why_len)
{
    char host[256];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found = NULL;
    const char *colon = strrchr(address, ':');
    if (colon == NULL || (size_t)(colon - address) >= sizeof(host)) {
        snprintf(why, why_len, "http is addr:port, not \"%.100s\"", address);
        return NULL;
    }
    size_t n = (size_t)(colon - address);
    bool bracketed = n >= 2 && address[0] == '[' && address[n - 1] == ']';
    snprintf(host, sizeof(host), "%.*s", (int)(bracketed ? n - 2 : n), address + bracketed);
    int rc = getaddrinfo(*host != '\0' ? host : NULL, colon + 1, &hints, &found);
    if (rc != 0)
        snprintf(why, why_len, "%.100s: %s", address, gai_strerror(rc));
    return rc == 0 ? found : NULL;
}

static int listen_on(const struct addrinfo *at)
{
    int one = 1;
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static void name_url(struct http *h, int fd)
{
    struct sockaddr_storage at;
    socklen_t len = sizeof(at);
    char host[64] = "?", port[8] = "?";
    if (getsockname(fd, (struct sockaddr *)&at, &len) == 0)
        getnameinfo((struct sockaddr *)&at, len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(h->url, sizeof(h->url), strchr(host, ':') != NULL ? "http://[%s]:%s" : "http://%s:%s", host,
             port);
}

static int open_socket(struct http *h, const char *address, char *why, size_t why_len)
{
    struct addrinfo *at = resolve(address, why, why_len);
    if (at == NULL)
        return -1;
    int fd = -1;
    h->loopback = is_loopback(at->ai_addr);
    if (!h->loopback && !h->has_token)
        snprintf(why, why_len, "%.100s: not a loopback address: http-token-file must say who may ask",
                 address);
    else if ((fd = listen_on(at)) < 0)
        snprintf(why, why_len, "%.100s: %s", address, strerror(errno));
    else
        name_url(h, fd);
    freeaddrinfo(at);
    return fd;
}

static bool start_daemon(struct http *h, int fd)
{
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL;
    h->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, h, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)HTTP_CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        h->loopback ? 0U : (unsigned)HTTP_HOST_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_TIMEOUT_S,
        MHD_OPTION_THREAD_STACK_SIZE, (size_t)256 << 10, MHD_OPTION_END);
    return h->daemon != NULL;
}

static struct http *http_new(struct server *s)
{
    struct http *h = calloc(1, sizeof(*h));
    if (h == NULL)
        return NULL;
    h->server = s;
    h->picture = buf_make(BODY_MAX);
    state_init(&h->state);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&h->mutex, NULL);
    pthread_cond_init(&h->stop, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return h;
}

struct http *http_start(struct server *s, const char *address, const char *token_file, char *ret_why,
                        size_t why_len)
{
    struct http *h = http_new(s);
    snprintf(ret_why, why_len, "no memory");
    if (h == NULL)
        return NULL;
    h->has_token = *token_file != '\0';
    int fd = -1;
    if (!h->has_token || read_token(token_file, h->token, ret_why, why_len))
        fd = open_socket(h, address, ret_why, why_len);
    if (fd >= 0 && start_daemon(h, fd))
        return h;
    if (fd >= 0) {
        close(fd);
        snprintf(ret_why, why_len, "%.100s: libmicrohttpd did not start", address);
    }
    http_stop(h);
    return NULL;
}

bool http_reload(struct http *h, const char *token_file, char *ret_why, size_t why_len)
{
    uint8_t fresh[HASH_BYTES];
    if (h->has_token != (*token_file != '\0')) {
        snprintf(ret_why, why_len, "whether there is an http-token-file changes with a restart only");
        return false;
    }
    if (!h->has_token)
        return true;
    if (!read_token(token_file, fresh, ret_why, why_len))
        return false;
    pthread_mutex_lock(&h->mutex);
    memcpy(h->token, fresh, HASH_BYTES);
    pthread_mutex_unlock(&h->mutex);
    return true;
}

const char *http_url(const struct http *h)
{
    return h->url;
}

void http_stop(struct http *h)
{
    if (h == NULL)
        return;
    pthread_mutex_lock(&h->mutex);
    h->stopping = true;
    pthread_cond_broadcast(&h->stop);
    pthread_mutex_unlock(&h->mutex);
    if (h->daemon != NULL)
        MHD_stop_daemon(h->daemon);
    roost__buf_free(&h->picture);
    state_free(&h->state);
    pthread_cond_destroy(&h->stop);
    pthread_mutex_destroy(&h->mutex);
    free(h);
}
