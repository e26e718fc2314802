/*
 * roost/event.h: a flag on the server to set, clear and wait for.
 *
 * roost/object.h says what holds for all handles: ownership, threads, blocking, errors.
 */
#ifndef ROOST_EVENT_H
#define ROOST_EVENT_H

#include "roost/manager.h"
#include "roost/object.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct roost_event roost_event;

ROOST_API int roost_event_new(roost_manager *m, roost_event **ret);
ROOST_API int roost_event_open(roost_manager *m, const char *name, roost_event **ret);
ROOST_API int roost_event_from(roost_manager *m, roost_value ref, roost_event **ret);
ROOST_API roost_value roost_event_ref(const roost_event *handle);
ROOST_API void roost_event_close(roost_event *handle);

ROOST_API int roost_event_is_set(roost_event *e, bool *ret);

/* Sets the flag and wakes all who wait. */
ROOST_API int roost_event_set(roost_event *e);

ROOST_API int roost_event_clear(roost_event *e);

/* Waits until the flag is set. Errors: ROOST_ETIMEDOUT. */
ROOST_API int roost_event_wait(roost_event *e, int timeout_ms);

#ifdef __cplusplus
}
#endif
#endif
