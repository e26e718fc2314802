/*
 * roost/error.h: status codes and messages.
 *
 * Every function that can fail returns an int: 0 on success, a negative ROOST_E… code on failure. A failure
 * leaves out-parameters untouched unless the function says otherwise, and stores a one-line message for the
 * calling thread that says what failed and on which object: queue "jobs": get: timed out after 250 ms
 */
#ifndef ROOST_ERROR_H
#define ROOST_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

#ifndef ROOST_API
#define ROOST_API __attribute__((visibility("default")))
#endif

enum roost_error {
    ROOST_OK = 0,
#define ROOST_ERROR(name, number, text) ROOST_##name = (number),
#include "roost/errors.def"
#undef ROOST_ERROR
};

/* The short text of a code, "unknown error" for a number that is none. Static storage; any thread; never
 * blocks. */
ROOST_API const char *roost_strerror(int code);

/* The name of a code, such as "ROOST_ETIMEDOUT". Static storage. */
ROOST_API const char *roost_errname(int code);

/*
 * The message of the calling thread's last failed roost call; "" when none failed yet. Borrowed: valid until
 * the thread's next roost call.
 */
ROOST_API const char *roost_errmsg(void);

/* The code of the calling thread's last failed roost call, 0 when none failed yet. */
ROOST_API int roost_errcode(void);

#ifdef __cplusplus
}
#endif
#endif
