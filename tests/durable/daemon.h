/*
 * daemon.h: a real roostd --data in a folder of its own under /tmp, started and ended again and again.
 *
 * ROOSTD is the program. Called by the tests of this folder, each of which has one daemon at a time.
 */
#ifndef ROOST_TESTS_DURABLE_DAEMON_H
#define ROOST_TESTS_DURABLE_DAEMON_H

#include <stdbool.h>
#include <sys/types.h>

#include "tests/support/numbers.h"

struct daemon {
    char folder[64]; /* all is here; the data folder is DATA in it */
    char url[128];
    pid_t pid;
    char said[4096]; /* on stderr, by the one that ended last at its start */
    bool traced;     /* stops before it begins, to be traced */
    int ready;       /* of daemon_launch(): hung up when it has ended, a line when it is ready */
};

/* Makes the folder; in memory: where a kill is what counts, and no disk is to be waited for. */
void daemon_init(struct daemon *d);
void daemon_init_in_memory(struct daemon *d);

/* Ends what runs, and removes the folder. */
void daemon_free(struct daemon *d);

/* Starts it with more options, a list that ends with NULL, or NULL. False: it has ended instead, and *said*
 * says why. */
bool daemon_start(struct daemon *d, const char *const *more);

/* The same in two parts. */
void daemon_launch(struct daemon *d, const char *const *more);
bool daemon_await(struct daemon *d);

void daemon_end(struct daemon *d, int signal_number);

/* What it wrote to its log so far. */
const char *daemon_log(struct daemon *d);

roost_manager *daemon_connect(const struct daemon *d);

/* Runs a shell command in the folder; returns its exit status. */
int daemon_shell(const struct daemon *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
