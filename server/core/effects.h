/* effects.h: what the core does with the effects of the step under way; core.h says what they are. */
#ifndef ROOST_CORE_EFFECTS_H
#define ROOST_CORE_EFFECTS_H

#include "core/core.h"

/* Room for a small answer, and to break so many sessions. False without memory. */
bool effects_ready(struct effects *e, size_t sessions);

/* The frame that begins at `at` and ends the bytes goes to the session. False, and the session broken,
 * without memory. */
bool effects_push(struct effects *e, uint64_t session, size_t at);

/* The session misses an answer. */
void effects_break(struct effects *e, uint64_t session);

#endif
