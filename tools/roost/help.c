/* help.c: help out of the method table. */
#include <stdio.h>
#include <string.h>

#include "cli.h"

/* roost dict get NAME KEY [DEFAULT], with capitals for what the user fills in. */
static void print_usage(FILE *out, const struct method *method)
{
    struct param params[METHOD_PARAMS_MAX];
    unsigned n = roost__method_params(method, params);
    fprintf(out, "roost %s %s", roost_type_name(method->type), method->name);
    if (method->type != ROOST_TYPE_server && strcmp(method->name, "open") != 0)
        fputs(" NAME", out);
    for (unsigned i = 0; i < n; i++) {
        fputs(params[i].optional ? " [" : " ", out);
        for (uint32_t j = 0; j < params[i].name_len; j++) {
            char letter = params[i].name[j];
            fputc(letter >= 'a' && letter <= 'z' ? letter - 'a' + 'A' : letter, out);
        }
        fputs(params[i].optional ? "]" : "", out);
    }
    if (cli_takes_path(method))
        fputs(" [--at PATH]", out);
    fputc('\n', out);
}

static const char cost_legend[] = "\nHow the server's work grows: 1 not at all; n what the object holds; k "
                                  "what the call names, brings or takes;\n"
                                  "d the way to the nearer end of a list; w who waits; h who holds, or what "
                                  "its holder holds; t all times to live\n"
                                  "and timeouts. \"1, log n\": of a fifo or lifo queue, of a priority queue.";

static void print_help(FILE *out, const struct method *method)
{
    fprintf(out, "    %s\n    cost: %s\n", method->help, method->cost);
}

void cli_help_method(FILE *out, const struct method *method)
{
    fputs("usage: ", out);
    print_usage(out, method);
    print_help(out, method);
}

static int help_type(roost_type type)
{
    printf("%s: %s\n\n", roost_type_name(type), roost__type_help(type));
    for (unsigned i = 0; i < roost__method_count; i++)
        if (roost__methods[i].type == type) {
            print_usage(stdout, &roost__methods[i]);
            print_help(stdout, &roost__methods[i]);
        }
    if (cli_can_run_under(type))
        printf("roost %s run NAME [--timeout MS] -- COMMAND...\n"
               "    holds it while a command runs; the exit status is the command's\n",
               roost_type_name(type));
    puts(cost_legend);
    return STATUS_DONE;
}

/* What does not fit its column has a line of its own. */
static void print_columns(const char *left, const char *right)
{
    enum { WIDTH = 26 };
    printf("  %-*s", WIDTH, left);
    if (strlen(left) > WIDTH)
        printf("\n  %*s", WIDTH, "");
    printf(" %s\n", right);
}

static int help_all(void)
{
    puts(
        "usage: roost [-c URL] [--raw] [--json] TYPE METHOD NAME [ARG...]\n"
        "       roost [-c URL] COMMAND [ARG...]\n"
        "       roost [-c URL]                    a prompt (or commands from stdin, one a line)\n"
        "\n"
        "Arguments are JSON where they parse as JSON, else strings. What JSON lacks: bytes are {\"base64\": "
        "\"aGk=\"},\n"
        "a reference to another object is {\"ref\": \"its name\"}. Optional arguments can be given as --name "
        "value.\n"
        "--guard LOCK:TOKEN: the call is refused unless that grant of the lock still holds.\n"
        "--at PATH: a dict or list method works on what is nested there: a/b/0 (numbers are integers) or a "
        "JSON "
        "array.\n"
        "The server is URL (of a cluster: those of all its servers, with commas between), else $ROOST_URL, "
        "else the user's own (ipc://$XDG_RUNTIME_DIR/roost/roost.sock).\n"
        "Over tls+tcp://, before the command: --tls-ca FILE, --tls-cert FILE, --tls-key FILE, --tls-crl "
        "FILE, --tls-name "
        "HOST; "
        "where\n"
        "keys are asked for: --identity NAME --key-file FILE. Each can stand in the environment: "
        "ROOST_TLS_CA "
        "...\n"
        "Exit status: 0 done; 1 timed out, empty, full, or no such key; 2 usage; 3 no connection; 4 refused "
        "or failed.\n"
        "\n"
        "Commands:");
    for (const struct special *s = cli_specials; s->name != NULL; s++)
        print_columns(s->usage, s->help);
    print_columns("lock run NAME -- COMMAND", "holds a lock while a command runs");
    puts("\nTypes:");
    for (int t = 0; t < TYPE_COUNT; t++)
        print_columns(roost_type_name((roost_type)t), roost__type_help((roost_type)t));
    puts("\nroost help TYPE tells a type's methods.");
    return STATUS_DONE;
}

int cli_help(struct cli *c, int n, char **words)
{
    (void)c;
    if (n == 0)
        return help_all();
    for (const struct special *s = cli_specials; s->name != NULL; s++)
        if (strcmp(s->name, words[0]) == 0) {
            printf("usage: roost %s\n    %s\n", s->usage, s->help);
            return STATUS_DONE;
        }
    int type = roost__type_by_name(words[0], strlen(words[0]));
    if (type < 0)
        return cli_usage("no command or type %s. Try: roost help", words[0]);
    const struct method *method = n > 1 ? roost__method_by_name((roost_type)type, words[1]) : NULL;
    if (method == NULL)
        return help_type((roost_type)type);
    cli_help_method(stdout, method);
    return STATUS_DONE;
}
