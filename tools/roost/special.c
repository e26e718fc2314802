/* special.c: ls, info, ping, who, rm: the server's own methods as people want to read them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "json.h"
#include "top.h"

/* ---- printing ---- */

static const char *text_of(const roost_value *v)
{
    return v != NULL && v->kind == ROOST_STR ? v->as.s : "-";
}

static int64_t int_of(const roost_value *v)
{
    return v != NULL && v->kind == ROOST_INT ? v->as.i : 0;
}

/* Prints a map as lines of "key value"; a map inside as lines of "key.key value". */
static void print_lines(const char *prefix, roost_value map)
{
    for (uint32_t i = 0; i < map.len; i++) {
        const roost_pair *pair = &map.as.pairs[i];
        char name[256];
        snprintf(name, sizeof(name), "%s%s", prefix, text_of(&pair->key));
        if (pair->value.kind == ROOST_MAP) {
            strncat(name, ".", sizeof(name) - strlen(name) - 1);
            print_lines(name, pair->value);
            continue;
        }
        printf("%-22s ", name);
        struct cli bare = {.raw = true};
        json_print(&bare, pair->value);
    }
}

static void print_objects(roost_value objects)
{
    printf("%-8s %-18s %-24s %10s %8s %8s\n", "ID", "TYPE", "NAME", "LEN", "HOLDERS", "WAITERS");
    for (uint32_t i = 0; i < objects.len; i++) {
        roost_value o = objects.as.items[i];
        const roost_value *len = roost_map_get(o, roost_str("len"));
        char size[24] = "-";
        if (len != NULL)
            snprintf(size, sizeof(size), "%" PRId64, int_of(len));
        printf("%-8" PRId64 " %-18s %-24s %10s %8" PRId64 " %8" PRId64 "\n",
               int_of(roost_map_get(o, roost_str("id"))), text_of(roost_map_get(o, roost_str("type"))),
               text_of(roost_map_get(o, roost_str("name"))), size,
               int_of(roost_map_get(o, roost_str("holders"))),
               int_of(roost_map_get(o, roost_str("waiters"))));
    }
}

/* One line per holder or waiter: holds  session 24, thread 1, host vm, pid 4711 … */
static void print_parties(const char *what, const roost_value *parties)
{
    for (uint32_t i = 0; parties != NULL && parties->kind == ROOST_ARRAY && i < parties->len; i++) {
        roost_value party = parties->as.items[i];
        printf("%-6s", what);
        for (uint32_t j = 0; party.kind == ROOST_MAP && j < party.len; j++) {
            const roost_value *v = &party.as.pairs[j].value;
            printf("%s %s ", j > 0 ? "," : "", text_of(&party.as.pairs[j].key));
            if (v->kind == ROOST_STR)
                fputs(v->as.s, stdout);
            else
                roost_value_print(stdout, *v);
        }
        putchar('\n');
    }
}

/* ---- the commands ---- */

/* --json among the words of a command; returns how many words are left. */
static int take_json(struct cli *c, int n, char **words)
{
    int left = 0;
    for (int i = 0; i < n; i++) {
        if (strcmp(words[i], "--json") == 0)
            c->json = true;
        else
            words[left++] = words[i];
    }
    return left;
}

static int ls(struct cli *c, int n, char **words)
{
    roost_value objects;
    n = take_json(c, n, words);
    if (n > 1)
        return cli_usage("usage: roost ls [TYPE]");
    if (n == 1 && roost__type_by_name(words[0], strlen(words[0])) < 0)
        return cli_usage("no type %s", words[0]);
    int status = cli_connect(c);
    if (status != STATUS_DONE)
        return status;
    if (roost_server_list(c->manager, n == 1 ? words[0] : NULL, &objects) != 0)
        return cli_fail();
    if (c->json)
        json_print(c, objects);
    else
        print_objects(objects);
    roost_value_free(&objects);
    return STATUS_DONE;
}

/* What the server says, and how this client talks to it. */
static int print_info(struct cli *c, roost_value said)
{
    const char *why;
    char text[128];
    roost_pair *pairs = malloc((said.len + 2) * sizeof(*pairs));
    if (pairs == NULL)
        return cli_fail();
    bool ring = roost_manager_transport(c->manager, &why) == ROOST_BY_RING;
    snprintf(text, sizeof(text), "%s: %s", ring ? "ring" : "socket", why);
    for (uint32_t i = 0; i < said.len; i++)
        pairs[i] = said.as.pairs[i];
    pairs[said.len] = (roost_pair){roost_str("transport"), roost_str(text)};
    pairs[said.len + 1] = (roost_pair){roost_str("address"), roost_str(roost_manager_address(c->manager))};
    roost_value all = roost_map(pairs, said.len + 2);
    if (c->json)
        json_print(c, all);
    else
        print_lines("", all);
    free(pairs);
    return STATUS_DONE;
}

