/*
 * roostd.c: the server's main: options, listeners, and waiting for the end: a signal or the owner's death.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "shell/address.h"
#include "shell/http.h"
#include "shell/keyring.h"
#include "shell/lockfile.h"
#include "shell/log.h"
#include "shell/net.h"
#include "shell/options.h"
#include "shell/server.h"
#include "shell/supervisor.h"
#include "shell/tls.h"

struct daemon {
    struct options options;
    struct server server;
    struct http *http; /* NULL: not asked for */
    struct listener *listeners[LISTEN_MAX];
    int locks[LISTEN_MAX]; /* of ipc paths that are ours, else -1 */
    struct handed_over handed_over[LISTEN_MAX];
    int handed_over_len;
    unsigned listening;
    char default_url[PATH_MAX + 8];
    const char *urls[LISTEN_MAX]; /* the options', those handed over; else the default */
    unsigned url_count;
    int argc; /* for the reload */
    char **argv;
    struct tls_server tls;
};

/* The user's socket, in a folder that only the user may enter. */
static bool make_default_url(struct daemon *d)
{
    char folder[PATH_MAX - 16];
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    if (runtime != NULL && *runtime != '\0')
        snprintf(folder, sizeof(folder), "%s/roost", runtime);
    else
        snprintf(folder, sizeof(folder), "/tmp/roost-%u", (unsigned)getuid());
    struct stat st;
    if ((mkdir(folder, 0700) != 0 && errno != EEXIST) || lstat(folder, &st) != 0) {
        log_error("%s: %s", folder, strerror(errno));
        return false;
    }
    if (!S_ISDIR(st.st_mode) || st.st_uid != getuid()) {
        log_error("%s: belongs to somebody else", folder);
        return false;
    }
    snprintf(d->default_url, sizeof(d->default_url), "ipc://%s/roost.sock", folder);
    d->urls[d->url_count++] = d->default_url;
    return true;
}

/* The socket that was handed over for the URL, or 0. */
static int handed_over(const struct daemon *d, const char *url)
{
    for (int i = 0; i < d->handed_over_len; i++)
        if (strcmp(d->handed_over[i].url, url) == 0)
            return d->handed_over[i].fd;
    return 0;
}

static bool is_listed(const struct daemon *d, const char *url)
{
    for (unsigned i = 0; i < d->url_count; i++)
        if (strcmp(d->urls[i], url) == 0)
            return true;
    return false;
}

/* Sockets that were handed over are served like those of --listen; one that is both is one. */
static bool add_handed_over(struct daemon *d)
{
    d->handed_over_len = supervisor_take(d->handed_over, LISTEN_MAX);
    for (int i = 0; i < d->handed_over_len; i++) {
        if (is_listed(d, d->handed_over[i].url))
            continue;
        if (d->url_count == LISTEN_MAX) {
            log_error("too many listeners: %d are handed over", d->handed_over_len);
            return false;
        }
        d->urls[d->url_count++] = d->handed_over[i].url;
    }
    return d->handed_over_len >= 0;
}

static bool add_urls(struct daemon *d)
{
    for (; d->url_count < d->options.listen.len; d->url_count++)
        d->urls[d->url_count] = d->options.listen.at[d->url_count];
    return add_handed_over(d);
}

/* Everybody who reaches the address would come in. */
static bool is_open_to_all(const struct daemon *d, const char *url)
{
    const struct options *o = &d->options;
    bool guarded = *o->keys != '\0' || (net_is_tls(url) && o->tls_require_client_cert);
    return net_ipc_path(url) == NULL && !guarded && !o->insecure && !address_is_loopback(url);
}

static bool listen_at(struct daemon *d, const char *url)
{
    char why[128] = "";
    if (is_open_to_all(d, url)) {
        log_error(
            "%s: would let in everybody on the network: give --keys or --tls-require-client-cert, or, if "
            "that is what you want, --insecure",
            url);
        return false;
    }
    struct listen_options options = {
        .socket_mode = (unsigned)d->options.socket_mode, .socket = handed_over(d, url), .tls = &d->tls};
    const char *path = options.socket == 0 ? net_ipc_path(url) : NULL;
    int lock = -1;
    if (path != NULL && (lock = lockfile_take(path)) < 0) {
        log_error("%s: %s", url, errno == EWOULDBLOCK ? "another roostd listens here" : strerror(errno));
        return false;
    }
    struct listener *l = net_listen(&d->server, url, &options, why, sizeof(why));
    if (l == NULL) {
        log_error("%s: %s", url, why);
        if (lock >= 0)
            lockfile_drop(lock, path);
        return false;
    }
    d->locks[d->listening] = lock;
    d->listeners[d->listening++] = l;
    log_info("listening at %s", l->url);
    return true;
}

