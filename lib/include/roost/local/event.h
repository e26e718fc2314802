/*
 * roost/local/event.h: a flag to set, clear and wait for, between processes, in shared memory.
 * roost/local/object.h says what holds for all local objects.
 */
#ifndef ROOST_LOCAL_EVENT_H
#define ROOST_LOCAL_EVENT_H

#include <stdbool.h>

#include "roost/local/object.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct roost_local_event roost_local_event;

ROOST_API int roost_local_event_new(roost_local_event **ret);
ROOST_API int roost_local_event_open(const char *name, roost_local_event **ret);
ROOST_API void roost_local_event_close(roost_local_event *e);

ROOST_API bool roost_local_event_is_set(const roost_local_event *e);

/* Sets the flag and wakes all who wait: they return, even when it is cleared at once (Python's may miss it:
 * gh-95826). Never blocks. */
ROOST_API void roost_local_event_set(roost_local_event *e);

ROOST_API void roost_local_event_clear(roost_local_event *e);

/* Waits until the flag is set. Errors: ROOST_ETIMEDOUT. */
ROOST_API int roost_local_event_wait(roost_local_event *e, int timeout_ms);

#ifdef __cplusplus
}
#endif
#endif
