/*
 * top.h: what `roost top` knows of a server: its objects and sessions with what they did since the picture
 * before.
 *
 * Invariant: both arrays are in the order of ids until they are sorted for showing. Called by top.c.
 */
#ifndef ROOST_TOOLS_TOP_H
#define ROOST_TOOLS_TOP_H

#include "cli.h"

/* Pages of 1000 that one picture takes at most: a server with more is shown in part. */
enum { TOP_PAGES = 20, TOP_LINES = 40, TOP_TEXT = 64 };

/* An object or a session. */
struct top_row {
    uint64_t id;
    char name[TOP_TEXT]; /* a session's: label, pid and host */
    char type[TOP_TEXT]; /* a session's: its peer */
    int64_t size;        /* -1: it has none */
    int64_t bytes, calls, holders, waiters, age_ms;
    int64_t oldest_ms; /* who waits longest; -1: nobody */
    double rate;       /* calls a second; -1: not known yet */
};

struct top_list {
    struct top_row *rows;
    size_t len;
    bool more;
};

struct top_picture {
    struct top_list objects, sessions;
    int64_t uptime_ms, total_objects, total_sessions, waiters, memory, memory_max, calls;
    double rate;
};

enum top_key { TOP_LOAD, TOP_WAITERS, TOP_SIZE, TOP_BYTES, TOP_HOLDERS, TOP_NAME, TOP_KEYS };
extern const char *const top_key_names[TOP_KEYS];

/* Asks the server. before: the picture of some time ago, for rates; NULL: none. 0 or an error of the library.
 */
int top_take(roost_manager *m, const struct top_picture *before, struct top_picture *ret);
void top_free(struct top_picture *p);

/* Puts the rows whose name or type contains the filter first, by the key, the most first; returns how many
 * they are. */
size_t top_arrange(struct top_list *l, enum top_key key, const char *filter);

/* top [--once] [--sort KEY] [--filter TEXT] [--interval MS] (top.c) */
int cli_top(struct cli *c, int n, char **words);

#endif
