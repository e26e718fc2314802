/* main.c: `roost`: options before the command, and the way to the rest. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum { TLS_CA = 256, TLS_CERT, TLS_KEY, TLS_CRL, TLS_NAME, IDENTITY, KEY_FILE };

static const char *default_url(void)
{
    static char url[256];
    const char *given = getenv("ROOST_URL");
    if (given != NULL && *given != '\0')
        return given;
    return roost_default_url(url, sizeof(url)) == 0 ? url : NULL;
}

/* Reads the options before the command; returns -1 to go on, or an exit status. */
static int options(struct cli *c, int argc, char **argv)
{
    static const struct option longs[] = {{"connect", required_argument, NULL, 'c'},
                                          {"raw", no_argument, NULL, 'r'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {"version", no_argument, NULL, 'V'},
                                          {"tls-ca", required_argument, NULL, TLS_CA},
                                          {"tls-cert", required_argument, NULL, TLS_CERT},
                                          {"tls-key", required_argument, NULL, TLS_KEY},
                                          {"tls-crl", required_argument, NULL, TLS_CRL},
                                          {"tls-name", required_argument, NULL, TLS_NAME},
                                          {"identity", required_argument, NULL, IDENTITY},
                                          {"key-file", required_argument, NULL, KEY_FILE},
                                          {0}};
    for (int option; (option = getopt_long(argc, argv, "+c:rjhV", longs, NULL)) != -1;) {
        switch (option) {
        case 'c':
            c->url = optarg;
            break;
        case 'r':
            c->raw = true;
            break;
        case 'j':
            c->json = true;
            break;
        case TLS_CA:
            c->access.tls_ca = optarg;
            break;
        case TLS_CERT:
            c->access.tls_cert = optarg;
            break;
        case TLS_KEY:
            c->access.tls_key = optarg;
            break;
        case TLS_CRL:
            c->access.tls_crl = optarg;
            break;
        case TLS_NAME:
            c->access.tls_name = optarg;
            break;
        case IDENTITY:
            c->access.identity = optarg;
            break;
        case KEY_FILE:
            c->access.key_file = optarg;
            break;
        case 'h':
            return cli_help(c, 0, NULL);
        case 'V':
            puts("roost " ROOST_VERSION);
            return STATUS_DONE;
        default:
            return cli_usage("try: roost help");
        }
    }
    return -1;
}

int main(int argc, char **argv)
{
    struct cli c = {.url = default_url()};
    int status = options(&c, argc, argv);
    if (status < 0)
        status = optind < argc ? cli_run(&c, argc - optind, argv + optind) : cli_prompt(&c);
    roost_manager_close(c.manager);
    if (fflush(stdout) != 0) {
        fprintf(stderr, "roost: cannot write the result\n");
        status = STATUS_REFUSED;
    }
    return status;
}
