/*
 * line.h: a real roostd, a proxy before it, a client that is not behind the proxy, and what tests of sessions
 * and their connections do with them.
 */
#ifndef ROOST_TESTS_CLIENT_LINE_H
#define ROOST_TESTS_CLIENT_LINE_H

#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>

#include "roost/roost.h"
#include "tests/client/proxy.h"
#include "tests/client/roostd.h"

enum { LONG_MS = 3600 * 1000 };

#define OK(call) assert_ok(call, #call)
void assert_ok(int rc, const char *what);

extern pid_t server;
extern char url[ROOSTD_URL];
extern struct proxy proxy;
extern roost_manager *direct;

/* cmocka's: for all tests of a program. */
int set_up(void **state);
int tear_down(void **state);

/* The same for each: what the test before left behind at the server is gone. */
int await_quiet(void **state);

/* Kills it, and starts one at another port. */
void restart_server(void);

/* A member of server.info. */
int64_t info(const char *what);
void await_info(const char *what, int64_t value);

int64_t now_ms(void);

/* ---- states, as told ---- */

struct story {
    pthread_mutex_t lock;
    pthread_cond_t told;
    roost_state states[64];
    int len;
};

struct story new_story(void);

/* Waits until the story is at least so long; returns its last state then. */
roost_state told(struct story *s, int len);

/* A client behind the proxy; story may be NULL. */
roost_manager *connected(roost_options options, struct story *story);

/* ---- a client behind the proxy, one thread of which waits for an item ---- */

struct taker {
    struct story story;
    roost_manager *m;
    roost_queue *q;
    pthread_t thread;
};

void begin_taking(struct taker *t, roost_options options);
void end_taking(struct taker *t);

/* The line breaks, and there is no other for now. */
void break_the_line_of(struct taker *t);

/* A thread's: takes an item of the queue; the number it is, or why not. */
void *get_for_ever(void *q);
intptr_t join(pthread_t thread);

#endif
