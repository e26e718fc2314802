/* options.c: roostd's command line; see options.h. */
#include "shell/options.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shell/log.h"

enum { EXIT_USAGE = 2 };

static const char help[] =
    "usage: roostd [--listen URL]... [options]\n"
    "Hosts shared objects: dicts, lists, queues, locks and more, for libroost and the roost command.\n"
    "\n"
    "  -l, --listen URL        ipc:///path, tcp://host:port or tls+tcp://host:port (port 0: one that is "
    "free);\n"
    "                          may be repeated;\n"
    "                          nng+ipc:// and nng+tcp:// serve the same on nng's streams.\n"
    "                          Default: the user's socket, ipc://$XDG_RUNTIME_DIR/roost/roost.sock\n"
    "                          or ipc:///tmp/roost-<uid>/roost.sock; sockets that systemd hands over are\n"
    "                          served as well (see roostd.socket)\n"
    "      --socket-mode MODE  permissions of ipc sockets, octal (0600)\n"
    "      --tls-cert FILE     for tls+tcp: the server's certificate, and those up to its CA's, PEM\n"
    "      --tls-key FILE      its private key, PEM\n"
    "      --tls-ca FILE       who signs the clients' certificates, PEM\n"
    "      --tls-require-client-cert\n"
    "                          let in only clients with a certificate signed by --tls-ca\n"
    "      --keys FILE         let in only who proves to have one of its keys; SIGHUP reads it again\n"
    "      --insecure          listen beyond this host without keys or client certificates all the same\n"
    "      --allow-uid UID     let this user in on ipc, beside our own and root; may be repeated\n"
    "      --allow-gid GID     and the users of this group\n"
    "      --max-anonymous N   connections that have not said who they are, at a time (512)\n"
    "      --no-ring           ipc clients talk over their sockets only, not through shared memory\n"
    "      --log-level LEVEL   error, warn, info (default) or debug; one line per fact goes to stderr\n"
    "      --data DIR          keep everything in this folder: what was answered survives the server\n"
    "                          and the machine\n"
    "      --sync MODE         always (default): on the disk before the answer; batch:MS: within MS ms;\n"
    "                          none: when the system likes\n"
    "      --snapshot-bytes N  so many bytes of log until the next snapshot (67108864)\n"
    "      --owner PID         exit when that process ends\n"
    "      --ready-fd FD       write the first URL and a newline to this descriptor when listening\n"
    "  -V, --version           print the version\n"
    "  -h, --help              print this\n";

enum {
    OPT_SOCKET_MODE = 256,
    OPT_NO_RING,
    OPT_LOG_LEVEL,
    OPT_OWNER,
    OPT_READY_FD,
    OPT_TLS_CERT,
    OPT_TLS_KEY,
    OPT_TLS_CA,
    OPT_TLS_REQUIRE,
    OPT_KEYS,
    OPT_INSECURE,
    OPT_ALLOW_UID,
    OPT_ALLOW_GID,
    OPT_MAX_ANONYMOUS,
    OPT_DATA,
    OPT_SYNC,
    OPT_SNAPSHOT_BYTES
};

