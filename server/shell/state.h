/*
 * state.h: what is going on, as one JSON object, for the dashboard.
 */
#ifndef ROOST_SHELL_STATE_H
#define ROOST_SHELL_STATE_H

#include "base/buf.h"

struct server;
struct effects;

/* What one picture holds at most; "more" says that there is more. */
enum { STATE_OBJECTS = 1000, STATE_SESSIONS = 1000, STATE_LINES = 100, STATE_PAGE = 100, STATE_TEXT = 200 };

/*
 * Appends {"info", "objects", "more_objects", "sessions", "more_sessions", "lines"}: the first objects and
 * sessions, and who holds and waits for those that somebody waits for or holds. Takes the server's mutex for
 * a page at a time, so the parts need not be of one moment. effects: the caller's, reused.
 */
void state_json(struct server *s, struct effects *effects, struct buf *out);

#endif
