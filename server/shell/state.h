/*
 * state.h: what is going on, as one JSON object, for the dashboard.
 */
#ifndef ROOST_SHELL_STATE_H
#define ROOST_SHELL_STATE_H

#include "base/buf.h"
#include "core/core.h"
#include "shell/rank.h"

/* What one picture holds at most; "more" says that there is more. */
enum { STATE_OBJECTS = 1000, STATE_SESSIONS = 1000, STATE_LINES = 100, STATE_PAGE = 100, STATE_TEXT = 200 };

struct server;

/* What is kept between pictures, and reused. One thread at a time. */
struct state {
    struct effects effects;
    struct rank rank;
    struct ranked ranked[STATE_OBJECTS];
};

void state_init(struct state *state);
void state_free(struct state *state);

/*
 * Appends {"info", "objects", "more_objects", "sessions", "more_sessions", "lines"}, and "cluster" on a
 * server that is one of several (store.h): the objects that are worth a look (rank.h),
 * the first sessions, and who holds and waits for those objects that somebody waits for or holds. Takes the
 * server's mutex for a page at a time, so the parts need not be of one moment.
 */
void state_json(struct state *state, struct server *s, struct buf *out);

#endif
