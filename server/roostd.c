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
    struct listener *listeners[LISTEN_MAX];
    int locks[LISTEN_MAX]; /* of ipc paths that are ours, else -1 */
    struct handed_over handed_over[LISTEN_MAX];
    int handed_over_len;
    unsigned listening;
    char default_url[PATH_MAX + 8];
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
    d->options.listen[d->options.listen_len++] = d->default_url;
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

static bool is_option(const struct options *o, const char *url)
{
    for (unsigned i = 0; i < o->listen_len; i++)
        if (strcmp(o->listen[i], url) == 0)
            return true;
    return false;
}

/* Sockets that were handed over are served like those of --listen; one that is both is one. */
static bool add_handed_over(struct daemon *d)
{
    struct options *o = &d->options;
    d->handed_over_len = supervisor_take(d->handed_over, LISTEN_MAX);
    for (int i = 0; i < d->handed_over_len; i++) {
        if (is_option(o, d->handed_over[i].url))
            continue;
        if (o->listen_len == LISTEN_MAX) {
            log_error("too many listeners: %d are handed over", d->handed_over_len);
            return false;
        }
        o->listen[o->listen_len++] = d->handed_over[i].url;
    }
    return d->handed_over_len >= 0;
}

/* Everybody who reaches the address would come in. */
static bool is_open_to_all(const struct daemon *d, const char *url)
{
    const struct options *o = &d->options;
    bool guarded = o->keys != NULL || (net_is_tls(url) && o->tls_wants_certificate);
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
        .socket_mode = d->options.socket_mode, .socket = handed_over(d, url), .tls = &d->tls};
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

/* Where somebody listens at a tls+tcp URL, or files for one were named. */
static bool load_tls(struct daemon *d)
{
    const struct options *o = &d->options;
    const struct credential_files files = {.ca = o->tls_ca, .cert = o->tls_cert, .key = o->tls_key};
    bool wanted = o->tls_cert != NULL || o->tls_key != NULL || o->tls_wants_certificate;
    for (unsigned i = 0; i < o->listen_len; i++)
        wanted = wanted || net_is_tls(o->listen[i]);
    if (!wanted || tls_load(&files, o->tls_wants_certificate, &d->tls) == ROOST_OK)
        return true;
    log_error("%s", roost_errmsg());
    return false;
}

/* Reads the keys, at the start and again. */
static bool load_keys(struct daemon *d)
{
    struct keyring *keys;
    if (d->options.keys == NULL)
        return true;
    if (keyring_load(d->options.keys, &keys) != ROOST_OK) {
        log_error("%s", roost_errmsg());
        return false;
    }
    log_info("audit: %zu identities loaded from %s", keys->len, d->options.keys);
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
        const char *path = net_ipc_path(d->options.listen[i]);
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
    int fd = d->options.ready_fd;
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
        if (signal.ssi_signo == SIGHUP) {
            if (!load_keys(d))
                log_error("the keys stay as they were");
            continue;
        }
        if (signal.ssi_signo == SIGINT && owner >= 0)
            continue;
        log_info("got signal %u: stopping", signal.ssi_signo);
        return;
    }
}

static int serve(struct daemon *d, int signals, int owner)
{
    int rc = server_start(&d->server, &d->options.durable);
    if (rc != ROOST_OK) {
        log_error("cannot start: %s", roost_errmsg());
        return 1;
    }
    d->server.no_rings = d->options.no_ring;
    d->server.allowed = d->options.allowed;
    if (d->options.max_anonymous > 0)
        d->server.newcomers_max = d->options.max_anonymous;
    bool ok = (d->options.listen_len > 0 || make_default_url(d)) && load_tls(d) && load_keys(d);
    for (unsigned i = 0; ok && i < d->options.listen_len; i++)
        ok = listen_at(d, d->options.listen[i]);
    if (ok) {
        say_ready(d);
        wait_for_the_end(d, signals, owner);
    }
    supervisor_tell("STOPPING=1");
    stop_listening(d);
    server_stop(&d->server);
    free_listeners(d);
    tls_unload(&d->tls);
    return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
    static struct daemon d;
    int status = options_parse(&d.options, argc, argv);
    if (status >= 0)
        return status;
    int signals = block_signals();
    raise_descriptor_limit();
    if (!add_handed_over(&d))
        return 1;
    int owner = watch_owner(d.options.owner);
    if (owner == -2)
        return 0;
    return serve(&d, signals, owner);
}