static int info(struct cli *c, int n, char **words)
{
    roost_value v;
    if (take_json(c, n, words) > 0)
        return cli_usage("usage: roost info");
    int status = cli_connect(c);
    if (status != STATUS_DONE)
        return status;
    if (roost_server_info(c->manager, &v) != 0)
        return cli_fail();
    status = print_info(c, v);
    roost_value_free(&v);
    return status;
}

static int ping(struct cli *c, int n, char **words)
{
    struct timespec before, after;
    (void)words;
    if (n > 0)
        return cli_usage("usage: roost ping");
    int status = cli_connect(c);
    if (status != STATUS_DONE)
        return status;
    clock_gettime(CLOCK_MONOTONIC, &before);
    if (roost_server_ping(c->manager, roost_nil(), NULL) != 0)
        return cli_fail();
    clock_gettime(CLOCK_MONOTONIC, &after);
    printf("%s answers in %.3f ms\n", roost_manager_address(c->manager),
           (double)(after.tv_sec - before.tv_sec) * 1e3 + (double)(after.tv_nsec - before.tv_nsec) / 1e6);
    return STATUS_DONE;
}

static int who(struct cli *c, int n, char **words)
{
    roost_value v;
    n = take_json(c, n, words);
    if (n != 1)
        return cli_usage("usage: roost who NAME");
    int status = cli_connect(c);
    if (status != STATUS_DONE)
        return status;
    if (roost_server_who(c->manager, roost_str(words[0]), &v) != 0)
        return cli_fail();
    if (c->json) {
        json_print(c, v);
    } else {
        print_parties("holds", roost_map_get(v, roost_str("holders")));
        print_parties("waits", roost_map_get(v, roost_str("waiters")));
    }
    roost_value_free(&v);
    return STATUS_DONE;
}

static int rm(struct cli *c, int n, char **words)
{
    if (n == 0)
        return cli_usage("usage: roost rm NAME...");
    int status = cli_connect(c);
    if (status != STATUS_DONE)
        return status;
    for (int i = 0; i < n; i++)
        if (roost_server_delete(c->manager, roost_str(words[i])) != 0)
            status = cli_fail();
    return status;
}

const struct special cli_specials[] = {
    {"ls", "ls [TYPE] [--json]", "the objects of the server", ls},
    {"info", "info [--json]", "version, counts and limits of the server", info},
    {"ping", "ping", "a round trip to the server, and how long it took", ping},
    {"who", "who NAME [--json]", "who holds an object, and who waits for it, in order", who},
    {"rm", "rm NAME...", "deletes objects", rm},
    {"top", "top [--once]",
     "objects by load, with sizes, holders and who waits how long, and clients: live, or once as a table",
     cli_top},
    {"each", "each NAME", "the elements of a dict, list or set, one a line, however many there are",
     cli_each},
    {"cluster", "cluster status|add NODE PEER CLIENT|remove NODE|transfer [NODE]",
     "the servers of a cluster, who leads, how far each is; and changes among them", cli_cluster},
    {"transact", "transact [JSON]", "several calls in one step, or none: {\"if\": [...], \"do\": [...]}",
     cli_transact},
    {"completion", "completion bash|zsh", "a script that makes the shell complete roost's commands",
     cli_completion},
    {"keygen", "keygen FOLDER", "a private authority for TLS: FOLDER/ca.pem and ca.key", cli_keygen},
    {"cert",
     "cert FOLDER [--server NAME[,HOST]...]... [--client NAME]... [--node NAME[,HOST]...]... [--revoke "
     "NAME]...",
     "keys and certificates, signed by the folder's authority, or revoked by it", cli_cert},
    {"key", "key KEYS-FILE IDENTITY KEY-FILE [RIGHTS PATTERN]",
     "a new identity with a key and a rule: read,write,admin on names like PATTERN", cli_key},
    {"backup", "backup [FOLDER] FILE",
     "all a server holds at this moment, which goes on; or a data folder that none uses", cli_backup},
    {"restore", "restore FILE FOLDER", "a new data folder out of a backup", cli_restore},
    {"help", "help [TYPE [METHOD]]", "this, or what there is to call", cli_help},
    {0},
};
