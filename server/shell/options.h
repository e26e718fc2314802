/*
 * options.h: roostd's options, from the table (options.def): defaults, then the file, then the environment,
 * then flags; the later wins.
 *
 * Invariant: a struct options holds values that were checked against their rows; its texts are its own.
 * Called by roostd.c, one thread.
 */
#ifndef ROOST_SHELL_OPTIONS_H
#define ROOST_SHELL_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "core/core.h"

#include "shell/cluster.h"
#include "shell/local_user.h"
#include "shell/store.h"

enum { LISTEN_MAX = 16, OPTION_LIST_MAX = 64, OPTION_NAME_MAX = 64 };

struct option_list {
    char *at[OPTION_LIST_MAX];
    unsigned len;
};

enum option_kind {
    OPTION_FLAG,
    OPTION_INT,
    OPTION_BYTES,
    OPTION_OCTAL,
    OPTION_CHOICE,
    OPTION_TEXT,
    OPTION_LIST,
    OPTION_IDS
};

#define OPTION_TYPE_FLAG   bool
#define OPTION_TYPE_INT    int64_t
#define OPTION_TYPE_BYTES  int64_t
#define OPTION_TYPE_OCTAL  int64_t
#define OPTION_TYPE_CHOICE int64_t
#define OPTION_TYPE_TEXT   char *
#define OPTION_TYPE_LIST   struct option_list
#define OPTION_TYPE_IDS    struct option_list

/* The numbers of the rows. */
enum option_row_number {
#define ROOST_OPTION(name, kind, standard, min, max, unit, when, help) OPTION_ROW_##name,
#define ROOST_LIMIT(name, kind, standard, min, max, unit, help)        OPTION_ROW_##name,
#include "shell/options.def"
#undef ROOST_OPTION
#undef ROOST_LIMIT
    OPTION_COUNT
};

enum option_source { FROM_DEFAULT, FROM_FILE, FROM_ENVIRONMENT, FROM_FLAG };

struct options {
#define ROOST_OPTION(name, kind, standard, min, max, unit, when, help) OPTION_TYPE_##kind name;
#define ROOST_LIMIT(name, kind, standard, min, max, unit, help)        OPTION_TYPE_##kind name;
#include "shell/options.def"
#undef ROOST_OPTION
#undef ROOST_LIMIT
    unsigned char from[OPTION_COUNT]; /* enum option_source */
    char *config;                     /* the file's path; NULL: none */
};

struct option_row {
    const char *name; /* the field's */
    enum option_kind kind;
    const char *standard;
    int64_t standard_number; /* of a limit, where standard is NULL */
    int64_t min, max;
    const char *unit;
    bool reloads;
    const char *help;
    size_t offset;
};

extern const struct option_row option_rows[OPTION_COUNT];

/*
 * Reads everything. Returns -1 to go on, else the exit status: after --help, --version, --print-config or
 * --print-reference, or an error, which was printed to stderr.
 */
int options_load(struct options *o, int argc, char **argv);

/*
 * Reads everything again: what may change while the server runs and did is moved into o, and its names are
 * appended to ret_changed; what may not and did is warned of. False: the error was printed, and o is as it
 * was.
 */
bool options_reload(struct options *o, int argc, char **argv, struct buf *ret_changed);

void options_free(struct options *o);

/* The limits among the options. */
struct core_limits options_limits(const struct options *o);

/* The options of --data and of --cluster; texts borrowed. False, and why: they make no sense. */
bool options_store(const struct options *o, struct store_options *ret, char *ret_why, size_t why_len);

/* Those of --cluster; the files of the peers' TLS go to *ret_tls. False, and why, likewise; none: ret->file
 * is NULL. */
bool options_cluster(const struct options *o, struct cluster_options *ret, struct credential_files *ret_tls,
                     char *ret_why, size_t why_len);

/* Whom allow-uid and allow-gid let in. */
struct allowed_users options_allowed(const struct options *o);

/* ---- for options_file.c and options_show.c ---- */

static inline bool option_is_list(const struct option_row *row)
{
    return row->kind == OPTION_LIST || row->kind == OPTION_IDS;
}

/* "socket-mode" of socket_mode, and ROOSTD_SOCKET_MODE. */
void option_spell(const struct option_row *row, char ret[OPTION_NAME_MAX]);
void option_spell_variable(const struct option_row *row, char ret[OPTION_NAME_MAX]);

/* Sets a row from a text; lists grow, anew from a later source. False, and why, when the row does not allow
 * it. */
bool option_set(struct options *o, const struct option_row *row, const char *text, enum option_source from,
                char *ret_why, size_t why_len);

/* The value as it would be written; the i-th of a list. False: there is none. */
bool option_write(const struct options *o, const struct option_row *row, unsigned i, char *ret, size_t len);

/* The file's values. False: the errors were printed, with file and line. */
bool options_read_file(struct options *o, const char *path);

void options_print_help(void);
void options_print_config(const struct options *o);
void options_print_reference(void);

#endif
