/*
 * daemon.h: a folder of the test's own, and a real roostd with its files and its log in it.
 *
 * One daemon at a time. Called by the tests of this folder.
 */
#ifndef ROOST_TESTS_AUTH_DAEMON_H
#define ROOST_TESTS_AUTH_DAEMON_H

#include "tests/support/test.h"

#include <stdbool.h>
#include <sys/types.h>

#define OK(call) assert_ok(call, #call)
void assert_ok(int rc, const char *what);

struct daemon {
    pid_t pid;
    char url[256]; /* of the first listener */
};

extern struct daemon daemon_;

/* Makes the folder; removes it with all that is in it. */
int folder_make(void **state);
int folder_remove(void **state);

/* The path of a file in the folder; one of a few static buffers. */
const char *in_folder(const char *name);

/* Writes a file of that mode into the folder; returns its path. */
const char *write_file(const char *name, unsigned mode, const char *text);

/* Starts roostd with these arguments (up to a NULL); ready when this returns. */
void daemon_start(const char *const args[]);

/* The same for one that must not start: its exit status is not 0, and its log has these words in it. */
void daemon_refuses(const char *const args[], const char *words);

/* Ends it in order, which must succeed. */
void daemon_stop(void);

/* Does the log have a line with these words in it? Waits for it up to 20 s. */
bool log_says(const char *words);

/* Has it no such line now? */
bool log_lacks(const char *words);

/* A call that must fail with code, and words in its message. */
#define fails_with(call, code, words) assert_fails(call, #call, code, words)
void assert_fails(int rc, const char *what, int code, const char *words);

#endif
