/*
 * roost/progress.h: a progress display in the way of tqdm.
 *
 *     squares:  45%|#########           | 9,012/20,000 [00:03<00:04, 2,731.2/s]
 *
 * On a terminal the line is drawn over itself, at most ten times a second; into anything else (a log) go
 * plain lines, one per tenth of the total or per five seconds. This is the one part of roost that writes,
 * and only to the stream you name. All functions are thread-safe; none reports errors of the stream: a
 * display must not stop the work. A NULL progress is allowed everywhere and does nothing.
 */
#ifndef ROOST_PROGRESS_H
#define ROOST_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "roost/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct roost_progress roost_progress;

typedef struct roost_progress_options {
    FILE *out;         /* where to; NULL: silent. Borrowed until roost_progress_close(). */
    uint64_t total;    /* 0: unknown, so no bar and no remaining time */
    const char *label; /* in front of the line; NULL: none. Copied. */
    const char *unit;  /* as in "3.2 MiB/s"; NULL: none. Copied. */
} roost_progress_options;

/* Begins at 0, now. *ret is the caller's until roost_progress_close(). Errors: ROOST_ENOMEM, ROOST_EINVAL. */
ROOST_API int roost_progress_new(const roost_progress_options *options, roost_progress **ret);

/* n more are done. May write. */
ROOST_API void roost_progress_update(roost_progress *p, uint64_t n);

/* n are done in all. May write. */
ROOST_API void roost_progress_set(roost_progress *p, uint64_t n);

/* Another label, from the next drawing on. NULL: none. Errors: ROOST_ENOMEM. */
ROOST_API int roost_progress_label(roost_progress *p, const char *label);

/* Draws the last state, ends the line, frees. */
ROOST_API void roost_progress_close(roost_progress *p);

#ifdef __cplusplus
}
#endif
#endif
