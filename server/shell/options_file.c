/*
 * options_file.c: the configuration file, read by libconfuse; every error is said with file and line.
 *
 * libconfuse calls back with its own structures only, so the options being filled are in a static: it is set
 * while options_read_file() runs, which is in one thread.
 */
#include <confuse.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "shell/options.h"
#include "wire/credentials.h"

enum { CONFIG_MAX = 1 << 20 };

static struct options *filling;

static void say(cfg_t *cfg, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

static void say(cfg_t *cfg, const char *format, va_list args)
{
    char words[512];
    vsnprintf(words, sizeof(words), format, args);
    fprintf(stderr, "roostd: %s:%d: %s\n", cfg->filename, cfg->line, words);
}

static const struct option_row *row_named(const char *spelled)
{
    char name[OPTION_NAME_MAX];
    for (const struct option_row *row = option_rows; row < option_rows + OPTION_COUNT; row++) {
        option_spell(row, name);
        if (strcmp(name, spelled) == 0)
            return row;
    }
    return NULL;
}

/* A value was read: of a list, one more; it is then taken as a whole again. */
static int take(cfg_t *cfg, cfg_opt_t *opt)
{
    char why[256];
    const struct option_row *row = row_named(opt->name);
    unsigned n = cfg_opt_size(opt);
    filling->from[row - option_rows] = FROM_DEFAULT; /* so that a list begins anew */
    for (unsigned i = option_is_list(row) ? 0 : n - 1; i < n; i++) {
        if (!option_set(filling, row, cfg_opt_getnstr(opt, i), FROM_FILE, why, sizeof(why))) {
            cfg_error(cfg, "%s", why);
            return -1;
        }
    }
    return 0;
}

static bool parse(cfg_t *cfg, struct buf *text)
{
    FILE *in = fmemopen(text->data, text->len - 1, "r"); /* behind it is a NUL */
    if (in == NULL) {
        fprintf(stderr, "roostd: %s: %s\n", cfg->filename, strerror(errno));
        return false;
    }
    int rc = cfg_parse_fp(cfg, in);
    fclose(in);
    return rc == CFG_SUCCESS;
}

/* Reads the file itself: libconfuse's scanner ends the process when it cannot, as with a folder. */
static bool read_into(cfg_t *cfg, const char *path)
{
    struct buf text;
    if (roost__read_file(path, "configuration file", CONFIG_MAX, &text) != ROOST_OK) {
        fprintf(stderr, "roostd: %s\n", roost_errmsg());
        return false;
    }
    cfg->filename = strdup(path); /* for say() */
    bool ok = cfg->filename != NULL && parse(cfg, &text);
    roost__buf_free(&text);
    return ok;
}

static bool read_with(cfg_opt_t *opts, const char *path)
{
    cfg_t *cfg = cfg_init(opts, CFGF_NONE);
    if (cfg == NULL)
        return false;
    cfg_set_error_function(cfg, say);
    for (const cfg_opt_t *opt = opts; opt->name != NULL; opt++)
        cfg_set_validate_func(cfg, opt->name, take);
    bool ok = read_into(cfg, path);
    cfg_free(cfg);
    return ok;
}

bool options_read_file(struct options *o, const char *path)
{
    char names[OPTION_COUNT][OPTION_NAME_MAX];
    cfg_opt_t opts[OPTION_COUNT + 1];
    for (int i = 0; i < OPTION_COUNT; i++) {
        option_spell(&option_rows[i], names[i]);
        if (option_is_list(&option_rows[i]))
            opts[i] = (cfg_opt_t)CFG_STR_LIST(names[i], NULL, CFGF_NODEFAULT);
        else
            opts[i] = (cfg_opt_t)CFG_STR(names[i], NULL, CFGF_NODEFAULT);
    }
    opts[OPTION_COUNT] = (cfg_opt_t)CFG_END();
    filling = o;
    bool ok = read_with(opts, path);
    filling = NULL;
    return ok;
}
