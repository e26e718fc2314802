/*
 * completion.c: what may stand next on a command line, for the prompt and for shells.
 *
 * `roost completion bash` (or zsh) prints a script that asks `roost completion next WORD…` at every TAB: what
 * there is to say comes from the method table, and names of objects from the server, if it answers in time.
 */
#include <stdio.h>
#include <string.h>

#include "cli.h"

enum { PATIENCE_MS = 1000 }; /* for a server, while somebody waits for a TAB */

struct search {
    struct cli *cli;
    const char *current; /* what candidates must begin with */
    cli_candidate *found;
    void *arg;
};

static void offer(const struct search *s, const char *word)
{
    if (strncmp(word, s->current, strlen(s->current)) == 0)
        s->found(word, s->arg);
}

static void offer_types(const struct search *s)
{
    for (int t = 0; t < TYPE_COUNT; t++)
        offer(s, roost_type_name((roost_type)t));
}

static void offer_commands(const struct search *s)
{
    for (const struct special *special = cli_specials; special->name != NULL; special++)
        offer(s, special->name);
    offer_types(s);
}

static void offer_methods(const struct search *s, roost_type type)
{
    for (unsigned i = 0; i < roost__method_count; i++)
        if (roost__methods[i].type == type)
            offer(s, roost__methods[i].name);
    if (cli_can_run_under(type))
        offer(s, "run");
}

/* Names of the server's objects: of one type, or with NULL of all. */
static void offer_names(const struct search *s, const char *type)
{
    roost_options options = {.label = "roost completion", .timeout_ms = PATIENCE_MS};
    roost_value objects;
    if (s->cli->manager == NULL &&
        (s->cli->prompting || roost_connect(s->cli->url, &options, &s->cli->manager) != 0))
        return;
    if (roost_server_list(s->cli->manager, type, &objects) != 0)
        return;
    for (uint32_t i = 0; i < objects.len; i++) {
        const roost_value *name = roost_map_get(objects.as.items[i], roost_str("name"));
        if (name != NULL && name->kind == ROOST_STR)
            offer(s, name->as.s);
    }
    roost_value_free(&objects);
}

/* Words that begin with a dash: a method's optional parameters, and what all commands take. */
static void offer_options(const struct search *s, int n, char **words)
{
    int type = n > 0 ? roost__type_by_name(words[0], strlen(words[0])) : -1;
    const struct method *method =
        type >= 0 && n > 1 ? roost__method_by_name((roost_type)type, words[1]) : NULL;
    struct param params[METHOD_PARAMS_MAX];
    unsigned count = method != NULL ? roost__method_params(method, params) : 0;
    char option[64];
    for (unsigned i = 0; i < count; i++) {
        snprintf(option, sizeof(option), "--%.*s", (int)params[i].name_len, params[i].name);
        if (params[i].optional)
            offer(s, option);
    }
    if (method != NULL && cli_takes_path(method))
        offer(s, "--at");
    if (method != NULL)
        offer(s, "--guard");
    if (n > 1 && strcmp(words[1], "run") == 0)
        offer(s, "--timeout");
    offer(s, n == 0 || method != NULL ? "--raw" : "--json");
    offer(s, "--help");
    if (n == 0) {
        offer(s, "--json");
        offer(s, "--connect");
        offer(s, "--version");
    }
}

static void offer_after_command(const struct search *s, const char *command)
{
    if (strcmp(command, "help") == 0)
        offer_commands(s);
    else if (strcmp(command, "ls") == 0)
        offer_types(s);
    else if (strcmp(command, "completion") == 0) {
        offer(s, "bash");
        offer(s, "zsh");
    } else
        offer_names(s, NULL);
}

void cli_candidates(struct cli *c, int n, char **words, const char *current, cli_candidate *found, void *arg)
{
    struct search s = {.cli = c, .current = current, .found = found, .arg = arg};
    bool help = n == 2 && strcmp(words[0], "help") == 0; /* its words are those of a call */
    const char *first = n > 0 ? words[help] : "";
    int type = roost__type_by_name(first, strlen(first));
    if (*current == '-')
        offer_options(&s, n, words);
    else if (n == 0)
        offer_commands(&s);
    else if (type >= 0 && n == 1 + help)
        offer_methods(&s, (roost_type)type);
    else if (n == 1)
        offer_after_command(&s, first);
    else if (n == 2 && type > ROOST_TYPE_server)
        offer_names(&s, first);
}

/* ---- shells ---- */

static void print_candidate(const char *word, void *arg)
{
    (void)arg;
    puts(word);
}

/* The words of a command line behind `roost`, the last of them the one to complete. */
static int print_next(struct cli *c, int n, char **words)
{
    while (n > 1 && words[0][0] == '-') {
        bool takes_url = strcmp(words[0], "-c") == 0 || strcmp(words[0], "--connect") == 0;
        if (takes_url && n == 2)
            return STATUS_DONE; /* no URL is known here */
        if (takes_url)
            c->url = words[1];
        words += takes_url ? 2 : 1;
        n -= takes_url ? 2 : 1;
    }
    if (n > 0)
        cli_candidates(c, n - 1, words, words[n - 1], print_candidate, NULL);
    return STATUS_DONE;
}

/* bash takes a word apart at : and =, and puts what is found in place of the last part only. */
static const char bash_script[] =
    "# bash completion for roost: made by `roost completion bash`\n"
    "_roost() {\n"
    "  local line=${COMP_LINE:0:COMP_POINT} words found word\n"
    "  read -ra words <<<\"$line\"\n"
    "  [[ $line == *[[:blank:]] ]] && words+=(\"\")\n"
    "  local current=${words[-1]}\n"
    "  local kept=${current%\"${current##*[:=]}\"}\n"
    "  mapfile -t found < <(roost completion next \"${words[@]:1}\" 2>/dev/null)\n"
    "  COMPREPLY=()\n"
    "  for word in \"${found[@]}\"; do COMPREPLY+=(\"$(printf %q \"${word#\"$kept\"}\")\"); done\n"
    "}\n"
    "complete -o default -F _roost roost\n";

static const char zsh_script[] =
    "#compdef roost\n"
    "# zsh completion for roost: made by `roost completion zsh`\n"
    "_roost() {\n"
    "  local -a found\n"
    "  found=(\"${(@f)$(roost completion next \"${(@Q)words[2,CURRENT]}\" 2>/dev/null)}\")\n"
    "  [[ -n $found ]] && compadd -a found || _files\n"
    "}\n"
    "if [[ ${funcstack[1]} = _roost ]]; then _roost; else compdef _roost roost; fi\n";

int cli_completion(struct cli *c, int n, char **words)
{
    if (n > 0 && strcmp(words[0], "next") == 0)
        return print_next(c, n - 1, words + 1);
    if (n == 1 && strcmp(words[0], "bash") == 0)
        return fputs(bash_script, stdout), STATUS_DONE;
    if (n == 1 && strcmp(words[0], "zsh") == 0)
        return fputs(zsh_script, stdout), STATUS_DONE;
    return cli_usage("usage: roost completion bash|zsh");
}
