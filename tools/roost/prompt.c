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
static char *line_words[WORDS_MAX];
static int line_len; /* words that stand before the one to complete */

struct matches {
    char **items;
    size_t len;
};

static void add_match(const char *word, void *arg)
{
    struct matches *m = arg;
    char **items = realloc(m->items, (m->len + 1) * sizeof(*items));
    if (items == NULL)
        return;
    m->items = items;
    m->items[m->len] = strdup(word);
    m->len += m->items[m->len] != NULL;
}

/* libedit calls a generator with state 0, 1, 2 … until it returns NULL, and frees what it gets. */
static char *next_match(const char *text, int state)
{
    static struct matches matches;
    static size_t at;
    if (state == 0) {
        at = 0;
        cli_candidates(prompt_cli, line_len, line_words, text, add_match, &matches);
    }
    if (at < matches.len)
        return matches.items[at++];
    free(matches.items);
    matches = (struct matches){0};
    return NULL;
}

static char **complete(const char *text, int start, int end)
{
    static char line[1024]; /* line_words points into it */
    (void)end;
    rl_attempted_completion_over = 1; /* never names of files */
    snprintf(line, sizeof(line), "%.*s", start, rl_line_buffer);
    line_len = split_words(line, line_words, WORDS_MAX);
    return line_len < 0 ? NULL : rl_completion_matches(text, next_match);
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
