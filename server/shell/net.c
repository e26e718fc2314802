/* net.c: which transport serves a URL; see net.h. */
#include "shell/net.h"

#include <stdio.h>
#include <string.h>

static const char nng_prefix[] = "nng+";

static bool starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static const char *without_prefix(const char *url)
{
    return starts(url, nng_prefix) ? url + strlen(nng_prefix) : url;
}

const char *net_ipc_path(const char *url)
{
    url = without_prefix(url);
    return starts(url, "ipc://") ? url + strlen("ipc://") : NULL;
}

bool net_is_tls(const char *url)
{
    return starts(url, "tls+tcp://");
}

struct listener *net_listen(struct server *s, const char *url, const struct listen_options *options,
                            char *ret_why, size_t why_len)
{
    const char *plain = without_prefix(url);
    bool tls = net_is_tls(url);
    if (strlen(url) >= URL_MAX || (!starts(plain, "ipc://") && !starts(plain, "tcp://") && !tls)) {
        snprintf(ret_why, why_len,
                 "a URL is ipc:///path, tcp://host:port or tls+tcp://host:port, of less than %d bytes",
                 URL_MAX);
        return NULL;
    }
    if (plain != url)
        return net_nng_listen(s, plain, options, ret_why, why_len);
    return net_epoll_listen(s, plain, options, ret_why, why_len);
}
