/* nodes.c: see nodes.h. */
#include "shell/nodes.h"

#include <confuse.h>
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "wire/encode.h"
#include "wire/scan.h"

const struct node *nodes_find(const struct nodes *n, uint64_t id)
{
    for (unsigned i = 0; i < n->len; i++)
        if (n->at[i].id == id)
            return &n->at[i];
    return NULL;
}

/* ---- changes ---- */

static bool is_address(const char *text)
{
    const char *colon = strrchr(text, ':');
    size_t len = strlen(text);
    if (len > NODE_ADDRESS_MAX || colon == NULL || colon == text || colon[1] == '\0')
        return false;
    return strspn(colon + 1, "0123456789") == strlen(colon + 1) && strlen(colon + 1) <= 5;
}

static bool is_url(const char *text)
{
    const char *colon = strstr(text, "://");
    return strlen(text) <= NODE_ADDRESS_MAX && colon != NULL && colon != text && colon[3] != '\0';
}

static int check(const struct nodes *n, uint64_t id, const char *peer, const char *client)
{
    if (id == 0 || id > INT64_MAX)
        return roost__fail(ROOST_EINVAL, "a node's id is a number from 1 on");
    if (!is_address(peer))
        return roost__fail(ROOST_EINVAL, "node %llu: peer is host:port, not \"%.100s\"",
                           (unsigned long long)id, peer);
    if (!is_url(client))
        return roost__fail(ROOST_EINVAL,
                           "node %llu: client is a URL, such as tcp://host:port, not \"%.100s\"",
                           (unsigned long long)id, client);
    for (unsigned i = 0; i < n->len; i++)
        if (n->at[i].id != id && strcmp(n->at[i].peer, peer) == 0)
            return roost__fail(ROOST_EINVAL, "nodes %llu and %llu have the same peer address %s",
                               (unsigned long long)n->at[i].id, (unsigned long long)id, peer);
    return ROOST_OK;
}

int nodes_set(struct nodes *n, uint64_t id, const char *peer, const char *client)
{
    int rc = check(n, id, peer, client);
    if (rc != ROOST_OK)
        return rc;
    unsigned i = 0;
    while (i < n->len && n->at[i].id != id)
        i++;
    if (i == NODES_MAX)
        return roost__fail(ROOST_ELIMIT, "a cluster has at most %d nodes", NODES_MAX);
    n->at[i].id = id;
    strcpy(n->at[i].peer, peer);
    strcpy(n->at[i].client, client);
    if (i == n->len)
        n->len++;
    return ROOST_OK;
}

void nodes_remove(struct nodes *n, uint64_t id)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < n->len; i++)
        if (n->at[i].id != id)
            n->at[kept++] = n->at[i];
    n->len = kept;
}

/* ---- the file ---- */

static void say(cfg_t *cfg, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

static void say(cfg_t *cfg, const char *format, va_list args)
{
    char words[256];
    vsnprintf(words, sizeof(words), format, args);
    roost__fail(ROOST_EINVAL, "%s:%d: %s", cfg->filename, cfg->line, words);
}

static bool is_name(const char *text)
{
    size_t len = strlen(text);
    return len > 0 && len <= NODE_CLUSTER_MAX &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == len;
}

static int take_node(struct nodes *n, cfg_t *node, const char *path)
{
    const char *peer = cfg_getstr(node, "peer"), *client = cfg_getstr(node, "client");
    long id = cfg_getint(node, "id");
    if (peer == NULL || client == NULL || id <= 0)
        return roost__fail(ROOST_EINVAL, "%s:%d: a node has an id (from 1 on), peer and client", path,
                           node->line);
    if (nodes_find(n, (uint64_t)id) != NULL)
        return roost__fail(ROOST_EINVAL, "%s:%d: node %ld is there twice", path, node->line, id);
    return nodes_set(n, (uint64_t)id, peer, client);
}

static int take_file(struct nodes *n, cfg_t *cfg, const char *path)
{
    const char *name = cfg_getstr(cfg, "cluster");
    if (!is_name(name))
        return roost__fail(ROOST_EINVAL, "%s: cluster is a name of letters, digits and '-', at most %d", path,
                           NODE_CLUSTER_MAX);
    strcpy(n->cluster, name);
    for (unsigned i = 0; i < cfg_size(cfg, "node"); i++) {
        int rc = take_node(n, cfg_getnsec(cfg, "node", i), path);
        if (rc != ROOST_OK)
            return rc;
    }
    return n->len > 0 ? ROOST_OK : roost__fail(ROOST_EINVAL, "%s: there is no node in it", path);
}

int nodes_read_file(const char *path, struct nodes *ret)
{
    cfg_opt_t node[] = {CFG_INT("id", 0, CFGF_NONE), CFG_STR("peer", NULL, CFGF_NONE),
                        CFG_STR("client", NULL, CFGF_NONE), CFG_END()};
    cfg_opt_t file[] = {CFG_STR("cluster", "roost", CFGF_NONE), CFG_SEC("node", node, CFGF_MULTI), CFG_END()};
    cfg_t *cfg = cfg_init(file, CFGF_NONE);
    if (cfg == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for the file of nodes");
    cfg_set_error_function(cfg, say);
    *ret = (struct nodes){.len = 0};
    int rc = cfg_parse(cfg, path), status = ROOST_EINVAL; /* a parse error has been worded */
    if (rc == CFG_FILE_ERROR)
        status = roost__fail(ROOST_ESYS, "%s: %s", path, strerror(errno));
    else if (rc == CFG_SUCCESS)
        status = take_file(ret, cfg, path);
    cfg_free(cfg);
    return status;
}

/* ---- as a value: [cluster, [id, peer, client], …] ---- */

void nodes_put(const struct nodes *n, struct buf *out)
{
    roost__put_array(out, n->len + 1);
    roost__put_cstr(out, n->cluster);
    for (unsigned i = 0; i < n->len; i++) {
        roost__put_array(out, 3);
        roost__put_uint(out, n->at[i].id);
        roost__put_cstr(out, n->at[i].peer);
        roost__put_cstr(out, n->at[i].client);
    }
}

/* A text of at most max bytes, with its 0. */
static bool take_text(const uint8_t **p, char *ret, size_t max)
{
    struct item it;
    *p = roost__scan_item(*p, &it);
    if (it.kind != ROOST_STR || it.len > max)
        return false;
    memcpy(ret, it.as.bytes, it.len);
    ret[it.len] = '\0';
    return true;
}

bool nodes_take(struct slice value, struct nodes *ret)
{
    struct item head, it;
    *ret = (struct nodes){.len = 0};
    const uint8_t *p = roost__scan_item(value.data, &head);
    if (head.kind != ROOST_ARRAY || head.len < 1 || head.len > NODES_MAX + 1 ||
        !take_text(&p, ret->cluster, NODE_CLUSTER_MAX))
        return false;
    for (uint32_t i = 0; i + 1 < head.len; i++) {
        struct node n;
        p = roost__scan_item(p, &it);
        if (it.kind != ROOST_ARRAY || it.len != 3)
            return false;
        p = roost__scan_item(p, &it);
        n.id = it.as.u;
        if (it.kind != ROOST_INT || !take_text(&p, n.peer, NODE_ADDRESS_MAX) ||
            !take_text(&p, n.client, NODE_ADDRESS_MAX) || nodes_set(ret, n.id, n.peer, n.client) != ROOST_OK)
            return false;
    }
    return true;
}
