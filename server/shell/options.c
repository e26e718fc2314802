/* options.c: values from texts, from the environment and from flags; see options.h. */
#include "shell/options.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "shell/log.h"

enum { EXIT_USAGE = 2, BATCH_MS_MAX = 60000 };
enum { RELOADS_RESTART, RELOADS_RELOAD };

const struct option_row option_rows[OPTION_COUNT] = {
#define ROOST_OPTION(name, kind, standard, min, max, unit, when, help) \
    {#name, OPTION_##kind, standard, 0, min, max, unit, RELOADS_##when, help, offsetof(struct options, name)},
#define ROOST_LIMIT(name, kind, standard, min, max, unit, help) \
    {#name, OPTION_##kind, NULL, standard, min, max, unit, false, help, offsetof(struct options, name)},
#define ROOST_SHELL_LIMIT(name, kind, standard, min, max, unit, help) \
    {#name, OPTION_##kind, NULL, standard, min, max, unit, true, help, offsetof(struct options, name)},
#include "shell/options.def"
#undef ROOST_OPTION
#undef ROOST_LIMIT
};

void option_spell(const struct option_row *row, char ret[OPTION_NAME_MAX])
{
    size_t i = 0;
    for (; row->name[i] != '\0'; i++) {
        ret[i] = row->name[i];
        if (ret[i] == '_')
            ret[i] = '-';
    }
    ret[i] = '\0';
    assert(i < OPTION_NAME_MAX);
}

void option_spell_variable(const struct option_row *row, char ret[OPTION_NAME_MAX])
{
    int n = snprintf(ret, OPTION_NAME_MAX, "ROOSTD_%s", row->name);
    assert(n < OPTION_NAME_MAX);
    static const char capitals[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (; *ret != '\0'; ret++)
        if (*ret >= 'a' && *ret <= 'z')
            *ret = capitals[*ret - 'a'];
}

static void *field(struct options *o, const struct option_row *row)
{
    return (char *)o + row->offset;
}

static const void *const_field(const struct options *o, const struct option_row *row)
{
    return (const char *)o + row->offset;
}

/* ---- from a text ---- */

static bool read_flag(const char *text, bool *ret)
{
    static const char *const yes[] = {"true", "yes", "on", "1"}, *const no[] = {"false", "no", "off", "0"};
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
            *ret = strcmp(text, yes[i]) == 0;
            return true;
        }
    }
    return false;
}

/* How many times over a number with that behind it counts; 0: there is no such letter. */
static int64_t multiplier(const char *suffix)
{
    static const char letters[] = "KMGT";
    if (*suffix == '\0')
        return 1;
    const char *at = strchr(letters, toupper((unsigned char)*suffix));
    return at == NULL || suffix[1] != '\0' ? 0 : (int64_t)1 << (10 * (at - letters + 1));
}

static bool read_number(const struct option_row *row, const char *text, int64_t *ret)
{
    char *end;
    long long n = strtoll(text, &end, row->kind == OPTION_OCTAL ? 8 : 10);
    int64_t times = row->kind == OPTION_BYTES ? multiplier(end) : *end == '\0';
    if (end == text || times == 0 || __builtin_mul_overflow(n, times, ret))
        return false;
    return *ret >= row->min && *ret <= row->max;
}

/* The number of a word in "a|b|c", or -1. */
static int64_t choice_of(const char *words, const char *text)
{
    size_t len = strlen(text);
    for (int64_t i = 0;; i++) {
        size_t n = strcspn(words, "|");
        if (n == len && strncmp(words, text, n) == 0)
            return i;
        if (words[n] == '\0')
            return -1;
        words += n + 1;
    }
}

static bool set_text(char **at, const char *text)
{
    char *copy = strdup(text);
    if (copy == NULL)
        return false;
    free(*at);
    *at = copy;
    return true;
}

static void clear_list(struct option_list *l)
{
    while (l->len > 0)
        free(l->at[--l->len]);
}

/* The number of a user or group; -1: it is none. */
static int64_t id_of(const char *text)
{
    char *end;
    errno = 0;
    unsigned long n = strtoul(text, &end, 10);
    bool ok = *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && n < UINT_MAX;
    return ok ? (int64_t)n : -1;
}

static bool add_to_list(const struct option_row *row, struct option_list *l, const char *text)
{
    if ((row->kind == OPTION_IDS && id_of(text) < 0) || l->len == (unsigned)row->max ||
        (l->at[l->len] = strdup(text)) == NULL)
        return false;
    l->len++;
    return true;
}

/* What a row wants, for who gave it something else. */
static void say_wanted(const struct option_row *row, const char *text, char *ret, size_t len)
{
    char name[OPTION_NAME_MAX];
    option_spell(row, name);
    switch (row->kind) {
    case OPTION_FLAG:
        snprintf(ret, len, "%s is true or false, not \"%s\"", name, text);
        break;
    case OPTION_INT:
    case OPTION_BYTES:
        snprintf(ret, len, "%s is a number%s from %" PRId64 " to %" PRId64 ", not \"%s\"", name,
                 row->kind == OPTION_BYTES ? " of bytes (K, M, G)" : "", row->min, row->max, text);
        break;
    case OPTION_OCTAL:
        snprintf(ret, len, "%s is an octal number up to %" PRIo64 ", not \"%s\"", name, (uint64_t)row->max,
                 text);
        break;
    case OPTION_CHOICE:
        snprintf(ret, len, "%s is one of %s, not \"%s\"", name, row->unit, text);
        break;
    case OPTION_TEXT:
        snprintf(ret, len, "%s has at most %" PRId64 " bytes", name, row->max);
        break;
    case OPTION_LIST:
        snprintf(ret, len, "%s has at most %" PRId64 " values", name, row->max);
        break;
    case OPTION_IDS:
        snprintf(ret, len, "%s is the number of a user or group, at most %" PRId64 " of them, not \"%s\"",
                 name, row->max, text);
        break;
    }
}

static bool take_text(struct options *o, const struct option_row *row, const char *text)
{
    void *at = field(o, row);
    switch (row->kind) {
    case OPTION_FLAG:
        return read_flag(text, at);
    case OPTION_INT:
    case OPTION_BYTES:
    case OPTION_OCTAL:
        return read_number(row, text, at);
    case OPTION_CHOICE:
        if (choice_of(row->unit, text) < 0)
            return false;
        *(int64_t *)at = choice_of(row->unit, text);
        return true;
    case OPTION_TEXT:
        return (int64_t)strlen(text) <= row->max && set_text(at, text);
    case OPTION_LIST:
    case OPTION_IDS:
        return add_to_list(row, at, text);
    }
    return false;
}

bool option_set(struct options *o, const struct option_row *row, const char *text, enum option_source from,
                char *ret_why, size_t why_len)
{
    unsigned char *source = &o->from[row - option_rows];
    if (option_is_list(row) && *source != from)
        clear_list(field(o, row));
    *source = (unsigned char)from;
    int64_t before = 0;
    bool is_number = row->kind != OPTION_TEXT && !option_is_list(row) && row->kind != OPTION_FLAG;
    if (is_number)
        before = *(int64_t *)field(o, row);
    if (take_text(o, row, text))
        return true;
    if (is_number)
        *(int64_t *)field(o, row) = before;
    say_wanted(row, text, ret_why, why_len);
    return false;
}

bool option_write(const struct options *o, const struct option_row *row, unsigned i, char *ret, size_t len)
{
    const void *at = const_field(o, row);
    const struct option_list *list = at;
    const char *word = row->unit;
    if (i >= (option_is_list(row) ? list->len : 1))
        return false;
    switch (row->kind) {
    case OPTION_FLAG:
        snprintf(ret, len, "%s", *(const bool *)at ? "true" : "false");
        break;
    case OPTION_INT:
        snprintf(ret, len, "%" PRId64, *(const int64_t *)at);
        break;
    case OPTION_BYTES: {
        int64_t n = *(const int64_t *)at;
        unsigned k = 0;
        for (; n != 0 && n % 1024 == 0 && k < 4; k++)
            n /= 1024;
        snprintf(ret, len, "%" PRId64 "%.1s", n, &"\0KMGT"[k]);
        break;
    }
    case OPTION_OCTAL:
        snprintf(ret, len, "%04" PRIo64, (uint64_t) * (const int64_t *)at);
        break;
    case OPTION_CHOICE:
        for (int64_t k = *(const int64_t *)at; k > 0; k--)
            word += strcspn(word, "|") + 1;
        snprintf(ret, len, "%.*s", (int)strcspn(word, "|"), word);
        break;
    case OPTION_TEXT:
        snprintf(ret, len, "%s", *(char *const *)at);
        break;
    case OPTION_LIST:
    case OPTION_IDS:
        snprintf(ret, len, "%s", list->at[i]);
        break;
    }
    return true;
}

/* ---- the sources ---- */

static bool set_defaults(struct options *o)
{
    char why[256];
    for (const struct option_row *row = option_rows; row < option_rows + OPTION_COUNT; row++) {
        if (row->standard == NULL)
            *(int64_t *)field(o, row) = row->standard_number;
        else if (!option_is_list(row) && !option_set(o, row, row->standard, FROM_DEFAULT, why, sizeof(why)))
            return false;
    }
    return true;
}

static int usage(const char *what, const char *value)
{
    fprintf(stderr, "roostd: %s%s (see roostd --help)\n", what, value);
    return EXIT_USAGE;
}

/* A list's variable holds words with blanks between. */
static bool take_variable(struct options *o, const struct option_row *row, const char *text, char *why,
                          size_t len)
{
    if (!option_is_list(row))
        return option_set(o, row, text, FROM_ENVIRONMENT, why, len);
    char *copy = strdup(text), *rest = copy;
    bool ok = copy != NULL;
    for (char *word; ok && (word = strtok_r(rest, " ", &rest)) != NULL;)
        ok = option_set(o, row, word, FROM_ENVIRONMENT, why, len);
    free(copy);
    return ok;
}

static bool read_environment(struct options *o)
{
    char name[OPTION_NAME_MAX], why[256] = "no memory";
    for (const struct option_row *row = option_rows; row < option_rows + OPTION_COUNT; row++) {
        option_spell_variable(row, name);
        const char *text = getenv(name);
        if (text == NULL || take_variable(o, row, text, why, sizeof(why)))
            continue;
        fprintf(stderr, "roostd: %s: %s\n", name, why);
        return false;
    }
    return true;
}

enum {
    FLAG_FIRST = 256,
    FLAG_CONFIG = 'c',
    FLAG_LISTEN = 'l',
    FLAG_PRINT_CONFIG = 255,
    FLAG_PRINT_REFERENCE = 254
};

struct spelled {
    char names[OPTION_COUNT][OPTION_NAME_MAX];
    struct option longs[OPTION_COUNT + 6];
};

static void spell_flags(struct spelled *s)
{
    static const struct option others[] = {{"config", required_argument, NULL, FLAG_CONFIG},
                                           {"print-config", no_argument, NULL, FLAG_PRINT_CONFIG},
                                           {"print-reference", no_argument, NULL, FLAG_PRINT_REFERENCE},
                                           {"version", no_argument, NULL, 'V'},
                                           {"help", no_argument, NULL, 'h'},
                                           {0}};
    for (int i = 0; i < OPTION_COUNT; i++) {
        option_spell(&option_rows[i], s->names[i]);
        int argument = option_rows[i].kind == OPTION_FLAG ? optional_argument : required_argument;
        s->longs[i] = (struct option){s->names[i], argument, NULL, FLAG_FIRST + i};
    }
    memcpy(s->longs + OPTION_COUNT, others, sizeof(others));
}

enum flags_pass { PASS_CONFIG, PASS_ALL };

/* Goes through the flags: first for --config alone, which the environment may say too. Returns an exit
 * status, or -1; *ret_print is what to print instead of serving. */
static int read_flags(struct options *o, enum flags_pass pass, int argc, char **argv, int *ret_print)
{
    struct spelled s;
    char why[256] = "";
    spell_flags(&s);
    optind = 0; /* anew, even if the last time ended within a word (-xyz) */
    opterr = pass == PASS_ALL;
    for (int f; (f = getopt_long(argc, argv, "c:l:Vh", s.longs, NULL)) != -1;) {
        int row = f == FLAG_LISTEN ? OPTION_ROW_listen : f - FLAG_FIRST;
        if (pass == PASS_CONFIG && f == FLAG_CONFIG && !set_text(&o->config, optarg))
            return EXIT_USAGE;
        if (pass == PASS_CONFIG || f == FLAG_CONFIG)
            continue;
        if (f == '?')
            return EXIT_USAGE; /* getopt_long has said why */
        if (row < 0)
            *ret_print = f;
        else if (!option_set(o, &option_rows[row], optarg != NULL ? optarg : "true", FROM_FLAG, why,
                             sizeof(why)))
            return usage("--", why);
    }
    return pass == PASS_ALL && optind < argc ? usage("unexpected argument: ", argv[optind]) : -1;
}

static int read_all(struct options *o, int argc, char **argv, int *ret_print)
{
    *o = (struct options){.config = NULL};
    const char *config = getenv("ROOSTD_CONFIG");
    if (!set_defaults(o) || (config != NULL && *config != '\0' && !set_text(&o->config, config)))
        return EXIT_USAGE;
    int status = read_flags(o, PASS_CONFIG, argc, argv, ret_print);
    if (status >= 0)
        return status;
    if ((o->config != NULL && !options_read_file(o, o->config)) || !read_environment(o))
        return EXIT_USAGE;
    return read_flags(o, PASS_ALL, argc, argv, ret_print);
}

int options_load(struct options *o, int argc, char **argv)
{
    int print = 0;
    int status = read_all(o, argc, argv, &print);
    if (status >= 0 || print == 0)
        return status;
    if (print == 'V')
        puts("roostd " ROOST_VERSION);
    else if (print == 'h')
        options_print_help();
    else if (print == FLAG_PRINT_REFERENCE)
        options_print_reference();
    else
        options_print_config(o);
    return 0;
}

/* Do both say the same? */
static bool same(const struct options *a, const struct options *b, const struct option_row *row)
{
    char x[4200], y[4200];
    for (unsigned i = 0;; i++) {
        bool more = option_write(a, row, i, x, sizeof(x)), also = option_write(b, row, i, y, sizeof(y));
        if (more != also || (more && strcmp(x, y) != 0))
            return false;
        if (!more)
            return true;
    }
}

/* Exchanges the values of a row. */
static void swap(struct options *a, struct options *b, const struct option_row *row)
{
    static const size_t sizes[] = {[OPTION_FLAG] = sizeof(bool),
                                   [OPTION_INT] = sizeof(int64_t),
                                   [OPTION_BYTES] = sizeof(int64_t),
                                   [OPTION_OCTAL] = sizeof(int64_t),
                                   [OPTION_CHOICE] = sizeof(int64_t),
                                   [OPTION_TEXT] = sizeof(char *),
                                   [OPTION_LIST] = sizeof(struct option_list),
                                   [OPTION_IDS] = sizeof(struct option_list)};
    struct option_list was;
    size_t size = sizes[row->kind];
    memcpy(&was, field(a, row), size);
    memcpy(field(a, row), field(b, row), size);
    memcpy(field(b, row), &was, size);
}

/* One more name of a list for people. */
static void add_name(struct buf *names, const char *name)
{
    buf_append(names, ", ", names->len > 0 ? 2 : 0);
    buf_append(names, name, strlen(name));
}

bool options_reload(struct options *o, int argc, char **argv, struct buf *ret_changed)
{
    struct options fresh;
    int print = 0;
    char name[OPTION_NAME_MAX];
    bool ok = read_all(&fresh, argc, argv, &print) < 0;
    for (const struct option_row *row = option_rows; ok && row < option_rows + OPTION_COUNT; row++) {
        if (same(o, &fresh, row))
            continue;
        option_spell(row, name);
        if (row->reloads) {
            swap(o, &fresh, row);
            add_name(ret_changed, name);
        } else {
            log_warn("%s has changed: it takes effect when roostd is started again", name);
        }
    }
    options_free(&fresh);
    return ok;
}

void options_free(struct options *o)
{
    for (const struct option_row *row = option_rows; row < option_rows + OPTION_COUNT; row++) {
        if (row->kind == OPTION_TEXT)
            free(*(char **)field(o, row));
        else if (option_is_list(row))
            clear_list(field(o, row));
    }
    free(o->config);
    *o = (struct options){.config = NULL};
}

struct core_limits options_limits(const struct options *o)
{
    return (struct core_limits){
#define ROOST_LIMIT(name, kind, standard, min, max, unit, help) .name = o->name,
#include "core/limits.def"
#undef ROOST_LIMIT
    };
}

bool options_store(const struct options *o, struct store_options *ret, char *ret_why, size_t why_len)
{
    const char *batch = strncmp(o->sync, "batch:", 6) == 0 ? o->sync + 6 : NULL;
    char *end = NULL;
    long ms = batch != NULL && *batch >= '0' && *batch <= '9' ? strtol(batch, &end, 10) : 0;
    bool in_batches = ms >= 1 && ms <= BATCH_MS_MAX && *end == '\0';
    if (!in_batches && strcmp(o->sync, "always") != 0 && strcmp(o->sync, "none") != 0) {
        snprintf(ret_why, why_len, "sync is always, batch:MS (1 to 60000) or none, not \"%s\"", o->sync);
        return false;
    }
    *ret = (struct store_options){.folder = *o->data != '\0' ? o->data : NULL,
                                  .sync = in_batches        ? WAL_SYNC_BATCH
                                          : *o->sync == 'n' ? WAL_SYNC_NONE
                                                            : WAL_SYNC_ALWAYS,
                                  .batch_ms = (int)ms,
                                  .snapshot_bytes = (uint64_t)o->snapshot_bytes};
    return true;
}

bool options_cluster(const struct options *o, struct cluster_options *ret, struct credential_files *ret_tls,
                     char *ret_why, size_t why_len)
{
    bool wanted = *o->cluster != '\0', tls = *o->peer_ca != '\0';
    *ret = (struct cluster_options){.file = NULL};
    *ret_tls = (struct credential_files){.ca = o->peer_ca, .cert = o->peer_cert, .key = o->peer_key};
    const char *why = wanted != (o->node != 0)     ? "cluster and node go together"
                      : wanted && *o->data == '\0' ? "cluster needs data"
                      : wanted && *o->sync != 'a'  ? "a cluster's sync is always"
                      : tls != (*o->peer_cert != '\0') || tls != (*o->peer_key != '\0')
                          ? "peer-ca, peer-cert and peer-key go together"
                          : NULL;
    if (why != NULL)
        snprintf(ret_why, why_len, "%s", why);
    if (why != NULL || !wanted)
        return why == NULL;
    *ret = (struct cluster_options){.node = (uint64_t)o->node,
                                    .file = o->cluster,
                                    .join = o->join,
                                    .election_ms = (unsigned)o->election_ms,
                                    .listen = *o->peer_listen != '\0' ? o->peer_listen : NULL,
                                    .tls = tls ? ret_tls : NULL,
                                    .insecure = o->insecure};
    return true;
}

struct allowed_users options_allowed(const struct options *o)
{
    _Static_assert((int)OPTION_LIST_MAX <= (int)ALLOWED_MAX, "all of a list have room");
    struct allowed_users a = {.uid_len = o->allow_uid.len, .gid_len = o->allow_gid.len};
    for (unsigned i = 0; i < a.uid_len; i++)
        a.uids[i] = (uid_t)id_of(o->allow_uid.at[i]);
    for (unsigned i = 0; i < a.gid_len; i++)
        a.gids[i] = (gid_t)id_of(o->allow_gid.at[i]);
    return a;
}
