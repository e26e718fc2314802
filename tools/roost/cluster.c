/* cluster.c: cluster status|add|remove|transfer: the servers of a cluster, and changes among them. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

static const roost_value *part(roost_value map, const char *name)
{
    static const roost_value none;
    const roost_value *v = map.kind == ROOST_MAP ? roost_map_get(map, roost_str(name)) : NULL;
    return v != NULL ? v : &none;
}

static const char *text(roost_value map, const char *name)
{
    const roost_value *v = part(map, name);
    return v->kind == ROOST_STR ? v->as.s : "-";
}

static int64_t number(roost_value map, const char *name)
{
    const roost_value *v = part(map, name);
    return v->kind == ROOST_INT ? v->as.i : 0;
}

static void print_nodes(roost_value cluster)
{
    const roost_value *nodes = part(cluster, "nodes");
    printf("%-4s %-8s %-7s %-24s %-32s %10s\n", "NODE", "ROLE", "LEADS", "PEER", "CLIENT", "MATCH");
    for (uint32_t i = 0; nodes->kind == ROOST_ARRAY && i < nodes->len; i++) {
        roost_value node = nodes->as.items[i];
        const roost_value *leads = part(node, "leads");
        printf("%-4" PRId64 " %-8s %-7s %-24s %-32s %10" PRId64 "\n", number(node, "id"), text(node, "role"),
               leads->kind == ROOST_BOOL && leads->as.b ? "leads" : "", text(node, "peer"),
               text(node, "client"), number(node, "match"));
    }
    printf("term %" PRId64 ", applied %" PRId64 "\n", number(cluster, "term"), number(cluster, "applied"));
}

static int status(struct cli *c, int n, char **words)
{
    roost_value cluster;
    bool json = c->json || (n == 1 && strcmp(words[0], "--json") == 0);
    if (n > 0 && !json)
        return cli_usage("usage: roost cluster status [--json]");
    if (roost_server_cluster(c->manager, &cluster) != 0)
        return cli_fail();
    if (json)
        json_print(c, cluster);
    else
        print_nodes(cluster);
    roost_value_free(&cluster);
    return STATUS_DONE;
}

/* A node's number; 0: it is none. */
static uint64_t node_id(const char *word)
{
    char *end;
    errno = 0;
    uint64_t id = strtoull(word, &end, 10);
    return *end == '\0' && word[0] != '-' && errno == 0 ? id : 0;
}

static int add(struct cli *c, int n, char **words)
{
    if (n != 3 || node_id(words[0]) == 0)
        return cli_usage("usage: roost cluster add NODE PEER-HOST:PORT CLIENT-URL");
    return roost_server_cluster_add(c->manager, node_id(words[0]), words[1], words[2]) == 0 ? STATUS_DONE
                                                                                            : cli_fail();
}

static int take_out(struct cli *c, int n, char **words)
{
    if (n != 1 || node_id(words[0]) == 0)
        return cli_usage("usage: roost cluster remove NODE");
    return roost_server_cluster_remove(c->manager, node_id(words[0])) == 0 ? STATUS_DONE : cli_fail();
}

static int transfer(struct cli *c, int n, char **words)
{
    if (n > 1 || (n == 1 && node_id(words[0]) == 0))
        return cli_usage("usage: roost cluster transfer [NODE]");
    return roost_server_cluster_transfer(c->manager, n == 1 ? node_id(words[0]) : 0) == 0 ? STATUS_DONE
                                                                                          : cli_fail();
}

int cli_cluster(struct cli *c, int n, char **words)
{
    static const struct {
        const char *name;
        int (*run)(struct cli *c, int n, char **words);
    } commands[] = {{"status", status}, {"add", add}, {"remove", take_out}, {"transfer", transfer}};
    for (size_t i = 0; n > 0 && i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(words[0], commands[i].name) == 0) {
            int rc = cli_connect(c);
            return rc == STATUS_DONE ? commands[i].run(c, n - 1, words + 1) : rc;
        }
    return cli_usage("usage: roost cluster status|add|remove|transfer ...");
}
