/*
 * prompt.c: commands line by line over one connection, so that locks stay held from line to line. On a
 * terminal with editing, history and completion (libedit); otherwise just what comes on stdin.
 */
#include <editline/readline.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "words.h"

enum { WORDS_MAX = 256, HISTORY_MAX = 1000 };

/* ---- completion ---- */

static struct cli *prompt_cli; /* for libedit's callbacks, which take no argument */
static int before_cursor;      /* words that stand before the one to complete */
static roost_type typed;       /* the type of the first of them, if it is one */
static bool is_type;

static char *match(const char *candidate, const char *text)
{
    return strncmp(candidate, text, strlen(text)) == 0 ? strdup(candidate) : NULL;
}

/* Commands and types. libedit calls a generator with state 0, 1, 2 … until it returns NULL. */
static char *next_command(const char *text, int state)
{
    static int at;
    if (state == 0)
        at = 0;
    int specials = 0;
    while (cli_specials[specials].name != NULL)
        specials++;
    while (at < specials + TYPE_COUNT) {
        int i = at++;
        char *found =
            match(i < specials ? cli_specials[i].name : roost_type_name((roost_type)(i - specials)), text);
        if (found != NULL)
            return found;
    }
    return NULL;
}

static char *next_method(const char *text, int state)
{
    static unsigned at;
    if (state == 0)
        at = 0;
    while (at < roost__method_count) {
        const struct method *method = &roost__methods[at++];
        char *found = method->type == typed ? match(method->name, text) : NULL;
        if (found != NULL)
            return found;
    }
    return NULL;
}

/* Names of the server's objects: of one type after a type, else of all. */
static char *next_name(const char *text, int state)
{
    static roost_value objects;
    static uint32_t at;
    if (state == 0) {
        at = 0;
        roost_value_free(&objects);
        if (prompt_cli->manager == NULL ||
            roost_server_list(prompt_cli->manager, is_type ? roost_type_name(typed) : NULL, &objects) != 0)
            return NULL;
    }
    while (at < objects.len) {
        const roost_value *name = roost_map_get(objects.as.items[at++], roost_str("name"));
        char *found = name != NULL && name->kind == ROOST_STR ? match(name->as.s, text) : NULL;
        if (found != NULL)
            return found;
    }
    roost_value_free(&objects);
    return NULL;
}

static char **complete(const char *text, int start, int end)
{
    char line[1024], *words[WORDS_MAX];
    (void)end;
    rl_attempted_completion_over = 1; /* never names of files */
    snprintf(line, sizeof(line), "%.*s", start, rl_line_buffer);
    before_cursor = split_words(line, words, WORDS_MAX);
    if (before_cursor == 0)
        return rl_completion_matches(text, next_command);
    if (before_cursor < 0)
        return NULL;
    int type = roost__type_by_name(words[0], strlen(words[0]));
    is_type = type >= 0;
    typed = is_type ? (roost_type)type : ROOST_TYPE_server;
    if (before_cursor == 1 && is_type)
        return rl_completion_matches(text, next_method);
    if (before_cursor == 1 && strcmp(words[0], "help") == 0)
        return rl_completion_matches(text, next_command);
    if ((before_cursor == 2 && is_type) || before_cursor == 1)
        return rl_completion_matches(text, next_name);
    return NULL;
}

/* ---- history ---- */

static const char *history_path(void)
{
    static char path[512];
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (state != NULL && *state == '/')
        snprintf(path, sizeof(path), "%s/roost_history", state);
    else if (home != NULL)
        snprintf(path, sizeof(path), "%s/.roost_history", home);
    return *path != '\0' ? path : NULL;
}

static void start_editing(struct cli *c)
{
    prompt_cli = c;
    rl_readline_name = "roost";
    rl_attempted_completion_function = complete;
    using_history();
    stifle_history(HISTORY_MAX);
    if (history_path() != NULL)
        read_history(history_path());
}

static void end_editing(void)
{
    if (history_path() == NULL)
        return;
    mode_t mask = umask(077); /* what was typed is the user's own */
    write_history(history_path());
    umask(mask);
}

/* ---- lines ---- */

static char *read_line(bool terminal)
{
    if (terminal) {
        char *line = readline("roost> ");
        if (line != NULL && *line != '\0')
            add_history(line);
        return line;
    }
    char *line = NULL;
    size_t size = 0;
    if (getline(&line, &size, stdin) >= 0)
        return line;
    free(line);
    return NULL;
}

/* Runs a line; *ret_quit says that it was the last. */
static int run_line(struct cli *c, char *line, bool *ret_quit)
{
    char *words[WORDS_MAX];
    struct cli before = *c;
    int n = split_words(line, words, WORDS_MAX);
    if (n < 0)
        return cli_usage("a quote is not closed, or there are too many words");
    if (n == 0 || words[0][0] == '#')
        return STATUS_DONE;
    *ret_quit = n == 1 && (strcmp(words[0], "quit") == 0 || strcmp(words[0], "exit") == 0);
    if (*ret_quit)
        return STATUS_DONE;
    int status = cli_run(c, n, words);
    c->raw = before.raw; /* options count for one line */
    c->json = before.json;
    return status;
}

int cli_prompt(struct cli *c)
{
    bool terminal = isatty(STDIN_FILENO), quit = false;
    int status = STATUS_DONE;
    c->prompting = true;
    if (terminal) {
        start_editing(c);
        (void)cli_connect(c); /* without a server the first command says so again */
        puts("Type help for help, quit to leave.");
    }
    for (char *line; !quit && (line = read_line(terminal)) != NULL; free(line)) {
        int failed = run_line(c, line, &quit);
        fflush(stdout);
        if (failed != STATUS_DONE)
            status = failed;
    }
    if (terminal) {
        end_editing();
        putchar('\n');
    }
    return terminal ? STATUS_DONE : status;
}
