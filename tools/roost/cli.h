/*
 * cli.h: what the parts of the command line share: one connection, made when first needed, and the exit
 * statuses.
 *
 * Everything prints results to stdout, and what went wrong on one line to stderr as "roost: …".
 */
#ifndef ROOST_TOOLS_CLI_H
#define ROOST_TOOLS_CLI_H

#include <stdbool.h>

#include "client/object.h"
#include "roost/roost.h"

enum status {
    STATUS_DONE = 0,
    STATUS_NO = 1,         /* timed out, empty, full, no such key, item or object */
    STATUS_USAGE = 2,      /* the command makes no sense */
    STATUS_CONNECTION = 3, /* no connection, or lost */
    STATUS_REFUSED = 4     /* refused or failed */
};

struct cli {
    const char *url;
    roost_options access;   /* what lets us in; the rest is cli_connect()'s */
    roost_manager *manager; /* NULL until connected */
    bool raw;               /* strings bare */
    bool json;              /* ls, who, info: as one line of JSON */
    const char *guard;      /* NAME:TOKEN of a lock: the call is good only as long as that grant holds */
    bool prompting;         /* commands come from a prompt: a connection may be made anew */
};

/* Runs one command, which is words[0] to words[n - 1]. Returns an exit status. (run.c) */
int cli_run(struct cli *c, int n, char **words);

/* Connects if that was not done yet. (run.c) */
int cli_connect(struct cli *c);

/* Prints the message of the roost call that just failed; returns its exit status. (run.c) */
int cli_fail(void);

/* Prints a message about the command itself; returns STATUS_USAGE. (run.c) */
int cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* TYPE METHOD NAME ARGS… (method.c) */
int cli_method(struct cli *c, const struct method *method, int n, char **words);

/* Does the method work on nested values too (--at PATH)? (method.c) */
bool cli_takes_path(const struct method *method);

/* Opens (or for methods that only read: finds) the object a method is for. *ret is to be closed. (method.c)
 */
int cli_object(struct cli *c, const struct method *method, const char *name, struct object **ret);

/* LOCK run NAME -- COMMAND… (lockrun.c) */
int cli_lock_run(struct cli *c, roost_type type, int n, char **words);
bool cli_can_run_under(roost_type type);

/* transact [JSON]: a transaction, from stdin without JSON. (transact.c) */
int cli_transact(struct cli *c, int n, char **words);

/* each NAME: the elements of a dict, list or set. (each.c) */
int cli_each(struct cli *c, int n, char **words);

/* keygen FOLDER, cert FOLDER …: a private authority and its certificates. (certify.c) */
int cli_keygen(struct cli *c, int n, char **words);
int cli_cert(struct cli *c, int n, char **words);

/* cluster status|add|remove|transfer. (cluster.c) */
int cli_cluster(struct cli *c, int n, char **words);

/* key KEYS-FILE IDENTITY KEY-FILE …: an identity for a server. (key.c) */
int cli_key(struct cli *c, int n, char **words);

/* The special commands, a table that ends with name NULL. (special.c) */
struct special {
    const char *name;
    const char *usage;
    const char *help;
    int (*run)(struct cli *c, int n, char **words);
};
extern const struct special cli_specials[];

/* Calls found() for every word that begins with `current` and may stand behind words[0] to words[n - 1].
 * (completion.c) */
typedef void cli_candidate(const char *word, void *arg);
void cli_candidates(struct cli *c, int n, char **words, const char *current, cli_candidate *found, void *arg);

/* completion SHELL: prints a script for the shell. (completion.c) */
int cli_completion(struct cli *c, int n, char **words);

/* help [TYPE [METHOD]] (help.c) */
int cli_help(struct cli *c, int n, char **words);
void cli_help_method(FILE *out, const struct method *method);

/* Lines from a terminal, with editing; or from any other stdin, without. (prompt.c) */
int cli_prompt(struct cli *c);

#endif
