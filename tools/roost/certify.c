/* certify.c: roost keygen, roost cert: a private authority and its certificates (ca.h). No server is asked.
 */
#include <stdio.h>
#include <string.h>

#include "ca.h"
#include "cli.h"

enum { DAY = 24 * 3600, SKEW = 300 /* clocks that are not quite right */ };

int cli_keygen(struct cli *c, int n, char **words)
{
    (void)c;
    time_t now = time(NULL);
    if (n != 1 || words[0][0] == '-')
        return cli_usage("usage: roost keygen FOLDER");
    if (ca_create(words[0], now - SKEW, now + (time_t)CA_DAYS * DAY) != 0)
        return cli_fail();
    printf("%s/ca.pem: whom servers and clients are to trust\n"
           "%s/ca.key: the secret behind it, for roost cert only\n",
           words[0], words[0]);
    return STATUS_DONE;
}

/* NAME,HOST,HOST…: taken apart in place; all of them are hosts. */
static bool split_hosts(char *word, char *hosts[CA_HOSTS_MAX], size_t *ret_n)
{
    char *rest = word;
    for (*ret_n = 0; rest != NULL && *ret_n < CA_HOSTS_MAX; (*ret_n)++)
        hosts[*ret_n] = strsep(&rest, ",");
    return rest == NULL;
}

static const char *const kinds[] = {"server", "client", "node"};
enum { KINDS = 3 };

/* node-ID.CLUSTER: what the other nodes look for in a node's certificate. */
static bool is_node_name(const char *name)
{
    if (strncmp(name, "node-", 5) != 0 || name[5] == '0')
        return false;
    size_t digits = strspn(name + 5, "0123456789");
    const char *cluster = name + 5 + digits;
    return digits > 0 && cluster[0] == '.' && cluster[1] != '\0' && strchr(cluster + 1, '.') == NULL;
}

static int certify(const char *folder, const char *kind, char *word)
{
    char *hosts[CA_HOSTS_MAX];
    bool client = strcmp(kind, "client") == 0;
    struct cert_request r = {
        .name = word, .client = client, .node = strcmp(kind, "node") == 0, .hosts = hosts};
    r.from = time(NULL) - SKEW;
    r.until = r.from + (time_t)CERT_DAYS * DAY;
    if (!client && !split_hosts(word, hosts, &r.host_count))
        return cli_usage("more than %d hosts", CA_HOSTS_MAX);
    if (r.node && !is_node_name(r.name))
        return cli_usage("cert: a node is called node-ID.CLUSTER, such as node-1.prod, not %s", r.name);
    if (ca_sign(folder, &r) != 0)
        return cli_fail();
    printf("%s/%s.pem, %s/%s.key: a %s\n", folder, r.name, folder, r.name, kind);
    return STATUS_DONE;
}

/* The kind that an option such as --server asks for, NULL: none. */
static const char *kind_of(const char *option)
{
    for (int i = 0; i < KINDS; i++)
        if (strncmp(option, "--", 2) == 0 && strcmp(option + 2, kinds[i]) == 0)
            return kinds[i];
    return NULL;
}

static int revoke(const char *folder, const char *name)
{
    time_t now = time(NULL);
    if (ca_revoke(folder, name, now - SKEW, now + (time_t)CA_DAYS * DAY) != 0)
        return cli_fail();
    printf("%s/crl.pem: %s is revoked, for servers with --tls-crl and clients with tls_crl\n", folder, name);
    return STATUS_DONE;
}

static int act(const char *folder, const char *option, char *word)
{
    const char *kind = kind_of(option);
    if (kind != NULL)
        return certify(folder, kind, word);
    if (strcmp(option, "--revoke") == 0)
        return revoke(folder, word);
    return cli_usage("cert: %s is none of --server, --client, --node, --revoke", option);
}

int cli_cert(struct cli *c, int n, char **words)
{
    (void)c;
    int status = STATUS_DONE;
    if (n < 3 || n % 2 == 0)
        return cli_usage("usage: roost cert FOLDER [--server NAME[,HOST]...]... [--client NAME]... "
                         "[--node NAME[,HOST]...]... [--revoke NAME]...");
    for (int i = 1; i < n && status == STATUS_DONE; i += 2)
        status = act(words[0], words[i], words[i + 1]);
    return status;
}
