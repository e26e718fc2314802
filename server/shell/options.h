/*
 * options.h: roostd's command line.
 */
#ifndef ROOST_SHELL_OPTIONS_H
#define ROOST_SHELL_OPTIONS_H

#include <stdbool.h>
#include <sys/types.h>

#include "shell/durable.h"
#include "shell/local_user.h"

enum { LISTEN_MAX = 16 };

struct options {
    const char *listen[LISTEN_MAX];
    unsigned listen_len;
    unsigned socket_mode;
    const char *tls_cert, *tls_key, *tls_ca; /* files; NULL: none */
    bool tls_wants_certificate;
    const char *keys; /* a file; NULL: none */
    struct allowed_users allowed;
    unsigned max_anonymous; /* 0: the default */
    bool insecure;          /* listen on a network without keys or certificates */
    bool no_ring;           /* no shared memory with clients on this host */
    pid_t owner;            /* exit when this process ends; 0: none */
    struct durable_options durable;
    int ready_fd; /* write the first URL here when listening; -1: nowhere */
};

/* Reads the command line. Returns -1 to go on, else the exit status (after --help, --version or a usage
 * error). */
int options_parse(struct options *o, int argc, char **argv);

#endif
