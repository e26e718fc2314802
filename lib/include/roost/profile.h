/*
 * roost/profile.h: where the time goes.
 *
 * Pools: set `timeline` or `profile` in roost_pool_options. The timeline is a JSON array of Chrome trace
 * events, one per task (open it in Perfetto or chrome://tracing); it is complete when the pool was joined or
 * freed, and so is the table: hits, failures, total, per hit and share of time for each task function.
 *
 * Lines: mark the scope to be measured and its lines, then print the table that line_profiler made familiar:
 *
 *     int features(struct image *m)
 *     {
 *         ROOST_PROFILE_LINES;
 *         ROOST_LINE(struct image *gray = to_gray(m);)
 *         for (int i = 0; i < 9; i++) {
 *             ROOST_LINE(blur(gray);)
 *         }
 *         return 0;
 *     }
 *     …
 *     roost_profile_lines_print(stdout, "features");
 *
 * The time from one mark to the next, or to the end of the scope however it is left, counts for the first of
 * the two. Marks cost a look at the clock; compiled with ROOST_NO_PROFILE they cost nothing. Needs GCC or
 * clang. Any number of threads; a forked process counts for itself.
 */
#ifndef ROOST_PROFILE_H
#define ROOST_PROFILE_H

#include <stdint.h>
#include <stdio.h>

#include "roost/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Prints the table of one function's lines, of all marked functions with NULL. Lines that never ran are not
 * listed. Errors: ROOST_ENOENT when no such line ran, ROOST_ENOMEM, ROOST_ESYS when the stream fails.
 */
ROOST_API int roost_profile_lines_print(FILE *out, const char *function);

/* Forgets all hits and times. Meanwhile no other thread should be inside a marked scope. */
ROOST_API void roost_profile_lines_reset(void);

/* ---- what the macros are made of ---- */

struct roost__line {
    const char *file;
    const char *function;
    const char *text;
    int line;
    int listed;
    uint64_t hits;
    int64_t ns;
    struct roost__line *next;
};

struct roost__lines {
    struct roost__line *line; /* the one that is running */
    int64_t since;
};

ROOST_API void roost__line_begin(struct roost__lines *scope, struct roost__line *line);
ROOST_API void roost__lines_end(struct roost__lines *scope);

#ifdef ROOST_NO_PROFILE
#define ROOST_PROFILE_LINES \
    do {                    \
    } while (0)
#define ROOST_LINE(...) __VA_ARGS__
#else
/* Begins the measured scope: the rest of the block it stands in. */
#define ROOST_PROFILE_LINES \
    __attribute__((cleanup(roost__lines_end))) struct roost__lines roost_lines_of_scope = {NULL, 0}
/* One line: statements or declarations. */
#define ROOST_LINE(...)                                                                             \
    {                                                                                               \
        static struct roost__line roost_line_here = {__FILE__, __func__, #__VA_ARGS__, __LINE__, 0, \
                                                     0,        0,        NULL};                     \
        roost__line_begin(&roost_lines_of_scope, &roost_line_here);                                 \
    }                                                                                               \
    __VA_ARGS__
#endif

#ifdef __cplusplus
}
#endif
#endif