/* NULL: nothing was said. */
static const char *given(const char *text)
{
    return *text != '\0' ? text : NULL;
}

/* Who may come in is read, at the start or again. */
static void say_loaded(const struct daemon *d, const char *what, const char *file)
{
    struct log_field fields[] = {{"what", what, 0}, {"file", file, 0}};
    if (d->options.audit)
        log_event(LOG_LEVEL_INFO, "audit", fields, sizeof(fields) / sizeof(fields[0]));
}

/* Where somebody listens at a tls+tcp URL, or files for one were named. */
static bool load_tls(struct daemon *d)
{
    const struct options *o = &d->options;
    const struct credential_files files = {.ca = given(o->tls_ca),
                                           .cert = given(o->tls_cert),
                                           .key = given(o->tls_key),
                                           .crl = given(o->tls_crl)};
    bool wanted = files.cert != NULL || files.key != NULL || o->tls_require_client_cert;
    for (unsigned i = 0; i < d->url_count; i++)
        wanted = wanted || net_is_tls(d->urls[i]);
    if (!wanted)
        return true;
    if (tls_load(&d->tls, &files, o->tls_require_client_cert) != ROOST_OK) {
        log_error("%s", roost_errmsg());
        return false;
    }
    say_loaded(d, "certificates loaded", o->tls_cert);
    return true;
}

/* Reads the keys, at the start and again. */
static bool load_keys(struct daemon *d)
{
    struct keyring *keys;
    if (*d->options.keys == '\0')
        return true;
    if (keyring_load(d->options.keys, &keys) != ROOST_OK) {
        log_error("%s", roost_errmsg());
        return false;
    }
    struct log_field fields[] = {
        {"what", "keys loaded", 0}, {"identities", NULL, (int64_t)keys->len}, {"file", d->options.keys, 0}};
    if (d->options.audit)
        log_event(LOG_LEVEL_INFO, "audit", fields, sizeof(fields) / sizeof(fields[0]));
    server_set_keys(&d->server, keys);
    return true;
}

static void stop_listening(struct daemon *d)
{
    for (unsigned i = 0; i < d->listening; i++)
        d->listeners[i]->stop(d->listeners[i]);
}

static void free_listeners(struct daemon *d)
{
    while (d->listening > 0) {
        unsigned i = --d->listening;
        const char *path = net_ipc_path(d->urls[i]);
        d->listeners[i]->free(d->listeners[i]);
        if (d->locks[i] >= 0) {
            unlink(path);
            lockfile_drop(d->locks[i], path);
        }
    }
}

static void say_ready(const struct daemon *d)
{
    supervisor_tell("READY=1");
    int fd = (int)d->options.ready_fd;
    if (fd < 0)
        return;
    if (dprintf(fd, "%s\n", d->listeners[0]->url) < 0)
        log_warn("--ready-fd %d: %s", fd, strerror(errno));
    close(fd);
}

static int block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

/* As many descriptors as the system allows: each client needs one. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* A descriptor that becomes readable when the owner ends; -1 when there is none to watch, -2 when it is gone
 * already. */
static int watch_owner(pid_t owner)
{
    if (owner == 0)
        return -1;
    int fd = (int)syscall(SYS_pidfd_open, owner, 0);
    return fd >= 0 ? fd : -2;
}

/* What may change while the server runs. */
static void apply_options(struct daemon *d)
{
    log_set_level((enum log_level)d->options.log_level);
    log_set_json(d->options.log_format == 1);
    atomic_store(&d->server.watch.slow_ns, d->options.slow_ms * 1000000);
    atomic_store(&d->server.watch.audit, d->options.audit);
}

static struct core_limits limits_of(const struct options *o)
{
    struct core_limits limits = options_limits(o);
    if (limits.memory_max == 0)
        limits.memory_max = (int64_t)sysconf(_SC_PHYS_PAGES) / 2 * sysconf(_SC_PAGESIZE);
    return limits;
}

static void reload_options(struct daemon *d)
{
    struct buf changed = buf_make(4096);
    if (options_reload(&d->options, d->argc, d->argv, &changed)) {
        struct core_limits limits = limits_of(&d->options);
        apply_options(d);
        server_set_limits(&d->server, &limits, (size_t)d->options.max_anonymous);
        log_info("%s: read again; what has changed: %.*s", d->options.config, (int)changed.len,
                 changed.len > 0 ? (const char *)changed.data : "");
    } else {
        log_error("%s: has an error: nothing was changed", d->options.config);
    }
    roost__buf_free(&changed);
}

