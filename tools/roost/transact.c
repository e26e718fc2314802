/* transact.c: `roost transact`: a transaction as one JSON object. */
#include <stdlib.h>
#include <string.h>

#include "json.h"

/* All of stdin, in the arena. */
static const char *read_stdin(struct arena *a)
{
    char *text = NULL;
    size_t size = 0;
    ssize_t n = getdelim(&text, &size, '\0', stdin);
    char *copy = arena_alloc(a, n > 0 ? (size_t)n + 1 : 1);
    if (n > 0)
        memcpy(copy, text, (size_t)n);
    copy[n > 0 ? n : 0] = '\0';
    free(text);
    return copy;
}

/* A member that must be of one kind, or may be left out. */
static bool take(roost_value map, const char *name, roost_kind kind, roost_value *ret)
{
    const roost_value *v = roost_map_get(map, roost_str(name));
    if (v == NULL)
        return true;
    *ret = *v;
    return v->kind == kind;
}

static int run(struct cli *c, struct arena *a, const char *text)
{
    roost_value whole, results;
    roost_value args[] = {roost_array(NULL, 0), roost_array(NULL, 0), roost_int(-1)};
    enum json_result read = json_read(c, a, text, &whole);
    if (read == JSON_BAD)
        return STATUS_USAGE;
    if (read == JSON_NO_JSON || whole.kind != ROOST_MAP || !take(whole, "if", ROOST_ARRAY, &args[0]) ||
        !take(whole, "do", ROOST_ARRAY, &args[1]) || !take(whole, "timeout", ROOST_INT, &args[2]))
        return cli_usage(
            "transact: wants {\"if\": [[KIND, NAME, ...], ...], \"do\": [[NAME, METHOD, [ARG, ...], PATH], "
            "...], \"timeout\": MS}");
    int status = cli_connect(c);
    if (status != STATUS_DONE)
        return status;
    if (roost_call(c->manager, roost_nil(), "server.transact", args, 3, &results) != 0)
        return cli_fail();
    json_print(c, results);
    roost_value_free(&results);
    return STATUS_DONE;
}

int cli_transact(struct cli *c, int n, char **words)
{
    struct arena a = {0};
    if (n > 1)
        return cli_usage("usage: roost transact [JSON]");
    int status = run(c, &a, n == 1 ? words[0] : read_stdin(&a));
    arena_free(&a);
    return status;
}
