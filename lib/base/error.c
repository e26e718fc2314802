/* error.c: status codes as words, and the thread's last error; see error.h and roost/error.h. */
#include "base/error.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_MAX = 512 };

/* initial-exec: libroost is linked to its program, and this is touched for every task. */
static _Thread_local struct {
    int code;
    char message[MESSAGE_MAX];
} last __attribute__((tls_model("initial-exec")));

const char *roost_strerror(int code)
{
    switch (code) {
    case ROOST_OK:
        return "ok";
#define ROOST_ERROR(name, number, text) \
    case ROOST_##name:                  \
        return text;
#include "roost/errors.def"
#undef ROOST_ERROR
    default:
        return "unknown error";
    }
}

const char *roost_errname(int code)
{
    switch (code) {
    case ROOST_OK:
        return "ROOST_OK";
#define ROOST_ERROR(name, number, text) \
    case ROOST_##name:                  \
        return "ROOST_" #name;
#include "roost/errors.def"
#undef ROOST_ERROR
    default:
        return "ROOST_E?";
    }
}

const char *roost_errmsg(void)
{
    return last.message;
}

int roost_errcode(void)
{
    return last.code;
}

void roost__clear_error(void)
{
    last.code = ROOST_OK;
    last.message[0] = '\0';
}

int roost__fail(int code, const char *format, ...)
{
    assert(code < 0);
    char text[MESSAGE_MAX]; /* the arguments may point into the old message */
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    last.code = code;
    memcpy(last.message, text, sizeof(text));
    return code;
}

int roost__fail_sys(const char *what)
{
    char reason[128];
    return roost__fail(ROOST_ESYS, "%s: %s", what, strerror_r(errno, reason, sizeof(reason)));
}

int roost__fail_at(const char *format, ...)
{
    char prefix[MESSAGE_MAX / 2];
    va_list args;
    va_start(args, format);
    vsnprintf(prefix, sizeof(prefix), format, args);
    va_end(args);
    return roost__fail(last.code, "%s: %s", prefix, last.message);
}