static void reload_tls(struct daemon *d)
{
    if (load_tls(d))
        net_drop_revoked(&d->server);
    else
        log_error("the certificates stay as they were");
}

static void reload_token(struct daemon *d)
{
    char why[256];
    if (!http_reload(d->http, d->options.http_token_file, why, sizeof(why)))
        log_error("%s: the token stays as it was", why);
    else if (*d->options.http_token_file != '\0')
        say_loaded(d, "http token loaded", d->options.http_token_file);
}

/* With nothing to read again, a SIGHUP ends the server, as it does programs that know nothing of it. */
static bool reload(struct daemon *d)
{
    const struct options *o = &d->options;
    bool tls = d->tls.now != NULL, token = d->http != NULL && *o->http_token_file != '\0';
    if (o->config == NULL && *o->keys == '\0' && !tls && !token)
        return false;
    if (o->config != NULL)
        reload_options(d);
    if (!load_keys(d))
        log_error("the keys stay as they were");
    if (tls)
        reload_tls(d);
    if (d->http != NULL)
        reload_token(d);
    return true;
}

/* A server with an owner outlives a terminal's Ctrl-C: its owner decides. */
static void wait_for_the_end(struct daemon *d, int signals, int owner)
{
    struct pollfd fds[] = {{.fd = signals, .events = POLLIN}, {.fd = owner, .events = POLLIN}};
    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return;
        if (fds[1].revents != 0) {
            log_info("the owner ended: stopping");
            return;
        }
        struct signalfd_siginfo signal;
        if (fds[0].revents == 0 || read(signals, &signal, sizeof(signal)) != sizeof(signal))
            continue;
        if (signal.ssi_signo == SIGINT && owner >= 0)
            continue;
        if (signal.ssi_signo == SIGHUP && reload(d))
            continue;
        log_info("got signal %u: stopping", signal.ssi_signo);
        return;
    }
}

static bool start_http(struct daemon *d)
{
    char why[256];
    if (*d->options.http == '\0')
        return true;
    d->http = http_start(&d->server, d->options.http, d->options.http_token_file, why, sizeof(why));
    if (d->http == NULL)
        log_error("http: %s", why);
    else
        log_info("serving %s", http_url(d->http));
    return d->http != NULL;
}

static int serve(struct daemon *d, int signals, int owner)
{
    struct core_limits limits = limits_of(&d->options);
    struct store_options store;
    struct cluster_options cluster;
    struct credential_files peer_tls;
    char why[256];
    tls_init(&d->tls);
    if (!options_store(&d->options, &store, why, sizeof(why)) ||
        !options_cluster(&d->options, &cluster, &peer_tls, why, sizeof(why))) {
        log_error("%s", why);
        return 1;
    }
    store.cluster = cluster.file != NULL ? &cluster : NULL;
    int rc = server_start(&d->server, &limits, &store);
    if (rc != ROOST_OK) {
        log_error("cannot start: %s", roost_errmsg());
        return 1;
    }
    apply_options(d);
    d->server.no_rings = d->options.no_ring;
    d->server.allowed = options_allowed(&d->options);
    d->server.newcomers_max = (size_t)d->options.max_anonymous;
    bool ok = (d->url_count > 0 || make_default_url(d)) && load_tls(d) && load_keys(d);
    for (unsigned i = 0; ok && i < d->url_count; i++)
        ok = listen_at(d, d->urls[i]);
    ok = ok && start_http(d);
    if (ok) {
        say_ready(d);
        wait_for_the_end(d, signals, owner);
    }
    supervisor_tell("STOPPING=1");
    stop_listening(d);
    http_stop(d->http);
    server_stop(&d->server);
    free_listeners(d);
    tls_free(&d->tls);
    return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
    static struct daemon d;
    int status = options_load(&d.options, argc, argv);
    if (status >= 0) {
        options_free(&d.options);
        return status;
    }
    d.argc = argc;
    d.argv = argv;
    apply_options(&d);
    int signals = block_signals();
    raise_descriptor_limit();
    if (!add_urls(&d)) {
        options_free(&d.options);
        return 1;
    }
    int owner = watch_owner((pid_t)d.options.owner);
    status = owner == -2 ? 0 : serve(&d, signals, owner);
    options_free(&d.options);
    return status;
}
