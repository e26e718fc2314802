/* options_show.c: the table of options as help, as a configuration file, and as a page. */
#include <string.h>

#include "shell/options.h"

enum { INDENT = 10 }; /* of what an option means; tools/man/pages tells the two apart by it */

/* Prints words in lines of a certain width, each after the first begun with blanks. */
static void print_wrapped(const char *words, int indent, int width)
{
    int at = 0;
    while (*words != '\0') {
        int n = (int)strcspn(words, " ");
        if (at > 0 && at + n + 1 > width) {
            printf("\n%*s", indent, "");
            at = 0;
        }
        at += printf("%s%.*s", at > 0 ? " " : "", n, words);
        words += n;
        words += strspn(words, " ");
    }
    putchar('\n');
}

static void write_default(const struct option_row *row, char *ret, size_t len)
{
    struct options standard = {.config = NULL};
    *ret = '\0';
    if (row->standard != NULL) {
        snprintf(ret, len, "%s", row->standard);
        return;
    }
    memcpy((char *)&standard + row->offset, &row->standard_number, sizeof(row->standard_number));
    option_write(&standard, row, 0, ret, len);
}

/* What stands for a value: URL, bytes, text|json. */
static const char *placeholder(const struct option_row *row)
{
    return row->kind == OPTION_FLAG ? "" : row->unit;
}

void options_print_help(void)
{
    char name[OPTION_NAME_MAX], standard[128], words[1200], flag[160];
    fputs(
        "usage: roostd [--listen URL]... [options]\n"
        "Hosts shared objects: dicts, lists, queues, locks and more, for libroost and the roost command.\n"
        "Options come from the configuration file, from variables (ROOSTD_SOCKET_MODE …), and from here; the "
        "later wins.\n\n"
        "  -c, --config FILE\n          the configuration file: socket-mode = 0660, one a line; "
        "listen = {\"tcp://:7000\", …}\n",
        stdout);
    for (const struct option_row *row = option_rows; row < option_rows + OPTION_COUNT; row++) {
        option_spell(row, name);
        write_default(row, standard, sizeof(standard));
        snprintf(flag, sizeof(flag), "--%s %s", name, placeholder(row));
        printf("  %s%s\n          ", strcmp(name, "listen") == 0 ? "-l, " : "    ", flag);
        if (*standard != '\0' && strcmp(standard, "false") != 0)
            snprintf(words, sizeof(words), "%s (%s)", row->help, standard);
        else
            snprintf(words, sizeof(words), "%s", row->help);
        print_wrapped(words, INDENT, 100);
    }
    fputs("      --print-config\n          print what all of this comes to, as a configuration file\n"
          "      --print-reference\n          print this as a page of Markdown\n"
          "  -V, --version\n          print the version\n"
          "  -h, --help\n          print this\n",
          stdout);
}

static void print_quoted(const char *text)
{
    putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            putchar('\\');
        putchar(*text);
    }
    putchar('"');
}

void options_print_config(const struct options *o)
{
    static const char *const sources[] = {"default", "file", "environment", "flag"};
    char name[OPTION_NAME_MAX], value[4200];
    for (int i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &option_rows[i];
        bool list = option_is_list(row);
        option_spell(row, name);
        printf("%s = %s", name, list ? "{" : "");
        for (unsigned k = 0; option_write(o, row, k, value, sizeof(value)); k++) {
            fputs(k > 0 ? ", " : "", stdout);
            print_quoted(value);
        }
        printf("%s # %s\n", list ? "}" : "", sources[o->from[i]]);
    }
}

void options_print_reference(void)
{
    char name[OPTION_NAME_MAX], standard[128];
    fputs("# Configuring roostd\n\n"
          "<!-- Written by roostd --print-reference (tools/config-reference) from server/shell/options.def "
          "and\n"
          "     server/core/limits.def; a test compares. -->\n\n"
          "Every option is a flag (`--socket-mode 0660`), a key of the configuration file (`socket-mode = "
          "0660`) and a\n"
          "variable (`ROOSTD_SOCKET_MODE=0660`). The file is `--config FILE`, or `ROOSTD_CONFIG`. The file "
          "counts more "
          "than the\n"
          "default, a variable more than the file, a flag more than a variable. `roostd --print-config` "
          "shows what it all "
          "comes to,\n"
          "and from where. A `SIGHUP` reads everything again: options marked *reload* change at once, "
          "changes of others "
          "are\n"
          "warned of and wait for a restart; a file with an error changes nothing.\n\n"
          "```\n"
          "# /etc/roost/roostd.conf: one option a line; texts with blanks, ':' or '/' stand in quotes\n"
          "listen = {\"ipc:///run/roost/roost.sock\", \"tcp://127.0.0.1:7000\"}\n"
          "memory-max = 4G\n"
          "slow-ms = 50\n"
          "```\n\n"
          "| option | values | default | | |\n|---|---|---|---|---|\n",
          stdout);
    for (const struct option_row *row = option_rows; row < option_rows + OPTION_COUNT; row++) {
        option_spell(row, name);
        write_default(row, standard, sizeof(standard));
        printf("| `%s` | ", name);
        for (const char *p = row->kind == OPTION_FLAG ? "true|false" : row->unit; *p != '\0'; p++)
            *p == '|' ? (void)fputs(", ", stdout) : (void)putchar(*p);
        printf(" | %s | %s | %s |\n", standard, row->reloads ? "reload" : "", row->help);
    }
}
