/*
 * search.h: one search for the server that serves: whom to ask next, for how long, and when to give up.
 *
 * In rounds: each address is asked once in a round, that of a leader as soon as a server has named it.
 * Between two rounds there is a pause, longer each time. So servers that name each other, or one that is
 * gone, cost a round as any other. Knows nothing of sockets. Its caller, resume.c, asks and says what came of
 * it.
 *
 * An answer is one of four: *not me* (ROOST_ENOTLEADER), and no answer in time: there may be a leader soon.
 * Not to be reached, or refused: another one may be better. Said of the session: the end.
 */
#ifndef ROOST_CLIENT_SEARCH_H
#define ROOST_CLIENT_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "client/addresses.h"

enum {
    SAID_MAX = 360,  /* bytes of an error message */
    LEADER_MAX = 320 /* bytes of a leader's URL, with its NUL */
};

struct search {
    struct addresses *addresses;
    int64_t deadline; /* clock.h */
    bool persists;    /* goes on when nobody can be reached */
    int attempt_ms, attempt_max_ms, pause_ms;
    uint64_t random;

    size_t at;      /* who is asked */
    bool named;     /* a server says that this one leads */
    uint32_t asked; /* in this round: a bit for each address */
    bool began, paused;
    bool hopeful; /* there may be a leader soon */
    bool lost;    /* somebody cannot be reached */
    struct said {
        int code;
        char text[SAID_MAX];
    } said, before; /* by all in this round, and in the last */
};

/*
 * A search of timeout_ms (-1: for ever) that begins where the last one ended. With a session in want of a
 * stream it persists; then, and with several addresses, none is asked for long.
 */
void roost__search_begin(struct search *s, struct addresses *addresses, int timeout_ms, bool persists);

/* What is next: ask at *ret_url, for *ret_ms at most; or, NULL, pause for *ret_ms. Errors: it is over: with
 * one address what was said there; else ROOST_ENOTLEADER, ROOST_ETIMEDOUT or ROOST_ECONN, with what all said.
 */
int roost__search_next(struct search *s, const char **ret_url, int *ret_ms);

/* What was asked last answered rc (worded), and maybe where the leader is (or ""). ROOST_OK: the search goes
 * on; else rc, which is the end. */
int roost__search_failed(struct search *s, int rc, const char *leader);

/* It serves. */
void roost__search_found(struct search *s);

#endif
