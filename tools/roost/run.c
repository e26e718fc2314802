/* run.c: from words to the command they name; connection, errors, exit statuses. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

static int status_of(int code)
{
    switch (code) {
    case ROOST_OK:
        return STATUS_DONE;
    case ROOST_ETIMEDOUT:
    case ROOST_EEMPTY:
    case ROOST_EFULL:
    case ROOST_EKEY:
    case ROOST_EINDEX:
    case ROOST_ENOENT:
        return STATUS_NO;
    case ROOST_ECONN:
    case ROOST_EPROTO:
    case ROOST_EAUTH:
    case ROOST_ENOTLEADER:
        return STATUS_CONNECTION;
    default:
        return STATUS_REFUSED;
    }
}

int cli_fail(void)
{
    fprintf(stderr, "roost: %s\n", roost_errmsg());
    return status_of(roost_errcode());
}

int cli_usage(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("roost: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return STATUS_USAGE;
}

int cli_connect(struct cli *c)
{
    roost_options options = c->access;
    options.label = "roost";
    if (c->manager != NULL)
        return STATUS_DONE;
    if (roost_connect(c->url, &options, &c->manager) == 0)
        return STATUS_DONE;
    fprintf(stderr, "roost: %s\n", roost_errmsg());
    return roost_errcode() == ROOST_EINVAL ? STATUS_USAGE : STATUS_CONNECTION;
}

static const struct special *find_special(const char *name)
{
    for (const struct special *s = cli_specials; s->name != NULL; s++)
        if (strcmp(s->name, name) == 0)
            return s;
    return NULL;
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int run_type(struct cli *c, roost_type type, int n, char **words)
{
    if (n < 2 || asks_for_help(words[1]))
        return n < 2 ? cli_usage("%s: which method? Try: roost help %s", words[0], words[0])
                     : cli_help(c, 1, words);
    for (int i = 2; i < n && strcmp(words[i], "--") != 0; i++)
        if (asks_for_help(words[i]))
            return cli_help(c, 2, words);
    if (strcmp(words[1], "run") == 0 && cli_can_run_under(type))
        return cli_lock_run(c, type, n - 2, words + 2);
    const struct method *method = roost__method_by_name(type, words[1]);
    if (method == NULL)
        return cli_usage("%s has no method %s. Try: roost help %s", words[0], words[1], words[0]);
    return cli_method(c, method, n - 2, words + 2);
}

int cli_run(struct cli *c, int n, char **words)
{
    const struct special *special = find_special(words[0]);
    if (special != NULL)
        return n > 1 && asks_for_help(words[1]) ? cli_help(c, 1, words) : special->run(c, n - 1, words + 1);
    int type = roost__type_by_name(words[0], strlen(words[0]));
    if (type < 0)
        return cli_usage("no command or type %s. Try: roost help", words[0]);
    int status = run_type(c, (roost_type)type, n, words);
    if (status == STATUS_CONNECTION && c->prompting) { /* the next line may find the server again */
        roost_manager_close(c->manager);
        c->manager = NULL;
    }
    return status;
}