static const struct option table[] = {
    {"listen", required_argument, NULL, 'l'},
    {"socket-mode", required_argument, NULL, OPT_SOCKET_MODE},
    {"no-ring", no_argument, NULL, OPT_NO_RING},
    {"log-level", required_argument, NULL, OPT_LOG_LEVEL},
    {"owner", required_argument, NULL, OPT_OWNER},
    {"ready-fd", required_argument, NULL, OPT_READY_FD},
    {"tls-cert", required_argument, NULL, OPT_TLS_CERT},
    {"tls-key", required_argument, NULL, OPT_TLS_KEY},
    {"tls-ca", required_argument, NULL, OPT_TLS_CA},
    {"tls-require-client-cert", no_argument, NULL, OPT_TLS_REQUIRE},
    {"keys", required_argument, NULL, OPT_KEYS},
    {"insecure", no_argument, NULL, OPT_INSECURE},
    {"allow-uid", required_argument, NULL, OPT_ALLOW_UID},
    {"allow-gid", required_argument, NULL, OPT_ALLOW_GID},
    {"max-anonymous", required_argument, NULL, OPT_MAX_ANONYMOUS},
    {"data", required_argument, NULL, OPT_DATA},
    {"sync", required_argument, NULL, OPT_SYNC},
    {"snapshot-bytes", required_argument, NULL, OPT_SNAPSHOT_BYTES},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static int usage(const char *what, const char *value)
{
    fprintf(stderr, "roostd: %s: %s (see roostd --help)\n", what, value);
    return EXIT_USAGE;
}

/* A number in [min, max], or -1. */
static long number(const char *text, int base, long min, long max)
{
    char *end;
    long n = strtol(text, &end, base);
    return end != text && *end == '\0' && n >= min && n <= max ? n : -1;
}

static bool take_sync(struct durable_options *d, const char *value)
{
    const char *batch = strncmp(value, "batch:", 6) == 0 ? value + 6 : NULL;
    long ms = batch != NULL ? number(batch, 10, 1, 60000) : 0;
    if (ms > 0)
        d->sync = WAL_SYNC_BATCH, d->batch_ms = (int)ms;
    else if (strcmp(value, "none") == 0)
        d->sync = WAL_SYNC_NONE;
    else if (strcmp(value, "always") == 0)
        d->sync = WAL_SYNC_ALWAYS;
    else
        return false;
    return true;
}

static int take(struct options *o, int option, const char *value)
{
    long n;
    switch (option) {
    case 'l':
        if (o->listen_len == LISTEN_MAX)
            return usage("too many listeners", value);
        o->listen[o->listen_len++] = value;
        return -1;
    case OPT_SOCKET_MODE:
        if ((n = number(value, 8, 0, 0777)) < 0)
            return usage("--socket-mode wants an octal mode", value);
        o->socket_mode = (unsigned)n;
        return -1;
    case OPT_NO_RING:
        o->no_ring = true;
        return -1;
    case OPT_LOG_LEVEL:
        if ((n = log_level_by_name(value)) < 0)
            return usage("--log-level wants error, warn, info or debug", value);
        log_set_level((enum log_level)n);
        return -1;
    case OPT_OWNER:
        if ((n = number(value, 10, 1, 1L << 30)) < 0)
            return usage("--owner wants a process id", value);
        o->owner = (pid_t)n;
        return -1;
    case OPT_READY_FD:
        if ((n = number(value, 10, 0, 1 << 20)) < 0)
            return usage("--ready-fd wants a descriptor", value);
        o->ready_fd = (int)n;
        return -1;
    case OPT_TLS_CERT:
        o->tls_cert = value;
        return -1;
    case OPT_TLS_KEY:
        o->tls_key = value;
        return -1;
    case OPT_TLS_CA:
        o->tls_ca = value;
        return -1;
    case OPT_TLS_REQUIRE:
        o->tls_wants_certificate = true;
        return -1;
    case OPT_KEYS:
        o->keys = value;
        return -1;
    case OPT_INSECURE:
        o->insecure = true;
        return -1;
    case OPT_ALLOW_UID:
        if ((n = number(value, 10, 0, UINT_MAX - 1)) < 0 || o->allowed.uid_len == ALLOWED_MAX)
            return usage("--allow-uid wants a user's number, at most 64 of them", value);
        o->allowed.uids[o->allowed.uid_len++] = (uid_t)n;
        return -1;
    case OPT_ALLOW_GID:
        if ((n = number(value, 10, 0, UINT_MAX - 1)) < 0 || o->allowed.gid_len == ALLOWED_MAX)
            return usage("--allow-gid wants a group's number, at most 64 of them", value);
        o->allowed.gids[o->allowed.gid_len++] = (gid_t)n;
        return -1;
    case OPT_MAX_ANONYMOUS:
        if ((n = number(value, 10, 1, 1 << 20)) < 0)
            return usage("--max-anonymous wants a number above 0", value);
        o->max_anonymous = (unsigned)n;
        return -1;
    case OPT_DATA:
        o->durable.folder = value;
        return -1;
    case OPT_SYNC:
        return take_sync(&o->durable, value) ? -1 : usage("--sync wants always, batch:MS or none", value);
    case OPT_SNAPSHOT_BYTES:
        if ((n = number(value, 10, 1, LONG_MAX)) < 0)
            return usage("--snapshot-bytes wants a number", value);
        o->durable.snapshot_bytes = (uint64_t)n;
        return -1;
    case 'V':
        puts("roostd " ROOST_VERSION);
        return 0;
    case 'h':
        fputs(help, stdout);
        return 0;
    default:
        return EXIT_USAGE; /* getopt_long has said why */
    }
}

int options_parse(struct options *o, int argc, char **argv)
{
    *o = (struct options){.socket_mode = 0600, .ready_fd = -1};
    for (int option; (option = getopt_long(argc, argv, "l:Vh", table, NULL)) != -1;) {
        int status = take(o, option, optarg);
        if (status >= 0)
            return status;
    }
    return optind < argc ? usage("unexpected argument", argv[optind]) : -1;
}
